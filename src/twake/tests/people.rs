//! Whom a message mentions, in each dialect.

use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};
use std::sync::Arc;

use super::readers::channels;
use super::*;
use crate::message::{ChatUser, People, Person, Readers};

const ID: &str = "6f0c2b1e-1111-11eb-8000-0242ac120002";
const USER: &str = "@alice:example.org";

/// A channel in each dialect. In both, alice is mapped for the source github.
fn with_alice() -> [Destination; 2] {
    let readers = |user: ChatUser| {
        let mut people = People::default();
        people.insert(Some("github".to_owned()), "alice".to_owned(), user);
        Readers {
            people: Arc::new(people),
            ..Readers::default()
        }
    };
    let [old, _] = channels(&readers(ChatUser::Twake(ID.parse().unwrap())));
    let [_, chat] = channels(&readers(ChatUser::Matrix(USER.to_owned())));
    [old, chat]
}

fn person(source: &str, login: &str) -> Inline {
    Inline::Person(Person {
        source: source.to_owned(),
        login: login.to_owned(),
        user: None,
    })
}

fn message(line: Vec<Inline>) -> StoredMessage {
    StoredMessage::new(Document {
        blocks: vec![Block::Paragraph(line)],
    })
}

/// The body that is sent, and the users that the chat finds in it.
fn sent(destination: &Destination, act: Act, message: &StoredMessage) -> (Value, Vec<String>) {
    let job = Job {
        act,
        ..Job::post(Uuid::nil(), 1, destination, message)
    };
    let body: Value = serde_json::from_slice(&request(&job).body).unwrap();
    let users = match destination {
        Destination::MessagesSave(_) => {
            let text = body["message"]["content"]["original_str"].as_str().unwrap();
            let pattern = Regex::new("@[^: ]+:([0-f-]{36})").unwrap();
            pattern
                .captures_iter(text)
                .map(|found| found[1].to_owned())
                .collect()
        }
        Destination::Threads(_) => unreachable!("no channel of this test"),
        Destination::Matrix(_) => {
            let users = body["m.mentions"]["user_ids"].as_array();
            let users = users.into_iter().flatten();
            users.map(|user| user.as_str().unwrap().to_owned()).collect()
        }
    };
    (body, users)
}

#[test]
fn a_mapped_person_is_mentioned_by_a_post_and_a_reply_and_never_by_an_edit() {
    let target = || id("6f0c0000", None);
    for (source, login, is_mapped) in [
        ("github", "alice", true),
        ("github", "Alice", false),
        ("github", "bob", false),
        ("gitlab", "alice", false),
        ("github", "@alice:example.org", false),
        ("", "", false),
    ] {
        for (act, may_mention) in [
            (Act::Post, true),
            (Act::Reply(target()), true),
            (Act::Update(target()), false),
        ] {
            for destination in with_alice() {
                let line = vec![Inline::Text("for ".to_owned()), person(source, login)];
                let (body, users) = sent(&destination, act.clone(), &message(line));
                let expected = is_mapped && may_mention;
                let user = match &destination {
                    Destination::MessagesSave(_) | Destination::Threads(_) => ID,
                    Destination::Matrix(_) => USER,
                };
                let expected: Vec<&str> = expected.then_some(user).into_iter().collect();
                assert_eq!(users, expected, "{source}/{login} by {act:?}");
                if expected.is_empty() {
                    assert!(!body.to_string().contains("matrix.to"), "{body}");
                    assert!(!body.to_string().contains(r#""type":"user""#), "{body}");
                }
            }
        }
    }
}

#[test]
fn a_mention_has_the_form_of_its_chat() {
    let line = vec![
        Inline::Text("for ".to_owned()),
        person("github", "alice"),
        Inline::Text(", @bob".to_owned()),
    ];
    let [old, chat] = with_alice();
    let (body, _) = sent(&old, Act::Post, &message(line.clone()));
    let content = &body["message"]["content"];
    assert_eq!(
        content["original_str"],
        format!("for @\u{2060}alice:{ID}, @\u{2060}bob")
    );
    assert_eq!(
        content["formatted"],
        json!([
            {"type": "text", "content": "for "},
            {"type": "user", "content": format!("alice:{ID}")},
            {"type": "text", "content": ", @bob"},
        ])
    );
    let (body, _) = sent(&chat, Act::Post, &message(line));
    // A notice would notify nobody.
    assert_eq!(
        (&body["msgtype"], &body["body"]),
        (&json!("m.text"), &json!("for alice, @\u{2060}bob"))
    );
    assert_eq!(
        body["formatted_body"],
        format!("<p>for <a href=\"https://matrix.to/#/{USER}\">alice</a>, @\u{2060}bob</p>")
    );
}

proptest! {
    #[test]
    fn text_of_an_event_mentions_nobody(
        text in "(@|alice|:|\u{2060}|6f0c2b1e-1111-11eb-8000-0242ac120002|@alice:6f0c2b1e-1111-11eb-8000-0242ac120002|@alice:example.org|https://matrix.to/#/@alice:example.org| |x){0,12}",
        login in "(@|alice|:|\u{2060}|6f0c2b1e-1111-11eb-8000-0242ac120003|bob){0,4}",
        is_mentioned: bool,
    ) {
        let mut line = vec![
            Inline::Text(text.clone()),
            Inline::Strong(vec![Inline::Text(text.clone()), person("gitlab", &login)]),
            Inline::Link { url: "https://matrix.to/#/@alice:example.org".to_owned(), label: vec![person("gitlab", &text)] },
            Inline::Code(text),
        ];
        if is_mentioned {
            line.insert(1, person("github", "alice"));
        }
        for destination in with_alice() {
            let (body, users) = sent(&destination, Act::Post, &message(line.clone()));
            let user = match &destination {
                Destination::MessagesSave(_) | Destination::Threads(_) => ID,
                Destination::Matrix(_) => USER,
            };
            // A text may repeat the mention of a person who is mentioned anyway.
            prop_assert!(users.iter().all(|found| is_mentioned && found == user), "{:?}", users);
            prop_assert_eq!(!users.is_empty(), is_mentioned);
            let links = body.to_string().matches("href=\\\"https://matrix.to").count();
            prop_assert!(links <= usize::from(is_mentioned), "{}", body);
        }
    }
}
