//! What a store keeps of conversations, and what a claim knows of them.

use std::collections::BTreeMap;

use super::*;
use crate::conversation::{Changes, Openings, Order, Thread, thread_key};
use crate::message::{Conversation, FollowUp, Slot, Version};
use crate::twake::RemoteId;

const UPDATE: FollowUp = FollowUp {
    reply: false,
    update: true,
};

/// A conversation whose events always update its opener.
pub(in crate::queue) fn conversation(key: &str) -> Conversation {
    Conversation {
        key: key.to_owned(),
        slot: Some(Slot::Opener),
        unchanged: UPDATE,
        changed: UPDATE,
        opens: true,
        closes: false,
        also_in_channel: false,
        level: None,
        item: None,
        expires: 3_600,
        version: None,
        state: None,
        first: BTreeMap::new(),
        reply: None,
        update: None,
    }
}

/// An event of a conversation.
fn update(key: u8, second: i64, lanes: &[&str], change: impl FnOnce(&mut Conversation)) -> NewEvent {
    let mut conversation = conversation("a key");
    change(&mut conversation);
    let mut new = event(key, second, lanes);
    new.messages[0].conversation = Some(Box::new(conversation));
    new
}

/// A conversation that is told from others by its count.
fn thread(count: u64) -> Thread {
    let opener = RemoteId {
        message: "m-1".to_owned(),
        thread: None,
    };
    let order = Order {
        version: None,
        received: at(100),
    };
    Thread {
        destination: "here".to_owned(),
        opener,
        began: at(100),
        count,
        closed: false,
        state: String::new(),
        level: None,
        first: BTreeMap::new(),
        openings: Openings::default(),
        newest: order.clone(),
        shown: order,
    }
}

pub(in crate::queue) fn kept(count: u64, expires: i64) -> Kept {
    let changes = Changes {
        thread: Some(thread(count)),
        message: None,
    };
    Kept::new(&changes, at(expires))
}

fn skipped(carried_by: Option<DeliveryId>) -> Outcome {
    Outcome::Skipped { carried_by }
}

impl Bench {
    /// The count of the conversation that the head of a lane knows.
    async fn known(&self, lane: &str) -> Option<u64> {
        let head = self.head(lane).await.unwrap();
        head.known.thread.map(|thread| thread.count)
    }

    async fn settle_keeping(&self, lane: &str, outcome: Outcome, kept: Option<Kept>) {
        let claim = self.claim(lane).await.unwrap();
        let settlement = Settlement {
            kept,
            ..settlement(&claim, outcome, 110)
        };
        assert_eq!(self.queue.settle(settlement).await.unwrap(), Settled::Committed);
    }
}

pub(super) async fn a_claim_knows_what_a_settlement_in_its_lane_kept_until_it_expires(bench: Bench) {
    for key in 1..=3 {
        bench.store(update(key, 100, &["dev", "ops"], |_| {})).await;
    }
    bench
        .store(update(4, 100, &["dev"], |it| it.key = "another".to_owned()))
        .await;
    assert_eq!(bench.known("dev").await, None);
    bench.settle_keeping("dev", delivered(), Some(kept(1, 200))).await;
    let bench = bench.reopen(HISTORY, 100);
    assert_eq!(
        (bench.known("dev").await, bench.known("ops").await),
        (Some(1), None)
    );
    bench
        .settle_keeping("dev", skipped(None), Some(kept(2, 300)))
        .await;
    assert_eq!(bench.known("dev").await, Some(2));
    bench.settle_keeping("dev", Outcome::Rejected, None).await;
    assert_eq!(bench.known("dev").await, None, "of another conversation");
    bench.store(update(5, 100, &["dev"], |_| {})).await;
    bench.settle_keeping("dev", delivered(), None).await;
    bench.clock.advance(Duration::from_secs(199));
    assert_eq!(bench.known("dev").await, Some(2));
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.known("dev").await, None, "its time has passed");
}

pub(super) async fn a_skipped_delivery_has_ended_and_its_event_is_known(bench: Bench) {
    let new = |second| NewEvent {
        remember: 2 * HOUR,
        ..update(1, second, &["dev"], |_| {})
    };
    let id = bench.store(new(100)).await;
    bench.settle("dev", skipped(None), 110).await;
    let record = bench.record(id).await.deliveries.remove(0);
    assert_eq!(
        (record.state, record.attempts, record.done),
        (State::Skipped, 0, None)
    );
    assert_eq!(record.settled, Some(at(110)));
    assert_eq!(bench.waiting().await, 0);
    bench.assert_seen(new(120), id, &["dev"]).await;
    // It is no dead letter, so its event is deleted as one that was delivered, and its key outlives it.
    let bench = bench.reopen(HISTORY, 100);
    let pruned = bench
        .queue
        .prune(pruning::Pruning::new(&HISTORY, at(3_701)))
        .await
        .unwrap();
    assert_eq!(pruned.events, 1);
    bench.assert_seen(new(3_800), id, &[]).await;
}

pub(super) async fn a_settlement_keeps_what_its_digest_ended(bench: Bench) {
    let key = |name: &str| thread_key(&conversation(name));
    let named = |name: &'static str| move |it: &mut Conversation| it.key = name.to_owned();
    for (lane, first) in [("dev", 1), ("ops", 4)] {
        bench.store(update(first, 100, &[lane], |_| {})).await;
        let ended = ["a", "b"].map(|name| (key(name), kept(7, 200)));
        let claim = bench.claim(lane).await.unwrap();
        let outcome = if lane == "dev" {
            delivered()
        } else {
            Outcome::Rejected
        };
        let settlement = Settlement {
            ended: if lane == "dev" {
                ended.into()
            } else {
                Box::default()
            },
            ..settlement(&claim, outcome, 110)
        };
        assert_eq!(bench.queue.settle(settlement).await.unwrap(), Settled::Committed);
        bench.store(update(first + 1, 100, &[lane], named("b"))).await;
        let expected = (lane == "dev").then_some(7);
        assert_eq!(bench.known(lane).await, expected, "{lane}");
        bench.settle(lane, delivered(), 120).await;
        bench.store(update(first + 2, 100, &[lane], named("c"))).await;
        assert_eq!(bench.known(lane).await, None, "of another conversation");
        bench.settle(lane, delivered(), 120).await;
    }
}

pub(super) async fn only_a_later_update_of_the_same_message_supersedes_a_delivery(bench: Bench) {
    type Change = fn(&mut Conversation);
    let nothing: Change = |_| {};
    let newer: Change = |it| it.version = Some(Version::Number(2.0));
    let older: Change = |it| it.version = Some(Version::Number(1.0));
    let cases: [(&str, Change, Change, bool); 8] = [
        ("the same", nothing, nothing, true),
        ("a newer version", older, newer, true),
        ("an older version", newer, older, false),
        (
            "another conversation",
            nothing,
            |it| it.key = "another".to_owned(),
            false,
        ),
        (
            "another message",
            nothing,
            |it| it.slot = Some(Slot::Key("a".to_owned())),
            false,
        ),
        ("no message", nothing, |it| it.slot = None, false),
        (
            "perhaps no update",
            nothing,
            |it| it.changed.update = false,
            false,
        ),
        ("after the end", |it| it.closes = true, nothing, false),
    ];
    for (number, (case, first, second, is_superseded)) in cases.into_iter().enumerate() {
        let lane = format!("lane-{number}");
        let number = u8::try_from(number).unwrap();
        for (key, change) in [(2 * number, first), (2 * number + 1, second)] {
            bench.store(update(key, 100, &[lane.as_str()], change)).await;
        }
        let head = bench.head(&lane).await.unwrap();
        assert_eq!(head.superseded_by.is_some(), is_superseded, "{case}");
    }
}

pub(super) async fn neither_a_replay_nor_a_delivery_behind_the_end_supersedes_another(bench: Bench) {
    let first = bench.store(update(1, 100, &["dev"], |_| {})).await;
    bench.settle("dev", delivered(), 110).await;
    bench.store(update(2, 100, &["dev"], |_| {})).await;
    let replayed = update(1, 100, &["dev"], |_| {});
    let replay = Replay {
        event: first,
        decided: None,
        messages: replayed.messages,
        deliveries: replayed.deliveries,
        now: at(120),
        release: false,
        audit: None,
    };
    bench.queue.replay(replay).await.unwrap();
    assert_eq!(bench.head("dev").await.unwrap().superseded_by, None);
    bench.settle("dev", delivered(), 130).await;
    assert!(bench.head("dev").await.unwrap().is_replay);
    bench.settle("dev", delivered(), 140).await;

    bench.store(update(3, 100, &["dev"], |_| {})).await;
    let closing = |it: &mut Conversation| (it.slot, it.closes) = (None, true);
    bench.store(update(4, 100, &["dev"], closing)).await;
    bench.store(update(5, 100, &["dev"], |_| {})).await;
    assert_eq!(bench.head("dev").await.unwrap().superseded_by, None);
}

pub(super) async fn a_delivery_is_skipped_for_another_one_only_while_that_waits(bench: Bench) {
    let first = bench.store(update(1, 100, &["dev"], |_| {})).await;
    let second = bench.store(update(2, 100, &["dev"], |_| {})).await;
    let carried_by = bench.head("dev").await.unwrap().superseded_by;
    let discard = Discard {
        event: second,
        channel: None,
        now: at(105),
        audit: None,
    };
    bench.queue.discard(discard).await.unwrap();
    bench.settle("dev", skipped(carried_by), 110).await;
    assert_eq!(bench.states(first).await, [State::Waiting]);
    assert_eq!(bench.head("dev").await.unwrap().superseded_by, None);
}

/// A move gives a delivery a new row.
pub(super) async fn a_moved_delivery_keeps_its_part_and_what_it_carries(bench: Bench) {
    let mut events = Vec::new();
    for key in 1..=3 {
        events.push(bench.store(update(key, 100, &["dev"], |_| {})).await);
    }
    let carried_by = bench.head("dev").await.unwrap().superseded_by;
    bench.settle("dev", skipped(carried_by), 110).await;
    let step = Move {
        from: "dev".into(),
        to: "ops".into(),
        limit: 10,
        in_flight: false,
        now: at(120),
        audit: None,
    };
    bench.queue.move_lane(step).await.unwrap();
    let head = bench.head("ops").await.unwrap();
    assert_eq!(head.event, events[1]);
    assert!(head.superseded_by.is_some());
    let first = bench.record(events[0]).await.deliveries.remove(0);
    assert_eq!(first.carried_by, Some(events[1]));
}

pub(super) async fn expired_conversations_are_deleted_in_small_steps(bench: Bench) {
    const MANY: u8 = 120;
    for key in 0..MANY {
        let named = |it: &mut Conversation| it.key = key.to_string();
        bench.store(update(key, 100, &["dev"], named)).await;
        bench
            .settle_keeping("dev", delivered(), Some(kept(1, 200 + i64::from(key))))
            .await;
    }
    let (mut steps, mut more) = (0, true);
    while more {
        more = bench
            .queue
            .prune(pruning::Pruning::new(&HISTORY, at(250)))
            .await
            .unwrap()
            .more;
        steps += 1;
    }
    assert_eq!(steps, 2, "fifty at once, and one in a step of its own");
    for (key, is_known) in [(50, false), (51, true)] {
        let named = |it: &mut Conversation| it.key = key.to_string();
        bench.store(update(MANY + key, 100, &["dev"], named)).await;
        assert_eq!(bench.known("dev").await.is_some(), is_known, "{key}");
        bench.settle("dev", delivered(), 110).await;
    }
}

/// Random commands, and a model of what a claim knows.
pub(super) async fn a_claim_knows_what_a_model_does(mut bench: Bench) {
    const LANES: [&str; 2] = ["dev", "ops"];
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut now, mut count) = (100, 0);
    // The deliveries of each lane by the key of their conversation, and what is kept: its count, and until when.
    let mut waiting: [std::collections::VecDeque<u8>; 2] = Default::default();
    let mut known: BTreeMap<(usize, u8), (u64, i64)> = BTreeMap::new();
    for command in 0..400_u16 {
        let lane = random.usize(..2);
        match random.u8(..10) {
            0 => bench = bench.reopen(HISTORY, now),
            1 => {
                let time = bench.queue.time();
                let pruning = pruning::Pruning::new(&HISTORY, time);
                bench.queue.prune(pruning).await.unwrap();
                // After a start the store's time may be behind, but what is deleted stays so.
                known.retain(|_, (_, expires)| at(*expires) > time);
            }
            2 | 3 => {
                let seconds = random.i64(0..60);
                now += seconds;
                bench.clock.advance(Duration::from_secs(seconds.unsigned_abs()));
            }
            4..=6 => {
                let conversation = random.u8(..3);
                let named = |it: &mut Conversation| {
                    it.key = conversation.to_string();
                    it.slot = None;
                };
                let mut new = update(0, now, &[LANES[lane]], named);
                new.key = IdempotencyKey(u128::from(command).to_be_bytes());
                bench.store(new).await;
                waiting[lane].push_back(conversation);
            }
            _ => {
                let Some(conversation) = waiting[lane].pop_front() else {
                    continue;
                };
                let place = (lane, conversation);
                // The store's time may be behind the clock's after a start.
                let time = bench.queue.time();
                let expected = known.get(&place).filter(|(_, expires)| at(*expires) > time);
                assert_eq!(bench.known(LANES[lane]).await, expected.map(|(count, _)| *count));
                count += 1;
                let expires = now + random.i64(1..100);
                let (outcome, keeps) = match random.u8(..4) {
                    0 => (Outcome::Rejected, false),
                    1 => (skipped(None), random.bool()),
                    _ => (delivered(), true),
                };
                let kept = keeps.then(|| kept(count, expires));
                bench.settle_keeping(LANES[lane], outcome, kept).await;
                if keeps {
                    known.insert(place, (count, expires));
                }
            }
        }
    }
}
