//! One day of a small project: real samples of GitHub, Alertmanager and scripts, with the names and numbers of one story. Each
//! pull request, build and alert is one conversation.

use anyhow::Context as _;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::config::builtin::{self, Sample};

/// The sources of the day, each with its kind, and what it has besides a kind and a secret.
pub(super) const SOURCES: [(&str, &str, &str); 3] = [
    (
        "shop",
        "github",
        "routes = [{ when = 'event == \"release\"', channels = [\"dev\", \"ops\"] }]\nchannels = [\"dev\"]",
    ),
    ("monitoring", "alertmanager", "channels = [\"ops\"]"),
    ("backups", "generic", "channels = [\"ops\"]"),
];

/// The channels of the day.
pub(super) const CHANNELS: [&str; 2] = ["dev", "ops"];

/// An event of the day.
pub(super) struct DayEvent {
    pub(super) source: &'static str,
    pub(super) event_type: String,
    pub(super) body: Bytes,
}

/// The events in the order in which they are sent.
pub(super) fn events(now: Timestamp) -> anyhow::Result<Vec<DayEvent>> {
    let kinds = SOURCES.map(|(_, kind, _)| (kind, builtin::samples(kind)));
    let mut day = Day {
        now,
        samples: kinds.into(),
        events: Vec::new(),
    };
    day.backup()?;
    day.pull_request()?;
    day.build()?;
    day.release()?;
    day.alert()?;
    Ok(day.events)
}

struct Day {
    now: Timestamp,
    /// By kind.
    samples: BTreeMap<&'static str, Vec<Sample>>,
    events: Vec<DayEvent>,
}

const REPOSITORY: &str = "https://github.com/acme/shop";
const PULL: u32 = 128;

impl Day {
    /// Adds a sample of a kind with changes: JSON pointers and values. Each pointer is that of a value in the sample.
    fn send(
        &mut self,
        source: &'static str,
        kind: &str,
        sample: &str,
        changes: &[&Value],
    ) -> anyhow::Result<()> {
        let mut samples = self.samples.get(kind).into_iter().flatten();
        let found = samples.find(|of| of.name == sample);
        let sample = found.with_context(|| format!("{kind} has no sample {sample}"))?;
        let mut payload: Value = serde_json::from_slice(&sample.body)?;
        for (pointer, value) in changes.iter().filter_map(|changes| changes.as_object()).flatten() {
            let place = payload.pointer_mut(pointer);
            let place = place.with_context(|| format!("{} has no {pointer}", sample.name))?;
            place.clone_from(value);
        }
        self.events.push(DayEvent {
            source,
            event_type: sample.event_type.clone(),
            body: serde_json::to_vec(&payload)?.into(),
        });
        Ok(())
    }

    /// So many minutes ago.
    fn ago(&self, minutes: i64) -> String {
        let then = self.now.checked_sub(SignedDuration::from_mins(minutes));
        then.unwrap_or(self.now)
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    }

    /// Adds an event of the repository.
    fn github(&mut self, sample: &str, who: &str, changes: &[&Value]) -> anyhow::Result<()> {
        let repository = json!({
            "/repository/full_name": "acme/shop", "/repository/name": "shop", "/repository/html_url": REPOSITORY,
            "/sender/login": who, "/sender/html_url": format!("https://github.com/{who}"),
        });
        self.send("shop", "github", sample, &[&[&repository], changes].concat())
    }

    /// Adds an event of the pull request.
    fn pull(&mut self, sample: &str, who: &str, minutes: i64, changes: &Value) -> anyhow::Result<()> {
        let pull = json!({
            "/pull_request/number": PULL, "/pull_request/title": "Round prices to whole cents",
            "/pull_request/html_url": format!("{REPOSITORY}/pull/{PULL}"),
            "/pull_request/user/login": "ada", "/pull_request/user/html_url": "https://github.com/ada",
            "/pull_request/head/ref": "round-prices", "/pull_request/head/repo/full_name": "acme/shop", "/pull_request/base/ref": "main",
            "/pull_request/body": "Invoices showed fractions of a cent. Prices are now rounded once, when the order is closed.",
            "/pull_request/updated_at": self.ago(minutes),
        });
        self.github(sample, who, &[&pull, changes])
    }

    /// Adds a run of the workflow that has ended.
    fn run(
        &mut self,
        number: u32,
        conclusion: &str,
        branch: &str,
        minutes: i64,
        changes: &Value,
    ) -> anyhow::Result<()> {
        let on_pull = branch != "main";
        let sample = if on_pull {
            "workflow_run__completed-pull-request"
        } else {
            "workflow_run__completed-success"
        };
        let run = json!({
            "/workflow_run/id": 9_000 + number, "/workflow_run/run_number": number, "/workflow_run/name": "CI",
            "/workflow/name": "CI", "/workflow_run/conclusion": conclusion, "/workflow_run/head_branch": branch,
            "/workflow_run/html_url": format!("{REPOSITORY}/actions/runs/{}", 9_000 + number),
            "/workflow_run/event": if on_pull { "pull_request" } else { "push" },
            "/workflow_run/created_at": self.ago(minutes + 4), "/workflow_run/run_started_at": self.ago(minutes + 4),
            "/workflow_run/updated_at": self.ago(minutes), "/workflow_run/head_repository/full_name": "acme/shop",
        });
        self.github(sample, "ada", &[&run, changes])
    }

    fn backup(&mut self) -> anyhow::Result<()> {
        self.send("backups", "generic", "message__backup", &[])
    }

    /// A pull request is opened, its build fails and is mended, it is reviewed, approved and merged.
    fn pull_request(&mut self) -> anyhow::Result<()> {
        let size = json!({
            "/number": PULL, "/pull_request/additions": 42, "/pull_request/deletions": 7, "/pull_request/changed_files": 3,
            "/pull_request/commits": 2,
        });
        self.pull("pull_request__opened", "ada", 200, &size)?;
        let asked = json!({
            "/number": PULL, "/requested_reviewer/login": "grace", "/pull_request/requested_reviewers/0/login": "grace",
            "/pull_request/labels": [],
        });
        self.pull("pull_request__review-requested", "ada", 199, &asked)?;
        let on_pull = json!({
            "/workflow_run/pull_requests/0/number": PULL, "/workflow_run/display_title": "Round prices to whole cents",
            "/workflow_run/head_commit/message": "Round prices to whole cents", "/workflow_run/head_commit/author/name": "Ada",
        });
        self.run(411, "failure", "round-prices", 190, &on_pull)?;
        let pushed = json!({
            "/number": PULL, "/pull_request/requested_reviewers/0/login": "grace", "/pull_request/labels": [],
        });
        self.pull("pull_request__synchronize", "ada", 170, &pushed)?;
        self.run(412, "success", "round-prices", 165, &on_pull)?;
        let review = json!({
            "/review/id": 7001, "/review/user/login": "grace",
            "/review/html_url": format!("{REPOSITORY}/pull/{PULL}#pullrequestreview-7001"),
            "/review/body": "Half a cent goes up here and down in the report. Please add a test for 0.005.",
        });
        self.pull("pull_request_review__changes-requested", "grace", 150, &review)?;
        let page = format!("{REPOSITORY}/pull/{PULL}");
        let comment = json!({
            "/issue/number": PULL, "/issue/title": "Round prices to whole cents", "/issue/html_url": page,
            "/issue/updated_at": self.ago(130), "/comment/user/login": "ada",
            "/comment/html_url": format!("{page}#issuecomment-1"),
            "/comment/body": "Good catch. Both round half up now, and there is a test.",
        });
        self.github("issue_comment__created", "ada", &[&comment])?;
        let approval = json!({
            "/review/id": 7002, "/review/user/login": "grace",
            "/review/html_url": format!("{REPOSITORY}/pull/{PULL}#pullrequestreview-7002"),
            "/review/body": "Looks good. Ship it.",
        });
        self.pull("pull_request_review__approved", "grace", 120, &approval)?;
        let mut merge = size;
        merge["/pull_request/merged_by/login"] = json!("grace");
        merge["/pull_request/requested_reviewers"] = json!([]);
        merge["/pull_request/labels"] = json!([]);
        self.pull("pull_request__closed-merged", "grace", 115, &merge)
    }

    /// The build of the main branch fails, a push mends it, and it passes.
    fn build(&mut self) -> anyhow::Result<()> {
        let of = |title: &str, author: &str, commit: &str| {
            json!({
                "/workflow_run/display_title": title, "/workflow_run/head_commit/message": title,
                "/workflow_run/head_commit/author/name": author, "/workflow_run/head_commit/id": commit,
                "/workflow_run/head_sha": commit,
            })
        };
        let (broken, mended) = (
            "1c44d2f0b7a85e6fd0c2f1a3b9947e5d2a60c833",
            "b81f09a7c5d34e21a0f6c87d9e1b2f4453ac7d10",
        );
        let merge = of("Merge pull request #128 from acme/round-prices", "Grace", broken);
        self.run(413, "failure", "main", 108, &merge)?;
        let message = "Expect rounded prices in the tests of the report";
        let push = json!({
            "/ref": "refs/heads/main", "/before": broken, "/after": mended, "/head_commit/id": mended, "/head_commit/message": message,
            "/pusher/name": "linus",
            "/repository/default_branch": "main", "/compare": format!("{REPOSITORY}/compare/{broken}...{mended}"),
            "/commits/0/id": mended, "/commits/0/message": message, "/commits/0/author/name": "Linus",
            "/commits/0/author/username": "linus", "/commits/0/url": format!("{REPOSITORY}/commit/{mended}"),
        });
        self.github("push__one-commit", "linus", &[&push])?;
        self.run(414, "success", "main", 84, &of(message, "Linus", mended))
    }

    fn release(&mut self) -> anyhow::Result<()> {
        let release = json!({
            "/release/tag_name": "v2.4.0", "/release/name": "2.4.0: whole cents", "/release/author/login": "grace",
            "/release/html_url": format!("{REPOSITORY}/releases/tag/v2.4.0"),
            "/release/body": "## What's new\r\n\r\n* Prices are rounded to whole cents (#128)\r\n* The report is built twice as fast (#121)",
        });
        self.github("release__published-with-notes", "grace", &[&release])
    }

    /// An alert fires, and resolves twenty minutes later.
    fn alert(&mut self) -> anyhow::Result<()> {
        for (sample, end) in [("firing__basic", None), ("resolved__basic", Some(4))] {
            let mut alert = json!({
                "/receiver": "ops", "/groupKey": "{}:{alertname=\"CheckoutErrors\"}",
                "/groupLabels/alertname": "CheckoutErrors", "/alerts/0/startsAt": self.ago(26),
                "/alerts/0/fingerprint": "5c0a11e2d9f3b746",
            });
            for place in ["/commonLabels", "/alerts/0/labels"] {
                alert[format!("{place}/alertname")] = json!("CheckoutErrors");
                alert[format!("{place}/case")] = json!("production");
                alert[format!("{place}/instance")] = json!("shop-2");
                alert[format!("{place}/job")] = json!("checkout");
                alert[format!("{place}/severity")] = json!("critical");
            }
            for place in ["/commonAnnotations", "/alerts/0/annotations"] {
                alert[format!("{place}/summary")] = json!("6 % of all checkouts fail on shop-2");
                alert[format!("{place}/runbook_url")] = json!("https://runbooks.example.org/checkout");
            }
            if let Some(minutes) = end {
                alert["/alerts/0/endsAt"] = json!(self.ago(minutes));
            }
            self.send("monitoring", "alertmanager", sample, &[&alert])?;
        }
        Ok(())
    }
}
