//! Readers of a checked TOML document. They return what has the shape of its description, and report nothing.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check;
use super::describe::{Key, Shape};
use super::finding::Findings;
use super::located::{Located, in_order};
use crate::units::Unit;

/// Parses a document, checks it against its description, and lets `read` read it. Returns nothing if the text is not
/// TOML. All mistakes are in `findings`.
pub(crate) fn read<T>(
    text: &str,
    keys: &'static [Key],
    findings: &Findings,
    read: impl FnOnce(&TableReader<'_, '_>) -> T,
) -> Option<T> {
    read_joined(text, [keys, &[]], findings, read)
}

/// The same with a description in two parts.
pub(crate) fn read_joined<T>(
    text: &str,
    keys: [&'static [Key]; 2],
    findings: &Findings,
    read: impl FnOnce(&TableReader<'_, '_>) -> T,
) -> Option<T> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(5) {
        // Only the message: the error's own display quotes the line, which may hold a secret.
        let at = error.span().map_or(0, |span| span.start);
        let mut what = format!("not TOML: {}", error.message().replace('\n', ", "));
        if has_nested_quotes(text, at) {
            what.push_str("; a text in '…' ends at the next ': write the texts in it with \", such as when = 'action == \"opened\"'");
        }
        findings.error(at, "", what);
    }
    let table = document.get_ref();
    errors.is_empty().then(|| {
        check::check_table(&keys, table, "", 0, findings);
        read(&TableReader {
            table,
            keys,
            path: String::new(),
            at: 0,
            findings,
        })
    })
}

/// Whether the line of a position has a value in `'…'` with more such quotes in it.
fn has_nested_quotes(text: &str, at: usize) -> bool {
    let start = text
        .get(..at)
        .map_or(0, |before| before.rfind('\n').map_or(0, |end| end + 1));
    let line = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let value = line.split_once('=').map(|(_, value)| value.trim_start());
    value.is_some_and(|value| value.starts_with('\'') && value.matches('\'').count() > 2)
}

/// A table and the description of its keys.
pub(crate) struct TableReader<'r, 't> {
    table: &'r DeTable<'t>,
    keys: [&'static [Key]; 2],
    /// Its path (`sources.github`); empty for a whole file.
    pub(crate) path: String,
    /// Its position.
    pub(crate) at: usize,
    findings: &'r Findings,
}

impl<'r, 't> TableReader<'r, 't> {
    /// Returns the value of a key, of whatever type. The key must be in the description.
    pub(crate) fn get(&self, key: &str) -> Option<ValueReader<'r, 't>> {
        let described = self.described(key);
        debug_assert!(described.is_some(), "{} is not described", self.key(key));
        let (name, value) = self.table.get_key_value(key)?;
        Some(ValueReader {
            value: value.get_ref(),
            shape: described?.shape.for_value(value.get_ref()),
            path: self.key(key),
            at: name.span().start,
            findings: self.findings,
        })
    }

    fn described(&self, key: &str) -> Option<&'static Key> {
        self.keys
            .iter()
            .copied()
            .flatten()
            .find(|known| known.name == key)
    }

    /// The path of a key of the table.
    pub(crate) fn key(&self, key: &str) -> String {
        check::join(&self.path, key)
    }

    /// Whether the key is there, with a right or a wrong value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The names of the keys in the description.
    pub(crate) fn known(&self) -> impl Iterator<Item = &'static str> {
        self.keys.into_iter().flatten().map(|key| key.name)
    }

    /// Reports an error of the key, at its position or else at that of the table.
    pub(crate) fn wrong(&self, key: &str, what: impl Into<String>) {
        let position = self.table.get_key_value(key).map(|(name, _)| name.span().start);
        self.findings
            .error(position.unwrap_or(self.at), &self.key(key), what);
    }

    /// Reports that a key is missing that only some tables need.
    pub(crate) fn missing(&self, key: &str) {
        if let Some(key) = self.described(key) {
            self.findings.error(self.at, &self.path, check::missing(key));
        }
    }

    /// How many errors the file has so far.
    pub(crate) fn errors(&self) -> usize {
        self.findings.errors()
    }

    pub(crate) fn text(&self, key: &str) -> Option<Located<String>> {
        self.get(key)?.text()
    }

    /// Reads a text that may be blank.
    pub(crate) fn any_text(&self, key: &str) -> Option<String> {
        self.get(key)?.value.as_str().map(str::to_owned)
    }

    pub(crate) fn texts(&self, key: &str) -> Option<Vec<Located<String>>> {
        self.get(key)?.texts()
    }

    /// Reads one of these words. The description has the same words.
    pub(crate) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?.value;
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
    }

    pub(crate) fn boolean(&self, key: &str) -> Option<bool> {
        self.get(key)?.value.as_bool()
    }

    pub(crate) fn integer<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        let value = self.get(key)?;
        T::try_from(check::integer(value.value.as_integer()?)?).ok()
    }

    /// Reads a value with a unit.
    pub(crate) fn unit<T>(&self, key: &str, unit: &Unit<T>) -> Option<T> {
        check::parse(unit, self.get(key)?.value).ok()
    }

    pub(crate) fn table(&self, key: &str) -> Option<TableReader<'r, 't>> {
        self.get(key)?.table()
    }

    /// Reads a list of tables.
    pub(crate) fn tables(&self, key: &str) -> Vec<TableReader<'r, 't>> {
        let items = self.get(key).map(|value| value.items()).unwrap_or_default();
        items.iter().filter_map(ValueReader::table).collect()
    }

    /// Reads a table of names that people choose, in the order of the file.
    pub(crate) fn entries(&self, key: &str) -> Vec<(Located<String>, ValueReader<'r, 't>)> {
        self.get(key).map(|value| value.entries()).unwrap_or_default()
    }
}

/// A value and its description.
pub(crate) struct ValueReader<'r, 't> {
    value: &'r DeValue<'t>,
    shape: &'static Shape,
    /// Its path (`sources.github.secrets[0]`).
    pub(crate) path: String,
    /// The position of its key; of an item of a list, its own.
    pub(crate) at: usize,
    findings: &'r Findings,
}

impl<'r, 't> ValueReader<'r, 't> {
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.findings.error(self.at, &self.path, what);
    }

    /// Reads a text that is not blank.
    pub(crate) fn text(&self) -> Option<Located<String>> {
        let text = self.value.as_str().filter(|text| !text.trim().is_empty())?;
        Some(Located {
            value: text.to_owned(),
            at: self.at,
        })
    }

    /// Reads a list of texts, or one text as a list of one.
    pub(crate) fn texts(&self) -> Option<Vec<Located<String>>> {
        match self.value {
            DeValue::Array(_) => Some(self.items().iter().filter_map(Self::text).collect()),
            _ => Some(vec![self.text()?]),
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        self.value.as_bool()
    }

    pub(crate) fn table(&self) -> Option<TableReader<'r, 't>> {
        let keys = match self.shape {
            Shape::Table(keys) => [*keys, &[]],
            Shape::Reference { places, others, .. } => [*places, *others],
            _ => return None,
        };
        Some(TableReader {
            table: self.value.as_table()?,
            keys,
            path: self.path.clone(),
            at: self.at,
            findings: self.findings,
        })
    }

    /// Returns the items of a list.
    pub(crate) fn items(&self) -> Vec<Self> {
        let (Some(items), Shape::List(shape) | Shape::NonEmptyList(shape)) =
            (self.value.as_array(), self.shape)
        else {
            return Vec::new();
        };
        let item = |(number, item): (usize, &'r Spanned<DeValue<'t>>)| Self {
            value: item.get_ref(),
            shape: shape.for_value(item.get_ref()),
            path: check::item_path(shape, &self.path, number),
            at: item.span().start,
            findings: self.findings,
        };
        items.iter().enumerate().map(item).collect()
    }

    /// Returns the entries of a table of names that people choose, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<(Located<String>, Self)> {
        let (Some(table), Shape::Map { names, values }) = (self.value.as_table(), self.shape) else {
            return Vec::new();
        };
        let entry = |(name, value): (Located<String>, &'r DeValue<'t>)| {
            let value = Self {
                value,
                shape: values.for_value(value),
                path: check::entry_path(*names, &self.path, &name.value),
                at: name.at,
                findings: self.findings,
            };
            (name, value)
        };
        in_order(table).into_iter().map(entry).collect()
    }

    /// Whether the value is a table.
    pub(crate) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// Whether the value is a list.
    pub(crate) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Whether the value is a list without items.
    pub(crate) fn is_empty(&self) -> bool {
        self.value.as_array().is_some_and(|items| items.is_empty())
    }
}
