//! The thread of the store. It takes the commands that have gathered, runs them as one transaction, commits, and then
//! answers them.

use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

use super::lock::Lock;
use super::presence::Presence;
use super::transaction::{Batch, failed, transact};
use super::wake::Wake;
use super::{deliveries, events, listing, unavailable};
use crate::queue::QueueError;
use crate::queue::command::{Command, Read, Reply, Write};

/// How many commands share a transaction at most.
const BATCH: usize = 256;

pub(super) struct Actor {
    connection: Connection,
    presence: Presence,
    /// Held until the connection is closed.
    _lock: Lock,
    wake: Wake,
    /// The store is to close: no further command is carried out.
    closing: Arc<AtomicBool>,
    /// The store failed, and nothing has shown since that it works again.
    failing: bool,
    /// A file of the store is not where it was.
    gone: bool,
}

impl Actor {
    pub(super) fn new(
        connection: Connection,
        presence: Presence,
        lock: Lock,
        wake: Wake,
        closing: Arc<AtomicBool>,
    ) -> Self {
        Self {
            connection,
            presence,
            _lock: lock,
            wake,
            closing,
            failing: false,
            gone: false,
        }
    }

    /// Works until the store is to close, or every handle is dropped.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut batch = Vec::with_capacity(BATCH);
        while commands.blocking_recv_many(&mut batch, BATCH) > 0 {
            let mut writes = Vec::new();
            let mut reads = Vec::new();
            for command in batch.drain(..) {
                match command {
                    Command::Write(write) => writes.push(write),
                    Command::Read(read) => reads.push(read),
                    Command::Close => {}
                }
            }
            if !writes.is_empty() {
                self.write(writes);
            }
            // After the commit, so that a read shows only what is kept.
            for read in reads {
                self.read(read);
            }
            if self.closing.load(Ordering::Relaxed) {
                break;
            }
        }
        if let Err((_, error)) = self.connection.close() {
            log::warn!("cannot close the store: {error}");
        }
    }

    fn write(&mut self, mut writes: Vec<Write>) {
        if self.gone() {
            // What is stored now would be lost when the process ends. Deliveries that are known go on: the open file
            // still has them.
            for write in writes.extract_if(.., |write| !matches!(write, Write::Settle(..))) {
                failed(write)(Err(QueueError::Gone));
            }
            if writes.is_empty() {
                return;
            }
        }
        let mut batch = Batch::new(self.failing);
        let result = transact(&mut self.connection, writes, &mut batch);
        self.note(&result, batch.proves);
        let committed = result.is_ok();
        for promise in batch.promises {
            promise(result.clone());
        }
        if committed {
            self.presence.learn();
            self.wake.committed(batch.changed);
        }
    }

    /// Whether a file of the store is gone. Logs once that it is, and once that it is back.
    fn gone(&mut self) -> bool {
        let missing = self.presence.missing();
        match missing {
            Some(path) if !self.gone => log::error!(
                "{} was removed or replaced while it is open: nothing more is taken until it is back. What waits is \
                 still delivered, and lost if the bridge stops before: put the file back, or stop the bridge when its \
                 lanes are empty",
                path.display()
            ),
            None if self.gone => log::info!("the store's files are back"),
            _ => {}
        }
        self.gone = missing.is_some();
        self.gone
    }

    /// Logs once that the store fails, and once that it works again. A full disk may have room for something small, so
    /// only a commit that `proves` it counts.
    fn note(&mut self, result: &Result<(), QueueError>, proves: bool) {
        match result {
            Err(QueueError::Unavailable { doing, source }) if !self.failing => {
                log::error!("the store cannot {doing}: {source}; what comes is refused until it can");
            }
            Ok(()) if self.failing && proves => log::info!("the store works again"),
            _ => {}
        }
        self.failing = result.is_err() || (self.failing && !proves);
    }

    fn read(&self, read: Read) {
        let store = &self.connection;
        match read {
            Read::Head(lane, reply) => answer(reply, "look at a lane", deliveries::head(store, &lane)),
            Read::Lanes(reply) => answer(reply, "list the lanes", deliveries::lanes(store)),
            Read::Event(id, reply) => {
                let _ = reply.send(events::find(store, id));
            }
            Read::List(listing, reply) => answer(reply, "list events", listing::page(store, &listing)),
            Read::Between(from, to, limit, reply) => {
                answer(reply, "look for an id", listing::between(store, from, to, limit));
            }
        }
    }
}

/// Answers a read, unless nobody waits for the answer any more. `doing` completes "the store cannot …".
fn answer<T>(reply: Reply<T>, doing: &'static str, result: rusqlite::Result<T>) {
    let _ = reply.send(result.map_err(unavailable(doing)));
}
