//! Every sample of a built-in kind has an origin: its name stands once in `samples/SOURCES` of the kind.
//!
//! An origin is a line that begins as one of [`ORIGINS`]. The names of its samples follow, each on an indented line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use twake_bridge::config::builtin;

/// A request that a running sender sent, its values changed; the source of the sender; its documentation; a shape that no
/// sender prescribes.
const ORIGINS: [&str; 4] = ["recorded: ", "source: ", "documentation: ", "made up: "];

#[test]
fn every_sample_has_one_origin() {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    for kind in builtin::kinds() {
        let sources = fs::read_to_string(templates.join(kind).join("samples/SOURCES")).unwrap();
        let mut named = BTreeSet::new();
        let mut origin = None;
        for line in sources.lines().filter(|line| !line.is_empty()) {
            if let Some(name) = line.strip_prefix("  ") {
                assert!(origin.is_some(), "{kind}: {name} stands before the first origin");
                assert!(named.insert(name.to_owned()), "{kind}: {name} has two origins");
            } else {
                let known = ORIGINS.iter().any(|start| line.starts_with(start));
                assert!(known, "{kind}: this is none of the origins {ORIGINS:?}: {line}");
                origin = Some(line);
            }
        }
        let samples: BTreeSet<String> = builtin::samples(kind)
            .into_iter()
            .map(|sample| sample.name)
            .collect();
        assert_eq!(named, samples, "{kind}");
    }
}
