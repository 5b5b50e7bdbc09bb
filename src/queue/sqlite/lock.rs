//! The lock that makes one process the owner of a store. It is an advisory lock on the inode of the database, so every
//! name of the file (a symbolic link, a relative path, a bind mount) leads to the same lock.
//!
//! The lock is flock(2). On Linux it does not conflict with the byte-range locks (fcntl) of SQLite on the same file, and
//! closing another descriptor of the file does not release it. But SQLite's locks are lost when this process closes any
//! descriptor of the file. So the descriptor here is opened before SQLite's, and closed after it.

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::queue::OpenError;

/// The identity of a file: its device and inode.
pub(super) type Identity = (u64, u64);

/// The lock on a store. The system releases it when the process ends.
pub(super) struct Lock {
    path: PathBuf,
    identity: Identity,
    file: File,
    /// Locks on the `PATH.lock` of an earlier version, which locks nothing else.
    earlier: Vec<File>,
}

impl Lock {
    /// Locks a store. Creates an empty file if there is none.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process has it; and see [`single_name`].
    pub(super) fn take(given: &Path) -> Result<Self, OpenError> {
        let at = |source| OpenError::File {
            path: given.to_owned(),
            source,
        };
        let in_use = || OpenError::InUse(given.to_owned());
        let file = private(given)?;
        let path = fs::canonicalize(given).map_err(at)?;
        let earlier = earlier(given, &path)?;
        try_lock(&file, given, given)?;
        let locked = identity_of(&file.metadata().map_err(at)?);
        // Another process may have replaced the file before it was locked here.
        if identity(&path) != Some(locked) {
            return Err(in_use());
        }
        single_name(&path)?;
        Ok(Self {
            path,
            identity: locked,
            file,
            earlier,
        })
    }

    /// The path of the file without symbolic links. SQLite's log is beside it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The identity of the locked file.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }
}

impl Drop for Lock {
    /// Releases the lock. Closing its descriptor is not enough: a process that this one starts at this moment has a copy of it
    /// until it runs its own program.
    fn drop(&mut self) {
        for file in self.earlier.iter().chain([&self.file]) {
            if let Err(error) = file.unlock() {
                log::warn!("cannot release the lock of {}: {error}", self.path.display());
            }
        }
    }
}

/// Refuses a store with a second name under which SQLite would not find the log (`-wal`): a hard link, or a bind mount of
/// the file alone. A commit is in that log first.
pub(super) fn single_name(path: &Path) -> Result<(), OpenError> {
    let metadata = fs::metadata(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })?;
    if metadata.nlink() > 1 {
        return Err(OpenError::Linked(path.to_owned()));
    }
    // A kernel that does not know mount numbers returns 0 for both.
    let mount = |path: &Path| {
        let found = statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID);
        found.ok().map(|found| found.stx_mnt_id)
    };
    match path.parent() {
        Some(folder) if mount(folder) != mount(path) => Err(OpenError::Mounted(path.to_owned())),
        _ => Ok(()),
    }
}

/// The identity of the file at a path; `None`: there is none.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().as_ref().map(identity_of)
}

fn identity_of(metadata: &fs::Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// Opens a file for writing. A new file is readable only for its owner, because it will hold bodies.
pub(super) fn private(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(0o600);
    options.open(path).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })
}

/// A path with `ending` appended to the file's name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Locks the lock files that earlier versions left, if any. This version creates none.
fn earlier(given: &Path, path: &Path) -> Result<Vec<File>, OpenError> {
    let names: BTreeSet<PathBuf> = [given, path]
        .into_iter()
        .filter_map(|store| fs::canonicalize(beside(store, ".lock")).ok())
        .collect();
    let lock = |name: &PathBuf| {
        let file = File::open(name).map_err(|source| OpenError::File {
            path: name.clone(),
            source,
        })?;
        try_lock(&file, name, given)?;
        Ok(file)
    };
    names.iter().map(lock).collect()
}

fn try_lock(file: &File, path: &Path, store: &Path) -> Result<(), OpenError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::InUse(store.to_owned()),
        TryLockError::Error(source) => OpenError::File {
            path: path.to_owned(),
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_descriptor_does_not_keep_a_released_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queue.db");
        let lock = Lock::take(&path).unwrap();
        let _copy = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::take(&path), Err(OpenError::InUse(_))));
        drop(lock);
        Lock::take(&path).unwrap();
    }
}
