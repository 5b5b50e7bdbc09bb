//! The queue on SQLite: one file, one thread, one owner.

mod actor;
mod copy;
mod deliveries;
mod events;
mod listing;
mod mending;
mod presence;
mod prune;
mod schema;

use rusqlite::Connection;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, mpsc, watch};

use super::command::Command;
use super::handle::WAITING;
use super::{History, Queue, QueueError};
use crate::clock::Clock;
use actor::Actor;
pub use copy::{Copied, CopyError, backup, restore};
use presence::Presence;

/// Commands that may wait for the store; more wait in their callers.
const COMMANDS: usize = 1024;
/// Arrivals, and departures, that a slow listener may be behind before it has to look for itself.
const ARRIVALS: usize = 1024;

/// Bytes that SQLite's log keeps on the disk once what is in it has gone into the store: a single large body must not
/// leave it large for ever.
const LONGEST_LOG: i64 = 16 * 1024 * 1024;

/// The thread of an open store. It ends when it is closed, or when the last [`Queue`] is dropped.
pub struct Store {
    thread: JoinHandle<()>,
    closing: Arc<AtomicBool>,
    commands: mpsc::WeakSender<Command>,
}

impl Store {
    /// Whether the thread has ended; before the last [`Queue`] was dropped it has only by panicking.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Closes the file once what is being written is committed; whoever asks later is told [`QueueError::Closed`].
    /// Blocks until then. False when the thread panicked.
    pub fn close(self) -> bool {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(commands) = self.commands.upgrade() {
            // A store with a full inbox is awake as it is.
            let _ = commands.try_send(Command::Close);
        }
        self.thread.join().is_ok()
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is of another form than `sqlite:PATH`.
    #[error("the store is given as sqlite:PATH, not as {0:?}")]
    Address(String),
    /// Another process has it open.
    #[error("the store {} is in use by another process (it holds {}.lock)", .0.display(), .0.display())]
    InUse(PathBuf),
    /// A file cannot be made or opened.
    #[error("cannot open {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's word for it.
        #[source]
        source: io::Error,
    },
    /// SQLite cannot use the file.
    #[error("cannot use the store {}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// SQLite's word for it.
        #[source]
        source: rusqlite::Error,
    },
    /// The file is a database, but none of ours.
    #[error("{} is a database of another program", .0.display())]
    Foreign(PathBuf),
    /// A later version of this program has written it.
    #[error("the store {} has schema {found}, this version knows up to {known}: use the newer version, or restore a backup from before the upgrade", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest schema known here.
        known: i64,
    },
    /// No thread for it.
    #[error("cannot start the store's thread")]
    Thread(#[source] io::Error),
}

/// Opens a store (`sqlite:PATH`), makes it where there is none, brings its schema up to date, and starts its thread.
pub fn open(store: &str, history: History, clock: Clock) -> Result<(Queue, Store), OpenError> {
    let path = address(store)?;
    let lock = lock(path)?;
    // SQLite gives its files beside the store the store's own mode.
    private(path)?;
    let connection = connect(path)?;
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let (arrivals, _) = broadcast::channel(ARRIVALS);
    let (departures, _) = broadcast::channel(ARRIVALS);
    let (version, changes) = watch::channel(0);
    let closing = Arc::new(AtomicBool::new(false));
    let actor = Actor::new(
        connection,
        Presence::new(path),
        lock,
        (arrivals.clone(), departures.clone()),
        version,
        closing.clone(),
    );
    let thread = std::thread::Builder::new()
        .name("queue".to_owned())
        .spawn(move || actor.run(inbox))
        .map_err(OpenError::Thread)?;
    let queue = Queue {
        commands,
        arrivals,
        departures,
        changes,
        room: Arc::new(Semaphore::new(WAITING)),
        history: watch::Sender::new(history),
        clock,
    };
    let store = Store {
        thread,
        closing,
        commands: queue.commands.downgrade(),
    };
    Ok((queue, store))
}

/// The path in `sqlite:PATH`.
fn address(store: &str) -> Result<&Path, OpenError> {
    match store.strip_prefix("sqlite:") {
        Some(path) if !path.is_empty() && !path.starts_with(':') => Ok(Path::new(path)),
        _ => Err(OpenError::Address(store.to_owned())),
    }
}

/// Takes the advisory lock that says whose the store is. The system gives it back however the process ends.
fn lock(store: &Path) -> Result<File, OpenError> {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let file = private(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(store.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

/// Opens a file for writing, and makes it readable for its owner alone when it is new: bodies are in it.
fn private(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let database = |source| OpenError::Database {
        path: path.to_owned(),
        source,
    };
    let mut connection = Connection::open(path).map_err(database)?;
    // Others may read the file while the bridge runs; their locks are short.
    connection
        .busy_timeout(Duration::from_secs(5))
        .map_err(database)?;
    connection.set_prepared_statement_cache_capacity(64);
    schema::migrate(&mut connection, path)?;
    connection
        .pragma_update(None, "journal_mode", "wal")
        .map_err(database)?;
    connection
        .pragma_update(None, "synchronous", "full")
        .map_err(database)?;
    connection
        .pragma_update(None, "journal_size_limit", LONGEST_LOG)
        .map_err(database)?;
    Ok(connection)
}

/// Says what was being done when SQLite failed.
fn unavailable(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> QueueError {
    move |source| QueueError::Unavailable {
        doing,
        source: Arc::new(source),
    }
}

/// Every statement whose cost must not grow with what the store holds.
#[cfg(test)]
pub(super) fn hot_statements() -> impl Iterator<Item = &'static str> {
    let events = [
        events::SEEN,
        events::REMEMBER,
        events::INSERT_EVENT,
        events::INSERT_MESSAGE,
        events::LANE,
        events::INSERT_DELIVERY,
        events::GROW,
        events::EXISTS,
        events::SILENT,
        events::SILENCES,
        events::UNREADABLE,
        events::WHY_UNREADABLE,
        events::TOUCH,
        events::WRITE_PROOF,
        events::REMOVE_PROOF,
    ];
    let deliveries = [
        deliveries::HEAD,
        deliveries::SETTLE,
        deliveries::DELIVERED_AFTER_ALL,
        deliveries::NO_LONGER_DEAD,
        deliveries::LANE_SETTLED,
        deliveries::EVENT_SETTLED,
        deliveries::PUT_BACK,
        deliveries::LANE_PUT_BACK,
        deliveries::EVENT_PUT_BACK,
        deliveries::OF_EVENT,
    ];
    let listing = [
        listing::ALL,
        listing::WAITING,
        listing::DEAD,
        listing::SILENT,
        listing::UNREADABLE,
        listing::OF_SECRET,
        listing::OF_SOURCE,
        listing::OF_TYPE,
        listing::CONCERNS,
        listing::BEFORE,
        listing::AFTER,
        listing::BETWEEN,
        listing::LANE_ID,
    ];
    let mending = [
        mending::NUMBERED,
        mending::WAITS,
        mending::REDECIDED,
        mending::READABLE,
        mending::NO_LONGER_SILENT,
        mending::EVENT_REPLAYED,
        mending::DROP,
        mending::LANE_DROPPED,
        mending::EVENT_DROPPED,
        mending::WAITING,
        mending::MOVE,
        mending::MOVED,
        mending::LANE_LEFT,
    ];
    let prune = [
        prune::DEAD,
        prune::OLD,
        prune::OLDEST,
        prune::FORGET_KEYS,
        prune::FORGET_KEY,
    ];
    events
        .into_iter()
        .chain(deliveries)
        .chain(listing)
        .chain(mending)
        .chain(prune)
        .chain(prune::FORGET)
}
