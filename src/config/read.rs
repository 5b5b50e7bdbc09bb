//! Reading: files with a limit, and TOML tables key by key, so that everything wrong is found in one run.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Findings;
use crate::condition::nearest;

/// The largest configuration or template file, in bytes.
pub(super) const LARGEST_FILE: u64 = 1 << 20;

/// A value and where it is in its file.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// The text of a file of at most `largest` bytes; the error says why not, without the path.
pub(super) fn text(path: &Path, largest: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut bytes = Vec::new();
    file.take(largest + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > largest {
        return Err(format!("is larger than {} KiB", largest >> 10));
    }
    // The byte-order marks of UTF-16, which PowerShell's `>` writes.
    let wide = [b"\xff\xfe", b"\xfe\xff"]
        .iter()
        .any(|mark| bytes.starts_with(*mark));
    String::from_utf8(bytes).map_err(|_| {
        let what = if wide {
            "is UTF-16; write it as UTF-8"
        } else {
            "is not UTF-8 text"
        };
        what.to_owned()
    })
}

/// A TOML document, or the findings of its syntax.
pub(super) fn document<'t>(text: &'t str, findings: &Findings) -> Option<Spanned<DeTable<'t>>> {
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
pub(super) struct Table<'r, 't> {
    entries: &'r DeTable<'t>,
    /// Its path (`sources.github`); empty for a whole file.
    pub(super) path: String,
    /// Where it is.
    pub(super) at: usize,
    findings: &'r Findings,
}

impl<'r, 't> Table<'r, 't> {
    /// A table with exactly these keys; others are found.
    pub(super) fn new(
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
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<(usize, &'r DeValue<'t>)> {
        let (key, value) = self.entries.get_key_value(key)?;
        Some((key.span().start, value.get_ref()))
    }

    pub(super) fn wrong(&self, at: usize, key: &str, what: impl Into<String>) {
        self.findings.error(at, &self.key(key), what);
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<Located<String>> {
        let (at, value) = self.get(key)?;
        self.as_text(at, key, value)
    }

    /// A text that has to be there.
    pub(super) fn required(&self, key: &str, what: &str) -> Option<Located<String>> {
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
    pub(super) fn texts(&self, key: &str) -> Option<Vec<Located<String>>> {
        let (at, value) = self.get(key)?;
        self.as_texts(at, key, value)
    }

    pub(super) fn as_texts(&self, at: usize, key: &str, value: &DeValue<'_>) -> Option<Vec<Located<String>>> {
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
    pub(super) fn text_or_texts(&self, key: &str) -> Option<Vec<Located<String>>> {
        match self.get(key)? {
            (at, value @ DeValue::Array(_)) => self.as_texts(at, key, value),
            (at, value) => Some(vec![self.as_text(at, key, value)?]),
        }
    }

    pub(super) fn boolean(&self, key: &str) -> Option<bool> {
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
    pub(super) fn unit<T>(&self, key: &str, unit: &super::units::Unit<T>) -> Option<T> {
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
    pub(super) fn count(&self, key: &str) -> Option<usize> {
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
    pub(super) fn table(&self, key: &str, keys: &[&str]) -> Option<Table<'r, 't>> {
        let (at, value) = self.get(key)?;
        if let Some(table) = value.as_table() {
            return Some(Self::new(table, self.key(key), at, keys, self.findings));
        }
        self.wrong(at, key, format!("is {}, a table was expected", type_of(value)));
        None
    }

    /// A table of any names; each with its place, in the order they are written.
    pub(super) fn named(&self, key: &str) -> Vec<(Located<String>, &'r DeValue<'t>)> {
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
    pub(super) fn tables(&self, key: &str, keys: &[&str]) -> Vec<Table<'r, 't>> {
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
pub(super) fn in_order<'r, 't>(table: &'r DeTable<'t>) -> Vec<(Located<String>, &'r DeValue<'t>)> {
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
pub(super) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
