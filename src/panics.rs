//! Converts panics of libraries into errors.
//!
//! The libraries for CEL, Handlebars and Markdown should return errors. If one panics on an unexpected value, the event
//! must not be lost. Panics of the bridge's own code are not caught: they are bugs, and the log shows them.

use log::{Level, error, log_enabled};
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Maximum length of a panic message, in characters. The message may quote a payload.
const LONGEST: usize = 200;

/// Sends panic messages to the log instead of standard error. A panicking thread must not block on a full pipe, and a
/// closed pipe must not turn the panic into an abort.
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

/// Runs `work` and returns its result, or its panic message on one line. The panic hook has already reported the panic.
///
/// `work` must not leave shared data half changed by a panic: it may only read its input and build its result.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| message(&*payload))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    let characters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    characters.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_one_line_and_other_results_pass() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        let (index, text) = (9, "a\nb");
        let message = caught::<()>(|| panic!("no {index}: {text}{}", "x".repeat(1_000))).unwrap_err();
        assert!(
            message.starts_with("no 9: a b") && message.chars().count() == LONGEST,
            "{message}"
        );
        assert_eq!(
            caught(|| std::panic::panic_any(1_u8)),
            Err::<(), _>("no message".to_owned())
        );
    }
}
