//! The numbers and words by which every store keeps states, acts and actions.

use super::{Action, Done, State};

/// A state as a column has it.
pub(super) fn state_number(state: State) -> i16 {
    match state {
        State::Waiting => 0,
        State::Delivered => 1,
        State::Dead => 2,
        State::Skipped => 3,
    }
}

/// A state from its number; `None`: a number of another version.
pub(super) fn state(number: i64) -> Option<State> {
    match number {
        0 => Some(State::Waiting),
        1 => Some(State::Delivered),
        2 => Some(State::Dead),
        3 => Some(State::Skipped),
        _ => None,
    }
}

/// What a delivery did, from its word; `None`: a word of another version.
pub(super) fn done(word: &str) -> Option<Done> {
    Done::ALL.into_iter().find(|done| done.code() == word)
}

/// What an operator did, from its word; `None`: a word of another version.
pub(super) fn action(word: &str) -> Option<Action> {
    Action::ALL.into_iter().find(|action| action.word() == word)
}

/// A count or a size as a column has it.
pub(super) fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
