//! Finds out how the sender authenticates, from the headers of recorded requests. Their values are never written down.

use std::fmt::Write as _;

use super::recording::Recording;

/// The schemes of a kind.
pub(super) struct Authentication {
    /// Their tables in `source.toml`.
    pub(super) tables: String,
    /// The names of the schemes, the first is the default.
    pub(super) schemes: Vec<&'static str>,
    /// What a person must do.
    pub(super) blank: String,
}

const BEARER: &str = "[[authentication]]
name = \"bearer\"
method = \"token\"
header = \"Authorization\"
prefix = \"Bearer \"
";
const BASIC: &str = "[[authentication]]
name = \"basic\"
method = \"basic\"
";
const PATH: &str = "# For a sender that can set nothing but an address: /hooks/SOURCE/SECRET.
[[authentication]]
name = \"path\"
method = \"path\"
";
const SIGNATURE: &str =
    "# If the sender signs its requests, this scheme comes first, as its documentation has it:
# [[authentication]]
# name = \"signature\"
# method = \"hmac\"
# header = \"X-…-Signature\"
# algorithm = \"sha256\"
# encoding = \"hex\"
";

/// Finds the schemes.
pub(super) fn find(recordings: &[Recording]) -> Authentication {
    let headers = || recordings.iter().flat_map(|recording| &recording.headers);
    let signature = headers().find_map(|(name, value)| {
        let named = name.contains("signature") && !name.contains("timestamp");
        named.then(|| signature(name, value)).flatten()
    });
    if let Some(table) = signature {
        return Authentication {
            tables: format!("{table}\n{PATH}"),
            schemes: vec!["signature", "path"],
            blank: "the signature's form is guessed from its header: compare what it covers (`signed`) with the sender's documentation, \
                and try it with `preview --source … --header`"
                .to_owned(),
        };
    }
    let authorization = headers().find(|(name, _)| name == "authorization");
    let (first, name) = match authorization.and_then(|(_, value)| value.split(' ').next()) {
        Some(method) if method.eq_ignore_ascii_case("basic") => (BASIC, "basic"),
        _ => (BEARER, "bearer"),
    };
    let token = headers().find(|(name, _)| name.ends_with("-token"));
    let mut tables = format!("{SIGNATURE}\n");
    let mut schemes = vec![name, "path"];
    if let Some((header, _)) = token {
        let table = format!(
            "[[authentication]]\nname = \"token\"\nmethod = \"token\"\nheader = {}\n\n",
            text(header)
        );
        tables.push_str(&table);
        schemes.insert(0, "token");
    }
    let _ = write!(tables, "{first}\n{PATH}");
    Authentication {
        tables,
        schemes,
        blank: "authentication is not known: compare [[authentication]] with the sender's documentation. If it signs its requests, use \
            the signature"
            .to_owned(),
    }
}

/// The scheme of a signature with this value. None if its form is not known.
fn signature(header: &str, value: &str) -> Option<String> {
    let (prefix, rest) = match value.split_once('=') {
        Some((word @ ("sha256" | "sha1" | "sha512"), rest)) => (Some(format!("{word}=")), rest),
        _ => (None, value),
    };
    let is_hex = rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_base64 = rest
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    let (algorithm, encoding) = match (rest.len(), is_hex, is_base64) {
        (64, true, _) => ("sha256", "hex"),
        (40, true, _) => ("sha1", "hex"),
        (128, true, _) => ("sha512", "hex"),
        (44, _, true) => ("sha256", "base64"),
        (28, _, true) => ("sha1", "base64"),
        (88, _, true) => ("sha512", "base64"),
        _ => return None,
    };
    let prefix = prefix
        .map(|prefix| format!("prefix = {}\n", text(&prefix)))
        .unwrap_or_default();
    Some(format!(
        "[[authentication]]\nname = \"signature\"\nmethod = \"hmac\"\nheader = {}\nalgorithm = \"{algorithm}\"\nencoding = \"{encoding}\"\n{prefix}signed = \"{{body}}\"\n",
        text(header)
    ))
}

fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}
