//! Public keys, by which senders prove what they sign with a private key: Ed25519 (RFC 8032) and RSA (PKCS #1 v1.5).
//!
//! A public key is not secret, but it decides who is believed, so a source lists it where it lists secrets. It is PEM, and a
//! secret never is: a public key that were used as a secret would let everybody sign.

use ring::signature::{self, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, PrivatePkcs8KeyDer,
    SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, alg_id,
};
use secrecy::SecretSlice;
use webpki::{EndEntityCert, Error, RawPublicKeyEntity, ring as algorithms};

use super::encoding::Encoding;
use super::hash::Hash;
use crate::secret::Secret;

/// What an Ed25519 key has in PEM before its 32 bytes (RFC 8410, section 4).
const ED25519_SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The lengths of RSA signatures in bytes: those of keys of 2048 to 8192 bits.
const RSA_LENGTHS: std::ops::RangeInclusive<usize> = 256..=1024;

/// A kind of key pair.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyPair {
    Ed25519,
    /// RSA with this hash function or a longer one. A signature names its hash function.
    Rsa(Hash),
}

/// Returns a public key in PEM. Accepts PEM, and the 32 bytes of an Ed25519 key in hex or base64, as senders show them.
///
/// # Errors
/// What the text is not.
pub fn public_key(text: &str) -> Result<Secret, String> {
    let text = text.trim();
    if Secret::new(text).is_pem() {
        return Ok(Secret::new(text));
    }
    let bytes = Encoding::Hex
        .decode(text)
        .or_else(|| Encoding::Base64.decode(text));
    let Some(bytes) = bytes.filter(|bytes| bytes.len() == 32) else {
        let what = "is no public key: PEM (`-----BEGIN PUBLIC KEY-----`), or the 32 bytes of an Ed25519 key in hex or base64";
        return Err(what.to_owned());
    };
    let encoded = Encoding::Base64.encode(&[&ED25519_SPKI[..], &bytes].concat());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----\n");
    Ok(Secret::new(&pem))
}

impl KeyPair {
    /// Reads a public key, or that of a certificate: the first in the PEM text. Returns it as SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// Why it is no key of this kind.
    pub(super) fn read(self, pem: &str) -> Result<SecretSlice<u8>, String> {
        let key = if let Ok(key) = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()) {
            key
        } else if let Ok(certificate) = CertificateDer::from_pem_slice(pem.as_bytes()) {
            let read = EndEntityCert::try_from(&certificate);
            read.map_err(|error| format!("its certificate cannot be read: {error}"))?
                .subject_public_key_info()
        } else {
            return Err(
                "it is no public key and no certificate in PEM (`-----BEGIN PUBLIC KEY-----`); a key in hex or base64 \
                 is written { public_key = \"…\" }"
                    .to_owned(),
            );
        };
        // Nothing has an empty signature. A key of another kind is another error.
        let fits = |algorithm: &dyn SignatureVerificationAlgorithm| {
            verified(&key, algorithm, b"", b"") == Err(Error::InvalidSignatureForPublicKey)
        };
        if !self.any(fits) {
            let name = match self {
                Self::Ed25519 => "Ed25519",
                Self::Rsa(_) => "RSA",
            };
            return Err(format!("it is no {name} key"));
        }
        Ok(key.to_vec().into())
    }

    /// Returns whether a signature of the key can have this length, in bytes.
    pub(super) fn accepts_length(self, length: usize) -> bool {
        match self {
            Self::Ed25519 => length == 64,
            Self::Rsa(_) => RSA_LENGTHS.contains(&length),
        }
    }

    /// Returns whether one of the signatures is one of the text. `key` is what [`KeyPair::read`] returned.
    pub(super) fn verify(self, key: &[u8], text: &[u8], signatures: &[Vec<u8>]) -> bool {
        let key = SubjectPublicKeyInfoDer::from(key);
        let is_right =
            |signature: &Vec<u8>| self.any(|algorithm| verified(&key, algorithm, text, signature).is_ok());
        signatures.iter().any(is_right)
    }

    /// Returns the name of the algorithm that [`KeyPair::sign`] uses in JSON Web Signatures (RFC 7518, RFC 8037).
    pub(super) fn jws_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    /// Returns the name of the algorithm in HTTP Message Signatures.
    pub(super) fn message_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa(_) => "rsa-v1_5-sha256",
        }
    }

    /// Returns whether the check holds with one of the algorithms of a key of this kind.
    fn any(self, check: impl Fn(&dyn SignatureVerificationAlgorithm) -> bool) -> bool {
        match self {
            Self::Ed25519 => check(algorithms::ED25519),
            Self::Rsa(weakest) => {
                check(algorithms::RSA_PKCS1_2048_8192_SHA512)
                    || (weakest != Hash::Sha512 && check(algorithms::RSA_PKCS1_2048_8192_SHA256))
                    || (weakest == Hash::Sha1 && check(&RsaSha1))
            }
        }
    }

    /// Signs a text with a private key in PEM (PKCS #8), as a sender does. RSA signs with SHA-256. `None` if the text is no such
    /// key.
    pub(super) fn sign(self, private: &Secret, text: &[u8]) -> Option<Vec<u8>> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(private.expose().as_bytes()).ok()?;
        let key = key.secret_pkcs8_der();
        match self {
            Self::Ed25519 => {
                let key = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).ok()?;
                Some(key.sign(text).as_ref().to_vec())
            }
            Self::Rsa(_) => {
                let key = RsaKeyPair::from_pkcs8(key).ok()?;
                let mut signed = vec![0; key.public().modulus_len()];
                let random = ring::rand::SystemRandom::new();
                key.sign(&signature::RSA_PKCS1_SHA256, &random, text, &mut signed)
                    .ok()?;
                Some(signed)
            }
        }
    }
}

fn verified(
    key: &SubjectPublicKeyInfoDer<'_>,
    algorithm: &dyn SignatureVerificationAlgorithm,
    text: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    RawPublicKeyEntity::try_from(key)?.verify_signature(algorithm, text, signature)
}

/// RSA with SHA-1, which TLS no longer has. Only for senders that support nothing better.
#[derive(Debug)]
struct RsaSha1;

impl SignatureVerificationAlgorithm for RsaSha1 {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    /// Not used: the key's own algorithm is compared, and no certificate is verified.
    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }
}
