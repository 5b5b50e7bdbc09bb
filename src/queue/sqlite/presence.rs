//! Whether the store's files are still where they were opened. A file that was removed or replaced while it is open can
//! be written all the same, and all of it is gone with the process: what is committed there is not kept.

use std::path::{Path, PathBuf};

use super::lock::{Identity, Lock, beside, identity};

/// The store's file and the log beside it, each as it was first seen.
pub(super) struct Presence {
    files: [(PathBuf, Option<Identity>); 2],
}

impl Presence {
    /// Watches the file that is locked, by the name that was given: the next start follows that name.
    pub(super) fn new(given: &Path, lock: &Lock) -> Self {
        let mut new = Self {
            files: [
                (given.to_owned(), Some(lock.identity())),
                (beside(lock.path(), "-wal"), None),
            ],
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_is_removed_replaced_or_brought_back_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, aside) = (folder.path().join("queue.db"), folder.path().join("aside"));
        let log = folder.path().join("queue.db-wal");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&store, &link).unwrap();
        let lock = Lock::take(&store).unwrap();
        for given in [&store, &link] {
            let mut presence = Presence::new(given, &lock);
            assert_eq!(presence.missing(), None, "there is no log yet");
            fs::write(&log, "1").unwrap();
            presence.learn();
            fs::rename(&store, &aside).unwrap();
            assert_eq!(presence.missing(), Some(given.as_path()));
            fs::write(&store, "another").unwrap();
            presence.learn();
            assert_eq!(presence.missing(), Some(given.as_path()));
            fs::rename(&aside, &store).unwrap();
            assert_eq!(presence.missing(), None);
            fs::remove_file(&log).unwrap();
            assert_eq!(presence.missing(), Some(log.as_path()));
        }
    }

    #[test]
    fn a_link_that_leads_to_another_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let [store, other, link] = ["queue.db", "other.db", "link"].map(|name| folder.path().join(name));
        fs::write(&other, "another").unwrap();
        std::os::unix::fs::symlink(&store, &link).unwrap();
        let lock = Lock::take(&link).unwrap();
        let presence = Presence::new(&link, &lock);
        assert_eq!(presence.missing(), None);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        assert_eq!(presence.missing(), Some(link.as_path()));
    }
}
