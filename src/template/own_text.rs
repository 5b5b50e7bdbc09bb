//! Checks the own text of a template for what it must not contain: raw HTML, reference definitions, characters of
//! atoms, code by indentation, and tables.
//!
//! The text is parsed as Markdown, with a placeholder word for every value, and with the bodies of all blocks in
//! sequence.

use handlebars::Template;
use handlebars::template::TemplateElement;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::front_matter::Found;
use crate::message::{markdown, text_atom};

/// Returns the findings in the text of a template with the source `body`. Lines count from 1.
pub(super) fn findings(body: &str, template: &Template) -> Vec<Found> {
    let mut found = Vec::new();
    for (index, line) in body.lines().enumerate() {
        if line.contains(|character| matches!(character, '\u{E000}'..='\u{E1FF}')) {
            let what = "the characters U+E000 to U+E1FF are reserved for values; remove them";
            found.push((Some(index + 1), what.to_owned()));
        }
    }
    if found.is_empty() {
        markdown_findings(&Skeleton::of(template), &mut found);
    }
    found
}

fn markdown_findings(skeleton: &Skeleton, found: &mut Vec<Found>) {
    // Tables only here, to report them: a message shows their source.
    let parser = Parser::new_ext(&skeleton.text, markdown::options() | Options::ENABLE_TABLES);
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
                "four spaces at the start of a line make it code; indent less, or use a fence (```)"
            }
            Event::Start(Tag::Table(_)) => {
                "a table is shown as its text, with bars and hyphens; write a list, one item for each row"
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

/// The text of a template with a placeholder word for every value.
#[derive(Default)]
struct Skeleton {
    text: String,
    /// The offset in `text` where each element of the template starts, and its line in the file.
    starts: Vec<(usize, usize)>,
}

impl Skeleton {
    fn of(template: &Template) -> Self {
        let mut skeleton = Self::default();
        skeleton.template(template);
        skeleton
    }

    fn placeholder() -> String {
        text_atom("x")
    }

    fn line_at(&self, offset: usize) -> usize {
        let after = self.starts.partition_point(|(start, _)| *start <= offset);
        let (start, line) = after
            .checked_sub(1)
            .and_then(|index| self.starts.get(index))
            .copied()
            .unwrap_or((0, 1));
        line + newlines(&self.text[start..offset])
    }

    /// Appends a template. Handlebars has already removed lines with only block tags, and the space that `~` removes.
    fn template(&mut self, template: &Template) {
        for (index, element) in template.elements.iter().enumerate() {
            let line = template.mapping.get(index).map_or(1, |mapping| mapping.0);
            match element {
                TemplateElement::RawString(text) => {
                    // The mapping has the line of the first character that is not white space.
                    let blanks = &text[..text.len() - text.trim_start().len()];
                    self.push(line.saturating_sub(newlines(blanks)), text);
                }
                TemplateElement::HelperBlock(block) => {
                    for inner in [&block.template, &block.inverse].into_iter().flatten() {
                        self.template(inner);
                    }
                }
                TemplateElement::PartialExpression(_) => self.part(line, template.elements.get(index + 1)),
                TemplateElement::Expression(_) | TemplateElement::HtmlExpression(_) => {
                    self.push(line, &Self::placeholder());
                }
                // A comment, or an element that `check` refuses.
                _ => {}
            }
        }
    }

    /// Appends a part. If it is alone on its line, Handlebars removed the line break after it, because the part ends
    /// with its own.
    fn part(&mut self, line: usize, next: Option<&TemplateElement>) {
        self.push(line, &Self::placeholder());
        let line_start = self.text.rfind('\n').map_or(0, |at| at + 1);
        let alone = self.text[line_start..].trim() == Self::placeholder();
        if let (true, Some(TemplateElement::RawString(next))) = (alone, next)
            && !next.starts_with('\n')
        {
            self.text.push('\n');
        }
    }

    fn push(&mut self, line: usize, text: &str) {
        self.starts.push((self.text.len(), line));
        self.text.push_str(text);
    }
}

fn newlines(text: &str) -> usize {
    text.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &str) -> Vec<usize> {
        findings(body, &Template::compile(body).unwrap())
            .into_iter()
            .map(|(line, _)| line.unwrap())
            .collect()
    }

    #[test]
    fn html_is_found_with_its_line() {
        assert_eq!(
            lines("a\n{{#if b}}\n  c <b>d</b>\n{{/if}}\n\n<div>\n{{x}}\n</div>"),
            [3, 6]
        );
        assert_eq!(lines("{{! a\ncomment }}\n<!-- x -->"), [3]);
        assert_eq!(lines("<a href=\"{{url}}\">x</a>"), [1]);
    }

    #[test]
    fn text_that_resembles_html_is_accepted() {
        assert_eq!(
            lines("`<b>` a < b, <{{x}}> <https://e/{{y}}>\n\n```\n<div>\n```\n"),
            [] as [usize; 0]
        );
    }

    #[test]
    fn a_reference_definition_with_values_is_found() {
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
    fn a_table_is_found_with_its_line() {
        assert_eq!(
            lines("a\n\n| x | y |\n| --- | --- |\n{{#each b}}\n| {{this}} | z |\n{{/each}}"),
            [3]
        );
        assert_eq!(lines("{{a}} | {{b}}"), [] as [usize; 0]);
    }

    #[test]
    fn values_become_words_and_block_tags_are_removed() {
        for (body, expected) in [
            ("{{plural a \"}}\" '\"'}}b", "Xb"),
            ("\\{{a}}", "{{a}}"),
            ("{{~a~}} \n b{{!-- }} --}}c", "Xbc"),
            (
                "a\n{{#if b}}\nc{{d}}\n{{else if e}}\nf\n{{else}}\ng\n{{/if}}\nh",
                "a\ncX\nf\ng\nh",
            ),
            ("a\n{{> b}}\n```\nc {{> d}} e", "a\nX\n```\nc X e"),
        ] {
            let text = Skeleton::of(&Template::compile(body).unwrap()).text;
            assert_eq!(text.replace(&Skeleton::placeholder(), "X"), expected, "{body}");
        }
    }

    #[test]
    fn findings_have_the_line_of_the_file() {
        assert_eq!(
            lines("{{#if a}}\n\n\n  <b>\n{{else if b}}\n x\n\n<i>\n{{/if}}\n\n{{a~}}\n\n <u>"),
            [4, 8, 13]
        );
    }
}
