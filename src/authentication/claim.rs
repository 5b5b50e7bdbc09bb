//! Parses what authenticates a request: tokens, credentials and signatures in headers, the token in the path.
//!
//! Only presence and syntax are checked here, not whether the value is right.

use super::Refusal;
use super::encoding::Encoding;
use crate::headers::Headers;

/// Maximum length of a header value or path token that authenticates, and of a secret, in bytes.
pub const MAX_VALUE: usize = 4096;

/// Maximum number of items in a header that lists signatures.
pub const MAX_SIGNATURES: usize = 16;

/// What a request contains for one scheme.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// The header or path token does not exist.
    Nothing,
    /// The header has the right prefix but no value. This counts as missing.
    Empty,
    /// The header belongs to another scheme, such as `Authorization: Basic` for a scheme with bearer tokens.
    Another,
    /// A well-formed value.
    Claim(T),
}

impl<T> Found<T> {
    /// Converts the value.
    pub(super) fn and_then<U>(
        self,
        convert: impl FnOnce(T) -> Result<U, Refusal>,
    ) -> Result<Found<U>, Refusal> {
        Ok(match self {
            Self::Nothing => Found::Nothing,
            Self::Empty => Found::Empty,
            Self::Another => Found::Another,
            Self::Claim(claim) => Found::Claim(convert(claim)?),
        })
    }
}

/// Returns the only value of a header. Empty counts as missing. A repeated header is refused unless all values are empty,
/// because it is ambiguous.
pub(super) fn single_value<'a>(headers: &'a Headers, name: &'a str) -> Result<Option<&'a str>, Refusal> {
    let mut count = 0_usize;
    let mut value = "";
    for each in headers.all(name) {
        count += 1;
        let each = each.trim_matches([' ', '\t']);
        if !each.is_empty() {
            value = each;
        }
    }
    match value {
        "" => Ok(None),
        _ if count > 1 || value.len() > MAX_VALUE => Err(Refusal::Malformed),
        _ => Ok(Some(value)),
    }
}

/// Returns the token of a header, without the prefix.
pub(super) fn token<'a>(
    headers: &'a Headers,
    name: &'a str,
    prefix: &str,
) -> Result<Found<&'a str>, Refusal> {
    let Some(value) = single_value(headers, name)? else {
        return Ok(Found::Nothing);
    };
    let rest = if name == "authorization" {
        match strip_scheme(value, prefix) {
            Some(rest) => rest,
            None => return Ok(Found::Another),
        }
    } else if prefix.trim_end() == value {
        "" // HTTP removes trailing whitespace, and with it the end of a prefix such as `Key `.
    } else {
        value.strip_prefix(prefix).ok_or(Refusal::Malformed)?
    };
    Ok(match rest {
        "" => Found::Empty,
        _ => Found::Claim(rest),
    })
}

/// Returns the text after the prefix of an `Authorization` header. The prefix is case-insensitive and can be followed by
/// several spaces (RFC 9110, section 11).
fn strip_scheme<'a>(value: &'a str, prefix: &str) -> Option<&'a str> {
    let word = prefix.trim_end_matches(' ');
    let (head, rest) = value.split_at_checked(word.len())?;
    if !head.eq_ignore_ascii_case(word) {
        return None;
    }
    if word.len() == prefix.len() || rest.is_empty() {
        return Some(rest);
    }
    rest.starts_with(' ').then(|| rest.trim_start_matches(' '))
}

/// Returns the decoded `user:password` of a header.
pub(super) fn basic(headers: &Headers, name: &str) -> Result<Found<Vec<u8>>, Refusal> {
    token(headers, name, "Basic ")?.and_then(|text| {
        let pair = Encoding::Base64.decode(text);
        pair.filter(|pair| pair.contains(&b':')).ok_or(Refusal::Malformed)
    })
}

/// Returns the token of `/hooks/{source}/{token}`.
pub(super) fn path(token: Option<&str>) -> Result<Found<&str>, Refusal> {
    match token {
        None | Some("") => Ok(Found::Nothing),
        Some(token) if token.len() > MAX_VALUE => Err(Refusal::Malformed),
        Some(token) => Ok(Found::Claim(token)),
    }
}
