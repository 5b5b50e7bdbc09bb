//! Decides: turns an event and its source into a [`Decision`]. Nothing else decides.
//!
//! Requests that are not events ([`answer_challenge`], [`answer_unsigned_challenge`]) are separated before that.
//!
//! The functions are pure. Hooks, preview and replay call the same ones. They never fail: an expression or a template that
//! fails is part of the decision. Every event has a type, a key and, for each channel of its routes, a message or the
//! reason why it is skipped.

mod challenge;
mod compose;
mod fallback;
mod line;
mod reading;
mod skipped;

use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use compose::{Readable, compose};
use reading::{Facts, read_facts};

use crate::condition::ConditionTrace;
use crate::event::{Event, IdempotencyKey};
use crate::facts::{BODY_HASH, GIVEN};
use crate::message::StoredMessage;
use crate::route::RouteTrace;
use crate::source::Source;
use crate::steps;
use crate::template::RenderedTemplate;

pub use challenge::{ChallengeResponse, answer_challenge, answer_unsigned_challenge};
pub use line::{EventLine, one_line};
pub use reading::{Names, Reading, read};
pub use skipped::Skipped;

/// Everything decided about one event.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The type, as the sender calls it.
    pub event_type: String,
    /// The idempotency key, equal in all requests for this event.
    pub key: IdempotencyKey,
    /// How long the key is remembered.
    pub remember: Duration,
    /// The facts by name. Empty unless [`decide_whole`] decided.
    pub facts: Map<String, Value>,
    /// What lists show of the event.
    pub line: EventLine,
    /// The evaluated routes, and why each matched or not.
    pub routes: Vec<RouteTrace>,
    /// The messages, one for each variant and each route that has its own rules of conversations.
    pub messages: Vec<DecidedMessage>,
    /// The channels with their message in [`Decision::messages`], without the skipped ones.
    pub deliveries: Vec<DecidedDelivery>,
    /// The skipped channels, each with the index in [`Decision::messages`] of the entry that has the reason.
    pub skipped: Vec<DecidedDelivery>,
    /// The parts of the decision that exceeded their step limit.
    pub cut_off: Vec<CutOff>,
    /// The address to open for the sender, if the source confirms what it asks for.
    pub confirm: Option<Url>,
    /// Why the body cannot be parsed ([`Unreadable::why`](crate::event::Unreadable::why)). Then no template is rendered.
    pub unreadable: Option<String>,
}

/// A part of the decision that exceeded its step limit (`steps`). The event is decided without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// The type, the key or a fact: the expression counts as one that cannot be evaluated.
    Facts,
    /// The condition of a route, which then does not hold.
    Routes,
    /// A template: the next one, or the one-line summary of the facts, is in its place.
    Messages,
}

impl CutOff {
    /// A word for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Routes => "routes",
            Self::Messages => "messages",
        }
    }
}

/// The message of an event in one variant.
#[derive(Clone, Debug, Default)]
pub struct DecidedMessage {
    /// The variant that the route selects.
    pub variant: Option<Arc<str>>,
    /// The number of the route whose rules of conversations it has, from 0. Unset: it has those of the source.
    pub route: Option<usize>,
    /// The template that was rendered, if one was.
    pub template: Option<RenderedTemplate>,
    /// Templates that failed, each with its error.
    pub failed: Vec<(String, String)>,
    /// The `when` of the template, and why it holds or not. Unset: it has none, or [`decide`] decided.
    pub when: Option<ConditionTrace>,
    /// Why the template's `when` could not be evaluated (it then holds).
    pub when_failed: Option<String>,
    /// Why the message is by itself although its template has a conversation for it.
    pub conversation_failed: Option<String>,
    /// The message. Unset: nothing is posted, and `skip_reason` is the reason.
    pub message: Option<StoredMessage>,
    /// Why nothing is posted.
    pub skip_reason: Option<String>,
}

/// A delivery of one message to one channel, not yet stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedDelivery {
    /// The channel's name.
    pub channel: Arc<str>,
    /// The index in [`Decision::messages`].
    pub message: usize,
}

impl Decision {
    /// The channels with a delivery, in the order of their routes.
    pub fn channels(&self) -> Vec<&str> {
        self.deliveries
            .iter()
            .map(|delivery| &*delivery.channel)
            .collect()
    }
}

/// Decides an event: its type, its key, where it goes and what is posted. Evaluates only the facts that its routes, its
/// templates and its [`EventLine`] read.
pub fn decide(event: Event, source: &Source) -> Decision {
    decide_read(read_facts(event, source, Facts::Read), source).0
}

/// Decides an event as [`decide`] does, evaluates all of its facts, and explains each condition. Returns all names, too.
pub fn decide_whole(event: Event, source: &Source) -> (Decision, Names) {
    let (mut decision, names) = decide_read(read(event, source), source);
    let is_fact = |name: &str| !GIVEN.contains(&name) && name != BODY_HASH;
    let all = names.data().as_object().into_iter().flatten();
    let facts = all.filter(|(name, _)| is_fact(name));
    decision.facts = facts.map(|(name, value)| (name.clone(), value.clone())).collect();
    let _ = steps::limited(steps::PHASE, || explain(&mut decision, source, names.data()));
    (decision, names)
}

/// Adds why the conditions of the routes and of the templates hold or not.
fn explain(decision: &mut Decision, source: &Source, names: &Value) {
    source.routes.explain(names, &mut decision.routes);
    for message in &mut decision.messages {
        let when = message.template.as_ref();
        let when = when.and_then(|template| source.kind.templates.when(template));
        message.when = when.map(|when| when.trace(names));
    }
}

fn decide_read(reading: Reading, source: &Source) -> (Decision, Names) {
    let Reading {
        event_type,
        key,
        remember,
        names: mut context,
        cut_off: facts_cut_off,
        unreadable,
    } = reading;
    let line = EventLine::of(context.data());
    let ((targets, routes), routes_cut_off) =
        steps::limited(steps::PHASE, || source.routes.choose(context.data()));

    let ((messages, deliveries, skipped), messages_cut_off) = steps::limited(steps::PHASE, || {
        let mut event = Readable {
            source,
            event_type: &event_type,
            names: &mut context,
            unreadable: unreadable.as_ref(),
        };
        compose(&mut event, targets)
    });
    let confirmation = source.kind.confirmation.as_ref().filter(|_| source.confirm);
    let confirm = confirmation
        .and_then(|confirmation| steps::limited(steps::PHASE, || confirmation.address(context.data())).0);
    let cut_off = [
        (facts_cut_off, CutOff::Facts),
        (routes_cut_off, CutOff::Routes),
        (messages_cut_off, CutOff::Messages),
    ];
    let decision = Decision {
        event_type,
        key,
        remember,
        facts: Map::new(),
        line,
        routes,
        messages,
        deliveries,
        skipped,
        confirm,
        cut_off: cut_off
            .into_iter()
            .filter_map(|(cut, part)| cut.then_some(part))
            .collect(),
        unreadable: unreadable.map(|unreadable| unreadable.why),
    };
    (decision, context)
}
