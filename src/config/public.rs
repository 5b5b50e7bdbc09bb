//! `[public]`, how the public listener is reached, and whom a source lets in.

use ipnet::IpNet;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::authorities;
use super::env::Surroundings;
use super::finding::Findings;
use super::read::{Located, Table};
use super::secrets::{self, Reference};
use crate::admission::{Admission, Authority, TrustedProxies};

pub(super) const PUBLIC: &[&str] = &["tls", "trusted_proxies"];
const TLS: &[&str] = &["certificate", "key"];

/// `[public]`: how the public listener is reached.
#[derive(Clone, Default)]
pub struct Public {
    /// The listener's own certificate; unset: it speaks plain HTTP, behind a proxy or on this machine.
    pub certificate: Option<Arc<CertifiedKey>>,
    /// Whose `X-Forwarded-For` says where a request comes from.
    pub trusted_proxies: TrustedProxies,
}

/// `[public]` as it is written.
#[derive(Default)]
pub(super) struct RawPublic {
    certificate: Option<Reference>,
    key: Option<Reference>,
    trusted_proxies: Vec<Located<String>>,
}

/// What a source says of whom it lets in, as it is written.
#[derive(Default)]
pub(super) struct RawAdmission {
    allow: Vec<Located<String>>,
    client_ca_file: Option<Located<String>>,
}

/// Reads `[public]`.
pub(super) fn raw(table: &Table<'_, '_>, findings: &Findings) -> RawPublic {
    let reference = |table: &Table<'_, '_>, key: &str| {
        let (at, value) = table.get(key)?;
        secrets::reference(value, &table.key(key), at, findings)
    };
    let tls = table.table("tls", TLS);
    if let Some(tls) = &tls {
        for key in TLS {
            if tls.get(key).is_none() {
                let what = format!(
                    "`{key}` is missing: where the PEM file is, such as {{ file = \"tls/{key}.pem\" }}"
                );
                findings.error(tls.at, &tls.path, what);
            }
        }
    }
    RawPublic {
        certificate: tls.as_ref().and_then(|tls| reference(tls, "certificate")),
        key: tls.as_ref().and_then(|tls| reference(tls, "key")),
        trusted_proxies: table.texts("trusted_proxies").unwrap_or_default(),
    }
}

/// Reads a source's `allow` and `client_ca_file`.
pub(super) fn raw_admission(source: &Table<'_, '_>) -> RawAdmission {
    RawAdmission {
        allow: source.texts("allow").unwrap_or_default(),
        client_ca_file: source.text("client_ca_file"),
    }
}

impl RawPublic {
    /// Reads the certificate; what is wrong is found.
    pub(super) fn resolve(&self, base: &Path, surroundings: &Surroundings, findings: &Findings) -> Public {
        let read = |reference: &Reference| {
            let read = reference.read(base, surroundings);
            read.map_err(|why| findings.error(reference.at, &reference.path, why))
                .ok()
        };
        let certificate = match (&self.certificate, &self.key) {
            (Some(of_chain), Some(of_key)) => read(of_chain).zip(read(of_key)).and_then(|(chain, key)| {
                let made = certified(chain.expose().as_bytes(), key.expose().as_bytes());
                let found = |(of, why): (Part, String)| {
                    let of = if of == Part::Key { of_key } else { of_chain };
                    findings.error(of.at, &of.path, format!("{} {why}", of.name()));
                };
                made.map_err(found).ok()
            }),
            _ => None,
        };
        Public {
            certificate: certificate.map(Arc::new),
            trusted_proxies: TrustedProxies(nets(&self.trusted_proxies, "public.trusted_proxies", findings)),
        }
    }
}

impl RawAdmission {
    /// Reads the authorities; what is wrong is found. `has_tls`: whether the bridge itself sees certificates.
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

/// Which of the two files is wrong.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Chain,
    Key,
}

fn certified(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, (Part, String)> {
    let of_chain = |why: String| (Part::Chain, why);
    let of_key = |why: String| (Part::Key, why);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<_, _>>()
        .map_err(|error| of_chain(format!("is no PEM file of certificates: {error}")))?;
    if chain.is_empty() {
        let what = "has no certificate: PEM was expected, the own one first (often called fullchain.pem)";
        return Err(of_chain(what.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| of_key("has no private key: PEM was expected (often called privkey.pem)".to_owned()))?;
    let provider = rustls::crypto::ring::default_provider();
    let certified = CertifiedKey::from_der(chain, key, &provider);
    certified.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => of_key("is not the key of the certificate".to_owned()),
        error => of_chain(format!("cannot be used: {error}")),
    })
}

/// `10.0.0.0/8`, `192.0.2.7`.
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
        net.ok()
    };
    texts.iter().filter_map(net).collect()
}
