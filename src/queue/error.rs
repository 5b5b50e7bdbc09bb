//! The errors of the queue. Each says what could not be done. Its cause is an error of the store's library, without its
//! type.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// An error of a store's library. Only its text and its own causes are of use outside the store.
pub(super) type Cause = Arc<dyn Error + Send + Sync>;

/// Why a command failed. Then nothing of it was done; only after [`QueueError::Slow`] it may be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// The store cannot write or read now: the disk is full, or fails. A later attempt may succeed.
    #[error("the store cannot {doing} now")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The error of the database.
        #[source]
        source: Cause,
    },
    /// The store's file was removed or replaced, so a write would be lost. The file may come back.
    #[error("the store's file was removed or replaced while the bridge runs")]
    Gone,
    /// A stored value cannot be read.
    #[error("the store cannot {doing}: it holds a value that cannot be read")]
    Corrupt {
        /// What was being done.
        doing: &'static str,
        /// Which value, and why.
        #[source]
        source: Cause,
    },
    /// A delivery names a message that the event does not have.
    #[error("a delivery names message {0}, which the event does not have")]
    NoSuchMessage(usize),
    /// A part of the event cannot be serialized or compressed.
    #[error("the event cannot be packed")]
    Unpackable(#[source] Arc<io::Error>),
    /// The store did not begin with the event in time, and never will.
    #[error("the store was busy for too long")]
    Busy,
    /// The store began, but the commit did not end in time. It may still succeed.
    #[error("the disk takes too long")]
    Slow,
    /// The store's thread has ended.
    #[error("the store has been closed")]
    Closed,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No store has an address of this form.
    #[error("the store is given as sqlite:PATH, not as {0:?}")]
    Address(String),
    /// Another process has it open, perhaps under another name.
    #[error("the store {} is in use by another process, perhaps a running bridge: stop it, or set TWAKE_BRIDGE_STORE to \
             another file", .0.display())]
    InUse(PathBuf),
    /// It has hard links. SQLite finds the latest commits only by one of the names.
    #[error("the store {} has more than one name (hard links), and sqlite's log is beside one of them only: remove the \
             other names (find -samefile lists them), or make them copies", .0.display())]
    Linked(PathBuf),
    /// The file is a mount of its own. SQLite's log beside it is on another file system.
    #[error("the store {} is mounted as a single file, and sqlite's log beside it would not be kept with it: mount its folder", .0.display())]
    Mounted(PathBuf),
    /// Another program holds a lock of SQLite's; or the system has one lock for SQLite and the bridge, as on NFS.
    #[error("the store {} is locked by another program, or it is on a network file system: close the program, or put the \
             store on a disk of this machine", .0.display())]
    Locked(PathBuf),
    /// A file cannot be created or opened.
    #[error("cannot open {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The database cannot use the file.
    #[error("cannot use the store {}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        #[source]
        source: Cause,
    },
    /// The file is a database of something else.
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
    /// The server cannot be reached, or cannot be used.
    #[error("cannot use the store on the server")]
    Server {
        /// The error of the server or of the connection.
        #[source]
        source: Cause,
    },
    /// The system does not start its thread.
    #[error("cannot start the store's thread")]
    Thread(#[source] io::Error),
}
