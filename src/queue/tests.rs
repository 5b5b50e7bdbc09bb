//! The contract of a store as one suite, written once for every store.

use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::command::{Change, Command, Promise, Query};
use super::*;
use crate::clock::Clock;
use crate::decision::EventLine;
use crate::event::{Envelope, IdempotencyKey};
use crate::headers::Headers;
use crate::message::{Block, Document, Inline, StoredMessage};

mod attempts;
mod both;
mod conversations;
mod events;
mod lanes;
mod lists;
mod operations;
mod pauses;
pub(super) mod postgres_server;
mod retention;
mod search;

/// Runs every test on a store. A test that is not listed here is unused code, which the compiler reports.
macro_rules! suite {
    ($store:ident, $is_available:path, $home:path) => {
        suite! { $store, $is_available, $home:
            events {
                an_event_is_read_as_it_was_stored
                a_large_body_is_read_as_it_was_stored
                everything_is_kept_when_the_store_is_closed_and_opened_again
                a_known_key_changes_nothing_while_a_delivery_waits_or_is_delivered
                a_known_key_puts_back_the_deliveries_if_all_are_dead
                an_event_without_deliveries_is_replaced_by_a_new_decision
                a_key_is_forgotten_after_its_time
                an_event_that_fails_does_not_affect_the_others
                a_delivery_of_a_missing_message_is_refused
                a_closed_store_answers_with_an_error
            }
            lanes {
                deliveries_are_claimed_in_the_order_of_commit
                a_claim_besides_one_is_the_next_in_order
                a_retry_keeps_its_place_and_counts_repeated_reasons
                a_second_settlement_changes_nothing
                a_settlement_under_an_earlier_fence_changes_nothing
                lanes_show_how_many_deliveries_wait_and_since_when
            }
            conversations {
                a_claim_knows_what_a_settlement_in_its_lane_kept_until_it_expires
                a_skipped_delivery_has_ended_and_its_event_is_known
                a_settlement_keeps_what_its_digest_ended
                only_a_later_update_of_the_same_message_supersedes_a_delivery
                neither_a_replay_nor_a_delivery_behind_the_end_supersedes_another
                a_delivery_is_skipped_for_another_one_only_while_that_waits
                a_moved_delivery_keeps_its_part_and_what_it_carries
                expired_conversations_are_deleted_in_small_steps
                a_claim_knows_what_a_model_does
            }
            lists {
                every_filter_lists_its_events_newest_first
                what_is_skipped_anywhere_is_listed_and_with_a_channel_what_is_skipped_there
                pages_are_consecutive_and_examine_a_bounded_number_of_events
                a_list_of_many_sources_types_and_secrets_is_in_order
                a_line_shows_how_many_digits_make_its_id_unique
            }
            attempts {
                each_attempt_is_kept_but_a_first_one_that_delivers
                the_last_attempts_are_kept_and_deleted_with_their_delivery
                the_last_hours_count_what_is_committed
                the_last_hours_before_a_start_are_read_from_the_store
            }
            search {
                every_word_begins_a_word_of_the_line
                a_text_is_found_in_every_committed_event_and_in_no_deleted_one
                pages_of_a_text_are_consecutive
            }
            pauses {
                a_paused_channel_is_not_claimed_until_it_is_resumed
                a_pause_survives_a_restart
                events_of_a_paused_source_are_held_and_released_in_order
                a_held_event_is_kept_deduplicated_and_released_once
                what_operators_do_is_recorded_with_the_change
            }
            operations {
                a_replay_notifies_its_lanes_and_adds_one_delivery_while_it_waits
                a_new_decision_replaces_the_stored_one
                a_discarded_delivery_is_dead_unless_its_attempt_succeeds
                a_removal_is_counted_before_it_is_answered
                a_move_appends_to_the_new_lane_in_order
            }
            retention {
                old_events_are_deleted_as_time_passes
                a_shorter_history_is_applied_immediately
                a_wrong_clock_at_the_start_deletes_nothing_too_early
                only_size_deletes_in_the_first_hour
                events_dated_to_the_future_do_not_hold_up_time
                waiting_deliveries_are_kept_and_dead_letters_have_their_own_time
                the_oldest_events_are_deleted_when_history_is_too_large
                the_key_of_a_deleted_event_is_kept_only_if_it_was_delivered
            }
        }
    };
    ($store:ident, $is_available:path, $home:path: $($file:ident { $($test:ident)* })*) => {
        mod $store { $( mod $file { $(
            #[tokio::test]
            async fn $test() {
                if !$is_available() {
                    return;
                }
                crate::queue::tests::$file::$test(crate::queue::tests::Bench::new($home)).await;
            }
        )* } )* }
    };
}

suite!(
    sqlite,
    crate::queue::tests::always,
    crate::queue::sqlite::tests::home
);
suite!(
    postgres,
    crate::queue::postgres::tests::is_available,
    crate::queue::postgres::tests::home
);

/// SQLite is compiled in.
fn always() -> bool {
    true
}

/// The address of an empty store. That is all that a store gives to the suite.
pub(super) struct Home {
    address: String,
    /// Removes the store when it is dropped.
    _guard: Box<dyn Any>,
}

impl Home {
    pub(super) fn new(address: String, guard: impl Any) -> Self {
        Self {
            address,
            _guard: Box::new(guard),
        }
    }
}

pub(super) use conversations::{conversation, kept};

pub(super) const HISTORY: History = History {
    keep: HOUR,
    size: u64::MAX,
    dead: HOUR,
};
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// An open store, empty at first, on a clock that stands until the test moves it.
pub(super) struct Bench {
    new_home: fn() -> Home,
    home: Home,
    pub(super) clock: Clock,
    pub(super) queue: Queue,
    thread: StoreThread,
}

impl Bench {
    pub(super) fn new(new_home: fn() -> Home) -> Self {
        Self::open(new_home, new_home(), HISTORY, 0)
    }

    fn open(new_home: fn() -> Home, home: Home, history: History, second: i64) -> Self {
        let clock = Clock::manual(at(second));
        let (queue, thread) = Queue::open(&home.address, history, clock.clone()).unwrap();
        Self {
            new_home,
            home,
            clock,
            queue,
            thread,
        }
    }

    /// Another empty store.
    fn another(&self, history: History, second: i64) -> Self {
        Self::open(self.new_home, (self.new_home)(), history, second)
    }

    /// Closes the store and opens it again.
    pub(super) fn reopen(self, history: History, second: i64) -> Self {
        Self::open(self.new_home, self.close(), history, second)
    }

    pub(super) fn address(&self) -> &str {
        &self.home.address
    }

    /// Closes the store.
    pub(super) fn close(self) -> Home {
        drop(self.queue);
        assert!(self.thread.close());
        self.home
    }

    pub(super) async fn store(&self, event: NewEvent) -> Uuid {
        match self.queue.enqueue(event).await.unwrap() {
            Enqueued::Stored { event } => event,
            other => panic!("not stored: {other:?}"),
        }
    }

    pub(super) async fn claim(&self, lane: &str) -> Option<Claim> {
        self.claim_besides(lane, None).await
    }

    async fn claim_besides(&self, lane: &str, besides: Option<DeliveryId>) -> Option<Claim> {
        let owner = Owner(Uuid::nil());
        self.queue.claim(&lane.into(), owner, besides).await.unwrap()
    }

    pub(super) async fn head(&self, lane: &str) -> Option<Head> {
        self.queue.head(&lane.into()).await.unwrap()
    }

    /// Settles the head of a lane. Returns its event.
    pub(super) async fn settle(&self, lane: &str, outcome: Outcome, second: i64) -> Uuid {
        let claim = self.claim(lane).await.unwrap();
        self.settle_claim(&claim, outcome, second).await;
        claim.head.event
    }

    async fn settle_claim(&self, claim: &Claim, outcome: Outcome, second: i64) {
        let settled = self.queue.settle(settlement(claim, outcome, second)).await;
        assert_eq!(settled.unwrap(), Settled::Committed);
    }

    pub(super) async fn record(&self, event: Uuid) -> EventRecord {
        self.queue.event(event).await.unwrap().unwrap()
    }

    pub(super) async fn states(&self, event: Uuid) -> Vec<State> {
        let deliveries = self.record(event).await.deliveries;
        deliveries.iter().map(|delivery| delivery.state).collect()
    }

    pub(super) async fn holds(&self, event: Uuid) -> bool {
        self.queue.event(event).await.unwrap().is_some()
    }

    /// How many deliveries wait in all lanes.
    pub(super) async fn waiting(&self) -> u64 {
        let lanes = self.queue.lanes().await.unwrap();
        lanes.iter().map(|lane| lane.waiting).sum()
    }

    async fn assert_seen(&self, again: NewEvent, event: Uuid, lanes: &[&str]) {
        let lanes = lanes.iter().map(|lane| (*lane).to_owned()).collect();
        let enqueued = self.queue.enqueue(again).await.unwrap();
        assert_eq!(enqueued, Enqueued::SeenBefore { event, lanes });
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn message(text: &str) -> StoredMessage {
    StoredMessage::new(Document {
        blocks: vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])],
    })
}

pub(super) fn deliveries(lanes: &[&str]) -> Vec<NewDelivery> {
    let delivery = |lane: &&str| NewDelivery {
        lane: (*lane).into(),
        message: 0,
    };
    lanes.iter().map(delivery).collect()
}

pub(super) fn event(key: u8, second: i64, lanes: &[&str]) -> NewEvent {
    NewEvent {
        envelope: Envelope {
            id: Clock::manual(at(second)).new_id(),
            source: "github".into(),
            received: at(second),
            headers: Headers::new([("x-github-event", "push")]),
            body: Bytes::from_static(b"{\"a\": 1}"),
            secret: "credential:github".to_owned(),
        },
        key: IdempotencyKey([key; 16]),
        remember: HOUR,
        decided: Decided {
            event_type: "push".to_owned(),
            routes: r#"[{"route":0}]"#.to_owned(),
            skipped: None,
            unreadable: None,
            line: Some(line("Fix the login", "acme/app", "ada")),
        },
        messages: vec![message("hello")],
        deliveries: deliveries(lanes),
        memory: None,
    }
}

pub(super) fn line(title: &str, repository: &str, actor: &str) -> EventLine {
    EventLine {
        title: title.to_owned(),
        repository: repository.to_owned(),
        actor: actor.to_owned(),
    }
}

/// An event that is skipped, and whose body cannot be read.
pub(super) fn skipped_event(key: u8, second: i64) -> NewEvent {
    let mut skipped = event(key, second, &[]);
    skipped.decided.skipped = Some(r#"[{"channels":[],"reason":"branch"}]"#.to_owned());
    skipped.decided.unreadable = Some("not JSON".to_owned());
    skipped
}

pub(super) fn settlement(claim: &Claim, outcome: Outcome, second: i64) -> Settlement {
    Settlement {
        fence: claim.fence,
        delivery: claim.head.delivery,
        outcome,
        reason: "unreachable",
        detail: String::new(),
        may_be_duplicate: false,
        kept: None,
        carries: Vec::new(),
        ended: Box::default(),
        looked_up: false,
        took: Duration::from_millis(120),
        status: Some(503),
        now: at(second),
    }
}

pub(super) fn delivered() -> Outcome {
    Outcome::Delivered {
        id: "t-1".to_owned(),
        done: Done::Post,
    }
}

/// What becomes of leases in a test.
#[derive(Clone)]
pub(crate) struct TestLeases {
    /// Each lease has ended when its claim is answered, as if the bridge had been stopped for so long.
    pub(crate) ended: bool,
    /// Another bridge has claimed the lane meanwhile: it is not renewed, and not claimed again.
    pub(crate) lost: bool,
    /// How often leases were renewed, and lanes released.
    pub(crate) renewals: watch::Sender<usize>,
    pub(crate) releases: watch::Sender<usize>,
}

impl Queue {
    /// The delivery that is next in a lane.
    pub(crate) async fn head(&self, lane: &Arc<str>) -> Result<Option<Head>, QueueError> {
        let claim = self.claim(lane, Owner(Uuid::nil()), None).await?;
        Ok(claim.map(|claim| claim.head))
    }

    /// A handle whose settlements pass `change` on their way to the store. An error is their answer.
    pub(crate) fn with_settlements(
        &self,
        change: impl Fn(&mut Settlement) -> Result<(), QueueError> + Send + 'static,
    ) -> Self {
        self.intercepted(move |mut settlement, promise| {
            let changed = change(&mut settlement);
            let settle = Change::Settle(settlement, promise);
            match changed {
                Ok(()) => return Some(settle),
                Err(_) => settle.answer(&changed),
            }
            None
        })
    }

    /// A handle whose settlements reach the store once `open` is true.
    pub(crate) fn with_held_settlements(&self, open: watch::Receiver<bool>) -> Self {
        let store = self.commands.clone();
        self.intercepted(move |settlement, promise| {
            let (store, mut open) = (store.clone(), open.clone());
            tokio::spawn(async move {
                open.wait_for(|open| *open).await.unwrap();
                let settle = Command::Change(Change::Settle(settlement, promise));
                let _ = store.send(settle).await;
            });
            None
        })
    }

    /// A handle whose settlements go to `settle`. What that returns goes to the store.
    fn intercepted(
        &self,
        settle: impl Fn(Settlement, Promise<Settled>) -> Option<Change> + Send + 'static,
    ) -> Self {
        let (commands, mut inbox) = mpsc::channel(1);
        let store = self.commands.clone();
        tokio::spawn(async move {
            while let Some(command) = inbox.recv().await {
                let command = match command {
                    Command::Change(Change::Settle(settlement, promise)) => {
                        settle(settlement, promise).map(Command::Change)
                    }
                    command => Some(command),
                };
                if let Some(command) = command {
                    let _ = store.send(command).await;
                }
            }
        });
        let mut queue = self.clone();
        queue.commands = commands;
        queue
    }

    /// A handle whose claims have leases, as those of a store that several bridges share.
    pub(crate) fn with_leases(&self, leases: &TestLeases) -> Self {
        let (commands, mut inbox) = mpsc::channel(1);
        let (store, clock, leases) = (self.commands.clone(), self.clock.clone(), leases.clone());
        tokio::spawn(async move {
            let mut is_lost = false;
            while let Some(command) = inbox.recv().await {
                match command {
                    Command::Query(Query::Claim { reply, .. }) if is_lost => {
                        let _ = reply.send(Ok(None));
                    }
                    Command::Query(Query::Claim {
                        lane,
                        owner,
                        wanted,
                        now,
                        lease,
                        reply,
                    }) => {
                        let length = if leases.ended { Duration::ZERO } else { lease };
                        let end = Lease::until(clock.monotonic() + length);
                        let (inner, answer) = oneshot::channel();
                        let claim = Query::Claim {
                            lane,
                            owner,
                            wanted,
                            now,
                            lease,
                            reply: inner,
                        };
                        let _ = store.send(Command::Query(claim)).await;
                        let mut answer = answer.await.unwrap_or(Err(QueueError::Closed));
                        if let Ok(Some(packed)) = &mut answer {
                            packed.claim.lease = end;
                        }
                        let _ = reply.send(answer);
                    }
                    Command::Query(Query::Renew { lease, reply, .. }) => {
                        is_lost = leases.lost;
                        leases.renewals.send_modify(|count| *count += 1);
                        let end = Lease::until(clock.monotonic() + lease);
                        let _ = reply.send(Ok((!is_lost).then_some(end)));
                    }
                    Command::Query(Query::Release(_, _, reply)) => {
                        leases.releases.send_modify(|count| *count += 1);
                        let _ = reply.send(Ok(()));
                    }
                    command => {
                        let _ = store.send(command).await;
                    }
                }
            }
        });
        let mut queue = self.clone();
        queue.commands = commands;
        queue
    }

    /// A handle whose settlements have an earlier fence, as if another owner had claimed the lane during the attempt.
    pub(crate) fn fenced_off(&self) -> Self {
        self.with_settlements(|settlement| {
            settlement.fence.0 -= 1;
            Ok(())
        })
    }
}
