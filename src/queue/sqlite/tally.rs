//! What the changes of a transaction have in common. Rows that many events share are written once a transaction, not once
//! an event.

use rusqlite::{Connection, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::lanes;
use super::query::{execute, value};
use super::statements::{ADD_SIZE, COUNT_OF_LANE, TOTAL_SIZE};
use crate::queue::Pauses;
use crate::queue::wake::ChangedLanes;

/// Counts that are not written yet, and what the changes leave behind for the commit. In a transaction only the tally reads
/// these counts, because it must write them first.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) changed: ChangedLanes,
    /// What is paused, with the changes of this transaction.
    pub(super) pauses: Arc<Pauses>,
    /// The changes have changed it.
    pub(super) pauses_changed: bool,
    /// A change wrote as much as shows, once it is committed, that events can be stored.
    pub(super) proves: bool,
    /// By name: a lane's row, and how many more deliveries wait in it.
    lanes: BTreeMap<Arc<str>, (i64, i64)>,
    /// By how much the total size of all events grows.
    size: i64,
}

impl Tally {
    /// A tally of changes that begin while this is paused.
    pub(super) fn new(pauses: Arc<Pauses>) -> Self {
        Self {
            pauses,
            ..Self::default()
        }
    }

    /// Counts a delivery that waits in a lane. Returns the lane's row; adds it if there is none.
    pub(super) fn add_delivery(&mut self, connection: &Connection, lane: &Arc<str>) -> Result<i64> {
        if let Some((row, waiting)) = self.lanes.get_mut(lane) {
            *waiting += 1;
            return Ok(*row);
        }
        let row = lanes::add(connection, lane)?;
        self.lanes.insert(Arc::clone(lane), (row, 1));
        self.changed.arrived(Arc::clone(lane));
        Ok(row)
    }

    /// Sets what is paused from now on.
    pub(super) fn set_pauses(&mut self, pauses: Pauses) {
        self.pauses = Arc::new(pauses);
        self.pauses_changed = true;
    }

    /// Counts bytes of events.
    pub(super) fn add_size(&mut self, bytes: i64) {
        self.size += bytes;
    }

    /// Counts `waiting` more deliveries in a lane. Returns its name and how many wait in it then.
    pub(super) fn count_lane(
        &mut self,
        connection: &Connection,
        lane: i64,
        waiting: i64,
    ) -> Result<(String, i64)> {
        self.write(connection)?;
        count_of_lane(connection, lane, waiting)
    }

    /// The total size of all events.
    pub(super) fn total_size(&mut self, connection: &Connection) -> Result<i64> {
        self.write(connection)?;
        connection.query_row(TOTAL_SIZE, [], value)
    }

    /// Writes the counts.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<()> {
        for (row, waiting) in self.lanes.values_mut() {
            if *waiting != 0 {
                count_of_lane(connection, *row, *waiting)?;
                *waiting = 0;
            }
        }
        if self.size != 0 {
            execute(connection, ADD_SIZE, [self.size])?;
            self.size = 0;
        }
        Ok(())
    }
}

fn count_of_lane(connection: &Connection, lane: i64, waiting: i64) -> Result<(String, i64)> {
    connection
        .prepare_cached(COUNT_OF_LANE)?
        .query_row([lane, waiting], |row| Ok((row.get(0)?, row.get(1)?)))
}
