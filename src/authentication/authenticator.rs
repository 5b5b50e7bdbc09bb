//! The authentication schemes of a source, each with the keys made from its secrets.

use secrecy::{ExposeSecret, SecretSlice};
use std::collections::BTreeSet;
use subtle::{Choice, ConstantTimeEq as _};

use super::scheme::{Method, Scheme};
use super::warnings::{self, SecretWarning};
use crate::payload::BodyForm;
use crate::secret::{Secret, SourceSecret};

/// Maximum number of secrets of a source. Each one costs a signature computation per request.
pub const MAX_SECRETS: usize = 16;

/// Authenticates the requests of one source. [`Authenticator::begin`] is in `proof.rs`.
pub struct Authenticator {
    pub(super) entries: Vec<KeyedScheme>,
    /// Headers that carry a secret in any scheme of the kind, in lower case. Events do not keep them.
    pub(super) secret_headers: BTreeSet<String>,
    pub(super) form: BodyForm,
    /// The public address of the listener, without a final slash. Empty if it is not configured.
    pub(super) address: String,
    warnings: Vec<SecretWarning>,
}

/// A scheme with at least one key. Only the method `none` has no keys.
pub(super) struct KeyedScheme {
    pub(super) scheme: Scheme,
    keys: Vec<Key>,
}

struct Key {
    /// Name of the secret.
    name: String,
    /// See [`Scheme::key`].
    material: SecretSlice<u8>,
}

impl Authenticator {
    /// Assigns secrets to schemes. Schemes are tried in the given order. A secret without a scheme of its own is assigned
    /// to every scheme that accepts it.
    ///
    /// # Errors
    /// All findings. Each is a sentence that names the secret or scheme and never contains the secret:
    ///
    /// - no secret, or more than [`MAX_SECRETS`];
    /// - a secret that is empty, that no scheme accepts, or that names an unknown scheme;
    /// - two schemes with the same name;
    /// - a scheme that another one requires, if it does not exist, has no secret or is a signature itself;
    /// - the method `none` together with other schemes, which would then have no effect.
    pub fn new(
        schemes: Vec<Scheme>,
        secrets: Vec<SourceSecret>,
        form: BodyForm,
    ) -> Result<Self, Vec<String>> {
        let mut findings = Vec::new();
        let secret_headers = schemes
            .iter()
            .filter_map(Scheme::header)
            .map(str::to_owned)
            .collect();
        for (index, scheme) in schemes.iter().enumerate() {
            if schemes.iter().take(index).any(|other| other.name == scheme.name) {
                findings.push(format!("there are two schemes `{}`", scheme.name));
            }
            if matches!(scheme.method, Method::None) && schemes.len() > 1 {
                findings.push(format!(
                    "scheme `{}` accepts every request, so the other schemes have no effect",
                    scheme.name
                ));
            }
        }
        findings.extend(
            schemes
                .iter()
                .filter_map(|scheme| requirement_problem(scheme, &schemes)),
        );
        let mut entries: Vec<KeyedScheme> = schemes
            .into_iter()
            .map(|scheme| KeyedScheme {
                scheme,
                keys: Vec::new(),
            })
            .collect();
        if secrets.len() > MAX_SECRETS {
            findings.push(format!("{} secrets are more than {MAX_SECRETS}", secrets.len()));
        }
        let mut warnings = Vec::new();
        for secret in secrets {
            let schemes: Vec<&Scheme> = entries.iter().map(|entry| &entry.scheme).collect();
            warnings.extend(warnings::secret_warnings(&schemes, &secret));
            if let Err(finding) = assign_secret(&mut entries, &secret) {
                findings.push(format!("secret `{}`: {finding}", secret.name));
            }
        }
        entries.retain(|entry| !entry.keys.is_empty() || matches!(entry.scheme.method, Method::None));
        if entries.is_empty() && findings.is_empty() {
            findings.push("there is no secret, so no request could be authenticated".to_owned());
        }
        for entry in &entries {
            if let Some(also) = entry.also()
                && !entries.iter().any(|other| other.scheme.name == also)
            {
                findings.push(format!(
                    "scheme `{}` needs a secret of the scheme `{also}`, too: without it, every customer of the \
                     sender could post events",
                    entry.scheme.name
                ));
            }
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Self {
            entries,
            secret_headers,
            form,
            address: String::new(),
            warnings,
        })
    }

    /// Sets the public address of the listener, such as `https://bridge.example.org`, which signatures may cover.
    ///
    /// # Errors
    /// A finding if a scheme covers it and it is not configured.
    pub fn set_address(&mut self, address: Option<&str>) -> Result<(), String> {
        let covers = |entry: &&KeyedScheme| {
            let signature = entry.scheme.signature();
            signature.is_some_and(|signature| signature.carrier.needs_address())
        };
        if let (Some(entry), None) = (self.entries.iter().find(covers), address) {
            return Err(format!(
                "scheme `{}` covers the URL, which only the sender knows: write the address that senders have into [public] \
                 url, such as \"https://bridge.example.org\"",
                entry.scheme.name
            ));
        }
        address.unwrap_or_default().clone_into(&mut self.address);
        Ok(())
    }

    /// Accepts every request and extracts payloads as `form` specifies. Only for sample files, which `check` and `preview`
    /// read, never for requests from a network.
    pub fn of_samples(form: BodyForm) -> Self {
        Self {
            entries: vec![KeyedScheme {
                scheme: Scheme::none(),
                keys: Vec::new(),
            }],
            secret_headers: BTreeSet::new(),
            form,
            address: String::new(),
            warnings: Vec::new(),
        }
    }

    /// Returns the warnings about secrets that are accepted.
    pub fn warnings(&self) -> &[SecretWarning] {
        &self.warnings
    }

    /// Whether the text is a secret of the source, so that the log does not show it.
    pub fn has_secret(&self, text: &Secret) -> bool {
        self.entries.iter().any(|entry| {
            let given = entry.scheme.key(text);
            given.is_ok_and(|given| {
                let key = given.expose_secret();
                entry.find_secret(|known| known.ct_eq(key)).is_some()
            })
        })
    }

    /// Returns the names of the secrets that may authenticate a request; the empty name if none is needed.
    pub fn secrets(&self) -> BTreeSet<&str> {
        let of = |entry: &'_ KeyedScheme| matches!(entry.scheme.method, Method::None).then_some("");
        let keys = self.entries.iter().flat_map(|entry| &entry.keys);
        let names = keys.map(|key| key.name.as_str());
        names.chain(self.entries.iter().filter_map(of)).collect()
    }

    /// Returns the names of the schemes that have a key or need none, in order.
    pub fn schemes(&self) -> Vec<&str> {
        self.entries
            .iter()
            .map(|entry| entry.scheme.name.as_str())
            .collect()
    }

    /// Returns how many secrets the schemes have.
    pub fn secret_count(&self) -> usize {
        let keys = self.entries.iter().flat_map(|entry| &entry.keys);
        keys.map(|key| &key.name).collect::<BTreeSet<_>>().len()
    }
}

/// Returns what is wrong with the scheme that a scheme requires.
fn requirement_problem(scheme: &Scheme, schemes: &[Scheme]) -> Option<String> {
    let also = scheme.signature()?.also.as_ref()?;
    let name = &scheme.name;
    match schemes.iter().find(|other| other.name == *also) {
        None => Some(format!(
            "scheme `{name}` requires the scheme `{also}`, which there is not"
        )),
        Some(other) if other.signature().is_some() || other.is_open() => Some(format!(
            "scheme `{name}` can only require a scheme with a secret in the request, and `{also}` has none"
        )),
        Some(_) => None,
    }
}

/// Adds the key of a secret to the scheme that the secret names, or to every scheme that accepts it.
fn assign_secret(entries: &mut [KeyedScheme], secret: &SourceSecret) -> Result<(), String> {
    if let Some(bound) = &secret.scheme
        && !entries.iter().any(|entry| entry.scheme.name == *bound)
    {
        let known: Vec<_> = entries
            .iter()
            .map(|entry| format!("`{}`", entry.scheme.name))
            .collect();
        return Err(format!("there is no scheme `{bound}`, only {}", known.join(", ")));
    }
    let mut reasons = BTreeSet::new();
    let mut fits = false;
    for entry in entries {
        if secret
            .scheme
            .as_ref()
            .is_some_and(|bound| *bound != entry.scheme.name)
        {
            continue;
        }
        match entry.scheme.key(&secret.value) {
            Err(reason) => {
                reasons.insert(reason);
            }
            Ok(material) => {
                fits = true;
                entry.keys.push(Key {
                    name: secret.name.clone(),
                    material,
                });
            }
        }
    }
    if fits {
        Ok(())
    } else if reasons.is_empty() {
        Err("no scheme uses secrets".to_owned())
    } else {
        Err(reasons.into_iter().collect::<Vec<_>>().join("; "))
    }
}

impl KeyedScheme {
    /// Returns the name of the first secret whose key is right. Always tries all keys, so that the time does not depend on
    /// which key is right.
    pub(super) fn find_secret(&self, is_right: impl Fn(&[u8]) -> Choice) -> Option<&str> {
        let mut found = None;
        for key in &self.keys {
            let right = bool::from(is_right(key.material.expose_secret()));
            if right && found.is_none() {
                found = Some(key.name.as_str());
            }
        }
        found
    }
}
