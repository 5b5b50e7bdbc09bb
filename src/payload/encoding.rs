//! Decompresses bodies as their `Content-Encoding` declares.
//!
//! A body is decompressed only after authentication. A maximum length and a maximum ratio stop decompression bombs. A body
//! that is not in the declared encoding is used unchanged: some proxies decompress the body and keep the header.

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

use crate::headers::Headers;

/// Maximum number of decompressed bytes per byte of a body. Logs and lists of alerts have ratios of 10 to 30.
pub const RATIO: usize = 100;

/// Number of decompressed bytes that is always allowed, whatever the ratio: 1 MiB.
const ALWAYS: usize = 1 << 20;

/// Size of a decompressed piece, in bytes.
const CHUNK: usize = 16 * 1024;

/// A supported compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952, one or more members.
    Gzip,
    /// RFC 1950, as HTTP defines it, or the raw stream of RFC 1951, as some senders write it.
    Deflate,
    /// RFC 7932.
    Brotli,
}

/// The `Content-Encoding` is unknown, or the body is encoded more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Content-Encoding is none of gzip, deflate and br")]
pub struct Unsupported;

/// The decompressed body exceeds its limit, or [`RATIO`] times the length of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the decoded body is too large")]
pub struct TooLarge;

impl Encoding {
    /// Reads the headers of a request. `None` means that the body is not compressed. An empty value, `identity` and `UTF-8`
    /// (a charset, which some senders put there) also mean that.
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

    /// Estimates the memory of the decoder itself (window and tables), in bytes.
    pub fn window(self) -> usize {
        match self {
            Self::Gzip | Self::Deflate => 128 * 1024,
            Self::Brotli => 18 << 20,
        }
    }

    /// Decompresses a body and calls `piece` with one piece after the other. `limit` is the maximum number of decompressed
    /// bytes. `Ok(false)` means that the body is not in this encoding: the pieces so far are invalid.
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
                    // Data after the end: the body only looked compressed.
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

    /// Decompresses a body. Returns the body itself if it is not in this encoding.
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

/// Checks the header of RFC 1950, section 2.2: the method is deflate, and the two bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

#[cfg(test)]
pub(crate) mod tests;
