//! The message as it is sent.

use proptest::prelude::*;

use super::*;
use crate::message::{markdown, plain, text_atom};

/// The path and the body that are sent for an act.
fn sent(act: Act, message: &StoredMessage) -> (String, Value) {
    let destination = destination().into();
    let job = Job {
        act,
        ..Job::post(Uuid::nil(), 1, &destination, message)
    };
    let request = twake::request(&job);
    assert!(request.body.len() < 1_000_000, "{}", request.body.len());
    let body = serde_json::from_slice(&request.body).unwrap();
    (request.url.path().to_owned(), body)
}

fn document(text: &str) -> StoredMessage {
    StoredMessage::new(markdown::parse(text).unwrap())
}

#[test]
fn each_act_sends_text_and_blocks() {
    let mut message = document("**Build** @all");
    message.appearance = Some(Appearance {
        title: Some("CI".to_owned()),
        picture: Some("https://e/ci.png".to_owned()),
    });
    let mut content = json!({
        "subtype": "application",
        "text": "Build @\u{2060}all",
        "blocks": [{ "type": "twacode", "elements": [
            { "type": "bold", "content": [{ "type": "text", "content": "Build" }] },
            { "type": "text", "content": " @all" },
        ] }],
        "context": { "twake_bridge": "00000000-0000-0000-0000-000000000000/1" },
        "override": { "title": "CI", "picture": "https://e/ci.png" },
    });
    let threads = "/chat/api/messages/v1/companies/COMPANY/threads";
    let (path, body) = sent(Act::Post, &message);
    let channel = json!({
        "type": "channel", "id": "CHANNEL", "company_id": "COMPANY", "workspace_id": "WORKSPACE",
    });
    assert_eq!(path, threads);
    assert_eq!(
        body,
        json!({ "resource": { "participants": [channel] }, "options": { "message": content } })
    );
    for target in [id("a", None), id("b", Some("a"))] {
        let (path, body) = sent(Act::Reply(target), &message);
        assert_eq!(path, format!("{threads}/a/messages"));
        assert_eq!(body, json!({ "resource": content }));
    }
    // What an update leaves out stays.
    content.as_object_mut().unwrap().remove("context");
    for (target, end) in [
        (id("a", None), "a/messages/a"),
        (id("b", Some("a")), "a/messages/b"),
    ] {
        let (path, body) = sent(Act::Update(target), &message);
        assert_eq!(path, format!("{threads}/{end}"));
        assert_eq!(body, json!({ "resource": content }));
    }
    let (_, body) = sent(Act::Post, &document("x"));
    assert!(body["options"]["message"].get("override").is_none());
}

#[test]
fn an_id_stays_one_segment_of_the_path() {
    let (path, _) = sent(Act::Update(id("../b?c#d", Some("a/..%2F"))), &document("x"));
    assert!(
        path.ends_with("/threads/a%2F..%252F/messages/..%2Fb%3Fc%23d"),
        "{path}"
    );
}

#[test]
fn a_large_message_is_cut_to_what_the_server_takes() {
    let link = |index: usize| Inline::Link {
        url: format!("https://e/{}{index}", "x".repeat(3000)),
        label: vec![Inline::Text("l".to_owned())],
    };
    for inlines in [
        vec![Inline::Text("\"\u{1}🔥".repeat(60_000))],
        (0..500).map(link).collect(),
        vec![Inline::Strong(vec![]); 40_000],
    ] {
        let message = StoredMessage::new(Document {
            blocks: vec![Block::Paragraph(inlines)],
        });
        // [`sent`] asserts the size.
        let (_, body) = sent(Act::Reply(id("a", None)), &message);
        assert!(!body["resource"]["text"].as_str().unwrap().is_empty());
    }
}

/// Whom the server notifies, as its expressions find them: `@[^: ]+:([0-f-]{36})`, `( |^)@[a-zA-Z0-9-_.]+`.
fn notified(text: &str) -> Vec<&str> {
    let at = text.char_indices().filter(|(_, character)| *character == '@');
    at.filter_map(|(at, _)| {
        let after = &text[at + 1..];
        let is_first = at == 0 || text[..at].ends_with([' ', '\n', '\r', '\u{2028}', '\u{2029}']);
        let of_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if is_first && after.starts_with(of_word) {
            return Some(after);
        }
        let (name, id) = after.split_at(after.find([':', ' '])?);
        let id = id.strip_prefix(':')?;
        let letters = id
            .chars()
            .take(36)
            .filter(|c| matches!(c, '0'..='f' | '-'))
            .count();
        (!name.is_empty() && letters == 36).then_some(after)
    })
    .collect()
}

#[test]
fn the_expressions_of_the_server_find_mentions() {
    let user = "01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b";
    for (text, found) in [
        (format!("see x@y:{user}"), true),
        (format!("see @\u{2060}y:{user}"), true),
        ("line\n@ann".to_owned(), true),
        (format!("@\u{2060}y:\u{2060}{user}"), false),
        ("(@ann)".to_owned(), false),
    ] {
        assert_eq!(!notified(&text).is_empty(), found, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_of_others_becomes_a_mention_or_a_node_of_its_own(
        text in "([@: \n>*`\\[\\]()\"{}a-f0-9-]|@all|@[a-z]{1,3}:|01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b|@[^: ]{1,3}:01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b){0,12}",
    ) {
        let atom = markdown::parse(&format!("**{}** {0}", text_atom(&text))).unwrap();
        for document in [atom, Document { blocks: vec![Block::Paragraph(vec![Inline::Text(text.clone())])] }] {
            let message = StoredMessage::new(document);
            for act in [Act::Post, Act::Reply(id("a", None)), Act::Update(id("a", None))] {
                let (_, body) = sent(act, &message);
                let message = body.pointer("/options/message").unwrap_or(&body["resource"]);
                let sent = message["text"].as_str().unwrap();
                prop_assert_eq!(notified(sent), Vec::<&str>::new(), "{:?}", sent);
                let elements = message["blocks"][0]["elements"].to_string();
                for kind in ["user", "channel", "compile"] {
                    let node = format!("\"type\":\"{kind}\"");
                    prop_assert!(!elements.contains(&node), "{}", elements);
                }
            }
        }
        prop_assert!(notified(&plain::without_mentions(&text)).is_empty());
    }
}
