//! `slack`: text in Slack's own markup (`mrkdwn`), as what it means.
//!
//! What already posts to Slack writes `*bold*`, `_italic_`, `~struck~`, `` `code` ``, `<https://…|label>`, `> quoted`, and
//! `&amp; &lt; &gt;` for the three characters that mean something (docs.slack.dev, "Formatting message text"). This
//! reads it without Markdown: what it cannot read is text, links lead to http, https and mailto only, and what would notify
//! somebody in Slack (`<!channel>`) is a word.

mod inline;

use handlebars::RenderError;

use self::inline::{inlines, unmarked};
use super::{Arguments, Run};
use crate::message::cutting::{cut, start_of};
use crate::message::{Block, Document, Inline, control, nodes_atom, plain, target_is_allowed};

pub(super) const HELPERS: &[(&str, Run<String>)] = &[("slack", slack)];

/// Most characters of markup that are looked at. Slack cuts a message at 40,000, and one of ours is much shorter.
const INPUT: usize = 16_000;

const FENCE: &str = "```";

/// `slack text 300`: the text as what its markup means, at most so many characters of it. Its first paragraph
/// goes on in the line where it stands; further ones, quotations and code blocks are blocks of their own. `slack text 300 url`: the text alone, as the
/// label of a link, where the address is one a link may lead to.
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
    let mut said = String::new();
    if let Some(Block::Paragraph(line)) = blocks.first_mut() {
        said = nodes_atom(Ok(std::mem::take(line)));
        blocks.remove(0);
    }
    if !blocks.is_empty() || said.is_empty() {
        said.push_str(&nodes_atom(Err(blocks)));
    }
    Ok(said)
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

/// Code blocks, and what is between them.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((before, fenced)) = rest.split_once(FENCE) {
        // A fence without its end is text.
        let Some((code, after)) = fenced.split_once(FENCE) else {
            break;
        };
        lines(before, &mut blocks);
        let code = control::lines(&unmarked(code)).into_owned();
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

/// Paragraphs and quotations. A blank line ends a paragraph; `>>>` quotes all that follows.
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

/// What follows so many `>` (as they are, or as `&gt;`) at the start of a line, if they are there.
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
