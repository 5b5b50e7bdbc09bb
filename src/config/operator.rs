//! `[operator]`, the operator's listener.

use std::path::Path;
use url::{Origin, Url};

use super::env::Environment;
use super::secrets::{self, Purpose, Reference};
use crate::secret::Secret;
use crate::source::OperatorAccess;
use crate::toml_reader::{Finding, Findings, Located, TableReader};

/// `[operator]` as it is written.
#[derive(Default)]
pub(super) struct RawOperator {
    token: Option<Reference>,
    origin: Option<Located<String>>,
    user_header: Option<Located<String>>,
}

/// Reads `[operator]`.
pub(super) fn raw(table: &TableReader<'_, '_>) -> RawOperator {
    RawOperator {
        token: secrets::reference(table, "token"),
        origin: table.text("origin"),
        user_header: table.text("user_header"),
    }
}

impl RawOperator {
    /// Reads the token. Reports what is wrong. `has_proxies`: whether `[public] trusted_proxies` names one.
    pub(super) fn resolve(
        &self,
        has_proxies: bool,
        base: &Path,
        environment: &Environment,
        findings: &Findings,
    ) -> OperatorAccess {
        OperatorAccess {
            token: token(self.token.as_ref(), base, environment, findings),
            origin: self.origin.as_ref().and_then(|given| origin(given, findings)),
            user_header: self
                .user_header
                .as_ref()
                .and_then(|given| user_header(given, has_proxies, findings)),
        }
    }
}

fn token(
    raw: Option<&Reference>,
    base: &Path,
    environment: &Environment,
    findings: &Findings,
) -> Option<Secret> {
    let (address, loopback) = environment.operator_listen();
    match raw {
        Some(token) => token.read(Purpose::Bearer, base, environment, findings),
        None if loopback => None,
        None => {
            let what = format!(
                "`token` is missing, and the operator's listener is at {address}, which other machines reach: set \
                 token = {{ credential = \"operator\" }}, or listen on 127.0.0.1 (TWAKE_BRIDGE_OPERATOR_LISTEN; where a \
                 socket unit holds the socket, its second ListenStream)"
            );
            findings.add(Finding::error(findings.file(), None, "operator", what));
            None
        }
    }
}

/// Returns the origin as browsers write it: scheme, host and port, without a slash.
fn origin(given: &Located<String>, findings: &Findings) -> Option<String> {
    let url = Url::parse(&given.value).ok();
    let origin = url.filter(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        matches!(url.scheme(), "http" | "https") && is_bare && url.username().is_empty()
    });
    let origin = origin.map(|url| url.origin()).filter(Origin::is_tuple);
    if origin.is_none() {
        let what = "is no origin: write scheme and host, such as \"https://bridge.example.org\"";
        findings.error(given.at, "operator.origin", what);
    }
    origin.map(|origin| origin.ascii_serialization())
}

fn user_header(given: &Located<String>, has_proxies: bool, findings: &Findings) -> Option<String> {
    let name = given.value.to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        let what = "is no name of a header, such as \"X-Forwarded-User\"";
        findings.error(given.at, "operator.user_header", what);
        return None;
    }
    if !has_proxies {
        let what = "needs [public] trusted_proxies: the header counts only if one of these proxies sends it";
        findings.error(given.at, "operator.user_header", what);
    }
    Some(name)
}
