//! How much memory a payload takes as values, estimated before any is made: on its text as it will be parsed, so behind
//! compression, percent-encoding and charset.
//!
//! The text is looked at in pieces and never made. Where a charset is decoded, a byte that could be a comma counts as one,
//! so the estimate is never too small because of that.

use std::str;

/// Bytes for each item, name or object: a value with its place in a list or object that grows by doubling.
const VALUE: usize = 120;

/// What is known of a text of which pieces were seen.
#[derive(Debug)]
pub(super) struct Estimate {
    /// Undoes a form's percent-encoding, with what is held back of an escape that a piece cut off.
    escapes: Option<Vec<u8>>,
    length: usize,
    /// Signs that stand between values. Signs within texts count, too: prose has few of them.
    signs: usize,
    /// What JSON escapes: control characters.
    controls: usize,
    /// Bytes above ASCII. In a charset of one byte a character each may become three.
    high: usize,
    /// Whether all of it is UTF-8 without zeros so far, so that no byte changes.
    is_utf8: bool,
    /// The start of a character that a piece cut off.
    cut_off: Vec<u8>,
}

impl Estimate {
    /// Nothing seen yet. `is_form`: percent-encoding is undone. `is_utf8`: no other charset is declared.
    pub(super) fn new(is_form: bool, is_utf8: bool) -> Self {
        Self {
            escapes: is_form.then(Vec::new),
            length: 0,
            signs: 0,
            controls: 0,
            high: 0,
            is_utf8,
            cut_off: Vec::new(),
        }
    }

    /// Looks at the next piece.
    pub(super) fn add(&mut self, piece: &[u8]) {
        for piece in piece.chunks(16 * 1024) {
            match self.escapes.take() {
                None => self.count(piece),
                Some(mut text) => {
                    text.extend_from_slice(piece);
                    let last = text.len().saturating_sub(2);
                    let tail = text.get(last..).unwrap_or_default();
                    let whole = last + tail.iter().position(|byte| *byte == b'%').unwrap_or(tail.len());
                    let held = text.split_off(whole);
                    self.count(&super::form::unescaped(&text));
                    self.escapes = Some(held);
                }
            }
        }
    }

    fn count(&mut self, piece: &[u8]) {
        self.length += piece.len();
        for byte in piece {
            match byte {
                b',' | b':' | b'{' => self.signs += 1,
                0 => {
                    self.is_utf8 = false;
                    self.controls += 1;
                }
                ..0x20 => self.controls += 1,
                0x80.. => self.high += 1,
                _ => {}
            }
        }
        if self.is_utf8 {
            self.cut_off.extend_from_slice(piece);
            match str::from_utf8(&self.cut_off) {
                Ok(_) => self.cut_off.clear(),
                Err(error) => {
                    self.is_utf8 = error.error_len().is_none();
                    self.cut_off.drain(..error.valid_up_to());
                }
            }
        }
    }

    /// Bytes of memory, about. `copies`: how often the text itself is there while it is read, at most. `is_quoted`: it
    /// is made a text of JSON first, with its control characters escaped.
    pub(super) fn memory(&self, copies: usize, is_quoted: bool) -> usize {
        let text = if self.is_utf8 && self.cut_off.is_empty() {
            self.length
        } else {
            // UTF-16 has three bytes for two at most.
            self.length + self.length / 2 + 2 * self.high
        };
        let quoted = if is_quoted { text + 5 * self.controls } else { 0 };
        copies * text + quoted + VALUE * self.signs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(is_form: bool, pieces: &[&[u8]]) -> usize {
        let mut estimate = Estimate::new(is_form, true);
        for piece in pieces {
            estimate.add(piece);
        }
        estimate.memory(2, false)
    }

    #[test]
    fn a_text_is_estimated_without_its_percent_encoding_wherever_it_is_cut() {
        let json = br#"{"a": 1, "b": "x"},"#.repeat(2_000);
        let plain = memory(false, &[&json]);
        assert_eq!(plain, 2 * json.len() + 120 * 2_000 * 5);
        let all = percent_encoding::percent_encode(&json, percent_encoding::NON_ALPHANUMERIC).to_string();
        let some = String::from_utf8_lossy(&json)
            .replace(',', "%2c")
            .replace(' ', "+");
        for form in [all, some] {
            for size in [1, 2, 3, 4, 5, 1000, 16 * 1024, 16 * 1024 + 1, form.len()] {
                let pieces: Vec<_> = form.as_bytes().chunks(size).collect();
                assert_eq!(memory(true, &pieces), plain, "{size}");
            }
        }
    }

    #[test]
    fn a_text_that_has_to_be_decoded_counts_as_what_it_may_become() {
        let length = 3 * 40_000;
        let korean = "한".repeat(40_000);
        for size in [1, 1000, length] {
            let pieces: Vec<_> = korean.as_bytes().chunks(size).collect();
            assert_eq!(memory(false, &pieces), 2 * length, "nothing to decode");
        }
        for (text, becomes) in [
            // Each byte becomes U+FFFD.
            (vec![0xff; 50_000], 150_000),
            // Two bytes a character become three.
            (wide("\u{feff}", "中", 30_000), 90_000),
            (wide("", "{\"中\":", 9_000), 63_000),
            (korean.as_bytes()[..length - 1].to_vec(), length),
        ] {
            assert!(memory(false, &[&text]) >= 2 * becomes, "{:x?}", &text[..4]);
        }
        // In UTF-8 it would stay as long; in the declared charset each byte may become three.
        let mut declared = Estimate::new(false, false);
        declared.add(korean.as_bytes());
        assert!(declared.memory(1, false) >= 3 * length);
    }

    fn wide(start: &str, text: &str, count: usize) -> Vec<u8> {
        let text = format!("{start}{}", text.repeat(count));
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn control_characters_count_as_their_escapes_where_a_text_is_made_json() {
        let mut estimate = Estimate::new(true, true);
        estimate.add(&b"%01".repeat(10_000));
        let text = "\u{1}".repeat(10_000);
        let json = serde_json::to_string(&text).unwrap();
        assert!(estimate.memory(1, true) >= text.len() + json.len() - 2);
    }
}
