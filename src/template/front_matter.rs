//! The front matter of a template, between `+++` lines at its top.

use super::conversation::{self, Rules};
use crate::condition::Condition;
use crate::toml_reader::{self, Findings, Key, Shape, TableReader};

const KEYS: &[Key] = &[
    Key::new("when", Shape::Expression, "the condition of the template"),
    Key::new(
        "ephemeral",
        Shape::Boolean,
        "whether Twake shows the message without storing it",
    ),
];

/// The parsed front matter.
#[derive(Clone, Default)]
pub(super) struct FrontMatter {
    /// The condition of the template. `None` means always.
    pub(super) when: Option<Condition>,
    /// Whether Twake shows the message without storing it.
    pub(super) ephemeral: bool,
    /// The conversation of the event.
    pub(super) rules: Rules,
    /// Whether there is front matter.
    pub(super) present: bool,
    /// The keys with an expression, and the line of each in the file.
    lines: Vec<(&'static str, usize)>,
}

impl FrontMatter {
    /// Returns the expressions, each with its key.
    pub(super) fn expressions(&self) -> impl Iterator<Item = (&'static str, &Condition)> {
        let when = self.when.iter().map(|when| ("when", when));
        when.chain(self.rules.expressions().map(|rule| (rule.key, rule.condition)))
    }

    /// Returns the line of a key in the file.
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        let mut lines = self.lines.iter();
        lines.find(|(known, _)| *known == key).map(|(_, line)| *line)
    }
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
    // The first line is `+++`.
    let mut inside = "\n".to_owned();
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
    let findings = Findings::new("", text);
    let matter = toml_reader::read_joined(text, [KEYS, conversation::KEYS], &findings, |table| {
        matter(table, text)
    });
    let found = findings.into_list().into_iter().map(|finding| {
        let what = match finding.table.as_str() {
            "" => finding.what,
            key => format!("`{key}`: {}", finding.what),
        };
        (finding.line, what)
    });
    let present = FrontMatter {
        present: true,
        ..FrontMatter::default()
    };
    (matter.unwrap_or(present), found.collect())
}

fn matter(table: &TableReader<'_, '_>, text: &str) -> FrontMatter {
    let when = table.text("when").and_then(|expression| {
        let condition = conversation::compile("when", &expression.value);
        condition.map_err(|what| table.wrong("when", what)).ok()
    });
    let ephemeral = table.boolean("ephemeral").unwrap_or(false);
    let rules = Rules::read(table);
    for (key, _, what) in rules.contradictions(ephemeral) {
        table.wrong(key, what);
    }
    let line = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let when_at = table.text("when").map(|when| ("when", line(when.at)));
    let rule_lines = rules.expressions().map(|rule| (rule.key, line(rule.at)));
    FrontMatter {
        lines: when_at.into_iter().chain(rule_lines).collect(),
        when,
        ephemeral,
        rules,
        present: true,
    }
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
        assert!(matter.present && matter.ephemeral && matter.line("when") == Some(3));
        assert_eq!(body, "\n\n\n\n[]\n");
    }

    #[test]
    fn each_wrong_key_is_found_with_its_line() {
        let (_, _, found) = read(
            "+++\nephemeral = 1\nconversation = '('\nfollowup = 1\nwhen = true\nexpires = 30\nfoo = 1\n+++\nx",
        );
        let found: Vec<_> = found
            .iter()
            .map(|(line, what)| format!("{} {what}", line.unwrap()))
            .collect();
        let starts = [
            "2 `ephemeral`: is a number, true or false was expected",
            "3 `conversation`: ",
            "4 `followup`: unknown key, did you mean `follow_up`?",
            "5 `when`: is true or false, a text was expected",
            "6 `expires`: 30 has no unit: write \"30s\"",
            "7 `foo`: unknown key; known are when, ephemeral, conversation, message,",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}");
        }
    }

    #[test]
    fn broken_front_matter_is_found_with_its_line() {
        let (_, _, found) = read("+++\nephemeral = true\nwhen = \n+++\nx");
        assert_eq!(found[0].0, Some(3), "{found:?}");
        assert_eq!(read("+++\nx").2[0].0, Some(1));
        let (_, _, found) = read("+++\nwhen = 'action == 'opened''\n+++\nx");
        assert!(
            found[0].1.contains("a text in '…' ends at the next '"),
            "{found:?}"
        );
    }
}
