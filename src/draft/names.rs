//! The usual names of what `generic` has no fact for, as patterns of `findFields`, the best first.

use serde_json::Value;

use super::path::Leaf;
use crate::condition::is_named_as;

/// A fact that is found by the names of fields.
pub(super) struct Named {
    pub(super) fact: &'static str,
    /// Patterns of the field's name, or of its object's and its own.
    names: &'static [&'static str],
    /// Whether a value can be one.
    accepts: fn(&Value) -> bool,
}

/// What describes something else than the event, or what was before it.
const ASIDE: &[&str] = &[
    "repository",
    "repo",
    "organization",
    "*user",
    "sender",
    "*owner",
    "previous*",
    "old*",
    "changes",
    "updatedfrom",
    "before",
    "settings",
    "headers",
];

pub(super) const NAMED: &[Named] = &[
    Named {
        fact: "branch",
        names: &[
            "branch",
            "branchName",
            "gitBranch",
            "targetBranch",
            "base.ref",
            "refName",
            "branch.name",
            "git.branch",
        ],
        accepts: |value| is_short(value) && !text(value).starts_with("refs/"),
    },
    Named {
        fact: "head",
        names: &[
            "headBranch",
            "sourceBranch",
            "head.ref",
            "sourceRef",
            "fromBranch",
        ],
        accepts: |value| is_short(value) && !text(value).starts_with("refs/"),
    },
    Named {
        fact: "commit",
        names: &[
            "commit",
            "commitSha",
            "commitId",
            "commitHash",
            "sha",
            "headSha",
            "sha1",
            "revision",
            "commit.id",
            "commit.sha",
            "head.sha",
            "gitCommit",
            "after",
            "checkoutSha",
            "commitOid",
        ],
        accepts: |value| {
            let text = text(value);
            (7..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_hexdigit())
                && text.bytes().any(|byte| byte != b'0')
        },
    },
    Named {
        fact: "message",
        names: &[
            "commitMessage",
            "commit.message",
            "headCommit.message",
            "lastCommit.message",
            "revision.commitMessage",
        ],
        accepts: Value::is_string,
    },
    Named {
        fact: "number",
        names: &[
            "number",
            "iid",
            "issue.key",
            "buildNumber",
            "runNumber",
            "issueNumber",
            "ticketNumber",
            "pullRequest.id",
            "issue.id",
            "ticket.id",
            "shortId",
            "identifier",
            "build.id",
            "sequence",
            "workOrderNumber",
        ],
        accepts: |value| {
            value.is_u64() || is_short(value) && text(value).len() <= 20 && !text(value).contains(' ')
        },
    },
    Named {
        fact: "action",
        names: &["action", "operation", "change.type", "changeType", "verb"],
        accepts: |value| {
            is_short(value)
                && text(value).len() <= 40
                && text(value).bytes().any(|byte| byte.is_ascii_alphabetic())
        },
    },
    Named {
        fact: "run",
        names: &[
            "workflow",
            "workflowName",
            "workflow.name",
            "pipelineName",
            "pipeline.name",
            "definition.name",
            "buildName",
            "build.name",
            "jobName",
            "job.name",
            "job",
            "pipeline",
            "service",
            "serviceName",
            "application",
            "app",
            "app.name",
            "project.name",
            "projectName",
            "stage.name",
        ],
        accepts: is_short,
    },
    Named {
        fact: "incident",
        names: &[
            "incidentId",
            "alertId",
            "incident.id",
            "alert.id",
            "issueId",
            "problemId",
            "eventId",
            "dedupKey",
            "fingerprint",
            "groupKey",
            "monitorId",
            "checkId",
            "monitor.id",
            "check.id",
            "ruleId",
            "alertRuleId",
        ],
        accepts: |value| value.is_u64() || is_short(value),
    },
    Named {
        fact: "started",
        names: &[
            "startedAt",
            "started",
            "startTime",
            "startsAt",
            "startDate",
            "began",
            "beganAt",
        ],
        accepts: is_time,
    },
    Named {
        fact: "finished",
        names: &[
            "finishedAt",
            "finished",
            "endedAt",
            "ended",
            "completedAt",
            "endTime",
            "endsAt",
            "finishTime",
            "stoppedAt",
        ],
        accepts: is_time,
    },
    Named {
        fact: "labels",
        names: &["labels", "tags", "labelNames", "keywords"],
        accepts: |value| {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            !items.is_empty()
                && (items.iter().all(Value::is_string) || items.iter().all(|item| name_of(item).is_some()))
        },
    },
    Named {
        fact: "author",
        names: &[
            "author",
            "creator",
            "reporter",
            "author.name",
            "author.username",
            "author.login",
            "creator.name",
            "creator.username",
            "creator.login",
            "reporter.name",
            "reporter.displayName",
            "createdBy.name",
            "author.displayName",
        ],
        accepts: is_short,
    },
    Named {
        fact: "tag",
        names: &["tag", "tagName", "release.tagName", "versionNumber", "version"],
        accepts: |value| is_short(value) && text(value).len() <= 60,
    },
    Named {
        fact: "actor",
        names: &[
            "by",
            "*by",
            "actor.login",
            "sender.login",
            "sender.name",
            "user.login",
            "user.displayName",
            "userName",
            "*by.name",
        ],
        accepts: |value| is_short(value) && text(value).len() <= 80,
    },
    Named {
        fact: "repository",
        names: &[
            "repository.fullName",
            "repo.fullName",
            "project.pathWithNamespace",
            "project.fullName",
            "repositoryName",
            "repoName",
            "repository.name",
            "repo.name",
            "repo.slug",
            "repository.slug",
        ],
        accepts: is_short,
    },
];

/// The field of a payload that has the fact's value, if there is one.
pub(super) fn field<'l, 'p>(of: &Named, leaves: &'l [Leaf<'p>]) -> Option<&'l Leaf<'p>> {
    best(leaves, of.names, |leaf| {
        let is_own = ["repository", "actor"].contains(&of.fact)
            || !leaf
                .path
                .parents()
                .any(|parent| ASIDE.iter().any(|aside| is_named_as("", parent, aside)));
        is_own && (of.accepts)(leaf.value)
    })
}

/// The leaf with one of these names that is accepted: the one nearest to the top, and of these the one whose name is first.
pub(super) fn best<'l, 'p>(
    leaves: &'l [Leaf<'p>],
    names: &[&str],
    accepts: impl Fn(&Leaf<'p>) -> bool,
) -> Option<&'l Leaf<'p>> {
    let placed = leaves.iter().filter(|leaf| accepts(leaf)).filter_map(|leaf| {
        let (parent, name) = leaf.path.names();
        let place = names
            .iter()
            .position(|wanted| is_named_as(parent, name, wanted))?;
        Some(((leaf.path.depth(), place), leaf))
    });
    placed.min_by_key(|(order, _)| *order).map(|(_, leaf)| leaf)
}

/// The field by which the items of a list of objects are shown.
pub(super) fn name_of(item: &Value) -> Option<&'static str> {
    ["name", "title", "label"]
        .into_iter()
        .find(|name| item.get(name).is_some_and(Value::is_string))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A text of one line that is no address.
pub(super) fn is_short(value: &Value) -> bool {
    let text = text(value);
    (1..=150).contains(&text.chars().count()) && !text.contains('\n') && !text.contains("://")
}

/// A time of ISO 8601, or seconds or milliseconds since 1970.
fn is_time(value: &Value) -> bool {
    let digits = |count: usize| text(value).bytes().take(count).all(|byte| byte.is_ascii_digit());
    value.as_f64().is_some_and(|seconds| seconds > 1e9)
        || text(value).len() >= 16 && digits(4) && text(value).contains('T')
}
