//! When a certificate ends: the only field of a certificate that the bridge reads itself.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::pki_types::CertificateDer;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which version 1 leaves out.
const EXPLICIT_0: u8 = 0xA0;

/// The end of a certificate's validity (RFC 5280, 4.1). `None`: it is no certificate.
pub fn expires(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (fields, _) = element(certificate, SEQUENCE)?;
    let fields = element(fields, EXPLICIT_0).map_or(fields, |(_, rest)| rest);
    let (_serial, fields) = element(fields, INTEGER)?;
    let (_signature, fields) = element(fields, SEQUENCE)?;
    let (_issuer, fields) = element(fields, SEQUENCE)?;
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_begin, end) = time(validity)?;
    time(end).map(|(end, _)| end)
}

/// The content of the first element, which must have this tag, and what follows the element.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7F))?;
            let digits = digits.iter().try_fold(0_usize, |length, digit| {
                Some(length.checked_mul(256)? + usize::from(*digit))
            });
            (digits?, rest)
        }
    };
    (first == tag).then_some(())?;
    rest.split_at_checked(length)
}

/// The first element, which is a time, and what follows it.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest) = element(der, UTC_TIME).or_else(|| element(der, GENERALIZED_TIME))?;
    let text = std::str::from_utf8(text).ok()?;
    // A UTCTime has two digits of the year: 1950 to 2049.
    let century = match (text.len(), text.get(..2)?.parse().ok()?) {
        (13, 0..50) => "20",
        (13, _) => "19",
        _ => "",
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", format!("{century}{text}")).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    Some((time.timestamp(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject as _;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let pem = include_bytes!("../../tests/data/tls/localhost.pem");
        let certificate = CertificateDer::from_pem_slice(pem).unwrap();
        let expected: Timestamp = "2126-10-30T15:49:43Z".parse().unwrap();
        assert_eq!(expires(&certificate), Some(expected));
        for length in 0..certificate.len().min(300) {
            let _ = expires(&CertificateDer::from(&certificate[..length]));
        }
        assert_eq!(
            expires(&CertificateDer::from(&b"\x30\x84\xff\xff\xff\xff\x00"[..])),
            None
        );
    }

    #[test]
    fn both_forms_of_a_time_are_read() {
        for (text, expected) in [
            ("261129074100Z", Some("2026-11-29T07:41:00Z")),
            ("500101000000Z", Some("1950-01-01T00:00:00Z")),
            ("20501231235959Z", Some("2050-12-31T23:59:59Z")),
            ("261129074100", None),
            ("tomorrow", None),
        ] {
            let tag = if text.len() > 13 {
                GENERALIZED_TIME
            } else {
                UTC_TIME
            };
            let mut der = vec![tag, u8::try_from(text.len()).unwrap()];
            der.extend(text.bytes());
            let read = time(&der).map(|(time, _)| time.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
