//! What an event type seems to be about.

use std::collections::{BTreeMap, BTreeSet};

use super::event_type::{EventTypes, words};
use super::fact::Fact;
use super::recording::Recording;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    PullRequest,
    Issue,
    Comment,
    Release,
    /// A build, a pipeline, a deployment.
    Run,
    /// Something that is monitored.
    Alert,
    /// Anything else.
    Plain,
}

/// An event type and its family.
#[derive(Clone, Debug)]
pub(super) struct EventFamily {
    pub(super) event_type: String,
    pub(super) family: Family,
    /// Whether the payloads show both how it begins and how it ends, so that one message can show both.
    pub(super) recovers: bool,
}

const PULL_REQUESTS: &[&str] = &["pull", "pullrequest", "mergerequest", "merge", "pr", "mr"];
const COMMENTS: &[&str] = &["comment", "commented", "note", "reply"];
const ISSUES: &[&str] = &[
    "issue", "issues", "ticket", "task", "story", "bug", "card", "workitem", "feature", "epic",
];
const RELEASES: &[&str] = &["release", "released"];
const ALERTS: &[&str] = &[
    "alert",
    "alerts",
    "alarm",
    "incident",
    "monitor",
    "check",
    "problem",
    "outage",
    "heartbeat",
    "health",
    "anomaly",
    "threshold",
    "down",
    "up",
    "firing",
    "resolved",
    "trigger",
    "triggered",
    "recovery",
    "recovered",
];
const RUNS: &[&str] = &[
    "build",
    "builds",
    "pipeline",
    "job",
    "workflow",
    "run",
    "deploy",
    "deployment",
    "ci",
    "test",
    "tests",
    "stage",
    "task",
    "analysis",
];

/// Finds the family of each event type.
pub(super) fn find(recordings: &[Recording], types: &EventTypes, facts: &[Fact]) -> Vec<EventFamily> {
    let all: BTreeSet<&String> = types.of.iter().collect();
    let of_type = |event_type: &&String| {
        let indexes: Vec<usize> = (0..recordings.len())
            .filter(|index| types.of[*index] == **event_type)
            .collect();
        // Whether most payloads of the type have it.
        let has = |name: &str| {
            let fact = facts.iter().find(|fact| fact.name == name);
            let count = |fact: &Fact| {
                indexes
                    .iter()
                    .filter(|index| fact.of.get(**index).is_some_and(Option::is_some))
                    .count()
            };
            fact.is_some_and(|fact| count(fact) * 2 > indexes.len())
        };
        let outcomes: BTreeSet<&str> = facts
            .iter()
            .filter(|fact| fact.name == "outcome")
            .flat_map(|fact| {
                indexes
                    .iter()
                    .filter_map(|index| fact.of.get(*index)?.as_ref()?.as_str())
            })
            .collect();
        let fields = indexes
            .iter()
            .filter_map(|index| recordings[*index].payload.as_object())
            .flatten();
        let fields: BTreeSet<String> = fields
            .filter(|(_, value)| value.is_object() || value.is_array())
            .flat_map(|(name, _)| words(name))
            .collect();
        let of_name = words(event_type);
        let named = |list: &[&str]| of_name.iter().any(|word| list.contains(&word.as_str()));
        let has_field = |list: &[&str]| list.iter().any(|word| fields.contains(*word));
        let is = |list: &[&str]| named(list) || has_field(list);
        let family = if named(COMMENTS) && has("text") && has("title") {
            Family::Comment
        } else if is(PULL_REQUESTS) && has("title") && !named(RUNS) {
            Family::PullRequest
        } else if is(ISSUES) && has("title") && !has("outcome") && !named(ALERTS) && !named(RUNS) {
            Family::Issue
        } else if named(RELEASES) && !named(RUNS) && has("title") {
            Family::Release
        } else if has("outcome") && (has("branch") || has("commit") || named(RUNS)) && !named(ALERTS) {
            Family::Run
        } else if (is(ALERTS) && has("outcome") || has("severity")) && has("title") && !named(RUNS) {
            Family::Alert
        } else {
            Family::Plain
        };
        EventFamily {
            event_type: (*event_type).clone(),
            family,
            recovers: outcomes.contains("success") && outcomes.contains("failure"),
        }
    };
    all.iter().map(of_type).collect()
}

/// The words for what the pull requests and issues are, by event type.
pub(super) fn nouns(families: &[EventFamily]) -> BTreeMap<String, String> {
    let noun = |of: &EventFamily| {
        let noun = match of.family {
            Family::PullRequest
                if words(&of.event_type)
                    .iter()
                    .any(|word| word == "merge" || word == "mergerequest") =>
            {
                "merge request"
            }
            Family::PullRequest => "pull request",
            Family::Issue => {
                let of_name = words(&of.event_type);
                let known = ["ticket", "task", "story", "bug", "card", "epic"];
                known
                    .into_iter()
                    .find(|noun| of_name.iter().any(|word| word == noun))?
            }
            _ => return None,
        };
        Some((of.event_type.clone(), noun.to_owned()))
    };
    families.iter().filter_map(noun).collect()
}
