//! Parses the request from the arguments: headers, and the file of the payload.

use anyhow::{Context as _, ensure};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Parses `Name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write a header as 'Name: value'")?;
    let name = name.trim();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Err("the name of a header has only letters, digits and -".to_owned());
    }
    Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
}

/// Reads a file of at most `limit` bytes.
pub(super) fn body(path: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let mut reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot open {}", path.display()))?)
    };
    let mut body = Vec::new();
    reader
        .by_ref()
        .take(limit as u64 + 1)
        .read_to_end(&mut body)
        .with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        body.len() <= limit,
        "{} is larger than {limit} bytes, the largest body this source takes (limits.body)",
        path.display()
    );
    Ok(body)
}

/// The event type in a file name such as `push__branch-created.json`.
pub(super) fn type_of_file(path: &Path) -> Option<String> {
    let (event_type, _) = path.file_stem()?.to_str()?.split_once("__")?;
    Some(event_type.to_owned())
}
