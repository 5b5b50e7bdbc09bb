//! Authentication as Twake does it, which differs from HTTP's.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::sandbox::settings::Application;

/// PHP's `base64_decode` is lenient: padding may be missing, and other characters are ignored.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The application that `Basic base64(public_id:private_api_key)` names. The scheme has to be written with a capital,
/// followed by exactly one blank, and the credentials have exactly one colon: a key with a colon never authenticates.
pub(super) fn application<'a>(applications: &'a [Application], header: &str) -> Option<&'a Application> {
    let mut words = header.split(' ');
    let (Some("Basic"), Some(encoded), None) = (words.next(), words.next(), words.next()) else {
        return None;
    };
    let alphabet: Vec<u8> = encoded
        .bytes()
        .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        .collect();
    let decoded = String::from_utf8(LENIENT.decode(alphabet).ok()?).ok()?;
    let mut parts = decoded.split(':');
    let (Some(id), Some(key), None) = (parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    applications.iter().find(|application| {
        let expected = &application.private_api_key;
        application.public_id == id && !expected.is_empty() && expected.matches(key)
    })
}
