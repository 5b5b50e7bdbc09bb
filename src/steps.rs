//! How much a decision may compute, counted in steps.
//!
//! A step is about one operation of a condition or a template, or 256 bytes of text handled. Steps are counted, time is
//! not read: the same event is cut off at the same point on every machine, in `serve`, replay, preview and check, and a
//! decision stays a pure function of its inputs.
//!
//! The count of a thread is set by [`limited`] and is gone when that returns. Outside of it nothing is limited.

use std::cell::Cell;

/// Steps that one expression may take.
pub(crate) const EXPRESSION: u64 = 500_000;

/// Steps that one template may take.
pub(crate) const TEMPLATE: u64 = 500_000;

/// Steps for the type, the key and the facts of one event; as many again for its routes, and for its messages.
pub(crate) const PHASE: u64 = 1_000_000;

/// Bytes of text that count as one step.
const TEXT: usize = 256;

/// The error of whoever takes a step when none is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it takes too many steps; look at less of the payload")]
pub(crate) struct OutOfSteps;

#[derive(Clone, Copy)]
struct Count {
    left: u64,
    /// Somebody asked for more than was left, here or in a smaller limit within this one.
    exceeded: bool,
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { left: u64::MAX, exceeded: false }) };
}

/// Runs `work` with at most so many steps, and with no more than the limit around it has left. Also returns whether
/// `work` asked for more than it had.
pub(crate) fn limited<T>(steps: u64, work: impl FnOnce() -> T) -> (T, bool) {
    let limit = Limit::new(steps);
    let made = work();
    let exceeded = COUNT.get().exceeded;
    drop(limit);
    (made, exceeded)
}

/// Takes steps, or says that there are not as many left. After that none are left.
pub(crate) fn take(steps: u64) -> Result<(), OutOfSteps> {
    let mut count = COUNT.get();
    let taken = count.left.checked_sub(steps);
    count.left = taken.unwrap_or_default();
    count.exceeded |= taken.is_none();
    COUNT.set(count);
    taken.map(drop).ok_or(OutOfSteps)
}

/// Takes the steps of handling a text of so many bytes.
pub(crate) fn take_text(bytes: usize) -> Result<(), OutOfSteps> {
    take_many(bytes / TEXT)
}

/// Takes as many steps as a list or an object has items.
pub(crate) fn take_many(items: usize) -> Result<(), OutOfSteps> {
    take(items as u64)
}

/// The limit that is in force until this is dropped, by a panic too.
struct Limit {
    around: Count,
    granted: u64,
}

impl Limit {
    fn new(steps: u64) -> Self {
        let around = COUNT.get();
        let granted = steps.min(around.left);
        COUNT.set(Count {
            left: granted,
            exceeded: false,
        });
        Self { around, granted }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let inner = COUNT.get();
        let used = self.granted - inner.left;
        COUNT.set(Count {
            left: self.around.left - used,
            exceeded: self.around.exceeded | inner.exceeded,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_until_none_are_left_and_the_limit_ends_with_its_work() {
        let (taken, exceeded) = limited(10, || [take(4), take(6), take(1), take(0)]);
        assert_eq!(taken, [Ok(()), Ok(()), Err(OutOfSteps), Ok(())]);
        assert!(exceeded);
        assert_eq!(limited(10, || take(10)), (Ok(()), false));
        assert_eq!(take(u64::MAX / 2), Ok(()), "outside nothing is limited");
    }

    #[test]
    fn a_limit_within_another_takes_of_it_and_says_what_it_lacked() {
        let (within, exceeded) = limited(10, || {
            let first = limited(4, || take(5)).1;
            let second = limited(100, || take(6)).1;
            (first, second, take(1))
        });
        assert_eq!(within, (true, false, Err(OutOfSteps)));
        assert!(exceeded);
        let (_, exceeded) = limited(10, || limited(1, || take(2)));
        assert!(exceeded, "what was lacking within is known outside");
    }

    #[test]
    fn a_panic_ends_the_limit_too() {
        let _ = crate::panics::caught(|| limited(1, || panic!("broken")));
        assert_eq!(limited(10, || take(10)), (Ok(()), false));
    }
}
