//! The request that is previewed: its headers, its body, and whether it is authentic.

use bytes::Bytes;

use super::Target;
use crate::authentication::{Authenticator, Pending, Refusal};
use crate::clock::Clock;
use crate::event::Event;
use crate::headers::Headers;
use crate::payload::UnreadableForm;
use crate::payload::encoding::Encoding;
use crate::source::Kind;

/// What became of the request's authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is authentic.
    Authentic {
        /// The name of the scheme that it is authentic by; may be empty.
        scheme: String,
        /// The name of the secret; empty where the scheme asks for none.
        secret: String,
    },
    /// Nothing in it was verified.
    Unchecked(Unchecked),
    /// It is not authentic.
    Refused(Refusal),
}

/// Why nothing was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// The bridge answers such a request by its head alone.
    AnsweredBefore,
    /// The bridge refuses the content encoding before it authenticates.
    Encoding,
    /// No signature or token was given. The request goes on as if it were authentic.
    NoCredential,
    /// A kind alone has no secrets. The request goes on as if it were authentic.
    KindAlone,
}

/// What a person may have overlooked about the event type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// An event type was given, but the sender names its events in the payload.
    TypeUnused {
        /// The expression that reads the event type.
        expression: String,
    },
    /// The sender names its events in this header, and neither it nor an event type was given.
    TypeMissing {
        /// The header.
        header: String,
    },
}

/// The given headers, and those that senders of the kind add.
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

/// The header of the request's id, if it was not given, so that [`headers`] made one up.
pub(super) fn invented(kind: &Kind, given: &[(String, String)]) -> Option<String> {
    let is_given = |name: &str| given.iter().any(|(given, _)| given == name);
    let mut made = kind.sample_headers.iter();
    let found = made.find(|(name, value)| value.contains("{id}") && !is_given(name));
    found.map(|(name, _)| name.clone())
}

/// What a person may have overlooked; `is_given` is whether the event type was given, not suggested.
pub(super) fn hint(kind: &Kind, event_type: Option<&str>, is_given: bool, headers: &Headers) -> Option<Hint> {
    let names_type = kind
        .sample_headers
        .iter()
        .find(|(_, value)| value.contains("{event}"));
    match names_type {
        None if is_given => Some(Hint::TypeUnused {
            expression: kind.event_type.text().to_owned(),
        }),
        Some((name, _)) if event_type.is_none() && headers.get(name).is_none() => {
            Some(Hint::TypeMissing { header: name.clone() })
        }
        _ => None,
    }
}

/// Authenticates as the bridge does. A request without a credential goes on as if it were authentic, by the scheme of
/// samples; a refused one does not.
pub(super) fn event(
    target: &Target,
    headers: &Headers,
    body: Vec<u8>,
    clock: &Clock,
) -> (Proof, Result<Event, String>) {
    let source = &*target.source;
    if let Err(error) = Encoding::of(headers) {
        return (Proof::Unchecked(Unchecked::Encoding), Err(error.to_string()));
    }
    let open = Authenticator::of_samples(source.kind.body.clone());
    let unchecked = |why| (Some(Proof::Unchecked(why)), open.begin(headers, None));
    let (proof, pending) = if target.configured {
        match source.authenticator.begin(headers, None) {
            Ok(pending) => (None, Ok(pending)),
            Err(Refusal::Missing) => unchecked(Unchecked::NoCredential),
            Err(refusal) => (None, Err(refusal)),
        }
    } else {
        unchecked(Unchecked::KindAlone)
    };
    let finish = |pending: Pending<'_>| {
        let scheme = pending.scheme().to_owned();
        let body = Bytes::from(body);
        pending.check(&body, clock.now())?;
        // Limits the size of a compressed body once it is decompressed.
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
