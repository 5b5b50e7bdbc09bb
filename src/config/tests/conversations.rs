//! `conversations`, `[sources.X.events.TYPE]` and `critical`.

use super::*;
use crate::authentication::Authenticator;
use crate::decision::decide;
use crate::event::Event;
use crate::headers::Headers;
use crate::message::Urgency;
use crate::source::CRITICAL;
use crate::template::{Rendered, RulesOfEvent};
use handlebars::Context;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

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

/// The keys of the messages of an event, one for each channel of its routes.
fn keys(source: &str) -> Vec<(String, Option<String>)> {
    let config = files().read(&with(source)).unwrap();
    let source = &config.sources["oven"];
    let names = json!({ "source": "oven", "branch": "main", "payload": { "id": 7 } });
    let (targets, _) = source.routes.choose(&names);
    let keys = targets.into_iter().map(|target| {
        let rules = RulesOfEvent {
            route: Some(target.route),
            ..RulesOfEvent::of("baked", &source.conversations)
        };
        let rendering = source
            .kind
            .templates
            .render(None, &mut Context::from(names.clone()), &rules);
        let Rendered::Message(message) = rendering.rendered else {
            panic!("{:?}", rendering.failed)
        };
        let key = message.conversation.map(|conversation| conversation.key);
        (target.channel.to_string(), key)
    });
    keys.collect()
}

#[test]
fn a_route_replaces_keys_of_its_source_and_of_the_front_matter() {
    let route = "[[sources.oven.routes]]\nwhen = 'true'\ncontinue = true\n";
    let to = |channel: &str| format!("{route}channels = [\"{channel}\"]\n");
    let branch = "[sources.oven.routes.events.baked]\nconversation = 'branch'\n";
    let none = "[sources.oven.routes.events.baked]\nconversation = ''\n";
    let of_source = "[sources.oven.events.baked]\nconversation = '\"own\"'\n";
    let expect = |dev: Option<&str>, ops: Option<&str>| {
        let key = |key: Option<&str>| key.map(str::to_owned);
        [("dev".to_owned(), key(dev)), ("ops".to_owned(), key(ops))]
    };
    for (source, dev, ops) in [
        (to("dev") + &to("ops"), Some("oven | 7"), Some("oven | 7")),
        (
            to("dev") + branch + &to("ops"),
            Some("oven | main"),
            Some("oven | 7"),
        ),
        (to("dev") + none + &to("ops") + branch, None, Some("oven | main")),
        (
            to("dev") + branch + &to("ops") + of_source,
            Some("oven | main"),
            Some("oven | own"),
        ),
        (
            format!("conversations = false\n{}{branch}{}", to("dev"), to("ops")),
            None,
            None,
        ),
    ] {
        assert_eq!(keys(&source), expect(dev, ops), "{source}");
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
        (
            "[[sources.oven.routes]]\nwhen = 'branch == \"main\"'\nchannels = [\"dev\"]\n[sources.oven.routes.events.bakd]\ncloses = true",
            "sources.oven.routes[0].events.\"bakd\": there is no event type \"bakd\", did you mean \"baked\"?",
        ),
        (
            "[[sources.oven.routes]]\nwhen = 'branch == \"main\"'\nchannels = [\"dev\"]\n[sources.oven.routes.events.baked]\nfollow_up = 'update'",
            "sources.oven.routes[0].events.\"baked\".follow_up: \"update\" needs `message`",
        ),
        (
            "[[sources.oven.routes]]\nwhen = 'branch == \"main\"'\nchannels = [\"dev\"]\n[sources.oven.routes.events.baked]\nconversation = 'brnch'",
            "sources.oven.routes[0].events.\"baked\".conversation: there is no name `brnch`; did you mean `branch`?",
        ),
    ] {
        assert_found(&files().findings(&with(source)), &[expected]);
    }
}

/// How urgent an event with this payload is.
fn urgency(config: &Config, payload: &serde_json::Value) -> Urgency {
    let source = &config.sources["oven"];
    let headers = Headers::new([("content-type", "application/json"), ("x-bakery-event", "baked")]);
    let authentic = Authenticator::of_samples(source.kind.body.clone())
        .begin(&headers, None)
        .and_then(|pending| pending.finish(payload.to_string().into(), Timestamp::UNIX_EPOCH));
    let event = Event::new(
        Uuid::nil(),
        source.name.clone(),
        Timestamp::UNIX_EPOCH,
        authentic.ok().unwrap(),
    );
    let decision = decide(event, source);
    decision.messages[0].message.as_ref().unwrap().urgency
}

#[test]
fn a_source_says_what_is_critical_and_else_it_is_what_is_of_critical_severity_and_not_over() {
    let facts = "[sources.oven.facts]\nseverity = 'payload.severity'\noutcome = 'payload.outcome'\n";
    let with = |critical: &str| files().read(&with(&format!("{critical}\n{facts}"))).unwrap();
    for config in [with(""), with(&format!("critical = '{CRITICAL}'"))] {
        for (severity, outcome, expected) in [
            ("critical", "failure", Urgency::Urgent),
            ("critical", "", Urgency::Urgent),
            ("critical", "success", Urgency::Critical),
            ("page", "", Urgency::Critical),
            ("high", "", Urgency::Error),
            ("medium", "", Urgency::Warning),
            ("low", "", Urgency::Info),
            ("p5", "", Urgency::None),
            ("", "failure", Urgency::None),
        ] {
            let payload = json!({ "id": 1, "severity": severity, "outcome": outcome });
            assert_eq!(urgency(&config, &payload), expected, "{payload}");
        }
    }
    // It may use every fact and path. One that cannot be evaluated does not hold.
    let config = with("critical = 'loaves > 3 && payload.oven == \"hot\"'");
    for (payload, expected) in [
        (json!({ "loaves": 4, "oven": "hot" }), Urgency::Urgent),
        (
            json!({ "loaves": 3, "oven": "hot", "severity": "critical" }),
            Urgency::Critical,
        ),
        (json!({ "oven": "hot" }), Urgency::None),
    ] {
        assert_eq!(urgency(&config, &payload), expected, "{payload}");
    }
    let wrong = files().findings(&format!("{START}{SOURCE}critical = 'severty == \"critical\"'"));
    assert_found(
        &wrong,
        &["sources.oven.critical: there is no name `severty`; did you mean `severity`?"],
    );
}
