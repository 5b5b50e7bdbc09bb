//! Signatures of a text that a template describes, such as `{timestamp}.{body}`: one after a prefix, several in a list, or one in
//! the payload.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use std::borrow::Cow;
use std::time::Duration;

use super::Refusal;
use super::cipher::{Cipher, FindSecret};
use super::claim::{Found, MAX_SIGNATURES, single_value};
use super::encoding::Encoding;
use super::fields;
use super::signed::{Piece, Values};
use crate::headers::Headers;

/// Maximum number of signatures that a public key verifies. Each one costs a hash of the body, unlike that of a secret.
const MAX_OF_PUBLIC_KEYS: usize = 4;

/// A signature of a text that a template describes.
#[derive(Clone, Debug)]
pub(super) struct TextSignature {
    /// The header with the signatures, or, with a `field`, one that every signed request has.
    pub(super) header: String,
    /// The field of the payload that holds the signature.
    pub(super) field: Option<String>,
    pub(super) encoding: Encoding,
    pub(super) layout: Layout,
    /// The signed text.
    pub(super) signed: Vec<Piece>,
    pub(super) timestamp: Option<Stamp>,
    /// Name of the header with the signed id.
    pub(super) id: Option<String>,
}

/// The layout of the signature header.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// One signature after a prefix.
    Single { prefix: String },
    /// A list. Items with the prefix and the suffix are signatures, and one of them must match.
    List {
        separator: String,
        prefix: String,
        suffix: String,
    },
}

/// A signed timestamp.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) place: TimestampPlace,
    pub(super) unit: StampUnit,
    /// Maximum distance from now, into the past and into the future.
    pub(super) tolerance: Duration,
}

/// Where a request carries the timestamp.
#[derive(Clone, Debug)]
pub(super) enum TimestampPlace {
    /// In a separate header.
    Header { name: String, prefix: String },
    /// In an item of the signature list.
    Item { prefix: String },
}

/// How a timestamp is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum StampUnit {
    /// Unix time.
    #[default]
    Seconds,
    /// Unix time.
    Milliseconds,
    /// The date of HTTP: `Tue, 20 Apr 2021 02:07:55 GMT`.
    Http,
}

/// The signatures of a request, and the signed values besides the body.
pub(super) struct TextClaim<'a> {
    /// Between 1 and [`MAX_SIGNATURES`], each as long as the algorithm requires. Empty if the signature is in the payload.
    pub(super) signatures: Vec<Vec<u8>>,
    /// The timestamp as it was sent. Empty if the scheme has none.
    pub(super) timestamp: &'a str,
    /// The parsed timestamp. It is untrusted until a signature matches.
    pub(super) signed_at: Option<Timestamp>,
    /// The id as it was sent. Empty if the scheme has none.
    pub(super) id: &'a str,
}

impl TextSignature {
    /// Parses the signatures in a request's headers.
    pub(super) fn claim<'a>(
        &'a self,
        headers: &'a Headers,
        cipher: &Cipher,
    ) -> Result<Found<TextClaim<'a>>, Refusal> {
        let Some(value) = single_value(headers, &self.header)? else {
            return Ok(Found::Nothing);
        };
        let (texts, item) = match &self.field {
            Some(_) => (Vec::new(), None),
            None => self.split_signatures(value)?,
        };
        if texts.is_empty() && self.field.is_none() {
            return Ok(Found::Empty);
        }
        if matches!(cipher, Cipher::Private(_)) && texts.len() > MAX_OF_PUBLIC_KEYS {
            return Err(Refusal::Malformed);
        }
        let signatures = texts.into_iter().map(|text| self.signature(text, cipher));
        let signatures = signatures.collect::<Option<Vec<_>>>().ok_or(Refusal::Malformed)?;
        let timestamp = match &self.timestamp {
            None => "",
            Some(stamp) => stamp.text(headers, item)?,
        };
        let signed_at = match &self.timestamp {
            None => None,
            Some(stamp) => Some(stamp.unit.parse(timestamp).ok_or(Refusal::Malformed)?),
        };
        Ok(Found::Claim(TextClaim {
            signatures,
            timestamp,
            signed_at,
            id: self.id(headers)?,
        }))
    }

    /// Returns the name of the secret that one of the signatures matches.
    pub(super) fn verify<'e>(
        &self,
        find_secret: &FindSecret<'_, 'e>,
        cipher: &Cipher,
        claimed: &TextClaim<'_>,
        values: &Values<'_>,
        now: Timestamp,
    ) -> Result<&'e str, Refusal> {
        let values = Values {
            timestamp: claimed.timestamp,
            id: claimed.id,
            ..*values
        };
        let text = values.text(&self.signed).ok_or(Refusal::Mismatch)?;
        let of_field = self.signature_in_payload(values.payload, cipher);
        let signatures = of_field.as_ref().unwrap_or(&claimed.signatures);
        let secret = find_secret(&text, signatures).ok_or(Refusal::Mismatch)?;
        match (&self.timestamp, claimed.signed_at) {
            (Some(stamp), Some(at)) if !stamp.accepts(at, now) => Err(Refusal::Stale),
            _ => Ok(secret),
        }
    }

    /// Returns the signature in the payload, if the scheme has it there.
    fn signature_in_payload(&self, payload: &[u8], cipher: &Cipher) -> Option<Vec<Vec<u8>>> {
        let found = fields::texts(payload, std::slice::from_ref(self.field.as_ref()?));
        let found = found.into_iter().flatten().flatten();
        Some(found.filter_map(|text| self.signature(&text, cipher)).collect())
    }

    /// Returns the headers that a sender with the secret or private key of `sign` adds. `None` if it cannot: the body must hold its
    /// own signature, or the request lacks a signed value.
    pub(super) fn sign(
        &self,
        sign: impl Fn(&[Cow<'_, [u8]>]) -> Option<Vec<u8>>,
        values: &Values<'_>,
        now: Timestamp,
    ) -> Option<Vec<(String, String)>> {
        if self.field.is_some() {
            return None;
        }
        let stamp = self.timestamp.as_ref();
        let time = stamp.map(|stamp| stamp.unit.format(now)).unwrap_or_default();
        let values = Values {
            timestamp: &time,
            ..*values
        };
        let text = self.encoding.encode(&sign(&values.text(&self.signed)?)?);
        let mut headers = Vec::new();
        if let Some(name) = &self.id {
            headers.push((name.clone(), values.id.to_owned()));
        }
        let mut item = None;
        match stamp.map(|stamp| &stamp.place) {
            Some(TimestampPlace::Header { name, prefix }) => {
                headers.push((name.clone(), format!("{prefix}{time}")));
            }
            Some(TimestampPlace::Item { prefix }) => item = Some(format!("{prefix}{time}")),
            None => {}
        }
        let value = match &self.layout {
            Layout::Single { prefix } => format!("{prefix}{text}"),
            Layout::List {
                separator,
                prefix,
                suffix,
            } => {
                let items = item.into_iter().chain([format!("{prefix}{text}{suffix}")]);
                items.collect::<Vec<_>>().join(separator)
            }
        };
        headers.push((self.header.clone(), value));
        Some(headers)
    }

    /// Decodes a signature. `None` if it cannot be one.
    pub(super) fn signature(&self, text: &str, cipher: &Cipher) -> Option<Vec<u8>> {
        let bytes = self.encoding.decode(text)?;
        cipher.accepts_length(bytes.len()).then_some(bytes)
    }

    /// Splits the header into the texts of the signatures, without empty ones, and the timestamp in the list. A header
    /// without an item of this scheme is malformed.
    fn split_signatures<'a>(&self, value: &'a str) -> Result<(Vec<&'a str>, Option<&'a str>), Refusal> {
        let mut texts = Vec::new();
        let mut timestamp = None;
        match &self.layout {
            Layout::Single { prefix } => texts.push(value.strip_prefix(prefix).ok_or(Refusal::Malformed)?),
            Layout::List {
                separator,
                prefix,
                suffix,
            } => {
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
                        texts.push(text.strip_suffix(suffix).ok_or(Refusal::Malformed)?);
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

    /// Returns the literal that follows the id in the signed text. An id must not contain it: the same signed text could
    /// then be split into another id and another body.
    pub(super) fn delimiter_after_id(&self) -> Option<&str> {
        let at = self.signed.iter().position(|piece| *piece == Piece::Id)?;
        match self.signed.get(at + 1)? {
            Piece::Literal(text) => Some(text),
            _ => None,
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

    fn text<'a>(&'a self, headers: &'a Headers, item: Option<&'a str>) -> Result<&'a str, Refusal> {
        let text = match &self.place {
            TimestampPlace::Item { .. } => item,
            TimestampPlace::Header { name, prefix } => {
                single_value(headers, name)?.and_then(|value| value.strip_prefix(prefix))
            }
        };
        text.ok_or(Refusal::Malformed)
    }

    /// Returns whether the difference between `signed_at` and `now` is within the tolerance.
    pub(super) fn accepts(&self, signed_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(signed_at).unsigned_abs() <= self.tolerance
    }
}

impl StampUnit {
    /// Parses a date of HTTP, or digits: a sign, a fraction or a space is refused.
    fn parse(self, digits: &str) -> Option<Timestamp> {
        if matches!(self, Self::Http) {
            let date = rfc2822::parse(digits).ok()?;
            return Some(date.timestamp());
        }
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count = digits.parse().ok()?;
        match self {
            Self::Seconds => Timestamp::from_second(count).ok(),
            Self::Milliseconds => Timestamp::from_millisecond(count).ok(),
            Self::Http => None,
        }
    }

    /// Formats a time.
    pub(super) fn format(self, at: Timestamp) -> String {
        match self {
            Self::Seconds => at.as_second().to_string(),
            Self::Milliseconds => at.as_millisecond().to_string(),
            Self::Http => at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }
}
