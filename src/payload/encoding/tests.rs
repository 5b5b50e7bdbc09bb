use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;

use super::*;

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A brotli stream of uncompressed blocks (RFC 7932, section 9.2), which needs no encoder.
fn brotli(text: &[u8]) -> Vec<u8> {
    assert!((1..=1 << 16).contains(&text.len()));
    // WBITS 16 (one bit 0), ISLAST 0, MNIBBLES 4 (two bits 0), MLEN - 1 (16 bits), ISUNCOMPRESSED 1.
    let header = u32::try_from(text.len() - 1).unwrap() << 4 | 1 << 20;
    let mut stream = header.to_le_bytes()[..3].to_vec();
    stream.extend_from_slice(text);
    // ISLAST 1, ISLASTEMPTY 1.
    stream.push(3);
    stream
}

fn decode(encoding: Encoding, body: &[u8]) -> Result<Vec<u8>, TooLarge> {
    let decoded = encoding.decode(&Bytes::copy_from_slice(body))?;
    Ok(decoded.to_vec())
}

#[test]
fn headers_declare_the_encoding_of_a_body() {
    use Encoding::{Brotli, Deflate, Gzip};
    for (values, expected) in [
        (&[][..], Ok(None)),
        (&[""], Ok(None)),
        (&[" , "], Ok(None)),
        (&["identity"], Ok(None)),
        (&["UTF-8"], Ok(None)),
        (&["utf8", "Identity"], Ok(None)),
        (&["gzip"], Ok(Some(Gzip))),
        (&["X-GZIP"], Ok(Some(Gzip))),
        (&["identity, gzip"], Ok(Some(Gzip))),
        (&["deflate"], Ok(Some(Deflate))),
        (&[" br "], Ok(Some(Brotli))),
        (&["gzip, br"], Err(Unsupported)),
        (&["gzip", "gzip"], Err(Unsupported)),
        (&["zstd"], Err(Unsupported)),
        (&["aes128gcm"], Err(Unsupported)),
        (&["iso-8859-1"], Err(Unsupported)),
    ] {
        let headers = Headers::new(values.iter().map(|value| ("Content-Encoding", *value)));
        assert_eq!(Encoding::of(&headers), expected, "{values:?}");
    }
}

#[test]
fn every_encoding_is_decoded() {
    use Encoding::{Brotli, Deflate, Gzip};
    let text = br#"{"title": "Backup", "text": "done"}"#.repeat(700);
    let two_members = [gzip(&text[..1000]), gzip(&text[1000..])].concat();
    for (encoding, body) in [
        (Gzip, gzip(&text)),
        (Gzip, two_members),
        (Deflate, zlib(&text)),
        (Deflate, raw_deflate(&text)),
        (Brotli, brotli(&text)),
    ] {
        assert_eq!(decode(encoding, &body), Ok(text.clone()), "{encoding:?}");
    }
    // Output of Google's encoder in Node.js.
    let node = "1b0f0ea89c07c62df336a223089a7f2318d40a42617b5a640dae6eeab0f415c8584f228a429fa9118b5180ed1322049b16001800";
    let lines = b"{\"title\": \"Backup\", \"text\": \"done\"}\n".repeat(100);
    assert_eq!(decode(Brotli, &hex::decode(node).unwrap()), Ok(lines));
    for (encoding, nothing) in [(Gzip, gzip(b"")), (Deflate, zlib(b"")), (Brotli, vec![6])] {
        assert_eq!(decode(encoding, &nothing), Ok(Vec::new()), "{encoding:?}");
    }
}

#[test]
fn a_body_that_is_not_in_the_declared_encoding_is_used_unchanged() {
    use Encoding::{Brotli, Deflate, Gzip};
    let text = br#"{"title": "Backup", "text": "done"}"#.to_vec();
    for encoding in [Gzip, Deflate, Brotli] {
        for body in [text.clone(), b"plain text".to_vec(), Vec::new(), vec![0x1f, 0x8b]] {
            assert_eq!(decode(encoding, &body), Ok(body.clone()), "{encoding:?}");
        }
    }
    for (encoding, whole) in [
        (Gzip, gzip(&text)),
        (Deflate, zlib(&text)),
        (Brotli, brotli(&text)),
    ] {
        for end in 1..whole.len() - 1 {
            let cut = &whole[..end];
            assert_eq!(decode(encoding, cut), Ok(cut.to_vec()), "{encoding:?} {end}");
        }
        let mut broken = whole.clone();
        let last = broken.len() - 1;
        broken[last] ^= 0x55;
        assert_eq!(decode(encoding, &broken), Ok(broken.clone()), "{encoding:?}");
    }
    let mut trailing = gzip(&text);
    trailing.extend_from_slice(b"more");
    assert_eq!(decode(Gzip, &trailing), Ok(trailing.clone()));
}

#[test]
fn a_decompression_bomb_is_refused_before_it_is_decompressed() {
    let bomb = gzip(&vec![b'0'; 30 << 20]);
    assert!(bomb.len() > 20_000);
    let mut longest = 0;
    let decoded = Encoding::Gzip.pieces(&bomb, usize::MAX, |piece| longest += piece.len());
    assert_eq!(decoded, Err(TooLarge));
    assert!(longest <= bomb.len() * RATIO, "{longest}");
    // The ratio does not apply to short bodies.
    let dense = gzip(&vec![b'0'; ALWAYS]);
    assert!(dense.len() * RATIO < ALWAYS);
    assert!(Encoding::Gzip.pieces(&dense, ALWAYS, |_| {}).unwrap());
    assert_eq!(Encoding::Gzip.pieces(&dense, ALWAYS - 1, |_| {}), Err(TooLarge));
}
