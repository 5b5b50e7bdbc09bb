//! What a settlement changes, in the form in which every store writes it.

use super::encoding::state_number;
use super::{Attempt, DeliveryRecord, Kept, Outcome, Settlement, State};
use crate::conversation::Key;

/// How many attempts of a delivery are kept: the last ones.
pub(super) const ATTEMPTS_KEPT: i64 = 20;

/// What an attempt means for the time since when its lane fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failing {
    /// The lane does not fail.
    Reset = 0,
    /// The lane fails at least since now.
    Since = 1,
    /// The time stays.
    Unchanged = 2,
}

/// The columns of a delivery after a settlement. Times are milliseconds since 1970.
pub(super) struct Settling<'a> {
    pub(super) state: State,
    pub(super) failing: Failing,
    pub(super) now: i64,
    pub(super) due: Option<i64>,
    pub(super) settled: Option<i64>,
    pub(super) detail: Option<&'a str>,
    pub(super) twake_id: Option<&'a str>,
    pub(super) done: Option<&'static str>,
    pub(super) carried_by: Option<i64>,
}

impl<'a> Settling<'a> {
    pub(super) fn of(settlement: &'a Settlement) -> Self {
        let now = settlement.now.as_millisecond();
        let (state, failing) = match &settlement.outcome {
            Outcome::Delivered { .. } => (State::Delivered, Failing::Reset),
            Outcome::Retry { .. } => (State::Waiting, Failing::Since),
            Outcome::Halted => (State::Waiting, Failing::Reset),
            Outcome::Rejected => (State::Dead, Failing::Reset),
            // The deliveries behind it are as old. So each of them gets one attempt, not a new horizon.
            Outcome::Expired => (State::Dead, Failing::Unchanged),
            Outcome::Skipped { .. } => (State::Skipped, Failing::Unchanged),
        };
        let due = match &settlement.outcome {
            Outcome::Retry { due } => Some(due.as_millisecond()),
            _ => None,
        };
        let carried_by = match &settlement.outcome {
            Outcome::Skipped { carried_by } => carried_by.map(|delivery| delivery.0),
            _ => None,
        };
        let (twake_id, done) = match &settlement.outcome {
            Outcome::Delivered { id, done } => (Some(id.as_str()), Some(done.code())),
            _ => (None, None),
        };
        Self {
            state,
            failing,
            now,
            due,
            settled: (state != State::Waiting).then_some(now),
            detail: Some(settlement.detail.as_str()).filter(|detail| !detail.is_empty()),
            twake_id,
            done,
            carried_by,
        }
    }

    /// The number of the state.
    pub(super) fn state_number(&self) -> i16 {
        state_number(self.state)
    }

    /// The delivery does not wait any more.
    pub(super) fn ends(&self) -> bool {
        self.state != State::Waiting
    }
}

/// Whether an attempt needs a row of its own. Not if the delivery's own row has all of it: the only attempt has delivered it.
/// `attempts`: how many there were, with this one.
pub(super) fn has_own_row(outcome: &Outcome, attempts: i64) -> bool {
    match outcome {
        Outcome::Skipped { .. } => false,
        Outcome::Delivered { .. } => attempts > 1,
        _ => true,
    }
}

/// How long an attempt took, in milliseconds.
pub(super) fn took(settlement: &Settlement) -> i64 {
    i64::try_from(settlement.took.as_millis()).unwrap_or(i64::MAX)
}

/// The attempt that has no row, because the delivery's own row has it.
pub(super) fn only_attempt(record: &DeliveryRecord) -> Option<Attempt> {
    match (record.state, record.attempts, record.settled, &record.reason) {
        (State::Delivered, 1, Some(at), Some(reason)) => Some(Attempt {
            at,
            took_ms: None,
            status: None,
            reason: reason.clone(),
            detail: record.detail.clone(),
        }),
        _ => None,
    }
}

/// What is known from now on of a delivery's conversation, and of those that a digest has ended: keys, texts, and when each may
/// be forgotten. `thread` and `slot`: where the delivery belongs.
pub(super) fn kept(
    thread: Option<Key>,
    slot: Option<Key>,
    settlement: &Settlement,
) -> impl Iterator<Item = (Key, &str, i64)> {
    let own = (thread, slot, settlement.kept.as_ref());
    let ended = settlement.ended.iter();
    let ended = ended.map(|(thread, kept)| (Some(*thread), None, Some(kept)));
    let all = std::iter::once(own).chain(ended);
    all.filter_map(|(thread, slot, kept)| Some((thread, slot, kept?)))
        .flat_map(|(thread, slot, kept)| rows(thread, slot, kept))
}

fn rows(thread: Option<Key>, slot: Option<Key>, kept: &Kept) -> impl Iterator<Item = (Key, &str, i64)> {
    let expires = kept.expires.as_millisecond();
    let rows = [(thread, &kept.thread), (slot, &kept.message)];
    let rows = rows.into_iter();
    rows.filter_map(move |(key, json)| Some((key?, json.as_deref()?, expires)))
}
