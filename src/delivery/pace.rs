//! When a lane may post next: its rate (`rate`: at most so many messages in such a time, evenly spaced), and pauses that a
//! chat asked of several lanes. Both on the monotonic clock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::twake::HaltScope;
use crate::units::Rate;

/// The rate of a lane. It outlives the lane's runs.
#[derive(Default)]
pub(super) struct Pace {
    next: Cell<Duration>,
}

impl Pace {
    /// How long to wait before posting.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.next.get().saturating_sub(now)
    }

    /// Notes that a message is posted now. Two at the same time wait for both.
    pub(super) fn posted(&self, now: Duration, rate: Option<Rate>) {
        let gap = rate.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1));
        self.next.set(self.next.get().max(now) + gap);
    }
}

/// Pauses by scope, each with its end. The verdict of a dialect may begin one ([`crate::twake::VerdictKind::Retry`]).
#[derive(Default)]
pub(super) struct Pauses(RefCell<BTreeMap<HaltScope, Duration>>);

impl Pauses {
    /// How long to wait before posting in these scopes.
    pub(super) fn wait(&self, scopes: &[HaltScope], now: Duration) -> Duration {
        let pauses = self.0.borrow();
        let ends = scopes.iter().filter_map(|scope| pauses.get(scope));
        ends.max().map_or(Duration::ZERO, |end| end.saturating_sub(now))
    }

    /// Begins a pause that ends `until`. It does not shorten one that is longer.
    pub(super) fn begin(&self, scope: HaltScope, until: Duration) {
        let mut pauses = self.0.borrow_mut();
        let end = pauses.entry(scope).or_default();
        *end = until.max(*end);
    }

    /// Ends all of them: their accounts may have changed.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_spaced_evenly_and_an_idle_lane_saves_nothing_up() {
        let rate = Some(Rate {
            count: 30,
            per: Duration::from_secs(60),
        });
        let pace = Pace::default();
        let second = Duration::from_secs;
        assert_eq!(pace.wait(second(0)), second(0));
        pace.posted(second(10), rate);
        assert_eq!(pace.wait(second(10)), second(2));
        assert_eq!(pace.wait(second(11)), second(1));
        assert_eq!(pace.wait(second(100)), second(0));
        pace.posted(second(100), rate);
        assert_eq!(pace.wait(second(100)), second(2));
    }

    #[test]
    fn without_a_rate_there_is_no_wait() {
        let pace = Pace::default();
        pace.posted(Duration::from_secs(5), None);
        assert_eq!(pace.wait(Duration::from_secs(5)), Duration::ZERO);
    }

    #[test]
    fn a_pause_holds_the_lanes_of_its_scope_and_no_others() {
        let second = Duration::from_secs;
        let (one, two) = (HaltScope::account("one"), HaltScope::account("two"));
        let part = HaltScope::part("one", "channel dev".to_owned());
        let pauses = Pauses::default();
        pauses.begin(one.clone(), second(30));
        pauses.begin(one.clone(), second(20));
        let wait = |scopes: &[HaltScope], now| pauses.wait(scopes, second(now));
        assert_eq!(wait(&[one.clone(), part], 10), second(20));
        assert_eq!(wait(std::slice::from_ref(&one), 31), second(0));
        assert_eq!(wait(&[two], 10), second(0));
        pauses.clear();
        assert_eq!(wait(&[one], 10), second(0));
    }
}
