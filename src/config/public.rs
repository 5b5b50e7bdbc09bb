//! `[public]`, the public listener, and the access control of a source.

use ipnet::IpNet;
use rustls::sign::CertifiedKey;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use url::Url;

use super::authorities;
use super::certified::{self, RawCertified};
use super::env::Environment;
use crate::admission::{Admission, Authority, TrustedProxies};
use crate::toml_reader::{Findings, Located, TableReader};

/// `[public]`: the public listener.
#[derive(Clone, Default)]
pub struct Public {
    /// The listener's certificate. Unset: it speaks plain HTTP, behind a proxy or on this machine.
    pub certificate: Option<Arc<CertifiedKey>>,
    /// The proxies whose `X-Forwarded-For` holds the client's address.
    pub trusted_proxies: TrustedProxies,
    /// The address that senders have, without a final slash, such as `https://bridge.example.org`.
    pub url: Option<String>,
}

/// `[public]` as it is written.
#[derive(Default)]
pub(super) struct RawPublic {
    tls: Option<RawCertified>,
    trusted_proxies: Vec<Located<String>>,
    url: Option<Located<String>>,
}

/// The access control of a source as it is written.
#[derive(Default)]
pub(super) struct RawAdmission {
    allow: Vec<Located<String>>,
    client_ca_file: Option<Located<String>>,
}

/// Reads `[public]`.
pub(super) fn raw(table: &TableReader<'_, '_>) -> RawPublic {
    RawPublic {
        tls: certified::raw(table),
        trusted_proxies: table.texts("trusted_proxies").unwrap_or_default(),
        url: table.text("url"),
    }
}

/// Reads a source's `allow` and `client_ca_file`.
pub(super) fn raw_admission(source: &TableReader<'_, '_>) -> RawAdmission {
    RawAdmission {
        allow: source.texts("allow").unwrap_or_default(),
        client_ca_file: source.text("client_ca_file"),
    }
}

impl RawPublic {
    /// Reads the certificate. Reports what is wrong.
    pub(super) fn resolve(&self, base: &Path, environment: &Environment, findings: &Findings) -> Public {
        let tls = self.tls.as_ref();
        let certificate = tls.and_then(|tls| tls.resolve(base, environment, findings));
        Public {
            certificate: certificate.map(Arc::new),
            trusted_proxies: TrustedProxies(nets(&self.trusted_proxies, "public.trusted_proxies", findings)),
            url: self.url.as_ref().and_then(|given| address(given, findings)),
        }
    }
}

/// Reads the public address. It may have a path, which a proxy removes.
fn address(given: &Located<String>, findings: &Findings) -> Option<String> {
    let url = Url::parse(&given.value).ok().filter(|url| {
        let has_host = ["http", "https"].contains(&url.scheme()) && url.has_host();
        let has_more = url.query().is_some() || url.fragment().is_some() || !url.username().is_empty();
        has_host && !has_more && url.password().is_none()
    });
    if url.is_none() {
        let what = "is no address: write scheme and host, such as \"https://bridge.example.org\"";
        findings.error(given.at, "public.url", what);
    }
    url.map(|url| url.as_str().trim_end_matches('/').to_owned())
}

impl RawAdmission {
    /// Reads the authorities. Reports what is wrong. `has_tls`: whether the bridge itself sees certificates.
    pub(super) fn resolve(&self, source: &str, has_tls: bool, base: &Path, findings: &Findings) -> Admission {
        let authority = self.client_ca_file.as_ref().and_then(|file| {
            let path = format!("{source}.client_ca_file");
            if !has_tls {
                let what = "needs [public] tls: without it the bridge sees no certificate, only the proxy before it does";
                findings.error(file.at, &path, what);
            }
            let authority = authorities::read(&base.join(&file.value))
                .and_then(Authority::of)
                .map_err(|why| findings.error(file.at, &path, format!("{} {why}", file.value)));
            authority.ok()
        });
        Admission {
            allow: nets(&self.allow, &format!("{source}.allow"), findings),
            authority,
        }
    }
}

/// Converts an IPv4 network that is written as IPv6 (`::ffff:192.0.2.7`) to IPv4, as client addresses are.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(mapped) = net else {
        return net;
    };
    let (address, length) = (
        mapped.addr().to_ipv4_mapped(),
        mapped.prefix_len().checked_sub(96),
    );
    let same = address
        .zip(length)
        .map(|(address, length)| IpNet::new(address.into(), length));
    same.and_then(Result::ok).unwrap_or(net)
}

/// Parses networks and addresses: `10.0.0.0/8`, `192.0.2.7`.
fn nets(texts: &[Located<String>], path: &str, findings: &Findings) -> Vec<IpNet> {
    let net = |text: &Located<String>| {
        let given = text.value.trim();
        let net = given
            .parse::<IpNet>()
            .or_else(|_| given.parse::<IpAddr>().map(IpNet::from));
        if net.is_err() {
            let what = format!("`{given}` is no address and no network, such as 192.0.2.7 or 2001:db8::/32");
            findings.error(text.at, path, what);
        }
        net.ok().map(canonical)
    };
    texts.iter().filter_map(net).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_version_4_may_be_written_as_one_of_version_6() {
        for (written, same) in [
            ("::ffff:192.0.2.7/128", "192.0.2.7/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("10.0.0.0/8", "10.0.0.0/8"),
        ] {
            let net: IpNet = written.parse().unwrap();
            assert_eq!(canonical(net).to_string(), same, "{written}");
        }
    }
}
