//! A sample as the request it stands for, without a network: what it is, by the program itself.

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

/// What a sample is.
pub enum Sampled {
    /// An event.
    Event(Box<Event>),
    /// No event: a request that is only answered.
    Challenge(ChallengeResponse),
}

/// A sample as its sender would send it, authentic.
///
/// # Errors
/// The sentence that says why it cannot be read.
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
