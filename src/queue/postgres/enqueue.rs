//! New events: those of a transaction are stored together, with one statement for each table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use uuid::Uuid;

use super::failure::Result;
use super::query::{Sql, get, params, text, value};
use super::statements::{
    CLAIM_KEYS, EVENT_EXISTS, FIND_KEY, HOLD, INSERT_CONTENTS, INSERT_DELIVERIES, INSERT_EVENTS,
    INSERT_MESSAGES, INSERT_SKIPPED, INSERT_SKIPS, INSERT_UNREADABLE, IS_HELD, REMEMBER_KEY, SOURCE_PAUSES,
};
use super::tally::Tally;
use super::{deliveries, rows};
use crate::queue::command::Promise;
use crate::queue::encoding::integer;
use crate::queue::packed::{PackedDelivery, PackedEvent};
use crate::queue::repetition::{self, Repetition, is_of_the_future};
use crate::queue::words::words;
use crate::queue::{Decided, Enqueued};

/// An event that a caller waits for.
pub(super) type Waiting<'a> = (&'a PackedEvent, &'a mut Promise<Enqueued>);

/// Since when sources are paused.
type Paused = BTreeMap<String, jiff::Timestamp>;

/// What the events of a transaction have to know before they are stored.
pub(super) struct Prepared {
    /// The events whose key was not known.
    new: HashSet<Uuid>,
    paused: Paused,
}

/// Remembers the keys of new events, locks the lanes of all of these changes, and reads which sources are paused. Every
/// transaction takes these locks in this order. `lanes`, `settled`: the lanes and deliveries of the other changes.
pub(super) async fn prepare(
    sql: &Sql,
    events: &[Waiting<'_>],
    lanes: &[&str],
    settled: &[i64],
    tally: &mut Tally,
) -> Result<Prepared> {
    let keys: Vec<&[u8]> = events.iter().map(|(event, _)| &event.key[..]).collect();
    let ids: Vec<Uuid> = events.iter().map(|(event, _)| event.id).collect();
    let until: Vec<i64> = events
        .iter()
        .map(|(event, _)| event.until.as_millisecond())
        .collect();
    let sources: BTreeSet<&str> = events.iter().map(|(event, _)| &*event.source).collect();
    let sources: Vec<&str> = sources.into_iter().collect();
    let deliveries = events.iter().flat_map(|(event, _)| &event.deliveries);
    let names: BTreeSet<&str> = deliveries
        .map(|delivery| &*delivery.lane)
        .chain(lanes.iter().copied())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let claim_keys = async {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        sql.all(CLAIM_KEYS, params![keys, ids, until], value).await
    };
    let lock = async {
        if names.is_empty() && settled.is_empty() {
            return Ok(());
        }
        tally.lock(sql, &names, settled).await
    };
    let paused = async {
        if sources.is_empty() {
            return Ok(Vec::new());
        }
        let read = |row: &tokio_postgres::Row| Ok((get::<String>(row, 0)?, rows::time(row, 1)?));
        sql.all(SOURCE_PAUSES, params![sources], read).await
    };
    let (new, (), paused) = tokio::try_join!(claim_keys, lock, paused)?;
    Ok(Prepared {
        new: new.into_iter().collect(),
        paused: paused.into_iter().collect(),
    })
}

/// Stores the events whose keys are new, and looks at the others one after the other.
pub(super) async fn enqueue(
    sql: &Sql,
    events: Vec<Waiting<'_>>,
    prepared: &Prepared,
    tally: &mut Tally,
) -> Result<()> {
    // A second event with the same id has not claimed its key.
    let mut claimed = prepared.new.clone();
    let (new, known): (Vec<_>, Vec<_>) = events
        .into_iter()
        .partition(|(event, _)| claimed.remove(&event.id));
    let stored: Vec<&PackedEvent> = new.iter().map(|(event, _)| *event).collect();
    insert(sql, &stored, &prepared.paused, tally).await?;
    for (event, promise) in new {
        promise.keep_ok(answer(event, &prepared.paused));
    }
    for (event, promise) in known {
        let repeated = repeated(sql, event, tally).await?;
        let answer = if let Some(answer) = repeated {
            answer
        } else {
            let until = event.until.as_millisecond();
            sql.execute(REMEMBER_KEY, params![&event.key[..], event.id, until])
                .await?;
            insert(sql, &[event], &prepared.paused, tally).await?;
            answer(event, &prepared.paused)
        };
        promise.keep_ok(answer);
    }
    Ok(())
}

fn answer(event: &PackedEvent, paused: &Paused) -> Enqueued {
    match paused.get(&*event.source) {
        None => Enqueued::Stored { event: event.id },
        Some(_) => Enqueued::Paused { event: event.id },
    }
}

/// What a known key means for a request. If its event waits or is delivered, nothing changes. If all deliveries of its
/// event are dead, they wait again. `None`: the key is new, or its event had no deliveries, and the new decision replaces
/// it.
async fn repeated(sql: &Sql, event: &PackedEvent, tally: &mut Tally) -> Result<Option<Enqueued>> {
    let read = |row: &tokio_postgres::Row| Ok((value::<Uuid>(row)?, get::<i64>(row, 1)?));
    let seen = sql.first(FIND_KEY, params![&event.key[..]], read).await?;
    let seen = seen.filter(|(_, until)| *until > event.received.as_millisecond());
    let Some((known, _)) = seen.filter(|(known, _)| !is_of_the_future(*known, event.received)) else {
        return Ok(None);
    };
    let states = deliveries::states(sql, known).await?;
    let is_undelivered = states.is_empty()
        && sql.exists(EVENT_EXISTS, params![known]).await?
        && !sql.exists(IS_HELD, params![known]).await?;
    Ok(match Repetition::of(&states, is_undelivered) {
        Repetition::Replaced => None,
        Repetition::Seen => Some(Enqueued::SeenBefore {
            event: known,
            lanes: repetition::lanes(&states),
        }),
        Repetition::PutBack => {
            let lanes = deliveries::put_back(sql, known, event.received, tally).await?;
            Some(Enqueued::PutBack { event: known, lanes })
        }
    })
}

/// Stores events. Their keys are remembered already, and their lanes are locked.
async fn insert(sql: &Sql, events: &[&PackedEvent], paused: &Paused, tally: &mut Tally) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let is_held = |event: &PackedEvent| paused.contains_key(&*event.source);
    let mut added: Vec<(Uuid, i64, &PackedDelivery)> = Vec::new();
    let mut columns = Events::default();
    let mut reasons = Reasons::default();
    for event in events {
        let held = is_held(event);
        let deliveries = if held { &[][..] } else { &*event.deliveries };
        columns.add(event, deliveries.len(), held);
        let since = event.received.as_millisecond();
        added.extend(deliveries.iter().map(|delivery| (event.id, since, delivery)));
        if let Some(since) = paused.get(&*event.source) {
            let decided = Decided {
                skipped: event.held_reason(*since),
                ..event.decided.clone()
            };
            reasons.add(event.id, &decided);
        } else {
            reasons.add(event.id, &event.decided);
        }
        if deliveries.is_empty() {
            reasons.skips.insert(event.id);
        }
        tally.size += integer(event.size());
        tally.note_time(event.received);
        tally.proves = true;
    }
    let held: Vec<&&PackedEvent> = events.iter().filter(|event| is_held(event)).collect();
    let held_ids: Vec<Uuid> = held.iter().map(|event| event.id).collect();
    let held_sources: Vec<&str> = held.iter().map(|event| &*event.source).collect();
    let holding = async {
        if held_ids.is_empty() {
            return Ok(());
        }
        let held = params![held_ids, held_sources];
        sql.execute(HOLD, held).await.map(drop)
    };
    let messages = events.iter().flat_map(|event| {
        let in_row = usize::from(event.message_in_row.is_some());
        let numbered = (in_row..).zip(&event.messages);
        numbered.map(|(number, json)| (event.id, number, json.as_str()))
    });
    let messages: Vec<(Uuid, usize, &str)> = messages.collect();
    tokio::try_join!(
        columns.insert(sql),
        add_messages(sql, &messages),
        reasons.insert(sql),
        holding,
        add_deliveries(sql, &added, false, tally),
    )?;
    Ok(())
}

/// Adds waiting deliveries at the end of their lanes, in this order. Each with its event and the time since when it waits.
pub(super) async fn add_deliveries(
    sql: &Sql,
    added: &[(Uuid, i64, &PackedDelivery)],
    is_replay: bool,
    tally: &mut Tally,
) -> Result<()> {
    if added.is_empty() {
        return Ok(());
    }
    tally
        .add(sql, added.iter().map(|(.., delivery)| &*delivery.lane))
        .await?;
    let mut rows = Vec::with_capacity(added.len());
    for (_, _, delivery) in added {
        let lane = tally.lane(&delivery.lane).unwrap_or_default();
        tally.count_lane(lane, 1);
        tally.arrived(lane);
        rows.push(lane);
    }
    let events: Vec<Uuid> = added.iter().map(|(event, ..)| *event).collect();
    let numbers: Vec<i32> = added
        .iter()
        .map(|(.., delivery)| number(delivery.message))
        .collect();
    let since: Vec<i64> = added.iter().map(|(_, since, _)| *since).collect();
    let parts = || added.iter().map(|(.., delivery)| delivery.part.as_ref());
    let threads: Vec<Option<&[u8]>> = parts().map(|part| Some(&part?.thread[..])).collect();
    let slots: Vec<Option<&[u8]>> = parts().map(|part| Some(&part?.slot.as_ref()?[..])).collect();
    let closes: Vec<bool> = parts().map(|part| part.is_some_and(|part| part.closes)).collect();
    let urgencies = added
        .iter()
        .map(|(.., delivery)| i16::from(delivery.urgency.number()));
    let urgencies: Vec<i16> = urgencies.collect();
    let with = params![
        rows, events, numbers, since, threads, slots, closes, urgencies, is_replay
    ];
    sql.execute(INSERT_DELIVERIES, with).await.map(drop)
}

/// Adds messages of events under their numbers.
pub(super) async fn add_messages(sql: &Sql, messages: &[(Uuid, usize, &str)]) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let events: Vec<Uuid> = messages.iter().map(|(event, ..)| *event).collect();
    let numbers: Vec<i32> = messages.iter().map(|(_, index, _)| number(*index)).collect();
    let json: Vec<&str> = messages.iter().map(|(.., json)| *json).collect();
    sql.execute(INSERT_MESSAGES, params![events, numbers, json])
        .await
        .map(drop)
}

fn number(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// The words of a line, each between two spaces, in small letters. `None`: there are none.
pub(super) fn line_words(line: Option<&str>) -> Option<String> {
    let line = line?.to_lowercase();
    let words: Vec<&str> = words(&line).collect();
    (!words.is_empty()).then(|| format!(" {} ", words.join(" ")))
}

/// The columns of `events` and `contents`.
#[derive(Default)]
struct Events<'a> {
    ids: Vec<Uuid>,
    received: Vec<i64>,
    keys: Vec<&'a [u8]>,
    sizes: Vec<i64>,
    waiting: Vec<i32>,
    deliveries: Vec<i32>,
    texts: [Vec<Cow<'a, str>>; 5],
    body_sizes: Vec<i64>,
    messages: Vec<Option<&'a [u8]>>,
    lines: Vec<Option<Cow<'a, str>>>,
    words: Vec<Option<String>>,
    bodies: Vec<&'a [u8]>,
}

impl<'a> Events<'a> {
    fn add(&mut self, event: &'a PackedEvent, deliveries: usize, is_held: bool) {
        self.ids.push(event.id);
        self.received.push(event.received.as_millisecond());
        self.keys.push(&event.key);
        self.sizes.push(integer(event.size()));
        // What is held is not deleted, as if it had a delivery that waits.
        self.waiting.push(number(deliveries.max(usize::from(is_held))));
        self.deliveries.push(number(deliveries));
        let texts = [
            &*event.source,
            &event.decided.event_type,
            &event.secret,
            &event.headers,
            &event.decided.routes,
        ];
        for (column, value) in self.texts.iter_mut().zip(texts) {
            column.push(text(value));
        }
        self.body_sizes.push(integer(event.body_size));
        self.messages.push(event.message_in_row.as_deref());
        let line = event.line_in_row.as_deref().or(event.line.as_deref());
        self.lines.push(line.map(text));
        self.words.push(line_words(line));
        self.bodies.push(&event.body);
    }

    async fn insert(&self, sql: &Sql) -> Result<()> {
        let [sources, types, secrets, headers, routes] = &self.texts;
        let events = params![
            self.ids,
            self.received,
            self.keys,
            self.sizes,
            self.waiting,
            self.deliveries
        ];
        let contents = params![
            self.ids,
            *sources,
            *types,
            *secrets,
            *headers,
            *routes,
            self.body_sizes,
            self.messages,
            self.lines,
            self.words,
            self.bodies
        ];
        tokio::try_join!(
            sql.execute(INSERT_EVENTS, events),
            sql.execute(INSERT_CONTENTS, contents)
        )?;
        Ok(())
    }
}

/// The reasons of decisions, which have tables of their own.
#[derive(Default)]
pub(super) struct Reasons {
    skipped: Vec<(Uuid, String)>,
    unreadable: Vec<(Uuid, String)>,
    pub(super) skips: BTreeSet<Uuid>,
}

impl Reasons {
    pub(super) fn add(&mut self, event: Uuid, decided: &Decided) {
        if let Some(json) = &decided.skipped {
            self.skipped.push((event, text(json).into_owned()));
            self.skips.insert(event);
        }
        if let Some(reason) = &decided.unreadable {
            self.unreadable.push((event, text(reason).into_owned()));
        }
    }

    pub(super) async fn insert(&self, sql: &Sql) -> Result<()> {
        let skips: Vec<Uuid> = self.skips.iter().copied().collect();
        let skipped = async {
            if self.skipped.is_empty() {
                return Ok(0);
            }
            let ids: Vec<Uuid> = self.skipped.iter().map(|(event, _)| *event).collect();
            let json: Vec<&str> = self.skipped.iter().map(|(_, json)| json.as_str()).collect();
            sql.execute(INSERT_SKIPPED, params![ids, json]).await
        };
        let unreadable = async {
            if self.unreadable.is_empty() {
                return Ok(0);
            }
            let ids: Vec<Uuid> = self.unreadable.iter().map(|(event, _)| *event).collect();
            let why: Vec<&str> = self.unreadable.iter().map(|(_, why)| why.as_str()).collect();
            sql.execute(INSERT_UNREADABLE, params![ids, why]).await
        };
        let skips = async {
            if skips.is_empty() {
                return Ok(0);
            }
            sql.execute(INSERT_SKIPS, params![skips]).await
        };
        tokio::try_join!(skipped, unreadable, skips)?;
        Ok(())
    }
}
