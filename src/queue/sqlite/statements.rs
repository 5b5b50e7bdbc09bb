//! All SQL of the store, as static text, except for the migrations in [`super::schema`].
//!
//! SQLite uses a partial index only where the statement has the index's condition literally: `state = 0`, not a
//! parameter.

/// Declares statements, and lists them for the test that reads their query plans.
macro_rules! statements {
    ($list:ident: $($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $sql;)*
        #[cfg(test)]
        pub(super) const $list: &[&str] = &[$($name),*];
    };
}

/// The stored message of a delivery `d` of an event `e`.
macro_rules! message {
    () => {
        "CASE WHEN d.message = 0 AND e.message IS NOT NULL THEN e.message
            ELSE (SELECT m.json FROM messages m WHERE m.event = d.event AND m.number = d.message) END"
    };
}

/// The first waiting delivery of a lane, besides one, for which a condition holds.
macro_rules! head {
    ($($condition:expr),*) => {
        concat!(
            "SELECT d.id, e.uuid, e.source, e.received, d.since, d.due, d.attempts, d.reason, d.repeated,
            l.failing_since, d.may_be_duplicate, d.is_replay, d.lane, d.thread, d.slot, ",
            message!(),
            ", l.waiting FROM lanes l
        JOIN deliveries d ON d.lane = l.id AND d.state = 0 ",
            $($condition,)*
            " JOIN events e ON e.id = d.event
        WHERE l.name = ?1 AND d.id IS NOT ?2 ORDER BY d.id LIMIT 1"
        )
    };
}

/// The first waiting delivery of a lane that is so urgent, if at least ?3 is asked for, besides ?2 and besides those that wait
/// for the first message of the conversation that they close; else a number above all.
macro_rules! first_of_urgency {
    ($urgency:literal) => {
        concat!(
            "coalesce((SELECT f.id FROM deliveries f
                WHERE f.lane = l.id AND f.state = 0 AND f.urgency > 0 AND f.urgency = ",
            $urgency,
            " AND ?3 <= ",
            $urgency,
            " AND f.id IS NOT ?2
                    AND NOT (f.closes = 1 AND f.thread IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries w
                        WHERE w.lane = f.lane AND w.slot = f.thread AND w.slot IS NOT NULL AND w.state = 0
                            AND w.is_replay = 0 AND w.id < f.id AND w.id IS NOT ?2))
                ORDER BY f.id LIMIT 1), 9223372036854775807)"
        )
    };
}

/// Lists of events, newest first. Each walks one index, or the part of it with one origin, from its newest end.
macro_rules! list {
    ($table:literal) => {
        concat!(
            "SELECT e.id, e.uuid, e.source, e.type, e.secret, e.received, e.deliveries, e.line FROM ",
            $table,
            " t CROSS JOIN events e ON e.id = t.event WHERE t.uuid < ?1 AND t.uuid >= ?2 ORDER BY t.uuid DESC LIMIT ?3"
        )
    };
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT id, uuid, source, type, secret, received, deliveries, line FROM events INDEXED BY ",
            $index,
            " WHERE uuid < ?1 AND uuid >= ?2 ",
            $condition,
            " ORDER BY uuid DESC LIMIT ?3"
        )
    };
}

statements! { INDEXED:
    // Events.
    INSERT_EVENT = "INSERT INTO events
        (uuid, source, type, received, headers, secret, key, routes, size, waiting, dead, deliveries, body_size, body,
         message, line)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?14, 0, ?10, ?11, ?12, ?13, ?15)";
    EVENT = "SELECT id, source, type, received, headers, secret, routes, body_size, body, deliveries, line
        FROM events WHERE uuid = ?1";
    EVENT_ROW = "SELECT id FROM events WHERE uuid = ?1";
    EVENT_EXISTS = "SELECT 1 FROM events WHERE id = ?1";
    /// Counts an event's deliveries: those that wait, and those that are dead.
    COUNT_OF_EVENT = "UPDATE events SET waiting = waiting + ?2, dead = dead + ?3 WHERE id = ?1";
    EVENT_REPLAYED = "UPDATE events
        SET waiting = waiting + ?2, deliveries = deliveries + ?2, size = size + ?3 WHERE id = ?1";
    UPDATE_DECISION = "UPDATE events SET type = ?2, routes = ?3, line = ?4 WHERE id = ?1";
    DELETE_EVENT = "DELETE FROM events WHERE id = ?1";

    // What belongs to an event.
    /// The first message, if it is in the event's row: compressed. The others are in `messages`, as text.
    FIRST_MESSAGE = "SELECT message FROM events WHERE id = ?1";
    INSERT_MESSAGE = "INSERT INTO messages (event, number, json) VALUES (?1, ?2, ?3)";
    MESSAGES = "SELECT json FROM messages WHERE event = ?1 ORDER BY number";
    DELETE_MESSAGES = "DELETE FROM messages WHERE event = ?1";
    INSERT_SKIPPED = "INSERT INTO skipped (event, json) VALUES (?1, ?2)";
    SKIPPED = "SELECT json FROM skipped WHERE event = ?1";
    DELETE_SKIPPED = "DELETE FROM skipped WHERE event = ?1";
    /// Adds an event to those that a list of skipped ones examines.
    INSERT_SKIP = "INSERT OR IGNORE INTO skips (uuid, event) SELECT uuid, id FROM events WHERE id = ?1";
    DELETE_SKIP = "DELETE FROM skips WHERE uuid = (SELECT uuid FROM events WHERE id = ?1)";
    INSERT_UNREADABLE = "INSERT OR REPLACE INTO unreadable (uuid, event, why) VALUES (?1, ?2, ?3)";
    UNREADABLE = "SELECT why FROM unreadable WHERE uuid = ?1";
    DELETE_UNREADABLE = "DELETE FROM unreadable WHERE uuid = (SELECT uuid FROM events WHERE id = ?1)";

    /// Lines of events with a large body.
    INSERT_LINE = "INSERT OR REPLACE INTO lines (event, line) VALUES (?1, ?2)";
    LINE = "SELECT line FROM lines WHERE event = ?1";
    DELETE_LINE = "DELETE FROM lines WHERE event = ?1";

    // Idempotency keys.
    FIND_KEY = "SELECT event, uuid FROM seen WHERE key = ?1 AND until > ?2";
    REMEMBER_KEY = "INSERT INTO seen (key, event, uuid, until) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (key) DO UPDATE SET event = excluded.event, uuid = excluded.uuid, until = excluded.until";
    /// For an event that is deleted: its key outlives it if a delivery succeeded or was skipped. Otherwise the sender may send it
    /// again.
    OUTLIVE_EVENT = "UPDATE seen SET event = 0 WHERE key = ?1 AND event = ?2 AND until > ?3
        AND EXISTS (SELECT 1 FROM deliveries WHERE event = ?2 AND state IN (1, 3))";
    DELETE_KEY = "DELETE FROM seen WHERE key = ?1 AND event = ?2";
    DELETE_EXPIRED_KEYS = "DELETE FROM seen WHERE key IN
        (SELECT key FROM seen WHERE event = 0 AND until <= ?1 ORDER BY until LIMIT ?2)";

    // Lanes.
    LANE = "SELECT id FROM lanes WHERE name = ?1";
    ADD_LANE = "INSERT INTO lanes (name) VALUES (?1)";
    COUNT_OF_LANE = "UPDATE lanes SET waiting = waiting + ?2 WHERE id = ?1 RETURNING name, waiting";
    LANE_SETTLED = "UPDATE lanes SET waiting = waiting - ?2,
            failing_since = CASE ?3 WHEN 0 THEN NULL WHEN 1 THEN coalesce(failing_since, ?4) ELSE failing_since END
        WHERE id = ?1";

    // Deliveries.
    INSERT_DELIVERY = "INSERT INTO deliveries
        (lane, event, message, act, state, since, thread, slot, closes, is_replay, urgency)
        VALUES (?1, ?2, ?3, 'post', 0, ?4, ?5, ?6, ?7, ?8, ?9)";
    HEAD = head!("");
    /// The first delivery of a lane that passes before less urgent ones.
    PASSING_HEAD = head!(
        "AND d.id = min(",
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
        "SELECT d.id, e.source, e.type, e.received,
            (SELECT c.json FROM conversations c WHERE c.lane = d.lane AND c.key = d.thread AND c.expires > ?4), ",
        message!(),
        " FROM deliveries d JOIN events e ON e.id = d.event
        WHERE d.lane = (SELECT id FROM lanes WHERE name = ?1) AND d.state = 0 AND d.id >= ?2
            AND d.urgency >= ?3
        ORDER BY d.id LIMIT ?5"
    );
    /// The next waiting delivery after one that is, or updates, the same message, and whether one between them closes the
    /// conversation.
    LATER = concat!(
        "SELECT d.id, e.received,
            EXISTS (SELECT 1 FROM deliveries c WHERE c.lane = ?1 AND c.thread = ?2 AND c.state = 0 AND c.closes = 1
                AND c.id > ?4 AND c.id < d.id),
            ",
        message!(),
        " FROM deliveries d JOIN events e ON e.id = d.event
        WHERE d.lane = ?1 AND d.slot = ?3 AND d.slot IS NOT NULL AND d.state = 0 AND d.is_replay = 0 AND d.id > ?4
        ORDER BY d.id LIMIT 1"
    );
    DELIVERIES = "SELECT d.id, l.name, d.message, d.state, d.attempts, d.reason, d.detail, d.twake_id,
            d.may_be_duplicate, d.since, d.due, d.settled, d.act, d.is_replay,
            (SELECT e.uuid FROM deliveries c JOIN events e ON e.id = c.event WHERE c.id = d.carried_by)
        FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.event = ?1 ORDER BY d.id";
    DELIVERY_STATES = "SELECT l.name, d.state FROM deliveries d JOIN lanes l ON l.id = d.lane
        WHERE d.event = ?1 ORDER BY d.id";
    HAS_DELIVERY = "SELECT 1 FROM deliveries
        WHERE event = ?1 AND (?2 IS NULL OR lane = (SELECT id FROM lanes WHERE name = ?2))
            AND (?3 IS NULL OR state = ?3)";
    /// A skipped delivery (3) had no attempt. It stays as it is if the one that should stand for it no longer waits.
    SETTLE = "UPDATE deliveries SET state = ?2, attempts = attempts + (?2 <> 3),
            repeated = CASE WHEN reason IS ?3 THEN repeated + 1 ELSE 1 END, reason = ?3, detail = ?4,
            may_be_duplicate = (may_be_duplicate AND NOT ?11) OR ?5, due = ?6, settled = ?7, twake_id = ?8,
            act = coalesce(?9, act), carried_by = ?10
        WHERE id = ?1 AND state = 0
            AND (?10 IS NULL OR EXISTS (SELECT 1 FROM deliveries c WHERE c.id = ?10 AND c.state = 0))
        RETURNING lane, event, thread, slot, attempts";
    /// A delivery that another one carries in a digest.
    CARRY = "UPDATE deliveries SET state = 3, reason = 'in_digest', detail = NULL, due = NULL, settled = ?3, carried_by = ?2
        WHERE id = ?1 AND state = 0 RETURNING lane, event";
    /// For a delivery that was discarded while an attempt was in flight, when that attempt succeeds.
    DELIVERED_NEVERTHELESS = "UPDATE deliveries SET state = 1, attempts = attempts + 1,
            repeated = 1, reason = ?2, detail = ?3, settled = ?4, twake_id = ?5, act = ?6
        WHERE id = ?1 AND state = 2 AND reason = 'discarded' RETURNING lane, event, thread, slot, attempts";
    PUT_BACK = "UPDATE deliveries SET state = 0, since = ?2, due = NULL, settled = NULL,
            attempts = 0, repeated = 0 WHERE event = ?1 AND state = 2 RETURNING lane";
    DISCARD = "UPDATE deliveries SET state = 2, settled = ?2, due = NULL, repeated = 0,
            detail = CASE WHEN reason IS NULL THEN NULL ELSE 'last reason: ' || reason END, reason = 'discarded'
        WHERE event = ?1 AND state = 0 AND (?3 IS NULL OR lane = (SELECT id FROM lanes WHERE name = ?3))
        RETURNING lane";
    WAITING_IN_LANE = "SELECT id FROM deliveries WHERE lane = ?1 AND state = 0 ORDER BY id LIMIT ?2";
    /// Adds a delivery again, at the end of another lane. It needs a new row: the order of a lane is that of its rows.
    COPY_TO_LANE = "INSERT INTO deliveries
            (lane, event, message, act, state, since, reason, detail, may_be_duplicate, thread, slot, closes, is_replay,
            urgency)
        SELECT ?2, event, message, act, 0, ?3, reason, detail, may_be_duplicate OR ?4, thread, slot, closes, is_replay,
            urgency
        FROM deliveries WHERE id = ?1";
    /// For those that a delivery carries, when it gets a new row.
    CARRIED_BY = "UPDATE deliveries SET carried_by = ?2 WHERE carried_by = ?1 AND carried_by IS NOT NULL";
    DELETE_DELIVERY = "DELETE FROM deliveries WHERE id = ?1";
    DELETE_DELIVERIES = "DELETE FROM deliveries WHERE event = ?1";

    // Attempts.
    ADD_ATTEMPT = "INSERT INTO attempts (delivery, number, at, took, status, reason, detail)
        SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM attempts WHERE delivery = ?1 RETURNING number";
    DELETE_ATTEMPTS_BEFORE = "DELETE FROM attempts WHERE delivery = ?1 AND number <= ?2";
    ATTEMPTS = "SELECT at, took, status, reason, detail FROM attempts WHERE delivery = ?1 ORDER BY number";
    MOVE_ATTEMPTS = "UPDATE attempts SET delivery = ?2 WHERE delivery = ?1";
    DELETE_ATTEMPTS = "DELETE FROM attempts WHERE delivery = ?1";
    DELETE_ATTEMPTS_OF_EVENT = "DELETE FROM attempts WHERE delivery IN (SELECT id FROM deliveries WHERE event = ?1)";

    // Pauses.
    PAUSE = "INSERT INTO pauses (is_source, name, since, who, why, resuming) VALUES (?1, ?2, ?3, ?4, ?5, 0)
        ON CONFLICT (is_source, name) DO UPDATE SET who = excluded.who, why = excluded.why, resuming = 0";
    RESUME = "DELETE FROM pauses WHERE is_source = ?1 AND name = ?2";
    BEGIN_TO_RESUME = "UPDATE pauses SET resuming = 1 WHERE is_source = 1 AND name = ?1";
    HOLD = "INSERT INTO held (event, source) VALUES (?1, ?2)";
    IS_HELD = "SELECT source FROM held WHERE event = ?1";
    RELEASE = "DELETE FROM held WHERE event = ?1";
    ANY_HELD = "SELECT 1 FROM held WHERE source = ?1";
    HELD = "SELECT e.uuid FROM held h JOIN events e ON e.id = h.event WHERE h.source = ?1 ORDER BY h.event LIMIT ?2";

    // What operators have done.
    ADD_AUDIT = "INSERT INTO audit (at, who, action, target, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
    DELETE_AUDIT_BEFORE = "DELETE FROM audit WHERE id <= ?1";
    AUDIT = "SELECT id, at, who, action, target, detail FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    /// The records are in the order of time.
    OLDEST_AUDIT = "SELECT id, at FROM audit WHERE id > 0 ORDER BY id LIMIT ?1";

    // Conversations.
    CONVERSATION = "SELECT json FROM conversations WHERE lane = ?1 AND key = ?2 AND expires > ?3";
    KEEP_CONVERSATION = "INSERT INTO conversations (lane, key, json, expires) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (lane, key) DO UPDATE SET json = excluded.json, expires = excluded.expires";
    DELETE_EXPIRED_CONVERSATIONS = "DELETE FROM conversations WHERE (lane, key) IN
        (SELECT lane, key FROM conversations WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";

    // Lists of events.
    LIST_ALL = list!("events_uuid", "");
    LIST_WAITING = list!("events_waiting", "AND waiting > 0");
    LIST_DEAD = list!("events_dead", "AND dead > 0");
    LIST_OF_ORIGIN = list!("events_origin", "AND source = ?4 AND type = ?5 AND secret = ?6");
    // The next origin that an event has. A comparison of all three columns at once would read every event of an origin.
    NEXT_SECRET = "SELECT source, type, secret FROM events INDEXED BY events_origin
        WHERE source = ?1 AND type = ?2 AND secret > ?3 ORDER BY secret LIMIT 1";
    NEXT_TYPE = "SELECT source, type, secret FROM events INDEXED BY events_origin
        WHERE source = ?1 AND type > ?2 ORDER BY type, secret LIMIT 1";
    NEXT_SOURCE = "SELECT source, type, secret FROM events INDEXED BY events_origin
        WHERE source > ?1 ORDER BY source, type, secret LIMIT 1";
    LIST_SKIPPED = list!("skips");
    LIST_UNREADABLE = list!("unreadable");
    ID_BEFORE = "SELECT uuid FROM events WHERE uuid < ?1 ORDER BY uuid DESC LIMIT 1";
    ID_AFTER = "SELECT uuid FROM events WHERE uuid > ?1 ORDER BY uuid LIMIT 1";
    /// The number of an event, of the first one that is not older, and of the last one that is older.
    NUMBER_FROM = "SELECT id, uuid FROM events WHERE uuid >= ?1 ORDER BY uuid LIMIT 1";
    FIRST_NUMBER = "SELECT id, uuid FROM events WHERE id >= ?1 ORDER BY id LIMIT 1";
    NUMBER_BEFORE = "SELECT id FROM events WHERE uuid < ?1 ORDER BY uuid DESC LIMIT 1";
    IDS_BETWEEN = "SELECT uuid FROM events WHERE uuid >= ?1 AND uuid <= ?2 ORDER BY uuid LIMIT ?3";

    // Pruning.
    EXPIRED_DEAD_LETTERS = "SELECT d.id, d.event, e.uuid, l.name, d.reason FROM deliveries d
        JOIN events e ON e.id = d.event JOIN lanes l ON l.id = d.lane
        WHERE d.state = 2 AND d.settled < ?1 ORDER BY d.settled LIMIT ?2";
    OLD_EVENTS = "SELECT id, key, size FROM events
        WHERE waiting = 0 AND dead = 0 AND received < ?1 ORDER BY received LIMIT ?2";
    OLDEST_EVENTS = "SELECT id, key, size FROM events
        WHERE waiting = 0 AND dead = 0 ORDER BY received LIMIT ?1";
    TOTAL_SIZE = "SELECT size FROM totals WHERE id = 1";
    ADD_SIZE = "UPDATE totals SET size = size + ?1 WHERE id = 1";

    // The index of texts.
    INDEXED_UP_TO = "SELECT indexed FROM totals WHERE id = 1";
    SET_INDEXED = "UPDATE totals SET indexed = ?1 WHERE id = 1";
    LINES_AFTER = "SELECT e.id, coalesce(e.line, (SELECT l.line FROM lines l WHERE l.event = e.id)) FROM events e
        WHERE e.id > ?1 ORDER BY e.id LIMIT ?2";

    // A check that the store can be written. No event has the number -1.
    WRITE_PROOF = "INSERT OR REPLACE INTO messages (event, number, json) VALUES (-1, 0, ?1)";
    REMOVE_PROOF = "DELETE FROM messages WHERE event = -1";
}

// The statements of the index of texts, which is a virtual table. SQLite shows no plan of them.

pub(super) const INDEX_LINE: &str = "INSERT INTO search (rowid, line) VALUES (?1, ?2)";
pub(super) const UNINDEX_LINE: &str = "DELETE FROM search WHERE rowid = ?1";
/// Events with a text, the newest commit first. Here the bounds are numbers of events.
pub(super) const LIST_MATCHING: &str =
    "SELECT e.id, e.uuid, e.source, e.type, e.secret, e.received, e.deliveries, e.line
    FROM search s CROSS JOIN events e ON e.id = s.rowid
    WHERE search MATCH ?4 AND s.rowid < ?1 AND s.rowid >= ?2 ORDER BY s.rowid DESC LIMIT ?3";

// The statements below may read a whole table. They run once a start, once a copy, or once for a list of all lanes.

/// One row a lane. There are as many lanes as channels.
pub(super) const LANES: &str = "SELECT l.name, l.waiting, d.since, d.due, d.reason FROM lanes l
    LEFT JOIN deliveries d ON d.id =
        (SELECT h.id FROM deliveries h WHERE h.lane = l.id AND h.state = 0 ORDER BY h.id LIMIT 1)
    ORDER BY l.name";
pub(super) const ALL_PAUSES: &str = "SELECT is_source, name, since, who, why, resuming FROM pauses";
pub(super) const COUNT_HELD: &str = "SELECT count(*) FROM held WHERE source = ?1";
/// The newest of the times that were written last. It is not the latest time of all: a wrong clock may have written that.
pub(super) const NEWEST_TIME: &str = "SELECT max(time) FROM (
    SELECT * FROM (SELECT received AS time FROM events ORDER BY id DESC LIMIT 1)
    UNION ALL SELECT * FROM
        (SELECT max(since, coalesce(settled, since)) FROM deliveries ORDER BY id DESC LIMIT 1)
    UNION ALL SELECT d.due FROM lanes l JOIN deliveries d ON d.id =
        (SELECT h.id FROM deliveries h WHERE h.lane = l.id AND h.state = 0 ORDER BY h.id LIMIT 1))";

pub(super) const LAST_DELIVERY: &str = "SELECT coalesce(max(id), 0) FROM deliveries";
pub(super) const LAST_EVENT: &str = "SELECT coalesce(max(id), 0) FROM events";
pub(super) const WAITS_FROM: &str = "SELECT since FROM deliveries WHERE id >= ?1 ORDER BY id LIMIT 1";
pub(super) const RECEIVED_FROM: &str = "SELECT received FROM events WHERE id >= ?1 ORDER BY id LIMIT 1";
pub(super) const ACCEPTED_BETWEEN: &str =
    "SELECT count(*) FROM events INDEXED BY events_uuid WHERE uuid >= ?1 AND uuid < ?2";
/// By the number of the bucket from ?2 on, each ?4 milliseconds long.
pub(super) const DELIVERED_SINCE: &str = "SELECT (settled - ?2) / ?4, count(*) FROM (
        SELECT state, settled FROM deliveries WHERE id > ?1 ORDER BY id DESC LIMIT ?5)
    WHERE state = 1 AND settled BETWEEN ?2 AND ?3 GROUP BY 1";
/// An attempt at the time when its delivery was delivered has not failed.
pub(super) const FAILED_SINCE: &str = "SELECT (at - ?2) / ?4, count(*) FROM (
        SELECT delivery, at FROM attempts WHERE delivery > ?1 ORDER BY delivery DESC, number DESC LIMIT ?5) a
    WHERE at BETWEEN ?2 AND ?3 AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.id = a.delivery AND d.state = 1 AND d.settled = a.at)
    GROUP BY 1";

pub(super) const SCHEMA_VERSION: &str = "PRAGMA user_version";
pub(super) const APPLICATION_ID: &str = "PRAGMA application_id";
pub(super) const STORE_SIZE: &str = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
pub(super) const COUNT_OBJECTS: &str = "SELECT count(*) FROM sqlite_schema";

pub(super) const COPY_TO_FILE: &str = "VACUUM INTO ?1";
pub(super) const QUICK_CHECK: &str = "PRAGMA quick_check(1)";
pub(super) const TRUNCATE_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
pub(super) const COUNT_EVENTS: &str = "SELECT count(*) FROM events";
pub(super) const COUNT_WAITING: &str = "SELECT coalesce(sum(waiting), 0) FROM lanes";
