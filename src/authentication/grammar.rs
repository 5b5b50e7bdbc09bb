//! Parses the tables `[[authentication]]` of `source.toml` and `bridge.toml` into [`Scheme`]s.
//!
//! ```toml
//! name = "signature"
//! method = "hmac"                     # hmac | token | basic | path | none
//! header = "Webhook-Signature"        # hmac, token, basic (default: Authorization)
//! algorithm = "sha256"                # or sha1; default: sha256
//! encoding = "base64"                 # or hex; default: hex
//! list = { separator = " ", prefix = "v1," }      # or prefix = "…"
//! signed = "{id}.{timestamp}.{body}"  # also {payload} and literal text; default: {body}
//! timestamp = { header = "Webhook-Timestamp" }    # also prefix, unit = "ms"; without header: an item of the list
//! id = { header = "Webhook-Id" }
//! tolerance = "5m"                    # maximum distance of the timestamp from now
//! secret = { prefix = "whsec_", encoding = "base64" }     # how the key is derived from the secret
//! ```

use super::keys::{ALGORITHMS, ENCODINGS, METHODS, RawMethod, SCHEME, UNITS};
use super::scheme::{Encoding, KeyForm, Layout, Method, Scheme, Signature, Stamp, TimestampPlace};
use super::signed::{self, Piece};
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
        RawMethod::Hmac => Method::Hmac(Box::new(signature(table))),
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

fn signature(table: &TableReader<'_, '_>) -> Signature {
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
    let key = table
        .table("secret")
        .map_or_else(KeyForm::default, |secret| KeyForm {
            prefix: secret.any_text("prefix").unwrap_or_default(),
            encoding: secret.word("encoding", &ENCODINGS),
        });
    Signature {
        header: header_name,
        algorithm: table.word("algorithm", &ALGORITHMS).unwrap_or_default(),
        encoding,
        layout,
        signed,
        timestamp,
        id,
        key,
    }
}

fn list_layout(list: &TableReader<'_, '_>, encoding: Encoding) -> Layout {
    let separator = list.any_text("separator").unwrap_or_default();
    let prefix = list.any_text("prefix").unwrap_or_default();
    let is_in_signatures = |character: char| match encoding {
        Encoding::Hex => character.is_ascii_alphanumeric(),
        Encoding::Base64 => character.is_ascii_alphanumeric() || "+/=".contains(character),
    };
    if separator.is_empty() || separator.chars().any(is_in_signatures) {
        let what = format!("`{separator}` cannot separate signatures: a signature may contain it");
        list.wrong("separator", what);
    } else if prefix.contains(&separator) {
        list.wrong("prefix", format!("`{prefix}` contains the separator"));
    }
    Layout::List { separator, prefix }
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
