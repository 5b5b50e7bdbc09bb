//! The recipes of templates/README.md: common conditions for the events of a forge. Each is one line over facts, and
//! the same line works for every forge.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use twake_bridge::condition::Condition;
use twake_bridge::config;
use twake_bridge::config::builtin::{self, Sample};
use twake_bridge::decision::decide_whole;
use twake_bridge::source::Source;

use crate::kinds::{event, source};

/// The samples of a forge for each situation, by name. Where no sample has a value, a changed sample stands in:
/// `push__one-commit /ref=refs/heads/main`, the value as JSON or else as text. Unset: the forge does not send it.
struct Forge {
    kind: &'static str,
    /// Commits to the main branch that change code in services/ and documentation.
    pushed: &'static str,
    /// Commits that change documentation alone. Unset: the forge does not send the changed files of a push.
    documented: Option<&'static str>,
    /// A person opens a pull request into the main branch, without the label `bug`.
    opened: &'static str,
    draft: &'static str,
    merged: &'static str,
    /// The label `bug` is added to a pull request.
    labelled: Option<&'static str>,
    /// A bot opens a pull request into another branch, `release/2`.
    bot: &'static str,
    failed: Option<&'static str>,
    passed: Option<&'static str>,
    /// A security alert or an incident.
    severe: Option<&'static str>,
}

const FORGES: &[Forge] = &[
    Forge {
        kind: "github",
        pushed: "push__many-commits /commits/0/added=[\"services/api/api.rs\"]",
        documented: Some("push__one-commit"),
        opened: "pull_request__opened",
        draft: "pull_request__opened-draft",
        merged: "pull_request__closed-merged",
        labelled: Some("pull_request__labeled"),
        bot: "pull_request__opened /sender/type=Bot /pull_request/base/ref=release/2",
        failed: Some("workflow_run__completed-failure"),
        passed: Some("workflow_run__completed-success"),
        severe: Some("code_scanning_alert__created"),
    },
    Forge {
        kind: "gitlab",
        pushed: "push__several-commits",
        documented: Some("push__one-commit"),
        opened: "merge_request__opened",
        draft: "merge_request__opened-draft",
        merged: "merge_request__merged",
        labelled: Some("merge_request__labeled"),
        bot: "merge_request__bot",
        failed: Some("pipeline__failed"),
        passed: Some("pipeline__success"),
        severe: Some("vulnerability__detected"),
    },
    Forge {
        kind: "gitea",
        pushed: "push__monorepo",
        documented: Some("push__one-commit"),
        opened: "pull_request__opened",
        draft: "pull_request__opened-draft",
        merged: "pull_request__closed-merged",
        labelled: Some("pull_request__labeled"),
        bot: "pull_request__bot",
        failed: Some("workflow_run__completed-failure"),
        passed: Some("workflow_run__completed-success"),
        severe: None,
    },
    Forge {
        kind: "forgejo",
        pushed: "push__monorepo",
        documented: Some("push__docs-only"),
        opened: "pull_request__opened",
        draft: "pull_request__opened-draft",
        merged: "pull_request__closed-merged",
        labelled: Some("pull_request__labeled"),
        bot: "pull_request__bot",
        failed: Some("action_run_failure__push"),
        passed: Some("action_run_success__after-success"),
        severe: None,
    },
    Forge {
        kind: "gogs",
        pushed: "push__several-commits",
        documented: Some("push__docs-only"),
        opened: "pull_request__opened",
        draft: "pull_request__opened-draft",
        merged: "pull_request__closed-merged",
        labelled: Some("pull_request__labeled"),
        bot: "pull_request__bot",
        failed: None,
        passed: None,
        severe: None,
    },
    Forge {
        kind: "bitbucket-cloud",
        pushed: "repo_push__one-commit",
        documented: None,
        opened: "pullrequest_created__basic",
        draft: "pullrequest_created__draft",
        merged: "pullrequest_fulfilled__merged",
        labelled: Some("issue_updated__assigned"),
        bot: "pullrequest_created__by-an-app /pullrequest/destination/branch/name=release/2",
        failed: Some("repo_commit_status_updated__failed"),
        passed: Some("repo_commit_status_updated__success"),
        severe: None,
    },
    Forge {
        kind: "bitbucket-datacenter",
        pushed: "repo_refs_changed__one-commit",
        documented: None,
        opened: "pr_opened__basic",
        draft: "pr_opened__draft",
        merged: "pr_merged__basic",
        labelled: None,
        bot: "pr_opened__basic /actor/type=SERVICE /pullRequest/toRef/displayId=release/2",
        failed: None,
        passed: None,
        severe: Some("repo_secret_detected__two"),
    },
];

struct Recipe {
    line: &'static str,
    /// The samples for which the line is true. Empty: the forge sends no such value, so the line is true for no
    /// sample.
    holds: fn(&Forge) -> Vec<&'static str>,
    holds_not: fn(&Forge) -> Vec<&'static str>,
}

const RECIPES: &[Recipe] = &[
    Recipe {
        line: r#"branch in ["main", "master"]"#,
        holds: |forge| {
            let known = [forge.pushed, forge.opened, forge.merged];
            known.into_iter().chain(forge.documented).collect()
        },
        holds_not: |forge| vec![forge.bot],
    },
    Recipe {
        line: r#"!branch.matches("^(release|renovate)/")"#,
        holds: |forge| vec![forge.pushed, forge.opened],
        holds_not: |forge| vec![forge.bot],
    },
    Recipe {
        line: r#"bot || actor in ["weblate", "jenkins"]"#,
        holds: |forge| vec![forge.bot],
        holds_not: |forge| vec![forge.opened, forge.pushed, forge.merged],
    },
    Recipe {
        line: r#""bug" in labels"#,
        holds: |forge| forge.labelled.into_iter().collect(),
        holds_not: |forge| vec![forge.opened, forge.draft, forge.pushed],
    },
    Recipe {
        line: r#"paths.exists(p, p.startsWith("services/"))"#,
        holds: |forge| forge.documented.map(|_| forge.pushed).into_iter().collect(),
        holds_not: |forge| forge.documented.into_iter().chain([forge.opened]).collect(),
    },
    Recipe {
        line: r#"paths.size() > 0 && paths.all(p, p.startsWith("docs/") || p.endsWith(".md"))"#,
        holds: |forge| forge.documented.into_iter().collect(),
        holds_not: |forge| vec![forge.pushed, forge.opened],
    },
    Recipe {
        line: r#"outcome == "failure""#,
        holds: |forge| forge.failed.into_iter().collect(),
        holds_not: |forge| {
            forge
                .passed
                .into_iter()
                .chain([forge.opened, forge.pushed])
                .collect()
        },
    },
    Recipe {
        line: r#"severity in ["critical", "high"]"#,
        holds: |forge| forge.severe.into_iter().collect(),
        holds_not: |forge| {
            forge
                .failed
                .into_iter()
                .chain([forge.opened, forge.pushed])
                .collect()
        },
    },
    Recipe {
        line: r#"action in ["opened", "closed", "reopened", "published"]"#,
        holds: |forge| vec![forge.opened, forge.draft, forge.merged, forge.bot],
        holds_not: |forge| forge.labelled.into_iter().chain([forge.pushed]).collect(),
    },
    Recipe {
        line: "draft",
        holds: |forge| vec![forge.draft],
        holds_not: |forge| vec![forge.opened, forge.merged, forge.pushed],
    },
];

#[test]
fn every_recipe_selects_the_same_events_of_every_forge() {
    for forge in FORGES {
        let source = source(forge.kind, None);
        let (samples, _) = config::samples(forge.kind, None);
        let mut known: BTreeMap<String, Value> = BTreeMap::new();
        for recipe in RECIPES {
            let condition = Condition::compile(recipe.line).unwrap();
            let mut holds = |name: &str| {
                let facts = known
                    .entry(name.to_owned())
                    .or_insert_with(|| facts(&source, &changed(&samples, name)));
                condition.holds(facts).unwrap()
            };
            let case = |name: &str| format!("{}: {} on {name}", forge.kind, recipe.line);
            let expected = (recipe.holds)(forge);
            for name in &expected {
                assert!(holds(name), "{}", case(name));
            }
            for name in (recipe.holds_not)(forge) {
                assert!(!holds(name), "{} must be false", case(name));
            }
            if expected.is_empty() {
                let own = builtin::samples(forge.kind);
                let found = own.iter().find(|sample| holds(&sample.name));
                assert!(found.is_none(), "{} must be false", case(&found.unwrap().name));
            }
        }
    }
}

#[test]
fn the_guide_has_every_recipe_and_recipes_use_only_facts() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/README.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    for recipe in RECIPES {
        assert!(guide.contains(&format!("`{}`", recipe.line)), "{}", recipe.line);
        let condition = Condition::compile(recipe.line).unwrap();
        for path in &condition.references().paths {
            assert!(
                !["payload", "headers"].contains(&path[0].as_str()),
                "{}",
                recipe.line
            );
        }
    }
}

/// The facts of a sample, without the payload and the headers.
fn facts(source: &Source, sample: &Sample) -> Value {
    Value::Object(decide_whole(event(source, sample), source).0.facts)
}

/// The sample of this name, with the changes that follow the name.
pub(crate) fn changed(samples: &[Sample], name: &str) -> Sample {
    let mut parts = name.split(' ');
    let name = parts.next().unwrap();
    let found = samples.iter().find(|sample| sample.name == name);
    let mut sample = found.unwrap_or_else(|| panic!("no sample {name}")).clone();
    let mut payload: Value = serde_json::from_slice(&sample.body).unwrap();
    for part in parts {
        let (path, value) = part.split_once('=').unwrap();
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        *payload
            .pointer_mut(path)
            .unwrap_or_else(|| panic!("{name} has no {path}")) = value;
    }
    sample.body = payload.to_string().into_bytes();
    sample
}
