//! How an account's Twake is reached: `ca_file`, `tls` and `proxy` of `[twake.X]`.

use std::path::Path;
use toml::de::DeValue;
use url::Url;

use super::authorities;
use super::certified::{self, RawCertified};
use super::env::Surroundings;
use super::secrets::{self, Purpose, Reference};
use crate::secret::Secret;
use crate::toml_reader::Findings;
use crate::toml_reader::{Located, Table};
use crate::twake::Outbound;
use crate::twake::outbound::{Identity, Proxy};

/// The keys of `proxy`, where it is more than an address.
pub(super) const PROXY: &[&str] = &["url", "user", "password"];

/// As it is written.
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
pub(super) fn raw(account: &Table<'_, '_>, findings: &Findings) -> RawOutbound {
    RawOutbound {
        ca_file: account.text("ca_file"),
        tls: certified::raw(account, findings),
        proxy: proxy(account, findings),
    }
}

fn proxy(account: &Table<'_, '_>, findings: &Findings) -> Option<RawProxy> {
    let path = account.key("proxy");
    let (_, value) = account.get("proxy")?;
    if !matches!(value, DeValue::Table(_)) {
        return Some(RawProxy {
            path,
            url: account.text("proxy"),
            user: None,
            password: None,
        });
    }
    let table = account.table("proxy", PROXY)?;
    for (key, other) in [("user", "password"), ("password", "user")] {
        if table.get(key).is_none() && table.get(other).is_some() {
            let what = format!("`{key}` is missing: a proxy is told both a user and a password, or neither");
            findings.error(table.at, &path, what);
        }
    }
    let password = table.get("password");
    Some(RawProxy {
        url: table.required(
            "url",
            "where the proxy is, such as \"http://proxy.example.org:3128\"",
        ),
        user: table.text("user"),
        password: password
            .and_then(|(at, value)| secrets::reference(value, &table.key("password"), at, findings)),
        path,
    })
}

impl RawOutbound {
    /// Reads what it names; what is wrong is found. `url`: where Twake is, where that is known.
    pub(super) fn resolve(
        self,
        account: &str,
        url: Option<&Url>,
        base: &Path,
        surroundings: &Surroundings,
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
            let certified = tls.resolve(base, surroundings, findings)?;
            Some(Some(Identity::new(certified)))
        });
        let proxy = self.proxy.map_or(Some(None), |proxy| {
            Some(Some(proxy.resolve(base, surroundings, findings)?))
        });
        Some(Outbound::new(authorities?, identity?, proxy?))
    }
}

impl RawProxy {
    fn resolve(self, base: &Path, surroundings: &Surroundings, findings: &Findings) -> Option<Proxy> {
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
            .and_then(|password| password.read(Purpose::Given, base, surroundings, findings));
        let (host, port) = address?;
        let credentials = user.as_ref().zip(password.as_ref());
        let credentials = credentials.map(|(user, password)| (user.value.as_str(), password));
        Some(Proxy::new(&host, port, credentials))
    }
}

/// The host and port of a proxy's address. What is wrong with it is said without quoting it: it may hold a password.
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
