//! The computation limit of a decision, counted in steps.
//!
//! A step is about one operation of a condition or a template, or 256 bytes of text. The limit does not use time: an
//! event stops at the same point on every machine, in `serve`, replay, preview and check, so a decision stays a pure
//! function of its inputs.
//!
//! [`limited`] sets the limit of the current thread until it returns. Outside of it there is no limit.

use std::cell::Cell;

/// Maximum steps of one expression.
pub(crate) const EXPRESSION: u64 = 500_000;

/// Maximum steps of one template.
pub(crate) const TEMPLATE: u64 = 500_000;

/// Maximum steps for the type, the key and the facts of an event together; the same again for its routes, and for its
/// messages.
pub(crate) const PHASE: u64 = 1_000_000;

/// Bytes of text that count as one step.
const TEXT: usize = 256;

/// No steps are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many steps; read less of the payload")]
pub(crate) struct OutOfSteps;

#[derive(Clone, Copy)]
struct Count {
    left: u64,
    /// Whether more steps were requested than were left, here or in an inner limit.
    exceeded: bool,
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { left: u64::MAX, exceeded: false }) };
}

/// Runs `work` with at most `steps` steps and at most what the enclosing limit has left. Also returns whether `work`
/// requested more.
pub(crate) fn limited<T>(steps: u64, work: impl FnOnce() -> T) -> (T, bool) {
    let limit = Limit::new(steps);
    let output = work();
    let exceeded = COUNT.get().exceeded;
    drop(limit);
    (output, exceeded)
}

/// Takes steps from the limit. If too few are left, takes the rest and fails.
pub(crate) fn take(steps: u64) -> Result<(), OutOfSteps> {
    let mut count = COUNT.get();
    let taken = count.left.checked_sub(steps);
    count.left = taken.unwrap_or_default();
    count.exceeded |= taken.is_none();
    COUNT.set(count);
    taken.map(drop).ok_or(OutOfSteps)
}

/// Takes the steps of processing a text.
pub(crate) fn take_text(bytes: usize) -> Result<(), OutOfSteps> {
    take_many(bytes / TEXT)
}

/// Takes one step per item of a list or an object.
pub(crate) fn take_many(items: usize) -> Result<(), OutOfSteps> {
    take(items as u64)
}

/// Restores the enclosing limit when dropped, also by a panic.
struct Limit {
    outer: Count,
    granted: u64,
}

impl Limit {
    fn new(steps: u64) -> Self {
        let outer = COUNT.get();
        let granted = steps.min(outer.left);
        COUNT.set(Count {
            left: granted,
            exceeded: false,
        });
        Self { outer, granted }
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let inner = COUNT.get();
        let used = self.granted - inner.left;
        COUNT.set(Count {
            left: self.outer.left - used,
            exceeded: self.outer.exceeded | inner.exceeded,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_out_inside_a_limit_and_never_outside() {
        let (taken, exceeded) = limited(10, || [take(4), take(6), take(1), take(0)]);
        assert_eq!(taken, [Ok(()), Ok(()), Err(OutOfSteps), Ok(())]);
        assert!(exceeded);
        assert_eq!(limited(10, || take(10)), (Ok(()), false));
        assert_eq!(take(u64::MAX / 2), Ok(()), "there is no limit outside");
    }

    #[test]
    fn an_inner_limit_takes_steps_of_the_outer_one() {
        let (within, exceeded) = limited(10, || {
            let first = limited(4, || take(5)).1;
            let second = limited(100, || take(6)).1;
            (first, second, take(1))
        });
        assert_eq!(within, (true, false, Err(OutOfSteps)));
        assert!(exceeded);
        let (_, exceeded) = limited(10, || limited(1, || take(2)));
        assert!(exceeded, "the outer limit knows that the inner one was exceeded");
    }

    #[test]
    fn a_panic_ends_the_limit() {
        let _ = crate::panics::caught(|| limited(1, || panic!("broken")));
        assert_eq!(limited(10, || take(10)), (Ok(()), false));
    }
}
