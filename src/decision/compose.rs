//! Renders the messages of an event for the channels of its routes.

use handlebars::Context;
use serde_json::Value;

use super::{DecidedDelivery, DecidedMessage, fallback};
use crate::event::Unreadable;
use crate::message::{Document, StoredMessage, Urgency, cutting, target_is_allowed};
use crate::route::Target;
use crate::source::{Kind, Source};
use crate::template::{Rendered, RulesOfEvent};

/// The messages, the deliveries, and the skipped channels.
pub(super) type Composed = (Vec<DecidedMessage>, Vec<DecidedDelivery>, Vec<DecidedDelivery>);

/// What templates need to know of an event.
pub(super) struct Readable<'a> {
    pub(super) source: &'a Source,
    pub(super) event_type: &'a str,
    /// The same after rendering.
    pub(super) names: &'a mut Context,
    pub(super) unreadable: Option<&'a Unreadable>,
}

pub(super) fn compose(event: &mut Readable<'_>, targets: Vec<Target>) -> Composed {
    let mut messages: Vec<DecidedMessage> = Vec::new();
    let (mut deliveries, mut skipped) = (Vec::new(), Vec::new());
    for Target {
        channel,
        variant,
        route,
    } in targets
    {
        let conversations = &event.source.conversations;
        let route = Some(route).filter(|route| conversations.has_route_rules(*route, event.event_type));
        let is_same = |message: &DecidedMessage| message.variant == variant && message.route == route;
        let known = messages.iter().position(is_same);
        let message = known.unwrap_or_else(|| {
            let message = match (
                skip_reason(&event.source.kind, event.event_type),
                event.unreadable,
            ) {
                (Some(skip_reason), _) => DecidedMessage {
                    skip_reason: Some(skip_reason),
                    ..DecidedMessage::default()
                },
                (None, Some(unreadable)) => DecidedMessage {
                    message: Some(fallback::unreadable(event.source, unreadable)),
                    ..DecidedMessage::default()
                },
                (None, None) => render_message(event, variant.as_deref(), route),
            };
            let message = message.marked(event);
            messages.push(DecidedMessage {
                variant,
                route,
                ..message
            });
            messages.len() - 1
        });
        let decided = messages.get(message);
        let is_posted = decided.is_some_and(|decided| decided.message.is_some());
        let to = if is_posted { &mut deliveries } else { &mut skipped };
        to.push(DecidedDelivery { channel, message });
    }
    (messages, deliveries, skipped)
}

impl DecidedMessage {
    /// Adds what does not depend on the template. Evaluates `severity` only if something is posted.
    fn marked(mut self, event: &Readable<'_>) -> Self {
        if let Some(message) = &mut self.message {
            message.urgency = urgency(event.source, event.names.data());
            message.appearance.clone_from(&event.source.appearance);
        }
        self
    }
}

/// How urgent an event is. A condition that cannot be evaluated does not hold.
fn urgency(source: &Source, names: &Value) -> Urgency {
    let fact = |fact: &str| source.facts.value(fact, names);
    let severity = fact("severity");
    let is_critical = match &source.critical {
        Some(critical) => critical.holds(names).unwrap_or(false),
        // As CRITICAL, without an evaluation.
        None => severity == "critical" && fact("outcome") != "success",
    };
    if is_critical {
        Urgency::Urgent
    } else {
        Urgency::of_severity(severity.as_str().unwrap_or_default())
    }
}

/// Why the kind skips an event type. `None` if the operator has an own template for it.
fn skip_reason(kind: &Kind, event_type: &str) -> Option<String> {
    let (_, why) = kind
        .skipped_types
        .iter()
        .find(|(skipped, _)| skipped == event_type)?;
    let own = kind.templates.has_template_for(event_type);
    (!own).then(|| format!("{event_type} is skipped: {why}"))
}

/// Renders the message of one variant. `route`: the route whose rules of conversations it has. The caller sets both.
fn render_message(event: &mut Readable<'_>, variant: Option<&str>, route: Option<usize>) -> DecidedMessage {
    let templates = &event.source.kind.templates;
    let rules = RulesOfEvent {
        event_type: event.event_type,
        conversations: &event.source.conversations,
        route,
    };
    let rendering = templates.render(variant, event.names, &rules);
    let (message, skip_reason) = match rendering.rendered {
        Rendered::Message(message) => (Some(within_limit(message, event)), None),
        Rendered::Skipped(why) => (None, Some(why)),
        Rendered::NoTemplate => {
            let failed = rendering.failed.first().map(|(template, _)| template.as_str());
            let summary = fallback::summary(event.source, event.event_type, event.names.data(), failed);
            (Some(summary), None)
        }
    };
    DecidedMessage {
        template: rendering.template,
        failed: rendering.failed,
        when_failed: rendering.when_failed,
        conversation_failed: rendering.conversation_failed,
        message,
        skip_reason,
        ..DecidedMessage::default()
    }
}

/// The maximum length of a message, in characters. An own template may render more.
const MESSAGE_LIMIT: usize = 8_000;

/// The size of a document, in bytes of its texts and addresses, from which a chat may take only its start. What surrounds them
/// in a request is at most some eight times as much, and no chat takes less than 60,000 bytes.
const LONG: usize = 7_000;

/// Cuts the texts of a message, with a link to the page of the event. A message that lists items may become long later.
fn within_limit(mut stored: StoredMessage, event: &Readable<'_>) -> StoredMessage {
    let is_long = |text: &Document| cutting::size(text) >= LONG || text.shows_items();
    let conversation = stored.conversation.as_deref();
    let more = conversation.map(|of| of.reply.iter().chain(&of.update).any(is_long));
    if is_long(&stored.message) || more == Some(true) {
        let page = fallback::fact("url", event.source, event.names.data());
        stored.rest = page.filter(|url| target_is_allowed(url));
        let rest = stored.rest.clone();
        let cut = |document: Document| cutting::cut_with_link(document, MESSAGE_LIMIT, rest.as_deref());
        let conversation = stored.conversation.as_deref_mut();
        let texts = conversation.map(|of| of.reply.iter_mut().chain(&mut of.update));
        for text in texts.into_iter().flatten().chain([&mut stored.message]) {
            *text = cut(std::mem::take(text));
        }
    }
    stored
}
