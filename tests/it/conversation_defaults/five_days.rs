//! Five days of a project on GitHub: how many messages and lines a channel shows, with and without conversations and `calm`.
//!
//! The events are GitHub's samples with other numbers, branches and times: 12 pull requests with their branches, pushes, runs,
//! reviews and comments, 20 issues, security alerts, stars, and what else a project sends. `cargo test --test it five_days --
//! --nocapture` prints the table. With `TEMPLATES=FOLDER` it has a row for the templates in that folder, such as older ones.

use super::{Channel, play_source};
use crate::kinds;

const REPOSITORY: &str = "/repository/full_name=acme/shop";

/// The events in the order in which they are sent.
#[derive(Default)]
struct Days {
    events: Vec<String>,
    runs: usize,
    reviews: usize,
}

impl Days {
    fn all() -> Vec<String> {
        let mut days = Self::default();
        let mut pull = 101;
        for (day, pulls) in [3, 2, 3, 2, 2].into_iter().enumerate() {
            (0..3).for_each(|_| days.send("star__created", ""));
            for _ in 0..pulls {
                days.pull_request(pull);
                pull += 1;
            }
            (0..4).for_each(|issue| days.issue(201 + day * 4 + issue));
            days.rest(day);
        }
        days.events
    }

    fn send(&mut self, sample: &str, changes: &str) {
        let changes: Vec<&str> = changes.split_whitespace().collect();
        let parts = [&[sample, REPOSITORY], changes.as_slice()].concat();
        self.events.push(parts.join(" "));
    }

    /// When the next event happens: ten minutes after the one before it.
    fn now(&self) -> String {
        let minutes = self.events.len() * 10;
        let (day, hour, minute) = (23 + minutes / 1440, minutes / 60 % 24, minutes % 60);
        format!("2026-11-{day}T{hour:02}:{minute:02}:00Z")
    }

    fn pull(&mut self, sample: &str, number: usize, changes: &str) {
        let now = self.now();
        let changes = format!("/pull_request/number={number} /pull_request/updated_at={now} {changes}");
        self.send(sample, &changes);
    }

    fn pull_request(&mut self, number: usize) {
        let branch = format!("feature/{number}");
        let pushed = format!("/ref=refs/heads/{branch}");
        self.send("push__branch-created", &pushed);
        if number % 4 == 0 {
            self.pull("pull_request__opened-draft", number, "");
            self.pull("pull_request__ready-for-review", number, "");
        } else {
            self.pull("pull_request__opened", number, "");
        }
        self.run(&branch, "failure", Some(number));
        self.pull("pull_request__labeled", number, "");
        self.pull("pull_request__review-requested", number, "");
        self.push(&branch, number);
        self.review("pull_request_review__changes-requested", number, 3);
        self.comment(number);
        self.push(&branch, number);
        self.comment(number);
        self.review("pull_request_review__approved", number, 0);
        self.pull("pull_request__closed-merged", number, "");
        self.send("push__branch-deleted", &pushed);
        self.send("push__one-commit", "/ref=refs/heads/main");
        let conclusion = if number % 6 == 0 { "failure" } else { "success" };
        self.run("main", conclusion, None);
    }

    fn push(&mut self, branch: &str, number: usize) {
        self.send("push__many-commits", &format!("/ref=refs/heads/{branch}"));
        self.pull("pull_request__synchronize", number, "");
        self.run(branch, "success", Some(number));
    }

    fn review(&mut self, sample: &str, number: usize, comments: usize) {
        self.reviews += 1;
        let id = 5_000 + self.reviews;
        for comment in 0..comments {
            let comment = 10 * id + comment;
            let changes = format!("/comment/pull_request_review_id={id} /comment/id={comment}");
            self.pull("pull_request_review_comment__created", number, &changes);
        }
        self.pull(sample, number, &format!("/review/id={id}"));
    }

    fn comment(&mut self, number: usize) {
        let now = self.now();
        let changes = format!("/issue/number={number} /issue/updated_at={now}");
        self.send("issue_comment__created", &changes);
    }

    fn run(&mut self, branch: &str, conclusion: &str, pull: Option<usize>) {
        self.runs += 1;
        let (run, id) = (self.runs, 9_000 + self.runs);
        let pull = pull.map(|pull| format!(r#"/workflow_run/pull_requests=[{{"number":{pull}}}]"#));
        let pull = pull.unwrap_or_default();
        for sample in ["workflow_run__requested", "workflow_run__completed-success"] {
            let now = self.now();
            let mut changes = format!(
                "/workflow_run/id={id} /workflow_run/run_number={run} /workflow_run/head_branch={branch} \
                 /workflow_run/updated_at={now} /workflow_run/head_repository/full_name=acme/shop {pull}"
            );
            if sample.ends_with("success") {
                changes = format!("{changes} /workflow_run/conclusion={conclusion}");
            }
            self.send(sample, &changes);
        }
    }

    fn issue(&mut self, number: usize) {
        let mut send = |sample: &str| {
            let now = self.now();
            self.send(sample, &format!("/issue/number={number} /issue/updated_at={now}"));
        };
        send("issues__opened");
        send("issues__labeled");
        send("issues__assigned");
        (0..number % 4).for_each(|_| send("issue_comment__created"));
        if number % 2 == 0 {
            send("issues__closed-completed");
        }
    }

    fn rest(&mut self, day: usize) {
        let word = if day % 2 == 0 { "created" } else { "fixed" };
        for alert in ["dependabot_alert", "code_scanning_alert"] {
            self.send(
                &format!("{alert}__{word}"),
                &format!("/alert/number={}", 300 + day / 2),
            );
        }
        if day == 2 {
            for sample in [
                "release__published",
                "push__tag",
                "fork__public",
                "gollum__edited",
            ] {
                self.send(sample, "");
            }
            self.send("discussion__created", "");
            self.send("discussion_comment__created", "");
            self.send("discussion__answered", "/discussion/number=90");
        }
    }
}

/// The messages and lines that the channel itself shows after the five days. Prints the row.
fn row(title: &str, head: &str, keys: &str) -> (usize, usize) {
    let source = kinds::source_with("github", None, head, keys);
    let mut channel = Channel::default();
    let days = Days::all();
    let events: Vec<&str> = days.iter().map(String::as_str).collect();
    play_source(&source, "github", &events, &mut channel);
    let threads = channel.shown.iter().filter(|shown| shown.is_in_thread).count();
    let lines = channel.shown.iter().filter(|shown| !shown.is_in_thread);
    let lines = lines.map(|shown| shown.text.trim().lines().count()).sum();
    let messages = channel.shown.len() - threads;
    println!(
        "{title:40} {messages:8} {lines:8} {threads:10} {:8}",
        channel.updates
    );
    (messages, lines)
}

#[test]
fn five_days_of_a_project_are_less_than_half_the_messages_and_lines() {
    let [messages, lines, threads, updates] = ["messages", "lines", "in threads", "updates"];
    println!(
        "{:40} {messages:>8} {lines:>8} {threads:>10} {updates:>8}",
        format!("{} events", Days::all().len())
    );
    if let Ok(folder) = std::env::var("TEMPLATES") {
        row(&folder, &format!("templates = {folder:?}"), "");
    }
    let everything = row(
        "conversations = false, calm = false",
        "",
        "conversations = false\ncalm = false",
    );
    row("conversations = false", "", "conversations = false");
    row("calm = false", "", "calm = false");
    let default = row("default", "", "");
    assert!(default.0 * 2 < everything.0, "{default:?}, {everything:?}");
    assert!(default.1 * 2 < everything.1, "{default:?}, {everything:?}");
}
