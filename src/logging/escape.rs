//! Escapes text from outside: it cannot end the line, control a terminal, reorder characters, or look like another value.

use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Source, Value, VisitSource};
use std::fmt::{self, Display, Write};
use std::io;

use crate::message::control::acts;

/// Maximum length of a message or value, in bytes. The rest is cut off.
const MAX_LENGTH: usize = 4096;

/// Whether a log line escapes a character: all control characters, and the directional marks, which a message keeps.
pub(super) fn is_active(character: char) -> bool {
    acts(character) || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}')
}

/// Displays text on one line, with active characters escaped (`\n`, `\u{1b}`).
pub(super) struct Escaped<T>(pub(super) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaping = Escaping {
            out,
            left: MAX_LENGTH,
            quoted: false,
        };
        write!(escaping, "{}", self.0)
    }
}

/// Cuts text to [`MAX_LENGTH`], as [`Escaped`] does.
pub(super) fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().find(|(at, _)| *at >= MAX_LENGTH) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Writes ` key=value` for each value. A value that could be read as several is quoted.
pub(super) fn key_values(out: &mut Formatter, values: &dyn Source) -> io::Result<()> {
    let mut pairs = String::new();
    values.visit(&mut Pairs(&mut pairs)).map_err(io::Error::other)?;
    io::Write::write_all(out, pairs.as_bytes())
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let value = value.to_string();
        write!(self.0, " {key}=")?;
        let quoted = value.is_empty() || value.contains([' ', '"', '=']);
        if !quoted {
            write!(self.0, "{}", Escaped(value))?;
            return Ok(());
        }
        self.0.push('"');
        let mut escaping = Escaping {
            out: self.0,
            left: MAX_LENGTH,
            quoted,
        };
        escaping.write_str(&value)?;
        self.0.push('"');
        Ok(())
    }
}

struct Escaping<'a, W> {
    out: &'a mut W,
    left: usize,
    quoted: bool,
}

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.left == 0 {
                return Ok(());
            }
            self.left = self.left.saturating_sub(character.len_utf8());
            if is_active(character) || (self.quoted && matches!(character, '"' | '\\')) {
                for part in character.escape_default() {
                    self.out.write_char(part)?;
                }
            } else {
                self.out.write_char(character)?;
            }
            if self.left == 0 {
                self.out.write_char('…')?;
            }
        }
        Ok(())
    }
}
