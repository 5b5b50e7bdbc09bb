//! The operator's side: what happened to an event, and what can be done about it.
//!
//! An [`OperatorService`] works on an open store: in a running bridge for the API under `/api/`, and in the command line
//! when no bridge runs. A [`Client`] asks the service of a running bridge over HTTP. Both return the same [`view`]s, so
//! that there is one way to show them.

mod client;
mod error;
pub mod explanation;
mod inspection;
mod moment;
mod pauses;
mod reload;
mod replay;
mod service;
mod source_test;
mod status;
pub mod view;
mod who;

pub use client::{Client, ClientError, operator_url};
pub use error::OperatorError;
pub use inspection::Inspection;
pub use moment::Moment;
pub use reload::{PendingReload, Reloads};
pub use service::{HaltedLane, Halts, OperatorService};
pub use source_test::TestSample;
pub use who::Who;

use crate::twake::{AnswerRow, Api, Ends, Reason, answers};

/// Returns what a person should do about a reason, from the table of the channel's API. `None`: the channel is not
/// configured any more.
fn hint(reason: &str, api: Option<Api>) -> Option<&'static str> {
    match Reason::from_code(reason)? {
        Reason::Delivered => None,
        Reason::Expired => {
            Some("it could not be posted within delivery.horizon; replay it when Twake takes messages again")
        }
        Reason::Discarded => Some("an operator discarded it; a replay posts it"),
        Reason::Unreadable => {
            Some("the store was written by another version of the bridge; replay the event")
        }
        Reason::Stopped => Some("nothing: the bridge posts the message when it runs again"),
        reason => rows(reason, api).next().map(|row| row.hint),
    }
}

/// Whether a reason is one that may halt.
fn halts(reason: &str, api: Option<Api>) -> bool {
    let rows = Reason::from_code(reason).map(|reason| rows(reason, api));
    let mut rows = rows.into_iter().flatten();
    rows.any(|row| matches!(row.ends, Ends::Halt(_) | Ends::Probe(_)))
}

/// The rows of a reason: that of the API, then those of the others, because a channel may have moved.
fn rows(reason: Reason, api: Option<Api>) -> impl Iterator<Item = &'static AnswerRow> {
    let all = Api::ALL.into_iter().map(|(_, api)| api);
    let apis = api.into_iter().chain(all);
    apis.flat_map(answers).filter(move |row| row.reason == reason)
}
