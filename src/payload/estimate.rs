//! Estimates the memory of a payload as parsed values, before it is parsed.
//!
//! The estimate is based on the decompressed, percent-decoded text. The text is read in pieces and not stored. Before a
//! charset conversion, every byte that could be a comma counts as one, so the result is never too small.

use std::str;

/// Memory of one item, name or object, in bytes. Includes its share of a list or object that grows by doubling.
const VALUE: usize = 120;

/// The counts for the pieces of a text so far.
#[derive(Debug)]
pub(super) struct Estimate {
    /// For a form: the start of a percent escape at the end of the last piece. `None` if the text is not a form.
    escapes: Option<Vec<u8>>,
    /// Length in bytes, without percent-encoding.
    length: usize,
    /// Number of JSON separators. Those within strings count, too; prose has few of them.
    signs: usize,
    /// Number of control characters, which JSON escapes.
    controls: usize,
    /// Number of non-ASCII bytes. Each one can become three bytes if the charset has one byte per character.
    high: usize,
    /// Whether everything so far is UTF-8 without zero bytes. Then the charset conversion changes nothing.
    is_utf8: bool,
    /// The start of a character at the end of the last piece.
    cut_off: Vec<u8>,
}

impl Estimate {
    /// `is_form`: the text is percent-decoded first. `is_utf8`: no other charset is declared.
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

    /// Counts the next piece.
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
                    self.count(&super::form::percent_decoded(&text));
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

    /// Returns the estimated memory, in bytes. `copies` is the maximum number of copies of the text during parsing.
    /// `is_quoted` means that the text becomes a JSON string, in which control characters are escaped.
    pub(super) fn memory(&self, copies: usize, is_quoted: bool) -> usize {
        let text = if self.is_utf8 && self.cut_off.is_empty() {
            self.length
        } else {
            // Two bytes of UTF-16 become at most three.
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
    fn a_form_is_estimated_without_percent_encoding_wherever_it_is_split() {
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
    fn a_text_counts_with_its_maximum_length_after_conversion() {
        let length = 3 * 40_000;
        let korean = "한".repeat(40_000);
        for size in [1, 1000, length] {
            let pieces: Vec<_> = korean.as_bytes().chunks(size).collect();
            assert_eq!(memory(false, &pieces), 2 * length, "nothing to decode");
        }
        for (text, becomes) in [
            // Each byte becomes U+FFFD.
            (vec![0xff; 50_000], 150_000),
            // Each character of two bytes becomes three bytes.
            (repeat_text("\u{feff}", "中", 30_000), 90_000),
            (repeat_text("", "{\"中\":", 9_000), 63_000),
            (korean.as_bytes()[..length - 1].to_vec(), length),
        ] {
            assert!(memory(false, &[&text]) >= 2 * becomes, "{:x?}", &text[..4]);
        }
        // As UTF-8 the length would stay the same. In the declared charset each byte can become three.
        let mut declared = Estimate::new(false, false);
        declared.add(korean.as_bytes());
        assert!(declared.memory(1, false) >= 3 * length);
    }

    fn repeat_text(start: &str, text: &str, count: usize) -> Vec<u8> {
        let text = format!("{start}{}", text.repeat(count));
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn control_characters_count_as_escapes_in_a_json_string() {
        let mut estimate = Estimate::new(true, true);
        estimate.add(&b"%01".repeat(10_000));
        let text = "\u{1}".repeat(10_000);
        let json = serde_json::to_string(&text).unwrap();
        assert!(estimate.memory(1, true) >= text.len() + json.len() - 2);
    }
}
