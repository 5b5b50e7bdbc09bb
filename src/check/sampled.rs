//! Treats a sample as a request of its sender, without a network.

use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

use crate::authentication::Authenticator;
use crate::config::builtin::Sample;
use crate::decision::{self, ChallengeResponse};
use crate::event::Event;
use crate::headers::Headers;
use crate::source::{Kind, Source};

/// The result of a sample.
pub enum Sampled {
    /// An event.
    Event(Box<Event>),
    /// A challenge: a request that gets a response and is not stored.
    Challenge(ChallengeResponse),
}

/// Treats a sample as an authentic request of its sender.
///
/// # Errors
/// Says why the sample cannot be read.
pub fn sampled(source: &Source, sample: &Sample) -> Result<Sampled, String> {
    let headers = headers(&source.kind, sample);
    if let Some(response) = decision::answer_unsigned_challenge(&headers, source) {
        return Ok(Sampled::Challenge(response));
    }
    let now = Timestamp::UNIX_EPOCH;
    let authentic = Authenticator::of_samples(source.kind.body.clone())
        .begin(&headers, None)
        .and_then(|pending| pending.finish(Bytes::copy_from_slice(&sample.body), now))
        .map_err(|refusal| refusal.to_string())?;
    let event = Event::new(Uuid::nil(), Arc::clone(&source.name), now, authentic);
    Ok(match decision::answer_challenge(event, source) {
        Ok(event) => Sampled::Event(Box::new(event)),
        Err(response) => Sampled::Challenge(response),
    })
}

fn headers(kind: &Kind, sample: &Sample) -> Headers {
    let content_type = ("content-type".to_owned(), "application/json".to_owned());
    let headers = kind.sample_headers.iter().map(|(name, value)| {
        let value = value.replace("{event}", &sample.event_type);
        (name.clone(), value.replace("{id}", &sample.name))
    });
    Headers::new(std::iter::once(content_type).chain(headers))
}
