//! Cuts documents to a number of characters.

use super::{Block, Document, Inline, plain};

/// Cuts a document to at most `limit` characters of plain text ([`plain::text`]). Keeps whole blocks from the top and
/// the start of the next one, and ends with `…`. A document that fits is unchanged. Buttons after the cut are lost.
pub fn cut(document: Document, limit: usize) -> Document {
    cut_to(document, limit, usize::MAX, false)
}

/// Cuts like [`cut`], with a maximum number of lines, and at the end of a word if one is near.
pub(crate) fn cut_lines(document: Document, limit: usize, lines: usize) -> Document {
    cut_to(document, limit, lines, true)
}

/// Renders a document. Cuts it until what is rendered fits, in the end to an empty document.
pub fn fitting<T>(document: &Document, render: impl Fn(&Document) -> T, fits: impl Fn(&T) -> bool) -> T {
    let mut rendered = render(document);
    let mut limit = plain::text(document).chars().count();
    while !fits(&rendered) {
        // Each round leaves at most seven eighths.
        limit = (limit / 8).saturating_mul(7).min(limit.saturating_sub(1));
        if limit == 0 {
            return render(&Document::default());
        }
        rendered = render(&cut(document.clone(), limit));
    }
    rendered
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

/// Returns the longest start of a text with at most `limit` characters that does not split an accented letter, an emoji
/// with a skin tone, or a joined emoji.
pub(crate) fn start_of(text: &str, limit: usize) -> &str {
    let Some((mut end, _)) = text.char_indices().nth(limit) else {
        return text;
    };
    while let Some(before) = text[..end].chars().next_back()
        && (before == ZERO_WIDTH_JOINER || text[end..].chars().next().is_some_and(extends_character))
    {
        end -= before.len_utf8();
    }
    if end == 0 {
        // The whole text is one cluster, so it must be split.
        end = text.char_indices().nth(limit).map_or(0, |(index, _)| index);
    }
    &text[..end]
}

const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Returns whether a character belongs to the one before it.
fn extends_character(character: char) -> bool {
    matches!(
        character,
        ZERO_WIDTH_JOINER | '\u{300}'..='\u{36F}' | '\u{FE00}'..='\u{FE0F}' | '\u{20D0}'..='\u{20FF}'
            | '\u{1F3FB}'..='\u{1F3FF}'
    )
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
            kept.push(match inline {
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
                Inline::Break if self.take_line() => Inline::Break,
                Inline::Conversation(field) if self.take(1) => Inline::Conversation(field),
                Inline::Break | Inline::Conversation(_) => break,
            });
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
    fn accented_letters_and_joined_emoji_are_not_split() {
        assert_eq!(start_of("ae\u{301}b", 2), "a");
        assert_eq!(start_of("a\u{1F469}\u{200D}\u{1F4BB}b", 3), "a");
        assert_eq!(start_of("a\u{1F44D}\u{1F3FD}", 2), "a");
        assert_eq!(start_of("abc", 2), "ab");
        assert_eq!(start_of("e\u{301}\u{301}\u{301}", 2), "e\u{301}");
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

    proptest! {
        #[test]
        fn never_longer_than_the_limit(markdown in "([a-c@ \\n*>`1.~-]|- |> |\\n\\n|```\\n|[b](http://e)){0,60}", limit in 0_usize..80) {
            let whole = document(&markdown);
            let short = cut(whole.clone(), limit);
            let (before, after) = (plain::text(&whole), plain::text(&short));
            prop_assert!(after.chars().count() <= limit, "{:?} is longer than {}", after, limit);
            if before.chars().count() > limit && limit > 0 {
                prop_assert!(after.ends_with('…') || after.ends_with("…\n"), "{:?}", after);
            } else if limit > 0 {
                prop_assert_eq!(short, whole);
            }
        }
    }
}
