//! Reads configuration and template files, up to a limit.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// The maximum size of a configuration or template file, in bytes.
pub(super) const LARGEST_FILE: u64 = 1 << 20;

/// Reads a file of at most `largest` bytes. The error does not contain the path.
pub(super) fn text(path: &Path, largest: u64) -> Result<String, String> {
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut bytes = Vec::new();
    file.take(largest + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > largest {
        return Err(format!("is larger than {} KiB", largest >> 10));
    }
    // The byte-order marks of UTF-16, which PowerShell's `>` writes.
    let wide = [b"\xff\xfe", b"\xfe\xff"]
        .iter()
        .any(|mark| bytes.starts_with(*mark));
    String::from_utf8(bytes).map_err(|_| {
        let what = if wide {
            "is UTF-16; write it as UTF-8"
        } else {
            "is not UTF-8 text"
        };
        what.to_owned()
    })
}
