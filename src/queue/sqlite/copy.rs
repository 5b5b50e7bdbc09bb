//! Copies of a store: a backup, also while a bridge uses the store, and a restored backup.

use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::{Lock, beside, private};
use super::query::value;
use super::statements::{COPY_TO_FILE, COUNT_EVENTS, COUNT_WAITING, QUICK_CHECK, TRUNCATE_LOG};
use super::{PAGE, address, locate, open_file, schema};
use crate::queue::OpenError;
use crate::queue::error::Cause;

/// The content of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Events.
    pub events: usize,
    /// Waiting deliveries.
    pub waiting: usize,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why there is no copy. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store, or the backup, cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such file.
    #[error("there is no file {}", .0.display())]
    Missing(PathBuf),
    /// The file exists already. A backup overwrites nothing.
    #[error("{} is there already; a backup overwrites nothing", .0.display())]
    Exists(PathBuf),
    /// SQLite found an error in the copy.
    #[error("{} is damaged: {found}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first error.
        found: String,
    },
    /// SQLite cannot copy.
    #[error("cannot copy to {}", .path.display())]
    Database {
        /// The copy.
        path: PathBuf,
        /// The error of SQLite.
        #[source]
        source: Cause,
    },
    /// The system cannot write the copy.
    #[error("cannot write {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
}

/// Copies a store (`sqlite:PATH`), as it is at one moment, to a new file that only its owner can read. A bridge can use the
/// store meanwhile: the copy is one long read.
pub fn backup(store: &str, to: &Path) -> Result<Copied, CopyError> {
    copy(&locate(store)?, to)
}

/// Replaces a store by a backup. No bridge may use the store. The previous store is kept beside it; its new path is
/// returned, too.
///
/// # Errors
/// As [`backup`]; and a backup that is damaged, of another program, or of a newer schema.
pub fn restore(from: &Path, store: &str) -> Result<(Copied, Option<PathBuf>), CopyError> {
    // If there is no store, an empty one is created and locked, so that no bridge can start on it meanwhile.
    let lock = Lock::take(address(store)?)?;
    let store = lock.path();
    let part = beside(store, ".restoring");
    let had = is_filled(store);
    let restored = replace(from, store, &part, had);
    if restored.is_err() {
        // A file that cannot be removed now is replaced by the next attempt.
        drop(fs::remove_file(&part));
        if !is_filled(store) {
            drop(fs::remove_file(store));
        }
    }
    restored
}

fn replace(
    from: &Path,
    store: &Path,
    part: &Path,
    had: bool,
) -> Result<(Copied, Option<PathBuf>), CopyError> {
    let aside = beside(store, ".before-restore");
    if aside.exists() {
        return Err(CopyError::Exists(aside));
    }
    remove(part)?;
    let copied = copy(from, part)?;
    if had {
        same_owner(part, store)?;
        fold_log(store)?;
        keep(store, &aside)?;
    }
    for log in ["-wal", "-shm"] {
        remove(&beside(store, log))?;
    }
    rename(part, store)?;
    sync_folder(store)?;
    Ok((copied, had.then_some(aside)))
}

/// Whether the file is more than the empty one that the lock needs.
fn is_filled(store: &Path) -> bool {
    fs::metadata(store).is_ok_and(|metadata| metadata.len() > 0)
}

/// Writes a store's log into the store, so that it is one complete file.
fn fold_log(store: &Path) -> Result<(), CopyError> {
    let connection = open(store)?;
    let busy = connection.query_row(TRUNCATE_LOG, [], value);
    let busy: bool = busy.map_err(database(store))?;
    if busy {
        return Err(OpenError::Locked(store.to_owned()).into());
    }
    Ok(())
}

/// Gives a store that is to be replaced a second name. A file always exists under its own name: otherwise a bridge that
/// starts meanwhile would create a new store.
fn keep(store: &Path, aside: &Path) -> Result<(), CopyError> {
    // Some file systems have no hard links.
    fs::hard_link(store, aside).or_else(|_| rename(store, aside))
}

fn copy(from: &Path, to: &Path) -> Result<Copied, CopyError> {
    if !from.exists() {
        return Err(CopyError::Missing(from.to_owned()));
    }
    if to.exists() {
        return Err(CopyError::Exists(to.to_owned()));
    }
    let source = open(from)?;
    let part = beside(to, ".part");
    remove(&part)?;
    let new = private(&part)?;
    let written = write(&source, from, &part, &new).and_then(|copied| {
        rename(&part, to)?;
        sync_folder(to)?;
        Ok(copied)
    });
    written.inspect_err(|_| drop(fs::remove_file(&part)))
}

fn write(source: &Connection, from: &Path, part: &Path, written: &File) -> Result<Copied, CopyError> {
    // VACUUM INTO reads one snapshot and writes a compact file. It accepts an empty file as its target.
    let name = part.to_string_lossy().into_owned();
    source
        .pragma_update(None, "page_size", PAGE)
        .map_err(database(part))?;
    source.execute(COPY_TO_FILE, [name]).map_err(database(part))?;
    let copy = Connection::open_with_flags(part, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let copy = copy.map_err(database(part))?;
    let found = copy.query_row(QUICK_CHECK, [], value::<String>);
    let found = found.map_err(database(part))?;
    if found != "ok" {
        return Err(CopyError::Damaged {
            path: from.to_owned(),
            found,
        });
    }
    let count = |sql: &str| {
        let count: i64 = copy.query_row(sql, [], value).map_err(database(part))?;
        Ok::<_, CopyError>(usize::try_from(count).unwrap_or_default())
    };
    let (events, waiting) = (count(COUNT_EVENTS)?, count(COUNT_WAITING)?);
    written.sync_all().map_err(file(part))?;
    let bytes = written.metadata().map_err(file(part))?.len();
    Ok(Copied {
        events,
        waiting,
        bytes,
    })
}

/// Opens a store for reading. Refuses what [`schema::known`] refuses.
fn open(path: &Path) -> Result<Connection, CopyError> {
    let connection = open_file(path)?;
    schema::known(&connection, path)?;
    Ok(connection)
}

/// An error of SQLite while it writes to a file.
fn database(path: &Path) -> impl Fn(rusqlite::Error) -> CopyError + Copy {
    |source| CopyError::Database {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

/// An error of the system with a file.
fn file(path: &Path) -> impl Fn(io::Error) -> CopyError + Copy {
    |source| CopyError::File {
        path: path.to_owned(),
        source,
    }
}

fn remove(path: &Path) -> Result<(), CopyError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file(path)(error)),
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), CopyError> {
    fs::rename(from, to).map_err(file(to))
}

/// Gives the file the owner of another one: root may restore for the service's user.
fn same_owner(path: &Path, like: &Path) -> Result<(), CopyError> {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let owner = fs::metadata(like).and_then(|like| {
        let own = fs::metadata(path)?;
        if (own.uid(), own.gid()) == (like.uid(), like.gid()) {
            return Ok(());
        }
        chown(path, Some(like.uid()), Some(like.gid()))
    });
    owner.map_err(file(path))
}

/// Makes a new name durable.
fn sync_folder(path: &Path) -> Result<(), CopyError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(file(folder))
}
