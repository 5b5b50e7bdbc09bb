//! Parses the tables `[[authentication]]` of `source.toml` and `bridge.toml` into [`Scheme`]s.
//!
//! ```toml
//! name = "signature"
//! method = "hmac"                     # hmac | ed25519 | rsa | token | basic | path | none
//! header = "Webhook-Signature"        # not of http-message; default of basic: Authorization
//! algorithm = "sha256"                # sha1, sha512; of hmac and rsa
//! encoding = "base64"                 # or hex; default: hex
//! list = { separator = " ", prefix = "v1," }      # also suffix; or prefix = "…"; or field = "…" of the payload
//! signed = "{id}.{timestamp}.{body}"  # also {payload}, {url} … and literal text; default: {body}
//! timestamp = { header = "Webhook-Timestamp" }    # also prefix, unit = "ms"; without header: an item of the list
//! id = { header = "Webhook-Id" }
//! tolerance = "5m"                    # maximum distance of the timestamp from now
//! secret = { prefix = "whsec_", encoding = "base64" }     # how the key is derived from the secret; of hmac
//! also = "path"                       # a scheme that must authenticate the request, too
//!
//! format = "jws"                      # in place of list, signed, timestamp, id
//! claims = { iss = "netlify", sha256 = "{sha256:hex}" }
//!
//! format = "http-message"
//! components = ["@method", "content-digest"]
//! tolerance = "5m"
//! ```

use super::cipher::{Cipher, KeyForm};
use super::encoding::Encoding;
use super::hash::Hash;
use super::jws::{Expected, Jws};
use super::keys::{ALGORITHMS, ENCODINGS, FORMATS, Format, METHODS, RawMethod, SCHEME, UNITS};
use super::message_signature::{self, MessageSignature};
use super::public_key::KeyPair;
use super::scheme::{Carrier, Method, Scheme, Signature};
use super::signed::{self, Piece};
use super::text_signature::{Layout, Stamp, TextSignature, TimestampPlace};
use crate::toml_reader::{self, Findings, TableReader};
use crate::units;

/// Reads the schemes of the key `authentication`. Reports every contradiction as a finding of the table.
pub(crate) fn read_schemes(table: &TableReader<'_, '_>) -> Vec<Scheme> {
    table
        .tables("authentication")
        .iter()
        .filter_map(read_scheme)
        .collect()
}

impl Scheme {
    /// Parses the text of one `[[authentication]]` table.
    ///
    /// # Errors
    /// All findings, each as `key: what is wrong`.
    pub fn from_toml(text: &str) -> Result<Self, Vec<String>> {
        let findings = Findings::new("", text);
        let scheme = toml_reader::read(text, SCHEME, &findings, read_scheme).flatten();
        let list = findings.into_list();
        let describe = |finding: &toml_reader::Finding| match finding.table.as_str() {
            "" => finding.what.clone(),
            key => format!("{key}: {}", finding.what),
        };
        match scheme {
            Some(scheme) if list.is_empty() => Ok(scheme),
            _ => Err(list.iter().map(describe).collect()),
        }
    }
}

fn read_scheme(table: &TableReader<'_, '_>) -> Option<Scheme> {
    let before = table.errors();
    let method = match table.word("method", &METHODS)? {
        RawMethod::Hmac | RawMethod::Ed25519 | RawMethod::Rsa => Method::Signed(Box::new(Signature {
            cipher: cipher(table)?,
            carrier: carrier(table),
            also: table.text("also").map(|name| name.value),
        })),
        RawMethod::Token => {
            only(table, &["header", "prefix"], "token");
            Method::Token {
                header: header(table, "header"),
                prefix: table.any_text("prefix").unwrap_or_default(),
            }
        }
        RawMethod::Basic => {
            only(table, &["header"], "basic");
            let header = if table.has("header") {
                header(table, "header")
            } else {
                "authorization".to_owned()
            };
            Method::Basic { header }
        }
        RawMethod::Path => {
            only(table, &[], "path");
            Method::Path
        }
        RawMethod::None => {
            only(table, &[], "none");
            Method::None
        }
    };
    (table.errors() == before).then_some(Scheme {
        name: table.text("name")?.value,
        method,
    })
}

/// Reports the keys that the method does not use.
fn only(table: &TableReader<'_, '_>, used: &[&str], method: &str) {
    let is_used = |key: &&str| ["name", "method"].contains(key) || used.contains(key);
    for key in table.known().filter(|key| !is_used(key) && table.has(key)) {
        table.wrong(key, format!("method `{method}` does not use this key"));
    }
}

/// Reports keys that are of no use.
fn without(table: &TableReader<'_, '_>, keys: &[&str], what: &str) {
    for key in keys.iter().filter(|key| table.has(key)) {
        table.wrong(key, format!("{what} does not use this key"));
    }
}

fn cipher(table: &TableReader<'_, '_>) -> Option<Cipher> {
    let hash = table.word("algorithm", &ALGORITHMS).unwrap_or_default();
    Some(match table.word("method", &METHODS)? {
        RawMethod::Ed25519 => {
            without(table, &["algorithm", "secret"], "method `ed25519`");
            Cipher::Private(KeyPair::Ed25519)
        }
        RawMethod::Rsa => {
            without(table, &["secret"], "method `rsa`");
            Cipher::Private(KeyPair::Rsa(hash))
        }
        _ => Cipher::Hmac(hash, key_form(table)),
    })
}

fn key_form(table: &TableReader<'_, '_>) -> KeyForm {
    let Some(secret) = table.table("secret") else {
        return KeyForm::default();
    };
    KeyForm {
        prefix: secret.any_text("prefix").unwrap_or_default(),
        encoding: secret.word("encoding", &ENCODINGS),
    }
}

/// The keys of `format = "text"`. Only `tolerance` has a use in another format.
const TEXT_KEYS: [&str; 7] = ["encoding", "prefix", "list", "field", "signed", "timestamp", "id"];

fn carrier(table: &TableReader<'_, '_>) -> Carrier {
    let format = table.word("format", &FORMATS).unwrap_or_default();
    if format != Format::Text {
        without(table, &TEXT_KEYS, "this format");
        if table.word("algorithm", &ALGORITHMS) == Some(Hash::Sha1) {
            table.wrong("algorithm", "this format has no signatures with SHA-1");
        }
    }
    if format != Format::Jws {
        without(table, &["claims"], "this format");
    }
    if format != Format::Message {
        without(table, &["components"], "this format");
    }
    match format {
        Format::Text => Carrier::Text(text_signature(table)),
        Format::Jws => {
            without(table, &["tolerance"], "this format");
            Carrier::Jws(jws(table))
        }
        Format::Message => {
            without(table, &["header"], "this format");
            Carrier::Message(message(table))
        }
    }
}

fn jws(table: &TableReader<'_, '_>) -> Jws {
    let expected = |text: String| match text.as_str() {
        "{sha256:hex}" => Expected::Digest(Encoding::Hex),
        "{sha256:base64}" => Expected::Digest(Encoding::Base64),
        _ => Expected::Text(text),
    };
    let claims = table.entries("claims").into_iter();
    let claims = claims.filter_map(|(name, value)| Some((name.value, expected(value.text()?.value))));
    let claims: Vec<_> = claims.collect();
    if !claims
        .iter()
        .any(|(_, expected)| matches!(expected, Expected::Digest(_)))
    {
        let what = "one claim must be {sha256:hex} or {sha256:base64}, so that the body is signed";
        table.wrong("claims", what);
    }
    Jws {
        header: header(table, "header"),
        claims,
    }
}

fn message(table: &TableReader<'_, '_>) -> MessageSignature {
    let components = table.texts("components").unwrap_or_default().into_iter();
    let components: Vec<String> = components.map(|name| name.value.to_ascii_lowercase()).collect();
    if !components.iter().any(|name| name == message_signature::DIGEST) {
        let what = "it needs \"content-digest\", so that the body is signed";
        table.wrong("components", what);
    }
    if !table.has("tolerance") {
        let what = "the format needs a tolerance such as \"5m\"; without one an old request stays valid";
        table.wrong("tolerance", what);
    }
    MessageSignature {
        components,
        tolerance: table.unit("tolerance", &units::DURATION).unwrap_or_default(),
    }
}

/// Reads the name of a header, in lower case.
fn header(table: &TableReader<'_, '_>, key: &str) -> String {
    let name = table.any_text(key).unwrap_or_default().to_ascii_lowercase();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() {
        table.wrong(key, "the method needs the name of a header");
    } else if !name.bytes().all(is_token) {
        table.wrong(key, format!("`{name}` is not a valid header name"));
    }
    name
}

fn text_signature(table: &TableReader<'_, '_>) -> TextSignature {
    let header_name = header(table, "header");
    let encoding = table.word("encoding", &ENCODINGS).unwrap_or_default();
    if table.has("prefix") && table.has("list") {
        table.wrong(
            "prefix",
            "a list has a prefix of its own: list = { prefix = \"…\" }",
        );
    }
    let layout = match table.table("list") {
        Some(list) => list_layout(&list, encoding),
        None => Layout::Single {
            prefix: table.any_text("prefix").unwrap_or_default(),
        },
    };
    let template = table.any_text("signed").unwrap_or_else(|| "{body}".to_owned());
    let signed = signed::pieces(&template, &mut |what| table.wrong("signed", what));
    let timestamp = timestamp(table, &layout, &header_name);
    let id = table.table("id").map(|id| header(&id, "header"));
    for (key, piece, is_set) in [
        ("timestamp", Piece::Timestamp, table.has("timestamp")),
        ("id", Piece::Id, table.has("id")),
    ] {
        match (is_set, signed.contains(&piece)) {
            (true, false) => {
                let what =
                    format!("`signed` must contain {{{key}}}: an unsigned value authenticates nothing");
                table.wrong(key, what);
            }
            (false, true) => {
                let what = format!("{{{key}}} needs the key `{key}`, which says where the value is");
                table.wrong("signed", what);
            }
            _ => {}
        }
    }
    if table.has("field") {
        without(table, &["list", "prefix"], "a signature in the payload");
    }
    TextSignature {
        header: header_name,
        field: table.text("field").map(|name| name.value),
        encoding,
        layout,
        signed,
        timestamp,
        id,
    }
}

fn list_layout(list: &TableReader<'_, '_>, encoding: Encoding) -> Layout {
    let separator = list.any_text("separator").unwrap_or_default();
    let prefix = list.any_text("prefix").unwrap_or_default();
    let suffix = list.any_text("suffix").unwrap_or_default();
    let is_in_signatures = |character: char| match encoding {
        Encoding::Hex => character.is_ascii_alphanumeric(),
        Encoding::Base64 => character.is_ascii_alphanumeric() || "+/=".contains(character),
    };
    if separator.is_empty() || separator.chars().any(is_in_signatures) {
        let what = format!("`{separator}` cannot separate signatures: a signature may contain it");
        list.wrong("separator", what);
    } else if prefix.contains(&separator) {
        list.wrong("prefix", format!("`{prefix}` contains the separator"));
    } else if suffix.contains(&separator) {
        list.wrong("suffix", format!("`{suffix}` contains the separator"));
    }
    Layout::List {
        separator,
        prefix,
        suffix,
    }
}

/// Reads `timestamp` and `tolerance`.
fn timestamp(table: &TableReader<'_, '_>, layout: &Layout, signature_header: &str) -> Option<Stamp> {
    let raw = table.table("timestamp");
    if table.has("tolerance") && !table.has("timestamp") {
        table.wrong("tolerance", "there is no `timestamp` to apply it to");
    }
    let raw = raw?;
    if !table.has("tolerance") {
        let what = "a timestamp needs a tolerance such as \"5m\"; without one an old request stays valid";
        table.wrong("tolerance", what);
    }
    let tolerance = table.unit("tolerance", &units::DURATION).unwrap_or_default();
    let prefix = raw.any_text("prefix").unwrap_or_default();
    let place = match (raw.has("header"), layout) {
        (true, _) => {
            let name = header(&raw, "header");
            if name == signature_header {
                let what = "leave it out: the timestamp is an item of the signature's list";
                raw.wrong("header", what);
            }
            TimestampPlace::Header { name, prefix }
        }
        (false, Layout::Single { .. }) => {
            let what = "only a list can hold the timestamp beside the signature";
            raw.wrong("header", what);
            TimestampPlace::Item { prefix }
        }
        (false, Layout::List { prefix: of_list, .. }) => {
            if of_list.starts_with(&prefix) || prefix.starts_with(of_list) {
                let what = "it must differ from the prefix of the list, so that the timestamp is not taken for a signature";
                raw.wrong("prefix", what);
            }
            TimestampPlace::Item { prefix }
        }
    };
    Some(Stamp {
        place,
        unit: raw.word("unit", &UNITS).unwrap_or_default(),
        tolerance,
    })
}
