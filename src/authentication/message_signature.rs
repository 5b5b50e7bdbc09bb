//! HTTP Message Signatures (RFC 9421): the headers `Signature-Input` and `Signature`.
//!
//! Of the components, these are supported: fields of the header, `@method`, `@path`, `@query`, `@authority`, `@target-uri` and
//! `@request-target`, each without parameters. A signature that covers others is not considered.

use jiff::Timestamp;
use sha2::{Digest, Sha256, Sha512};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use super::Refusal;
use super::cipher::{Cipher, FindSecret};
use super::claim::{Found, MAX_SIGNATURES, single_value};
use super::encoding::Encoding;
use super::hash::Hash;
use super::signed::Values;
use crate::headers::Headers;

/// The component that covers the body (RFC 9530).
pub(super) const DIGEST: &str = "content-digest";

/// How a kind uses message signatures.
#[derive(Clone, Debug)]
pub(super) struct MessageSignature {
    /// The components that a signature must cover. [`DIGEST`] is one of them.
    pub(super) components: Vec<String>,
    /// Maximum distance of `created` from now, into the past and into the future.
    pub(super) tolerance: Duration,
}

/// A signature of a request.
pub(super) struct MessageClaim<'a> {
    /// The covered components, in order.
    components: Vec<&'a str>,
    /// The list of the components with its parameters, as it was sent. It is part of the signed text.
    list: &'a str,
    created: Option<Timestamp>,
    expires: Option<Timestamp>,
    signature: Vec<u8>,
}

impl MessageSignature {
    /// Parses the signatures that cover the required components.
    pub(super) fn claim<'a>(
        &self,
        headers: &'a Headers,
        cipher: &Cipher,
    ) -> Result<Found<Vec<MessageClaim<'a>>>, Refusal> {
        let Some(signatures) = single_value(headers, "signature")? else {
            return Ok(Found::Nothing);
        };
        let inputs = single_value(headers, "signature-input")?.ok_or(Refusal::Malformed)?;
        let signatures = members(signatures).ok_or(Refusal::Malformed)?;
        let inputs = members(inputs).ok_or(Refusal::Malformed)?;
        let mut claims = Vec::new();
        for (label, list) in inputs {
            let mut of_label = signatures.iter().filter(|(known, _)| *known == label);
            let (Some((_, value)), None) = (of_label.next(), of_label.next()) else {
                return Err(Refusal::Malformed);
            };
            let signature = bytes(value).filter(|bytes| cipher.accepts_length(bytes.len()));
            let claim = signature.and_then(|signature| MessageClaim::parse(list, signature, cipher));
            claims.extend(claim.filter(|claim| self.is_covered(claim)));
        }
        if claims.is_empty() {
            return Err(Refusal::Malformed);
        }
        Ok(Found::Claim(claims))
    }

    fn is_covered(&self, claim: &MessageClaim<'_>) -> bool {
        let covers = |required: &String| claim.components.contains(&required.as_str());
        self.components.iter().all(covers)
    }

    pub(super) fn verify<'e>(
        &self,
        find_secret: &FindSecret<'_, 'e>,
        claimed: &[MessageClaim<'_>],
        values: &Values<'_>,
        now: Timestamp,
    ) -> Result<&'e str, Refusal> {
        for claim in claimed {
            let Some(base) = base(&claim.components, claim.list, values) else {
                continue;
            };
            let base = [Cow::Borrowed(base.as_bytes())];
            let Some(secret) = find_secret(&base, std::slice::from_ref(&claim.signature)) else {
                continue;
            };
            let digest = component(DIGEST, values).unwrap_or_default();
            if claim.components.contains(&DIGEST) && !is_digest(&digest, values.body) {
                return Err(Refusal::Mismatch);
            }
            let is_near = |at: Timestamp| now.duration_since(at).unsigned_abs() <= self.tolerance;
            let is_fresh = claim.created.is_some_and(is_near) && claim.expires.is_none_or(|at| now < at);
            return if is_fresh { Ok(secret) } else { Err(Refusal::Stale) };
        }
        Err(Refusal::Mismatch)
    }

    /// Returns the headers that a sender with the secret or private key of `sign` adds. `None` if the signature covers a header
    /// that is not in `values`.
    pub(super) fn sign(
        &self,
        sign: impl Fn(&[Cow<'_, [u8]>]) -> Option<Vec<u8>>,
        values: &Values<'_>,
        now: Timestamp,
    ) -> Option<Vec<(String, String)>> {
        let digest = Encoding::Base64.encode(&Sha256::digest(values.body));
        let digest = format!("sha-256=:{digest}:");
        let headers = values.headers.clone().with(DIGEST, &digest);
        let values = Values {
            headers: &headers,
            ..*values
        };
        let components: Vec<&str> = self.components.iter().map(String::as_str).collect();
        let names: Vec<String> = components.iter().map(|name| format!("\"{name}\"")).collect();
        let list = format!("({});created={}", names.join(" "), now.as_second());
        let base = base(&components, &list, &values)?;
        let signature = Encoding::Base64.encode(&sign(&[Cow::Borrowed(base.as_bytes())])?);
        Some(vec![
            (DIGEST.to_owned(), digest),
            ("signature-input".to_owned(), format!("sig1={list}")),
            ("signature".to_owned(), format!("sig1=:{signature}:")),
        ])
    }
}

impl<'a> MessageClaim<'a> {
    /// Parses `("@method" "date");created=1618884473;keyid="x"`. `None` if it is malformed, or has a component with
    /// parameters, or another algorithm.
    fn parse(list: &'a str, signature: Vec<u8>, cipher: &Cipher) -> Option<Self> {
        let (components, parameters) = list.strip_prefix('(')?.split_once(')')?;
        let name = |item: &'a str| {
            item.strip_prefix('"')?
                .strip_suffix('"')
                .filter(|name| !name.contains('"'))
        };
        let components = components.split(' ').filter(|item| !item.is_empty()).map(name);
        let mut claim = Self {
            components: components.collect::<Option<_>>()?,
            list,
            created: None,
            expires: None,
            signature,
        };
        for parameter in split(parameters, ';').map(|parameter| parameter.trim_start_matches(' ')) {
            match parameter.split_once('=') {
                Some(("created", at)) => claim.created = Some(second(at)?),
                Some(("expires", at)) => claim.expires = Some(second(at)?),
                Some(("alg", name)) if name.trim_matches('"') != algorithm(cipher) => return None,
                _ => {}
            }
        }
        Some(claim)
    }
}

/// Returns the name of an algorithm in the registry of RFC 9421.
fn algorithm(cipher: &Cipher) -> &'static str {
    match cipher {
        Cipher::Hmac(Hash::Sha256, _) => "hmac-sha256",
        // The registry has no other HMAC. A sender that names none may still use it.
        Cipher::Hmac(..) => "",
        Cipher::Private(pair) => pair.message_name(),
    }
}

fn second(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.parse().ok()?).ok()
}

/// Returns the signed text (RFC 9421, section 2.5). `None` if the request lacks a component, or it is not supported.
fn base(components: &[&str], list: &str, values: &Values<'_>) -> Option<String> {
    let mut text = String::new();
    for name in components {
        writeln!(text, "\"{name}\": {}", component(name, values)?).ok()?;
    }
    write!(text, "\"@signature-params\": {list}").ok()?;
    Some(text)
}

fn component(name: &str, values: &Values<'_>) -> Option<String> {
    let target = values.target;
    let path = || values.path().unwrap_or_else(|| target.path.to_owned());
    match name {
        "@method" => Some(target.method.to_owned()),
        "@path" => Some(path()),
        "@query" => Some(format!("?{}", target.query)),
        "@request-target" if target.query.is_empty() => Some(path()),
        "@request-target" => Some(format!("{}?{}", path(), target.query)),
        "@target-uri" => values.url(),
        "@authority" => match values.authority() {
            Some(authority) => Some(authority.to_owned()),
            None => Some(values.headers.get("host")?.to_ascii_lowercase()),
        },
        name if name.starts_with('@') => None,
        name => {
            let lines: Vec<&str> = values
                .headers
                .all(name)
                .map(|line| line.trim_matches([' ', '\t']))
                .collect();
            (!lines.is_empty()).then(|| lines.join(", "))
        }
    }
}

/// Returns whether a `Content-Digest` has a hash of the body that is known, and no wrong one.
fn is_digest(header: &str, body: &[u8]) -> bool {
    let Some(members) = members(header) else {
        return false;
    };
    let check = |(name, value): (&str, &str)| match name {
        "sha-256" => Some(bytes(value).is_some_and(|hash| hash == Sha256::digest(body).as_slice())),
        "sha-512" => Some(bytes(value).is_some_and(|hash| hash == Sha512::digest(body).as_slice())),
        _ => None,
    };
    let known: Vec<bool> = members.into_iter().filter_map(check).collect();
    !known.is_empty() && known.iter().all(|right| *right)
}

/// Returns the bytes of `:base64:` (RFC 9651, section 3.3.5).
fn bytes(value: &str) -> Option<Vec<u8>> {
    Encoding::Base64.decode(value.strip_prefix(':')?.strip_suffix(':')?)
}

/// Splits a dictionary (RFC 9651, section 3.2), `a=:x:, b=("c" "d");e=1`, into names and values. `None` if it is malformed, or
/// has too many members.
fn members<'a>(text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let member = |item: &'a str| item.trim_matches([' ', '\t']).split_once('=');
    let members: Option<Vec<_>> = split(text, ',').take(MAX_SIGNATURES + 1).map(member).collect();
    members.filter(|members| members.len() <= MAX_SIGNATURES)
}

/// Splits a text at a separator, but not in quoted text.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character| {
        let escaped = is_escaped;
        is_escaped = is_quoted && character == '\\' && !escaped;
        if character == '"' && !escaped {
            is_quoted = !is_quoted;
        }
        character == separator && !is_quoted
    })
}
