//! Cuts documents to a number of characters, between graphemes: what people see as one character, such as a flag or an
//! accented letter.

use unicode_segmentation::GraphemeCursor;

use super::{Block, Document, Inline, plain, target_is_allowed};

/// The label of the link to the page of the whole text.
const REST: &str = "Read the rest";

/// The longest address of that page, in bytes. A longer one could take the place of the text.
const LONGEST_REST: usize = 2_000;

/// The size of a document, in bytes of its texts and of the addresses of its links.
pub(crate) fn size(document: &Document) -> usize {
    let mut size = plain::text(document).len();
    document.visit(&mut |inline| {
        if let Inline::Link { url, .. } = inline {
            size += url.len();
        }
    });
    size
}

/// Cuts a document to at most `limit` characters of plain text ([`plain::text`]). Keeps whole blocks from the top and
/// the start of the next one, and ends with `…`. A document that fits is unchanged. Buttons after the cut are lost.
pub fn cut(document: Document, limit: usize) -> Document {
    cut_to(document, limit, usize::MAX, false)
}

/// Cuts like [`cut`]. The last line is a link to the page that has the rest, if there is one and the limit leaves room.
pub fn cut_with_link(document: Document, limit: usize, rest: Option<&str>) -> Document {
    let is_shown = |url: &&str| url.len() <= LONGEST_REST && target_is_allowed(url);
    let room = REST.len() + 1;
    let (Some(url), true) = (rest.filter(is_shown), limit > 2 * room) else {
        return cut(document, limit);
    };
    if plain::text(&document).chars().count() <= limit {
        return document;
    }
    let mut document = cut(document, limit - room);
    document.blocks.push(Block::Paragraph(vec![Inline::Link {
        url: url.to_owned(),
        label: vec![Inline::Text(REST.to_owned())],
    }]));
    document
}

/// Renders a document with at most `most` bytes, for the limit of a chat. One that is larger is cut as [`cut_with_link`] does,
/// in the end to an empty document.
pub(crate) fn fitting<T>(
    document: &Document,
    rest: Option<&str>,
    most: usize,
    render: impl Fn(&Document) -> T,
    size: impl Fn(&T) -> usize,
) -> T {
    let mut rendered = render(document);
    if size(&rendered) <= most {
        return rendered;
    }
    let mut limit = plain::text(document).chars().count();
    while limit > 0 && size(&rendered) > most {
        let in_proportion = limit.saturating_mul(most) / size(&rendered);
        limit = in_proportion.min(limit / 8 * 7);
        rendered = render(&cut_with_link(document.clone(), limit, rest));
    }
    rendered
}

/// Cuts like [`cut`], with a maximum number of lines, and at the end of a word if one is near.
pub(crate) fn cut_lines(document: Document, limit: usize, lines: usize) -> Document {
    cut_to(document, limit, lines, true)
}

fn cut_to(document: Document, limit: usize, lines: usize, at_word: bool) -> Document {
    let whole = plain::text(&document);
    if whole.chars().count() <= limit && whole.split('\n').count() <= lines {
        return document;
    }
    let mut cutter = Cutter {
        left: limit.saturating_sub(1),
        line: 1,
        breaks: lines.saturating_sub(1),
        at_word,
        full: limit == 0 || lines == 0,
    };
    let mut blocks = cutter.blocks(document.blocks);
    if limit > 0 {
        end_with_ellipsis(&mut blocks);
    }
    Document { blocks }
}

/// Returns the longest start of a text with at most `limit` characters that splits no grapheme. It is empty if the first
/// grapheme is longer.
pub(crate) fn start_of(text: &str, limit: usize) -> &str {
    let Some((end, _)) = text.char_indices().nth(limit) else {
        return text;
    };
    let mut cursor = GraphemeCursor::new(end, text.len(), true);
    // The whole text is given, so the cursor never needs another part of it.
    let end = match cursor.is_boundary(text, 0) {
        Ok(true) => end,
        _ => cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(0),
    };
    text.get(..end).unwrap_or_default()
}

struct Cutter {
    /// Characters left.
    left: usize,
    /// The characters that a line break takes: itself and the prefixes of the next line (`> `).
    line: usize,
    /// Line breaks left.
    breaks: usize,
    /// Whether to cut text at the end of a word.
    at_word: bool,
    /// Something did not fit. Nothing more is added.
    full: bool,
}

impl Cutter {
    /// Takes characters from the limit. Returns whether they fit.
    fn take(&mut self, cost: usize) -> bool {
        self.full |= cost > self.left;
        if !self.full {
            self.left -= cost;
        }
        !self.full
    }

    /// Takes a line break from the limits. Returns whether it fits.
    fn take_line(&mut self) -> bool {
        self.full |= self.breaks == 0;
        self.breaks = self.breaks.saturating_sub(1);
        self.take(self.line)
    }

    fn blocks(&mut self, blocks: Vec<Block>) -> Vec<Block> {
        let mut kept = Vec::new();
        for (index, block) in blocks.into_iter().enumerate() {
            if index > 0 && !self.take_line() || self.full {
                break;
            }
            kept.extend(self.block(block));
        }
        kept
    }

    fn block(&mut self, block: Block) -> Option<Block> {
        Some(match block {
            Block::Paragraph(content) => Block::Paragraph(self.inlines(content)),
            Block::Heading(content) => Block::Heading(self.inlines(content)),
            Block::Code { language, text } => Block::Code {
                language,
                text: self.text(text),
            },
            Block::Quote(content) => self.cut_nested(2, 2, |cutter| Block::Quote(cutter.blocks(content)))?,
            Block::List { start, items } => {
                let mut kept = Vec::new();
                for (index, item) in items.into_iter().enumerate() {
                    if index > 0 && !self.take_line() {
                        break;
                    }
                    let bullet = plain::bullet(start, index).chars().count();
                    kept.extend(self.cut_nested(bullet, 2, |cutter| cutter.blocks(item)));
                }
                Block::List { start, items: kept }
            }
            Block::Buttons(buttons) => {
                let labels = buttons.iter().map(|button| button.label.chars().count() + 3);
                // With the line break before an ellipsis that follows.
                let cost = labels.sum::<usize>() + self.line;
                self.take(cost).then_some(Block::Buttons(buttons))?
            }
            Block::Rule => self.take(3).then_some(Block::Rule)?,
        })
    }

    /// Cuts content with the prefix lengths `first` (of its first line) and `others` (of the others).
    fn cut_nested<T>(
        &mut self,
        first: usize,
        others: usize,
        content: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        if !self.take(first) {
            return None;
        }
        self.line += others;
        let content = content(self);
        self.line -= others;
        Some(content)
    }

    fn inlines(&mut self, content: Vec<Inline>) -> Vec<Inline> {
        let mut kept = Vec::new();
        for inline in content {
            if self.full {
                break;
            }
            let start = match inline {
                Inline::Text(text) => Inline::Text(self.text(text)),
                Inline::Code(text) => Inline::Code(self.text(text)),
                Inline::Strong(inner) => Inline::Strong(self.inlines(inner)),
                Inline::Emphasis(inner) => Inline::Emphasis(self.inlines(inner)),
                Inline::Strikethrough(inner) => Inline::Strikethrough(self.inlines(inner)),
                Inline::Link { url, label } => {
                    let mut shown = label;
                    if shown.is_empty() {
                        shown.push(Inline::Text(url.clone()));
                    }
                    let label = self.inlines(shown);
                    if plain::line(&label).is_empty() {
                        // Nothing of the label fits, and a link without a label would show its URL.
                        break;
                    }
                    Inline::Link { url, label }
                }
                whole @ (Inline::Time(_) | Inline::Person(_)) => {
                    let cost = plain::line(std::slice::from_ref(&whole)).chars().count();
                    if !self.take(cost) {
                        break;
                    }
                    whole
                }
                Inline::Break if self.take_line() => Inline::Break,
                Inline::Conversation(field) if self.take(1) => Inline::Conversation(field),
                Inline::Break | Inline::Conversation(_) => break,
            };
            if self.full && plain::line(std::slice::from_ref(&start)).is_empty() {
                // Empty code would be shown as a box.
                break;
            }
            kept.push(start);
        }
        kept
    }

    fn text(&mut self, text: String) -> String {
        let mut fits = 0;
        for character in text.chars() {
            let fit = if character == '\n' {
                self.take_line()
            } else {
                self.take(1)
            };
            if !fit {
                break;
            }
            fits += 1;
        }
        if self.full {
            let kept = start_of(&text, fits);
            let kept = if self.at_word {
                without_incomplete_word(kept, &text)
            } else {
                kept
            };
            kept.trim_end().to_owned()
        } else {
            text
        }
    }
}

/// Removes the incomplete word at the end, unless it is longer than 40 bytes.
fn without_incomplete_word<'a>(kept: &'a str, text: &str) -> &'a str {
    const LONGEST: usize = 40;
    if text[kept.len()..].starts_with(char::is_whitespace) {
        return kept;
    }
    match kept.rfind(char::is_whitespace) {
        Some(at) if kept.len() - at <= LONGEST => &kept[..at],
        _ => kept,
    }
}

/// Appends `…` to the last line of the last block.
pub(crate) fn end_with_ellipsis(blocks: &mut Vec<Block>) {
    match blocks.last_mut() {
        Some(Block::Paragraph(content) | Block::Heading(content)) => ellipsis_in_line(content),
        Some(Block::Code { text, .. }) => text.push('…'),
        Some(Block::Quote(content)) => end_with_ellipsis(content),
        Some(Block::List { items, .. }) if !items.is_empty() => {
            if let Some(item) = items.last_mut() {
                end_with_ellipsis(item);
            }
        }
        last => {
            let ellipsis = Block::Paragraph(vec![Inline::Text("…".to_owned())]);
            match last {
                // A line of its own was not reserved. A rule or an empty list is not missed.
                Some(last @ (Block::Rule | Block::List { .. })) => *last = ellipsis,
                _ => blocks.push(ellipsis),
            }
        }
    }
}

fn ellipsis_in_line(content: &mut Vec<Inline>) {
    match content.last_mut() {
        Some(Inline::Text(text)) => text.push('…'),
        _ => content.push(Inline::Text("…".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Button, markdown};
    use proptest::prelude::*;

    fn document(markdown: &str) -> Document {
        markdown::parse(markdown).unwrap()
    }

    #[test]
    fn a_document_that_fits_is_unchanged() {
        let whole = document("**a** b\n\n> c");
        assert_eq!(cut(whole.clone(), 9), whole);
    }

    #[test]
    fn the_last_block_is_cut_and_ends_with_an_ellipsis() {
        let whole = document("**Title**\n\nsome **bold text** follows\n\n- never");
        assert_eq!(
            cut(whole, 15),
            Document {
                blocks: vec![
                    Block::Paragraph(vec![Inline::Strong(vec![Inline::Text("Title".to_owned())])]),
                    Block::Paragraph(vec![
                        Inline::Text("some ".to_owned()),
                        Inline::Strong(vec![Inline::Text("bol".to_owned())]),
                        Inline::Text("…".to_owned()),
                    ]),
                ],
            }
        );
    }

    #[test]
    fn a_grapheme_is_kept_whole_or_left_out() {
        for (text, limit, start) in [
            ("abc", 2, "ab"),
            ("abc", 3, "abc"),
            ("abc", 0, ""),
            ("ae\u{301}b", 2, "a"),
            ("e\u{301}\u{301}\u{301}", 2, ""),
            ("a👩\u{200D}💻b", 3, "a"),
            ("a👍🏽", 2, "a"),
            ("a❤\u{FE0F}", 2, "a"),
            ("a🇫🇷🇩🇪", 2, "a"),
            ("a🇫🇷🇩🇪", 3, "a🇫🇷"),
            ("a🇫🇷🇩🇪", 4, "a🇫🇷"),
            (
                "a🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}b",
                5,
                "a",
            ),
            ("👨\u{200D}👩\u{200D}👧\u{200D}👦!", 6, ""),
            (
                "👨\u{200D}👩\u{200D}👧\u{200D}👦!",
                7,
                "👨\u{200D}👩\u{200D}👧\u{200D}👦",
            ),
            ("각\u{11A8}", 1, ""),
            ("नी", 1, ""),
        ] {
            assert_eq!(start_of(text, limit), start, "{text:?} {limit}");
        }
    }

    #[test]
    fn a_cut_document_ends_with_a_link_to_the_rest() {
        let url = "https://e.example/1";
        let whole = document("**Title**\n\n> some long text that goes on\n> and on");
        let cut = |limit: usize, rest: Option<&str>| cut_with_link(whole.clone(), limit, rest);
        assert_eq!(
            plain::text(&cut(40, Some(url))),
            "Title\n> some long text th…\nRead the rest"
        );
        assert_eq!(
            cut(40, Some(url)).blocks.last(),
            document(&format!("[Read the rest]({url})")).blocks.last()
        );
        assert_eq!(cut(80, Some(url)), whole);
        let long = format!("https://e.example/{}", "x".repeat(LONGEST_REST));
        for (limit, rest) in [
            (40, None),
            (40, Some("javascript:alert(1)")),
            (40, Some(long.as_str())),
            (20, Some(url)),
        ] {
            assert_eq!(
                cut(limit, rest),
                super::cut(whole.clone(), limit),
                "{limit} {rest:?}"
            );
        }
    }

    #[test]
    fn an_ellipsis_after_a_rule_or_buttons_does_not_exceed_the_limit() {
        let rule = document("- \n\n- -- \n\n~");
        assert!(matches!(rule.blocks[1], Block::Rule), "{rule:?}");
        for limit in 0..8 {
            let text = plain::text(&cut(rule.clone(), limit));
            assert!(text.chars().count() <= limit, "{limit}: {text:?}");
        }
        let button = Button {
            url: "https://a.example".to_owned(),
            label: "open".to_owned(),
        };
        let text = |text: &str| Block::Paragraph(vec![Inline::Text(text.to_owned())]);
        let buttons = Document {
            blocks: vec![text("a"), Block::Buttons(vec![button]), text("b")],
        };
        for limit in 0..plain::text(&buttons).chars().count() {
            let text = plain::text(&cut(buttons.clone(), limit));
            assert!(text.chars().count() <= limit, "{limit}: {text:?}");
        }
    }

    /// The texts of a document, of code, too.
    fn texts(document: &Document) -> Vec<String> {
        let json = serde_json::to_value(document).unwrap();
        let mut texts = Vec::new();
        let mut left = vec![&json];
        while let Some(value) = left.pop() {
            match value {
                serde_json::Value::String(text) => texts.push(text.clone()),
                serde_json::Value::Array(items) => left.extend(items.iter().rev()),
                serde_json::Value::Object(fields) => left.extend(fields.values().rev()),
                _ => {}
            }
        }
        texts
    }

    const MARKDOWN: &str =
        "([a-c@ \\n*>`1.~-]|- |> |\\n\\n|```\\n|[b](http://e)|🇫🇷|👨\u{200D}👩\u{200D}👧|e\u{301}|👍🏽){0,60}";

    proptest! {
        #[test]
        fn never_longer_than_the_limit(markdown in MARKDOWN, limit in 0_usize..80, has_rest: bool) {
            let whole = document(&markdown);
            let short = cut_with_link(whole.clone(), limit, has_rest.then_some("https://e/rest"));
            let (before, after) = (plain::text(&whole), plain::text(&short));
            prop_assert!(after.chars().count() <= limit, "{:?} is longer than {}", after, limit);
            if before.chars().count() > limit && limit > 0 {
                let after = after.strip_suffix("\nRead the rest").unwrap_or(&after);
                prop_assert!(after.ends_with('…') || after.ends_with("…\n"), "{:?}", after);
            } else if limit > 0 {
                prop_assert_eq!(short, whole);
            }
        }

        #[test]
        fn a_cut_document_is_the_start_of_the_whole_one(markdown in MARKDOWN, limit in 0_usize..80) {
            use unicode_segmentation::UnicodeSegmentation as _;
            let whole = document(&markdown);
            let short = cut(whole.clone(), limit);
            let stored = serde_json::to_string(&short).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Document>(&stored).unwrap(), &short);
            let graphemes = |text: &str| text.graphemes(true).map(str::to_owned).collect::<Vec<_>>();
            // Every text is that of the whole document, and the last ones are its start, without half a grapheme.
            let mut left = texts(&whole).into_iter();
            for text in texts(&short) {
                let start = text.strip_suffix('…').unwrap_or(&text);
                let is_start = |of: &String| graphemes(of).starts_with(&graphemes(start));
                prop_assert!(start.is_empty() || left.any(|of| is_start(&of)), "{:?} of {:?}", text, whole);
            }
        }
    }
}
