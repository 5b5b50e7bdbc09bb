//! Drafts the folder of a kind from requests that its sender really sent: `twake-bridge kinds new`.
//!
//! The built-in kind `generic` finds the title, the actor, the outcome and so on of any payload. Where a value that it found lies is
//! what the draft writes down (`facts`). What `generic` has no fact for is found by the names of `names`. What an event type
//! seems to be (`family`) decides which shared parts its template uses. Each guess is listed, for the person who completes the draft.

mod authentication;
mod complete;
mod event_type;
mod expressions;
mod fact;
mod facts;
mod family;
mod generic;
mod key;
mod names;
mod path;
mod recording;
mod text;
mod write;

use authentication::Authentication;
use event_type::EventTypes;
use fact::Fact;
use family::EventFamily;
use generic::Generic;

pub use recording::{Recording, recordings};

/// The files of a kind, and what a person must know about them.
pub struct Draft {
    /// The files by their paths in the folder of the kind.
    pub files: Vec<(String, Vec<u8>)>,
    /// What was guessed, in the order of `source.toml`.
    pub guesses: Vec<Guess>,
    /// What was not found, and what a person must fill in or compare with the sender's documentation.
    pub blanks: Vec<String>,
}

/// Something that was guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// What it is for: `event type`, `idempotency key`, or the name of a fact.
    pub name: String,
    /// The expression, or the first of several.
    pub expression: String,
    /// What it is based on, or gives: `4 of 5 payloads, such as "Disk full"`.
    pub basis: String,
}

/// What was found out about a sender.
struct Findings<'r> {
    name: &'r str,
    recordings: &'r [Recording],
    types: EventTypes,
    authentication: Authentication,
    key: key::Key,
    families: Vec<EventFamily>,
    facts: Vec<Fact>,
}

/// Drafts the kind `name`. The recordings are not empty.
///
/// # Errors
/// Says why the built-in kind `generic`, by which values are found, cannot be used.
pub fn draft(name: &str, recordings: &[Recording]) -> Result<Draft, String> {
    let generic = Generic::load()?;
    let types = event_type::find(name, recordings);
    let mut facts = facts::find(recordings, &types, &generic);
    let families = family::find(recordings, &types, &facts);
    complete::complete(&mut facts, recordings, &types, &families);
    let findings = Findings {
        key: key::find(recordings),
        authentication: authentication::find(recordings),
        name,
        recordings,
        types,
        families,
        facts,
    };
    Ok(write::draft(&findings))
}
