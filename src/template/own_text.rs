//! What a template may not say in its own words: raw HTML, reference definitions, the characters of atoms, and code by
//! indentation.
//!
//! The template's own text is read as Markdown with a placeholder word for every value and the bodies of all blocks one after
//! the other.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::front_matter::Found;
use crate::message::{markdown, text_atom};

/// Everything wrong with a template's own text; lines count from 1.
pub(super) fn findings(body: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (index, line) in body.lines().enumerate() {
        if line.contains(|character| matches!(character, '\u{E000}'..='\u{E1FF}')) {
            let what =
                "characters of the private use area (U+E000 to U+E1FF) mark values here; leave them out";
            found.push((Some(index + 1), what.to_owned()));
        }
    }
    if found.is_empty() {
        markdown_findings(&Skeleton::of(body), &mut found);
    }
    found
}

fn markdown_findings(skeleton: &Skeleton, found: &mut Vec<Found>) {
    let parser = Parser::new_ext(&skeleton.text, markdown::options());
    for (label, definition) in parser.reference_definitions().iter() {
        let what = format!(
            "`[{}]: …` defines a reference; write the link where it is shown: `{{{{link label url}}}}`",
            label.replace(&Skeleton::placeholder(), "…")
        );
        found.push((Some(skeleton.line_at(definition.span.start)), what));
    }
    for (event, span) in parser.into_offset_iter() {
        let what = match event {
            Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_) => {
                "HTML is not shown in a chat; use Markdown, and the helpers `link`, `code`, `quote` and `button`"
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                "four blanks at the start of a line make it code; indent less, or use a fence (```)"
            }
            _ => continue,
        };
        let finding = (Some(skeleton.line_at(span.start)), what.to_owned());
        if found.last() != Some(&finding) {
            found.push(finding);
        }
    }
    found.sort();
}

/// A template's own text.
struct Skeleton {
    text: String,
    /// Where each of its lines begins, and the line of the file that is.
    starts: Vec<(usize, usize)>,
}

impl Skeleton {
    fn placeholder() -> String {
        text_atom("x")
    }

    fn line_at(&self, offset: usize) -> usize {
        let after = self.starts.partition_point(|(start, _)| *start <= offset);
        self.starts
            .get(after.saturating_sub(1))
            .map_or(1, |(_, line)| *line)
    }

    fn of(body: &str) -> Self {
        let mut skeleton = Self {
            text: String::new(),
            starts: vec![(0, 1)],
        };
        let mut line = 1;
        let mut tags = false;
        let mut rest = body;
        while let Some(character) = rest.chars().next() {
            if let Some((tag, after)) = tag(rest) {
                let escaped = skeleton.text.ends_with('\\') && !skeleton.text.ends_with("\\\\");
                if escaped {
                    skeleton.text.pop();
                    skeleton.text.push_str("{{");
                    rest = &rest[2..];
                    continue;
                }
                match tag.kind {
                    TagKind::Value => skeleton.text.push_str(&Self::placeholder()),
                    TagKind::Silent => tags = true,
                }
                line += tag.text.matches('\n').count();
                rest = after;
                if tag.trims_after {
                    let trimmed = rest.trim_start();
                    line += rest[..rest.len() - trimmed.len()].matches('\n').count();
                    rest = trimmed;
                }
                continue;
            }
            skeleton.text.push(character);
            rest = &rest[character.len_utf8()..];
            if character == '\n' {
                line += 1;
                skeleton.end_line(line, std::mem::take(&mut tags));
            }
        }
        skeleton
    }

    /// A line of tags that say nothing themselves is no line of the output.
    fn end_line(&mut self, next: usize, tags: bool) {
        let start = self.starts.last().map_or(0, |(start, _)| *start);
        if tags && self.text[start..].trim().is_empty() {
            self.text.truncate(start);
            self.starts.pop();
        }
        self.starts.push((self.text.len(), next));
    }
}

struct TagText<'a> {
    text: &'a str,
    kind: TagKind,
    /// It ends with `~}}`, which eats the blanks that follow.
    trims_after: bool,
}

enum TagKind {
    /// It writes something.
    Value,
    /// A comment, or the begin, middle or end of a block.
    Silent,
}

/// The tag a text begins with, and what follows it. The template has compiled: what is open is closed.
fn tag(text: &str) -> Option<(TagText<'_>, &str)> {
    let inside = text.strip_prefix("{{")?;
    let (end, closing) = if inside.trim_start_matches('~').starts_with("!--") {
        (inside.find("--")? + 2, "--}}")
    } else if inside.trim_start_matches('~').starts_with('!') {
        (0, "}}")
    } else {
        (end_of_expression(inside), "}}")
    };
    let length = 2 + end + inside[end..].find(closing)? + closing.len();
    let length = length + text[length..].chars().take_while(|c| *c == '}').count();
    let (tag, after) = text.split_at(length);
    let name = inside.trim_start_matches('~').trim_start();
    let middle = name
        .strip_prefix("else")
        .is_some_and(|rest| rest.starts_with([' ', '\n', '\t', '~', '}']));
    let kind = if middle || name.starts_with(['#', '/', '^', '!']) {
        TagKind::Silent
    } else {
        TagKind::Value
    };
    let tag = TagText {
        text: tag,
        kind,
        trims_after: tag.ends_with("~}}"),
    };
    Some((tag, after))
}

/// Where the strings of an expression are over, so that a `}}` in one of them ends nothing.
fn end_of_expression(inside: &str) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (index, character) in inside.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            None if character == '"' || character == '\'' => quote = Some(character),
            None if inside[index..].starts_with("}}") => return index,
            Some(_) | None => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &str) -> Vec<usize> {
        findings(body)
            .into_iter()
            .map(|(line, _)| line.unwrap())
            .collect()
    }

    #[test]
    fn html_is_found_where_it_stands() {
        assert_eq!(
            lines("a\n{{#if b}}\n  c <b>d</b>\n{{/if}}\n\n<div>\n{{x}}\n</div>"),
            [3, 6]
        );
        assert_eq!(lines("{{! a\ncomment }}\n<!-- x -->"), [3]);
        assert_eq!(lines("<a href=\"{{url}}\">x</a>"), [1]);
    }

    #[test]
    fn what_only_looks_like_html_is_none() {
        assert_eq!(
            lines("`<b>` a < b, <{{x}}> <https://e/{{y}}>\n\n```\n<div>\n```\n"),
            [] as [usize; 0]
        );
    }

    #[test]
    fn a_reference_definition_is_found_even_if_made_of_values() {
        assert_eq!(lines("x\n\n[{{a}}]: {{b}}"), [3]);
        assert_eq!(lines("{{#if a}}\n[a]: http://e\n{{/if}}"), [2]);
    }

    #[test]
    fn characters_of_atoms_are_found() {
        assert_eq!(lines("a\n\u{E100}"), [2]);
        assert_eq!(lines("{{default x \"\u{E001}\"}}"), [1]);
    }

    #[test]
    fn code_by_indentation_is_found_but_not_in_a_list() {
        assert_eq!(lines("a\n\n    {{b}}"), [3]);
        assert_eq!(
            lines("- a\n{{#each b}}\n    - {{this}}\n{{/each}}"),
            [] as [usize; 0]
        );
    }

    #[test]
    fn a_string_may_hold_braces_and_a_backslash_makes_text() {
        assert_eq!(
            Skeleton::of("{{plural a \"}}\" '\"'}}b").text,
            format!("{}b", Skeleton::placeholder())
        );
        assert_eq!(Skeleton::of("\\{{a}}").text, "{{a}}");
        assert_eq!(
            Skeleton::of("{{~a~}} \n b{{!-- }} --}}c").text,
            format!("{}bc", Skeleton::placeholder())
        );
    }
}
