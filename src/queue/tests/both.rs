//! The same random commands on SQLite and on PostgreSQL: both give the same answers, and hold the same in the end.

use super::*;
use crate::message::{Conversation, Urgency};
use crate::queue::pruning::Pruning;
use crate::queue::tests::conversation;

const LANES: [&str; 3] = ["dev", "far", "ops"];

/// Two stores that get the same commands.
struct Both {
    stores: [Bench; 2],
    random: fastrand::Rng,
    now: i64,
    events: Vec<Uuid>,
    /// Claims that are settled some time, perhaps twice.
    claims: Vec<[Claim; 2]>,
}

/// Both answers, which must be equal.
macro_rules! same {
    ($both:expr, $store:ident, $answer:expr) => {{
        let mut answers = Vec::new();
        for $store in &$both.stores {
            answers.push($answer);
        }
        let other = answers.pop().unwrap();
        let one = answers.pop().unwrap();
        assert_eq!(one, other, "{}", stringify!($answer));
        one
    }};
}

/// What a claim shows, without numbers that only its store knows.
fn shown(claim: Option<&Claim>) -> Option<String> {
    let mut head = claim?.head.clone();
    let is_superseded = head.superseded_by.take().is_some();
    head.delivery = DeliveryId(0);
    Some(format!("{head:?} {is_superseded}"))
}

impl Both {
    fn lane(&mut self) -> &'static str {
        LANES[self.random.usize(..LANES.len())]
    }

    fn time(&mut self) -> i64 {
        self.now += self.random.i64(0..30);
        self.now
    }

    fn known_event(&mut self) -> Option<Uuid> {
        let count = self.events.len();
        (count > 0).then(|| self.events[self.random.usize(..count)])
    }

    /// A new event, once for each store.
    fn new_event(&mut self) -> [NewEvent; 2] {
        let (key, second) = (self.random.u8(..60), self.time());
        let count = self.random.usize(..3);
        let lanes: Vec<&str> = (0..count).map(|_| self.lane()).collect();
        let id = Clock::manual(at(second)).new_id();
        let (conversation, urgency) = (self.conversation(), self.urgency());
        let source = if self.random.bool() { "github" } else { "gitea" };
        let is_skipped = self.random.u8(..5) == 0;
        [(); 2].map(|()| {
            let mut new = event(key, second, &lanes);
            new.envelope.id = id;
            new.envelope.source = source.into();
            new.remember = Duration::from_secs(600);
            new.messages[0].conversation = conversation.clone().map(Box::new);
            new.messages[0].urgency = urgency;
            if is_skipped {
                new.decided.skipped = Some(r#"[{"channels":["ops"],"reason":"branch"}]"#.to_owned());
                new.decided.unreadable = Some("not JSON".to_owned());
            }
            new
        })
    }

    fn conversation(&mut self) -> Option<Conversation> {
        let mut it = conversation(&self.random.u8(..3).to_string());
        it.closes = self.random.u8(..4) == 0;
        if self.random.bool() {
            it.slot = None;
        }
        self.random.bool().then_some(it)
    }

    fn urgency(&mut self) -> Urgency {
        if self.random.u8(..4) == 0 {
            Urgency::Urgent
        } else {
            Urgency::None
        }
    }

    async fn enqueue(&mut self) {
        let new = self.new_event();
        let id = new[0].envelope.id;
        let mut answers = Vec::new();
        for (store, new) in self.stores.iter().zip(new) {
            answers.push(store.queue.enqueue(new).await.unwrap());
        }
        assert_eq!(answers[0], answers[1]);
        if matches!(answers[0], Enqueued::Stored { .. } | Enqueued::Paused { .. }) {
            self.events.push(id);
        }
    }

    async fn claim(&mut self) {
        let (lane, is_passing) = (self.lane(), self.random.u8(..4) == 0);
        let mut claims = Vec::new();
        for store in &self.stores {
            let (lane, owner) = (lane.into(), Owner(Uuid::nil()));
            claims.push(if is_passing {
                store
                    .queue
                    .claim_passing(&lane, owner, Urgency::Urgent, None)
                    .await
                    .unwrap()
            } else {
                store.queue.claim(&lane, owner, None).await.unwrap()
            });
        }
        assert_eq!(shown(claims[0].as_ref()), shown(claims[1].as_ref()));
        if let (Some(other), Some(one)) = (claims.pop().unwrap(), claims.pop().unwrap()) {
            self.claims.push([one, other]);
        }
    }

    async fn settle(&mut self) {
        if self.claims.is_empty() {
            return;
        }
        let which = self.random.usize(..self.claims.len());
        let claims = if self.random.u8(..5) == 0 {
            self.claims[which].clone()
        } else {
            self.claims.swap_remove(which)
        };
        let second = self.time();
        let kept = self
            .random
            .bool()
            .then(|| kept(self.random.u64(..9), second + 100));
        let (which, reason) = (
            self.random.u8(..8),
            if self.random.bool() { "tls" } else { "timeout" },
        );
        let (is_unclear, is_digest) = (self.random.bool(), self.random.u8(..4) == 0);
        let mut answers = Vec::new();
        for (store, claim) in self.stores.iter().zip(&claims) {
            let outcome = match which {
                0 => Outcome::Retry { due: at(second + 5) },
                1 => Outcome::Halted,
                2 => Outcome::Rejected,
                3 => Outcome::Expired,
                4 => Outcome::Skipped {
                    carried_by: claim.head.superseded_by,
                },
                _ => delivered(),
            };
            let mut settlement = Settlement {
                reason,
                may_be_duplicate: is_unclear,
                looked_up: !is_unclear,
                kept: kept.clone(),
                ..settlement(claim, outcome, second)
            };
            if is_digest {
                // The one behind, in the same lane.
                let from = claim.head.delivery;
                let record = store.queue.event(claim.head.event).await.unwrap();
                let all = record.map_or_else(Vec::new, |record| record.deliveries);
                let own = all.iter().find(|delivery| delivery.delivery == from);
                if let Some(own) = own {
                    let lane = own.lane.as_str().into();
                    let behind = store
                        .queue
                        .digestible(&lane, from, Urgency::None, 3)
                        .await
                        .unwrap();
                    settlement.carries = behind.iter().skip(1).map(|waiting| waiting.delivery).collect();
                }
            }
            answers.push(store.queue.settle(settlement).await.unwrap());
        }
        assert_eq!(answers[0], answers[1]);
    }

    async fn operate(&mut self) {
        let (from, to) = (self.lane(), self.lane());
        let (limit, in_flight) = (self.random.u32(1..4), self.random.bool());
        let (channel, lanes) = (self.random.bool().then(|| from.into()), [from, to]);
        let now = at(self.time());
        match (self.random.u8(..3), self.known_event()) {
            (0, Some(event)) => {
                let discard = Discard {
                    event,
                    channel,
                    now,
                    audit: None,
                };
                same!(self, store, store.queue.discard(discard.clone()).await.unwrap());
            }
            (1, Some(event)) => {
                let decided = self.random.bool().then(|| super::event(0, 0, &[]).decided);
                let replay = Replay {
                    event,
                    decided,
                    messages: vec![message("again")],
                    deliveries: deliveries(&lanes),
                    now,
                    release: self.random.bool(),
                    audit: None,
                };
                same!(self, store, store.queue.replay(replay.clone()).await.unwrap());
            }
            _ => {
                let step = Move {
                    from: from.into(),
                    to: to.into(),
                    limit,
                    in_flight,
                    now,
                    audit: None,
                };
                let moved = same!(self, store, {
                    let moved = store.queue.move_lane(step.clone()).await.unwrap();
                    (moved.moved, moved.left)
                });
                // Their deliveries have other numbers now.
                if moved.0 > 0 {
                    self.claims.clear();
                }
            }
        }
    }

    async fn pause(&mut self) {
        let target = if self.random.bool() {
            PauseTarget::Channel(self.lane().into())
        } else {
            PauseTarget::Source("gitea".into())
        };
        let at = at(self.time());
        let pause = Pause {
            since: at,
            who: "ada".to_owned(),
            why: "maintenance".to_owned(),
            resuming: false,
        };
        let change = PauseChange {
            target,
            pause: (self.random.u8(..3) == 0).then_some(pause),
            audit: AuditRecord {
                at,
                who: "ada".to_owned(),
                action: Action::Pause,
                target: String::new(),
                detail: String::new(),
            },
        };
        same!(self, store, {
            let changed = store.queue.pause(change.clone()).await.unwrap();
            (changed.changed, changed.held)
        });
        same!(self, store, (**store.queue.pauses().borrow()).clone());
    }

    async fn prune(&mut self) {
        let history = History {
            keep: Duration::from_secs(400),
            dead: Duration::from_secs(800),
            ..HISTORY
        };
        let pruning = Pruning::new(&history, at(self.now));
        // The order in which events are deleted is not promised, so all are that may be.
        for store in &self.stores {
            while store.queue.prune(pruning).await.unwrap().more {}
        }
    }

    async fn compare(&self) {
        same!(self, store, store.queue.lanes().await.unwrap());
        for id in &self.events {
            same!(self, store, {
                let record = store.queue.event(*id).await.unwrap();
                record.map(|mut record| {
                    for delivery in &mut record.deliveries {
                        delivery.delivery = DeliveryId(0);
                    }
                    format!("{record:?}")
                })
            });
        }
        let states = [State::Waiting, State::Delivered, State::Dead, State::Skipped];
        let states = states.map(|state| Some(EventState::HasDelivery(state)));
        let others = [None, Some(EventState::Skipped), Some(EventState::Unreadable)];
        for state in states.into_iter().chain(others) {
            for channel in [None, Some("ops".to_owned())] {
                let filter = Filter {
                    state,
                    channel,
                    source: self.events.len().is_multiple_of(2).then(|| "github".to_owned()),
                    ..Filter::default()
                };
                same!(self, store, store.list(filter.clone()).await);
            }
        }
        let audit = AuditListing {
            before: None,
            limit: 1_000,
        };
        same!(self, store, store.queue.audit(audit).await.unwrap().len());
        same!(
            self,
            store,
            store.queue.held(&"gitea".into(), 1_000).await.unwrap()
        );
    }
}

#[tokio::test]
async fn random_commands_have_the_same_answers_in_both_stores() {
    if !crate::queue::postgres::tests::is_available() {
        return;
    }
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut both = Both {
        stores: [
            Bench::new(crate::queue::sqlite::tests::home),
            Bench::new(crate::queue::postgres::tests::home),
        ],
        random: fastrand::Rng::with_seed(seed),
        now: 100,
        events: Vec::new(),
        claims: Vec::new(),
    };
    for number in 0..500 {
        match both.random.u8(..20) {
            0..=6 => both.enqueue().await,
            7..=11 => both.claim().await,
            12..=15 => both.settle().await,
            16..=17 => both.operate().await,
            18 => both.pause().await,
            _ => both.prune().await,
        }
        if number % 100 == 99 {
            both.compare().await;
        }
    }
}
