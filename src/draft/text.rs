//! The texts of the templates.

use std::collections::BTreeSet;

use super::fact::{self, Fact};
use super::family::{EventFamily, Family};

/// The templates: their file names, and their texts. Event types of the family [`Family::Plain`] share `default.hbs`.
pub(super) fn templates(families: &[EventFamily], facts: &[Fact]) -> Vec<(String, String)> {
    let names = fact::names(facts);
    let has_file = |of: &&EventFamily| {
        of.family != Family::Plain && !of.event_type.starts_with('_') && of.event_type != "default"
    };
    let own = families
        .iter()
        .filter(has_file)
        .map(|of| (format!("{}.hbs", of.event_type), template(of, &names)));
    own.chain([("default.hbs".to_owned(), plain(&names))]).collect()
}

/// The template of an event type. `facts`: those that were found in a payload.
fn template(of: &EventFamily, facts: &BTreeSet<&str>) -> String {
    let has_number = facts.contains("number");
    let thread = "# The messages about one of them are a thread.\nconversation = 'number != \"\" ? [\"in \" + repository, number] : null'\n";
    let newest = "message = \"opener\"\nfollow_up = [\"update\", \"reply\"]\nalso_in_channel = 'action == \"closed\"'\n";
    match of.family {
        Family::PullRequest => front(
            has_number,
            &format!("{thread}{newest}"),
            "{{> forge/pull_request}}\n",
        ),
        Family::Issue => front(has_number, &format!("{thread}{newest}"), "{{> forge/issue}}\n"),
        Family::Comment => front(has_number, thread, "{{> forge/comment}}\n"),
        Family::Release => "{{> forge/release}}\n".to_owned(),
        Family::Run => run(of),
        Family::Alert => alert(of, facts),
        Family::Plain => plain(facts),
    }
}

fn front(has_one: bool, matter: &str, text: &str) -> String {
    if has_one {
        format!("+++\n{matter}+++\n{text}")
    } else {
        text.to_owned()
    }
}

/// What ends where it began: a failure is one message until it is over.
const UNTIL_OVER: &str = "follow_up = 'outcome == \"success\" ? [\"update\", \"reply\"] : \"update\"'
opens = 'outcome == \"failure\" || !calm'
closes = 'outcome == \"success\"'
also_in_channel = 'outcome == \"success\"'
";

fn run(of: &EventFamily) -> String {
    let matter = format!(
        "# A failure on a branch is one message until it passes.\n\
         conversation = '!(outcome in [\"success\", \"failure\"]) ? null : [\"in \" + repository, run, \"on \" + branch + tag]'\n\
         message = \"opener\"\n{UNTIL_OVER}"
    );
    let text = "{{> ci/sign}} {{> ci/run}}{{> ci/since}}\n{{#if (ne outcome \"success\")}}\n{{> ci/commit}}\n{{/if}}\n";
    front(of.recovers, &matter, text)
}

fn alert(of: &EventFamily, facts: &BTreeSet<&str>) -> String {
    let key = if facts.contains("incident") {
        "incident"
    } else {
        "alert + host"
    };
    let matter = format!(
        "# What is wrong is one message until it is over.\nmessage = '{key} != \"\" ? {key} : null'\n{UNTIL_OVER}state = 'outcome'\n"
    );
    let text = "{{#if (eq outcome \"success\")}}✅ {{> alert/name}} is over{{> alert/down_for}}{{else}}{{> alert/problem}}{{> alert/still}}{{/if}}
{{#unless (eq conversation.act \"reply\")}}
{{> alert/labels}}
{{#if (and text (ne text alert))}}

{{quote (truncate text 300)}}
{{/if}}
{{/unless}}
";
    front(of.recovers, &matter, text)
}

/// The template of events that belong to no family.
fn plain(facts: &BTreeSet<&str>) -> String {
    let part = |fact: &str, text: &'static str| if facts.contains(fact) { text } else { "" };
    let title = match (facts.contains("title"), facts.contains("url")) {
        (true, true) => "{{#if title}}: **{{link (truncate title 150) url}}**{{else if url}}: {{url}}{{/if}}",
        (true, false) => "{{#if title}}: **{{truncate title 150}}**{{/if}}",
        (false, true) => "{{#if url}}: {{url}}{{/if}}",
        (false, false) => "",
    };
    [
        part("outcome", "{{#if outcome}}{{> ci/sign}} {{/if}}"),
        part("actor", "{{#if actor}}{{actor}}: {{/if}}"),
        "{{truncate what 60}}",
        title,
        part("severity", "{{#if severity}} ({{truncate severity 40}}){{/if}}"),
        part("branch", "{{#if branch}} on {{code branch}}{{/if}}"),
        part(
            "repository",
            "{{#if (and repository (ne repository title))}} in {{repository}}{{/if}}",
        ),
        "\n",
        part(
            "text",
            "{{#if (and text (ne text title))}}\n\n{{quote (truncate text 300)}}\n{{/if}}\n",
        ),
    ]
    .concat()
}
