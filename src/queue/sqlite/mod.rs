//! The queue on SQLite: one file, one thread, one owner.

mod actor;
mod copy;
mod deliveries;
mod events;
mod listing;
mod lock;
mod operations;
mod presence;
mod prune;
mod rows;
mod schema;
pub(super) mod statements;
mod transaction;
mod wake;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};

use super::clamped_clock::ClampedClock;
use super::command::Command;
use super::handle::WAITING;
use super::{History, Queue, QueueError};
use crate::clock::Clock;
use actor::Actor;
pub use copy::{Copied, CopyError, backup, restore};
use lock::Lock;
use presence::Presence;
use wake::Wake;

/// How many commands the store's inbox holds. A caller waits for room in it.
const COMMANDS: usize = 1024;

/// To how many bytes SQLite truncates its log (`-wal`) once the log's content is in the store: a single large body must
/// not leave it large for ever.
const LONGEST_LOG: i64 = 16 * 1024 * 1024;

/// The thread of an open store. It ends when the store is closed, or when the last [`Queue`] is dropped.
pub struct Store {
    thread: JoinHandle<()>,
    closing: Arc<AtomicBool>,
    commands: mpsc::WeakSender<Command>,
}

impl Store {
    /// Whether the thread has ended. While a [`Queue`] exists, only a panic ends it.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Closes the file once the transaction that runs is committed, and blocks until then. Later commands fail with
    /// [`QueueError::Closed`]. Returns false when the thread panicked.
    pub fn close(self) -> bool {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(commands) = self.commands.upgrade() {
            // This wakes the thread. With a full inbox it is awake already.
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
    /// Another process has it open, under this name or another one.
    #[error("the store {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// It has hard links. SQLite finds what was committed last only by one of the names.
    #[error("the store {} has more than one name (hard links), and sqlite's log is beside one of them only: remove the \
             other names (find -samefile lists them), or make them copies", .0.display())]
    Linked(PathBuf),
    /// The file is a mount of its own. SQLite's log beside it is somewhere else than the file.
    #[error("the store {} is mounted as a single file, and sqlite's log beside it would not be kept with it: mount its folder", .0.display())]
    Mounted(PathBuf),
    /// Another program holds a lock of SQLite's; or the system has one lock for SQLite and the bridge, as on NFS.
    #[error("the store {} is locked by another program, or it is on a network file system: close the program, or put the \
             store on a disk of this machine", .0.display())]
    Locked(PathBuf),
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

/// Opens a store (`sqlite:PATH`), or makes a new one; updates its schema; starts its thread.
pub fn open(store: &str, history: History, clock: Clock) -> Result<(Queue, Store), OpenError> {
    let path = address(store)?;
    // This makes the file, too. SQLite gives the files beside the store the mode of the store.
    let lock = Lock::take(path)?;
    let connection = connect(lock.path())?;
    let newest = prune::newest(&connection).map_err(failed(lock.path()))?;
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let wake = Wake::new();
    let closing = Arc::new(AtomicBool::new(false));
    let queue = Queue {
        commands,
        arrivals: wake.arrivals.clone(),
        departures: wake.departures.clone(),
        changes: wake.commits.subscribe(),
        room: Arc::new(Semaphore::new(WAITING)),
        history: watch::Sender::new(history),
        believed: Arc::new(Mutex::new(ClampedClock::new(
            newest,
            clock.now(),
            clock.monotonic(),
        ))),
        clock,
    };
    let presence = Presence::new(path, &lock);
    let actor = Actor::new(connection, presence, lock, wake, closing.clone());
    let thread = std::thread::Builder::new()
        .name("queue".to_owned())
        .spawn(move || actor.run(inbox))
        .map_err(OpenError::Thread)?;
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

/// Where the store's file is, without symbolic links; where it would be, when there is none.
///
/// # Errors
/// An address of another form, and a store whose name is not its only one.
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

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let database = failed(path);
    // Never makes a file: that would not be the file that is locked.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(database)?;
    // Other programs may read the file while the bridge runs. Their locks are short.
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

/// Why SQLite cannot use a store.
fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> OpenError + Copy {
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => OpenError::Locked(path.to_owned()),
        _ => OpenError::Database {
            path: path.to_owned(),
            source,
        },
    }
}

/// An error of SQLite as the queue's. `doing` completes "the store cannot …".
fn unavailable(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> QueueError {
    move |source| QueueError::Unavailable {
        doing,
        source: Arc::new(source),
    }
}
