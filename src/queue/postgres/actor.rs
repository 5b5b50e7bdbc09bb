//! The thread of the store. It takes the commands that have gathered, runs them as one transaction, commits, and then
//! answers them. Queries are sent together after that.

use futures_util::future::join_all;
use jiff::Timestamp;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::address::Address;
use super::connection::connect;
use super::failure::{Failed, Failure, Result};
use super::leases::Leases;
use super::listen::listen;
use super::query::{Sql, get, params, value};
use super::statements::{
    ADD_BRIDGE, CHANNEL, CLAIMABLE, FORGET_BRIDGES, LANES, NEWEST_TIME, NOTIFY, STORE_SIZE,
};
use super::transaction::{Batch, Ended, Numbered, transact};
use super::{audit, deliveries, events, listing, pauses, recent, rows, schema};
use crate::clock::Clock;
use crate::queue::claim::Lease;
use crate::queue::command::{BATCH, Change, Command, Query, Responder, sort};
use crate::queue::health::Health;
use crate::queue::records::Opened;
use crate::queue::wake::{ChangedLanes, Wake};
use crate::queue::{Bucket, OpenError, Pauses, QueueError};

/// Time between two looks at what other bridges have changed.
const POLL: Duration = Duration::from_secs(1);

/// How often a transaction is repeated that met another one.
const CONFLICTS: u32 = 10;

/// How long a transaction or the queries that are sent together take at most. A server that hangs never answers, and its machine may
/// still acknowledge what is sent. The limits of the server itself are shorter (see `connection.rs`).
const ANSWER: Duration = Duration::from_secs(20);

/// Time between two looks, and between two notifications, at least.
const LEAST_POLL: Duration = Duration::from_millis(200);

/// The pause before another try to find out whether a transaction was committed.
const RECONNECT: Duration = Duration::from_millis(500);

pub(in crate::queue) struct Actor {
    runtime: Runtime,
    store: Store,
}

struct Store {
    address: Address,
    /// Unset: there is no session now.
    sql: Option<Sql>,
    /// This run of the bridge.
    bridge: Uuid,
    /// The number of its last transaction.
    number: i64,
    health: Health,
    leases: Leases,
    /// The lanes that were claimable at the last look, with the counters that show a change.
    claimable: HashMap<Arc<str>, Claimable>,
    /// A commit is still to be notified to the other bridges.
    is_to_notify: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Claimable {
    arrived: i64,
    removed: i64,
    fence: i64,
    is_own: bool,
}

impl Actor {
    /// Opens the store at `postgres://…`, and updates its schema. Returns what it knows of it, too. `buckets`: those of the last
    /// hours, empty.
    pub(in crate::queue) fn open(
        address: &str,
        bridge: Uuid,
        mut buckets: Vec<Bucket>,
        now: Timestamp,
    ) -> std::result::Result<(Self, Opened), OpenError> {
        let address = Address::parse(address).map_err(|error| OpenError::Server {
            source: Arc::new(error),
        })?;
        // The caller may be on a runtime, which cannot run another one.
        let opening = std::thread::Builder::new()
            .name("queue".to_owned())
            .spawn(move || {
                let runtime = Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(OpenError::Thread)?;
                let opened = runtime.block_on(async {
                    let sql = open(&address, Some(bridge)).await?;
                    recent::fill(&sql, &mut buckets, now).await?;
                    let newest: Option<i64> = sql.first(NEWEST_TIME, &[], value).await?;
                    let opened = Opened {
                        newest: newest.and_then(|time| Timestamp::from_millisecond(time).ok()),
                        pauses: pauses::load(&sql).await?,
                        recent: buckets,
                    };
                    Ok((sql, opened))
                });
                let (sql, opened) = opened.map_err(|failure: Failure| OpenError::Server {
                    source: Arc::new(failure),
                })?;
                let store = Store {
                    address,
                    sql: Some(sql),
                    bridge,
                    number: 0,
                    health: Health::default(),
                    leases: Leases::default(),
                    claimable: HashMap::new(),
                    is_to_notify: false,
                };
                Ok((Self { runtime, store }, opened))
            });
        let opening = opening.map_err(OpenError::Thread)?;
        opening
            .join()
            .unwrap_or_else(|_| Err(OpenError::Thread(io::Error::other("it panicked"))))
    }

    /// Carries out commands until the store is closing, or every handle is dropped.
    pub(in crate::queue) fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        wake: &Wake,
        closing: &AtomicBool,
    ) {
        self.runtime
            .block_on(self.store.serve(&mut commands, wake, closing));
    }
}

/// Begins a session. The first one of a bridge adds its row.
async fn open(address: &Address, bridge: Option<Uuid>) -> Result<Sql> {
    // The time of the machine, also where a test has a clock of its own: the server is a real one.
    let session = connect(address, &Clock::system()).await?;
    if let Some(bridge) = bridge {
        schema::migrate(&session.client).await?;
        let sql = Sql::new(session.client).await?;
        sql.execute(ADD_BRIDGE, params![bridge]).await?;
        sql.execute(FORGET_BRIDGES, params![bridge]).await?;
        return Ok(sql);
    }
    Sql::new(session.client).await
}

impl Store {
    async fn serve(&mut self, commands: &mut mpsc::Receiver<Command>, wake: &Wake, closing: &AtomicBool) {
        let mut gathered = Vec::with_capacity(BATCH);
        let mut heard = listen(self.address.clone(), self.bridge, wake.clock.clone());
        let mut polled = wake.clock.monotonic();
        let mut poll_at = polled + POLL;
        let mut notify_at = polled;
        loop {
            let left = poll_at.saturating_sub(wake.clock.monotonic());
            tokio::select! {
                biased;
                () = wake.clock.sleep(left) => {
                    if let Err(failure) = self.look(wake).await {
                        log::debug!("cannot look at what other bridges have changed: {failure}");
                    }
                    polled = wake.clock.monotonic();
                    poll_at = polled + POLL;
                }
                Ok(()) = heard.changed() => poll_at = poll_at.min(polled + LEAST_POLL),
                () = wake.clock.sleep(notify_at.saturating_sub(wake.clock.monotonic())), if self.is_to_notify => {
                    self.notify().await;
                    notify_at = wake.clock.monotonic() + LEAST_POLL;
                }
                count = commands.recv_many(&mut gathered, BATCH) => {
                    if count == 0 {
                        break;
                    }
                }
            }
            let (changes, queries) = sort(&mut gathered);
            if !changes.is_empty() {
                self.change(changes, wake, closing).await;
            }
            // After the commit, so that an answer shows only what is committed.
            if !queries.is_empty() {
                self.answer(queries, wake).await;
            }
            if closing.load(Ordering::Relaxed) {
                break;
            }
        }
    }

    /// The session, which is begun again if it has ended.
    async fn session(&mut self) -> Result<&Sql> {
        if self.sql.as_ref().is_none_or(Sql::is_closed) {
            self.sql = None;
            self.sql = Some(open(&self.address, None).await?);
        }
        match &self.sql {
            Some(sql) => Ok(sql),
            None => Err(Failure::Unprepared("no session")),
        }
    }

    async fn change(&mut self, mut changes: Vec<Change>, wake: &Wake, closing: &AtomicBool) {
        let begun = wake.clock.monotonic();
        let result = self.transact(&mut changes, wake, closing).await;
        let took = wake.clock.monotonic().saturating_sub(begun);
        wake.metrics.transaction(took, result.is_ok());
        let proves = result.as_ref().is_ok_and(|batch| batch.proves);
        let result = match result {
            Ok(batch) => {
                for change in &changes {
                    change.count(&wake.activity);
                }
                if batch.pauses_changed {
                    self.load_pauses(wake).await;
                }
                // No other bridge can claim a lane that this one holds.
                self.is_to_notify |= batch.changed.names().any(|lane| !self.leases.holds(lane));
                wake.committed(batch.changed);
                Ok(())
            }
            Err(error) => Err(error),
        };
        self.health.note(&result, proves);
        for change in changes {
            change.answer(&result);
        }
    }

    /// Runs one transaction. If the answer to its COMMIT is lost, it is repeated with the same number until it is known whether it
    /// was committed. An error would say that nothing of it is stored.
    async fn transact(
        &mut self,
        changes: &mut [Change],
        wake: &Wake,
        closing: &AtomicBool,
    ) -> std::result::Result<Batch, QueueError> {
        let mut which = Numbered {
            bridge: self.bridge,
            number: self.number + 1,
            is_doubtful: self.health.is_failing(),
        };
        let mut unknown: Option<Failed> = None;
        let mut conflicts = 0;
        loop {
            if unknown.is_some() && closing.load(Ordering::Relaxed) {
                return Err(QueueError::Slow);
            }
            let sql = match self.session().await {
                Ok(sql) => sql,
                Err(failure) if unknown.is_none() => return Err(failure.of_command("reach its server")),
                Err(_) => {
                    wake.clock.sleep(RECONNECT).await;
                    continue;
                }
            };
            let transacted = Clock::system()
                .timeout(ANSWER, Box::pin(transact(sql, which, changes)))
                .await;
            let transacted = transacted.unwrap_or_else(|| {
                // It may have got as far as the commit.
                Err(Ended::Unknown(Failed {
                    doing: "commit",
                    failure: Failure::Silent,
                }))
            });
            match transacted {
                Ok(batch) => {
                    self.number = which.number;
                    return Ok(batch);
                }
                Err(Ended::CommittedBefore) => {
                    self.number = which.number;
                    return Ok(self.after_lost_answer());
                }
                Err(Ended::Behind(known)) => {
                    log::error!(
                        "the server has lost what the bridge committed before: it has {} of {} transactions",
                        known.unwrap_or_default(),
                        which.number - 1
                    );
                    if known.is_none() {
                        let added = sql.execute(ADD_BRIDGE, params![which.bridge]).await;
                        added.map_err(|failure| failure.of_command("begin a transaction"))?;
                    }
                    // The transaction whose answer was lost is not committed either.
                    unknown = None;
                    which.number = known.unwrap_or_default() + 1;
                }
                Err(Ended::Conflict(failed)) if conflicts < CONFLICTS => {
                    conflicts += 1;
                    log::debug!("a transaction met another one: {}", failed.failure);
                }
                Err(Ended::Unknown(failed)) => {
                    log::warn!(
                        "the answer to a commit was lost, asking whether it was committed: {}",
                        failed.failure
                    );
                    self.sql = None;
                    unknown = Some(failed);
                }
                Err(Ended::Lost(_)) if unknown.is_some() => {
                    self.sql = None;
                    wake.clock.sleep(RECONNECT).await;
                }
                // The server may still be busy with the transaction whose answer was lost: its locks are held until it ends.
                Err(Ended::NotBegun(_)) if unknown.is_some() => wake.clock.sleep(RECONNECT).await,
                Err(Ended::Lost(failed)) => {
                    self.sql = None;
                    return Err(failed.into_error());
                }
                Err(Ended::NotBegun(failed) | Ended::Failed(failed) | Ended::Conflict(failed)) => {
                    return Err(failed.into_error());
                }
            }
        }
    }

    /// What a transaction left behind whose answer was lost: the changes have kept their results. Which lanes it changed is not
    /// known, so all of them are looked at again.
    fn after_lost_answer(&mut self) -> Batch {
        self.claimable.clear();
        Batch {
            pauses_changed: true,
            proves: true,
            ..Batch::default()
        }
    }

    async fn load_pauses(&mut self, wake: &Wake) {
        match self.session().await {
            Ok(sql) => match pauses::load(sql).await {
                Ok(pauses) => note_pauses(pauses, wake),
                Err(failure) => log::warn!("cannot read what is paused: {failure}"),
            },
            Err(failure) => log::warn!("cannot read what is paused: {failure}"),
        }
    }

    /// Notifies the other bridges. It is no part of a transaction: a notification takes a lock of the whole database until its
    /// commit, so commits would go one after the other. One that fails is not repeated, because the others look each second anyway.
    async fn notify(&mut self) {
        self.is_to_notify = false;
        let bridge = self.bridge.to_string();
        let Ok(sql) = self.session().await else { return };
        let notified = Clock::system()
            .timeout(ANSWER, sql.execute(NOTIFY, params![CHANNEL, bridge]))
            .await;
        if !matches!(notified, Some(Ok(_))) {
            log::debug!("cannot notify the other bridges");
        }
    }

    /// Looks at what other bridges have changed: lanes that can be claimed, and pauses.
    async fn look(&mut self, wake: &Wake) -> Result<()> {
        let owner = self.leases.owner().map(|owner| owner.0);
        let sql = self.session().await?;
        let read = |row: &tokio_postgres::Row| {
            let name = Arc::<str>::from(get::<String>(row, 0)?);
            let claimable = Claimable {
                arrived: get(row, 1)?,
                removed: get(row, 2)?,
                fence: get(row, 3)?,
                is_own: get(row, 4)?,
            };
            Ok((name, claimable))
        };
        let with = params![owner];
        let (lanes, found) = tokio::try_join!(sql.all(CLAIMABLE, with, read), pauses::load(sql))?;
        let lanes: HashMap<Arc<str>, Claimable> = lanes.into_iter().collect();
        let mut changed = ChangedLanes::default();
        for (name, lane) in &lanes {
            let before = self.claimable.get(name);
            if before != Some(lane) {
                changed.arrived(Arc::clone(name));
            }
            if before.is_some_and(|before| before.removed != lane.removed) {
                changed.departed(Arc::clone(name));
            }
        }
        self.claimable = lanes;
        wake.seen(changed);
        let known = Arc::clone(&wake.pauses.borrow());
        if *known != found {
            let (ended, begun) = (known.channels_beside(&found), found.channels_beside(&known));
            note_pauses(found, wake);
            let mut changed = ChangedLanes::default();
            for name in ended {
                changed.arrived(name);
            }
            for name in begun {
                changed.departed(name);
            }
            wake.seen(changed);
        }
        Ok(())
    }

    /// Answers queries, which are sent together.
    async fn answer(&mut self, queries: Vec<Query>, wake: &Wake) {
        let is_ready = self.session().await.map(drop);
        let (Some(sql), Ok(())) = (&self.sql, &is_ready) else {
            let failure = is_ready.err().unwrap_or(Failure::Unprepared("no session"));
            let error = failure.of_command("reach its server");
            for query in queries {
                query.fail(&error);
            }
            return;
        };
        let leases = &self.leases;
        let asked = join_all(queries.into_iter().map(|query| ask(sql, leases, query, wake)));
        if Clock::system().timeout(ANSWER, asked).await.is_none() {
            log::warn!("{} does not answer: it is connected to again", self.address);
            self.sql = None;
        }
    }
}

async fn ask(sql: &Sql, leases: &Leases, query: Query, wake: &Wake) {
    match query {
        Query::Claim {
            lane,
            owner,
            wanted,
            now,
            lease,
            reply,
        } => {
            let claimed = async {
                let Some(held) = leases.hold(sql, &lane, owner, lease, &wake.clock).await? else {
                    return Ok(None);
                };
                deliveries::claim(sql, leases, &lane, held, wanted, now).await
            };
            answer(reply, "claim a lane", claimed.await);
        }
        Query::Renew {
            lane,
            owner,
            fence,
            lease,
            reply,
        } => {
            let renewed = leases.renew(sql, &lane, owner, fence, lease, &wake.clock).await;
            answer(reply, "hold a lane", renewed.map(|until| until.map(Lease::until)));
        }
        Query::Release(lane, owner, reply) => {
            answer(reply, "release a lane", leases.release(sql, &lane, owner).await);
        }
        Query::Waiting(digestible, reply) => {
            let waiting = deliveries::digestible(sql, &digestible).await;
            answer(reply, "read what waits in a lane", waiting);
        }
        Query::Size(reply) => {
            let size: Result<Option<i64>> = sql.first(STORE_SIZE, &[], value).await;
            let size = size.map(|bytes| u64::try_from(bytes.unwrap_or_default()).unwrap_or_default());
            answer(reply, "measure itself", size);
        }
        Query::Lanes(reply) => {
            answer(
                reply,
                "list the lanes",
                sql.all(LANES, &[], rows::lane_state).await,
            );
        }
        Query::Event(id, reply) => answer(reply, "look up an event", events::find(sql, id).await),
        Query::List(listing, reply) => answer(reply, "list events", listing::page(sql, &listing).await),
        Query::Ids(from, to, limit, reply) => {
            answer(reply, "look up an id", listing::ids(sql, from, to, limit).await);
        }
        Query::Held(source, limit, reply) => {
            answer(
                reply,
                "list what is held",
                pauses::held(sql, &source, limit).await,
            );
        }
        Query::Audit(listing, reply) => {
            answer(reply, "list what was done", audit::page(sql, listing).await);
        }
    }
}

fn note_pauses(pauses: Pauses, wake: &Wake) {
    wake.pauses.send_replace(Arc::new(pauses));
}

/// Answers a query, if its caller still waits. `doing` completes "the store cannot …".
fn answer<T>(reply: Responder<T>, doing: &'static str, result: Result<T>) {
    let _ = reply.send(result.map_err(|failure| failure.of_command(doing)));
}
