//! Who asked for a change.

use std::sync::Arc;

use crate::decision::one_line;

/// Who asked for a change, as the audit shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(Arc<str>);

impl Who {
    /// The command line, on the store itself.
    pub fn command_line() -> Self {
        Self("command line".into())
    }

    /// A client that gave the token.
    pub fn token() -> Self {
        Self("token".into())
    }

    /// A client on this machine, without a token.
    pub fn this_machine() -> Self {
        Self("this machine".into())
    }

    /// A signal to the process.
    pub fn signal() -> Self {
        Self("signal".into())
    }

    /// A person whose name comes from outside, such as from a trusted proxy.
    pub fn user(name: &str) -> Self {
        Self(one_line(name).into())
    }
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
