//! What the changes of a transaction have in common. Rows that many changes share are written once a transaction, in an order
//! that is the same in every transaction.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

use super::failure::Result;
use super::query::{Sql, get, params};
use super::statements::{ADD_LANES, COUNT_EVENTS, COUNT_LANES, LOCK_LANES, LOCK_LANES_OF_EVENT};
use crate::queue::State;
use crate::queue::encoding::state_number;
use crate::queue::wake::ChangedLanes;

/// Counts that are not written yet, the lanes that are locked, and what the changes leave behind for the commit.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) changed: ChangedLanes,
    /// The changes have changed what is paused.
    pub(super) pauses_changed: bool,
    /// A change wrote as much as shows, once it is committed, that events can be stored.
    pub(super) proves: bool,
    /// By how much the size of all events grows.
    pub(super) size: i64,
    /// The newest of the times that are written.
    pub(super) newest: Option<i64>,
    /// The lanes that are locked, by name.
    rows: BTreeMap<Arc<str>, i32>,
    names: BTreeMap<i32, Arc<str>>,
    lanes: BTreeMap<i32, LaneCounts>,
    /// By event: how many more deliveries wait, and how many more are dead.
    events: BTreeMap<Uuid, (i32, i32)>,
}

#[derive(Clone, Copy, Default)]
struct LaneCounts {
    waiting: i64,
    arrived: i64,
    removed: i64,
}

impl Tally {
    /// Locks lanes by name, and the lanes of deliveries. A name without a lane is left out.
    pub(super) async fn lock(&mut self, sql: &Sql, names: &[&str], deliveries: &[i64]) -> Result<()> {
        let read = |row: &tokio_postgres::Row| Ok((get::<i32>(row, 0)?, get::<String>(row, 1)?));
        let locked = sql.all(LOCK_LANES, params![names, deliveries], read).await?;
        self.know(locked);
        Ok(())
    }

    /// Adds the lanes of these names that are not locked, and locks them.
    pub(super) async fn add(&mut self, sql: &Sql, names: impl Iterator<Item = &str>) -> Result<()> {
        let missing: BTreeSet<&str> = names.filter(|name| self.lane(name).is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<&str> = missing.into_iter().collect();
        sql.execute(ADD_LANES, params![missing]).await?;
        self.lock(sql, &missing, &[]).await
    }

    /// Locks the lanes of an event's deliveries in a state.
    pub(super) async fn lock_lanes_of(&mut self, sql: &Sql, event: Uuid, state: State) -> Result<()> {
        let with = params![event, state_number(state)];
        let read = |row: &tokio_postgres::Row| Ok((get::<i32>(row, 0)?, get::<String>(row, 1)?));
        let locked = sql.all(LOCK_LANES_OF_EVENT, with, read).await?;
        self.know(locked);
        Ok(())
    }

    fn know(&mut self, locked: Vec<(i32, String)>) {
        for (lane, name) in locked {
            let name: Arc<str> = name.into();
            self.rows.insert(Arc::clone(&name), lane);
            self.names.insert(lane, name);
        }
    }

    /// The row of a locked lane.
    pub(super) fn lane(&self, name: &str) -> Option<i32> {
        self.rows.get(name).copied()
    }

    /// The name of a locked lane.
    pub(super) fn name(&self, lane: i32) -> Option<&Arc<str>> {
        self.names.get(&lane)
    }

    /// Counts more deliveries that wait in a lane; fewer, if the number is negative.
    pub(super) fn count_lane(&mut self, lane: i32, waiting: i64) {
        self.lanes.entry(lane).or_default().waiting += waiting;
    }

    /// A lane got deliveries.
    pub(super) fn arrived(&mut self, lane: i32) {
        self.lanes.entry(lane).or_default().arrived += 1;
        if let Some(name) = self.name(lane).cloned() {
            self.changed.arrived(name);
        }
    }

    /// An operator took deliveries from a lane.
    pub(super) fn departed(&mut self, lane: i32) {
        self.lanes.entry(lane).or_default().removed += 1;
        if let Some(name) = self.name(lane).cloned() {
            self.changed.departed(name);
        }
    }

    /// Counts more waiting and dead deliveries of an event; fewer, if the numbers are negative.
    pub(super) fn count_event(&mut self, event: Uuid, waiting: i32, dead: i32) {
        let counts = self.events.entry(event).or_default();
        *counts = (counts.0 + waiting, counts.1 + dead);
    }

    /// Notes a time that is written. Only the last one counts.
    pub(super) fn note_time(&mut self, time: Timestamp) {
        self.newest = self.newest.max(Some(time.as_millisecond()));
    }

    /// Writes the counts of lanes and events.
    pub(super) async fn write(&mut self, sql: &Sql) -> Result<()> {
        let lanes = std::mem::take(&mut self.lanes);
        let events = std::mem::take(&mut self.events);
        let rows: Vec<i32> = lanes.keys().copied().collect();
        let column = |of: fn(&LaneCounts) -> i64| lanes.values().map(of).collect::<Vec<i64>>();
        let (waiting, arrived) = (column(|counts| counts.waiting), column(|counts| counts.arrived));
        let removed = column(|counts| counts.removed);
        let ids: Vec<Uuid> = events.keys().copied().collect();
        let (more, dead): (Vec<i32>, Vec<i32>) = events.values().copied().unzip();
        let count_lanes = async {
            if rows.is_empty() {
                return Ok(0);
            }
            sql.execute(COUNT_LANES, params![rows, waiting, arrived, removed])
                .await
        };
        let count_events = async {
            if ids.is_empty() {
                return Ok(0);
            }
            sql.execute(COUNT_EVENTS, params![ids, more, dead]).await
        };
        tokio::try_join!(count_lanes, count_events)?;
        Ok(())
    }
}
