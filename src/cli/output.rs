//! What commands write on standard error, and the files that they create.

use anyhow::Context as _;
use std::fmt::Arguments;
use std::fs::OpenOptions;
use std::io::{Write as _, stderr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes a line after everything that was logged. If standard error is closed or nobody reads it, the line is lost;
/// `eprintln` would panic or block.
pub(super) fn note(text: Arguments<'_>) {
    if crate::logging::flush() {
        let _ = writeln!(stderr().lock(), "{text}");
    }
}

/// Creates a file with this mode. Never overwrites one.
pub(super) fn create(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(content))
        .with_context(|| format!("cannot create {}", path.display()))
}
