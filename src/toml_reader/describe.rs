//! The description of a TOML file: which keys a table has, and what shape each value has.

use toml::de::DeValue;

/// One key of a table.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// What the key sets, as a phrase: the schema's description, and the end of the finding that the key is missing.
    pub(crate) doc: &'static str,
    pub(crate) is_required: bool,
}

impl Key {
    pub(crate) const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            name,
            shape,
            doc,
            is_required: false,
        }
    }

    /// A key that every such table must have.
    pub(crate) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self {
            is_required: true,
            ..Self::new(name, shape, doc)
        }
    }
}

#[cfg(test)]
impl Key {
    /// The default that the description names, as TOML. `None`: it names none, or describes it in words.
    pub(crate) fn described_default(&self) -> Option<&'static str> {
        let (_, default) = self.doc.split_once("default: ")?;
        let default = default.split([';', ',']).next()?;
        let is_toml = format!("x = {default}").parse::<toml::Table>().is_ok();
        is_toml.then_some(default)
    }
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// A text that is not blank.
    Text,
    /// A text that may be empty or blank: a prefix, a separator.
    AnyText,
    /// A name that people choose, see [`is_name`].
    Name,
    /// A CEL expression. It is compiled elsewhere.
    Expression,
    /// The path of a file or folder.
    Path,
    /// One of these words. The noun says what they are: `algorithm`.
    Word {
        noun: &'static str,
        words: &'static [&'static str],
    },
    Boolean,
    /// A whole number within these bounds.
    Integer {
        least: i64,
        most: i64,
    },
    Duration,
    Size,
    Rate,
    List(&'static Shape),
    /// A list of at least one item.
    NonEmptyList(&'static Shape),
    Table(&'static [Key]),
    /// A table that names one place: it has exactly one of the keys `places`, and may have `others`. The hint is
    /// reported instead of any value, because a person may have written a secret there.
    Reference {
        places: &'static [Key],
        others: &'static [Key],
        hint: &'static str,
    },
    /// A table of names that people choose.
    Map {
        names: Names,
        values: &'static Shape,
    },
    /// One of these shapes, each of another TOML type. A value of no such type is reported against the first.
    Either(&'static [Shape]),
}

/// Which names the keys of a [`Shape::Map`] may be.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Names {
    /// See [`is_name`].
    Plain,
    /// Names of facts. The reader of facts checks them.
    Facts,
    Any,
}

impl Names {
    /// The regular expression of the names, for the schema.
    pub(super) fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Plain => Some(NAME_PATTERN),
            Self::Facts => Some("^[a-z][a-z0-9_]{0,39}$"),
            Self::Any => None,
        }
    }
}

impl Shape {
    pub(crate) const fn word(noun: &'static str, words: &'static [&'static str]) -> Self {
        Self::Word { noun, words }
    }

    /// Returns the shape that a value is checked against: the alternative of its TOML type, else the first.
    pub(super) fn for_value(&self, value: &DeValue<'_>) -> &Self {
        match self {
            Self::Either(shapes) => match shapes.iter().find(|shape| shape.has_type_of(value)) {
                Some(shape) => shape,
                None => shapes.first().unwrap_or(self),
            },
            shape => shape,
        }
    }

    fn has_type_of(&self, value: &DeValue<'_>) -> bool {
        match value {
            DeValue::Boolean(_) => matches!(self, Self::Boolean),
            DeValue::Array(_) => matches!(self, Self::List(_) | Self::NonEmptyList(_)),
            DeValue::Table(_) => matches!(self, Self::Table(_) | Self::Reference { .. } | Self::Map { .. }),
            DeValue::String(_) => matches!(
                self,
                Self::Text | Self::AnyText | Self::Name | Self::Expression | Self::Path | Self::Word { .. }
            ),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => false,
        }
    }
}

pub(super) const NAME_PATTERN: &str = "^[a-z0-9-]{1,40}$";

/// Whether the text can be the name of an account, channel, source, scheme or kind.
pub(crate) fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    name.bytes().all(is_letter) && (1..=40).contains(&name.len())
}

/// The words of a list of words and their values, for [`Shape::Word`].
pub(crate) const fn words<T: Copy, const N: usize>(pairs: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        words[index] = pairs[index].0;
        index += 1;
    }
    words
}
