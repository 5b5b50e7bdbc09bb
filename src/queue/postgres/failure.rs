//! Errors of the database, and of values that cannot be read.

use std::io;
use std::sync::Arc;
use tokio_postgres::error::SqlState;

use super::connection::ConnectError;
use crate::queue::QueueError;

pub(super) type Result<T> = std::result::Result<T, Failure>;

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server, or the connection to it.
    #[error("{}", described(.0))]
    Database(#[from] tokio_postgres::Error),
    /// There is no session.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server did not answer in time.
    #[error("the server does not answer")]
    Silent,
    /// A stored value cannot be read.
    #[error("column {column}: {cause}")]
    Corrupt {
        column: usize,
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A later version of this program has changed the tables.
    #[error("it has schema {found}, this version knows up to {known}: use the newer version")]
    Newer { found: i32, known: i32 },
    /// A statement is not in the list of those that are prepared.
    #[error("a statement is not prepared: {0}")]
    Unprepared(&'static str),
}

/// What was being done when a statement failed; completes "the store cannot …".
pub(super) struct Failed {
    pub(super) doing: &'static str,
    pub(super) failure: Failure,
}

/// The server's message with its code, or the error of the connection with its causes.
fn described(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Failure {
    pub(super) fn corrupt(column: usize, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Corrupt {
            column,
            cause: cause.into(),
        }
    }

    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Database(error) => error.code(),
            _ => None,
        }
    }

    /// The transaction met another one, and succeeds when it is repeated.
    pub(super) fn is_conflict(&self) -> bool {
        let state = self.state();
        state == Some(&SqlState::T_R_DEADLOCK_DETECTED) || state == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
    }

    /// The session is of no more use: it ended, or the server has become a replica.
    pub(super) fn ends_session(&self) -> bool {
        match self {
            Self::Database(error) => {
                error.is_closed()
                    || error.code().is_none_or(|state| {
                        *state == SqlState::READ_ONLY_SQL_TRANSACTION
                            || *state == SqlState::ADMIN_SHUTDOWN
                            || *state == SqlState::CRASH_SHUTDOWN
                            || state.code().starts_with("08")
                    })
            }
            Self::Connect(_) | Self::Silent => true,
            _ => false,
        }
    }

    /// The error of a command. `doing` completes "the store cannot …".
    pub(super) fn of_command(self, doing: &'static str) -> QueueError {
        let source = Arc::new(io::Error::other(self.to_string()));
        match self {
            Self::Corrupt { .. } => QueueError::Corrupt { doing, source },
            _ => QueueError::Unavailable { doing, source },
        }
    }
}

impl Failed {
    pub(super) fn into_error(self) -> QueueError {
        self.failure.of_command(self.doing)
    }
}

/// Adds what was being done.
pub(super) fn doing(doing: &'static str) -> impl FnOnce(Failure) -> Failed {
    move |failure| Failed { doing, failure }
}
