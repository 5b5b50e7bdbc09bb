//! Properties of every message, for any event.

use regex::Regex;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use twake_bridge::message::{Block, Document, Inline, Readers, StoredMessage};
use twake_bridge::secret::Secret;
use twake_bridge::twake::messages_save::{self, Account};
use twake_bridge::twake::{Destination, Job, Outbound, request};
use url::Url;
use uuid::Uuid;

/// The size in bytes of a body that later servers refuse.
const LARGEST_BODY: usize = 1 << 20;
/// An address that no value begins with, so a link to it means that a value was parsed as syntax.
pub(crate) const EVIL: &str = "http://evil.example";

static DESTINATION: LazyLock<Destination> = LazyLock::new(|| {
    Destination::MessagesSave(messages_save::Destination {
        account: Arc::new(Account {
            name: "main".to_owned(),
            url: Url::parse("https://twake.example").unwrap(),
            outbound: Arc::new(Outbound::default()),
            public_id: "id".to_owned(),
            private_api_key: Secret::new("key"),
        }),
        group_id: "group".to_owned(),
        channel_id: "channel".to_owned(),
        rate: None,
        readers: Readers::default(),
        conversations: true,
    })
});

/// The patterns in a message's text that make Twake notify users. All its servers have the first two
/// (`MessageSystem.php`, later `node/services/messages/services/utils.ts`), and the last ones also the third.
static MENTIONS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        r"(?m)@[^: ]+:([0-f-]{36})",
        r"(?m)(^| )@(all|here|channel|everyone)([^a-z]|$)",
        r"(?m)( |^)@[a-zA-Z0-9-_.]+",
    ]
    .map(|pattern| Regex::new(pattern).unwrap())
});

/// Whether a character changes the direction of the text after it.
pub(crate) fn turns(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Checks that a message can be stored and loaded, and that its content for Twake is small, well-formed, and notifies
/// no user. `may_link`: the message contains untrusted Markdown, in which links are allowed.
pub(crate) fn check(message: &StoredMessage, may_link: bool) {
    let kept = serde_json::to_string(message).unwrap();
    assert_eq!(
        serde_json::from_str::<StoredMessage>(&kept).unwrap(),
        *message,
        "stored and loaded differently"
    );

    let body = request(&Job::post(Uuid::nil(), 1, &DESTINATION, message)).body;
    assert!(
        body.len() < LARGEST_BODY,
        "{} bytes are too many for Twake",
        body.len()
    );
    let body: Value = serde_json::from_slice(&body).unwrap();
    let content = &body["message"]["content"];
    let text = content["original_str"].as_str().unwrap();
    assert_eq!(
        text, content["fallback_string"],
        "the two texts of the content differ"
    );
    assert!(!text.is_empty(), "an empty text: Twake would use the nodes");
    // In JavaScript a line starts after any of these characters.
    let lines = text.replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    for pattern in MENTIONS.iter() {
        assert!(
            !pattern.is_match(&lines),
            "{pattern} would notify a user: {text:?}"
        );
    }
    assert!(
        !text.contains(turns),
        "a character changes the text direction: {text:?}"
    );
    assert!(
        !kept.contains(turns),
        "a character changes the text direction: {kept}"
    );
    let formatted = &content["formatted"];
    nodes(formatted, 0);
    if !may_link {
        let link = format!("\"url\":\"{EVIL}");
        assert!(
            !formatted.to_string().contains(&link),
            "a value was parsed as syntax: {formatted}"
        );
    }
}

/// Checks Twacode: only known nodes, literal text, and links to web addresses.
fn nodes(value: &Value, depth: usize) {
    assert!(depth < 40, "nested too deeply");
    for node in value.as_array().unwrap_or_else(|| panic!("not a list: {value}")) {
        let members = node
            .as_object()
            .unwrap_or_else(|| panic!("not an object: {node}"));
        let content = &node["content"];
        match node["type"].as_str().unwrap() {
            "br" => assert_eq!(members.len(), 1),
            "text" | "icode" | "email" | "button" => assert_one_line(content),
            "mcode" => assert!(
                content
                    .as_str()
                    .unwrap()
                    .chars()
                    .all(|c| !(c.is_control() || turns(c)) || c == '\n' || c == '\t')
            ),
            "bold" | "italic" | "strikethrough" | "mquote" => nodes(content, depth + 1),
            "url" => {
                let url = node["url"].as_str().unwrap();
                assert_one_line(&node["url"]);
                assert!(
                    url.starts_with("http://") || url.starts_with("https://"),
                    "a link to {url:?}"
                );
                nodes(content, depth + 1);
            }
            other => panic!("a node of type {other:?}"),
        }
    }
}

fn assert_one_line(content: &Value) {
    let text = content.as_str().unwrap();
    let acts = |c: char| c.is_control() || turns(c);
    assert!(
        !text.contains(acts),
        "control characters or direction changes in {text:?}"
    );
}

/// The structure of a document without its text, which a value must never change.
pub(crate) fn skeleton(document: &Document) -> String {
    let mut out = String::new();
    blocks(&document.blocks, &mut out);
    out
}

fn blocks(blocks: &[Block], out: &mut String) {
    for block in blocks {
        match block {
            Block::Paragraph(content) => wrapped("p", out, |out| inlines(content, out)),
            Block::Heading(content) => wrapped("h", out, |out| inlines(content, out)),
            Block::Code { .. } => out.push_str("code "),
            Block::Quote(content) => wrapped("q", out, |out| self::blocks(content, out)),
            Block::List { start, items } => wrapped(&format!("l{start:?}"), out, |out| {
                for item in items {
                    wrapped("i", out, |out| self::blocks(item, out));
                }
            }),
            Block::Buttons(buttons) => out.push_str(&"button ".repeat(buttons.len())),
            Block::Rule => out.push_str("rule "),
        }
    }
}

fn inlines(content: &[Inline], out: &mut String) {
    for inline in content {
        match inline {
            Inline::Text(_) => out.push_str("t "),
            Inline::Code(_) => out.push_str("c "),
            Inline::Time(_) => out.push_str("time "),
            Inline::Person(_) => out.push_str("person "),
            Inline::Break => out.push_str("br "),
            Inline::Conversation(_) => out.push_str("value "),
            Inline::Strong(inner) => wrapped("strong", out, |out| inlines(inner, out)),
            Inline::Emphasis(inner) => wrapped("emphasis", out, |out| inlines(inner, out)),
            Inline::Strikethrough(inner) => wrapped("strike", out, |out| inlines(inner, out)),
            Inline::Link { label, .. } => wrapped("link", out, |out| inlines(label, out)),
        }
    }
}

fn wrapped(name: &str, out: &mut String, inner: impl FnOnce(&mut String)) {
    out.push_str(name);
    out.push('(');
    inner(out);
    out.push_str(") ");
}
