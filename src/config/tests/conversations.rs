//! `conversations` and `[sources.X.events.TYPE]`.

use super::*;
use crate::template::{Rendered, RulesOfEvent};
use handlebars::Context;
use serde_json::json;

const TEMPLATE: &str = "+++\nconversation = 'payload.id'\n+++\nx";

fn files() -> ConfigFolder {
    let files = ConfigFolder::new();
    files.file("templates/bakery/baked.hbs", TEMPLATE);
    files
}

fn with(source: &str) -> String {
    format!("{START}{SOURCE}{source}")
}

#[test]
fn a_source_replaces_keys_of_the_front_matter_for_an_event_type() {
    for (source, key) in [
        ("", Some("oven | 7")),
        ("conversations = false", None),
        ("[sources.oven.events.baked]\nconversation = ''", None),
        (
            "[sources.oven.events.baked]\nconversation = 'branch'",
            Some("oven | main"),
        ),
        ("[sources.oven.events.baked]\ncloses = true", Some("oven | 7")),
    ] {
        let config = files().read(&with(source)).unwrap();
        let source = &config.sources["oven"];
        let names = json!({ "source": "oven", "branch": "main", "payload": { "id": 7 } });
        let mut names = Context::from(names);
        let templates = &source.kind.templates;
        let rules = RulesOfEvent::of("baked", &source.conversations);
        let rendering = templates.render(None, &mut names, &rules);
        let Rendered::Message(message) = rendering.rendered else {
            panic!("{:?}", rendering.failed)
        };
        let conversation = message.conversation;
        assert_eq!(
            conversation
                .as_ref()
                .map(|conversation| conversation.key.as_str()),
            key
        );
        let is_set = source
            .conversations
            .events
            .get("baked")
            .is_some_and(|rules| rules.has("closes"));
        assert_eq!(
            conversation.is_some_and(|conversation| conversation.closes),
            is_set
        );
    }
}

#[test]
fn wrong_rules_of_a_source_are_found_with_their_key() {
    for (source, expected) in [
        (
            "[sources.oven.events.bakd]\ncloses = true",
            "sources.oven.events.\"bakd\": there is no event type \"bakd\", did you mean \"baked\"?",
        ),
        (
            "[sources.oven.events.sold]\ncloses = true",
            "there is no event type \"sold\"; the known ones are: baked",
        ),
        (
            "[sources.oven.events.baked]\nconversation = 'brnch'",
            "events.\"baked\".conversation: there is no name `brnch`; did you mean `branch`?",
        ),
        (
            "[sources.oven.events.baked]\nfollow_up = 'update'",
            "events.\"baked\".follow_up: \"update\" needs `message`",
        ),
        (
            "[sources.oven.events.baked]\nfolow_up = 'reply'",
            "events.\"baked\".folow_up: unknown key, did you mean `follow_up`?",
        ),
        (
            "[sources.oven.events.baked]\nopens = 'conversation.open'",
            "events.\"baked\".opens: `conversation` is known only in `follow_up`",
        ),
    ] {
        assert_found(&files().findings(&with(source)), &[expected]);
    }
}
