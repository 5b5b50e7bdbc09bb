//! Computes what `preview` shows: a payload passes authentication, decision and templates as a webhook does.
//!
//! The result is returned as values. Nothing is stored or sent, and the caller prints.

mod conversation;
mod request;
mod target;
mod trial;

use jiff::Timestamp;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::check::{Sampled, sampled};
use crate::clock::Clock;
use crate::config::builtin::Sample;
use crate::decision::{self, ChallengeResponse, DecidedMessage, Decision};
use crate::message::StoredMessage;
use crate::source::Source;
use crate::suggest::nearest;
use crate::twake::{self, Job};

pub use conversation::{Situation, situations};
pub use request::{Hint, Proof, Unchecked};
pub use target::{NoSource, Target};
pub use trial::{LONGEST_TEMPLATE, Trial, Tried, try_template};

/// The request to preview.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The body as the sender sends it.
    pub body: Vec<u8>,
    /// The given headers, names in lower case. A signature or token among them is verified.
    pub headers: Vec<(String, String)>,
    /// The event type, for senders that send it in a header.
    pub event_type: Option<String>,
    /// The event type derived from the name of the sample or file. Used if `event_type` is unset.
    pub suggested_type: Option<String>,
    /// The name of the sample, if the body is one.
    pub sample: Option<String>,
}

/// The outcome of a request.
pub enum Outcome {
    /// The request is not authentic, or its body cannot be decoded.
    Refused {
        /// The result of authentication.
        proof: Proof,
        /// The reason.
        why: String,
    },
    /// The request is a challenge: it gets a response and is not an event.
    Answered {
        /// The result of authentication.
        proof: Proof,
        /// The response.
        response: ChallengeResponse,
    },
    /// The request is an event.
    Previewed(Box<Preview>),
}

/// The decision about an event, and the requests that would be sent.
pub struct Preview {
    /// The name of the sample, if the body is one.
    pub sample: Option<String>,
    /// The result of authentication.
    pub proof: Proof,
    /// The decision.
    pub decision: Decision,
    /// When the event was received.
    pub received: Timestamp,
    /// The request for each of [`Decision::deliveries`]. `None` if the channel is not configured.
    pub requests: Vec<Option<ChatRequest>>,
    /// A likely mistake about the event type.
    pub hint: Option<Hint>,
    /// The header of the event's key, if it was generated because it was not given.
    pub invented: Option<String>,
}

/// A request to the chat, without its credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The HTTP method.
    pub method: &'static str,
    /// The URL.
    pub url: Url,
    /// The JSON body.
    pub body: Value,
}

/// Decides about a request to the target's source and renders its messages.
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
    let received = event.envelope.received;
    let (decision, _) = decision::decide_whole(event, source);
    Outcome::Previewed(Box::new(Preview {
        sample,
        proof,
        received,
        requests: requests(target, &decision, received),
        decision,
        hint: request::hint(&source.kind, event_type.as_deref(), is_given, &headers),
        invented: request::generated_header(&source.kind, &given),
    }))
}

fn requests(target: &Target, decision: &Decision, received: Timestamp) -> Vec<Option<ChatRequest>> {
    let request = |delivery: &decision::DecidedDelivery| {
        let message = decision.messages.get(delivery.message)?.message.as_ref()?;
        let destination = target.channels.get(&delivery.channel)?;
        // The request of the first event of its conversation.
        let first = situations(message, received).into_iter().next();
        let post = first.and_then(|first| first.acts.into_iter().next());
        let message = &StoredMessage {
            message: post.map_or_else(|| message.document().clone(), |(_, document)| document),
            ..message.clone()
        };
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
    /// Returns the channels of one of [`Decision::messages`].
    pub fn channels_of(&self, message: usize) -> Vec<&str> {
        let deliveries = self.decision.deliveries.iter();
        deliveries
            .filter(|delivery| delivery.message == message)
            .map(|delivery| &*delivery.channel)
            .collect()
    }
}

/// Returns why a template was rendered whose name differs from the event type.
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
            .map(|variant| format!("the route selects the variant {variant}"));
    }
    let instead: Vec<&str> = variant
        .iter()
        .map(String::as_str)
        .chain((name != plain).then_some(plain.as_str()))
        .filter(|missing| !failed(missing))
        .collect();
    (!instead.is_empty()).then(|| format!("there is no {}", instead.join(" and no ")))
}

/// Returns the sample with this name, or the first sample of this event type.
///
/// # Errors
/// There is none: a sentence with the nearest name, then one line per known name.
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

/// Returns the sample with this name, or the first one that posts a message.
///
/// # Errors
/// As [`find_sample`], or the kind has no samples.
pub fn choose_sample<'s>(
    source: &Source,
    samples: &'s [Sample],
    name: Option<&str>,
) -> Result<&'s Sample, String> {
    if let Some(name) = name {
        return find_sample(samples, name);
    }
    let posts = |sample: &&Sample| match sampled(source, sample) {
        Ok(Sampled::Event(event)) => !decision::decide(*event, source).channels().is_empty(),
        Ok(Sampled::Challenge(_)) | Err(_) => false,
    };
    let first = samples.iter().find(posts).or(samples.first());
    first.ok_or_else(|| "the kind has no samples: put a payload into its folder samples".to_owned())
}

#[cfg(test)]
mod tests;
