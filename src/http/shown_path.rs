//! The path of a refused request, as the log shows it. A path may contain a token: after the name of a source, or anywhere in
//! an address that was typed wrongly.

use percent_encoding::percent_decode_str;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use crate::secret::Secret;
use crate::source::Snapshot;

/// Maximum length of a shown segment, in characters.
const LONGEST: usize = 64;

/// A path for the log: `/hooks/NAME`, of any other path its first segment, and `/…` for the rest. A segment that is the secret
/// of a source is not shown. The log escapes and writes it only if the line is not over the limit.
pub(super) struct ShownPath<'a> {
    pub(super) path: &'a str,
    pub(super) serving: Arc<Snapshot>,
}

impl Display for ShownPath<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let mut segments = self.path.trim_start_matches('/').split('/');
        let first = segments.next().unwrap_or_default();
        self.write(out, first)?;
        if first == "hooks"
            && let Some(name) = segments.next()
        {
            self.write(out, name)?;
        }
        match segments.next() {
            Some(_) => out.write_str("/…"),
            None => Ok(()),
        }
    }
}

impl ShownPath<'_> {
    fn write(&self, out: &mut Formatter<'_>, segment: &str) -> fmt::Result {
        let decoded = Secret::new(&percent_decode_str(segment).decode_utf8_lossy());
        let mut sources = self.serving.sources.values();
        if sources.any(|source| source.authenticator.has_secret(&decoded)) {
            return out.write_str("/[secret]");
        }
        match segment.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(out, "/{}…", &segment[..end]),
            None => write!(out, "/{segment}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_path_is_not_shown() {
        for (path, shown) in [
            ("/", "/"),
            ("/hooks", "/hooks"),
            ("/hooks/github", "/hooks/github"),
            ("/hooks/github/token", "/hooks/github/…"),
            ("/hooks/github/", "/hooks/github/…"),
            ("/hooks//token", "/hooks//…"),
            ("//hooks/github/token", "/hooks/github/…"),
            ("/github/token", "/github/…"),
            ("/favicon.ico", "/favicon.ico"),
        ] {
            let serving = Arc::new(Snapshot::default());
            assert_eq!(ShownPath { path, serving }.to_string(), shown);
        }
        let long = format!("/hooks/{}", "é".repeat(65));
        let path = ShownPath {
            path: &long,
            serving: Arc::default(),
        };
        assert_eq!(path.to_string(), format!("/hooks/{}…", "é".repeat(64)));
    }
}
