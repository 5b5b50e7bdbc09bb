//! The tables, and the migrations of older stores. The table `twake_bridge` has the number of migrations that a store has had.

use tokio_postgres::Client;

use super::failure::{Failure, Result};
use super::statements::{CREATE_VERSION, LOCK_SCHEMA, SCHEMA_VERSION, SET_SCHEMA_VERSION};

/// Each migrates a store from the version of its index to the next. A released migration never changes; new ones are added.
const MIGRATIONS: &[&str] = &[FIRST];

/// Times are milliseconds since 1970 in UTC, except for leases, which are times of the server's clock. `events` has what changes
/// with each delivery, `contents` what does not: PostgreSQL writes a row again when one of its columns changes. The partial
/// indexes hold only what waits and what is dead.
const FIRST: &str = "
-- Each run of a bridge. Its number is that of its last transaction, so that it finds out whether a transaction was committed
-- when the answer to COMMIT was lost. A size of all events for each bridge, because one row for all would make them wait for
-- each other.
CREATE TABLE bridges (
    id     uuid PRIMARY KEY,
    number bigint NOT NULL DEFAULT 0,
    size   bigint NOT NULL DEFAULT 0,
    newest bigint,                                 -- the newest of the times that it wrote last
    written timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE lanes (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text COLLATE \"C\" NOT NULL UNIQUE,
    waiting       bigint NOT NULL DEFAULT 0,
    busy          boolean NOT NULL DEFAULT false,  -- something waits
    arrived       bigint NOT NULL DEFAULT 0,       -- grows when deliveries are added
    removed       bigint NOT NULL DEFAULT 0,       -- grows when an operator removes some
    failing_since bigint,
    owner         uuid,
    until         timestamptz,                     -- the end of the owner's lease
    fence         bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX lanes_busy ON lanes (id) WHERE busy;

CREATE TABLE events (
    id         uuid PRIMARY KEY,                   -- version 7: the order of time
    received   bigint NOT NULL,
    key        bytea NOT NULL,
    size       bigint NOT NULL,                    -- bytes it takes here, about
    waiting    integer NOT NULL,
    dead       integer NOT NULL,
    deliveries integer NOT NULL                    -- how many it ever had
) WITH (fillfactor = 70);
CREATE INDEX events_settled ON events (received) WHERE waiting = 0 AND dead = 0;
CREATE INDEX events_waiting ON events (id) WHERE waiting > 0;
CREATE INDEX events_dead ON events (id) WHERE dead > 0;

CREATE TABLE contents (
    event     uuid PRIMARY KEY,
    source    text COLLATE \"C\" NOT NULL,
    type      text COLLATE \"C\" NOT NULL,
    secret    text COLLATE \"C\" NOT NULL,
    headers   text NOT NULL,                       -- JSON
    routes    text NOT NULL,                       -- JSON
    body_size bigint NOT NULL,
    message   bytea,                               -- the first one, if it is not in messages: JSON, zstd
    line      text,
    words     text COLLATE \"C\",                  -- of the line, in small letters and without marks, each between two spaces
    body      bytea NOT NULL                       -- zstd
);
-- Both are compressed already.
ALTER TABLE contents ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE contents ALTER COLUMN message SET STORAGE EXTERNAL;

CREATE TABLE messages (
    event  uuid NOT NULL,
    number integer NOT NULL,
    json   text NOT NULL,
    PRIMARY KEY (event, number)
);
CREATE TABLE skipped (event uuid PRIMARY KEY, json text NOT NULL);
CREATE TABLE skips (event uuid PRIMARY KEY);       -- skipped in all or some channels
CREATE TABLE unreadable (event uuid PRIMARY KEY, why text NOT NULL);

CREATE TABLE seen (
    key      bytea PRIMARY KEY,
    event    uuid NOT NULL,
    until    bigint NOT NULL,
    outlives boolean NOT NULL DEFAULT false        -- the event is deleted
);
CREATE INDEX seen_outliving ON seen (until) WHERE outlives;

CREATE SEQUENCE delivery_numbers;
CREATE TABLE deliveries (
    id       bigint PRIMARY KEY DEFAULT nextval('delivery_numbers'), -- the order in a lane: taken while the lane is locked
    lane     integer NOT NULL,
    event    uuid NOT NULL,
    message  integer NOT NULL,
    act      text NOT NULL DEFAULT 'post',
    state    smallint NOT NULL DEFAULT 0,          -- 0 waiting, 1 delivered, 2 dead, 3 skipped
    since    bigint NOT NULL,
    due      bigint,
    settled  bigint,
    attempts integer NOT NULL DEFAULT 0,
    reason   text,
    repeated integer NOT NULL DEFAULT 0,
    detail   text,
    twake_id text,
    may_be_duplicate boolean NOT NULL DEFAULT false,
    thread   bytea,
    slot     bytea,
    closes   boolean NOT NULL DEFAULT false,
    is_replay boolean NOT NULL DEFAULT false,
    urgency  smallint NOT NULL DEFAULT 0,
    carried_by bigint
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
ALTER SEQUENCE delivery_numbers OWNED BY deliveries.id;
CREATE INDEX deliveries_waiting ON deliveries (lane, id) WHERE state = 0;
CREATE INDEX deliveries_dead ON deliveries (settled) WHERE state = 2;
CREATE INDEX deliveries_event ON deliveries (event);
CREATE INDEX deliveries_slot ON deliveries (lane, slot, id) WHERE state = 0 AND slot IS NOT NULL AND NOT is_replay;
CREATE INDEX deliveries_closing ON deliveries (lane, thread, id) WHERE state = 0 AND closes;
CREATE INDEX deliveries_urgent ON deliveries (lane, urgency, id) WHERE state = 0 AND urgency > 0;
CREATE INDEX deliveries_carried ON deliveries (carried_by) WHERE carried_by IS NOT NULL;

CREATE TABLE attempts (
    delivery bigint NOT NULL,
    number   integer NOT NULL,
    at       bigint NOT NULL,
    took     bigint NOT NULL,
    status   integer,
    reason   text NOT NULL,
    detail   text,
    PRIMARY KEY (delivery, number)
);
CREATE TABLE conversations (
    lane    integer NOT NULL,
    key     bytea NOT NULL,
    json    text NOT NULL,
    expires bigint NOT NULL,
    PRIMARY KEY (lane, key)
);
CREATE INDEX conversations_expiring ON conversations (expires);

CREATE TABLE pauses (
    is_source boolean NOT NULL,
    name      text COLLATE \"C\" NOT NULL,
    since     bigint NOT NULL,
    who       text NOT NULL,
    why       text NOT NULL,
    resuming  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (is_source, name)
);
CREATE TABLE held (
    event  uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    source text COLLATE \"C\" NOT NULL
);
CREATE INDEX held_source ON held (source, number);
CREATE TABLE audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     bigint NOT NULL,
    who    text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail text NOT NULL
);
-- What a thorough check writes, and the next check deletes.
CREATE TABLE proofs (bridge uuid PRIMARY KEY, filler text NOT NULL);
ALTER TABLE proofs ALTER COLUMN filler SET STORAGE EXTERNAL;
";

/// Brings the schema up to date. Bridges that start at the same time wait for each other. Returns the version that the store had.
pub(super) async fn migrate(client: &Client) -> Result<i32> {
    client.batch_execute("BEGIN").await?;
    let migrated = migrate_locked(client).await;
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    client.batch_execute(end).await?;
    migrated
}

async fn migrate_locked(client: &Client) -> Result<i32> {
    client.batch_execute(LOCK_SCHEMA).await?;
    client.batch_execute(CREATE_VERSION).await?;
    let had: i32 = client.query_one(SCHEMA_VERSION, &[]).await?.try_get(0)?;
    let newest = MIGRATIONS.len();
    let missing = usize::try_from(had).ok().and_then(|had| MIGRATIONS.get(had..));
    let Some(missing) = missing else {
        return Err(Failure::Newer {
            found: had,
            known: i32::try_from(newest).unwrap_or(i32::MAX),
        });
    };
    if missing.is_empty() {
        return Ok(had);
    }
    for migration in missing {
        client.batch_execute(migration).await?;
    }
    let newest = i32::try_from(newest).unwrap_or(i32::MAX);
    client.execute(SET_SCHEMA_VERSION, &[&newest]).await?;
    if had > 0 {
        log::info!(
            "the store has schema {newest} now, it had {had}; an earlier version of the bridge refuses it"
        );
    }
    Ok(had)
}
