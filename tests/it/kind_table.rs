//! The table of kinds in templates/README.md, printed from their files.

use std::fmt::Write as _;

use twake_bridge::condition::Condition;
use twake_bridge::config::{KindSummary, kind_summaries};

const PAGE: &str = include_str!("../../templates/README.md");

/// The most fields that a cell names.
const MOST_FIELDS: usize = 4;

#[test]
fn the_table_of_kinds_is_that_of_the_kinds() {
    let mut table = String::from(
        "| kind | sender | authenticates by | signed | deduplicated by |\n| --- | --- | --- | --- | --- |\n",
    );
    for kind in kind_summaries(None) {
        let sender = if kind.senders.is_empty() {
            &kind.title
        } else {
            &kind.senders
        };
        writeln!(
            table,
            "| [`{0}`]({0}/README.md) | {sender} | {1} | {2} | {3} |",
            kind.name,
            kind.authenticates.join(", "),
            signed(&kind),
            deduplicated(&kind)
        )
        .unwrap();
    }
    let start = "<!-- kinds: printed from the kinds, a test compares it -->\n";
    let (_, after) = PAGE.split_once(start).unwrap();
    let (printed, _) = after.split_once("<!-- /kinds -->").unwrap();
    assert!(
        printed == table,
        "the table in templates/README.md should be:\n\n{table}"
    );
}

fn signed(kind: &KindSummary) -> String {
    let text = |text: &String| match text.as_str() {
        "{body}" => "the body".to_owned(),
        "{payload}" => "the JSON text".to_owned(),
        text => format!("`{}`", text.replace('\n', "\\n")),
    };
    let texts: Vec<String> = kind.signed.iter().map(text).collect();
    if texts.is_empty() {
        "nothing".to_owned()
    } else {
        texts.join(", or ")
    }
}

/// The headers and fields that the expressions of the key read.
fn deduplicated(kind: &KindSummary) -> String {
    let mut fields: Vec<String> = Vec::new();
    for expression in &kind.key {
        let condition = Condition::compile(expression).unwrap();
        let references = condition.references();
        let paths = references.paths.iter().filter_map(|path| match path.as_slice() {
            [root, rest @ ..]
                if ["payload", "headers"].contains(&root.as_str())
                    && rest.first().is_some_and(|name| name != "[]") =>
            {
                Some(format!("`{}`", rest.join(".")))
            }
            _ => None,
        });
        let body = references
            .names
            .contains("body_hash")
            .then(|| "the body".to_owned());
        let event = references
            .names
            .contains("event")
            .then(|| "the event type".to_owned());
        for field in event.into_iter().chain(paths).chain(body) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
    let remembered = match kind.remember.strip_suffix('d') {
        Some("1") => "a day".to_owned(),
        Some(days) => format!("{days} days"),
        None => kind.remember.replace('h', " h").replace('m', " min"),
    };
    if fields.is_empty() {
        return format!("the body, for {remembered}");
    }
    let more = if fields.len() > MOST_FIELDS { ", …" } else { "" };
    fields.truncate(MOST_FIELDS);
    format!("{}{more}, for {remembered}", fields.join(", "))
}
