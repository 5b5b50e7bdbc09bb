//! Secrets by reference: `{ env = }`, `{ file = }`, `{ credential = }`. Nothing here says what a secret is.

use std::path::Path;
use toml::de::DeValue;

use super::env::Surroundings;
use super::files;
use crate::secret::Secret;
use crate::toml_reader::{Findings, Located, Table};

/// The largest file a secret is read from, in bytes.
const LARGEST: u64 = 64 << 10;

/// The keys of a reference.
pub(super) const KEYS: &[&str] = &["env", "file", "credential", "scheme"];

/// A reference to a secret.
pub(super) struct Reference {
    /// Where it is.
    place: SecretLocation,
    /// The only scheme it is for.
    pub(super) scheme: Option<Located<String>>,
    /// Its table, for findings.
    pub(super) path: String,
    /// Where the reference is.
    pub(super) at: usize,
}

/// What a secret is for, which decides what may be in it.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Purpose {
    /// A source's: its schemes say the rest.
    Webhook,
    /// The operator's token, which whoever writes the configuration makes.
    Bearer,
    /// What somebody else has made: Twake a key, a proxy a password.
    Given,
}

enum SecretLocation {
    Env(String),
    File(String),
    Credential(String),
}

/// What to write instead of the secret itself.
const INSTEAD: &str = "a secret is not written here; write where it is: { env = \"NAME\" }, { file = \"path\" } or \
                       { credential = \"name\" } (a file of systemd's LoadCredential=)";

/// Reads a reference. What is there instead of one is found, and never quoted.
pub(super) fn reference(
    value: &DeValue<'_>,
    path: &str,
    at: usize,
    findings: &Findings,
) -> Option<Reference> {
    let Some(table) = value.as_table() else {
        findings.error(at, path, INSTEAD);
        return None;
    };
    let table = Table::new(table, path, at, KEYS, findings);
    let places = [
        table.text("env").map(|name| SecretLocation::Env(name.value)),
        table.text("file").map(|name| SecretLocation::File(name.value)),
        table
            .text("credential")
            .map(|name| SecretLocation::Credential(name.value)),
    ];
    let given = ["env", "file", "credential"]
        .iter()
        .filter(|key| table.get(key).is_some())
        .count();
    let scheme = table.text("scheme");
    let mut places = places.into_iter().flatten();
    match (places.next(), given) {
        (Some(place), 1) => Some(Reference {
            place,
            scheme,
            path: path.to_owned(),
            at,
        }),
        (None, 1) => None,
        _ => {
            findings.error(at, path, format!("exactly one place was expected: {INSTEAD}"));
            None
        }
    }
}

impl Reference {
    /// What logs and events call the secret: `credential:github`.
    pub(super) fn name(&self) -> String {
        match &self.place {
            SecretLocation::Env(name) => format!("env:{name}"),
            SecretLocation::File(path) => format!("file:{path}"),
            SecretLocation::Credential(name) => format!("credential:{name}"),
        }
    }

    /// The secret itself, a text of one line; what is wrong with it, or doubtful, is found.
    pub(super) fn read(
        &self,
        purpose: Purpose,
        base: &Path,
        surroundings: &Surroundings,
        findings: &Findings,
    ) -> Option<Secret> {
        let read = self.read_key(base, surroundings).and_then(|secret| {
            let fault = secret.fault().or(match purpose {
                Purpose::Bearer if !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) => Some(
                    "has blanks or characters beyond ASCII, which a bearer token does not: make one with `openssl rand \
                     -hex 32`",
                ),
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
            Purpose::Given if secret.is_placeholder() => {
                Some("is a placeholder: write the one you were given")
            }
            Purpose::Given if secret.expose().trim() != secret.expose() => {
                Some("starts or ends with white space, probably by mistake: write it without")
            }
            Purpose::Bearer => secret.guessed(),
            Purpose::Given | Purpose::Webhook => None,
        };
        if let Some(doubt) = doubt {
            findings.warning(self.at, &self.path, format!("{} {doubt}", self.name()));
        }
        Some(secret)
    }

    /// A key in PEM, of as many lines as it has; the error says why not.
    pub(super) fn read_key(&self, base: &Path, surroundings: &Surroundings) -> Result<Secret, String> {
        self.read_noting(base, |file| surroundings.read_secret(file), surroundings)
    }

    /// The same of what is no secret, such as a certificate: everybody may read its file.
    pub(super) fn read_openly(&self, base: &Path, surroundings: &Surroundings) -> Result<Secret, String> {
        self.read_noting(base, |_| {}, surroundings)
    }

    /// `note` is told the file that is read.
    fn read_noting(
        &self,
        base: &Path,
        note: impl Fn(&Path),
        surroundings: &Surroundings,
    ) -> Result<Secret, String> {
        let secret = match &self.place {
            SecretLocation::Env(name) => {
                let text = surroundings
                    .variable(name)
                    .ok_or_else(|| format!("there is no environment variable {name}"))?;
                Secret::new(text)
            }
            SecretLocation::File(path) => file(&base.join(path), note)?,
            SecretLocation::Credential(name) => credential(name, note, surroundings)?,
        };
        if secret.expose().trim().is_empty() {
            return Err(format!("{} is empty", self.name()));
        }
        Ok(secret)
    }
}

fn file(path: &Path, note: impl Fn(&Path)) -> Result<Secret, String> {
    note(path);
    match files::text(path, LARGEST) {
        Ok(text) => Ok(Secret::new(&text)),
        Err(why) => Err(format!("{} {why}", path.display())),
    }
}

fn credential(name: &str, note: impl Fn(&Path), surroundings: &Surroundings) -> Result<Secret, String> {
    if name.contains('/') || name.starts_with('.') {
        return Err("a credential's name is a file's name, without folders".to_owned());
    }
    let folder = surroundings.credentials().ok_or(
        "there is no $CREDENTIALS_DIRECTORY: systemd sets it for a service with LoadCredential=; elsewhere set it, or \
         use { file = … }",
    )?;
    // systemd names the files of a folder given to LoadCredential= after both: `secrets` and `x` become `secrets_x`.
    let (plain, within) = (folder.join(name), folder.join(format!("secrets_{name}")));
    file(
        if plain.exists() || !within.exists() {
            &plain
        } else {
            &within
        },
        note,
    )
}
