//! Routes: which channels an event goes to, and why.

mod table;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::condition::Condition;
use crate::suggest::shorten;

pub use table::LookupTable;

/// A source's routes, top to bottom; the first that holds and does not continue ends the search.
#[derive(Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    own: Vec<Arc<str>>,
}

/// One route.
#[derive(Debug)]
pub struct Route {
    /// It holds only if this does; unset: always.
    pub when: Option<Condition>,
    /// Where its channels come from.
    pub to: RouteChannels,
    /// Go on looking after it held.
    pub goes_on: bool,
    /// The variant its messages are told in.
    pub variant: Option<Arc<str>>,
}

/// Where a route's channels come from.
#[derive(Debug)]
pub enum RouteChannels {
    /// These; none: the event is skipped on purpose.
    Channels(Vec<Arc<str>>),
    /// The text that `by` gives is looked up in a table; what is not there does not hold.
    Lookup {
        /// What is looked up.
        by: Condition,
        /// Where.
        table: LookupTable,
    },
    /// The text that `by` gives is a channel's name; any other text does not hold.
    Named {
        /// The name.
        by: Condition,
        /// The channels there are.
        known: Arc<BTreeSet<Arc<str>>>,
    },
}

/// A channel an event goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The channel's name.
    pub channel: Arc<str>,
    /// The variant its message is told in.
    pub variant: Option<Arc<str>>,
    /// The number of the route (from 0; the source's own `channels` are the last).
    pub route: usize,
}

/// What became of one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTrace {
    /// The number of the route, from 0.
    pub route: usize,
    /// Whether it held.
    pub held: bool,
    /// Why: the condition, the text looked up and the pattern that matched it, or the error. One short line.
    pub why: String,
    /// The channels it named when it held.
    pub channels: Vec<String>,
    /// Whether its condition or lookup could not be evaluated (it then does not hold; counted).
    pub failed: bool,
}

/// The channels of a route that holds, and why; else why not, and whether that is because something failed.
type Outcome<'a> = Result<(&'a [Arc<str>], String), (String, bool)>;

impl Routes {
    /// Routes from the top; `own` are the source's own channels, its last route.
    pub fn new(routes: Vec<Route>, own: Vec<Arc<str>>) -> Self {
        Self { routes, own }
    }

    /// The channels (each once, from the first route that named it) and the trace of the routes looked at.
    pub fn choose(&self, names: &Value) -> (Vec<Target>, Vec<RouteTrace>) {
        let (mut targets, mut traces) = (Vec::new(), Vec::new());
        for (number, route) in self.routes.iter().enumerate() {
            let outcome = route.look(names);
            let ends = outcome.is_ok() && !route.goes_on;
            take(number, route.variant.as_ref(), outcome, &mut targets, &mut traces);
            if ends {
                return (targets, traces);
            }
        }
        if !self.own.is_empty() {
            let outcome = Ok((self.own.as_slice(), "the source's own channels".to_owned()));
            take(self.routes.len(), None, outcome, &mut targets, &mut traces);
        }
        (targets, traces)
    }

    /// Whether a condition or a lookup of a route reads the name.
    pub fn reads(&self, name: &str) -> bool {
        self.routes.iter().any(|route| {
            let by = match &route.to {
                RouteChannels::Channels(_) => None,
                RouteChannels::Lookup { by, .. } | RouteChannels::Named { by, .. } => Some(by),
            };
            let mut all = route.when.iter().chain(by);
            all.any(|condition| condition.references().names.contains(name))
        })
    }

    /// Every channel some route may name.
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

    /// The variants its routes ask for.
    pub fn variants(&self) -> impl Iterator<Item = &Arc<str>> {
        self.routes.iter().filter_map(|route| route.variant.as_ref())
    }
}

fn take(
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
                failed: false,
            }
        }
        Err((why, failed)) => RouteTrace {
            route,
            held: false,
            why,
            channels: Vec::new(),
            failed,
        },
    };
    traces.push(trace);
}

impl Route {
    fn look(&self, names: &Value) -> Outcome<'_> {
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
                            "{} is {}, and no channel is called so",
                            short(by.text()),
                            quoted(&text)
                        ),
                        false,
                    ));
                };
                let why = format!("{} is {}, a channel's name", short(by.text()), quoted(&text));
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
        Ok(_) => Err((format!("{} gives no text", short(by.text())), true)),
        Err(error) => Err((format!("{} cannot be evaluated: {error}", short(by.text())), true)),
    }
}

/// An expression as a trace shows it.
fn short(text: &str) -> String {
    shorten(text, 80)
}

/// A text of the payload as a trace shows it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", shorten(text, 60))
}

#[cfg(test)]
mod tests;
