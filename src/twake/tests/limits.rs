//! Messages over the size limit of a chat: each dialect posts their start, whole in itself.

use super::readers::{channels, posted};
use super::*;
use crate::message::{Readers, markdown};

const REST: &str = "https://e.example/whole";

/// The largest request of a dialect, and the size of a message that is longer, both in bytes.
fn sizes(destination: &Destination) -> (usize, usize) {
    match destination {
        Destination::MessagesSave(_) => (1_000_000, 450_000),
        Destination::Threads(_) => (1_000_000, 700_000),
        // The content of an event, with its other keys.
        Destination::Matrix(_) => (60_500, 90_000),
    }
}

#[test]
fn a_message_over_the_limit_is_cut_and_closed_with_a_link_to_the_rest() {
    const FAMILY: &str = "👨\u{200D}👩\u{200D}👧\u{200D}👦";
    let link = format!("[word](https://e.example/{})\n", "x".repeat(1_500));
    let [old, threads, chat] = channels(&Readers::default());
    for (name, start, repeated, piece, destinations) in [
        ("text", "", "word ", "word", vec![&chat]),
        (
            "long links",
            "",
            link.as_str(),
            "word",
            vec![&old, &threads, &chat],
        ),
        ("flags", "x", "🇫🇷", "🇫🇷", vec![&old, &threads, &chat]),
        ("families", "xx", FAMILY, FAMILY, vec![&chat]),
        ("accents", "", "e\u{301}", "e\u{301}", vec![&chat]),
        (
            "nested lists",
            "",
            "- word\n  - word\n    - word\n",
            "word",
            vec![&chat],
        ),
        (
            "quotes",
            "",
            "> word\n>\n> > word\n\nword\n\n",
            "word",
            vec![&chat],
        ),
        ("code", "```rust\n", "word\n", "word", vec![&chat]),
        (
            "code in lists",
            "",
            "- word\n\n  ```\n  word\n  ```\n",
            "word",
            vec![&chat],
        ),
        (
            "marks",
            "",
            "**word** *word* `word` ~~word~~ ",
            "word",
            vec![&chat],
        ),
        (
            "escaped characters",
            "",
            "word\\\\\\<\\&\\> ",
            "word\\<&>",
            vec![&chat],
        ),
    ] {
        for (destination, rest) in destinations
            .into_iter()
            .flat_map(|to| [(to, Some(REST)), (to, None)])
        {
            let (limit, longer) = sizes(destination);
            // Texts are in a request two or three times, addresses once.
            let longer = if repeated == link { 3 * longer } else { longer };
            let markdown = format!("{start}{}", repeated.repeat(longer / repeated.len()));
            let message = StoredMessage {
                rest: rest.map(str::to_owned),
                ..StoredMessage::new(markdown::parse(&markdown).unwrap())
            };
            let job = Job::post(Uuid::nil(), 1, destination, &message);
            let bytes = request(&job).body.len();
            assert!(
                (limit / 3..=limit).contains(&bytes),
                "{name}: {bytes} bytes of {limit}"
            );
            let (plain, rich) = posted(&job);
            let shown = match rest {
                Some(_) => plain.strip_suffix("\nRead the rest").unwrap(),
                None => &plain,
            };
            assert!(shown.ends_with('…'), "{name}");
            assert_eq!(rich.contains(REST), rest.is_some(), "{name}");
            // Beside whole pieces there is at most the start of one, and no part of a grapheme.
            let left = shown.trim_end_matches('…').replace(piece, "");
            let left: String = left
                .chars()
                .filter(|character| !" \n>•x".contains(*character))
                .collect();
            assert!(
                piece.starts_with(&left) && left.is_ascii(),
                "{name}: {left:?} is left"
            );
            assert_tags_are_closed(&rich, name);
        }
    }
}

fn assert_tags_are_closed(html: &str, name: &str) {
    for tag in [
        "p",
        "ul",
        "li",
        "blockquote",
        "pre",
        "code",
        "strong",
        "em",
        "del",
        "a",
    ] {
        let count = |text: String| html.matches(&text).count();
        let opened = count(format!("<{tag}>")) + count(format!("<{tag} "));
        assert_eq!(opened, count(format!("</{tag}>")), "{name}: <{tag}>");
    }
}

#[test]
fn a_message_within_the_limit_is_not_cut() {
    let markdown = format!("{}end", "word ".repeat(1_000));
    let message = StoredMessage {
        rest: Some(REST.to_owned()),
        ..StoredMessage::new(markdown::parse(&markdown).unwrap())
    };
    for destination in channels(&Readers::default()) {
        let (plain, rich) = posted(&Job::post(Uuid::nil(), 1, &destination, &message));
        assert_eq!(plain, markdown);
        assert!(!rich.contains(REST), "{rich}");
    }
}
