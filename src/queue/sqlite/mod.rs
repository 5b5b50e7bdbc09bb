//! The queue on SQLite: one file, one thread, one owner.

mod actor;
mod audit;
mod copy;
mod deliveries;
mod events;
mod lanes;
mod listing;
mod lock;
mod operations;
mod pauses;
mod presence;
mod prune;
mod query;
mod recent;
mod rows;
mod schema;
mod search;
mod statements;
mod tally;
mod transaction;
mod walk;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{OpenError, QueueError};
pub(super) use actor::Actor;
pub use copy::{Copied, CopyError, backup, restore};

/// Bytes of a page of a new file. SQLite writes whole pages, to its log and later to the file. A page of its default size
/// (4,096) has room for only one usual event, and an idempotency key writes a page of its own: an event then writes half as
/// much again. Smaller pages need more calls. An existing store keeps its size; a backup of it has this one.
const PAGE: i64 = 2048;
/// After how many bytes SQLite copies its log (`-wal`) to the file.
const LOG: i64 = 4 * 1024 * 1024;
/// To how many bytes SQLite truncates its log (`-wal`) after a checkpoint: a single large body must not leave it large.
const LONGEST_LOG: i64 = 16 * 1024 * 1024;

/// The path in `sqlite:PATH`.
fn address(store: &str) -> Result<&Path, OpenError> {
    match store.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() && !path.starts_with(':') => Ok(Path::new(path)),
        _ => Err(OpenError::Address(store.to_owned())),
    }
}

/// The path of the store's file without symbolic links, or the path where it would be created.
///
/// # Errors
/// An address of another form, and a store with a second name.
pub fn locate(store: &str) -> Result<PathBuf, OpenError> {
    let path = address(store)?;
    match std::fs::canonicalize(path) {
        Ok(path) => lock::single_name(&path).map(|()| path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(source) => Err(OpenError::File {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Opens a store, and updates its schema.
fn connect(path: &Path) -> Result<Connection, OpenError> {
    let mut connection = open_file(path)?;
    connection.set_prepared_statement_cache_capacity(64);
    let prepare = || {
        connection.pragma_update(None, "page_size", PAGE)?;
        // The system may have no writable folder for temporary files. A migration sorts some 130 MB for a million events.
        connection.pragma_update(None, "temp_store", "memory")
    };
    prepare().map_err(failed(path))?;
    schema::migrate(&mut connection, path)?;
    let configure = || {
        // Otherwise SQLite prepares some statements again each time other values are bound to them, the claim of a lane too.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        let page: i64 = connection.pragma_query_value(None, "page_size", query::value)?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG / page)?;
        connection.pragma_update(None, "journal_size_limit", LONGEST_LOG)
    };
    configure().map_err(failed(path))?;
    Ok(connection)
}

/// Opens a file that exists: a new one would not be the file that is locked.
fn open_file(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed(path))?;
    // Other programs may read the file while the bridge runs. Their locks are short.
    let waits = connection.busy_timeout(Duration::from_secs(5));
    waits.map_err(failed(path))?;
    Ok(connection)
}

/// An error of SQLite while a store is opened.
fn failed(path: &Path) -> impl Fn(Error) -> OpenError + Copy {
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => OpenError::Locked(path.to_owned()),
        _ => OpenError::Database {
            path: path.to_owned(),
            source: Arc::new(source),
        },
    }
}

/// An error of SQLite while a command is carried out. `doing` completes "the store cannot …".
fn unavailable(doing: &'static str) -> impl FnOnce(Error) -> QueueError {
    move |error| match error {
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..) => QueueError::Corrupt {
            doing,
            source: Arc::new(error),
        },
        error => QueueError::Unavailable {
            doing,
            source: Arc::new(error),
        },
    }
}

#[cfg(test)]
pub(super) mod tests;
