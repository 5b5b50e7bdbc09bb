//! Decodes a body that the server compressed although the request forbids it (`Accept-Encoding: identity`).

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Read;

const GZIP: &[u8] = &[0x1f, 0x8b];

/// The decoded body, `longest` bytes at most. `encoding`: the header `Content-Encoding`. It decides only if the bytes do not,
/// because some proxies decode a body and leave the header. A body that cannot be decoded stays as it is.
pub(super) fn decode(body: Vec<u8>, encoding: Option<&str>, longest: usize) -> Vec<u8> {
    if body.starts_with(GZIP) {
        return read(MultiGzDecoder::new(body.as_slice()), longest).unwrap_or(body);
    }
    // "deflate" is zlib in the standard; some servers leave out its frame.
    if encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("deflate")) {
        return read(ZlibDecoder::new(body.as_slice()), longest)
            .or_else(|| read_whole(DeflateDecoder::new(body.as_slice()), longest))
            .unwrap_or(body);
    }
    body
}

/// The bytes that can be decoded; `None`: there are none.
fn read(from: impl Read, longest: usize) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    // After an error the decoded bytes remain, which may be the whole body.
    let _ = from.take(longest as u64).read_to_end(&mut decoded);
    (!decoded.is_empty()).then_some(decoded)
}

/// The same for a stream without a frame, which has to be complete: plain text may begin like such a stream.
fn read_whole(from: impl Read, longest: usize) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let ended = from.take(longest as u64).read_to_end(&mut decoded);
    ended.is_ok().then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    const LIMIT: usize = 1000;

    fn all(mut from: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_compressed_body_is_decoded_whatever_its_header_is() {
        let plain = br#"{"object":{"id":"x"}}"#;
        let level = Compression::default();
        let gzip = all(GzEncoder::new(&plain[..], level));
        for (body, encoding) in [
            (gzip.clone(), Some("gzip")),
            (gzip.clone(), None),
            (gzip[..gzip.len() - 4].to_vec(), Some("x-gzip")),
            (all(ZlibEncoder::new(&plain[..], level)), Some("deflate")),
            (all(DeflateEncoder::new(&plain[..], level)), Some("Deflate")),
            (plain.to_vec(), Some("gzip")),
            (plain.to_vec(), Some("deflate")),
            (plain.to_vec(), Some("br")),
            (plain.to_vec(), None),
        ] {
            assert_eq!(decode(body, encoding, LIMIT), plain, "{encoding:?}");
        }
    }

    #[test]
    fn a_bomb_is_decoded_up_to_the_limit() {
        let bomb = all(GzEncoder::new(
            std::io::repeat(b'a').take(10_000_000),
            Compression::best(),
        ));
        assert_eq!(decode(bomb, None, LIMIT).len(), LIMIT);
    }
}
