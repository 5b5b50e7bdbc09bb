//! The key pairs and the public address that the property signs with.

use super::Table;

/// Public and private keys.
pub(super) const KEY_PAIRS: [(&str, &str); 2] = [
    (
        include_str!("../../../data/keys/ed25519.pub.pem"),
        include_str!("../../../data/keys/ed25519.pem"),
    ),
    (
        include_str!("../../../data/keys/rsa.pub.pem"),
        include_str!("../../../data/keys/rsa.pem"),
    ),
];

/// The public address of the bridge.
pub(super) const ADDRESS: &str = "https://bridge.example.org/prefix";

/// The secret in the path, of a scheme that requires one beside its signature.
pub(super) const TOKEN: &str = "6c1f0a9e77b2d355";

/// Returns the key pair of a scheme whose sender signs with a private key.
pub(super) fn pair(table: &Table) -> Option<(&'static str, &'static str)> {
    match table.method.as_str() {
        "ed25519" => Some(KEY_PAIRS[0]),
        "rsa" => Some(KEY_PAIRS[1]),
        _ => None,
    }
}

/// Returns the bytes of a PEM text.
pub(super) fn der(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    let text: String = lines.collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
