//! What `preview` shows: a payload goes through authentication, the decision and the templates as a webhook does.
//!
//! Everything that comes of it is returned as values; nothing is stored or sent. Who calls it prints it.

mod request;
mod target;

use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::builtin::Sample;
use crate::decision::{self, ChallengeResponse, DecidedMessage, Decision};
use crate::suggest::nearest;
use crate::twake::{self, Job};

pub use request::{Hint, Proof, Unchecked};
pub use target::{NoSource, Target};

/// The request that is previewed.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The body, byte for byte as the sender sends it.
    pub body: Vec<u8>,
    /// The headers that are known, names in lower case. A signature or token among them is verified.
    pub headers: Vec<(String, String)>,
    /// The event type, for senders that name it in a header.
    pub event_type: Option<String>,
    /// The event type that the name of the sample or file suggests, used where `event_type` is unset.
    pub suggested_type: Option<String>,
    /// The name of the sample that it is, if it is one.
    pub sample: Option<String>,
}

/// What comes of a request.
pub enum Outcome {
    /// It is not authentic, or its body cannot be decoded.
    Refused {
        /// What became of its authentication.
        proof: Proof,
        /// Why it is refused.
        why: String,
    },
    /// It is a challenge: it is answered and is no event.
    Answered {
        /// What became of its authentication.
        proof: Proof,
        /// The answer.
        response: ChallengeResponse,
    },
    /// It is an event.
    Previewed(Box<Preview>),
}

/// Everything decided about an event, and what would be sent.
pub struct Preview {
    /// The sample that it is, if it is one.
    pub sample: Option<String>,
    /// What became of its authentication.
    pub proof: Proof,
    /// What was decided.
    pub decision: Decision,
    /// The request for each of [`Decision::deliveries`]; unset where the channel is not configured.
    pub requests: Vec<Option<ChatRequest>>,
    /// What a person may have overlooked about the event type.
    pub hint: Option<Hint>,
    /// The header that the key is made of and that had to be made up, because it was not given.
    pub invented: Option<String>,
}

/// A request to the chat, without its credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The method.
    pub method: &'static str,
    /// Where it goes.
    pub url: Url,
    /// The body.
    pub body: Value,
}

/// Decides about a request to the target's source, and renders it.
pub fn preview(target: &Target, input: Input, clock: &Clock) -> Outcome {
    let source = &*target.source;
    let Input {
        body,
        headers: given,
        event_type,
        suggested_type,
        sample,
    } = input;
    let is_given = event_type.is_some();
    let event_type = event_type.or(suggested_type);
    let headers = request::headers(&source.kind, event_type.as_deref(), &given);
    if let Some(response) = decision::answer_unsigned_challenge(&headers, source) {
        let proof = Proof::Unchecked(Unchecked::AnsweredBefore);
        return Outcome::Answered { proof, response };
    }
    let (proof, event) = request::event(target, &headers, body, clock);
    let event = match event {
        Ok(event) => event,
        Err(why) => return Outcome::Refused { proof, why },
    };
    let event = match decision::answer_challenge(event, source) {
        Ok(event) => event,
        Err(response) => return Outcome::Answered { proof, response },
    };
    let decision = decision::decide(event, source);
    Outcome::Previewed(Box::new(Preview {
        sample,
        proof,
        requests: requests(target, &decision),
        decision,
        hint: request::hint(&source.kind, event_type.as_deref(), is_given, &headers),
        invented: request::invented(&source.kind, &given),
    }))
}

fn requests(target: &Target, decision: &Decision) -> Vec<Option<ChatRequest>> {
    let request = |delivery: &decision::DecidedDelivery| {
        let message = decision.messages.get(delivery.message)?.message.as_ref()?;
        let destination = target.channels.get(&delivery.channel)?;
        let request = twake::request(&Job::post(Uuid::nil(), 0, destination, message));
        Some(ChatRequest {
            method: request.method,
            url: request.url,
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        })
    };
    decision.deliveries.iter().map(request).collect()
}

impl Preview {
    /// The channels that get this one of [`Decision::messages`].
    pub fn channels_of(&self, message: usize) -> Vec<&str> {
        let deliveries = self.decision.deliveries.iter();
        deliveries
            .filter(|delivery| delivery.message == message)
            .map(|delivery| &*delivery.channel)
            .collect()
    }
}

/// Why this template was rendered, where its name does not follow from the event type.
pub fn why_this(message: &DecidedMessage, event_type: &str) -> Option<String> {
    let name = message.template.as_ref()?.name.as_str();
    let plain = format!("{event_type}.hbs");
    let variant = message
        .variant
        .as_ref()
        .map(|variant| format!("{event_type}.{variant}.hbs"));
    let failed = |name: &str| message.failed.iter().any(|(failed, _)| failed == name);
    if variant.as_deref() == Some(name) {
        return message
            .variant
            .as_ref()
            .map(|variant| format!("the route asks for the variant {variant}"));
    }
    let instead: Vec<&str> = variant
        .iter()
        .map(String::as_str)
        .chain((name != plain).then_some(plain.as_str()))
        .filter(|missing| !failed(missing))
        .collect();
    (!instead.is_empty()).then(|| format!("there is no {}", instead.join(" and no ")))
}

/// Finds the sample of this name, or the first one of this event type.
///
/// # Errors
/// There is none: a sentence with the nearest name, then the names there are, a line each.
pub fn find_sample<'s>(samples: &'s [Sample], name: &str) -> Result<&'s Sample, String> {
    let name = name.strip_suffix(".json").unwrap_or(name);
    let known = || samples.iter().map(|sample| sample.name.as_str());
    let exact = samples.iter().find(|sample| sample.name == name);
    let found = exact.or_else(|| samples.iter().find(|sample| sample.event_type == name));
    found.ok_or_else(|| {
        if samples.is_empty() {
            return "there are no samples; give a payload".to_owned();
        }
        let types = samples.iter().map(|sample| sample.event_type.as_str());
        let near = nearest(name, known().chain(types));
        let near = near.map_or_else(String::new, |near| format!(", did you mean \"{near}\"?"));
        format!(
            "there is no sample \"{name}\"{near}\n  {}",
            known().collect::<Vec<_>>().join("\n  ")
        )
    })
}

#[cfg(test)]
mod tests;
