//! Challenges: requests that are not events, and their responses.

use serde_json::{Map, Value};

use super::reading::{header_values, names};
use crate::event::Event;
use crate::headers::Headers;
use crate::source::{Challenge, Source};

/// The longest response made of a request, in bytes: a challenge is a short text.
const LONGEST_RESPONSE: usize = 4096;

/// The response to a request that is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeResponse {
    /// The status, 200 to 299.
    pub status: u16,
    /// The content type of the body.
    pub content_type: String,
    /// The body. It may be empty.
    pub text: String,
    /// The condition that matched, as it is written.
    pub when: String,
}

/// Returns the response to an unsigned challenge, decided from the request's head before authentication. The response
/// contains nothing of the request. `None`: the request has to be authenticated.
pub fn answer_unsigned_challenge(headers: &Headers, source: &Source) -> Option<ChallengeResponse> {
    let challenges = &source.kind.challenges.unsigned;
    if challenges.is_empty() {
        return None;
    }
    let mut names = Map::new();
    names.insert("source".to_owned(), (&*source.name).into());
    names.insert("headers".to_owned(), header_values(headers));
    let names = Value::Object(names);
    let matching = challenges
        .iter()
        .find(|challenge| challenge.when.holds(&names).unwrap_or_default())?;
    Some(matching.respond(matching.response.clone()))
}

/// Returns the event back, or the response if the authenticated request is a challenge.
///
/// A challenge does not match if its `when` or `response` cannot be evaluated, or if the response is not a text of at most
/// 4 KiB. The request is then an event: one message too many is better than a lost event.
pub fn answer_challenge(mut event: Event, source: &Source) -> Result<Event, ChallengeResponse> {
    let challenges = &source.kind.challenges.signed;
    if challenges.is_empty() {
        return Ok(event);
    }
    let mut names = names(&event.envelope, std::mem::take(&mut event.payload), source);
    let response = challenges.iter().find_map(|challenge| {
        if !challenge.when.holds(&names).unwrap_or_default() {
            return None;
        }
        match &challenge.response {
            None => Some(challenge.respond(String::new())),
            Some(response) => match response.evaluate(&names) {
                Ok(Value::String(text)) if text.len() <= LONGEST_RESPONSE => Some(challenge.respond(text)),
                _ => None,
            },
        }
    });
    if let Some(response) = response {
        return Err(response);
    }
    if let Some(payload) = names.get_mut("payload") {
        event.payload = payload.take();
    }
    Ok(event)
}

impl<R> Challenge<R> {
    fn respond(&self, text: String) -> ChallengeResponse {
        ChallengeResponse {
            status: self.status,
            content_type: self.content_type.clone(),
            text,
            when: self.when.text().to_owned(),
        }
    }
}
