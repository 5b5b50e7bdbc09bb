//! Handshakes: requests that are no events, and what they are answered.

use serde_json::{Map, Value};

use super::{header_values, names};
use crate::event::Event;
use crate::headers::Headers;
use crate::source::{Handshake, Source};

/// The longest answer made of a request, in bytes: a challenge is a short text.
const LONGEST_REPLY: usize = 4096;

/// What a request that is no event is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 299.
    pub status: u16,
    /// What the text is.
    pub content_type: String,
    /// May be empty.
    pub text: String,
    /// The condition that held, as it is written.
    pub when: String,
}

/// What a request is answered by its head alone, before anything of it is proved; unset: it is to be authenticated. Nothing
/// of the request is in the answer.
pub fn unsigned(headers: &Headers, source: &Source) -> Option<Reply> {
    let handshakes = &source.kind.handshakes.unsigned;
    if handshakes.is_empty() {
        return None;
    }
    let mut names = Map::new();
    names.insert("source".to_owned(), (&*source.name).into());
    names.insert("headers".to_owned(), header_values(headers));
    let names = Value::Object(names);
    let met = handshakes
        .iter()
        .find(|handshake| handshake.when.holds(&names).unwrap_or_default())?;
    Some(met.reply(met.answer.clone()))
}

/// What a request that was authenticated is answered when it is no event; else the event it is.
///
/// A handshake whose `when` or `answer` cannot be evaluated, or whose answer is no text of at most 4 KiB, is none:
/// rather one message too many than an event that is lost.
pub fn handshake(mut event: Event, source: &Source) -> Result<Event, Reply> {
    let handshakes = &source.kind.handshakes.signed;
    if handshakes.is_empty() {
        return Ok(event);
    }
    let mut names = names(&event.envelope, std::mem::take(&mut event.payload));
    let met = handshakes.iter().find_map(|handshake| {
        if !handshake.when.holds(&names).unwrap_or_default() {
            return None;
        }
        match &handshake.answer {
            None => Some(handshake.reply(String::new())),
            Some(answer) => match answer.evaluate(&names) {
                Ok(Value::String(text)) if text.len() <= LONGEST_REPLY => Some(handshake.reply(text)),
                _ => None,
            },
        }
    });
    if let Some(reply) = met {
        return Err(reply);
    }
    if let Some(payload) = names.get_mut("payload") {
        event.payload = payload.take();
    }
    Ok(event)
}

impl<A> Handshake<A> {
    fn reply(&self, text: String) -> Reply {
        Reply {
            status: self.status,
            content_type: self.content_type.clone(),
            text,
            when: self.when.text().to_owned(),
        }
    }
}
