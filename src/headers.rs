//! Request headers, as the sender sent them.

use serde::{Deserialize, Serialize};

/// Request headers in the order they arrived. Names are in lower case. A repeated header occurs repeatedly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Keeps the order and converts names to lower case.
    pub fn new<N: AsRef<str>, V: Into<String>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(
            headers
                .into_iter()
                .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.into()))
                .collect(),
        )
    }

    /// Returns the first value of a header. `name` must be in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns every value of a header, in the order they arrived. `name` must be in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the pairs of name and value, in the order they arrived.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Appends a header. `name` must be in lower case.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns a copy without the headers that `drop` selects by name and value.
    #[must_use]
    pub fn without(&self, drop: impl Fn(&str, &str) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, value)| !drop(name, value));
        Self(kept.cloned().collect())
    }
}
