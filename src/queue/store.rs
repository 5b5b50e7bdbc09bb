//! The store behind the queue: chosen once, by its address, and run on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

use super::command::Command;
use super::handle::Queue;
use super::wake::Wake;
use super::{Bucket, History, OpenError, postgres, sqlite};
use crate::clock::Clock;

/// How many commands the store's inbox holds. A caller waits for room in it.
const COMMANDS: usize = 1024;

/// An open store. It carries out the commands of [`super::command`] by the contract of [`super`].
enum Store {
    Sqlite(Box<sqlite::Actor>),
    Postgres(Box<postgres::Actor>),
}

impl Queue {
    /// Opens the store at an address (`sqlite:PATH` or `postgres://…`), or makes a new one. Updates its schema, and starts its thread.
    pub fn open(address: &str, history: History, clock: Clock) -> Result<(Self, StoreThread), OpenError> {
        let (store, opened) = match address.split_once(':') {
            Some(("sqlite", _)) => {
                let now = clock.now();
                let (actor, opened) = sqlite::Actor::open(address, Bucket::before(now), now)?;
                (Store::Sqlite(Box::new(actor)), opened)
            }
            Some(("postgres" | "postgresql", _)) => {
                let now = clock.now();
                let (actor, opened) =
                    postgres::Actor::open(address, clock.new_id(), Bucket::before(now), now)?;
                (Store::Postgres(Box::new(actor)), opened)
            }
            _ => return Err(OpenError::Address(address.to_owned())),
        };
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let wake = Wake::new(opened.pauses, opened.recent, clock.clone());
        let closing = Arc::new(AtomicBool::new(false));
        let queue = Self::new(commands, &wake, opened.newest, history, clock);
        let stop = Arc::clone(&closing);
        let thread = std::thread::Builder::new()
            .name("queue".to_owned())
            .spawn(move || match store {
                Store::Sqlite(actor) => actor.run(inbox, &wake, &stop),
                Store::Postgres(actor) => actor.run(inbox, &wake, &stop),
            })
            .map_err(OpenError::Thread)?;
        let thread = StoreThread {
            thread,
            closing,
            commands: queue.commands.downgrade(),
        };
        Ok((queue, thread))
    }
}

/// Whether the store at an address is on a server, where several processes can open it at the same time.
pub fn is_shared(address: &str) -> bool {
    address.starts_with("postgres://") || address.starts_with("postgresql://")
}

/// The thread of an open store. It ends when the store is closed, or when the last [`Queue`] is dropped.
pub struct StoreThread {
    thread: JoinHandle<()>,
    closing: Arc<AtomicBool>,
    commands: mpsc::WeakSender<Command>,
}

impl StoreThread {
    /// Whether the thread has ended. While a [`Queue`] exists, only a panic ends it.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Closes the store once the transaction that runs is committed, and blocks until then. Later commands fail with
    /// [`super::QueueError::Closed`]. Returns false when the thread panicked.
    pub fn close(self) -> bool {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(commands) = self.commands.upgrade() {
            // This wakes the thread. With a full inbox it is awake already.
            let _ = commands.try_send(Command::Close);
        }
        self.thread.join().is_ok()
    }
}
