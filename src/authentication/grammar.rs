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

use super::scheme::{
    Algorithm, Encoding, KeyForm, Layout, Method, Scheme, Signature, Stamp, StampUnit, TimestampPlace,
};
use super::signed::{self, Piece};
use crate::toml_reader::{Findings, Table, document, is_name};
use crate::units;

/// The keys of one table. [`read_scheme`] reports keys that the method of the table does not use.
const KEYS: &[&str] = &[
    "name",
    "method",
    "header",
    "algorithm",
    "encoding",
    "prefix",
    "list",
    "signed",
    "timestamp",
    "id",
    "tolerance",
    "secret",
];

const METHODS: &[(&str, RawMethod)] = &[
    ("hmac", RawMethod::Hmac),
    ("token", RawMethod::Token),
    ("basic", RawMethod::Basic),
    ("path", RawMethod::Path),
    ("none", RawMethod::None),
];
const ALGORITHMS: &[(&str, Algorithm)] = &[("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256)];
const ENCODINGS: &[(&str, Encoding)] = &[("hex", Encoding::Hex), ("base64", Encoding::Base64)];
const UNITS: &[(&str, StampUnit)] = &[("s", StampUnit::Seconds), ("ms", StampUnit::Milliseconds)];

#[derive(Clone, Copy)]
enum RawMethod {
    Hmac,
    Token,
    Basic,
    Path,
    None,
}

/// Parses the list of schemes at `key`. Reports every contradiction as a finding of the table.
pub(crate) fn read_schemes(table: &Table<'_, '_>, key: &str) -> Vec<Scheme> {
    let tables = table.tables(key, KEYS);
    if let (true, Some((at, value))) = (tables.is_empty(), table.get(key))
        && value.as_array().is_some()
    {
        table.wrong(
            at,
            key,
            format!("a list of tables was expected: [[{}]]", table.key(key)),
        );
    }
    tables.iter().filter_map(read_scheme).collect()
}

impl Scheme {
    /// Parses the text of one `[[authentication]]` table.
    ///
    /// # Errors
    /// All findings, each as `key: what is wrong`.
    pub fn from_toml(text: &str) -> Result<Self, Vec<String>> {
        let findings = Findings::new("", text);
        let scheme = document(text, &findings)
            .and_then(|document| read_scheme(&Table::new(document.get_ref(), "", 0, KEYS, &findings)));
        let list = findings.into_list();
        let describe = |finding: &crate::toml_reader::Finding| match finding.table.as_str() {
            "" => finding.what.clone(),
            key => format!("{key}: {}", finding.what),
        };
        match scheme {
            Some(scheme) if list.is_empty() => Ok(scheme),
            _ => Err(list.iter().map(describe).collect()),
        }
    }
}

fn read_scheme(table: &Table<'_, '_>) -> Option<Scheme> {
    let before = table.errors();
    let name = table.required("name", "what secrets and the log call the scheme");
    if let Some(name) = name.as_ref().filter(|name| !is_name(&name.value)) {
        table.wrong(name.at, "name", "a name is 1 to 40 of a-z, 0-9 and -");
    }
    table.required("method", "hmac, token, basic, path or none");
    let method = match table.choice("method", METHODS)? {
        RawMethod::Hmac => Method::Hmac(Box::new(signature(table))),
        RawMethod::Token => {
            only(table, &["header", "prefix"], "token");
            Method::Token {
                header: header(table, "header"),
                prefix: table.string("prefix").unwrap_or_default(),
            }
        }
        RawMethod::Basic => {
            only(table, &["header"], "basic");
            let header = match table.get("header") {
                Some(_) => header(table, "header"),
                None => "authorization".to_owned(),
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
        name: name?.value,
        method,
    })
}

/// Reports the keys that the method does not use.
fn only(table: &Table<'_, '_>, used: &[&str], method: &str) {
    for key in KEYS
        .iter()
        .filter(|key| !["name", "method"].contains(key) && !used.contains(key))
    {
        if let Some((at, _)) = table.get(key) {
            table.wrong(at, key, format!("method `{method}` does not use this key"));
        }
    }
}

/// Reads the name of a header, in lower case.
fn header(table: &Table<'_, '_>, key: &str) -> String {
    let name = table.string(key).unwrap_or_default().to_ascii_lowercase();
    let at = table.get(key).map_or(table.at, |(at, _)| at);
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() {
        table.wrong(at, key, "the method needs the name of a header");
    } else if !name.bytes().all(is_token) {
        table.wrong(at, key, format!("`{name}` is not a valid header name"));
    }
    name
}

fn signature(table: &Table<'_, '_>) -> Signature {
    let header_name = header(table, "header");
    let encoding = table.choice("encoding", ENCODINGS).unwrap_or_default();
    if let (Some((at, _)), Some(_)) = (table.get("prefix"), table.get("list")) {
        table.wrong(
            at,
            "prefix",
            "a list has a prefix of its own: list = { prefix = \"…\" }",
        );
    }
    let layout = match table.table("list", &["separator", "prefix"]) {
        Some(list) => list_layout(&list, encoding),
        None => Layout::Single {
            prefix: table.string("prefix").unwrap_or_default(),
        },
    };
    let template = table.string("signed").unwrap_or_else(|| "{body}".to_owned());
    let at = |key: &str| table.get(key).map_or(table.at, |(at, _)| at);
    let signed = signed::pieces(&template, &mut |what| table.wrong(at("signed"), "signed", what));
    let timestamp = timestamp(table, &layout, &header_name);
    let id = table.table("id", &["header"]).map(|id| header(&id, "header"));
    for (key, piece, is_set) in [
        ("timestamp", Piece::Timestamp, table.get("timestamp").is_some()),
        ("id", Piece::Id, table.get("id").is_some()),
    ] {
        match (is_set, signed.contains(&piece)) {
            (true, false) => {
                let what =
                    format!("`signed` must contain {{{key}}}: an unsigned value authenticates nothing");
                table.wrong(at(key), key, what);
            }
            (false, true) => {
                let what = format!("{{{key}}} needs the key `{key}`, which says where the value is");
                table.wrong(at("signed"), "signed", what);
            }
            _ => {}
        }
    }
    let key = table
        .table("secret", &["prefix", "encoding"])
        .map_or_else(KeyForm::default, |secret| KeyForm {
            prefix: secret.string("prefix").unwrap_or_default(),
            encoding: secret.choice("encoding", ENCODINGS),
        });
    Signature {
        header: header_name,
        algorithm: table.choice("algorithm", ALGORITHMS).unwrap_or_default(),
        encoding,
        layout,
        signed,
        timestamp,
        id,
        key,
    }
}

fn list_layout(list: &Table<'_, '_>, encoding: Encoding) -> Layout {
    let separator = list.string("separator").unwrap_or_default();
    let prefix = list.string("prefix").unwrap_or_default();
    let is_in_signatures = |character: char| match encoding {
        Encoding::Hex => character.is_ascii_alphanumeric(),
        Encoding::Base64 => character.is_ascii_alphanumeric() || "+/=".contains(character),
    };
    if separator.is_empty() || separator.chars().any(is_in_signatures) {
        let what = format!("`{separator}` cannot separate signatures: a signature may contain it");
        list.wrong(list.at, "separator", what);
    } else if prefix.contains(&separator) {
        list.wrong(list.at, "prefix", format!("`{prefix}` contains the separator"));
    }
    Layout::List { separator, prefix }
}

/// Reads `timestamp` and `tolerance`.
fn timestamp(table: &Table<'_, '_>, layout: &Layout, signature_header: &str) -> Option<Stamp> {
    let raw = table.table("timestamp", &["header", "prefix", "unit"]);
    let tolerance = table.get("tolerance");
    if table.get("timestamp").is_none() {
        if let Some((at, _)) = tolerance {
            table.wrong(at, "tolerance", "there is no `timestamp` to apply it to");
        }
        return None;
    }
    let raw = raw?;
    if tolerance.is_none() {
        let what = "a timestamp needs a tolerance such as \"5m\"; without one an old request stays valid";
        table.wrong(raw.at, "tolerance", what);
    }
    let tolerance = table.unit("tolerance", &units::DURATION).unwrap_or_default();
    let prefix = raw.string("prefix").unwrap_or_default();
    let place = match (raw.get("header"), layout) {
        (Some((at, _)), _) => {
            let name = header(&raw, "header");
            if name == signature_header {
                let what = "leave it out: the timestamp is an item of the signature's list";
                raw.wrong(at, "header", what);
            }
            TimestampPlace::Header { name, prefix }
        }
        (None, Layout::Single { .. }) => {
            let what = "only a list can hold the timestamp beside the signature";
            raw.wrong(raw.at, "header", what);
            TimestampPlace::Item { prefix }
        }
        (None, Layout::List { prefix: of_list, .. }) => {
            if of_list.starts_with(&prefix) || prefix.starts_with(of_list) {
                let what = "it must differ from the prefix of the list, so that the timestamp is not taken for a signature";
                raw.wrong(raw.at, "prefix", what);
            }
            TimestampPlace::Item { prefix }
        }
    };
    Some(Stamp {
        place,
        unit: raw.choice("unit", UNITS).unwrap_or_default(),
        tolerance,
    })
}
