//! When a lane may post next: its rate (`rate`: at most so many messages in such a time, evenly spaced after a burst), and pauses
//! that a chat asked of several lanes. Both on the monotonic clock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::twake::HaltScope;
use crate::units::Rate;

/// The rate of a lane. It outlives the lane's runs.
#[derive(Default)]
pub(super) struct Pace {
    /// When the messages that were posted have taken their time, if each takes its part of the period.
    next: Cell<Duration>,
}

impl Pace {
    /// How long to wait before posting.
    pub(super) fn wait(&self, now: Duration, rate: Option<Rate>) -> Duration {
        let burst = rate.map_or(Duration::ZERO, |rate| gap(rate) * rate.burst.saturating_sub(1));
        self.next.get().saturating_sub(now).saturating_sub(burst)
    }

    /// Notes that a message is posted now. Two at the same time wait for both.
    pub(super) fn posted(&self, now: Duration, rate: Option<Rate>) {
        self.next
            .set(self.next.get().max(now) + rate.map_or(Duration::ZERO, gap));
    }
}

/// The time between two messages.
fn gap(rate: Rate) -> Duration {
    rate.per / rate.count.max(1)
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
        let rate = Some(Rate::even(30, Duration::from_secs(60)));
        let pace = Pace::default();
        let second = Duration::from_secs;
        assert_eq!(pace.wait(second(0), rate), second(0));
        pace.posted(second(10), rate);
        assert_eq!(pace.wait(second(10), rate), second(2));
        assert_eq!(pace.wait(second(11), rate), second(1));
        assert_eq!(pace.wait(second(100), rate), second(0));
        pace.posted(second(100), rate);
        assert_eq!(pace.wait(second(100), rate), second(2));
    }

    #[test]
    fn after_a_burst_the_gentle_rate_spaces_posts() {
        let (pace, second) = (Pace::default(), Duration::from_secs);
        let post = |at: u64| {
            let wait = pace.wait(second(at), Some(Rate::GENTLE));
            if wait.is_zero() {
                pace.posted(second(at), Some(Rate::GENTLE));
            }
            wait
        };
        let waits: Vec<Duration> = (0..11).map(|_| post(100)).collect();
        assert_eq!(waits[..10], [Duration::ZERO; 10]);
        assert_eq!(waits[10], second(5));
        assert_eq!(
            [post(104), post(105), post(106)],
            [second(1), second(0), second(4)]
        );
        // After 20 seconds more, four may follow each other.
        let later: Vec<Duration> = (0..5).map(|_| post(125)).collect();
        assert_eq!(later, [0, 0, 0, 0, 5].map(second));
    }

    #[test]
    fn without_a_rate_there_is_no_wait() {
        let pace = Pace::default();
        pace.posted(Duration::from_secs(5), None);
        assert_eq!(pace.wait(Duration::from_secs(5), None), Duration::ZERO);
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
