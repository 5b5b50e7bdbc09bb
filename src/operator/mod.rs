//! The operator's side: what happened to an event, and what can be done about it.
//!
//! An [`OperatorService`] works on an open store: in a running bridge for the API under `/api/`, and in the command line
//! when no bridge runs. A [`Client`] asks the service of a running bridge over HTTP. Both return the same [`view`]s, so
//! that there is one way to show them.

mod client;
mod error;
mod reload;
mod replay;
mod service;
pub mod view;

pub use client::{Client, ClientError, operator_url};
pub use error::OperatorError;
pub use reload::{PendingReload, Reloads};
pub use service::{HaltedLane, Halts, OperatorService};

use crate::twake::{AnswerRow, Api, Ends, Reason, answers};

/// Returns what a person should do about a reason, from the dialect's table.
fn hint(reason: &str) -> Option<&'static str> {
    match Reason::from_code(reason)? {
        Reason::Delivered => None,
        Reason::Expired => {
            Some("it could not be posted within delivery.horizon; replay it when Twake takes messages again")
        }
        Reason::Discarded => Some("an operator discarded it; a replay posts it"),
        Reason::Unreadable => {
            Some("the store was written by another version of the bridge; replay the event")
        }
        reason => row(reason).map(|row| row.hint),
    }
}

/// Whether a reason is one that may halt.
fn halts(reason: &str) -> bool {
    let row = Reason::from_code(reason).and_then(row);
    row.is_some_and(|row| matches!(row.ends, Ends::Halt(_) | Ends::Probe(_)))
}

fn row(reason: Reason) -> Option<&'static AnswerRow> {
    answers(Api::MessagesSave).find(|row| row.reason == reason)
}
