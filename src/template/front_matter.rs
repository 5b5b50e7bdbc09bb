//! The front matter of a template, between `+++` lines at its top.

use toml::{Table, Value};

use crate::condition::Condition;

/// The parsed front matter.
#[derive(Clone, Default)]
pub(super) struct FrontMatter {
    /// The condition of the template. `None` means always.
    pub(super) when: Option<Condition>,
    /// The line of `when` in the file.
    pub(super) when_line: Option<usize>,
    /// Whether Twake shows the message without storing it.
    pub(super) ephemeral: bool,
    /// Whether there is front matter.
    pub(super) present: bool,
}

/// A finding: its line if known, and what is wrong.
pub(super) type Found = (Option<usize>, String);

/// Splits a template file. The front matter's lines are empty in the body, so that line numbers stay those of the file.
pub(super) fn read(text: &str) -> (FrontMatter, String, Vec<Found>) {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    if lines.next().is_none_or(|first| first.trim_end() != "+++") {
        return (FrontMatter::default(), text.to_owned(), Vec::new());
    }
    let mut inside = String::new();
    let mut count = 1;
    for line in lines.by_ref() {
        count += 1;
        if line.trim_end() == "+++" {
            let body = "\n".repeat(count) + &lines.collect::<String>();
            let (matter, found) = parse(&inside);
            return (matter, body, found);
        }
        inside.push_str(line);
    }
    let found = (Some(1), "the front matter has no closing `+++`".to_owned());
    (FrontMatter::default(), String::new(), vec![found])
}

fn parse(text: &str) -> (FrontMatter, Vec<Found>) {
    let mut matter = FrontMatter {
        present: true,
        ..FrontMatter::default()
    };
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let error: toml::de::Error = error;
            let line = error.span().map(|span| line_at(text, span.start));
            return (matter, vec![(line, error.message().to_owned())]);
        }
    };
    let mut found = Vec::new();
    for (key, value) in &table {
        if let Err(what) = matter.set(key, value) {
            found.push((line_of_key(text, key), what));
        }
    }
    matter.when_line = line_of_key(text, "when");
    found.sort();
    (matter, found)
}

impl FrontMatter {
    fn set(&mut self, key: &str, value: &Value) -> Result<(), String> {
        match (key, value) {
            ("when", Value::String(expression)) => {
                let condition = Condition::compile(expression)
                    .map_err(|error| format!("`when` does not compile: {error}"))?;
                self.when = Some(condition);
            }
            ("ephemeral", Value::Boolean(ephemeral)) => self.ephemeral = *ephemeral,
            ("when", _) => return Err("`when` is a condition, as a string".to_owned()),
            ("ephemeral", _) => return Err("`ephemeral` is true or false".to_owned()),
            ("format", _) => {
                return Err(
                    "`format` is not supported any more: a template writes Markdown; remove the line, and write the \
                     message as Markdown with the helpers `link`, `code`, `quote` and `button`"
                        .to_owned(),
                );
            }
            ("conversation" | "follow_up" | "closes", _) => {
                return Err(format!("`{key}` is not supported yet"));
            }
            _ => {
                return Err(format!(
                    "unknown key `{key}` in front matter; known keys are when and ephemeral"
                ));
            }
        }
        Ok(())
    }
}

/// Returns the line in the file. The first line is `+++`.
fn line_at(text: &str, offset: usize) -> usize {
    2 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let index = text.lines().position(|line| {
        line.trim_start()
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    })?;
    Some(index + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_front_matter_the_whole_file_is_the_body() {
        let (matter, body, found) = read("hello\n+++\n");
        assert!(!matter.present && found.is_empty());
        assert_eq!(body, "hello\n+++\n");
    }

    #[test]
    fn body_lines_keep_their_numbers() {
        let (matter, body, found) = read("+++\r\nephemeral = true\nwhen = \"branch == 'main'\"\n+++\n[]\n");
        assert_eq!(found, []);
        assert!(matter.present && matter.ephemeral && matter.when_line == Some(3));
        assert_eq!(body, "\n\n\n\n[]\n");
    }

    #[test]
    fn each_wrong_key_is_found_with_its_line() {
        let (_, _, found) = read(
            "+++\nephemeral = 1\nconversation = 'x'\nfoo = 1\nformat = \"twacode\"\nwhen = true\n+++\nx",
        );
        let found: Vec<_> = found
            .iter()
            .map(|(line, what)| (line.unwrap(), what.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (2, "`ephemeral` is true or false"),
                (3, "`conversation` is not supported yet"),
                (
                    4,
                    "unknown key `foo` in front matter; known keys are when and ephemeral"
                ),
                (
                    5,
                    "`format` is not supported any more: a template writes Markdown; remove the line, and write the \
                     message as Markdown with the helpers `link`, `code`, `quote` and `button`"
                ),
                (6, "`when` is a condition, as a string"),
            ]
        );
    }

    #[test]
    fn broken_front_matter_is_found_with_its_line() {
        let (_, _, found) = read("+++\nephemeral = true\nwhen = \n+++\nx");
        assert_eq!(found[0].0, Some(3), "{found:?}");
        assert_eq!(read("+++\nx").2[0].0, Some(1));
    }
}
