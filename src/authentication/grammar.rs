//! `[[authentication]]` as it is written, and what is wrong with it.

use serde::Deserialize;
use std::time::Duration;

use super::scheme::{
    Algorithm, Encoding, KeyForm, Layout, Method, Place, Scheme, Signature, Stamp, StampUnit,
};
use super::signed::{self, Piece};

/// One `[[authentication]]` table, read but not yet understood. The keys are those of the methods together;
/// [`RawScheme::check`] says which of them do not go together.
///
/// ```
/// let table = r#"
///     name = "signature"
///     method = "hmac"                     # hmac | token | basic | path | none
///     header = "Webhook-Signature"        # hmac, token; basic: unset is Authorization
///     algorithm = "sha256"                # or sha1; unset: sha256
///     encoding = "base64"                 # or hex; unset: hex
///     list = { separator = " ", prefix = "v1," }      # or prefix = "…"
///     signed = "{id}.{timestamp}.{body}"  # also {payload} and literal text; unset: {body}
///     timestamp = { header = "Webhook-Timestamp" }    # also prefix, unit = "ms"; no header: an item of the list
///     id = { header = "Webhook-Id" }
///     tolerance = "5m"                    # how far from now the timestamp may be
///     secret = { prefix = "whsec_", encoding = "base64" }     # how the secret becomes the key
/// "#;
/// let raw: twake_bridge::authentication::RawScheme = toml::from_str(table)?;
/// assert!(raw.check().is_ok());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawScheme {
    /// What the scheme is called: by a secret that is bound to it, and in the log.
    pub name: String,
    method: RawMethod,
    header: Option<String>,
    algorithm: Option<Algorithm>,
    encoding: Option<Encoding>,
    prefix: Option<String>,
    list: Option<RawList>,
    signed: Option<String>,
    timestamp: Option<RawTimestamp>,
    id: Option<RawId>,
    tolerance: Option<String>,
    secret: Option<RawKey>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawMethod {
    Hmac,
    Token,
    Basic,
    Path,
    None,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    separator: String,
    #[serde(default)]
    prefix: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTimestamp {
    /// Unset: the timestamp is an item of the signature's list.
    header: Option<String>,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    unit: StampUnit,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawId {
    header: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    #[serde(default)]
    prefix: String,
    encoding: Option<Encoding>,
}

impl RawScheme {
    /// Understands the table.
    ///
    /// # Errors
    /// Every contradiction in it, each a sentence that begins with the key.
    pub fn check(self) -> Result<Scheme, Vec<String>> {
        let mut findings = Findings(Vec::new());
        if !is_name(&self.name) {
            findings.add("name: 1 to 40 of a-z, 0-9 and - are a name");
        }
        let name = self.name.clone();
        let method = match self.method {
            RawMethod::Hmac => Method::Hmac(Box::new(self.signature(&mut findings))),
            RawMethod::Token => {
                self.only(&["header", "prefix"], "token", &mut findings);
                let header = findings.header("header", self.header);
                let prefix = self.prefix.unwrap_or_default();
                Method::Token { header, prefix }
            }
            RawMethod::Basic => {
                self.only(&["header"], "basic", &mut findings);
                let header = self.header.unwrap_or_else(|| "authorization".to_owned());
                let header = findings.header("header", Some(header));
                Method::Basic { header }
            }
            RawMethod::Path => {
                self.only(&[], "path", &mut findings);
                Method::Path
            }
            RawMethod::None => {
                self.only(&[], "none", &mut findings);
                Method::None
            }
        };
        if !findings.0.is_empty() {
            return Err(findings.0);
        }
        Ok(Scheme { name, method })
    }

    /// Finds the keys that mean nothing to the method.
    fn only(&self, allowed: &[&str], method: &str, findings: &mut Findings) {
        let keys = [
            ("header", self.header.is_some()),
            ("algorithm", self.algorithm.is_some()),
            ("encoding", self.encoding.is_some()),
            ("prefix", self.prefix.is_some()),
            ("list", self.list.is_some()),
            ("signed", self.signed.is_some()),
            ("timestamp", self.timestamp.is_some()),
            ("id", self.id.is_some()),
            ("tolerance", self.tolerance.is_some()),
            ("secret", self.secret.is_some()),
        ];
        for (key, is_set) in keys {
            if is_set && !allowed.contains(&key) {
                findings.add(format!("{key}: means nothing to method `{method}`"));
            }
        }
    }

    fn signature(self, findings: &mut Findings) -> Signature {
        let header = findings.header("header", self.header);
        let encoding = self.encoding.unwrap_or_default();
        if self.prefix.is_some() && self.list.is_some() {
            findings.add("prefix: a list has a prefix of its own");
        }
        let layout = match self.list {
            Some(list) => list.check(encoding, findings),
            None => Layout::Single {
                prefix: self.prefix.unwrap_or_default(),
            },
        };
        let signed = signed::pieces(self.signed.as_deref().unwrap_or("{body}"), findings);
        let timestamp = timestamp(self.timestamp, self.tolerance.as_deref(), &layout, findings);
        if timestamp
            .as_ref()
            .is_some_and(|stamp| matches!(&stamp.place, Place::Header { name, .. } if *name == header))
        {
            findings.add("timestamp.header: leave it out: the timestamp is an item of the signature's list");
        }
        let id = self.id.map(|id| findings.header("id.header", Some(id.header)));
        findings.pair(
            "timestamp",
            timestamp.is_some(),
            signed.contains(&Piece::Timestamp),
        );
        findings.pair("id", id.is_some(), signed.contains(&Piece::Id));
        let key = self.secret.map_or_else(KeyForm::default, |secret| KeyForm {
            prefix: secret.prefix,
            encoding: secret.encoding,
        });
        Signature {
            header,
            algorithm: self.algorithm.unwrap_or_default(),
            encoding,
            layout,
            signed,
            timestamp,
            id,
            key,
        }
    }
}

impl RawList {
    fn check(self, encoding: Encoding, findings: &mut Findings) -> Layout {
        let Self { separator, prefix } = self;
        let is_in_signatures = |character: char| match encoding {
            Encoding::Hex => character.is_ascii_alphanumeric(),
            Encoding::Base64 => character.is_ascii_alphanumeric() || "+/=".contains(character),
        };
        if separator.is_empty() || separator.chars().any(is_in_signatures) {
            findings.add(format!(
                "list.separator: `{separator}` does not separate signatures"
            ));
        } else if prefix.contains(&separator) {
            findings.add(format!("list.prefix: `{prefix}` would be cut at the separator"));
        }
        Layout::List { separator, prefix }
    }
}

fn timestamp(
    raw: Option<RawTimestamp>,
    tolerance: Option<&str>,
    layout: &Layout,
    findings: &mut Findings,
) -> Option<Stamp> {
    let Some(raw) = raw else {
        if tolerance.is_some() {
            findings.add("tolerance: there is no timestamp that it could be about");
        }
        return None;
    };
    let tolerance = match tolerance {
        None => {
            findings.add("tolerance: a timestamp needs one, such as \"5m\", or it proves nothing");
            None
        }
        Some(text) => {
            let tolerance = duration(text);
            if tolerance.is_none() {
                findings.add(format!(
                    "tolerance: `{text}` is no duration such as \"5m\" (units ms s m h d)"
                ));
            }
            tolerance
        }
    };
    let place = match (raw.header, layout) {
        (Some(name), _) => Place::Header {
            name: findings.header("timestamp.header", Some(name)),
            prefix: raw.prefix,
        },
        (None, Layout::Single { .. }) => {
            findings.add("timestamp.header: only a list can hold the timestamp beside the signature");
            Place::Item { prefix: raw.prefix }
        }
        (None, Layout::List { prefix, .. }) => {
            if prefix.starts_with(&raw.prefix) || raw.prefix.starts_with(prefix) {
                findings
                    .add("timestamp.prefix: it has to tell the timestamp from the signatures of the list");
            }
            Place::Item { prefix: raw.prefix }
        }
    };
    Some(Stamp {
        place,
        unit: raw.unit,
        tolerance: tolerance.unwrap_or_default(),
    })
}

/// `5m`: a whole number above zero and its unit.
fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|character: char| !character.is_ascii_digit())?;
    let (count, unit) = text.split_at_checked(unit_at)?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(milliseconds).map(Duration::from_millis)
}

fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// What is wrong with a table, in sentences that begin with the key.
pub(super) struct Findings(Vec<String>);

impl Findings {
    pub(super) fn add(&mut self, finding: impl Into<String>) {
        self.0.push(finding.into());
    }

    /// A header's name in lower case.
    fn header(&mut self, key: &str, name: Option<String>) -> String {
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() {
            self.add(format!("{key}: the method needs the name of a header"));
        } else if !name.bytes().all(is_token) {
            self.add(format!("{key}: `{name}` is no name of a header"));
        }
        name
    }

    /// What is looked for and what is signed have to be the same: a value that is not signed proves nothing.
    fn pair(&mut self, key: &str, is_looked_for: bool, is_signed: bool) {
        match (is_looked_for, is_signed) {
            (true, false) => self.add(format!(
                "{key}: it proves nothing unless {{{key}}} is in `signed`"
            )),
            (false, true) => self.add(format!("signed: {{{key}}} needs `{key} = …` to say where it is")),
            _ => {}
        }
    }
}
