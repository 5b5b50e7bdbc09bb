//! The keys of `[[authentication]]` tables. [`super::grammar`] reads them.

use super::encoding::Encoding;
use super::hash::Hash;
use super::text_signature::StampUnit;
use crate::toml_reader::{Key, Names, Shape, words};

/// The shape of the key `authentication`.
pub(crate) const SCHEMES: Shape = Shape::NonEmptyList(&Shape::Table(SCHEME));

/// The keys of one table. [`super::grammar`] reports the keys that the method of the table does not use.
pub(super) const SCHEME: &[Key] = &[
    Key::required(
        "name",
        Shape::Name,
        "the name of the scheme, for secrets and the log",
    ),
    Key::required(
        "method",
        Shape::word("method", &words(&METHODS)),
        "hmac, ed25519, rsa, token, basic, path or none",
    ),
    Key::new(
        "header",
        Shape::AnyText,
        "the header that holds the signature or token; default for basic: Authorization",
    ),
    Key::new(
        "algorithm",
        Shape::word("algorithm", &words(&ALGORITHMS)),
        "the hash function of the HMAC; of an RSA signature, the weakest that is accepted; default: \"sha256\"",
    ),
    Key::new(
        "format",
        Shape::word("format", &words(&FORMATS)),
        "how the request carries the signature: after a prefix or in a list, as a JSON Web Signature, or as an HTTP message \
         signature (RFC 9421); default: \"text\"",
    ),
    Key::new(
        "also",
        Shape::Name,
        "the name of another scheme that must authenticate the request, too",
    ),
    Key::new(
        "field",
        Shape::Text,
        "the field of the payload that holds the signature; `header` then is one that every signed request has",
    ),
    Key::new(
        "encoding",
        ENCODING,
        "the encoding of the signature; default: \"hex\"",
    ),
    Key::new(
        "prefix",
        Shape::AnyText,
        "the text before the signature or token, such as \"sha256=\"",
    ),
    Key::new(
        "list",
        Shape::Table(LIST),
        "the layout of a header with several signatures",
    ),
    Key::new(
        "signed",
        Shape::AnyText,
        "the signed text, of {body} or {payload}, {timestamp}, {id}, other values and literal text; default: \"{body}\"",
    ),
    Key::new(
        "claims",
        Shape::Map {
            names: Names::Any,
            values: &Shape::AnyText,
        },
        "what a JSON Web Signature must state, by name; one of the values is {sha256:hex} or {sha256:base64}, the hash of the body",
    ),
    Key::new(
        "components",
        Shape::NonEmptyList(&Shape::Text),
        "the components that an HTTP message signature must cover, such as [\"@method\", \"content-digest\"]",
    ),
    Key::new(
        "timestamp",
        Shape::Table(TIMESTAMP),
        "where the signed timestamp is",
    ),
    Key::new("id", Shape::Table(ID), "where the signed id is"),
    Key::new(
        "tolerance",
        Shape::Duration,
        "the maximum distance of the timestamp from now",
    ),
    Key::new(
        "secret",
        Shape::Table(SECRET),
        "how the HMAC key is derived from the secret",
    ),
];

const LIST: &[Key] = &[
    Key::new("separator", Shape::AnyText, "the text between the items"),
    Key::new(
        "prefix",
        Shape::AnyText,
        "the prefix of the items that are signatures",
    ),
    Key::new(
        "suffix",
        Shape::AnyText,
        "the text after each signature, such as a quotation mark",
    ),
];

const TIMESTAMP: &[Key] = &[
    Key::new(
        "header",
        Shape::AnyText,
        "the header that holds the timestamp; default: an item of the list",
    ),
    Key::new("prefix", Shape::AnyText, "the text before the timestamp"),
    Key::new(
        "unit",
        Shape::word("unit", &words(&UNITS)),
        "seconds, milliseconds, or the date of HTTP; default: \"s\"",
    ),
];

const ID: &[Key] = &[Key::new("header", Shape::AnyText, "the header that holds the id")];

const SECRET: &[Key] = &[
    Key::new(
        "prefix",
        Shape::AnyText,
        "a prefix of the secret that is not part of the key",
    ),
    Key::new(
        "encoding",
        ENCODING,
        "the encoding of the key; default: the text itself is the key",
    ),
];

const ENCODING: Shape = Shape::word("encoding", &words(&ENCODINGS));

pub(super) const METHODS: [(&str, RawMethod); 7] = [
    ("hmac", RawMethod::Hmac),
    ("ed25519", RawMethod::Ed25519),
    ("rsa", RawMethod::Rsa),
    ("token", RawMethod::Token),
    ("basic", RawMethod::Basic),
    ("path", RawMethod::Path),
    ("none", RawMethod::None),
];
pub(super) const ALGORITHMS: [(&str, Hash); 3] = [
    ("sha1", Hash::Sha1),
    ("sha256", Hash::Sha256),
    ("sha512", Hash::Sha512),
];
pub(super) const FORMATS: [(&str, Format); 3] = [
    ("text", Format::Text),
    ("jws", Format::Jws),
    ("http-message", Format::Message),
];
pub(super) const ENCODINGS: [(&str, Encoding); 2] = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
pub(super) const UNITS: [(&str, StampUnit); 3] = [
    ("s", StampUnit::Seconds),
    ("ms", StampUnit::Milliseconds),
    ("http", StampUnit::Http),
];

/// The words of the key `method`.
#[derive(Clone, Copy)]
pub(super) enum RawMethod {
    Hmac,
    Ed25519,
    Rsa,
    Token,
    Basic,
    Path,
    None,
}

/// The words of the key `format`.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Format {
    #[default]
    Text,
    Jws,
    Message,
}
