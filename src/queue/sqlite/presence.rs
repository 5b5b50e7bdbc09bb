//! Whether the store's files are still where they were opened. A file that was removed or replaced while it is open can
//! be written all the same, and all of it is gone with the process: what is committed there is not kept.

use std::path::{Path, PathBuf};

/// The store's file and the log beside it, each as it was first seen.
pub(super) struct Presence {
    files: [(PathBuf, Option<Identity>); 2],
}

/// What makes a file this one: its device and number there.
type Identity = (u64, u64);

impl Presence {
    pub(super) fn new(store: &Path) -> Self {
        let mut log = store.as_os_str().to_owned();
        log.push("-wal");
        let mut new = Self {
            files: [(store.to_owned(), None), (PathBuf::from(log), None)],
        };
        new.learn();
        new
    }

    /// Remembers files that were not there before: SQLite makes the log when it first needs it, and keeps it as long
    /// as the store is open.
    pub(super) fn learn(&mut self) {
        for (path, known) in &mut self.files {
            if known.is_none() {
                *known = identity(path);
            }
        }
    }

    /// The first of the files that is gone or another one.
    pub(super) fn missing(&self) -> Option<&Path> {
        let missing =
            |(path, known): &&(PathBuf, Option<Identity>)| known.is_some() && identity(path) != *known;
        self.files.iter().find(missing).map(|(path, _)| path.as_path())
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.exists().then_some((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_is_removed_replaced_or_brought_back_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, aside) = (folder.path().join("queue.db"), folder.path().join("aside"));
        let log = folder.path().join("queue.db-wal");
        fs::write(&store, "1").unwrap();
        let mut presence = Presence::new(&store);
        assert_eq!(presence.missing(), None, "there is no log yet");
        fs::write(&log, "1").unwrap();
        presence.learn();
        fs::rename(&store, &aside).unwrap();
        assert_eq!(presence.missing(), Some(store.as_path()));
        fs::write(&store, "another").unwrap();
        presence.learn();
        assert_eq!(presence.missing(), Some(store.as_path()));
        fs::rename(&aside, &store).unwrap();
        assert_eq!(presence.missing(), None);
        fs::remove_file(&log).unwrap();
        assert_eq!(presence.missing(), Some(log.as_path()));
    }
}
