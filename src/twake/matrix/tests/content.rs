//! The content of a message, and its transaction id.

use proptest::prelude::*;

use super::*;
use crate::message::Urgency;

/// The content that is sent for an act.
fn sent(notify: Notify, urgent: bool, act: Act, document: Document) -> Value {
    let destination = twake::Destination::from(Destination {
        notify,
        ..destination(ALIAS)
    });
    let urgency = if urgent {
        Urgency::Urgent
    } else {
        Urgency::Critical
    };
    let message = StoredMessage {
        urgency,
        ..StoredMessage::new(document)
    };
    let job = Job {
        act,
        ..Job::post(Uuid::nil(), 1, &destination, &message)
    };
    serde_json::from_slice(&twake::request(&job).body).unwrap()
}

fn document(text: &str) -> Document {
    crate::message::markdown::parse(text).unwrap()
}

#[test]
fn a_post_has_text_and_html_and_mentions_nobody() {
    let content = sent(Notify::Critical, false, Act::Post, document("**Build** @all <b>"));
    let expected = json!({
        "msgtype": "m.notice",
        "body": "Build @\u{2060}all <b>",
        "format": "org.matrix.custom.html",
        "formatted_body": "<p><strong>Build</strong> @\u{2060}all &lt;b&gt;</p>",
        "m.mentions": {},
    });
    assert_eq!(content, expected);
}

#[test]
fn a_reply_names_the_root_and_the_newest_message_it_knows() {
    for (target, root, last) in [(id("$a", None), "$a", "$a"), (id("$b", Some("$a")), "$a", "$b")] {
        let content = sent(Notify::Critical, false, Act::Reply(target), document("x"));
        let relation = json!({
            "rel_type": "m.thread", "event_id": root, "is_falling_back": true,
            "m.in_reply_to": { "event_id": last },
        });
        assert_eq!(content["m.relates_to"], relation);
        assert_eq!(content["m.mentions"], json!({}));
    }
}

#[test]
fn an_update_repeats_the_whole_message_and_shows_one_line_to_old_clients() {
    let message = format!("{}\n\nmore", "long ".repeat(100));
    let content = sent(
        Notify::Always,
        false,
        Act::Update(id("$a", Some("$r"))),
        document(&message),
    );
    assert_eq!(
        content["m.relates_to"],
        json!({ "rel_type": "m.replace", "event_id": "$a" })
    );
    let outer = content["body"].as_str().unwrap();
    assert!(
        outer.starts_with("* long long") && outer.chars().count() <= 202,
        "{outer}"
    );
    let new = &content["m.new_content"];
    assert!(new["body"].as_str().unwrap().ends_with("\nmore"));
    for part in [&content, new] {
        assert_eq!(part["m.mentions"], json!({}));
        assert_eq!(part["msgtype"], "m.text");
    }
    assert!(content.get("formatted_body").is_none() && new["formatted_body"].is_string());
}

#[test]
fn the_channel_and_the_severity_decide_which_messages_make_a_sound() {
    for (notify, urgent, expected) in [
        (Notify::Always, false, "m.text"),
        (Notify::Always, true, "m.text"),
        (Notify::Critical, false, "m.notice"),
        (Notify::Critical, true, "m.text"),
        (Notify::Never, false, "m.notice"),
        (Notify::Never, true, "m.notice"),
    ] {
        let content = sent(notify, urgent, Act::Post, document("x"));
        assert_eq!(content["msgtype"], expected, "{notify:?} {urgent}");
    }
}

#[test]
fn a_large_message_is_cut_to_what_an_event_holds() {
    let link = |index: usize| Inline::Link {
        url: format!("https://e/{}{index}", "x".repeat(3000)),
        label: vec![Inline::Text("l".to_owned())],
    };
    let empty = Inline::Strong(vec![]);
    for (what, inlines) in [
        ("quotation marks", vec![Inline::Text("\"&'".repeat(9_000))]),
        ("emoji", vec![Inline::Text("🔥".repeat(20_000))]),
        ("long links", (0..40).map(link).collect()),
        (
            "one link",
            vec![Inline::Link {
                url: format!("https://e/{}", "x".repeat(90_000)),
                label: vec![],
            }],
        ),
        ("no text", vec![empty; 9_000]),
    ] {
        let large = Document {
            blocks: vec![
                Block::Paragraph(vec![Inline::Text("first".to_owned())]),
                Block::Paragraph(inlines),
            ],
        };
        for act in [Act::Post, Act::Update(id("$a", None))] {
            let content = sent(Notify::Critical, false, act.clone(), large.clone());
            let part = if act == Act::Post {
                &content
            } else {
                &content["m.new_content"]
            };
            let size: usize = ["body", "formatted_body"]
                .iter()
                .map(|key| part[key].to_string().len())
                .sum();
            assert!(size <= 60_000, "{what}: {size}");
            assert!(content.to_string().len() < 61_000, "{what}");
            assert!(!part["body"].as_str().unwrap().is_empty(), "{what}");
        }
    }
}

fn transaction(event: u128, delivery: i64, act: &Act, text: &str, late: Option<&str>) -> String {
    let destination = destination(ALIAS).into();
    let message = StoredMessage::new(document(text));
    let line = |text: &str| Block::Paragraph(vec![Inline::Text(text.to_owned())]);
    let job = Job {
        act: act.clone(),
        late: late.map(line),
        ..Job::post(Uuid::from_u128(event), delivery, &destination, &message)
    };
    let url = twake::request(&job).url;
    url.path().rsplit('/').next().unwrap().to_owned()
}

/// A released version of the bridge may have sent the first attempt.
#[test]
fn the_transaction_id_of_a_message_never_changes() {
    let id = transaction(1, 2, &Act::Post, "x", None);
    assert_eq!(id, "db9499a5a76b58c6cb918e38cd086aca");
}

fn acts() -> impl Strategy<Value = Act> {
    let target = || ("[a-c]{0,2}", prop::option::of("[a-c]{0,2}"));
    let remote = |(message, thread)| RemoteId { message, thread };
    prop_oneof![
        Just(Act::Post),
        target().prop_map(move |of| Act::Reply(remote(of))),
        target().prop_map(move |of| Act::Update(remote(of))),
    ]
}

proptest! {
    #[test]
    fn a_transaction_belongs_to_the_delivery_and_to_what_is_sent(
        one in (0_u128..3, 0_i64..3, acts(), "[a-b]{1,2}"), two in (0_u128..3, 0_i64..3, acts(), "[a-b]{1,2}"),
        late in prop::option::of("[0-9]{1,2} min late"),
    ) {
        let of = |(event, delivery, act, text): &(u128, i64, Act, String), late: Option<&str>| {
            transaction(*event, *delivery, act, text, late)
        };
        prop_assert_eq!(one == two, of(&one, None) == of(&two, None));
        // A retry that is posted later says so, and is still the same message.
        prop_assert_eq!(of(&one, None), of(&one, late.as_deref()));
    }
}
