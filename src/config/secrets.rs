//! Secrets by reference: `{ env = }`, `{ file = }`, `{ credential = }`. No finding here contains a secret.

use std::path::Path;

use super::env::Environment;
use super::files;
use crate::authentication;
use crate::secret::Secret;
use crate::toml_reader::{Findings, Located, TableReader, ValueReader};

/// The largest file a secret is read from, in bytes.
const LARGEST: u64 = 64 << 10;

/// A reference to a secret.
pub(super) struct Reference {
    location: SecretLocation,
    /// The only scheme that may use the secret.
    pub(super) scheme: Option<Located<String>>,
    /// Its table, for findings.
    pub(super) path: String,
    /// The position of the reference.
    pub(super) at: usize,
}

/// The use of a secret. It decides which characters the secret may have.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Purpose {
    /// A source's secret. Its schemes check the rest.
    Webhook,
    /// The operator's token, which the author of the configuration makes.
    Bearer,
    /// A secret that Twake made: an application's key.
    Given,
    /// The password of a proxy, which a person chose.
    Password,
    /// A token of a homeserver, which goes into a header.
    Token,
}

enum SecretLocation {
    Env(String),
    File(String),
    Credential(String),
    /// A public key, which is not secret.
    Key(String),
}

/// Reads a reference at a key.
pub(super) fn reference(table: &TableReader<'_, '_>, key: &str) -> Option<Reference> {
    of_value(&table.get(key)?)
}

/// Reads a reference. What is no reference is not quoted anywhere: it may be the secret itself.
pub(super) fn of_value(value: &ValueReader<'_, '_>) -> Option<Reference> {
    let table = value.table()?;
    let place =
        |key: &str, location: fn(String) -> SecretLocation| table.text(key).map(|name| location(name.value));
    // Only a source can have one.
    let takes_key = table.known().any(|key| key == "public_key");
    let location = place("env", SecretLocation::Env)
        .or_else(|| place("file", SecretLocation::File))
        .or_else(|| place("credential", SecretLocation::Credential))
        .or_else(|| {
            takes_key
                .then(|| place("public_key", SecretLocation::Key))
                .flatten()
        })?;
    Some(Reference {
        location,
        scheme: table.text("scheme"),
        path: table.path,
        at: table.at,
    })
}

impl Reference {
    /// The name of the secret in logs and events: `credential:github`.
    pub(super) fn name(&self) -> String {
        match &self.location {
            SecretLocation::Env(name) => format!("env:{name}"),
            SecretLocation::File(path) => format!("file:{path}"),
            SecretLocation::Credential(name) => format!("credential:{name}"),
            // The end of a key differs from that of others; what follows it in PEM does not.
            SecretLocation::Key(key) => {
                let key = key.split("-----END").next().unwrap_or_default();
                let letters: String = key
                    .chars()
                    .rev()
                    .filter(char::is_ascii_alphanumeric)
                    .take(8)
                    .collect();
                format!("public_key:{}", letters.chars().rev().collect::<String>())
            }
        }
    }

    /// Reads the secret, a text of one line; a source may also have a public key in PEM. Reports what is wrong with it, or
    /// doubtful.
    pub(super) fn read(
        &self,
        purpose: Purpose,
        base: &Path,
        environment: &Environment,
        findings: &Findings,
    ) -> Option<Secret> {
        let read = self.read_key(base, environment).and_then(|secret| {
            if purpose == Purpose::Webhook && secret.is_pem() {
                return Ok(secret);
            }
            let fault = secret.fault().or(match purpose {
                Purpose::Bearer if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) => Some(
                    "has blanks or characters beyond ASCII, which a bearer token does not: make one with `openssl rand \
                     -hex 32`",
                ),
                Purpose::Token if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) => {
                    Some("has blanks or characters beyond ASCII, which no token has: copy it again")
                }
                Purpose::Given | Purpose::Token if secret.is_placeholder() => {
                    Some("is a placeholder: write the one you were given")
                }
                _ => None,
            });
            match fault {
                Some(fault) => Err(format!("{} {fault}", self.name())),
                None => Ok(secret),
            }
        });
        let secret = read
            .map_err(|why| findings.error(self.at, &self.path, why))
            .ok()?;
        let doubt = match purpose {
            Purpose::Given | Purpose::Password if secret.expose().trim() != secret.expose() => {
                Some("starts or ends with white space, probably by mistake: write it without")
            }
            Purpose::Password if secret.is_placeholder() => {
                Some("is a placeholder or a common word: is it the one you were given?")
            }
            Purpose::Bearer => secret.guessed(),
            Purpose::Given | Purpose::Password | Purpose::Token | Purpose::Webhook => None,
        };
        if let Some(doubt) = doubt {
            findings.warning(self.at, &self.path, format!("{} {doubt}", self.name()));
        }
        Some(secret)
    }

    /// Reads a key in PEM, which has several lines. The error says why it cannot be read.
    pub(super) fn read_key(&self, base: &Path, environment: &Environment) -> Result<Secret, String> {
        self.read_noting(base, |file| environment.read_secret(file), environment)
    }

    /// Reads what is not secret, such as a certificate. Its file may be readable for everybody.
    pub(super) fn read_openly(&self, base: &Path, environment: &Environment) -> Result<Secret, String> {
        self.read_noting(base, |_| {}, environment)
    }

    /// Reads the text. Calls `note` with the path of the file, if it is in one.
    fn read_noting(
        &self,
        base: &Path,
        note: impl Fn(&Path),
        environment: &Environment,
    ) -> Result<Secret, String> {
        let secret = match &self.location {
            SecretLocation::Env(name) => {
                let text = environment
                    .variable(name)
                    .ok_or_else(|| format!("there is no environment variable {name}"))?;
                Secret::new(text)
            }
            SecretLocation::File(path) => file(&base.join(path), note)?,
            SecretLocation::Credential(name) => file(&environment.credential(name)?, note)?,
            SecretLocation::Key(text) => {
                authentication::public_key(text).map_err(|why| format!("{} {why}", self.name()))?
            }
        };
        if secret.expose().trim().is_empty() {
            return Err(format!("{} is empty", self.name()));
        }
        Ok(secret)
    }
}

fn file(path: &Path, note: impl Fn(&Path)) -> Result<Secret, String> {
    match files::text(path, LARGEST) {
        Ok(text) => {
            let secret = Secret::new(&text);
            if !is_public(&secret) {
                note(path);
            }
            Ok(secret)
        }
        Err(why) => Err(format!("{} {why}", path.display())),
    }
}

/// Whether the text is a public key or a certificate, which everybody may read.
fn is_public(text: &Secret) -> bool {
    text.is_pem() && !text.expose().contains("PRIVATE KEY-----")
}
