//! The thread of the store. It takes the commands that have gathered, runs them as one transaction, commits, and then
//! answers them.

use jiff::Timestamp;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

use super::lock::Lock;
use super::presence::Presence;
use super::query::value;
use super::statements::STORE_SIZE;
use super::transaction::{Batch, transact};
use super::{audit, connect, deliveries, events, failed, lanes, listing, pauses, prune, recent, unavailable};
use crate::queue::claim::Lease;
use crate::queue::command::{BATCH, Change, Command, Query, Responder, sort};
use crate::queue::health::Health;
use crate::queue::records::Opened;
use crate::queue::wake::Wake;
use crate::queue::{Bucket, OpenError, QueueError};

pub(in crate::queue) struct Actor {
    connection: Connection,
    presence: Presence,
    /// Held until the connection is closed.
    _lock: Lock,
    health: Health,
    /// A file of the store is not where it was.
    gone: bool,
}

impl Actor {
    /// Opens the store at `sqlite:PATH`, or makes a new one, and updates its schema. Returns what it knows of it, too. `buckets`:
    /// those of the last hours, empty.
    pub(in crate::queue) fn open(
        address: &str,
        mut buckets: Vec<Bucket>,
        now: Timestamp,
    ) -> Result<(Self, Opened), OpenError> {
        let path = super::address(address)?;
        // This makes the file, too. SQLite gives the files beside the store the mode of the store.
        let lock = Lock::take(path)?;
        let connection = connect(lock.path())?;
        let read = || {
            recent::fill(&connection, &mut buckets, now)?;
            Ok(Opened {
                newest: prune::newest(&connection)?,
                pauses: pauses::load(&connection)?,
                recent: buckets,
            })
        };
        let opened = read().map_err(failed(lock.path()))?;
        let actor = Self {
            connection,
            presence: Presence::new(path, &lock),
            _lock: lock,
            health: Health::default(),
            gone: false,
        };
        Ok((actor, opened))
    }

    /// Carries out commands until the store is closing, or every handle is dropped.
    pub(in crate::queue) fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        wake: &Wake,
        closing: &AtomicBool,
    ) {
        let mut gathered = Vec::with_capacity(BATCH);
        while commands.blocking_recv_many(&mut gathered, BATCH) > 0 {
            let (changes, queries) = sort(&mut gathered);
            if !changes.is_empty() {
                self.change(changes, wake);
            }
            // After the commit, so that an answer shows only what is committed.
            for query in queries {
                self.query(query, wake);
            }
            if closing.load(Ordering::Relaxed) {
                break;
            }
        }
        if let Err((_, error)) = self.connection.close() {
            log::warn!("cannot close the store: {error}");
        }
    }

    fn change(&mut self, mut changes: Vec<Change>, wake: &Wake) {
        if self.gone() {
            // What is stored now would be lost when the process ends. Deliveries that are known go on: the open file
            // still has them.
            for refused in changes.extract_if(.., |change| !matches!(change, Change::Settle(..))) {
                refused.answer(&Err(QueueError::Gone));
            }
            if changes.is_empty() {
                return;
            }
        }
        let mut batch = Batch::new(self.health.is_failing(), Arc::clone(&wake.pauses.borrow()));
        let begun = wake.clock.monotonic();
        let result = transact(&mut self.connection, &mut changes, &mut batch);
        let took = wake.clock.monotonic().saturating_sub(begun);
        wake.metrics.transaction(took, result.is_ok());
        self.health.note(&result, batch.proves);
        if result.is_ok() {
            self.presence.learn();
            for change in &changes {
                change.count(&wake.activity);
            }
            if batch.pauses_changed {
                wake.pauses.send_replace(batch.pauses);
            }
            wake.committed(batch.changed);
        }
        for change in changes {
            change.answer(&result);
        }
    }

    /// Whether a file of the store is gone. Logs once that it is, and once that it is back.
    fn gone(&mut self) -> bool {
        let missing = self.presence.missing();
        match missing {
            Some(path) if !self.gone => log::error!(
                "{} was removed or replaced while it is open: events are refused until it is back. Waiting deliveries \
                 are still attempted, but they are lost if the bridge stops before: put the file back, or stop the bridge \
                 when nothing waits",
                path.display()
            ),
            None if self.gone => log::info!("the store's files are back"),
            _ => {}
        }
        self.gone = missing.is_some();
        self.gone
    }

    fn query(&self, query: Query, wake: &Wake) {
        let store = &self.connection;
        match query {
            // No other process can own the lane, so the owner does not matter.
            Query::Claim {
                lane,
                wanted,
                now,
                reply,
                ..
            } => {
                let is_paused = wake.pauses.borrow().channel(&lane).is_some();
                let claimed = if is_paused {
                    Ok(None)
                } else {
                    deliveries::claim(store, &lane, wanted, now)
                };
                answer(reply, "claim a lane", claimed);
            }
            Query::Renew { reply, .. } => answer(reply, "hold a lane", Ok(Some(Lease::ENDLESS))),
            Query::Release(_, _, reply) => answer(reply, "release a lane", Ok(())),
            Query::Waiting(digestible, reply) => {
                let waiting = deliveries::digestible(store, &digestible);
                answer(reply, "read what waits in a lane", waiting);
            }
            Query::Size(reply) => {
                let size = store.query_row(STORE_SIZE, [], value::<i64>);
                let size = size.map(|bytes| u64::try_from(bytes).unwrap_or_default());
                answer(reply, "measure itself", size);
            }
            Query::Lanes(reply) => answer(reply, "list the lanes", lanes::states(store)),
            Query::Event(id, reply) => answer(reply, "look up an event", events::find(store, id)),
            Query::List(listing, reply) => answer(reply, "list events", listing::page(store, &listing)),
            Query::Ids(from, to, limit, reply) => {
                answer(reply, "look up an id", listing::ids(store, from, to, limit));
            }
            Query::Held(source, limit, reply) => {
                answer(reply, "list what is held", pauses::held(store, &source, limit));
            }
            Query::Audit(listing, reply) => {
                answer(reply, "list what was done", audit::page(store, listing));
            }
        }
    }
}

/// Answers a query, if its caller still waits. `doing` completes "the store cannot …".
fn answer<T>(reply: Responder<T>, doing: &'static str, result: rusqlite::Result<T>) {
    let _ = reply.send(result.map_err(unavailable(doing)));
}
