//! The tokens that the threads API has issued.

use std::collections::VecDeque;

use jiff::Timestamp;

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// An application, by its public id.
    Application(String),
    /// A person, or an application whose token was renewed: it names no application then.
    Person(String),
    /// An application's token that only renews another.
    Refresh(String),
}

/// The tokens that were issued, the oldest first.
#[derive(Default)]
pub(in crate::sandbox) struct Tokens {
    issued: VecDeque<(String, Holder, Timestamp)>,
}

impl Tokens {
    /// Adds a token, and removes the oldest one beyond `kept`.
    pub(super) fn add(&mut self, token: &str, holder: Holder, end: Timestamp, kept: usize) {
        self.issued.push_back((token.to_owned(), holder, end));
        while self.issued.len() > kept {
            self.issued.pop_front();
        }
    }

    /// Whose token it is, if it has not ended.
    pub(super) fn holder(&self, token: &str, now: Timestamp) -> Option<&Holder> {
        let found = self
            .issued
            .iter()
            .find(|(known, _, end)| known == token && now < *end);
        found.map(|(_, holder, _)| holder)
    }
}
