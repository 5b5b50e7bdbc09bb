//! The key `signed`: the template of the text that a signature covers, such as `v0:{timestamp}:{body}`, and the values of a
//! request that take the places of its pieces.

use sha2::{Digest, Sha256};
use std::borrow::Cow;

use super::encoding::Encoding;
use super::fields;
use crate::headers::Headers;

/// A piece of the signed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Fixed text.
    Literal(String),
    /// The body, byte for byte.
    Body,
    /// The payload in the sender's charset: the percent-decoded form field, the multipart part, or the body.
    Payload,
    /// The SHA-256 hash of the body.
    Digest(Encoding),
    /// The decoded fields of a form, sorted by name: each name followed by its value.
    Form,
    /// Those of the named fields of a JSON object that it has, in this order: a line with the name, a line with the text.
    Fields(Vec<String>),
    /// The timestamp as it was sent.
    Timestamp,
    /// The id as it was sent.
    Id,
    /// A header, which must occur once.
    Header(String),
    /// The method in capitals.
    Method,
    /// The path of the public address.
    Path,
    /// The query as it was sent, without the question mark.
    Query,
    /// The public address, with the query if there is one.
    Url,
}

/// The words of the template, for findings.
const WORDS: &str = "{body}, {payload}, {form}, {fields:NAME,NAME}, {sha256:hex}, {sha256:base64}, {timestamp}, {id}, \
                     {header:NAME}, {method}, {path}, {query} and {url}";

/// Splits a template into its pieces. Calls `report` with one sentence per mistake.
pub(super) fn pieces(template: &str, report: &mut dyn FnMut(String)) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        push_literal(&mut pieces, literal, report);
        let Some((word, after)) = after.split_once('}') else {
            report(format!("`{{{after}` is not closed"));
            return pieces;
        };
        match piece(word) {
            Some(piece) => pieces.push(piece),
            None => report(format!("unknown {{{word}}}, only {WORDS} are known")),
        }
        rest = after;
    }
    push_literal(&mut pieces, rest, report);
    if pieces.iter().filter(|piece| piece.covers_body()).count() != 1 {
        let what = "it needs {body} or {payload} exactly once (or {form}, {fields:…}, {sha256:…}), so that the body is signed";
        report(what.to_owned());
    }
    pieces
}

fn piece(word: &str) -> Option<Piece> {
    Some(match word {
        "body" => Piece::Body,
        "payload" => Piece::Payload,
        "form" => Piece::Form,
        "sha256:hex" => Piece::Digest(Encoding::Hex),
        "sha256:base64" => Piece::Digest(Encoding::Base64),
        "timestamp" => Piece::Timestamp,
        "id" => Piece::Id,
        "method" => Piece::Method,
        "path" => Piece::Path,
        "query" => Piece::Query,
        "url" => Piece::Url,
        _ => match word.split_once(':')? {
            ("header", name) if !name.is_empty() => Piece::Header(name.to_ascii_lowercase()),
            ("fields", names) if !names.is_empty() => {
                Piece::Fields(names.split(',').map(str::to_owned).collect())
            }
            _ => return None,
        },
    })
}

fn push_literal(pieces: &mut Vec<Piece>, literal: &str, report: &mut dyn FnMut(String)) {
    if literal.contains('}') {
        report("`}` has no opening `{`".to_owned());
    } else if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.to_owned()));
    }
}

impl Piece {
    fn covers_body(&self) -> bool {
        matches!(
            self,
            Self::Body | Self::Payload | Self::Digest(_) | Self::Form | Self::Fields(_)
        )
    }

    /// Returns whether the payload must be located before the check.
    pub(super) fn needs_payload(&self) -> bool {
        matches!(self, Self::Payload | Self::Fields(_))
    }

    /// Returns whether the value is part of the public address.
    pub(super) fn needs_address(&self) -> bool {
        matches!(self, Self::Path | Self::Url)
    }
}

/// The request line of a request, and the address that its sender has for the source. Senders sign parts of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestTarget<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as it was received, such as `/hooks/github`.
    pub path: &'a str,
    /// The query as it was received, without the question mark.
    pub query: &'a str,
}

/// The values of a request that a signature may cover.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) headers: &'a Headers,
    pub(super) target: RequestTarget<'a>,
    /// The public address of the listener without a final slash, such as `https://bridge.example.org`.
    pub(super) address: &'a str,
    pub(super) body: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) timestamp: &'a str,
    pub(super) id: &'a str,
}

impl<'a> Values<'a> {
    /// Returns the signed text in pieces. `None` if the request lacks one of them.
    pub(super) fn text(&self, pieces: &'a [Piece]) -> Option<Vec<Cow<'a, [u8]>>> {
        pieces.iter().map(|piece| self.value(piece)).collect()
    }

    fn value(&self, piece: &'a Piece) -> Option<Cow<'a, [u8]>> {
        let text = |text: String| Some(Cow::Owned(text.into_bytes()));
        match piece {
            Piece::Literal(text) => Some(text.as_bytes().into()),
            Piece::Body => Some(self.body.into()),
            Piece::Payload => Some(self.payload.into()),
            Piece::Digest(encoding) => text(encoding.encode(&Sha256::digest(self.body))),
            Piece::Form => fields::sorted_form(self.headers, self.body).map(Cow::Owned),
            Piece::Fields(names) => fields::lines(self.payload, names).map(Cow::Owned),
            Piece::Timestamp => Some(self.timestamp.as_bytes().into()),
            Piece::Id => Some(self.id.as_bytes().into()),
            Piece::Header(name) => self.header(name).map(|value| value.as_bytes().into()),
            Piece::Method => Some(self.target.method.as_bytes().into()),
            Piece::Path => text(self.path()?),
            Piece::Query => Some(self.target.query.as_bytes().into()),
            Piece::Url => text(self.url()?),
        }
    }

    /// Returns the value of a header that occurs once, without white space around it.
    fn header(&self, name: &'a str) -> Option<&'a str> {
        let mut values = self.headers.all(name);
        let value = values.next()?;
        values.next().is_none().then(|| value.trim_matches([' ', '\t']))
    }

    /// Returns the path that the sender used: that of the public address with that of the request. A proxy may have removed
    /// the former.
    pub(super) fn path(&self) -> Option<String> {
        let (_, rest) = self.address.split_once("://")?;
        let prefix = rest.find('/').map_or("", |at| &rest[at..]);
        Some(format!("{prefix}{}", self.target.path))
    }

    /// Returns host and port of the public address, in lower case, as [`url::Url`] writes them.
    pub(super) fn authority(&self) -> Option<&'a str> {
        let (_, rest) = self.address.split_once("://")?;
        rest.split('/').next()
    }

    /// Returns the URL that the sender used.
    pub(super) fn url(&self) -> Option<String> {
        let RequestTarget { path, query, .. } = self.target;
        let mark = if query.is_empty() { "" } else { "?" };
        (!self.address.is_empty()).then(|| format!("{}{path}{mark}{query}", self.address))
    }
}
