//! The channels for which an event is skipped, and the reasons.

use serde::{Deserialize, Serialize};

use super::{DecidedDelivery, Decision};
use crate::message::control;

/// The longest reason kept, in characters: a part of it may come from outside.
const LONGEST: usize = 300;

/// Channels for which nothing is posted, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The channels that a route named; none: no route that held named one.
    pub channels: Vec<String>,
    /// The reason, in one line of 300 characters at the most.
    pub reason: String,
}

impl Decision {
    /// The skipped channels, one entry for each variant. Empty if the event is posted to every channel of its routes.
    pub fn skipped(&self) -> Vec<Skipped> {
        if self.deliveries.is_empty() && self.skipped.is_empty() {
            let channels = Vec::new();
            return vec![Skipped::new(channels, &self.unrouted())];
        }
        let messages = self.messages.iter().enumerate();
        let skipped = messages.filter_map(|(number, message)| {
            let of = |skipped: &&DecidedDelivery| skipped.message == number;
            let skipped = self.skipped.iter().filter(of);
            let channels: Vec<String> = skipped.map(|skipped| skipped.channel.to_string()).collect();
            Some(Skipped::new(channels, message.skip_reason.as_ref()?))
        });
        skipped.collect()
    }

    /// Why the whole event is skipped, in one line. Unset if it is posted to at least one channel.
    pub fn skip_reason(&self) -> Option<String> {
        if !self.deliveries.is_empty() {
            return None;
        }
        self.skipped().into_iter().next().map(|skipped| skipped.reason)
    }

    /// Why no route names a channel.
    fn unrouted(&self) -> String {
        match self.routes.iter().rev().find(|route| route.held) {
            Some(last) => format!("route {} names no channel ({})", last.route, last.why),
            None => "no route holds".to_owned(),
        }
    }
}

impl Skipped {
    fn new(channels: Vec<String>, reason: &str) -> Self {
        let reason = control::one_line(reason).chars().take(LONGEST).collect();
        Self { channels, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::DecidedMessage;
    use crate::event::IdempotencyKey;
    use crate::message::{Document, StoredMessage};
    use crate::route::RouteTrace;
    use serde_json::Map;
    use std::time::Duration;

    fn decision(routes: &[(bool, &str)], messages: &[Option<&str>], to: &[(&str, usize)]) -> Decision {
        let route = |(route, (held, why)): (usize, &(bool, &str))| RouteTrace {
            route,
            held: *held,
            why: (*why).to_owned(),
            ..RouteTrace::default()
        };
        let message = |skip_reason: Option<&str>| DecidedMessage {
            skip_reason: skip_reason.map(str::to_owned),
            message: skip_reason
                .is_none()
                .then(|| StoredMessage::new(Document { blocks: Vec::new() })),
            ..DecidedMessage::default()
        };
        let delivery = |(channel, message): &(&str, usize)| DecidedDelivery {
            channel: (*channel).into(),
            message: *message,
        };
        let is_posted = |to: &DecidedDelivery| messages[to.message].is_none();
        let (deliveries, skipped) = to.iter().map(delivery).partition(is_posted);
        Decision {
            event_type: "push".to_owned(),
            key: IdempotencyKey([0; 16]),
            remember: Duration::ZERO,
            facts: Map::new(),
            line: crate::decision::EventLine::default(),
            routes: routes.iter().enumerate().map(route).collect(),
            messages: messages.iter().copied().map(message).collect(),
            deliveries,
            skipped,
            confirm: None,
            cut_off: Vec::new(),
            unreadable: None,
        }
    }

    fn skipped(decision: &Decision) -> Vec<(String, String)> {
        let skipped = decision.skipped().into_iter();
        skipped
            .map(|skipped| (skipped.channels.join(","), skipped.reason))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let expected = expected.iter();
        expected
            .map(|(channels, why)| ((*channels).to_owned(), (*why).to_owned()))
            .collect()
    }

    #[test]
    fn an_event_posted_to_every_channel_has_no_reason() {
        let posted = decision(&[(true, "own")], &[None], &[("dev", 0), ("ops", 0)]);
        assert_eq!(posted.skipped(), []);
        assert_eq!(posted.skip_reason(), None);
    }

    #[test]
    fn the_reason_is_the_route_without_channels_or_that_no_route_holds() {
        let without_channels = decision(
            &[(false, "no"), (true, "bot holds: skipped on purpose")],
            &[],
            &[],
        );
        let why = "route 1 names no channel (bot holds: skipped on purpose)";
        assert_eq!(skipped(&without_channels), pairs(&[("", why)]));
        assert_eq!(without_channels.skip_reason().as_deref(), Some(why));
        let unrouted = decision(&[(false, "no")], &[], &[]);
        assert_eq!(skipped(&unrouted), pairs(&[("", "no route holds")]));
    }

    #[test]
    fn a_skipped_variant_names_its_channels_although_others_get_a_message() {
        let to = [("dev", 0), ("ops", 1), ("all", 1)];
        let partly = decision(
            &[(true, "")],
            &[None, Some("push.short.hbs: it renders to nothing")],
            &to,
        );
        let why = "push.short.hbs: it renders to nothing";
        assert_eq!(skipped(&partly), pairs(&[("ops,all", why)]));
        assert_eq!(partly.skip_reason(), None, "one channel gets a message");
        let nobody = decision(
            &[(true, "")],
            &[Some("one"), Some("two")],
            &[("dev", 1), ("ops", 0)],
        );
        assert_eq!(skipped(&nobody), pairs(&[("ops", "one"), ("dev", "two")]));
        assert_eq!(nobody.skip_reason().as_deref(), Some("one"));
    }

    #[test]
    fn a_reason_is_one_line_of_limited_length() {
        let long = format!("route\n{}", "ä".repeat(10_000));
        let why = decision(&[(true, &long)], &[], &[]).skip_reason().unwrap();
        assert!(why.chars().count() == LONGEST && !why.contains('\n'), "{why}");
    }
}
