//! Why an event is not told somewhere: what to say to whoever asks where it went.

use serde::{Deserialize, Serialize};

use super::{DecidedDelivery, Decision};
use crate::message::control;

/// The longest reason kept, in characters: a part of it may come from outside.
const LONGEST: usize = 300;

/// Some channels that are told nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The channels that a route named; none: no route that held named one.
    pub channels: Vec<String>,
    /// The reason, in one line of 300 characters at the most.
    pub why: String,
}

impl Decision {
    /// Where nothing is said and why, a variant each; empty where the event is told wherever its routes lead.
    pub fn silences(&self) -> Vec<Silence> {
        if self.deliveries.is_empty() && self.unsaid.is_empty() {
            let channels = Vec::new();
            return vec![Silence::new(channels, &self.unrouted())];
        }
        let silent = self.messages.iter().enumerate();
        let silent = silent.filter_map(|(number, message)| {
            let of = |unsaid: &&DecidedDelivery| unsaid.message == number;
            let unsaid = self.unsaid.iter().filter(of);
            let channels: Vec<String> = unsaid.map(|unsaid| unsaid.channel.to_string()).collect();
            Some(Silence::new(channels, message.silence.as_ref()?))
        });
        silent.collect()
    }

    /// Why nobody is told anything, in one line; unset when somebody is.
    pub fn silence(&self) -> Option<String> {
        if !self.deliveries.is_empty() {
            return None;
        }
        self.silences().into_iter().next().map(|silence| silence.why)
    }

    /// Why no channel is named.
    fn unrouted(&self) -> String {
        match self.routes.iter().rev().find(|route| route.held) {
            Some(last) => format!("route {} names no channel ({})", last.route, last.why),
            None => "no route holds".to_owned(),
        }
    }
}

impl Silence {
    fn new(channels: Vec<String>, why: &str) -> Self {
        let why = control::one_line(why).chars().take(LONGEST).collect();
        Self { channels, why }
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

    fn decision(routes: &[(bool, &str)], said: &[Option<&str>], to: &[(&str, usize)]) -> Decision {
        let route = |(route, (held, why)): (usize, &(bool, &str))| RouteTrace {
            route,
            held: *held,
            why: (*why).to_owned(),
            channels: Vec::new(),
            failed: false,
        };
        let message = |silence: Option<&str>| DecidedMessage {
            silence: silence.map(str::to_owned),
            message: silence.is_none().then(|| StoredMessage {
                v: 1,
                message: Document { blocks: Vec::new() },
                ephemeral: false,
            }),
            ..DecidedMessage::default()
        };
        let delivery = |(channel, message): &(&str, usize)| DecidedDelivery {
            channel: (*channel).into(),
            message: *message,
        };
        let spoken = |to: &DecidedDelivery| said[to.message].is_none();
        let (deliveries, unsaid) = to.iter().map(delivery).partition(spoken);
        Decision {
            event_type: "push".to_owned(),
            key: IdempotencyKey([0; 16]),
            remember: Duration::ZERO,
            facts: Map::new(),
            routes: routes.iter().enumerate().map(route).collect(),
            messages: said.iter().copied().map(message).collect(),
            deliveries,
            unsaid,
            cut_off: Vec::new(),
            unreadable: None,
        }
    }

    fn silences(decision: &Decision) -> Vec<(String, String)> {
        let silences = decision.silences().into_iter();
        silences
            .map(|silence| (silence.channels.join(","), silence.why))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let expected = expected.iter();
        expected
            .map(|(channels, why)| ((*channels).to_owned(), (*why).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_told_everywhere_has_no_reason() {
        let told = decision(&[(true, "own")], &[None], &[("dev", 0), ("ops", 0)]);
        assert_eq!(told.silences(), []);
        assert_eq!(told.silence(), None);
    }

    #[test]
    fn the_route_that_dropped_it_is_the_reason_and_else_that_none_holds() {
        let dropped = decision(
            &[(false, "no"), (true, "bot holds: dropped on purpose")],
            &[],
            &[],
        );
        let why = "route 1 names no channel (bot holds: dropped on purpose)";
        assert_eq!(silences(&dropped), pairs(&[("", why)]));
        assert_eq!(dropped.silence().as_deref(), Some(why));
        let unrouted = decision(&[(false, "no")], &[], &[]);
        assert_eq!(silences(&unrouted), pairs(&[("", "no route holds")]));
    }

    #[test]
    fn a_variant_that_says_nothing_names_its_channels_though_others_are_told() {
        let to = [("dev", 0), ("ops", 1), ("all", 1)];
        let partly = decision(
            &[(true, "")],
            &[None, Some("push.short.hbs: it renders to nothing")],
            &to,
        );
        let why = "push.short.hbs: it renders to nothing";
        assert_eq!(silences(&partly), pairs(&[("ops,all", why)]));
        assert_eq!(partly.silence(), None, "somebody is told");
        let nobody = decision(
            &[(true, "")],
            &[Some("one"), Some("two")],
            &[("dev", 1), ("ops", 0)],
        );
        assert_eq!(silences(&nobody), pairs(&[("ops", "one"), ("dev", "two")]));
        assert_eq!(nobody.silence().as_deref(), Some("one"));
    }

    #[test]
    fn a_reason_is_one_bounded_line_whatever_came() {
        let long = format!("route\n{}", "ä".repeat(10_000));
        let why = decision(&[(true, &long)], &[], &[]).silence().unwrap();
        assert!(why.chars().count() == LONGEST && !why.contains('\n'), "{why}");
    }
}
