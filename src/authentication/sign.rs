//! The sender's side: creates the headers that authenticate a request. For the demo's sample sender and for tests.

use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::Authenticator;
use super::scheme::{Encoding, Layout, Method, Scheme, Signature, TimestampPlace};
use crate::secret::{Secret, SourceSecret};

/// Returns the headers that a sender with this secret adds to a request. Names are in lower case. `id` is used if the
/// scheme signs an id. `body` also counts as the payload, as in a request that carries JSON.
///
/// Returns nothing for a path token, which belongs into the URL, and for a secret that the scheme does not accept.
pub fn sign(
    scheme: &Scheme,
    secret: &Secret,
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Vec<(String, String)> {
    let Ok(key) = scheme.key(secret) else {
        return Vec::new();
    };
    let value = secret.expose();
    match &scheme.method {
        Method::Hmac(signature) => signature.sign(key.expose_secret(), id, now, body),
        Method::Token { header, prefix } => vec![(header.clone(), format!("{prefix}{value}"))],
        Method::Basic { header } => {
            let pair = Encoding::Base64.encode(value.as_bytes());
            vec![(header.clone(), format!("Basic {pair}"))]
        }
        Method::Path | Method::None => Vec::new(),
    }
}

/// Converts a made-up text to a secret that the scheme accepts: adds the prefix, the encoding (such as `whsec_` and base64)
/// or a user name.
pub fn secret_for(scheme: &Scheme, text: &str) -> Secret {
    Secret::new(&match &scheme.method {
        Method::Hmac(signature) => {
            let form = &signature.key;
            let key = form
                .encoding
                .map_or_else(|| text.to_owned(), |encoding| encoding.encode(text.as_bytes()));
            format!("{}{key}", form.prefix)
        }
        Method::Basic { .. } if !text.contains(':') => format!("user:{text}"),
        Method::Basic { .. } | Method::Token { .. } | Method::Path | Method::None => text.to_owned(),
    })
}

impl Authenticator {
    /// Returns the first scheme by which a sender with one of these secrets can authenticate, and that secret. `None`: the
    /// source needs no secret.
    pub fn credential<'a>(&'a self, secrets: &'a [SourceSecret]) -> Option<(&'a Scheme, &'a SourceSecret)> {
        self.entries.iter().find_map(|entry| {
            let scheme = &entry.scheme;
            let fits = |secret: &&SourceSecret| {
                let is_bound = secret.scheme.as_ref().is_some_and(|bound| *bound != scheme.name);
                !is_bound && scheme.key(&secret.value).is_ok()
            };
            Some((scheme, secrets.iter().find(fits)?))
        })
    }
}

impl Signature {
    fn sign(&self, key: &[u8], id: &str, now: Timestamp, body: &[u8]) -> Vec<(String, String)> {
        let stamp = self.timestamp.as_ref();
        let digits = stamp.map(|stamp| stamp.unit.format(now)).unwrap_or_default();
        let text = self.encoding.encode(&self.tag(key, &digits, id, body, body));
        let mut headers = Vec::new();
        if let Some(name) = &self.id {
            headers.push((name.clone(), id.to_owned()));
        }
        let mut item = None;
        match stamp.map(|stamp| &stamp.place) {
            Some(TimestampPlace::Header { name, prefix }) => {
                headers.push((name.clone(), format!("{prefix}{digits}")));
            }
            Some(TimestampPlace::Item { prefix }) => item = Some(format!("{prefix}{digits}")),
            None => {}
        }
        let value = match &self.layout {
            Layout::Single { prefix } => format!("{prefix}{text}"),
            Layout::List { separator, prefix } => {
                let items = item.into_iter().chain([format!("{prefix}{text}")]);
                items.collect::<Vec<_>>().join(separator)
            }
        };
        headers.push((self.header.clone(), value));
        headers
    }
}
