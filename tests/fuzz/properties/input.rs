//! Reads the bytes of a fuzzer as choices. After the last byte every read returns zero, so every input is valid.

use std::borrow::Cow;

/// The bytes that are not yet read.
pub(crate) struct Input<'d>(&'d [u8]);

impl<'d> Input<'d> {
    pub(crate) fn new(data: &'d [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A number below `limit`, which may be larger than a byte.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let high = if limit > 256 {
            usize::from(self.byte()) << 8
        } else {
            0
        };
        (high + usize::from(self.byte())) % limit.max(1)
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Reads a length, then that many bytes.
    pub(crate) fn bytes(&mut self) -> &'d [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    /// Like `bytes`, as text.
    pub(crate) fn text(&mut self) -> Cow<'d, str> {
        String::from_utf8_lossy(self.bytes())
    }

    pub(crate) fn rest(&mut self) -> &'d [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn rest_text(&mut self) -> Cow<'d, str> {
        String::from_utf8_lossy(self.rest())
    }
}
