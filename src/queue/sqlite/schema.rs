//! The tables, and the migrations of older stores. `PRAGMA user_version` counts the migrations that a store has had.

use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

use super::failed;
use super::statements::{APPLICATION_ID, COUNT_OBJECTS, SCHEMA_VERSION};
use crate::queue::OpenError;

/// Marks the file as ours (`PRAGMA application_id`): "twbr".
const APPLICATION: i64 = 0x7477_6272;

/// Each migrates a store from the version of its index to the next. A released migration never changes; new ones are
/// added. Only [`FOURTH`] to [`SEVENTH`] read rows: a million events take the first two about one and twenty seconds.
/// None writes an event again.
const MIGRATIONS: &[&str] = &[FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH];

/// Times are milliseconds since 1970 in UTC. The columns `waiting` and `dead` count deliveries, so that no statement has to.
/// The partial indexes hold only what waits and what is dead, so neither history nor backlog makes a statement slower. In
/// `events`, the columns that lists read stand before the large ones, which a list then does not read.
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
-- For lists, newest first. The partial ones contain only what is waiting, dead or without a delivery.
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

/// Why an event is skipped in some channels. Only such events have a row. This is no column of `events`: a new column stands
/// after the body, which a list would then have to read.
const SECOND: &str = "
CREATE TABLE silences (
    event INTEGER PRIMARY KEY,
    json  TEXT NOT NULL                           -- by the last decision: channels, and why they are told nothing
) STRICT;
";

/// Events whose body could not be read at the last decision. A table of its own for the same reason. Its key is `uuid`,
/// because lists walk it from its newest end.
const THIRD: &str = "
CREATE TABLE unreadable (
    uuid  BLOB PRIMARY KEY,
    event INTEGER NOT NULL,
    why   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Gives what is stored the names of the field: an event, or some of its channels, is *skipped* for a reason; an operator
/// *discards* deliveries.
const FOURTH: &str = "
ALTER TABLE silences RENAME TO skipped;
UPDATE skipped SET json = (
    SELECT json_group_array(json_object('channels', value -> '$.channels', 'reason', value ->> '$.why'))
    FROM json_each(skipped.json)
) WHERE json_valid(json);
DROP INDEX events_silent;
CREATE INDEX events_skipped ON events (uuid) WHERE deliveries = 0;
UPDATE deliveries INDEXED BY deliveries_dead SET reason = 'discarded' WHERE state = 2 AND reason = 'dropped';
";

/// Fewer pages are written for an event. Its first message is in its row, except if its body is large: the new column stands
/// after the body. `messages` keeps those of earlier schemas, and all further messages. One index takes the place of three.
/// A key is deleted with its event; only a key that outlives its event has an entry in an index of times. Its `event` is 0.
const FIFTH: &str = "
ALTER TABLE events ADD COLUMN message BLOB; -- JSON as in messages, zstd
DROP INDEX events_source;
DROP INDEX events_type;
DROP INDEX events_secret;
CREATE INDEX events_origin ON events (source, type, secret, uuid);
DROP INDEX seen_until;
UPDATE seen SET event = 0
    WHERE NOT EXISTS (SELECT 1 FROM events INDEXED BY events_uuid WHERE events.uuid = seen.uuid);
CREATE INDEX seen_outliving ON seen (until) WHERE event = 0;
";

/// Conversations: what the store keeps of them, and the part of a delivery in its conversation. `act` is what a delivery did,
/// and has a meaning only if it is delivered. State 3 of a delivery is skipped. The index of slots holds what may make an
/// earlier update unnecessary, so no replay: that is never an update.
const SIXTH: &str = "
CREATE TABLE conversations (
    lane    INTEGER NOT NULL,
    key     BLOB NOT NULL,                        -- of a conversation, or of a message in one
    json    TEXT NOT NULL,                        -- a Thread, or a Message
    expires INTEGER NOT NULL,                     -- when it may be forgotten
    PRIMARY KEY (lane, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversations_expiring ON conversations (expires);
ALTER TABLE deliveries ADD COLUMN thread BLOB;    -- the key of its conversation
ALTER TABLE deliveries ADD COLUMN slot BLOB;      -- the key of the message in it that it is or updates
ALTER TABLE deliveries ADD COLUMN closes INTEGER NOT NULL DEFAULT 0;    -- the next one opens a new conversation
ALTER TABLE deliveries ADD COLUMN is_replay INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;   -- 0 to 5, what passes before less urgent ones
ALTER TABLE deliveries ADD COLUMN carried_by INTEGER; -- the delivery that stands for this one, which is skipped
CREATE INDEX deliveries_slot ON deliveries (lane, slot, id) WHERE state = 0 AND slot IS NOT NULL AND is_replay = 0;
CREATE INDEX deliveries_closing ON deliveries (lane, thread, id) WHERE state = 0 AND closes = 1;
CREATE INDEX deliveries_urgent ON deliveries (lane, urgency, id) WHERE state = 0 AND urgency > 0;
CREATE INDEX deliveries_carried ON deliveries (carried_by) WHERE carried_by IS NOT NULL;
";

/// What an operator sees and does. The line of an event is its title, repository and actor, separated by line feeds. It is in
/// the event's row, except if the body is large: the new column stands after the body. The index of texts is filled in steps,
/// not on the way in. It keeps no text, so a deletion needs only the event's number.
const SEVENTH: &str = "
ALTER TABLE events ADD COLUMN line TEXT;
CREATE TABLE lines (
    event INTEGER PRIMARY KEY,                    -- with a large body
    line  TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE search USING fts5(line, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2');
ALTER TABLE totals ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0; -- the newest event that the index may have

-- Events that are skipped in all or some channels, or were when the decision was made. Its key is `uuid`, because lists walk it.
CREATE TABLE skips (
    uuid  BLOB PRIMARY KEY,
    event INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO skips SELECT uuid, id FROM events
    WHERE deliveries = 0 OR id IN (SELECT event FROM skipped UNION SELECT event FROM deliveries WHERE state = 3);
DROP INDEX events_skipped;

CREATE TABLE attempts (
    delivery INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    at       INTEGER NOT NULL,                    -- when it ended
    took     INTEGER NOT NULL,                    -- milliseconds
    status   INTEGER,                             -- of HTTP
    reason   TEXT NOT NULL,
    detail   TEXT,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE pauses (
    is_source INTEGER NOT NULL,                   -- otherwise a channel
    name      TEXT NOT NULL,
    since     INTEGER NOT NULL,
    who       TEXT NOT NULL,
    why       TEXT NOT NULL,
    resuming  INTEGER NOT NULL,
    PRIMARY KEY (is_source, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE held (
    event  INTEGER PRIMARY KEY,                   -- of a paused source; it counts as waiting
    source TEXT NOT NULL
) STRICT;
CREATE INDEX held_source ON held (source, event);

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    who    TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
";

/// The schema of a store; 0: it is empty.
///
/// # Errors
/// A database of another program, and a schema that is newer than this program.
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

/// Brings the schema up to date. A store that [`known`] refuses stays unchanged.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    migrate_by(MIGRATIONS, connection, path)
}

/// All missing migrations, and the new number, are one transaction.
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
