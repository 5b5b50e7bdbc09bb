//! `Content-Encoding`: what a body was compressed with, and the body before that.
//!
//! A body is decoded only after it was authenticated, within a limit and a ratio, so that a small body cannot become a
//! large one. A body that is not what its header says (a proxy decoded it and left the header) is read as it came.

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

use crate::headers::Headers;

/// Most decoded bytes for each byte of a body. Logs and lists of alerts shrink to a tenth or a thirtieth.
pub const RATIO: usize = 100;

/// So much may be decoded whatever the ratio, in bytes: 1 MiB.
const ALWAYS: usize = 1 << 20;

/// What decoded bytes are passed on in.
const CHUNK: usize = 16 * 1024;

/// A compression that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952, of one or more members.
    Gzip,
    /// RFC 1950 as the name wants it, or RFC 1951 as some senders write it.
    Deflate,
    /// RFC 7932.
    Brotli,
}

/// A `Content-Encoding` that is not decoded: an unknown one, or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Content-Encoding is none of gzip, deflate and br")]
pub struct Unsupported;

/// The decoded body is over its limit, or more than [`RATIO`] times as long as the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decoded body is too large")]
pub struct TooLarge;

impl Encoding {
    /// What a request's headers say; `None` where nothing is compressed. `identity`, nothing and `UTF-8` (a charset,
    /// which some senders write there) encode nothing.
    pub fn of(headers: &Headers) -> Result<Option<Self>, Unsupported> {
        let mut found = None;
        let tokens = headers
            .all("content-encoding")
            .flat_map(|value| value.split(','))
            .map(|token| token.trim().to_ascii_lowercase());
        for token in tokens {
            let encoding = match token.as_str() {
                "" | "identity" | "utf-8" | "utf8" => continue,
                "gzip" | "x-gzip" => Self::Gzip,
                "deflate" => Self::Deflate,
                "br" => Self::Brotli,
                _ => return Err(Unsupported),
            };
            if found.replace(encoding).is_some() {
                return Err(Unsupported);
            }
        }
        Ok(found)
    }

    /// The memory that decoding takes beside the decoded bytes, about, in bytes: the window that may be looked back to,
    /// and tables.
    pub fn window(self) -> usize {
        match self {
            Self::Gzip | Self::Deflate => 128 * 1024,
            Self::Brotli => 18 << 20,
        }
    }

    /// Decodes a body in pieces and keeps none of them. `Ok(false)`: the body is not so encoded, whatever was passed on
    /// before that was found. `limit`: most decoded bytes.
    pub fn pieces(self, body: &[u8], limit: usize, mut piece: impl FnMut(&[u8])) -> Result<bool, TooLarge> {
        let limit = limit.min(body.len().saturating_mul(RATIO).max(ALWAYS));
        let mut rest = body;
        let mut decoder = self.decoder(&mut rest);
        let mut buffer = [0; CHUNK];
        let mut length = 0;
        loop {
            let read = match decoder.read(&mut buffer) {
                Ok(0) => {
                    drop(decoder);
                    // A text that only looks like a compressed one ends early.
                    return Ok(rest.is_empty());
                }
                Ok(read) => read,
                Err(_) => return Ok(false),
            };
            length += read;
            if length > limit {
                return Err(TooLarge);
            }
            piece(buffer.get(..read).unwrap_or_default());
        }
    }

    /// The decoded body; the body itself where it is not so encoded.
    pub fn decode(self, body: &Bytes) -> Result<Bytes, TooLarge> {
        let mut decoded = Vec::new();
        let is_encoded = self.pieces(body, usize::MAX, |piece| decoded.extend_from_slice(piece))?;
        Ok(if is_encoded { decoded.into() } else { body.clone() })
    }

    fn decoder<'a>(self, body: &'a mut &[u8]) -> Box<dyn Read + 'a> {
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(body)),
            Self::Deflate if has_zlib_header(body) => Box::new(ZlibDecoder::new(body)),
            Self::Deflate => Box::new(DeflateDecoder::new(body)),
            Self::Brotli => Box::new(Decompressor::new(body, CHUNK)),
        }
    }
}

/// RFC 1950, section 2.2: the method is deflate, and both bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

#[cfg(test)]
pub(crate) mod tests;
