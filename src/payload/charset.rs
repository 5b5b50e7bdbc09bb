//! Converts text to UTF-8.
//!
//! The charset is determined in this order:
//!
//! 1. by the bytes: a byte order mark, or the zero bytes of UTF-16 and UTF-32 (RFC 4627, section 3);
//! 2. by the declared charset;
//! 3. UTF-8, also if the declared charset is unknown.
//!
//! No text is refused. Invalid bytes become U+FFFD.

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// A charset that a sender declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charset(&'static Encoding);

impl Charset {
    /// UTF-8, the default.
    pub const UTF_8: Self = Self(UTF_8);

    /// Returns the charset of a label. As in browsers, `ISO-8859-1` means windows-1252. An unknown label means UTF-8.
    pub fn of_label(label: &[u8]) -> Self {
        let label = label.trim_ascii();
        let label = label.strip_prefix(b"'").unwrap_or(label);
        let label = label.strip_suffix(b"'").unwrap_or(label);
        Encoding::for_label_no_replacement(label).map_or(Self::UTF_8, Self)
    }
}

/// A Unicode encoding that can be recognized by its bytes.
#[derive(Clone, Copy)]
enum Transformation {
    Utf8,
    Utf16(&'static Encoding),
    /// With the function that converts four bytes to a code point.
    Utf32(fn([u8; 4]) -> u32),
}

/// Converts a text to UTF-8 without a byte order mark. Copies only if bytes change.
pub fn decode(text: &Bytes, declared: Charset) -> Bytes {
    decode_unicode(text).unwrap_or_else(|| match declared.0.decode_without_bom_handling(text).0 {
        Cow::Borrowed(_) => text.clone(),
        Cow::Owned(decoded) => decoded.into(),
    })
}

/// Converts a text to UTF-8 if its bytes show that it is UTF-8, UTF-16 or UTF-32. Returns `None` otherwise.
pub fn decode_unicode(text: &Bytes) -> Option<Bytes> {
    let (transformation, mark) = detect_encoding(text)?;
    let text = text.slice(mark..);
    let utf8 = match transformation {
        Transformation::Utf8 => UTF_8.decode_without_bom_handling(&text).0,
        Transformation::Utf16(encoding) => encoding.decode_without_bom_handling(&text).0,
        Transformation::Utf32(unit) => {
            let (units, rest) = text.as_chunks::<4>();
            let characters = units.iter().map(|bytes| char::from_u32(unit(*bytes)));
            let cut_off = (!rest.is_empty()).then_some(None);
            let characters = characters.chain(cut_off);
            characters
                .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
    };
    Some(match utf8 {
        Cow::Borrowed(_) => text,
        Cow::Owned(decoded) => decoded.into(),
    })
}

/// Recognizes the encoding of a text. Returns it with the length of the byte order mark.
fn detect_encoding(text: &[u8]) -> Option<(Transformation, usize)> {
    use Transformation::{Utf8, Utf16, Utf32};
    let (little, big) = (u32::from_le_bytes, u32::from_be_bytes);
    Some(match text {
        [0xef, 0xbb, 0xbf, ..] => (Utf8, 3),
        [0xff, 0xfe, 0, 0, ..] => (Utf32(little), 4),
        [0, 0, 0xfe, 0xff, ..] => (Utf32(big), 4),
        [0xff, 0xfe, ..] => (Utf16(UTF_16LE), 2),
        [0xfe, 0xff, ..] => (Utf16(UTF_16BE), 2),
        // Two ASCII characters, with which every JSON object or list starts.
        [0, 0, 0, 1..=255, ..] => (Utf32(big), 0),
        [1..=255, 0, 0, 0, ..] => (Utf32(little), 0),
        [0, 1..=255, 0, 1..=255, ..] => (Utf16(UTF_16BE), 0),
        [1..=255, 0, 1..=255, 0, ..] => (Utf16(UTF_16LE), 0),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], label: &str) -> String {
        let declared = Charset::of_label(label.as_bytes());
        let decoded = decode(&Bytes::copy_from_slice(text), declared);
        String::from_utf8(decoded.to_vec()).unwrap()
    }

    /// Encodes `text` in units of `size` bytes, little-endian or big-endian.
    fn encode_units(text: &str, size: usize, little: bool) -> Vec<u8> {
        let units: Vec<u32> = match size {
            2 => text.encode_utf16().map(u32::from).collect(),
            _ => text.chars().map(u32::from).collect(),
        };
        let mut bytes = Vec::new();
        for unit in units {
            if little {
                bytes.extend_from_slice(&unit.to_le_bytes()[..size]);
            } else {
                bytes.extend_from_slice(&unit.to_be_bytes()[4 - size..]);
            }
        }
        bytes
    }

    #[test]
    fn unicode_is_recognized_by_its_mark_or_zeros_whatever_is_declared() {
        let json = r#"{"name": "Zürich 🔥 中"}"#;
        for label in ["", "utf-8", "iso-8859-1", "utf-16", "klingon"] {
            for size in [2, 4] {
                for little in [true, false] {
                    let marked = encode_units(&format!("\u{feff}{json}"), size, little);
                    assert_eq!(read(&marked, label), json, "{size} {little} {label}");
                    let bare = encode_units(json, size, little);
                    assert_eq!(read(&bare, label), json, "{size} {little} {label}");
                }
            }
            assert_eq!(read(format!("\u{feff}{json}").as_bytes(), label), json, "{label}");
        }
    }

    #[test]
    fn a_declared_charset_is_used_and_an_unknown_one_is_utf_8() {
        for (bytes, label, expected) in [
            (b"Caf\xe9 \x80".as_slice(), "ISO-8859-1", "Café €"),
            (b"Caf\xe9", " latin1 ", "Café"),
            (b"Caf\xe9", "'windows-1252'", "Café"),
            (b"\xcf\xf0\xe8\xe2\xe5\xf2", "windows-1251", "Привет"),
            (b"\x83\x65\x83\x58\x83\x67", "Shift_JIS", "テスト"),
            (b"\xc4\xe3", "gbk", "你"),
            ("é".as_bytes(), "utf8", "é"),
            ("é".as_bytes(), "klingon", "é"),
            ("é".as_bytes(), "", "é"),
            // An encoding that browsers refuse, because it was used in attacks.
            ("é".as_bytes(), "iso-2022-kr", "é"),
            (b"Caf\xe9", "klingon", "Caf\u{fffd}"),
            (b"Caf\xe9", "", "Caf\u{fffd}"),
        ] {
            assert_eq!(read(bytes, label), expected, "{label}");
        }
    }

    #[test]
    fn incomplete_and_invalid_characters_are_replaced() {
        assert_eq!(read(b"\xff\xfea\0\0\xd8", ""), "a\u{fffd}");
        assert_eq!(read(b"\xff\xfea\0b", ""), "a\u{fffd}");
        assert_eq!(read(b"\0\0\xfe\xff\0\0\0a\0\x11\0\0", ""), "a\u{fffd}");
        assert_eq!(read(b"\0\0\xfe\xff\0\0\0a\0\0", ""), "a\u{fffd}");
        assert_eq!(read(b"\xef\xbb\xbf\xff", ""), "\u{fffd}");
        assert_eq!(read(b"\xef\xbb\xbf", ""), "");
    }

    #[test]
    fn a_text_in_utf_8_is_not_copied() {
        let text = Bytes::from("Zürich");
        assert_eq!(decode(&text, Charset::UTF_8).as_ptr(), text.as_ptr());
        let marked = Bytes::from("\u{feff}Zürich");
        assert_eq!(decode(&marked, Charset::UTF_8).as_ptr(), marked[3..].as_ptr());
    }
}
