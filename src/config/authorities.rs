//! `ca_file` and `client_ca_file`: certificate authorities of a Twake server, or of senders.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::Path;

use super::files;

/// Reads the authorities of a PEM file, each in DER. The error does not contain the path.
pub(super) fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text = files::text(path, files::LARGEST_FILE)?;
    let mut authorities = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("is not a PEM file: {error}"))?;
        let number = authorities.len() + 1;
        authorities.push(certificate.to_vec());
        RootCertStore::empty().add(certificate).map_err(|error| {
            format!("has a certificate that cannot be used, the {number}. of them: {error}")
        })?;
    }
    if authorities.is_empty() {
        return Err("has no certificate: -----BEGIN CERTIFICATE----- was expected".to_owned());
    }
    Ok(authorities)
}
