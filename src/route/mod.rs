//! Routes: decide to which channels an event goes, and why.

mod table;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::condition::{Condition, Part};
use crate::suggest::shorten;

pub use table::LookupTable;

/// The routes of a source, in order. The first one that holds without `continue` ends the search.
#[derive(Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    /// The `channels` of the source itself: its last route.
    own: Vec<Arc<str>>,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// The condition under which it holds. `None`: always.
    pub when: Option<Condition>,
    /// The channels.
    pub to: RouteChannels,
    /// Whether the search continues after this route holds.
    pub continues: bool,
    /// The template variant of its messages.
    pub variant: Option<Arc<str>>,
}

/// The channels of a route: fixed, or found by a value of the event.
#[derive(Debug)]
pub enum RouteChannels {
    /// Fixed channels. If there are none, the event is skipped.
    Channels(Vec<Arc<str>>),
    /// The text that `by` evaluates to is looked up in a table. The route does not hold if it is not found.
    Lookup {
        /// Evaluates to the text.
        by: Condition,
        /// The table.
        table: LookupTable,
    },
    /// The text that `by` evaluates to is the name of a channel. The route does not hold for any other text.
    Named {
        /// Evaluates to the name.
        by: Condition,
        /// The configured channels.
        known: Arc<BTreeSet<Arc<str>>>,
    },
}

/// A channel to which an event goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name of the channel.
    pub channel: Arc<str>,
    /// The template variant of its message.
    pub variant: Option<Arc<str>>,
    /// The number of the route, from 0. The source's own `channels` have the last number.
    pub route: usize,
}

/// The result of one route, with its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTrace {
    /// The number of the route, from 0.
    pub route: usize,
    /// Whether it held.
    pub held: bool,
    /// The reason in one short line: the condition, the text and the pattern that matched it, or the error.
    pub why: String,
    /// The channels if it held.
    pub channels: Vec<String>,
    /// Whether its condition or lookup could not be evaluated. It then does not hold, and a metric counts it.
    pub failed: bool,
    /// The parts of its condition that decided ([`Explanation::parts`](crate::condition::Explanation::parts)). Empty unless
    /// [`Routes::explain`] added them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What its condition and lookup read: each path as it is written, and its value, shortened. Empty unless
    /// [`Routes::explain`] added them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, String)>,
}

/// `Ok`: the channels of a route that holds, and the reason. `Err`: the reason why it does not hold, and whether its evaluation
/// failed.
type Outcome<'a> = Result<(&'a [Arc<str>], String), (String, bool)>;

impl Routes {
    /// Creates routes in this order. `own` are the `channels` of the source itself, its last route.
    pub fn new(routes: Vec<Route>, own: Vec<Arc<str>>) -> Self {
        Self { routes, own }
    }

    /// Returns the channels, each once for the first route that names it, and the trace of the evaluated routes.
    pub fn choose(&self, names: &Value) -> (Vec<Target>, Vec<RouteTrace>) {
        let (mut targets, mut traces) = (Vec::new(), Vec::new());
        for (number, route) in self.routes.iter().enumerate() {
            let outcome = route.evaluate(names);
            let ends = outcome.is_ok() && !route.continues;
            record(number, route.variant.as_ref(), outcome, &mut targets, &mut traces);
            if ends {
                return (targets, traces);
            }
        }
        if !self.own.is_empty() {
            let outcome = Ok((self.own.as_slice(), "the source's own channels".to_owned()));
            record(self.routes.len(), None, outcome, &mut targets, &mut traces);
        }
        (targets, traces)
    }

    /// Adds to the traces of an event why each condition holds or not. This is not done on the way in: it costs as much as
    /// evaluating the conditions again, and the values are those of the stored event.
    pub fn explain(&self, names: &Value, traces: &mut [RouteTrace]) {
        for trace in traces {
            let Some(route) = self.routes.get(trace.route) else {
                continue;
            };
            let mut holds = true;
            if let Some(when) = &route.when {
                let explanation = when.explain(names);
                holds = when.holds(names) == Ok(true);
                (trace.parts, trace.values) = (explanation.parts, explanation.values);
            }
            // The lookup of a route whose condition does not hold was not evaluated.
            if let Some(by) = route.to.lookup().filter(|_| holds) {
                let read = by.explain(names).values.into_iter();
                let new: Vec<_> = read.filter(|value| !trace.values.contains(value)).collect();
                trace.values.extend(new);
            }
        }
    }

    /// Whether the condition or the lookup of a route reads this name.
    pub fn reads(&self, name: &str) -> bool {
        let mut conditions = self.conditions();
        conditions.any(|condition| condition.references().names.contains(name))
    }

    /// The conditions and the lookups of all routes.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let routes = self.routes.iter();
        routes.flat_map(|route| route.when.iter().chain(route.to.lookup()))
    }

    /// Every channel that a route may name.
    pub fn reachable(&self) -> BTreeSet<Arc<str>> {
        let mut reachable: BTreeSet<Arc<str>> = self.own.iter().cloned().collect();
        for route in &self.routes {
            match &route.to {
                RouteChannels::Channels(channels) => reachable.extend(channels.iter().cloned()),
                RouteChannels::Lookup { table, .. } => reachable.extend(table.channels().cloned()),
                RouteChannels::Named { known, .. } => reachable.extend(known.iter().cloned()),
            }
        }
        reachable
    }

    /// How many routes there are, without the source's own channels.
    pub fn count(&self) -> usize {
        self.routes.len()
    }

    /// The variants that the routes select.
    pub fn variants(&self) -> impl Iterator<Item = &Arc<str>> {
        self.routes.iter().filter_map(|route| route.variant.as_ref())
    }
}

impl RouteChannels {
    /// The expression whose text is looked up.
    fn lookup(&self) -> Option<&Condition> {
        match self {
            Self::Channels(_) => None,
            Self::Lookup { by, .. } | Self::Named { by, .. } => Some(by),
        }
    }
}

fn record(
    route: usize,
    variant: Option<&Arc<str>>,
    outcome: Outcome<'_>,
    targets: &mut Vec<Target>,
    traces: &mut Vec<RouteTrace>,
) {
    let trace = match outcome {
        Ok((channels, why)) => {
            for channel in channels {
                if !targets.iter().any(|target| target.channel == *channel) {
                    targets.push(Target {
                        channel: Arc::clone(channel),
                        variant: variant.cloned(),
                        route,
                    });
                }
            }
            RouteTrace {
                route,
                held: true,
                why: if channels.is_empty() {
                    format!("{why}: skipped on purpose")
                } else {
                    why
                },
                channels: channels.iter().map(ToString::to_string).collect(),
                ..RouteTrace::default()
            }
        }
        Err((why, failed)) => RouteTrace {
            route,
            why,
            failed,
            ..RouteTrace::default()
        },
    };
    traces.push(trace);
}

impl Route {
    fn evaluate(&self, names: &Value) -> Outcome<'_> {
        let mut why = String::new();
        if let Some(when) = &self.when {
            let text = short(when.text());
            match when.holds(names) {
                Ok(true) => why = format!("{text} holds"),
                Ok(false) => return Err((format!("{text} does not hold"), false)),
                Err(error) => return Err((format!("{text} cannot be evaluated: {error}"), true)),
            }
        }
        let (channels, looked_up) = match &self.to {
            RouteChannels::Channels(channels) => (channels.as_slice(), None),
            RouteChannels::Lookup { by, table } => {
                let text = text_of(by, names)?;
                let Some((pattern, channels)) = table.find(&text) else {
                    return Err((
                        format!(
                            "{} is {}, which no name or pattern matches",
                            short(by.text()),
                            quoted(&text)
                        ),
                        false,
                    ));
                };
                (
                    channels,
                    Some(format!(
                        "{} is {}, which matches {pattern}",
                        short(by.text()),
                        quoted(&text)
                    )),
                )
            }
            RouteChannels::Named { by, known } => {
                let text = text_of(by, names)?;
                let Some(channel) = known.get(text.as_str()) else {
                    return Err((
                        format!(
                            "{} is {}, and no channel has this name",
                            short(by.text()),
                            quoted(&text)
                        ),
                        false,
                    ));
                };
                let why = format!("{} is {}, the name of a channel", short(by.text()), quoted(&text));
                (std::slice::from_ref(channel), Some(why))
            }
        };
        match looked_up {
            Some(looked_up) if why.is_empty() => Ok((channels, looked_up)),
            Some(looked_up) => Ok((channels, format!("{why}; {looked_up}"))),
            None => Ok((channels, why)),
        }
    }
}

fn text_of(by: &Condition, names: &Value) -> Result<String, (String, bool)> {
    match by.evaluate(names) {
        Ok(Value::String(text)) => Ok(text),
        Ok(_) => Err((format!("{} is not a text", short(by.text())), true)),
        Err(error) => Err((format!("{} cannot be evaluated: {error}", short(by.text())), true)),
    }
}

/// An expression, shortened for a trace.
fn short(text: &str) -> String {
    shorten(text, 80)
}

/// A text of the payload, quoted and shortened for a trace.
fn quoted(text: &str) -> String {
    format!("\"{}\"", shorten(text, 60))
}

#[cfg(test)]
mod tests;
