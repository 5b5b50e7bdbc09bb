//! TOML tables, read key by key: one run finds everything that is wrong.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Findings;
use crate::suggest::{nearest, unknown};

/// A value and where it is in its file.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// A TOML document, or the findings of its syntax.
pub(crate) fn document<'t>(text: &'t str, findings: &Findings) -> Option<Spanned<DeTable<'t>>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Some(document);
    }
    for error in errors.iter().take(5) {
        // Only the message: the error's own display quotes the line, which may hold a secret.
        let at = error.span().map_or(0, |span| span.start);
        findings.error(
            at,
            "",
            format!("not TOML: {}", error.message().replace('\n', ", ")),
        );
    }
    None
}

/// A table being read.
pub(crate) struct Table<'r, 't> {
    entries: &'r DeTable<'t>,
    /// Its path (`sources.github`); empty for a whole file.
    pub(crate) path: String,
    /// Where it is.
    pub(crate) at: usize,
    findings: &'r Findings,
}

impl<'r, 't> Table<'r, 't> {
    /// A table with exactly these keys; others are found.
    pub(crate) fn new(
        table: &'r DeTable<'t>,
        path: impl Into<String>,
        at: usize,
        keys: &[&str],
        findings: &'r Findings,
    ) -> Self {
        let table = Self {
            entries: table,
            path: path.into(),
            at,
            findings,
        };
        for (key, _) in table.entries {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let near = match nearest(name, keys.iter().copied()) {
                    Some(near) => format!("unknown key, did you mean `{near}`?"),
                    None => format!("unknown key; known are {}", keys.join(", ")),
                };
                findings.error(key.span().start, &table.key(name), near);
            }
        }
        table
    }

    /// The path of a key of it.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<(usize, &'r DeValue<'t>)> {
        let (key, value) = self.entries.get_key_value(key)?;
        Some((key.span().start, value.get_ref()))
    }

    pub(crate) fn wrong(&self, at: usize, key: &str, what: impl Into<String>) {
        self.findings.error(at, &self.key(key), what);
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, key: &str) -> Option<Located<String>> {
        let (at, value) = self.get(key)?;
        self.as_text(at, key, value)
    }

    /// A text that has to be there.
    pub(crate) fn required(&self, key: &str, what: &str) -> Option<Located<String>> {
        if self.get(key).is_none() {
            self.findings
                .error(self.at, &self.path, format!("`{key}` is missing: {what}"));
        }
        self.text(key)
    }

    fn as_text(&self, at: usize, key: &str, value: &DeValue<'_>) -> Option<Located<String>> {
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => Some(Located {
                value: text.to_owned(),
                at,
            }),
            Some(_) => {
                self.wrong(at, key, "is empty");
                None
            }
            None => {
                self.wrong(
                    at,
                    key,
                    format!("is {}, a text was expected: \"…\"", type_of(value)),
                );
                None
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &str) -> Option<Vec<Located<String>>> {
        let (at, value) = self.get(key)?;
        self.as_texts(at, key, value)
    }

    pub(crate) fn as_texts(&self, at: usize, key: &str, value: &DeValue<'_>) -> Option<Vec<Located<String>>> {
        let Some(list) = value.as_array() else {
            self.wrong(
                at,
                key,
                format!("is {}, a list was expected: [\"…\"]", type_of(value)),
            );
            return None;
        };
        let texts = list
            .iter()
            .filter_map(|item| self.as_text(item.span().start, key, item.get_ref()));
        Some(texts.collect())
    }

    /// A text, or a list of texts.
    pub(crate) fn text_or_texts(&self, key: &str) -> Option<Vec<Located<String>>> {
        match self.get(key)? {
            (at, value @ DeValue::Array(_)) => self.as_texts(at, key, value),
            (at, value) => Some(vec![self.as_text(at, key, value)?]),
        }
    }

    /// A text that may be empty or blank: a separator, a prefix.
    pub(crate) fn string(&self, key: &str) -> Option<String> {
        let (at, value) = self.get(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.wrong(
                at,
                key,
                format!("is {}, a text was expected: \"…\"", type_of(value)),
            );
        }
        text.map(str::to_owned)
    }

    /// One of these words.
    pub(crate) fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let chosen = words.iter().find(|(word, _)| *word == text.value);
        if chosen.is_none() {
            let what = unknown(key, &text.value, words.iter().map(|(word, _)| *word));
            self.wrong(text.at, key, what);
        }
        chosen.map(|(_, value)| *value)
    }

    /// How many errors the file has so far.
    pub(crate) fn errors(&self) -> usize {
        self.findings.errors()
    }

    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        let (at, value) = self.get(key)?;
        if value.as_bool().is_none() {
            self.wrong(
                at,
                key,
                format!("is {}, true or false was expected", type_of(value)),
            );
        }
        value.as_bool()
    }

    /// A value with a unit.
    pub(crate) fn unit<T>(&self, key: &str, unit: &crate::units::Unit<T>) -> Option<T> {
        let (at, value) = self.get(key)?;
        let read = match value {
            DeValue::String(text) => (unit.read)(text),
            DeValue::Integer(number) => Err(unit.bare(&number.to_string())),
            DeValue::Float(number) => Err(unit.bare(&number.to_string())),
            other => Err(format!(
                "is {}, {} was expected: \"{}\"",
                type_of(other),
                unit.what,
                unit.example
            )),
        };
        read.map_err(|why| self.wrong(at, key, why)).ok()
    }

    /// A whole number of at least one.
    pub(crate) fn count(&self, key: &str) -> Option<usize> {
        let (at, value) = self.get(key)?;
        let count = value
            .as_integer()
            .and_then(|number| usize::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|count| *count > 0);
        if count.is_none() {
            self.wrong(at, key, "a whole number of at least 1 was expected");
        }
        count
    }

    /// A table in it.
    pub(crate) fn table(&self, key: &str, keys: &[&str]) -> Option<Table<'r, 't>> {
        let (at, value) = self.get(key)?;
        if let Some(table) = value.as_table() {
            return Some(Self::new(table, self.key(key), at, keys, self.findings));
        }
        self.wrong(at, key, format!("is {}, a table was expected", type_of(value)));
        None
    }

    /// A table of any names; each with its place, in the order they are written.
    pub(crate) fn named(&self, key: &str) -> Vec<(Located<String>, &'r DeValue<'t>)> {
        let Some((at, value)) = self.get(key) else {
            return Vec::new();
        };
        let Some(table) = value.as_table() else {
            self.wrong(at, key, format!("is {}, a table was expected", type_of(value)));
            return Vec::new();
        };
        in_order(table)
    }

    /// A list of tables.
    pub(crate) fn tables(&self, key: &str, keys: &[&str]) -> Vec<Table<'r, 't>> {
        let Some((at, value)) = self.get(key) else {
            return Vec::new();
        };
        let Some(list) = value.as_array() else {
            self.wrong(
                at,
                key,
                format!(
                    "is {}, a list of tables was expected: [[{}]]",
                    type_of(value),
                    self.key(key)
                ),
            );
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (number, item) in list.iter().enumerate() {
            let path = format!("{}[{number}]", self.key(key));
            match item.get_ref().as_table() {
                Some(table) => tables.push(Self::new(table, path, item.span().start, keys, self.findings)),
                None => self
                    .findings
                    .error(item.span().start, &path, "a table was expected"),
            }
        }
        tables
    }
}

/// What is in a table, in the order it is written.
pub(crate) fn in_order<'r, 't>(table: &'r DeTable<'t>) -> Vec<(Located<String>, &'r DeValue<'t>)> {
    let entry = |(key, value): (&Spanned<_>, &'r Spanned<DeValue<'t>>)| {
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        (
            Located {
                value: name.clone().into_owned(),
                at: key.span().start,
            },
            value.get_ref(),
        )
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    entries.sort_by_key(|(name, _)| name.at);
    entries
}

/// What a value is, with its article; never the value itself.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Whether people may call an account, channel, source, scheme or kind so.
pub(crate) fn is_name(name: &str) -> bool {
    let letters = name
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    letters && (1..=40).contains(&name.len())
}
