//! What holds of every message, whatever it was made of.

use regex::Regex;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use twake_bridge::message::{Block, Document, Inline, StoredMessage};
use twake_bridge::secret::Secret;
use twake_bridge::twake::messages_save::{self, Account};
use twake_bridge::twake::{Destination, Job, Outbound, request};
use url::Url;
use uuid::Uuid;

/// A body of this many bytes is refused by later servers.
const LARGEST_BODY: usize = 1 << 20;
/// The address that only syntax in a value could make a link to: no value begins with it.
pub(crate) const EVIL: &str = "http://evil.example";

static DESTINATION: LazyLock<Destination> = LazyLock::new(|| {
    Destination::MessagesSave(messages_save::Destination {
        account: Arc::new(Account {
            name: "main".to_owned(),
            url: Url::parse("https://twake.example").unwrap(),
            outbound: Arc::new(Outbound::default()),
            public_id: "id".to_owned(),
            private_api_key: Secret::new("key"),
            group_id: "group".to_owned(),
        }),
        group_id: "group".to_owned(),
        channel_id: "channel".to_owned(),
        rate: None,
    })
});

/// What Twake looks for in a message's text to notify somebody. All its servers have the first two
/// (`MessageSystem.php`, later `node/services/messages/services/utils.ts`), the last ones the third, too.
static MENTIONS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        r"(?m)@[^: ]+:([0-f-]{36})",
        r"(?m)(^| )@(all|here|channel|everyone)([^a-z]|$)",
        r"(?m)( |^)@[a-zA-Z0-9-_.]+",
    ]
    .map(|pattern| Regex::new(pattern).unwrap())
});

/// What makes text behind it go another way.
pub(crate) fn turns(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// It can be kept and read again, and what is sent to Twake is small, well-formed, and notifies nobody. `may_link`: some of
/// it is Markdown of other people, whose links are links.
pub(crate) fn check(message: &StoredMessage, may_link: bool) {
    let kept = serde_json::to_string(message).unwrap();
    assert_eq!(
        serde_json::from_str::<StoredMessage>(&kept).unwrap(),
        *message,
        "kept as something else"
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
    assert_eq!(text, content["fallback_string"], "Twake prefers another text");
    assert!(!text.is_empty(), "Twake would read the nodes");
    // In JavaScript a line begins after any of these.
    let lines = text.replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    for pattern in MENTIONS.iter() {
        assert!(
            !pattern.is_match(&lines),
            "{pattern} would notify somebody: {text:?}"
        );
    }
    assert!(!text.contains(turns), "it turns what follows: {text:?}");
    assert!(!kept.contains(turns), "it turns what follows: {kept}");
    let formatted = &content["formatted"];
    nodes(formatted, 0);
    if !may_link {
        let link = format!("\"url\":\"{EVIL}");
        assert!(
            !formatted.to_string().contains(&link),
            "a value was read as syntax: {formatted}"
        );
    }
}

/// Twacode as this program writes it: known nodes, literal text, links to the web alone.
fn nodes(value: &Value, depth: usize) {
    assert!(depth < 40, "nested too deeply");
    for node in value.as_array().unwrap_or_else(|| panic!("no list: {value}")) {
        let members = node.as_object().unwrap_or_else(|| panic!("a bare {node}"));
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
    assert!(!text.contains(acts), "characters that act in {text:?}");
}

/// A document without its words: what a value must never change.
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
            Inline::Break => out.push_str("br "),
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
