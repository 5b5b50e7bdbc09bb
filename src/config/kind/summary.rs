//! The kinds as a list, without compiling them: that would take a second for all.

use serde::Deserialize;
use std::path::Path;

use super::folders;
use crate::config::{builtin, like};

/// A kind in a list, as its `source.toml` describes it.
#[derive(Clone, Debug, Default)]
pub struct KindSummary {
    /// The kind's name.
    pub name: String,
    /// The sender's name for people.
    pub title: String,
    /// Which senders it is for, if the title does not say all.
    pub senders: String,
    /// The names of its authentication schemes, the default first.
    pub schemes: Vec<String>,
    /// The same in words, each once: `signature`, `token in the address`.
    pub authenticates: Vec<String>,
    /// The text that its signatures cover, as `{timestamp}.{body}`. Empty if it signs nothing.
    pub signed: Vec<String>,
    /// The expressions of the idempotency key. If there are none, the body is the key.
    pub key: Vec<String>,
    /// How long a key is remembered.
    pub remember: String,
    /// How many built-in samples it has.
    pub samples: usize,
    /// Whether any of its files is the operator's own.
    pub is_own: bool,
}

/// The keys of a `source.toml` that a list shows.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SourceFile {
    title: String,
    senders: String,
    authentication: Vec<SchemeTable>,
    event: EventTable,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SchemeTable {
    name: String,
    method: String,
    header: Option<String>,
    prefix: Option<String>,
    also: Option<String>,
    signed: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventTable {
    key: Vec<String>,
    remember: Option<String>,
    remember_body: Option<String>,
}

/// Returns every kind, sorted by name: the built-in ones, and those of the folder `own`. A kind that is like another one has
/// what that one has where it sets nothing itself. Of a file that cannot be read, nothing but its name is known.
pub fn kind_summaries(own: Option<&Path>) -> Vec<KindSummary> {
    let folders = folders(own, &mut Vec::new());
    let text = |name: &str| folders.get(name)?.source.as_ref().map(|(_, text)| text.as_str());
    let summary = |name: &String| {
        let file = text(name).map(read).unwrap_or_default();
        let base = text(name).and_then(like::named);
        let base = base.as_deref().and_then(text).map(read).unwrap_or_default();
        let schemes = if file.authentication.is_empty() {
            base.authentication
        } else {
            file.authentication
        };
        let own = file.event;
        let event = EventTable {
            key: if own.key.is_empty() {
                base.event.key
            } else {
                own.key
            },
            remember: own.remember.or(base.event.remember),
            remember_body: own.remember_body.or(base.event.remember_body),
        };
        // Without a key the body is the key.
        let of_body = event.remember_body.filter(|_| event.key.is_empty());
        KindSummary {
            title: if file.title.is_empty() {
                name.clone()
            } else {
                file.title
            },
            senders: file.senders,
            signed: signed(&schemes),
            authenticates: authenticates(&schemes),
            schemes: schemes.into_iter().map(|scheme| scheme.name).collect(),
            key: event.key,
            remember: of_body.or(event.remember).unwrap_or_else(|| "1d".to_owned()),
            samples: builtin::sample_count(name),
            is_own: folders.get(name).is_some_and(|folder| folder.is_own),
            name: name.clone(),
        }
    };
    folders.keys().map(summary).collect()
}

fn read(text: &str) -> SourceFile {
    toml::from_str(text).unwrap_or_default()
}

/// What the signatures of the schemes cover, each text once.
fn signed(schemes: &[SchemeTable]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let signs = |scheme: &&SchemeTable| matches!(scheme.method.as_str(), "hmac" | "ed25519" | "rsa");
    for scheme in schemes.iter().filter(signs) {
        let text = scheme.signed.as_deref().unwrap_or("{body}");
        if found.iter().all(|known| known != text) {
            found.push(text.to_owned());
        }
    }
    found
}

/// How requests authenticate, in words.
fn authenticates(schemes: &[SchemeTable]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for scheme in schemes {
        let header = scheme.header.as_deref().unwrap_or_default();
        let words = match scheme.method.as_str() {
            "token" if scheme.prefix.as_deref() == Some("Bearer ") => "bearer token".to_owned(),
            "token" => format!("token in `{header}`"),
            "basic" => "user and password".to_owned(),
            "path" => "token in the address".to_owned(),
            "hmac" => "signature".to_owned(),
            "ed25519" | "rsa" if scheme.also.is_some() => {
                "signature by a public key with another of these".to_owned()
            }
            "ed25519" | "rsa" => "signature by a public key".to_owned(),
            _ => "nothing".to_owned(),
        };
        if !found.contains(&words) {
            found.push(words);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_kind_has_a_title_and_schemes_and_one_that_is_like_another_has_its_key() {
        let kinds = kind_summaries(None);
        assert_eq!(kinds.len(), builtin::kinds().len());
        for kind in &kinds {
            assert!(!kind.schemes.is_empty() && kind.title != kind.name, "{kind:?}");
            assert!(kind.samples > 0 && !kind.is_own, "{kind:?}");
        }
        let of = |name: &str| kinds.iter().find(|kind| kind.name == name).unwrap();
        assert_eq!(of("github").signed, ["{body}"]);
        assert_eq!(of("github").remember, "7d");
        assert!(of("healthchecks").signed.is_empty());
        assert_eq!(of("travis").signed, ["{payload}"]);
    }

    #[test]
    fn an_own_kind_is_listed_and_one_that_cannot_be_read_has_only_its_name() {
        let own = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("acme", "title = \"Acme\"\nlike = \"github\"\n"),
            ("broken", "title ="),
        ] {
            std::fs::create_dir(own.path().join(name)).unwrap();
            std::fs::write(own.path().join(name).join("source.toml"), text).unwrap();
        }
        let kinds = kind_summaries(Some(own.path()));
        let of = |name: &str| kinds.iter().find(|kind| kind.name == name).unwrap();
        let acme = of("acme");
        assert!(acme.is_own && acme.title == "Acme", "{acme:?}");
        assert_eq!(
            (&acme.schemes, &acme.key),
            (&of("github").schemes, &of("github").key)
        );
        assert_eq!(
            (of("broken").title.as_str(), of("broken").schemes.len()),
            ("broken", 0)
        );
    }
}
