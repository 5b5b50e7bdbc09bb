//! All SQL of the store, as static text, except for the migrations in [`super::schema`].
//!
//! PostgreSQL uses a partial index only where the statement has the index's condition literally.

/// Declares statements, and lists them. Those of a session are prepared when it begins.
macro_rules! statements {
    ($list:ident: $($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $sql;)*
        pub(super) const $list: &[&str] = &[$($name),*];
    };
}

/// The stored message of a delivery `d`, whose event has the contents `t`: compressed, and as text.
macro_rules! message {
    () => {
        "CASE WHEN d.message = 0 THEN t.message END,
        (SELECT m.json FROM messages m WHERE m.event = d.event AND m.number = d.message)"
    };
}

/// The first waiting delivery of a lane, besides one, for which a condition holds. $3: now.
macro_rules! head {
    ($($condition:expr),*) => {
        concat!(
            "SELECT d.id, d.event, t.source, e.received, d.since, d.due, d.attempts, d.reason, d.repeated,
            l.failing_since, d.may_be_duplicate, d.is_replay, d.lane, d.thread, d.slot, ",
            message!(),
            ", l.waiting, l.fence,
            (SELECT c.json FROM conversations c WHERE c.lane = d.lane AND c.key = d.thread AND c.expires > $3::bigint),
            (SELECT c.json FROM conversations c WHERE c.lane = d.lane AND c.key = d.slot AND c.expires > $3::bigint
                AND d.slot <> d.thread)
        FROM lanes l CROSS JOIN LATERAL (SELECT * FROM deliveries d WHERE d.lane = l.id AND d.state = 0
                AND d.id IS DISTINCT FROM $2::bigint ",
            $($condition,)*
            " ORDER BY d.id LIMIT 1) d
            JOIN events e ON e.id = d.event JOIN contents t ON t.event = d.event
        WHERE l.name = $1 AND NOT EXISTS (SELECT 1 FROM pauses p WHERE NOT p.is_source AND p.name = l.name)"
        )
    };
}

/// The first waiting delivery of a lane that is so urgent, if at least $4 is asked for, besides $2 and besides those that wait
/// for the first message of the conversation that they close; else a number above all.
macro_rules! first_of_urgency {
    ($urgency:literal) => {
        concat!(
            "coalesce((SELECT f.id FROM deliveries f
                WHERE f.lane = l.id AND f.state = 0 AND f.urgency > 0 AND f.urgency = ",
            $urgency,
            " AND $4::smallint <= ",
            $urgency,
            " AND f.id IS DISTINCT FROM $2::bigint
                    AND NOT (f.closes AND f.thread IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries w
                        WHERE w.lane = f.lane AND w.slot = f.thread AND w.slot IS NOT NULL AND w.state = 0
                            AND NOT w.is_replay AND w.id < f.id AND w.id IS DISTINCT FROM $2::bigint))
                ORDER BY f.id LIMIT 1), 9223372036854775807)"
        )
    };
}

/// Small letters without marks. The letters are small already.
macro_rules! folded {
    ($text:literal) => {
        concat!(
            "regexp_replace(normalize(",
            $text,
            ", NFD), '[\\u0300-\\u036f]', '', 'g')"
        )
    };
}

/// A portion of the events of one index, newest first: those that match, and the last one. The last columns are whether it
/// matches, and how many were read.
macro_rules! list {
    ($from:literal) => {
        concat!(
            "WITH scanned AS MATERIALIZED (SELECT e.id, e.received, e.deliveries FROM ",
            $from,
            " LIMIT $3::bigint), matching AS (SELECT s.id, t.source, t.type, t.secret, s.received, s.deliveries, t.line,
                ($4::text IS NULL OR t.source = $4) AND ($5::text IS NULL OR t.type = $5)
                    AND ($6::text IS NULL OR t.secret = $6)
                    AND ($7::text[] IS NULL OR coalesce(t.words LIKE ALL ((SELECT array_agg(",
            folded!("p"),
            ") FROM unnest($7::text[]) p)::text[]), false)) AS matches
            FROM scanned s JOIN contents t ON t.event = s.id)
            SELECT m.id, m.source, m.type, m.secret, m.received, m.deliveries, m.line, m.matches,
                (SELECT count(*) FROM scanned)
            FROM matching m WHERE m.matches OR m.id = (SELECT id FROM scanned ORDER BY id LIMIT 1) ORDER BY m.id DESC"
        )
    };
}

/// Set by every session. The server cancels a statement that takes too long. It soon ends the transaction of a bridge that was
/// stopped or has vanished, because the locks of that transaction hold up all other bridges. A commit that is answered must be on disk,
/// whatever the default of the database is.
pub(super) const SESSION: &str =
    "SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '5s';
    SET client_min_messages = warning;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
/// The channel of PostgreSQL's notifications that all bridges of a database share.
pub(super) const CHANNEL: &str = "twake_bridge";
pub(super) const LISTEN: &str = "LISTEN twake_bridge";
/// For each session. The tables have their indexes for these statements, and a plan that was made while a table was small must
/// not stay. A statement is planned once, not for each of its values: the plans that the tests look at are those that run.
pub(super) const CONFIGURE: &str =
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET plan_cache_mode = force_generic_plan; SET jit = off; SET lock_timeout = '10s'";
/// One bridge at a time updates the schema. The number is ours.
/// A migration may take long, and so may the wait for that of another bridge.
pub(super) const LOCK_SCHEMA: &str =
    "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock(8394019284756610)";
pub(super) const CREATE_VERSION: &str = "CREATE TABLE IF NOT EXISTS twake_bridge (version integer NOT NULL);
    INSERT INTO twake_bridge SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM twake_bridge)";
pub(super) const SCHEMA_VERSION: &str = "SELECT version FROM twake_bridge";
pub(super) const SET_SCHEMA_VERSION: &str = "UPDATE twake_bridge SET version = $1";
pub(super) const BEGIN: &str = "BEGIN";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";
pub(super) const SAVEPOINT: &str = "SAVEPOINT change";
pub(super) const RELEASE_SAVEPOINT: &str = "RELEASE SAVEPOINT change";
pub(super) const ROLLBACK_TO_SAVEPOINT: &str = "ROLLBACK TO SAVEPOINT change";

/// All statements that a session prepares.
pub(super) const ALL: [&[&str]; 2] = [INDEXED, OTHERS];

statements! { INDEXED:
    // Bridges.
    /// No row: the transaction with this number is committed already.
    ADVANCE = "UPDATE bridges SET number = $2::bigint, written = clock_timestamp()
        WHERE id = $1 AND number = $2::bigint - 1";
    ADD_SIZE = "UPDATE bridges SET size = size + $2, newest = coalesce($3, newest) WHERE id = $1";

    // Events.
    /// Remembers the keys that are not known. Returns their events.
    CLAIM_KEYS = "INSERT INTO seen (key, event, until)
        SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::bigint[]) k(key, event, until) ORDER BY key
        ON CONFLICT (key) DO NOTHING RETURNING event";
    INSERT_EVENTS = "INSERT INTO events (id, received, key, size, waiting, dead, deliveries)
        SELECT e.id, e.received, e.key, e.size, e.waiting, 0, e.deliveries
        FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bigint[], $5::integer[], $6::integer[])
            e(id, received, key, size, waiting, deliveries)";
    INSERT_CONTENTS = concat!(
        "INSERT INTO contents (event, source, type, secret, headers, routes, body_size, message, line, words, body)
        SELECT t.event, t.source, t.type, t.secret, t.headers, t.routes, t.body_size, t.message, t.line, ",
        folded!("t.words"),
        ", t.body
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[],
            $9::text[], $10::text[], $11::bytea[])
            t(event, source, type, secret, headers, routes, body_size, message, line, words, body)"
    );
    INSERT_MESSAGES = "INSERT INTO messages (event, number, json)
        SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[])";
    INSERT_SKIPPED = "INSERT INTO skipped (event, json) SELECT * FROM unnest($1::uuid[], $2::text[])";
    /// Adds events to those that a list of skipped ones examines.
    INSERT_SKIPS = "INSERT INTO skips (event) SELECT * FROM unnest($1::uuid[]) ON CONFLICT (event) DO NOTHING";
    INSERT_UNREADABLE = "INSERT INTO unreadable (event, why) SELECT * FROM unnest($1::uuid[], $2::text[])
        ON CONFLICT (event) DO UPDATE SET why = excluded.why";
    INSERT_DELIVERIES = "INSERT INTO deliveries (lane, event, message, since, thread, slot, closes, is_replay, urgency)
        SELECT d.lane, d.event, d.message, d.since, d.thread, d.slot, d.closes, $9::boolean, d.urgency
        FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::bigint[], $5::bytea[], $6::bytea[], $7::boolean[],
            $8::smallint[])
            WITH ORDINALITY d(lane, event, message, since, thread, slot, closes, urgency, place) ORDER BY d.place";
    EVENT = "SELECT t.source, t.type, e.received, t.headers, t.secret, t.routes, t.body_size, t.body, e.deliveries, t.line,
            t.message, (SELECT s.json FROM skipped s WHERE s.event = e.id),
            (SELECT u.why FROM unreadable u WHERE u.event = e.id)
        FROM events e JOIN contents t ON t.event = e.id WHERE e.id = $1";
    LOCK_EVENT = "SELECT 1 FROM events WHERE id = $1 FOR UPDATE";
    EVENT_EXISTS = "SELECT 1 FROM events WHERE id = $1";
    /// Counts events' deliveries: those that wait, and those that are dead.
    COUNT_EVENTS = "UPDATE events e SET waiting = e.waiting + c.waiting, dead = e.dead + c.dead
        FROM unnest($1::uuid[], $2::integer[], $3::integer[]) c(id, waiting, dead) WHERE e.id = c.id";
    EVENT_REPLAYED = "UPDATE events
        SET waiting = waiting + $2::integer, deliveries = deliveries + $2::integer, size = size + $3::bigint WHERE id = $1";
    UPDATE_DECISION = concat!(
        "UPDATE contents SET type = $2, routes = $3, line = $4, words = ",
        folded!("$5::text"),
        " WHERE event = $1"
    );
    FIRST_MESSAGE = "SELECT message FROM contents WHERE event = $1";
    MESSAGES = "SELECT json FROM messages WHERE event = $1 ORDER BY number";
    SKIPPED = "SELECT json FROM skipped WHERE event = $1";
    UNREADABLE = "SELECT why FROM unreadable WHERE event = $1";

    // Idempotency keys.
    FIND_KEY = "SELECT event, until FROM seen WHERE key = $1 FOR UPDATE";
    REMEMBER_KEY = "UPDATE seen SET event = $2, until = $3, outlives = false WHERE key = $1";

    // Lanes.
    /// Locks lanes by their names, and those of deliveries. Every transaction locks them in the same order.
    LOCK_LANES = "WITH wanted AS MATERIALIZED (SELECT id FROM lanes WHERE name = ANY ($1::text[])
            UNION SELECT lane FROM deliveries WHERE id = ANY ($2::bigint[]))
        SELECT l.id, l.name FROM wanted w JOIN lanes l ON l.id = w.id ORDER BY l.id FOR UPDATE OF l";
    LOCK_LANES_OF_EVENT = "WITH wanted AS MATERIALIZED (SELECT DISTINCT lane FROM deliveries WHERE event = $1 AND state = $2)
        SELECT l.id, l.name FROM wanted w JOIN lanes l ON l.id = w.lane ORDER BY l.id FOR UPDATE OF l";
    ADD_LANES = "INSERT INTO lanes (name) SELECT n FROM unnest($1::text[]) n ORDER BY n ON CONFLICT (name) DO NOTHING";
    LANE = "SELECT id FROM lanes WHERE name = $1";
    COUNT_LANES = "UPDATE lanes l SET waiting = l.waiting + c.waiting, busy = l.waiting + c.waiting > 0,
            arrived = l.arrived + c.arrived, removed = l.removed + c.removed
        FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[]) c(id, waiting, arrived, removed)
        WHERE l.id = c.id";
    LANE_WAITING = "SELECT waiting FROM lanes WHERE id = $1";
    LANE_SETTLED = "UPDATE lanes SET waiting = waiting - $2::bigint, busy = waiting - $2::bigint > 0,
            failing_since = CASE $3::integer WHEN 0 THEN NULL WHEN 1 THEN coalesce(failing_since, $4::bigint)
                ELSE failing_since END
        WHERE id = $1";
    /// A lease, by the server's clock, if nobody else has one. Another owner raises the fence.
    CLAIM_LANE = "UPDATE lanes SET fence = fence + (owner IS DISTINCT FROM $2)::integer, owner = $2::uuid,
            until = clock_timestamp() + $3::bigint * interval '1 millisecond'
        WHERE name = $1 AND waiting > 0 AND (owner = $2 OR until IS NULL OR until < clock_timestamp()) RETURNING fence";
    RENEW_LANE = "UPDATE lanes SET until = clock_timestamp() + $3::bigint * interval '1 millisecond'
        WHERE name = $1 AND owner = $2 RETURNING fence";
    RELEASE_LANE = "UPDATE lanes SET until = NULL WHERE name = $1 AND owner = $2";
    NOTIFY = "SELECT pg_notify($1, $2)";
    /// Lanes in which something waits that an owner can claim.
    CLAIMABLE = "SELECT name, arrived, removed, fence, owner IS NOT DISTINCT FROM $1::uuid FROM lanes
        WHERE busy AND (owner = $1 OR until IS NULL OR until < clock_timestamp())";

    // Deliveries.
    HEAD = head!("");
    /// The first delivery of a lane that passes before less urgent ones.
    PASSING_HEAD = head!(
        "AND d.id = least(",
        first_of_urgency!("1"),
        ", ",
        first_of_urgency!("2"),
        ", ",
        first_of_urgency!("3"),
        ", ",
        first_of_urgency!("4"),
        ", ",
        first_of_urgency!("5"),
        ")"
    );
    /// The deliveries that a digest may carry: from one on, and at least so urgent.
    DIGESTIBLE = concat!(
        "SELECT d.id, t.source, t.type, e.received,
            (SELECT c.json FROM conversations c WHERE c.lane = d.lane AND c.key = d.thread AND c.expires > $4::bigint), ",
        message!(),
        " FROM deliveries d JOIN events e ON e.id = d.event JOIN contents t ON t.event = d.event
        WHERE d.lane = (SELECT id FROM lanes WHERE name = $1) AND d.state = 0 AND d.id >= $2 AND d.urgency >= $3::smallint
        ORDER BY d.id LIMIT $5::bigint"
    );
    /// The next waiting delivery after one that is, or updates, the same message, and whether one between them closes the
    /// conversation.
    LATER = concat!(
        "SELECT d.id, e.received,
            EXISTS (SELECT 1 FROM deliveries c WHERE c.lane = $1 AND c.thread = $2 AND c.state = 0 AND c.closes
                AND c.id > $4 AND c.id < d.id), ",
        message!(),
        " FROM deliveries d JOIN events e ON e.id = d.event JOIN contents t ON t.event = d.event
        WHERE d.lane = $1 AND d.slot = $3 AND d.slot IS NOT NULL AND d.state = 0 AND NOT d.is_replay AND d.id > $4
        ORDER BY d.id LIMIT 1"
    );
    DELIVERIES = "SELECT d.id, l.name, d.message, d.state, d.attempts, d.reason, d.detail, d.twake_id,
            d.may_be_duplicate, d.since, d.due, d.settled, d.act, d.is_replay,
            (SELECT c.event FROM deliveries c JOIN events e ON e.id = c.event WHERE c.id = d.carried_by)
        FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.event = $1 ORDER BY d.id";
    DELIVERY_STATES = "SELECT l.name, d.state FROM deliveries d JOIN lanes l ON l.id = d.lane
        WHERE d.event = $1 ORDER BY d.id";
    HAS_DELIVERY = "SELECT 1 FROM deliveries
        WHERE event = $1 AND ($2::text IS NULL OR lane = (SELECT id FROM lanes WHERE name = $2))
            AND ($3::smallint IS NULL OR state = $3)";
    /// A skipped delivery (3) had no attempt. It stays as it is if the one that should stand for it no longer waits.
    SETTLE = "UPDATE deliveries d SET state = $2::smallint, attempts = d.attempts + ($2::smallint <> 3)::integer,
            repeated = CASE WHEN d.reason IS NOT DISTINCT FROM $3::text THEN d.repeated + 1 ELSE 1 END, reason = $3::text,
            detail = $4, may_be_duplicate = (d.may_be_duplicate AND NOT $11::boolean) OR $5::boolean, due = $6, settled = $7,
            twake_id = $8, act = coalesce($9::text, d.act), carried_by = $10::bigint
        FROM lanes l WHERE d.id = $1 AND d.state = 0 AND l.id = d.lane AND l.fence = $12
            AND ($10::bigint IS NULL OR EXISTS (SELECT 1 FROM deliveries c WHERE c.id = $10 AND c.state = 0))
        RETURNING d.lane, d.event, d.thread, d.slot, d.attempts";
    FENCE_OF_DELIVERY = "SELECT l.fence FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.id = $1";
    /// Deliveries that another one carries in a digest.
    CARRY = "UPDATE deliveries d SET state = 3, reason = 'in_digest', detail = NULL, due = NULL, settled = $3, carried_by = $2
        FROM unnest($1::bigint[]) c(id) WHERE d.id = c.id AND d.state = 0 RETURNING d.lane, d.event";
    /// For a delivery that was discarded while an attempt was in flight, when that attempt succeeds.
    DELIVERED_NEVERTHELESS = "UPDATE deliveries d SET state = 1, attempts = d.attempts + 1,
            repeated = 1, reason = $2, detail = $3, settled = $4, twake_id = $5, act = $6
        FROM lanes l WHERE d.id = $1 AND d.state = 2 AND d.reason = 'discarded' AND l.id = d.lane AND l.fence = $7
        RETURNING d.lane, d.event, d.thread, d.slot, d.attempts";
    PUT_BACK = "UPDATE deliveries SET state = 0, since = $2, due = NULL, settled = NULL,
            attempts = 0, repeated = 0 WHERE event = $1 AND state = 2 RETURNING id, lane";
    DISCARD = "UPDATE deliveries SET state = 2, settled = $2, due = NULL, repeated = 0,
            detail = CASE WHEN reason IS NULL THEN NULL ELSE 'last reason: ' || reason END, reason = 'discarded'
        WHERE event = $1 AND state = 0 AND ($3::text IS NULL OR lane = (SELECT id FROM lanes WHERE name = $3))
        RETURNING id, lane";
    /// Moves the first deliveries of a lane to the end of another one. They get new numbers, because these are the order.
    MOVE = "WITH first AS MATERIALIZED (SELECT id, row_number() OVER (ORDER BY id) AS place FROM
            (SELECT id FROM deliveries WHERE lane = $1 AND state = 0 ORDER BY id LIMIT $3::bigint) f),
        new AS MATERIALIZED (SELECT f.id AS old, nextval('delivery_numbers') AS id, f.place FROM
            (SELECT id, place FROM first ORDER BY place) f)
        UPDATE deliveries d SET id = n.id, lane = $2, since = $4, due = NULL, settled = NULL, attempts = 0, repeated = 0,
            twake_id = NULL, may_be_duplicate = d.may_be_duplicate OR ($5::boolean AND n.place <= $6::bigint)
        FROM new n WHERE d.id = n.old RETURNING n.old, n.id";
    MOVE_CARRIED = "UPDATE deliveries d SET carried_by = n.id FROM unnest($1::bigint[], $2::bigint[]) n(old, id)
        WHERE d.carried_by = n.old AND d.carried_by IS NOT NULL";
    MOVE_ATTEMPTS = "UPDATE attempts a SET delivery = n.id FROM unnest($1::bigint[], $2::bigint[]) n(old, id)
        WHERE a.delivery = n.old";

    // Attempts.
    ADD_ATTEMPT = "INSERT INTO attempts (delivery, number, at, took, status, reason, detail)
        SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6 FROM attempts WHERE delivery = $1 RETURNING number";
    DELETE_ATTEMPTS_BEFORE = "DELETE FROM attempts WHERE delivery = $1 AND number <= $2";
    ATTEMPTS = "SELECT a.delivery, a.at, a.took, a.status, a.reason, a.detail
        FROM unnest($1::bigint[]) d(id) JOIN attempts a ON a.delivery = d.id ORDER BY a.delivery, a.number";

    // Pauses.
    /// Which of these sources are paused. A pause does not end before the transaction that has read it.
    SOURCE_PAUSES = "SELECT name, since FROM pauses WHERE is_source AND name = ANY ($1::text[]) FOR SHARE";
    LOCK_PAUSE = "SELECT is_source, name, since, who, why, resuming FROM pauses
        WHERE is_source = $1 AND name = $2 FOR UPDATE";
    PAUSE = "INSERT INTO pauses (is_source, name, since, who, why, resuming) VALUES ($1, $2, $3, $4, $5, false)
        ON CONFLICT (is_source, name) DO UPDATE SET who = excluded.who, why = excluded.why, resuming = false";
    RESUME = "DELETE FROM pauses WHERE is_source = $1 AND name = $2";
    BEGIN_TO_RESUME = "UPDATE pauses SET resuming = true WHERE is_source AND name = $1";
    HOLD = "INSERT INTO held (event, source) SELECT h.event, h.source
        FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY h(event, source, place) ORDER BY h.place";
    IS_HELD = "SELECT source FROM held WHERE event = $1";
    RELEASE = "DELETE FROM held WHERE event = $1 RETURNING source";
    ANY_HELD = "SELECT 1 FROM held WHERE source = $1 LIMIT 1";
    HELD = "SELECT event FROM held WHERE source = $1 ORDER BY number LIMIT $2::bigint";

    // What operators have done.
    ADD_AUDIT = "INSERT INTO audit (at, who, action, target, detail) VALUES ($1, $2, $3, $4, $5) RETURNING id";
    DELETE_AUDIT_BEFORE = "DELETE FROM audit WHERE id <= $1";
    AUDIT = "SELECT id, at, who, action, target, detail FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2::bigint";
    OLDEST_AUDIT = "SELECT id, at FROM audit ORDER BY id LIMIT $1::bigint";

    // Conversations.
    KEEP_CONVERSATION = "INSERT INTO conversations (lane, key, json, expires) VALUES ($1, $2, $3, $4)
        ON CONFLICT (lane, key) DO UPDATE SET json = excluded.json, expires = excluded.expires";
    DELETE_EXPIRED_CONVERSATIONS = "WITH old AS MATERIALIZED (SELECT lane, key FROM conversations WHERE expires <= $1
            ORDER BY expires LIMIT $2::bigint FOR UPDATE SKIP LOCKED)
        DELETE FROM conversations c USING old o WHERE c.lane = o.lane AND c.key = o.key";

    // Lists of events. $1 and $2: the ids are below and from these. $3: how many are read.
    LIST_ALL = list!("events e WHERE e.id < $1 AND e.id >= $2 ORDER BY e.id DESC");
    LIST_WAITING = list!("events e WHERE e.id < $1 AND e.id >= $2 AND e.waiting > 0 ORDER BY e.id DESC");
    LIST_DEAD = list!("events e WHERE e.id < $1 AND e.id >= $2 AND e.dead > 0 ORDER BY e.id DESC");
    LIST_SKIPPED = list!("skips k JOIN events e ON e.id = k.event WHERE k.event < $1 AND k.event >= $2 ORDER BY k.event DESC");
    LIST_UNREADABLE =
        list!("unreadable k JOIN events e ON e.id = k.event WHERE k.event < $1 AND k.event >= $2 ORDER BY k.event DESC");
    ID_BEFORE = "SELECT id FROM events WHERE id < $1 ORDER BY id DESC LIMIT 1";
    ID_AFTER = "SELECT id FROM events WHERE id > $1 ORDER BY id LIMIT 1";
    IDS_BETWEEN = "SELECT id FROM events WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT $3::bigint";

    // Pruning. Of several bridges that prune at the same time, each takes other rows.
    EXPIRED_DEAD_LETTERS = "SELECT d.id, d.event, l.name, d.reason FROM deliveries d JOIN lanes l ON l.id = d.lane
        WHERE d.state = 2 AND d.settled < $1 ORDER BY d.settled LIMIT $2::bigint FOR UPDATE OF d SKIP LOCKED";
    OLD_EVENTS = "SELECT id, key, size FROM events WHERE waiting = 0 AND dead = 0 AND received < $1
        ORDER BY received LIMIT $2::bigint FOR UPDATE SKIP LOCKED";
    OLDEST_EVENTS = "SELECT id, key, size FROM events WHERE waiting = 0 AND dead = 0
        ORDER BY received LIMIT $1::bigint FOR UPDATE SKIP LOCKED";
    /// For events that are deleted: a key outlives its event if a delivery succeeded or was skipped. Otherwise the sender may
    /// send it again.
    OUTLIVE_EVENTS = "UPDATE seen s SET outlives = true FROM unnest($1::bytea[], $2::uuid[]) e(key, id)
        WHERE s.key = e.key AND s.event = e.id AND s.until > $3
            AND EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.id AND d.state IN (1, 3))";
    DELETE_KEYS = "DELETE FROM seen s USING unnest($1::bytea[], $2::uuid[]) e(key, id)
        WHERE s.key = e.key AND s.event = e.id AND NOT s.outlives";
    DELETE_EXPIRED_KEYS = "DELETE FROM seen WHERE key = ANY (ARRAY(SELECT key FROM seen WHERE outlives AND until <= $1
        ORDER BY until LIMIT $2::bigint FOR UPDATE SKIP LOCKED))";
    DELETE_ATTEMPTS = "DELETE FROM attempts WHERE delivery = ANY ($1::bigint[])";
    DELETE_DELIVERIES = "DELETE FROM deliveries WHERE id = ANY ($1::bigint[])";
    DELETE_ATTEMPTS_OF_EVENTS = "DELETE FROM attempts WHERE delivery = ANY (ARRAY(
        SELECT id FROM deliveries WHERE event = ANY ($1::uuid[])))";
    DELETE_DELIVERIES_OF_EVENTS = "DELETE FROM deliveries WHERE event = ANY ($1::uuid[])";
    DELETE_MESSAGES = "DELETE FROM messages WHERE event = ANY ($1::uuid[])";
    DELETE_SKIPPED = "DELETE FROM skipped WHERE event = ANY ($1::uuid[])";
    DELETE_SKIPS = "DELETE FROM skips WHERE event = ANY ($1::uuid[])";
    DELETE_UNREADABLE = "DELETE FROM unreadable WHERE event = ANY ($1::uuid[])";
    DELETE_CONTENTS = "DELETE FROM contents WHERE event = ANY ($1::uuid[])";
    DELETE_EVENTS = "DELETE FROM events WHERE id = ANY ($1::uuid[])";

    // A check that the store can be written.
    WRITE_PROOF = "INSERT INTO proofs (bridge, filler) VALUES ($1, $2)
        ON CONFLICT (bridge) DO UPDATE SET filler = excluded.filler";
    REMOVE_PROOF = "DELETE FROM proofs WHERE bridge = $1";
}

// The statements below may read a whole table. They run once a start, once for a list of all lanes, or on tables of few rows.
statements! { OTHERS:
    ADD_BRIDGE = "INSERT INTO bridges (id) VALUES ($1) ON CONFLICT (id) DO NOTHING";
    /// Bridges that have not run for long.
    FORGET_BRIDGES = "WITH old AS (DELETE FROM bridges WHERE written < now() - interval '30 days' AND id <> $1 RETURNING size)
        UPDATE bridges SET size = size + coalesce((SELECT sum(size) FROM old), 0)::bigint WHERE id = $1";
    BRIDGE_NUMBER = "SELECT number FROM bridges WHERE id = $1";
    TOTAL_SIZE = "SELECT coalesce(sum(size), 0)::bigint FROM bridges";
    /// The newest of the times that were written last. It is not the latest time of all: a wrong clock may have written that.
    NEWEST_TIME = "SELECT newest FROM bridges WHERE newest IS NOT NULL ORDER BY written DESC LIMIT 1";
    LANES = "SELECT l.name, l.waiting, d.since, d.due, d.reason FROM lanes l
        LEFT JOIN LATERAL (SELECT h.since, h.due, h.reason FROM deliveries h WHERE h.lane = l.id AND h.state = 0
            ORDER BY h.id LIMIT 1) d ON true
        ORDER BY l.name";
    ALL_PAUSES = "SELECT is_source, name, since, who, why, resuming FROM pauses";
    COUNT_HELD = "SELECT count(*) FROM held WHERE source = $1";
    STORE_SIZE = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";
    LAST_DELIVERY = "SELECT coalesce(max(id), 0) FROM deliveries";
    WAITS_FROM = "SELECT since FROM deliveries WHERE id >= $1 ORDER BY id LIMIT 1";
    RECEIVED_FROM = "SELECT received FROM events ORDER BY id DESC OFFSET $1::bigint LIMIT 1";
    ACCEPTED_BETWEEN = "SELECT count(*) FROM events WHERE id >= $1 AND id < $2";
    /// By the number of the bucket from $2 on, each $4 milliseconds long.
    DELIVERED_SINCE = "SELECT (settled - $2::bigint) / $4::bigint, count(*) FROM (
            SELECT state, settled FROM deliveries WHERE id > $1 ORDER BY id DESC LIMIT $5::bigint) d
        WHERE state = 1 AND settled BETWEEN $2 AND $3 GROUP BY 1";
    /// An attempt at the time when its delivery was delivered has not failed.
    FAILED_SINCE = "SELECT (at - $2::bigint) / $4::bigint, count(*) FROM (
            SELECT delivery, at FROM attempts WHERE delivery > $1 ORDER BY delivery DESC, number DESC LIMIT $5::bigint) a
        WHERE at BETWEEN $2 AND $3 AND NOT EXISTS (
            SELECT 1 FROM deliveries d WHERE d.id = a.delivery AND d.state = 1 AND d.settled = a.at)
        GROUP BY 1";
}
