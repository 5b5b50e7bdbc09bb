//! A source's schemes with its secrets, and the choice of the one scheme that decides about a request.

use secrecy::{ExposeSecret, SecretSlice};
use std::collections::BTreeSet;
use subtle::{Choice, ConstantTimeEq};

use super::Refusal;
use super::claim::{self, Found};
use super::doubts::{self, Doubt};
use super::proof::{Claim, Pending};
use super::scheme::{Method, Scheme, fingerprint};
use super::traces::Traces;
use crate::headers::Headers;
use crate::payload::BodyForm;
use crate::secret::SourceSecret;

/// Most secrets of a source: each costs a signature over every body.
pub const MAX_SECRETS: usize = 16;

/// A source's schemes with its secrets.
pub struct Authenticator {
    entries: Vec<Entry>,
    /// Headers in which any scheme of the kind carries something secret, in lower case: they end here.
    pub(super) secret_headers: BTreeSet<String>,
    pub(super) form: BodyForm,
    doubts: Vec<Doubt>,
}

/// A scheme with at least one secret (or one that needs none).
pub(super) struct Entry {
    pub(super) scheme: Scheme,
    keys: Vec<Key>,
}

struct Key {
    /// The name of the secret.
    name: String,
    /// See [`Scheme::key`].
    material: SecretSlice<u8>,
}

impl Authenticator {
    /// Schemes in the kind's order, secrets in the source's. A secret that is bound to no scheme serves every scheme
    /// it is fit for.
    ///
    /// # Errors
    /// Every finding, each a sentence that names the secret or the scheme and never says what is in the secret: no
    /// secret at all or too many, a secret that is empty, bound to a scheme that is not there, or fit for no scheme; two schemes
    /// of one name; a scheme `none` beside others, which would then prove nothing.
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
                    "scheme `{}` lets everybody in: beside it the other schemes prove nothing",
                    scheme.name
                ));
            }
        }
        let mut entries: Vec<Entry> = schemes
            .into_iter()
            .map(|scheme| Entry {
                scheme,
                keys: Vec::new(),
            })
            .collect();
        if secrets.len() > MAX_SECRETS {
            findings.push(format!("{} secrets are more than {MAX_SECRETS}", secrets.len()));
        }
        let mut doubts = Vec::new();
        for secret in secrets {
            let schemes: Vec<&Scheme> = entries.iter().map(|entry| &entry.scheme).collect();
            doubts.extend(doubts::doubts(&schemes, &secret));
            if let Err(finding) = hand_out(&mut entries, &secret) {
                findings.push(format!("secret `{}`: {finding}", secret.name));
            }
        }
        entries.retain(|entry| !entry.keys.is_empty() || matches!(entry.scheme.method, Method::None));
        if entries.is_empty() && findings.is_empty() {
            findings.push("there is no secret, so nobody could be authenticated".to_owned());
        }
        if !findings.is_empty() {
            return Err(findings);
        }
        Ok(Self {
            entries,
            secret_headers,
            form,
            doubts,
        })
    }

    /// Lets everybody in, and takes payloads out of bodies as `form` says: for what the program itself brings along
    /// (samples that `check` and `preview` decide), never for what came over a network.
    pub fn of_samples(form: BodyForm) -> Self {
        Self {
            entries: vec![Entry {
                scheme: Scheme::none(),
                keys: Vec::new(),
            }],
            secret_headers: BTreeSet::new(),
            form,
            doubts: Vec::new(),
        }
    }

    /// What is doubtful about the secrets, though each of them serves.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// The names of the schemes for which there is a secret (or that need none), in order.
    pub fn schemes(&self) -> Vec<&str> {
        self.entries
            .iter()
            .map(|entry| entry.scheme.name.as_str())
            .collect()
    }

    /// Checks what authenticates a request, before its body is read: presence and form, and where the body has no part
    /// in it (token, basic, path) the proof itself. `path_token`: the last segment of `/hooks/{source}/{token}`.
    ///
    /// The first scheme that finds something in the request decides alone. `Authorization` is found by the schemes of
    /// its own first word only: basic credentials are nothing to a scheme that looks for a bearer token.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Malformed`] or [`Refusal::Mismatch`].
    pub fn begin<'a>(
        &'a self,
        headers: &'a Headers,
        path_token: Option<&'a str>,
    ) -> Result<Pending<'a>, Refusal> {
        let (mut is_empty, mut is_another) = (false, false);
        for entry in &self.entries {
            match entry.claim(headers, path_token)? {
                Found::Claim(claim) => return Ok(Pending::new(self, headers, &entry.scheme.name, claim)),
                Found::Empty => is_empty = true,
                Found::Another => is_another = true,
                Found::Nothing => {}
            }
        }
        if is_another && !is_empty {
            return Err(Refusal::Malformed);
        }
        Err(Refusal::Missing)
    }
}

/// Gives a secret to the scheme it is bound to, or to every scheme it is fit for.
fn hand_out(entries: &mut [Entry], secret: &SourceSecret) -> Result<(), String> {
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
        Err("there is no scheme it could serve".to_owned())
    } else {
        Err(reasons.into_iter().collect::<Vec<_>>().join("; "))
    }
}

impl Entry {
    fn claim<'a>(
        &'a self,
        headers: &'a Headers,
        path_token: Option<&'a str>,
    ) -> Result<Found<Claim<'a>>, Refusal> {
        match &self.scheme.method {
            Method::Hmac(signature) => signature.claim(headers)?.and_then(|marks| {
                Ok(Claim::Signed {
                    entry: self,
                    signature,
                    marks,
                })
            }),
            Method::Token { header, prefix } => {
                self.proved(claim::token(headers, header, prefix)?, Traces::of_token)
            }
            Method::Basic { header } => self.proved(claim::basic(headers, header)?, Traces::of_pair),
            Method::Path => self.proved(claim::path(path_token)?, Traces::of_token),
            Method::None => {
                let traces = Traces::default();
                Ok(Found::Claim(Claim::Proved { secret: "", traces }))
            }
        }
    }

    /// The proof of a token, which needs no body.
    fn proved<T: AsRef<[u8]>>(
        &self,
        found: Found<T>,
        traces: impl Fn(&[u8]) -> Traces,
    ) -> Result<Found<Claim<'_>>, Refusal> {
        found.and_then(|given| {
            let token = fingerprint(given.as_ref());
            let secret = self.matching(|key| key.ct_eq(token.expose_secret()));
            Ok(Claim::Proved {
                secret: secret.ok_or(Refusal::Mismatch)?,
                traces: traces(given.as_ref()),
            })
        })
    }

    /// The name of the first secret whose key is right. All are tried, so the time says nothing of which it was.
    pub(super) fn matching(&self, is_right: impl Fn(&[u8]) -> Choice) -> Option<&str> {
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
