//! What commands write on standard error.

use std::fmt::Arguments;
use std::io::{Write as _, stderr};

/// Writes a line after everything that was logged. If standard error is closed or nobody reads it, the line is lost;
/// `eprintln` would panic or block.
pub(super) fn note(text: Arguments<'_>) {
    if crate::logging::flush() {
        let _ = writeln!(stderr().lock(), "{text}");
    }
}
