//! Builds and authenticates the request to preview.

use bytes::Bytes;

use super::Target;
use crate::authentication::{Authenticator, Pending, Refusal, RequestTarget};
use crate::clock::Clock;
use crate::event::Event;
use crate::headers::Headers;
use crate::payload::UnreadableForm;
use crate::payload::encoding::Encoding;
use crate::source::Kind;

/// The result of authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The request is authentic.
    Authentic {
        /// The name of the scheme. May be empty.
        scheme: String,
        /// The name of the secret. Empty if the scheme needs none.
        secret: String,
    },
    /// Nothing was verified.
    Unchecked(Unchecked),
    /// The request is not authentic.
    Refused(Refusal),
}

/// Why nothing was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// The headers alone determine the response, before authentication.
    AnsweredBefore,
    /// The content encoding is unsupported, which is checked before authentication.
    Encoding,
    /// The request has no signature or token. The preview continues as if it were authentic.
    NoCredential,
    /// A kind without a source has no secrets. The preview continues as if the request were authentic.
    KindAlone,
}

/// A likely mistake about the event type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// An event type was given, but the sender puts it in the payload.
    TypeUnused {
        /// The expression that reads the event type.
        expression: String,
    },
    /// The sender puts the event type in this header, but neither the header nor an event type was given.
    TypeMissing {
        /// The header.
        header: String,
    },
}

/// Returns the given headers and those that senders of the kind add.
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

/// Returns the header of the request id, if [`headers`] generated it because it was not given.
pub(super) fn generated_header(kind: &Kind, given: &[(String, String)]) -> Option<String> {
    let is_given = |name: &str| given.iter().any(|(given, _)| given == name);
    let mut generated = kind.sample_headers.iter();
    let found = generated.find(|(name, value)| value.contains("{id}") && !is_given(name));
    found.map(|(name, _)| name.clone())
}

/// Finds likely mistakes about the event type. `is_given` means that the type was given, not derived.
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

/// Authenticates the request as the bridge does. A request without a credential continues with the scheme of samples; a
/// refused one does not.
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
    let path = format!("/hooks/{}", source.name);
    let target = RequestTarget {
        method: source.kind.methods.first().map_or("POST", |method| method.name()),
        path: &path,
        query: "",
    };
    let finish = |pending: Pending<'_>| {
        let pending = pending.with_target(target);
        let scheme = pending.scheme().to_owned();
        let body = Bytes::from(body);
        pending.check(&body, clock.now())?;
        // Limits the decompressed size of the body.
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
