//! Whether the store's files are still where they were opened. An open file that was removed or replaced can still be
//! written, but its content is lost when the process ends.

use std::path::{Path, PathBuf};

use super::lock::{Identity, Lock, beside, identity};

/// The store's file and the log beside it, with the identity that each had at first.
pub(super) struct Presence {
    files: [(PathBuf, Option<Identity>); 2],
}

impl Presence {
    /// Watches the locked file under the given name: the next start opens that name.
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

    /// Learns the identity of files that did not exist before. SQLite creates the log when it first needs it, and keeps it
    /// while the store is open.
    pub(super) fn learn(&mut self) {
        for (path, known) in &mut self.files {
            if known.is_none() {
                *known = identity(path);
            }
        }
    }

    /// The first of the files that is missing or was replaced.
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
    fn a_file_that_is_removed_replaced_or_restored_is_noticed() {
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
