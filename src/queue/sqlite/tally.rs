//! What the changes of a transaction have in common. Rows that many events share are written once a transaction, not once
//! an event.

use rusqlite::{Connection, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::lanes;
use super::query::execute;
use super::statements::ADD_SIZE;
use crate::queue::wake::ChangedLanes;

/// Counts that are not written yet, and the lanes that are changed.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) changed: ChangedLanes,
    /// By name: a lane's row, and how many more deliveries wait in it.
    lanes: BTreeMap<Arc<str>, (i64, i64)>,
    /// By how much the total size of all events grows.
    size: i64,
}

impl Tally {
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

    /// Counts bytes of events.
    pub(super) fn add_size(&mut self, bytes: i64) {
        self.size += bytes;
    }

    /// Writes the counts. Whoever reads them in the same transaction calls this first.
    pub(super) fn write(&mut self, connection: &Connection) -> Result<()> {
        for (row, waiting) in self.lanes.values_mut() {
            if *waiting != 0 {
                lanes::count(connection, *row, *waiting)?;
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
