//! The operator's side: what happened to an event, and what can be done about it.
//!
//! A [`OperatorService`] answers on an open store: inside a running bridge for the pages under `/api/`, inside the command line when
//! no bridge runs. A [`Client`] asks a running bridge's desk from afar. Both give the same [`view`]s, so that there is one
//! way of showing them.

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

/// What a person should do about a reason, as the dialect's table has it.
fn hint(reason: &str) -> Option<&'static str> {
    match Reason::from_code(reason)? {
        Reason::Delivered => None,
        Reason::Expired => {
            Some("it could not be told within delivery.horizon; replay it once Twake takes messages again")
        }
        Reason::Dropped => Some("an operator gave it up; a replay tells it after all"),
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
