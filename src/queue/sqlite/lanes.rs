//! The rows of lanes: found, added and listed.

use rusqlite::{Connection, Result};

use super::query::{all, execute, first, value};
use super::rows;
use super::statements::{ADD_LANE, LANE, LANES};
use crate::queue::LaneState;

/// The state of every lane.
pub(super) fn states(connection: &Connection) -> Result<Vec<LaneState>> {
    all(connection, LANES, [], rows::lane_state)
}

/// The row of a lane; `None` when it never had a delivery.
pub(super) fn row(connection: &Connection, name: &str) -> Result<Option<i64>> {
    first(connection, LANE, [name], value)
}

/// The row of a lane, which is added if there is none.
pub(super) fn add(connection: &Connection, name: &str) -> Result<i64> {
    if let Some(row) = row(connection, name)? {
        return Ok(row);
    }
    execute(connection, ADD_LANE, [name])?;
    Ok(connection.last_insert_rowid())
}
