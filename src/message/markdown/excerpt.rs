//! Extracts the start of untrusted Markdown, such as a comment or the description of an issue.
//!
//! Such text may contain anything: a page of HTML, fifty thousand `>`, the characters of atoms. An excerpt keeps
//! paragraphs, emphasis, code, links and lists. It has only a few lines, so at most [`INPUT`] bytes of the text are
//! parsed.

use pulldown_cmark::{Event, Parser, Tag, TagEnd, TextMergeStream};

use super::builder::Builder;
use super::options;
use crate::message::{Block, Document, Inline, cutting, plain};

/// Maximum length of the parsed text, in bytes.
pub(crate) const INPUT: usize = 4096;

/// Maximum number of lines of an excerpt.
pub(crate) const LINES: usize = 6;

/// Returns at most `limit` characters (of plain text) and [`LINES`] lines, ending with `…` after a word if there is
/// more. Empty if the text has no content.
///
/// Images become their alternative text, headings become bold lines. HTML, comments and rules are left out, and so are
/// quotes if the text has other content.
pub(crate) fn excerpt(markdown: &str, limit: usize) -> Vec<Block> {
    let mut end = markdown.len().min(INPUT);
    while !markdown.is_char_boundary(end) {
        end -= 1;
    }
    let (start, more) = markdown.split_at(end);
    // Untrusted text must not contain atoms.
    let start = start.replace(
        |character| matches!(character, '\u{E000}'..='\u{E1FF}'),
        "\u{FFFD}",
    );
    let mut builder = Builder::new();
    for event in TextMergeStream::new(Parser::new_ext(&start, options())) {
        match event {
            Event::InlineHtml(html) if is_line_break(&html) => builder.event(Event::HardBreak),
            Event::Html(html) => {
                if let Some(text) = after_comment(&html) {
                    builder.event(Event::Text(text.into()));
                }
            }
            Event::InlineHtml(_)
            | Event::Rule
            | Event::Start(Tag::Image { .. })
            | Event::End(TagEnd::Image) => {}
            event => builder.event(event),
        }
    }
    let document = Document {
        blocks: tidy(builder.finish().blocks),
    };
    let mut blocks = cutting::cut_lines(document, limit, LINES).blocks;
    let text = plain::blocks(&blocks);
    if !more.trim().is_empty() && !text.is_empty() && !text.ends_with('…') && text.chars().count() < limit {
        cutting::end_with_ellipsis(&mut blocks);
    }
    blocks
}

/// Returns the text after an HTML comment at the start of a line. Markdown treats the whole line as HTML.
fn after_comment(html: &str) -> Option<&str> {
    let (_, text) = html.rsplit_once("-->")?;
    Some(text.trim()).filter(|text| !text.contains('<') && !text.is_empty())
}

fn is_line_break(html: &str) -> bool {
    let name = html.trim_matches(['<', '>', '/', ' ']);
    name.eq_ignore_ascii_case("br")
}

/// Keeps the blocks with content, in the format of an excerpt.
fn tidy(blocks: Vec<Block>) -> Vec<Block> {
    let (quotes, own): (Vec<_>, Vec<_>) = blocks
        .into_iter()
        .filter_map(tidy_block)
        .partition(|block| matches!(block, Block::Quote(_)));
    if !own.is_empty() {
        return own;
    }
    let content = quotes.into_iter().flat_map(|quote| match quote {
        Block::Quote(blocks) => blocks,
        other => vec![other],
    });
    content.collect()
}

fn tidy_block(block: Block) -> Option<Block> {
    Some(match block {
        Block::Paragraph(content) => Block::Paragraph(tidy_line(content)?),
        Block::Heading(content) => Block::Paragraph(vec![Inline::Strong(tidy_line(content)?)]),
        Block::Code { text, .. } if text.trim().is_empty() => return None,
        Block::Quote(blocks) => Block::Quote(non_empty(tidy(blocks))?),
        Block::List { start, items } => Block::List {
            start,
            items: non_empty(
                items
                    .into_iter()
                    .filter_map(|item| non_empty(tidy(item)))
                    .collect(),
            )?,
        },
        Block::Buttons(_) | Block::Rule => return None,
        code @ Block::Code { .. } => code,
    })
}

/// Removes parts without content: empty emphasis, links around images without a text, and white space and line breaks
/// where something was left out.
fn tidy_line(content: Vec<Inline>) -> Option<Vec<Inline>> {
    let mut kept: Vec<Inline> = Vec::new();
    for inline in content {
        let at_start = matches!(kept.last(), None | Some(Inline::Break));
        match inline {
            Inline::Text(text) if at_start && text.trim().is_empty() => {}
            Inline::Text(text) if at_start => kept.push(Inline::Text(text.trim_start().to_owned())),
            Inline::Break if at_start => {}
            Inline::Strong(inner) => kept.extend(tidy_line(inner).map(Inline::Strong)),
            Inline::Emphasis(inner) => kept.extend(tidy_line(inner).map(Inline::Emphasis)),
            Inline::Strikethrough(inner) => kept.extend(tidy_line(inner).map(Inline::Strikethrough)),
            Inline::Link { url, label } => {
                kept.extend(tidy_line(label).map(|label| Inline::Link { url, label }));
            }
            Inline::Code(code) if code.trim().is_empty() => {}
            inline => kept.push(inline),
        }
    }
    while matches!(kept.last(), Some(Inline::Break)) {
        kept.pop();
    }
    non_empty(kept)
}

fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{markdown, nodes_atom, target_is_allowed};

    fn plain(markdown: &str, limit: usize) -> String {
        plain::blocks(&excerpt(markdown, limit))
    }

    #[test]
    fn readable_elements_are_kept() {
        let blocks = excerpt(
            "**Fixed** in `main`, see [the _log_](https://e/log):\n\n- a\n- b ~~c~~\n\n1. d",
            300,
        );
        let text = |text: &str| Inline::Text(text.to_owned());
        let item = |content: Vec<Inline>| vec![Block::Paragraph(content)];
        assert_eq!(
            blocks,
            [
                Block::Paragraph(vec![
                    Inline::Strong(vec![text("Fixed")]),
                    text(" in "),
                    Inline::Code("main".to_owned()),
                    text(", see "),
                    Inline::Link {
                        url: "https://e/log".to_owned(),
                        label: vec![text("the "), Inline::Emphasis(vec![text("log")])],
                    },
                    text(":"),
                ]),
                Block::List {
                    start: None,
                    items: vec![
                        item(vec![text("a")]),
                        item(vec![text("b "), Inline::Strikethrough(vec![text("c")])]),
                    ],
                },
                Block::List {
                    start: Some(1),
                    items: vec![item(vec![text("d")])],
                },
            ]
        );
    }

    #[test]
    fn html_images_and_rules_are_left_out() {
        for (markdown, expected) in [
            ("<!-- Thank you!\n\nRead this. -->\n\nIt breaks.", "It breaks."),
            ("<!-- x --> It breaks.\nOften.", "It breaks.\nOften."),
            ("It <!-- x --><b>breaks</b>.<br/>Often.", "It breaks.\nOften."),
            ("<!-- x\ny --> <script>z</script>", ""),
            ("<div>\n<p>x</p>\n</div>\n\n---\n\nIt breaks.", "It breaks."),
            (
                "## What **happens**\r\n\r\nIt breaks.",
                "What happens\nIt breaks.",
            ),
            ("![a crash](https://e/x.png) here", "a crash here"),
            (
                "[![](https://e/badge.svg)](https://e/ci)\n\nIt breaks.",
                "It breaks.",
            ),
            ("[![CI](https://e/badge.svg)](https://e/ci)", "CI"),
            ("> Does it work?\n\nYes.\n\n> And there?\n\nNo.", "Yes.\nNo."),
            ("> Only a quotation.\n> > Two.", "Only a quotation."),
            ("[run](javascript:alert(1)) [mail](mailto:a@e)", "run mail"),
            ("- <!-- a -->\n- [ ] b", "• [ ] b"),
            ("<!-- nothing -->\n\n***\n\n![](https://e/x)\n", ""),
            ("", ""),
            ("   \n\t", ""),
        ] {
            assert_eq!(plain(markdown, 300), expected, "{markdown:?}");
        }
    }

    #[test]
    fn an_excerpt_ends_after_a_word_and_a_few_lines() {
        assert_eq!(plain("one two three four", 12), "one two…");
        assert_eq!(plain("one two three four", 14), "one two three…");
        assert_eq!(plain("one two", 7), "one two");
        assert_eq!(plain("abcdefghijkl", 5), "abcd…");
        assert_eq!(plain("1\n2\n3\n4\n5\n6\n7", 300), "1\n2\n3\n4\n5\n6…");
        assert_eq!(
            plain("1\n\n2\n\n3\n\n- 4\n- 5\n- 6\n- 7", 300),
            "1\n2\n3\n• 4\n• 5\n• 6…"
        );
        assert_eq!(plain("```\n1\n2\n3\n4\n5\n6\n7\n```", 300), "1\n2\n3\n4\n5\n6…");
        let long = format!("It breaks.\n\n<!--{}-->\n\nOften.", "x".repeat(INPUT));
        assert_eq!(plain(&long, 300), "It breaks.…");
        assert_eq!(plain(&"ä ".repeat(INPUT), 5), "ä ä…");
    }

    #[test]
    fn atoms_in_untrusted_text_are_not_decoded() {
        let forged = nodes_atom(Ok(vec![Inline::Link {
            url: "javascript:alert(1)".to_owned(),
            label: vec![Inline::Text("x".to_owned())],
        }]));
        let [Block::Paragraph(content)] = &excerpt(&forged, 300)[..] else {
            panic!("{forged}")
        };
        assert!(
            matches!(&content[..], [Inline::Text(text)] if text.contains('\u{FFFD}')),
            "{content:?}"
        );
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        for piece in [
            ">", "> ", "- ", "*", "_", "[", "![", "(", "`", "<", "<!--", "1. ", "\\", "#", "~", "\t", "&",
        ] {
            let blocks = excerpt(&format!("{}x", piece.repeat(50_000)), 300);
            check_blocks(&blocks, 0);
            drop(blocks);
        }
        check_blocks(&excerpt(&"*a ".repeat(50_000), 300), 0);
    }

    /// Panics if a block has a type or depth that excerpts must not have.
    fn check_blocks(blocks: &[Block], depth: usize) {
        assert!(depth < 20, "too deep");
        for block in blocks {
            match block {
                Block::Paragraph(content) => check_line(content, depth),
                Block::Code { .. } => {}
                Block::List { items, .. } => items.iter().for_each(|item| check_blocks(item, depth + 1)),
                Block::Quote(_) | Block::Heading(_) | Block::Buttons(_) | Block::Rule => panic!("{block:?}"),
            }
        }
    }

    fn check_line(content: &[Inline], depth: usize) {
        assert!(depth < 20, "too deep");
        for inline in content {
            match inline {
                Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                    check_line(inner, depth + 1);
                }
                Inline::Link { url, label } => {
                    assert!(target_is_allowed(url), "{url}");
                    check_line(label, depth + 1);
                }
                Inline::Text(_)
                | Inline::Code(_)
                | Inline::Time(_)
                | Inline::Person(_)
                | Inline::Break
                | Inline::Conversation(_) => {}
            }
        }
    }

    fn check_excerpt(markdown: &str, limit: usize) -> Result<(), TestCaseError> {
        let blocks = excerpt(markdown, limit);
        check_blocks(&blocks, 0);
        let text = plain::blocks(&blocks);
        prop_assert!(
            text.chars().count() <= limit,
            "{:?} is longer than {}",
            text,
            limit
        );
        prop_assert!(text.split('\n').count() <= LINES, "{:?}", text);
        // In a message, the excerpt is one quote, and the text around it is unchanged.
        let quote = Block::Quote(blocks);
        let around = format!("before\n\n{}\n\nafter", nodes_atom(Err(vec![quote.clone()])));
        let document = markdown::parse(&around).unwrap();
        let word = |word: &str| Block::Paragraph(vec![Inline::Text(word.to_owned())]);
        prop_assert_eq!(document.blocks, vec![word("before"), quote, word("after")]);
        Ok(())
    }

    proptest! {
        #[test]
        fn any_text_stays_in_its_quote(text in any::<String>(), limit in 0_usize..400) {
            check_excerpt(&text, limit)?;
        }

        #[test]
        fn any_markdown_stays_in_its_quote(
            text in "([a-c@ \\n*>`~_#!|<&\\\\-]|- |> |\\n\\n|```|\\[b\\]\\(http://e\\)|!\\[\\]\\(x\\)|<!--|-->|<br>|\\[x\\]: y|1\\. |\u{E101}|\u{E102}){0,80}",
            limit in 0_usize..120,
        ) {
            check_excerpt(&text, limit)?;
        }
    }
}
