//! Where a panic in somebody else's code ends.
//!
//! CEL, Handlebars and Markdown are read by libraries that are to fail with an error and not by panicking; should one
//! panic all the same, over a value that nobody thought of, an event must not be lost by it. Nothing else is caught: a
//! panic of our own is a mistake to be seen: its message goes to the log like everything else.

use log::{Level, error, log_enabled};
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Longest message kept of a panic, in characters: it may quote a payload.
const LONGEST: usize = 200;

/// Sends panic messages to the log instead of standard error: a thread that panics must not wait for an unread pipe, and a
/// closed one must not turn a panic into an abort.
pub(crate) fn report_to_the_log() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !log_enabled!(Level::Error) {
            return default(panic);
        }
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let error = message(panic.payload());
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            error!(thread, at, error, backtrace:%; "a thread panicked");
        } else {
            error!(thread, at, error; "a thread panicked");
        }
    }));
}

/// What `work` gives, or what its panic said, on one line. The panic has also been printed by then.
///
/// `work` has to leave nothing behind that is changed half way: what it is given to read is whole, and what it makes is
/// gone with the panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|said| message(&*said))
}

fn message(said: &(dyn Any + Send)) -> String {
    let text = said
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| said.downcast_ref::<&str>().copied())
        .unwrap_or("without a word");
    let characters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    characters.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_line_and_everything_else_passes() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        let (index, text) = (9, "a\nb");
        let said = caught::<()>(|| panic!("no {index}: {text}{}", "x".repeat(1_000))).unwrap_err();
        assert!(
            said.starts_with("no 9: a b") && said.chars().count() == LONGEST,
            "{said}"
        );
        assert_eq!(
            caught(|| std::panic::panic_any(1_u8)),
            Err::<(), _>("without a word".to_owned())
        );
    }
}
