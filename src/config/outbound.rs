//! The connection settings of an account: `ca_file`, `tls` and `proxy` of `[twake.X]`.

use std::path::Path;
use url::Url;

use super::authorities;
use super::certified::{self, RawCertified};
use super::env::Environment;
use super::secrets::{self, Purpose, Reference};
use crate::secret::Secret;
use crate::toml_reader::{Findings, Located, TableReader, ValueReader};
use crate::twake::Outbound;
use crate::twake::outbound::{Identity, Proxy};

/// The settings as they are written.
pub(super) struct RawOutbound {
    ca_file: Option<Located<String>>,
    tls: Option<RawCertified>,
    proxy: Option<RawProxy>,
}

/// `proxy = "http://…"` or `proxy = { url = "http://…", user = "…", password = { … } }`.
struct RawProxy {
    path: String,
    url: Option<Located<String>>,
    user: Option<Located<String>>,
    password: Option<Reference>,
}

/// Reads an account's `ca_file`, `tls` and `proxy`.
pub(super) fn raw(account: &TableReader<'_, '_>) -> RawOutbound {
    RawOutbound {
        ca_file: account.text("ca_file"),
        tls: certified::raw(account),
        proxy: account.get("proxy").map(proxy),
    }
}

fn proxy(value: ValueReader<'_, '_>) -> RawProxy {
    let Some(table) = value.table() else {
        return RawProxy {
            url: value.text(),
            user: None,
            password: None,
            path: value.path,
        };
    };
    for (key, other) in [("user", "password"), ("password", "user")] {
        if !table.has(key) && table.has(other) {
            value.wrong(format!(
                "`{key}` is missing: a proxy gets a user and a password, or neither"
            ));
        }
    }
    RawProxy {
        url: table.text("url"),
        user: table.text("user"),
        password: secrets::reference(&table, "password"),
        path: table.path,
    }
}

impl RawOutbound {
    /// Reads the files. Reports what is wrong. `url` is the address of Twake, if it is right.
    pub(super) fn resolve(
        self,
        account: &str,
        url: Option<&Url>,
        base: &Path,
        environment: &Environment,
        findings: &Findings,
    ) -> Option<Outbound> {
        let for_tls = |at: usize, path: &str| {
            if url.is_some_and(|url| url.scheme() == "http") {
                findings.warning(at, path, "has no use: `url` begins with http:, without TLS");
            }
        };
        let authorities = self.ca_file.map_or(Some(Vec::new()), |file| {
            let path = format!("{account}.ca_file");
            for_tls(file.at, &path);
            let at = file.at;
            let file = base.join(file.value);
            let read = authorities::read(&file);
            read.map_err(|why| findings.error(at, &path, format!("{} {why}", file.display())))
                .ok()
        });
        let identity = self.tls.map_or(Some(None), |tls| {
            for_tls(tls.at, &tls.path);
            let certified = tls.resolve(base, environment, findings)?;
            Some(Some(Identity::new(certified)))
        });
        let proxy = self.proxy.map_or(Some(None), |proxy| {
            Some(Some(proxy.resolve(base, environment, findings)?))
        });
        Some(Outbound::new(authorities?, identity?, proxy?))
    }
}

impl RawProxy {
    fn resolve(self, base: &Path, environment: &Environment, findings: &Findings) -> Option<Proxy> {
        let address = self.url.and_then(|url| {
            let wrong = |why| findings.error(url.at, &self.path, why);
            address(&url.value).map_err(wrong).ok()
        });
        let user = self.user.filter(|user| {
            let fits = !user.value.contains(|c: char| c == ':' || c.is_control());
            if !fits {
                let what = "has a colon or a control character, which no user of a proxy has";
                findings.error(user.at, &format!("{}.user", self.path), what);
            }
            fits
        });
        let password: Option<Secret> = self
            .password
            .and_then(|password| password.read(Purpose::Password, base, environment, findings));
        let (host, port) = address?;
        let credentials = user.as_ref().zip(password.as_ref());
        let credentials = credentials.map(|(user, password)| (user.value.as_str(), password));
        Some(Proxy::new(&host, port, credentials))
    }
}

/// Parses the host and port of a proxy's address. The error does not quote the address: it may hold a password.
fn address(text: &str) -> Result<(String, u16), String> {
    let example = "such as \"http://proxy.example.org:3128\"";
    let url = Url::parse(text).map_err(|error| format!("is no address ({error}), {example}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        let instead = "{ url = \"http://…\", user = \"…\", password = { credential = \"…\" } }";
        return Err(format!("holds a name or password; write proxy = {instead}"));
    }
    if url.scheme() != "http" {
        return Err(format!(
            "begins with {}:, http: was expected, {example}: the proxy is asked in plain HTTP for a tunnel, and what \
             goes through it to an https address is encrypted all the same",
            url.scheme()
        ));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("goes on after the host and port, {example}"));
    }
    let host = url.host_str().ok_or_else(|| format!("has no host, {example}"))?;
    Ok((host.to_owned(), url.port_or_known_default().unwrap_or(80)))
}
