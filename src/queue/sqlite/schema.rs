//! The tables, and how an older store becomes a newer one: `PRAGMA user_version` counts the migrations it has had.

use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

use super::statements::{APPLICATION_ID, COUNT_OBJECTS, SCHEMA_VERSION};
use super::{OpenError, failed};

/// SignatureClaim the file as ours (`PRAGMA application_id`): "twbr".
const APPLICATION: i64 = 0x7477_6272;

/// Each brings a store from the version of its index to the next. Never changed once released, only added to. Only [`FOURTH`]
/// reads rows: it takes about a second for each million events.
const MIGRATIONS: &[&str] = &[FIRST, SECOND, THIRD, FOURTH];

/// Times are milliseconds since 1970 in UTC. `waiting` and `dead` of an event, and `waiting` of a lane, count
/// deliveries, so that nobody has to; the partial indexes hold only what waits and what is dead, so that neither
/// history nor backlog makes anything slower. In `events`, what lists look at stands before what is large, so that a row's large
/// part need not be read for its small one.
const FIRST: &str = "
CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of commit; never given twice
    uuid       BLOB NOT NULL,                     -- version 7: the order of time
    source     TEXT NOT NULL,
    type       TEXT NOT NULL,
    received   INTEGER NOT NULL,
    secret     TEXT NOT NULL,                     -- the name of the secret that authenticated it
    key        BLOB NOT NULL,                     -- the idempotency key
    size       INTEGER NOT NULL,                  -- bytes it takes here, about
    waiting    INTEGER NOT NULL,
    dead       INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,                  -- how many it ever had
    body_size  INTEGER NOT NULL,
    headers    TEXT NOT NULL,                     -- JSON
    routes     TEXT NOT NULL,                     -- JSON: why it goes where it goes
    body       BLOB NOT NULL                      -- zstd
) STRICT;
CREATE INDEX events_settled ON events (received) WHERE waiting = 0 AND dead = 0;
CREATE UNIQUE INDEX events_uuid ON events (uuid);
-- For lists, newest first. Those of what waits, is dead or said nowhere hold only that.
CREATE INDEX events_source ON events (source, uuid);
CREATE INDEX events_type ON events (type, uuid);
CREATE INDEX events_secret ON events (secret, uuid);
CREATE INDEX events_waiting ON events (uuid) WHERE waiting > 0;
CREATE INDEX events_dead ON events (uuid) WHERE dead > 0;
CREATE INDEX events_silent ON events (uuid) WHERE deliveries = 0;

CREATE TABLE messages (
    event  INTEGER NOT NULL,
    number INTEGER NOT NULL,
    json   TEXT NOT NULL,                         -- a StoredMessage, with its version
    PRIMARY KEY (event, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
    key   BLOB PRIMARY KEY,
    event INTEGER NOT NULL,
    uuid  BLOB NOT NULL,                          -- outlives the event's row
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_until ON seen (until);

CREATE TABLE lanes (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,           -- the channel's name
    waiting       INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER                         -- since when no attempt ended well
) STRICT;

CREATE TABLE deliveries (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order in a lane
    lane     INTEGER NOT NULL,
    event    INTEGER NOT NULL,
    message  INTEGER NOT NULL,
    act      TEXT NOT NULL,
    state    INTEGER NOT NULL,                    -- 0 waiting, 1 delivered, 2 dead
    since    INTEGER NOT NULL,                    -- when it began to wait
    due      INTEGER,                             -- not to be tried before
    settled  INTEGER,                             -- when it was delivered or died
    attempts INTEGER NOT NULL DEFAULT 0,
    reason   TEXT,                                -- of the last attempt
    repeated INTEGER NOT NULL DEFAULT 0,          -- attempts in a row that ended with this reason
    detail   TEXT,
    twake_id TEXT,
    may_be_duplicate INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (lane, id) WHERE state = 0;
CREATE INDEX deliveries_dead ON deliveries (settled) WHERE state = 2;
CREATE INDEX deliveries_event ON deliveries (event);

CREATE TABLE totals (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL                         -- of all events
) STRICT;
INSERT INTO totals (id, size) VALUES (1, 0);
";

/// Why an event is not told somewhere. Only such events have a row; those from before have none. Not a column of
/// `events`: a new one stands behind the body, which a list would then have to walk through.
const SECOND: &str = "
CREATE TABLE silences (
    event INTEGER PRIMARY KEY,
    json  TEXT NOT NULL                           -- by the last decision: channels, and why they are told nothing
) STRICT;
";

/// Events whose body could not be read when they were decided last. A table of its own for the reason given above; by
/// `uuid`, because lists walk it from its newest end.
const THIRD: &str = "
CREATE TABLE unreadable (
    uuid  BLOB PRIMARY KEY,
    event INTEGER NOT NULL,
    why   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Renames what is stored: an event, or some of its channels, is *skipped* for a reason; an operator *discards* messages.
const FOURTH: &str = "
ALTER TABLE silences RENAME TO skipped;
UPDATE skipped SET json = (
    SELECT json_group_array(json_object('channels', value -> '$.channels', 'reason', value ->> '$.why'))
    FROM json_each(skipped.json)
) WHERE json_valid(json);
DROP INDEX events_silent;
CREATE INDEX events_skipped ON events (uuid) WHERE deliveries = 0;
UPDATE deliveries SET reason = 'discarded' WHERE state = 2 AND reason = 'dropped';
";

/// The schema of a store that is ours (0: it is empty), and not newer than this program.
pub(super) fn known(connection: &Connection, path: &Path) -> Result<usize, OpenError> {
    let number = |sql: &str| {
        let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        number.map_err(failed(path))
    };
    let found = number(SCHEMA_VERSION)?;
    let application = number(APPLICATION_ID)?;
    let objects = number(COUNT_OBJECTS)?;
    if application != APPLICATION && (application != 0 || found != 0 || objects != 0) {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let newest = MIGRATIONS.len();
    let schema = usize::try_from(found).ok().filter(|schema| *schema <= newest);
    schema.ok_or_else(|| OpenError::Newer {
        path: path.to_owned(),
        found,
        known: i64::try_from(newest).unwrap_or(i64::MAX),
    })
}

/// Brings the schema up to date; refuses what is not ours or too new without having changed it.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    migrate_by(MIGRATIONS, connection, path)
}

/// All that is missing, and its number, is one transaction: a store has a schema whole or not at all.
fn migrate_by(migrations: &[&str], connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let newest = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let had = known(connection, path)?;
    let missing = migrations.get(had..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let mut run = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for migration in missing {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", newest)?;
        transaction.commit()
    };
    run().map_err(failed(path))?;
    if had > 0 {
        log::info!(
            "the store {} has schema {newest} now, it had {had}; an earlier version of the bridge refuses it",
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
