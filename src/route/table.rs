//! Lookup tables: names and patterns, each with its channels.

use std::collections::HashMap;
use std::sync::Arc;

/// Names and patterns with their channels. In a pattern, `*` matches any text, also an empty one. Exact names precede patterns,
/// and longer patterns precede shorter ones.
#[derive(Debug, Default)]
pub struct LookupTable {
    names: HashMap<String, Vec<Arc<str>>>,
    patterns: Vec<(String, Vec<Arc<str>>)>,
}

impl LookupTable {
    /// Creates a table. Sorts the patterns by precedence.
    pub fn new(entries: impl IntoIterator<Item = (String, Vec<Arc<str>>)>) -> Self {
        let (patterns, names): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(name, _)| name.contains('*'));
        let mut table = Self {
            names: names.into_iter().collect(),
            patterns,
        };
        table
            .patterns
            .sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        table
    }

    /// Returns the first name or pattern that matches, and its channels.
    pub fn find(&self, text: &str) -> Option<(&str, &[Arc<str>])> {
        if let Some((name, channels)) = self.names.get_key_value(text) {
            return Some((name, channels));
        }
        let (pattern, channels) = self.patterns.iter().find(|(pattern, _)| matches(pattern, text))?;
        Some((pattern, channels))
    }

    /// Every channel of the table.
    pub fn channels(&self) -> impl Iterator<Item = &Arc<str>> {
        let patterns = self.patterns.iter().map(|(_, channels)| channels);
        self.names.values().chain(patterns).flatten()
    }

    /// Whether a pattern matches every text.
    pub fn matches_all(&self) -> bool {
        self.patterns
            .iter()
            .any(|(pattern, _)| pattern.chars().all(|c| c == '*'))
    }
}

/// Whether a pattern matches the whole text. Each piece between stars matches at its first position, which is always correct
/// for stars. So the time is at most the length of the text times that of the pattern.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|start| text.strip_prefix(start)) else {
        return false;
    };
    let Some(end) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_match_any_text_and_the_rest_matches_itself() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "x"),
            ("shop-*", "shop-"),
            ("shop-*", "shop-web"),
            ("*-web", "shop-web"),
            ("s*p*b", "shop-web"),
            ("**", "x"),
            ("a*a", "aa"),
            ("é*", "éa"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("shop-*", "shop"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("*x", "xy"),
            ("a", "ab"),
            ("shop-*", "Shop-web"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    /// The plain definition: exponential, but obviously correct.
    fn by_definition(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| by_definition(rest, &text[at..])),
            Some((letter, rest)) => text.first() == Some(letter) && by_definition(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_definition(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches(&pattern, &text), by_definition(pattern.as_bytes(), text.as_bytes()));
        }
    }

    #[test]
    fn names_come_before_patterns_and_longer_patterns_first() {
        let entry = |name: &str| (name.to_owned(), vec![Arc::from(name)]);
        let table = LookupTable::new(["*", "shop-*", "shop-web", "shop-*-old"].map(entry));
        for (text, expected) in [
            ("shop-web", "shop-web"),
            ("shop-web-old", "shop-*-old"),
            ("shop-x", "shop-*"),
            ("other", "*"),
        ] {
            assert_eq!(table.find(text).map(|(found, _)| found), Some(expected), "{text}");
        }
        assert!(table.matches_all());
    }
}
