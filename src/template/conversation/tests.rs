//! Tables: front matter and what it means, and the texts of each act.

use handlebars::Context;
use proptest::prelude::*;
use serde_json::json;

use crate::message::{
    Conversation, ConversationField, FollowUp, Inline, Slot, StoredMessage, Version, markdown, plain,
};
use crate::template::{
    Library, Origin, Rendered, Rendering, RulesOfEvent, SourceConversations, TemplateFile,
};

fn names() -> Context {
    Context::from(json!({
        "source": "github",
        "received": "2026-11-22T10:00:00Z",
        "repository": "acme/shop",
        "number": "1",
        "title": "Fix it",
        "labels": ["a", "b"],
        "outcome": "success",
        "payload": { "id": 7, "state": "open", "at": "2026-11-22T10:00:00Z", "nothing": null, "list": ["a|b", 2] },
    }))
}

fn compile(text: &str) -> (Library, Vec<String>) {
    let file = TemplateFile {
        name: "pull.hbs".to_owned(),
        text: text.to_owned(),
        origin: Origin::Own("pull.hbs".into()),
    };
    let (library, found) = Library::compile("kind", vec![file]);
    let found = found.into_iter().map(|found| {
        let line = found.line.map_or_else(String::new, |line| format!("{line} "));
        line + &found.what
    });
    (library, found.collect())
}

fn render(text: &str) -> Rendering {
    let (library, found) = compile(text);
    assert_eq!(found, Vec::<String>::new(), "{text}");
    library.render_alone("pull", None, &names())
}

fn message(text: &str) -> StoredMessage {
    match render(text) {
        Rendering {
            rendered: Rendered::Message(message),
            conversation_failed: None,
            ..
        } => message,
        other => panic!("{text}: {other:?}"),
    }
}

fn conversation(front: &str) -> Conversation {
    let message = message(&format!("+++\n{front}\n+++\nx"));
    *message.conversation.unwrap_or_else(|| panic!("{front}"))
}

const KEY: &str = "conversation = '[repository, number]'\n";

#[test]
fn a_key_is_a_text_a_number_or_a_list_with_the_name_of_the_source() {
    for (expression, key) in [
        ("repository", "github | acme/shop"),
        ("payload.id", "github | 7"),
        ("[repository, number]", "github | acme/shop | 1"),
        ("[repository + ' | ' + number]", "github | acme/shop || 1"),
        ("payload.list", "github | a||b | 2"),
    ] {
        let front = format!("conversation = \"{expression}\"");
        assert_eq!(conversation(&front).key, key, "{expression}");
    }
    let long = conversation(
        "conversation = '[payload.at, repository].map(p, [p,p,p,p,p,p,p,p,p,p].join(\"\")).join(\"\")'",
    );
    assert!(
        long.key.starts_with("sha256:") && long.key.len() == 71,
        "{}",
        long.key
    );
}

#[test]
fn an_event_without_a_key_is_posted_by_itself_and_the_reason_is_kept() {
    for (front, why) in [
        (
            "conversation = 'payload.missing'",
            "`conversation` cannot be evaluated: there is no `missing`",
        ),
        ("conversation = '\"\"'", "`conversation` is empty or not a key"),
        (
            "conversation = '[repository, \" \"]'",
            "`conversation` is empty or not a key",
        ),
        ("conversation = '[]'", "`conversation` is empty or not a key"),
        ("conversation = 'payload'", "`conversation` is empty or not a key"),
        (
            "message = 'payload.missing'",
            "`message` cannot be evaluated: there is no `missing`",
        ),
        (
            "conversation = 'number'\nmessage = 'true'",
            "`message` is not a key",
        ),
        (
            "conversation = 'number'\nopens = 'title'",
            "`opens` is neither true nor false",
        ),
        (
            "conversation = 'number'\nfollow_up = 'title'",
            "`follow_up` gives neither \"reply\" nor \"update\"",
        ),
        (
            "conversation = 'number'\nstate = 'payload'",
            "`state` is neither a text nor a list of texts",
        ),
        (
            "conversation = 'number'\nversion = 'payload'",
            "`version` is neither a number nor a text",
        ),
        (
            "conversation = 'number'\nlevel = 'title'",
            "`level` is not a number",
        ),
        (
            "conversation = 'number'\nmessage = 'payload.id'\nitem = 'payload'",
            "`item` is not a key",
        ),
    ] {
        let rendering = render(&format!("+++\n{front}\n+++\nx"));
        assert_eq!(rendering.conversation_failed.as_deref(), Some(why), "{front}");
        let Rendered::Message(message) = rendering.rendered else {
            panic!("{front}")
        };
        assert_eq!(message.conversation, None, "{front}");
    }
    for front in [
        "conversation = 'payload.nothing'",
        "conversation = ''",
        "message = ''",
    ] {
        assert_eq!(
            message(&format!("+++\n{front}\n+++\nx")).conversation,
            None,
            "{front}"
        );
    }
}

#[test]
fn what_an_event_does_later_depends_on_its_message_and_follow_up() {
    let (reply, update) = (
        FollowUp {
            reply: true,
            update: false,
        },
        FollowUp {
            reply: false,
            update: true,
        },
    );
    let (both, nothing) = (
        FollowUp {
            reply: true,
            update: true,
        },
        FollowUp::default(),
    );
    let key = |key: &str| Some(Slot::Key(key.to_owned()));
    for (front, slot, unchanged, changed) in [
        ("", None, reply, reply),
        ("message = 'opener'", Some(Slot::Opener), update, update),
        ("message = '\"opener\"'", Some(Slot::Opener), update, update),
        ("message = 'payload.id'", key("7"), update, update),
        ("message = 'payload.nothing'", None, reply, reply),
        ("message = ''", None, reply, reply),
        (
            "message = 'opener'\nfollow_up = 'reply'",
            Some(Slot::Opener),
            reply,
            reply,
        ),
        (
            "message = 'opener'\nfollow_up = ['update', 'reply']",
            Some(Slot::Opener),
            both,
            both,
        ),
        ("follow_up = []", None, nothing, nothing),
        ("follow_up = ''", None, nothing, nothing),
        ("follow_up = 'payload.nothing'", None, reply, reply),
        (
            "message = 'opener'\nfollow_up = 'conversation.changed ? [\"update\", \"reply\"] : \"update\"'",
            Some(Slot::Opener),
            update,
            both,
        ),
        // Without a message to update, the event must not be lost.
        (
            "message = 'payload.nothing'\nfollow_up = 'update'",
            None,
            reply,
            reply,
        ),
    ] {
        let found = conversation(&format!("{KEY}{front}"));
        assert_eq!(
            (found.slot, found.unchanged, found.changed),
            (slot, unchanged, changed),
            "{front}"
        );
    }
    assert_eq!(conversation("message = 'payload.id'").slot, Some(Slot::Opener));
}

#[test]
fn the_other_keys_are_data_of_the_conversation() {
    let default = conversation(KEY);
    assert!(default.opens && !default.closes && !default.also_in_channel);
    assert_eq!(
        (default.expires, default.version, default.state),
        (30 * 86_400, None, None)
    );
    let set = conversation(&format!(
        "{KEY}opens = 'payload.state != \"open\"'\ncloses = true\nalso_in_channel = 'true'\nexpires = '2h'\nversion = \
         'payload.at'\nstate = 'payload.state'"
    ));
    assert!(!set.opens && set.closes && set.also_in_channel);
    assert_eq!(set.expires, 7_200);
    assert_eq!(
        set.version,
        Some(Version::Text("2026-11-22T10:00:00Z".to_owned()))
    );
    assert_eq!(set.state.as_deref(), Some("open"));
    assert_eq!(
        conversation(&format!("{KEY}version = 'payload.id'")).version,
        Some(Version::Number(7.0))
    );
    let long = conversation(&format!("{KEY}state = '\"{}\"'", "x".repeat(600)));
    assert_eq!(long.state.map(|state| state.len()), Some(500));
}

#[test]
fn contradictions_are_found_with_their_line() {
    for (front, what) in [
        ("closes = true", "2 `closes`: needs `conversation`, or `message`"),
        (
            "follow_up = 'reply'",
            "2 `follow_up`: needs `conversation`, or `message`",
        ),
        (
            "conversation = 'number'\nephemeral = true",
            "2 `conversation`: an ephemeral message cannot be in a conversation",
        ),
        (
            "message = 'opener'",
            "2 `message`: \"opener\" is a message of a conversation: add `conversation`",
        ),
        (
            "conversation = 'number'\nfollow_up = 'update'",
            "3 `follow_up`: \"update\" needs `message`",
        ),
        (
            "conversation = 'number'\nfollow_up = ['update', 'reply']",
            "3 `follow_up`: \"update\" needs `message`",
        ),
        (
            "conversation = 'number'\nfollow_up = ['repyl']",
            "3 `follow_up`: \"repyl\" is neither \"reply\" nor \"update\", did you mean \"reply\"?",
        ),
        (
            "message = 'number'\nfollow_up = 'update'\nalso_in_channel = true",
            "4 `also_in_channel`: no chat shows an update as a new message",
        ),
        (
            "conversation = 'number'\ncloses = 'conversation.changed'",
            "3 `closes`: `conversation` is known only in `follow_up`",
        ),
        (
            "when = 'conversation.open'",
            "2 `when`: `conversation` is known only in `follow_up`",
        ),
        (
            "conversation = 'number'\nfollow_up = 'conversation.raised ? \"reply\" : \"\"'",
            "3 `follow_up`: of `conversation`, only `conversation.changed` is known here",
        ),
        (
            "conversation = 'number'\nalso_in_channel = 'conversation.changed'",
            "3 `also_in_channel`: of `conversation`, only `conversation.raised` is known here: whether the level rises",
        ),
        (
            "conversation = 'number'\nitem = 'payload.id'",
            "3 `item`: only a message with a key of its own has items: add `conversation` and `message`",
        ),
        (
            "message = 'number'\nitem = 'payload.id'",
            "3 `item`: only a message with a key of its own has items",
        ),
        (
            "conversation = 'number'\nmessage = 'opener'\nitem = 'payload.id'",
            "4 `item`: only a message with a key of its own has items",
        ),
        (
            "conversation = 'number'\nfollow_up = 'conversation.open'",
            "3 `follow_up`: of `conversation`, only `conversation.changed` is known",
        ),
        (
            "conversation = 'number'\nexpires = 'soon'",
            "3 `expires`: \"soon\" is not a duration",
        ),
        (
            "conversation = ['number']",
            "2 `conversation`: is a list, a text was expected",
        ),
        (
            "conversation = 'number'\nclose = true",
            "3 `close`: unknown key, did you mean `closes`?",
        ),
    ] {
        let (_, found) = compile(&format!("+++\n{front}\n+++\nx"));
        assert!(
            found.len() == 1 && found[0].starts_with(what),
            "{front}: {found:?}"
        );
    }
}

#[test]
fn a_template_is_rendered_for_each_act_whose_text_differs() {
    let text = |document: Option<&_>| document.map(|document| plain::text(document).trim().to_owned());
    for (front, body, post, reply, update) in [
        ("", "{{title}}", "Fix it", None, None),
        ("", "{{conversation.act}}", "post", Some("reply"), None),
        (
            "message = 'opener'",
            "{{conversation.act}}",
            "post",
            None,
            Some("update"),
        ),
        (
            "message = 'payload.id'",
            "{{conversation.act}}",
            "post",
            Some("reply"),
            Some("update"),
        ),
        (
            "",
            "{{#if conversation.open}}again {{/if}}{{title}}",
            "Fix it",
            Some("again Fix it"),
            None,
        ),
        (
            "message = 'opener'\nfollow_up = ['update', 'reply']",
            "{{#if (eq conversation.act \"reply\")}}merged{{else}}{{title}}{{/if}}",
            "Fix it",
            Some("merged"),
            None,
        ),
        (
            "",
            "{{#each labels}}{{this}}{{@root.conversation.act}}{{/each}}",
            "apostbpost",
            Some("areplybreply"),
            None,
        ),
    ] {
        let stored = message(&format!("+++\n{KEY}{front}\n+++\n{body}"));
        let conversation = stored.conversation.unwrap();
        assert_eq!(text(Some(&stored.message)).as_deref(), Some(post), "{body}");
        assert_eq!(text(conversation.reply.as_ref()).as_deref(), reply, "{body}");
        assert_eq!(text(conversation.update.as_ref()).as_deref(), update, "{body}");
    }
}

#[test]
fn an_act_without_a_text_is_not_done() {
    let only = |act: &str| {
        let text = format!(
            "+++\n{KEY}message = 'opener'\nfollow_up = ['update', 'reply']\n+++\n{{{{#if (eq conversation.act \"{act}\")}}}}x{{{{/if}}}}"
        );
        let stored = message(&text);
        assert_eq!(plain::text(stored.document()).trim(), "x", "{act}");
        assert_eq!(stored.message.is_empty(), act != "post");
        let conversation = stored.conversation.unwrap();
        (
            conversation.opens,
            conversation.unchanged.reply,
            conversation.unchanged.update,
        )
    };
    assert_eq!(only("post"), (true, false, false));
    assert_eq!(only("reply"), (false, true, false));
    assert_eq!(only("update"), (false, false, true));
    let nothing = render(&format!(
        "+++\n{KEY}+++\n{{{{#if (eq conversation.act \"never\")}}}}x{{{{/if}}}}"
    ));
    assert!(matches!(nothing.rendered, Rendered::Skipped(_)));
}

#[test]
fn an_item_is_rendered_for_itself_and_kept_with_its_key() {
    let text = "+++\nconversation = 'number'\nmessage = 'payload.state'\nitem = 'payload.id'\n+++\n{{#if (eq conversation.act \"item\")}}a {{title}}{{else}}all{{conversation \"item_count\" \", \" \"comment\" \"comments\"}}\n\n{{conversation.items}}{{/if}}";
    let stored = message(text);
    assert!(stored.message.shows_items());
    // What may be empty is not shown before it is known.
    assert_eq!(plain::text(&stored.message).trim(), "all");
    let item = stored.conversation.unwrap().item.unwrap();
    assert_eq!((&*item.key, plain::text(&item.text).trim()), ("7", "a Fix it"));
    for nothing in ["payload.nothing", "\"\""] {
        let text = text.replace("item = 'payload.id'", &format!("item = '{nothing}'"));
        assert_eq!(message(&text).conversation.unwrap().item, None);
    }
    // A message without a key has no items.
    let text = text.replace("message = 'payload.state'", "message = 'payload.nothing'");
    assert_eq!(message(&text).conversation.unwrap().item, None);
}

#[test]
fn a_reply_is_also_in_the_channel_by_the_level_of_the_conversation() {
    let also = |rule: &str| {
        let found = conversation(&format!("conversation = 'number'\nlevel = 'payload.id'\n{rule}"));
        let level = found.level.unwrap();
        assert_eq!(level.value.to_string(), "7");
        (found.also_in_channel, level.also_in_channel)
    };
    assert_eq!(also(""), (false, false));
    assert_eq!(also("also_in_channel = true"), (true, true));
    assert_eq!(also("also_in_channel = 'outcome == \"success\"'"), (true, true));
    assert_eq!(also("also_in_channel = 'conversation.raised'"), (false, true));
    assert_eq!(also("also_in_channel = '!conversation.raised'"), (true, false));
}

#[test]
fn a_list_as_state_is_a_set() {
    let state = |list: &str| {
        let stored = message(&format!("+++\nconversation = 'number'\nstate = '{list}'\n+++\nx"));
        stored.conversation.unwrap().state.unwrap()
    };
    assert_eq!(state(r#"["unit", "lint", "unit"]"#), "lint, unit");
    assert_eq!(state(r#"["lint", "unit"]"#), "lint, unit");
    assert_eq!(state("[]"), "");
}

#[test]
fn values_that_are_known_late_become_nodes() {
    let stored = message(
        "+++\nconversation = 'number'\n+++\na {{conversation.count}} **{{@root.conversation.began}}** {{#each labels}}{{@root.conversation.duration}}{{/each}}\
         [{{conversation.previous}}](https://e) {{conversation.first.title}}",
    );
    let mut found = Vec::new();
    let mut inlines: Vec<&Inline> = match &stored.message.blocks[0] {
        crate::message::Block::Paragraph(inlines) => inlines.iter().rev().collect(),
        other => panic!("{other:?}"),
    };
    while let Some(inline) = inlines.pop() {
        match inline {
            Inline::Conversation(field) => found.push(field.clone()),
            Inline::Strong(inside) | Inline::Link { label: inside, .. } => {
                inlines.extend(inside.iter().rev());
            }
            _ => {}
        }
    }
    let first = ConversationField::First("title".to_owned());
    let expected = [
        ConversationField::Count,
        ConversationField::Began,
        ConversationField::Duration,
        ConversationField::Duration,
        ConversationField::Previous,
        first,
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_event_without_a_conversation_shows_the_values_of_a_first_event() {
    let stored = message(
        "{{conversation.count}} {{conversation.began}} [{{conversation.previous}}] {{conversation.first.title}}",
    );
    assert_eq!(plain::text(&stored.message).trim(), "1 10:00 UTC [] Fix it");
}

#[test]
fn late_values_cannot_be_read_by_conditions_and_helpers() {
    for (body, what) in [
        (
            "{{#if conversation.count}}x{{/if}}",
            "1 `conversation.count` is known only when the message is posted",
        ),
        (
            "{{#if (gt conversation.count 2)}}x{{/if}}",
            "1 `conversation.count` is known only",
        ),
        (
            "a\n{{truncate conversation.first.title 3}}",
            "2 `conversation.first.title` is known only",
        ),
        (
            "{{conversation.cuont}}",
            "1 there is no `conversation.cuont`; did you mean `conversation.count`?",
        ),
        (
            "{{conversation \"count\" 3}}",
            "1 `conversation.count` is written as `{{conversation.count}}`",
        ),
        (
            "{{conversation \"item_count\"}}",
            "1 `conversation.item_count` is written as `{{conversation \"item_count\" \", \" \"comment\" \"comments\"}}`",
        ),
        (
            "{{conversation \"again\" title}}",
            "1 `conversation.again` is written as `{{conversation \"again\" \", \"}}`",
        ),
        (
            "{{conversation.item_count}}",
            "1 `conversation.item_count` is known only when the message is posted: write `{{conversation \"item_count\"",
        ),
        (
            "{{conversation title}}",
            "1 `conversation` with arguments is written as `{{conversation \"item_count\"",
        ),
        (
            "{{#if conversation.again}}x{{/if}}",
            "1 `conversation.again` is known only when the message is posted: write `{{conversation \"again\" \", \"}}` by itself",
        ),
        ("{{conversation}}", "1 a conversation has open, act, count,"),
        (
            "{{#with conversation}}{{act}}{{/with}}",
            "1 a conversation has open, act, count,",
        ),
        (
            "{{conversation.changed}}",
            "1 a conversation has open, act, count,",
        ),
    ] {
        let (_, found) = compile(body);
        assert!(
            found.len() == 1 && found[0].starts_with(what),
            "{body}: {found:?}"
        );
    }
}

#[test]
fn the_facts_of_the_first_event_that_a_kind_shows_are_kept_with_each_event() {
    let stored = message(&format!(
        "+++\n{KEY}+++\n{{{{conversation.first.title}}}} {{{{conversation.first.labels}}}}"
    ));
    let first = stored.conversation.unwrap().first;
    let first: Vec<(&str, &str)> = first.iter().map(|(name, text)| (&**name, &**text)).collect();
    assert_eq!(first, [("labels", "a, b"), ("title", "Fix it")]);
    let many: Vec<String> = (0..21)
        .map(|n| format!("{{{{conversation.first.f{n}}}}}"))
        .collect();
    let (_, found) = compile(&many.concat());
    assert!(
        found[0].starts_with("the templates of a kind can show 20 facts"),
        "{found:?}"
    );
}

#[test]
fn a_source_turns_conversations_off() {
    let (library, _) = compile(&format!("+++\n{KEY}+++\nx"));
    let off = SourceConversations {
        enabled: false,
        ..SourceConversations::default()
    };
    let rendering = library.render(None, &mut names(), &RulesOfEvent::of("pull", &off));
    let Rendered::Message(message) = rendering.rendered else {
        panic!()
    };
    assert_eq!(
        (message.conversation, rendering.conversation_failed),
        (None, None)
    );
}

#[test]
fn rendering_leaves_the_names_as_they_were() {
    let (library, _) = compile(&format!(
        "+++\n{KEY}message = 'opener'\nfollow_up = 'conversation.changed ? \"reply\" : \"update\"'\n+++\n{{{{conversation.act}}}}"
    ));
    let mut context = names();
    let of_source = SourceConversations::default();
    library.render(None, &mut context, &RulesOfEvent::of("pull", &of_source));
    assert_eq!(context.data(), names().data());
}

#[test]
fn the_examples_in_the_guide_compile() {
    let guide = include_str!("../../../templates/README.md");
    let blocks = guide.split("```handlebars\n").skip(1);
    let examples: Vec<&str> = blocks
        .filter_map(|block| block.split("```").next())
        .filter(|block| block.starts_with("+++"))
        .collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        assert_eq!(compile(example).1, Vec::<String>::new(), "{example}");
    }
}

proptest! {
    #[test]
    fn no_value_becomes_a_late_value(value in any::<String>()) {
        let values = [value, "{{conversation.count}}".to_owned(), "\u{E101}conversation\u{E102}".to_owned(),
            r#"{"inlines":[{"conversation":"count"}]}"#.to_owned()];
        let (library, found) = compile("{{title}}{{link title title}}{{code title}}{{quote title}}{{excerpt title 99}}{{slack title 99}}");
        prop_assert_eq!(found, Vec::<String>::new());
        for value in values {
            let context = Context::from(json!({ "title": value.clone() }));
            if let Rendered::Message(message) = library.render_alone("pull", None, &context).rendered {
                let json = serde_json::to_value(&message.message).unwrap();
                prop_assert!(!has_late_value(&json), "{}", json);
            }
            let json = serde_json::to_value(markdown::parse(&crate::message::text_atom(&value)).unwrap()).unwrap();
            prop_assert!(!has_late_value(&json), "{}", json);
        }
    }
}

/// Whether a document in JSON has a node `{"conversation": …}`.
fn has_late_value(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::Object(members) => {
            members.contains_key("conversation") || members.values().any(has_late_value)
        }
        serde_json::Value::Array(items) => items.iter().any(has_late_value),
        _ => false,
    }
}
