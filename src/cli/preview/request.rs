//! The request that is previewed: its headers, its body, and whether it is authentic.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::authentication::{Authenticator, Pending, Refusal};
use crate::clock::Clock;
use crate::event::Event;
use crate::headers::Headers;
use crate::payload::UnreadableForm;
use crate::payload::encoding::Encoding;
use crate::source::{Kind, Source};

/// What became of the request's authentication.
pub(super) enum Proof {
    /// It is authentic by this scheme and this secret (its name; empty where the scheme asks for none).
    Authentic { scheme: String, secret: String },
    /// Nothing in it could be verified; why.
    Unchecked(&'static str),
    /// It is not.
    Refused(Refusal),
}

/// `Name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is written 'Name: value'")?;
    let name = name.trim();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err("a header's name is letters, digits and -".to_owned());
    }
    Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
}

/// The file's bytes, at most `limit` of them.
pub(super) fn body(path: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let mut reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    let mut body = Vec::new();
    reader
        .by_ref()
        .take(limit as u64 + 1)
        .read_to_end(&mut body)
        .with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        body.len() <= limit,
        "{} is larger than {limit} bytes, the largest body this source takes (limits.body)",
        path.display()
    );
    Ok(body)
}

/// Samples name their type: `push__branch-created.json`.
pub(super) fn type_of_file(path: &Path) -> Option<String> {
    let (event_type, _) = path.file_stem()?.to_str()?.split_once("__")?;
    Some(event_type.to_owned())
}

/// The given headers, and those that the kind's senders send besides.
pub(super) fn headers(kind: &Kind, event_type: Option<&str>, given: &[(String, String)]) -> Headers {
    let mut headers = given.to_vec();
    let mut add = |name: &str, value: &str| {
        if headers.iter().all(|(known, _)| known != name) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    add("content-type", "application/json");
    for (name, value) in &kind.sample_headers {
        match (value.contains("{event}"), event_type) {
            (true, Some(event_type)) => add(name, &value.replace("{event}", event_type)),
            (true, None) => {}
            (false, _) => add(name, &value.replace("{id}", "preview")),
        }
    }
    Headers::new(headers)
}

/// The header of the request's id, where it was not given and [`headers`] made one up.
pub(super) fn invented(kind: &Kind, given: &[(String, String)]) -> Option<String> {
    let is_given = |name: &str| given.iter().any(|(given, _)| given == name);
    let mut made = kind.sample_headers.iter();
    let found = made.find(|(name, value)| value.contains("{id}") && !is_given(name));
    found.map(|(name, _)| name.clone())
}

/// What a person may have overlooked about the event type.
pub(super) fn hint(kind: &Kind, event_type: Option<&str>, said: bool, headers: &Headers) -> Option<String> {
    let names_type = kind
        .sample_headers
        .iter()
        .find(|(_, value)| value.contains("{event}"));
    match names_type {
        None if said => Some(format!(
            "--event changes nothing: {} names its events in the payload ({})",
            kind.title,
            kind.event_type.text()
        )),
        Some((name, _)) if event_type.is_none() && headers.get(name).is_none() => Some(format!(
            "{} names its events in the header {name}: give --event TYPE",
            kind.title
        )),
        _ => None,
    }
}

/// Authenticates as the front door does. What nothing authenticates goes on as if it were authentic, by the one way there
/// is for what did not come over a network; what is refused does not.
pub(super) fn event(
    source: &Source,
    headers: &Headers,
    body: Vec<u8>,
    configured: bool,
) -> (Proof, Result<Event, String>) {
    if let Err(error) = Encoding::of(headers) {
        let why = "the bridge refuses such a request before it looks at anything else";
        return (Proof::Unchecked(why), Err(error.to_string()));
    }
    let clock = Clock::system();
    let open = Authenticator::of_samples(source.kind.body.clone());
    let (proof, pending) = if configured {
        match source.authenticator.begin(headers, None) {
            Ok(pending) => (None, Ok(pending)),
            Err(Refusal::Missing) => {
                let why = "no signature or token was given (--header)";
                (Some(Proof::Unchecked(why)), open.begin(headers, None))
            }
            Err(refusal) => (None, Err(refusal)),
        }
    } else {
        let why = "a kind alone has no secrets";
        (Some(Proof::Unchecked(why)), open.begin(headers, None))
    };
    let finish = |pending: Pending<'_>| {
        let scheme = pending.scheme().to_owned();
        let body = Bytes::from(body);
        pending.check(&body, clock.now())?;
        // Bounds what a compressed body becomes.
        let weighed = pending.weigh(&body, source.body_limit);
        let authentic = pending.finish(body, clock.now())?;
        Ok((scheme, authentic, weighed))
    };
    match pending.and_then(finish) {
        Err(refusal) => (Proof::Refused(refusal), Err(refusal.to_string())),
        Ok((scheme, authentic, Err(why @ UnreadableForm::TooLarge))) => {
            let secret = authentic.into_parts().2;
            let proof = proof.unwrap_or(Proof::Authentic { scheme, secret });
            (proof, Err(why.to_string()))
        }
        Ok((scheme, authentic, _)) => {
            let event = Event::new(clock.new_id(), source.name.clone(), clock.now(), authentic);
            let secret = event.envelope.secret.clone();
            let proof = proof.unwrap_or(Proof::Authentic { scheme, secret });
            (proof, Ok(event))
        }
    }
}
