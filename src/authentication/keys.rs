//! The keys of `[[authentication]]` tables. [`super::grammar`] reads them.

use super::scheme::{Algorithm, Encoding, StampUnit};
use crate::toml_reader::{Key, Shape, words};

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
        "hmac, token, basic, path or none",
    ),
    Key::new(
        "header",
        Shape::AnyText,
        "the header that holds the signature or token; default for basic: Authorization",
    ),
    Key::new(
        "algorithm",
        Shape::word("algorithm", &words(&ALGORITHMS)),
        "the hash function of the HMAC; default: \"sha256\"",
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
        "the signed text, of {body} or {payload}, {timestamp}, {id} and literal text; default: \"{body}\"",
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
        "seconds or milliseconds; default: \"s\"",
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

pub(super) const METHODS: [(&str, RawMethod); 5] = [
    ("hmac", RawMethod::Hmac),
    ("token", RawMethod::Token),
    ("basic", RawMethod::Basic),
    ("path", RawMethod::Path),
    ("none", RawMethod::None),
];
pub(super) const ALGORITHMS: [(&str, Algorithm); 2] =
    [("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256)];
pub(super) const ENCODINGS: [(&str, Encoding); 2] = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
pub(super) const UNITS: [(&str, StampUnit); 2] = [("s", StampUnit::Seconds), ("ms", StampUnit::Milliseconds)];

/// The words of the key `method`.
#[derive(Clone, Copy)]
pub(super) enum RawMethod {
    Hmac,
    Token,
    Basic,
    Path,
    None,
}
