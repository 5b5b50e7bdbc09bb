//! `slack`: converts Slack's markup (`mrkdwn`).
//!
//! Senders with Slack support write `*bold*`, `_italic_`, `~struck~`, `` `code` ``, `<https://…|label>`, `> quoted`,
//! and `&amp; &lt; &gt;` for three special characters (docs.slack.dev, "Formatting message text"). The conversion does
//! not use Markdown. Invalid markup is text, links are limited to http, https and mailto, and mentions (`<!channel>`)
//! become words.

mod inline;

use handlebars::RenderError;

use self::inline::{inlines, without_markup};
use super::{Arguments, Run};
use crate::message::cutting::{cut, start_of};
use crate::message::{Block, Document, Inline, control, nodes_atom, plain, target_is_allowed};

pub(super) const HELPERS: &[(&str, Run<String>)] = &[("slack", slack)];

/// Maximum length of the converted markup, in characters. Slack cuts messages at 40,000; messages here are much
/// shorter.
const INPUT: usize = 16_000;

const FENCE: &str = "```";

/// `slack text 300`: converts at most this many characters. The first paragraph continues the current line; other
/// paragraphs, quotes and code blocks are separate blocks. `slack text 300 url`: the plain text as the label of a link,
/// if the URL is allowed.
fn slack(arguments: &Arguments<'_, '_>) -> Result<String, RenderError> {
    let text = arguments.text(0)?;
    let limit = arguments.number(1)?;
    let document = cut(
        Document {
            blocks: blocks(start_of(&text, INPUT)),
        },
        limit,
    );
    if arguments.count() > 2 {
        let url = control::target(&arguments.text(2)?).trim().to_owned();
        let label = control::one_line(&plain::text(&document)).into_owned();
        return Ok(nodes_atom(Ok(linked(label, url))));
    }
    let mut blocks = document.blocks;
    let mut output = String::new();
    if let Some(Block::Paragraph(line)) = blocks.first_mut() {
        output = nodes_atom(Ok(std::mem::take(line)));
        blocks.remove(0);
    }
    if !blocks.is_empty() || output.is_empty() {
        output.push_str(&nodes_atom(Err(blocks)));
    }
    Ok(output)
}

fn linked(label: String, url: String) -> Vec<Inline> {
    match (label.is_empty(), target_is_allowed(&url)) {
        (true, _) => Vec::new(),
        (false, true) => vec![Inline::Link {
            url,
            label: vec![Inline::Text(label)],
        }],
        (false, false) => vec![Inline::Text(label)],
    }
}

/// Splits a text into code blocks and the text between them.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((before, fenced)) = rest.split_once(FENCE) {
        // A fence without an end is text.
        let Some((code, after)) = fenced.split_once(FENCE) else {
            break;
        };
        lines(before, &mut blocks);
        let code = control::lines(&without_markup(code)).into_owned();
        let code = code.trim_start_matches('\n').trim_end();
        if !code.trim().is_empty() {
            blocks.push(Block::Code {
                language: None,
                text: code.to_owned(),
            });
        }
        rest = after;
    }
    lines(rest, &mut blocks);
    blocks
}

/// Splits a text into paragraphs and quotes. A blank line ends a paragraph. `>>>` quotes the rest of the text.
fn lines(text: &str, blocks: &mut Vec<Block>) {
    let text = control::lines(text);
    let mut open: Option<(bool, Vec<Inline>)> = None;
    let mut to_the_end = false;
    for line in text.split('\n') {
        let mut line = line.trim_end();
        let mut is_quoted = to_the_end;
        if let Some(after) = after_marks(line, 3).filter(|_| !to_the_end) {
            (to_the_end, is_quoted, line) = (true, true, after);
        } else if let Some(after) = after_marks(line, 1).filter(|_| !to_the_end) {
            (is_quoted, line) = (true, after);
        }
        let content = inlines(line);
        let changes = open.as_ref().is_some_and(|(quoted, _)| *quoted != is_quoted);
        if changes || (content.is_empty() && !is_quoted) {
            close(open.take(), blocks);
        }
        if content.is_empty() {
            continue;
        }
        let (_, paragraph) = open.get_or_insert_with(|| (is_quoted, Vec::new()));
        if !paragraph.is_empty() {
            paragraph.push(Inline::Break);
        }
        paragraph.extend(content);
    }
    close(open, blocks);
}

/// Returns the text after `count` markers `>` (or `&gt;`) at the start of a line.
fn after_marks(line: &str, count: usize) -> Option<&str> {
    let mut rest = line;
    for _ in 0..count {
        rest = rest.strip_prefix('>').or_else(|| rest.strip_prefix("&gt;"))?;
    }
    Some(rest.trim_start())
}

fn close(open: Option<(bool, Vec<Inline>)>, blocks: &mut Vec<Block>) {
    let Some((is_quoted, content)) = open else {
        return;
    };
    let paragraph = Block::Paragraph(content);
    blocks.push(if is_quoted {
        Block::Quote(vec![paragraph])
    } else {
        paragraph
    });
}

#[cfg(test)]
mod tests;
