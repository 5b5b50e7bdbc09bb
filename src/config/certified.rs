//! `tls = { certificate = …, key = … }`: a certificate with its key, of the public listener or for requests to Twake.

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::zeroize::Zeroize as _;
use std::path::Path;

use super::env::Environment;
use super::secrets::{self, Reference};
use crate::toml_reader::{Findings, TableReader};

/// The table as it is written.
pub(super) struct RawCertified {
    certificate: Option<Reference>,
    key: Option<Reference>,
    /// Its position.
    pub(super) at: usize,
    /// Its path, for findings.
    pub(super) path: String,
}

/// Reads a table's `tls`.
pub(super) fn raw(table: &TableReader<'_, '_>) -> Option<RawCertified> {
    let tls = table.table("tls")?;
    Some(RawCertified {
        certificate: secrets::reference(&tls, "certificate"),
        key: secrets::reference(&tls, "key"),
        at: tls.at,
        path: tls.path,
    })
}

impl RawCertified {
    /// Reads both files. Reports what is wrong, for example a key that is not the certificate's.
    pub(super) fn resolve(
        &self,
        base: &Path,
        environment: &Environment,
        findings: &Findings,
    ) -> Option<CertifiedKey> {
        let (of_chain, of_key) = (self.certificate.as_ref()?, self.key.as_ref()?);
        let wrong = |of: &Reference, why: String| findings.error(of.at, &of.path, why);
        let chain = of_chain.read_openly(base, environment);
        let chain = chain.map_err(|why| wrong(of_chain, why)).ok();
        let key = of_key.read_key(base, environment);
        let key = key.map_err(|why| wrong(of_key, why)).ok();
        let made = certified(chain?.expose().as_bytes(), key?.expose().as_bytes());
        let found = |(part, why): (Part, String)| {
            let of = if part == Part::Key { of_key } else { of_chain };
            wrong(of, format!("{} {why}", of.name()));
        };
        made.map_err(found).ok()
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
    let mut key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| of_key("has no private key: PEM was expected (often called privkey.pem)".to_owned()))?;
    let signer = ring::sign::any_supported_type(&key);
    key.zeroize();
    let signer = signer.map_err(|error| of_key(format!("cannot be used: {error}")))?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(of_key("is not the key of the certificate".to_owned()))
        }
        Err(error) => Err(of_chain(format!("cannot be used: {error}"))),
    }
}
