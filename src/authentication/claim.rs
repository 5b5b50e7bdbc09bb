//! What a request's head claims under a scheme: present, of the right form, and not yet believed.

use jiff::Timestamp;

use super::Refusal;
use super::scheme::{Encoding, Layout, Place, Signature, Stamp, StampUnit};
use crate::headers::Headers;

/// Longest value, in bytes, of a header (or path token) that authenticates.
pub const MAX_VALUE: usize = 4096;
/// Most items of a header that lists signatures.
pub const MAX_SIGNATURES: usize = 16;

/// What one scheme finds in a request.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// Nothing that it looks for.
    Nothing,
    /// Something of its own with nothing in it, as good as nothing.
    Empty,
    /// The header speaks of another scheme (`Authorization: Basic` where a bearer token is looked for).
    Another,
    /// This.
    Claim(T),
}

impl<T> Found<T> {
    /// Goes on with what was found.
    pub(super) fn and_then<U>(
        self,
        go_on: impl FnOnce(T) -> Result<U, Refusal>,
    ) -> Result<Found<U>, Refusal> {
        Ok(match self {
            Self::Nothing => Found::Nothing,
            Self::Empty => Found::Empty,
            Self::Another => Found::Another,
            Self::Claim(claim) => Found::Claim(go_on(claim)?),
        })
    }
}

/// The signatures of a request, with what is signed besides the body.
pub(super) struct Marks<'a> {
    /// Each of the algorithm's length; at least one, at most [`MAX_SIGNATURES`].
    pub(super) signatures: Vec<Vec<u8>>,
    /// The digits as sent; empty where none are signed.
    pub(super) digits: &'a str,
    /// The same as a point in time, with the scheme's tolerance: to be believed after the signature was.
    pub(super) signed_at: Option<Timestamp>,
    /// The id as sent; empty where none is signed.
    pub(super) id: &'a str,
}

/// The one value of a header. Empty ones are as good as none; two are one too many to know which is meant.
fn only<'a>(headers: &'a Headers, name: &'a str) -> Result<Option<&'a str>, Refusal> {
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

/// The token of a header, behind its prefix.
pub(super) fn token<'a>(
    headers: &'a Headers,
    name: &'a str,
    prefix: &str,
) -> Result<Found<&'a str>, Refusal> {
    let Some(value) = only(headers, name)? else {
        return Ok(Found::Nothing);
    };
    let rest = if name == "authorization" {
        match after_scheme_word(value, prefix) {
            Some(rest) => rest,
            None => return Ok(Found::Another),
        }
    } else if prefix.trim_end() == value {
        "" // The blank that ended the prefix was the value's last character, which HTTP does not keep.
    } else {
        value.strip_prefix(prefix).ok_or(Refusal::Malformed)?
    };
    Ok(match rest {
        "" => Found::Empty,
        _ => Found::Claim(rest),
    })
}

/// What follows the prefix of an `Authorization`: in any case, and after any number of blanks, as RFC 9110 has it.
fn after_scheme_word<'a>(value: &'a str, prefix: &str) -> Option<&'a str> {
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

/// `user:password` of a header.
pub(super) fn basic(headers: &Headers, name: &str) -> Result<Found<Vec<u8>>, Refusal> {
    token(headers, name, "Basic ")?.and_then(|text| {
        let pair = Encoding::Base64.decode(text);
        pair.filter(|pair| pair.contains(&b':')).ok_or(Refusal::Malformed)
    })
}

/// The token of `/hooks/{source}/{token}`.
pub(super) fn path(token: Option<&str>) -> Result<Found<&str>, Refusal> {
    match token {
        None | Some("") => Ok(Found::Nothing),
        Some(token) if token.len() > MAX_VALUE => Err(Refusal::Malformed),
        Some(token) => Ok(Found::Claim(token)),
    }
}

impl Signature {
    /// The signatures in a request's head.
    pub(super) fn claim<'a>(&'a self, headers: &'a Headers) -> Result<Found<Marks<'a>>, Refusal> {
        let Some(value) = only(headers, &self.header)? else {
            return Ok(Found::Nothing);
        };
        let (texts, item) = self.texts(value)?;
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
            Some(stamp) => Some(stamp.unit.read(digits).ok_or(Refusal::Malformed)?),
        };
        Ok(Found::Claim(Marks {
            signatures,
            digits,
            signed_at,
            id: self.id(headers)?,
        }))
    }

    /// The texts of the signatures that are not empty, and the timestamp that stands among them. None at all is an
    /// error: the header says something, but nothing this scheme knows.
    fn texts<'a>(&self, value: &'a str) -> Result<(Vec<&'a str>, Option<&'a str>), Refusal> {
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
        let id = only(headers, name)?.ok_or(Refusal::Malformed)?;
        match self.after_id() {
            Some(end) if id.contains(end) => Err(Refusal::Malformed),
            _ => Ok(id),
        }
    }
}

impl Stamp {
    fn item_prefix(&self) -> Option<&str> {
        match &self.place {
            Place::Item { prefix } => Some(prefix),
            Place::Header { .. } => None,
        }
    }

    fn digits<'a>(&'a self, headers: &'a Headers, item: Option<&'a str>) -> Result<&'a str, Refusal> {
        let digits = match &self.place {
            Place::Item { .. } => item,
            Place::Header { name, prefix } => {
                only(headers, name)?.and_then(|value| value.strip_prefix(prefix))
            }
        };
        digits.ok_or(Refusal::Malformed)
    }

    /// Whether `signed_at` is near enough to `now`.
    pub(super) fn tolerates(&self, signed_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(signed_at).unsigned_abs() <= self.tolerance
    }
}

impl StampUnit {
    /// Digits only: no sign, no fraction, no blank.
    fn read(self, digits: &str) -> Option<Timestamp> {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count = digits.parse().ok()?;
        match self {
            Self::Seconds => Timestamp::from_second(count).ok(),
            Self::Milliseconds => Timestamp::from_millisecond(count).ok(),
        }
    }

    pub(super) fn write(self, at: Timestamp) -> String {
        match self {
            Self::Seconds => at.as_second().to_string(),
            Self::Milliseconds => at.as_millisecond().to_string(),
        }
    }
}
