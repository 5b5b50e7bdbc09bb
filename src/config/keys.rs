//! The keys of `bridge.toml` and of a kind's `source.toml`: the readers check by these tables, and the JSON Schemas are
//! made from them.

pub(super) mod bridge_toml;
pub(super) mod source_toml;

use serde_json::Value;

use crate::toml_reader::{Key, Names, Shape, schema};

/// The JSON Schema of `bridge.toml`.
pub fn bridge_schema() -> Value {
    schema("bridge.toml of twake-bridge", bridge_toml::ROOT)
}

/// The JSON Schema of a kind's `source.toml`.
pub fn source_schema() -> Value {
    schema("source.toml of a kind of twake-bridge", source_toml::ROOT)
}

/// `facts`, of a source or of a kind.
const FACTS: Shape = Shape::Map {
    names: Names::Facts,
    values: &EXPRESSIONS,
};

/// An expression, or a list of them.
const EXPRESSIONS: Shape = Shape::Either(&[Shape::Expression, Shape::List(&Shape::Expression)]);

/// `tls`, of the public listener or of an account.
const TLS: Shape = Shape::Table(&[
    Key::required(
        "certificate",
        SECRET,
        "where the certificate chain is (PEM, the server's or client's own certificate first), such as \
         { file = \"tls/certificate.pem\" }",
    ),
    Key::required(
        "key",
        SECRET,
        "where the certificate's private key is (PEM), such as { file = \"tls/key.pem\" }",
    ),
]);

/// A reference to a secret.
const SECRET: Shape = Shape::Reference {
    places: &[ENV, FILE, CREDENTIAL],
    others: &[SCHEME],
    hint: "a secret is not written here; write where it is: { env = \"NAME\" }, { file = \"path\" } or \
           { credential = \"name\" } (a file of systemd's LoadCredential=)",
};

/// A reference to a secret of a source, or to its sender's public key.
const SOURCE_SECRET: Shape = Shape::Reference {
    places: &[
        ENV,
        FILE,
        CREDENTIAL,
        Key::new(
            "public_key",
            Shape::Text,
            "the public key of a sender that signs with a private key: PEM, or an Ed25519 key in hex or base64; PEM may also be \
             in a file",
        ),
    ],
    others: &[SCHEME],
    hint: "a secret is not written here; write where it is: { env = \"NAME\" }, { file = \"path\" } or \
           { credential = \"name\" } (a file of systemd's LoadCredential=); only a public key may be written here, as \
           { public_key = \"…\" }",
};

const ENV: Key = Key::new(
    "env",
    Shape::Text,
    "the environment variable that holds the secret",
);

const FILE: Key = Key::new(
    "file",
    Shape::Path,
    "the file that holds the secret, at most 64 KiB; a last line break is not part of the secret",
);

const CREDENTIAL: Key = Key::new(
    "credential",
    Shape::Text,
    "the file of systemd's LoadCredential= that holds the secret",
);

const SCHEME: Key = Key::new(
    "scheme",
    Shape::Text,
    "the name of the only [[authentication]] scheme that may use the secret; default: every scheme",
);
