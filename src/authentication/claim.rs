//! Parses what authenticates a request: tokens, credentials and signatures in headers, the token in the path.
//!
//! Only presence and syntax are checked here, not whether the value is right.

use jiff::Timestamp;

use super::Refusal;
use super::scheme::{Encoding, Layout, MAX_VALUE, Signature, Stamp, StampUnit, TimestampPlace};
use crate::headers::Headers;

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

/// The signatures of a request, and the signed values besides the body.
pub(super) struct SignatureClaim<'a> {
    /// Between 1 and [`MAX_SIGNATURES`], each as long as the algorithm requires.
    pub(super) signatures: Vec<Vec<u8>>,
    /// The timestamp as it was sent. Empty if the scheme has none.
    pub(super) digits: &'a str,
    /// The parsed timestamp. It is untrusted until a signature matches.
    pub(super) signed_at: Option<Timestamp>,
    /// The id as it was sent. Empty if the scheme has none.
    pub(super) id: &'a str,
}

/// Returns the only value of a header. Empty counts as missing. A repeated header is refused unless all values are empty,
/// because it is ambiguous.
fn single_value<'a>(headers: &'a Headers, name: &'a str) -> Result<Option<&'a str>, Refusal> {
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

impl Signature {
    /// Parses the signatures in a request's headers.
    pub(super) fn claim<'a>(&'a self, headers: &'a Headers) -> Result<Found<SignatureClaim<'a>>, Refusal> {
        let Some(value) = single_value(headers, &self.header)? else {
            return Ok(Found::Nothing);
        };
        let (texts, item) = self.split_signatures(value)?;
        if texts.is_empty() {
            return Ok(Found::Empty);
        }
        let signatures = texts
            .into_iter()
            .map(|text| self.encoding.decode(text))
            .map(|bytes| bytes.filter(|bytes| bytes.len() == self.algorithm.length()))
            .collect::<Option<Vec<_>>>()
            .ok_or(Refusal::Malformed)?;
        let digits = match &self.timestamp {
            None => "",
            Some(stamp) => stamp.digits(headers, item)?,
        };
        let signed_at = match &self.timestamp {
            None => None,
            Some(stamp) => Some(stamp.unit.parse(digits).ok_or(Refusal::Malformed)?),
        };
        Ok(Found::Claim(SignatureClaim {
            signatures,
            digits,
            signed_at,
            id: self.id(headers)?,
        }))
    }

    /// Splits the header into the texts of the signatures, without empty ones, and the timestamp in the list. A header
    /// without an item of this scheme is malformed.
    fn split_signatures<'a>(&self, value: &'a str) -> Result<(Vec<&'a str>, Option<&'a str>), Refusal> {
        let mut texts = Vec::new();
        let mut timestamp = None;
        match &self.layout {
            Layout::Single { prefix } => texts.push(value.strip_prefix(prefix).ok_or(Refusal::Malformed)?),
            Layout::List { separator, prefix } => {
                let stamp = self.timestamp.as_ref().and_then(Stamp::item_prefix);
                for (index, item) in value.split(separator).enumerate() {
                    if index == MAX_SIGNATURES {
                        return Err(Refusal::Malformed);
                    }
                    let item = item.trim_matches(' ');
                    if let Some(digits) = stamp.and_then(|prefix| item.strip_prefix(prefix)) {
                        if timestamp.replace(digits).is_some() {
                            return Err(Refusal::Malformed);
                        }
                    } else if let Some(text) = item.strip_prefix(prefix) {
                        texts.push(text);
                    }
                }
            }
        }
        if texts.is_empty() {
            return Err(Refusal::Malformed);
        }
        texts.retain(|text| !text.is_empty());
        Ok((texts, timestamp))
    }

    fn id<'a>(&'a self, headers: &'a Headers) -> Result<&'a str, Refusal> {
        let Some(name) = &self.id else { return Ok("") };
        let id = single_value(headers, name)?.ok_or(Refusal::Malformed)?;
        match self.delimiter_after_id() {
            Some(end) if id.contains(end) => Err(Refusal::Malformed),
            _ => Ok(id),
        }
    }
}

impl Stamp {
    fn item_prefix(&self) -> Option<&str> {
        match &self.place {
            TimestampPlace::Item { prefix } => Some(prefix),
            TimestampPlace::Header { .. } => None,
        }
    }

    fn digits<'a>(&'a self, headers: &'a Headers, item: Option<&'a str>) -> Result<&'a str, Refusal> {
        let digits = match &self.place {
            TimestampPlace::Item { .. } => item,
            TimestampPlace::Header { name, prefix } => {
                single_value(headers, name)?.and_then(|value| value.strip_prefix(prefix))
            }
        };
        digits.ok_or(Refusal::Malformed)
    }

    /// Returns whether the difference between `signed_at` and `now` is within the tolerance.
    pub(super) fn accepts(&self, signed_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(signed_at).unsigned_abs() <= self.tolerance
    }
}

impl StampUnit {
    /// Parses digits. A sign, a fraction or a space is refused.
    fn parse(self, digits: &str) -> Option<Timestamp> {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count = digits.parse().ok()?;
        match self {
            Self::Seconds => Timestamp::from_second(count).ok(),
            Self::Milliseconds => Timestamp::from_millisecond(count).ok(),
        }
    }

    /// Formats a time as digits.
    pub(super) fn format(self, at: Timestamp) -> String {
        match self {
            Self::Seconds => at.as_second().to_string(),
            Self::Milliseconds => at.as_millisecond().to_string(),
        }
    }
}
