//! What commands write on standard error.

use std::fmt::Arguments;
use std::io::{Write as _, stderr};

/// Writes a line after everything that was logged. Where nobody reads standard error, or it is closed, the line is lost:
/// that is no reason to wait or to panic, as `eprintln` would.
pub(super) fn note(text: Arguments<'_>) {
    if crate::logging::flush() {
        let _ = writeln!(stderr().lock(), "{text}");
    }
}
