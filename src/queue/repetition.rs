//! What it means that the idempotency key of a request is known.

use jiff::Timestamp;
use uuid::Uuid;

use super::State;

/// What becomes of a request whose key is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repetition {
    /// Its event waits, is delivered, or is decided later: nothing changes.
    Seen,
    /// All deliveries of its event are dead: they wait again.
    PutBack,
    /// Its event had no deliveries: the new decision replaces it.
    Replaced,
}

impl Repetition {
    /// `states`: of the deliveries of the known event. `is_undelivered`: the event is stored, and no source's pause holds it.
    /// Pruning deletes the key with an event that was not delivered. So an event that is gone was delivered.
    pub(super) fn of(states: &[(String, State)], is_undelivered: bool) -> Self {
        match states {
            [] if is_undelivered => Self::Replaced,
            [] => Self::Seen,
            _ if states.iter().all(|(_, state)| *state == State::Dead) => Self::PutBack,
            _ => Self::Seen,
        }
    }
}

/// Whether an id is more than a day later than `now`: a wrong clock made it. The real age of its key is not known, and the
/// key would be remembered for too long. So a new event with the same key is not a repetition of it.
pub(super) fn is_of_the_future(id: Uuid, now: Timestamp) -> bool {
    const DAY: i64 = 24 * 3600;
    let second = id.get_timestamp().map(|time| time.to_unix().0);
    let second = second.and_then(|second| i64::try_from(second).ok());
    second.is_some_and(|second| second.saturating_sub(now.as_second()) > DAY)
}

/// The lanes of an event's deliveries, each once if its deliveries are next to each other.
pub(super) fn lanes(states: &[(String, State)]) -> Vec<String> {
    let mut lanes: Vec<String> = states.iter().map(|(lane, _)| lane.clone()).collect();
    lanes.dedup();
    lanes
}
