//! What only SQLite's store does: its file, its lock, its query plans. The contract that it shares with every store is
//! tested in `queue/tests`.

use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::queue::tests::{Bench, HISTORY, Home, at, event};
use crate::queue::{Enqueued, Queue, StoreThread};

mod cost;
mod file;
mod growth;
mod plans;
mod pruning;
mod search;
mod transaction;

/// An empty store in a folder of its own.
pub(in crate::queue) fn home() -> Home {
    let folder = TempDir::new().unwrap();
    Home::new(address_of(&folder.path().join("queue.db")), folder)
}

fn address_of(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn open(path: &Path) -> Result<(Queue, StoreThread), OpenError> {
    Queue::open(&address_of(path), HISTORY, Clock::manual(at(0)))
}

impl Bench {
    /// The store's file.
    fn file(&self) -> &Path {
        address(self.address()).unwrap()
    }

    /// Another connection to the store's file.
    fn connection(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }
}
