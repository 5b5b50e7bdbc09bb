//! What a counted process does.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use twake_bridge::clock::Clock;
use twake_bridge::conversation::{self, Turn};
use twake_bridge::queue::{Done, Head, History, Kept, NewEvent, Outcome, Owner, Queue, Settled, Settlement};
use twake_bridge::twake::{Act, RemoteId};
use uuid::Uuid;

use crate::events::Sample;

/// Events that are stored at the same time, as if each came over a connection of its own.
const TOGETHER: usize = 32;

/// How far events are taken. Each part includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Part {
    Authenticate,
    Parse,
    Decide,
    Store,
    /// The claim and the settlement of each delivery, one after the other. Without the call to the chat.
    Deliver,
    /// The same for many lanes at a time. This fills a history and is not counted.
    DeliverTogether,
    /// As `Deliver`, and each delivery opens a conversation of its own.
    Converse,
}

impl Part {
    /// The parts that are counted, and their names in the tables.
    pub(crate) const COUNTED: [(Self, &'static str); 5] = [
        (Self::Authenticate, "authenticate"),
        (Self::Parse, "parse"),
        (Self::Decide, "decide"),
        (Self::Store, "store"),
        (Self::Deliver, "deliver"),
    ];
}

/// Events to process, as the arguments of a process.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) part: Part,
    /// The kind and the name of a built-in sample.
    pub(crate) sample: String,
    /// The number of the first event. Events with different numbers are different events.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// The channels that the events go to in turn.
    pub(crate) channels: usize,
    /// The folder of the store; empty: a new one.
    pub(crate) folder: String,
}

impl Work {
    pub(crate) fn to_arguments(&self) -> [String; 6] {
        let Self {
            part,
            sample,
            first,
            count,
            channels,
            folder,
        } = self;
        let part = format!("{part:?}");
        [
            part,
            sample.clone(),
            first.to_string(),
            count.to_string(),
            channels.to_string(),
            folder.clone(),
        ]
    }

    pub(crate) fn from_arguments(arguments: &[&str]) -> Self {
        let [part, sample, first, count, channels, folder] = arguments else {
            unreachable!("the arguments of `Work::to_arguments`")
        };
        let mut parts = Part::COUNTED
            .map(|(part, _)| part)
            .into_iter()
            .chain([Part::DeliverTogether, Part::Converse]);
        let part = parts.find(|known| format!("{known:?}") == *part);
        Self {
            part: part.unwrap(),
            sample: (*sample).to_owned(),
            first: first.parse().unwrap(),
            count: count.parse().unwrap(),
            channels: channels.parse().unwrap(),
            folder: (*folder).to_owned(),
        }
    }

    /// Processes the events, and prints the bytes that this process has given to `write()`.
    pub(crate) fn run(&self) {
        let temporary = tempfile::tempdir().unwrap();
        let sample = Sample::new(&self.sample, temporary.path());
        let clock = Clock::system();
        if self.part < Part::Store {
            for number in self.first..self.first + self.count {
                sample.process(&clock, number, self.part);
            }
        } else {
            let folder = if self.folder.is_empty() {
                temporary.path()
            } else {
                Path::new(&self.folder)
            };
            actix_web::rt::System::new().block_on(self.store(&sample, folder, &clock));
        }
        let io = fs::read_to_string("/proc/self/io").unwrap();
        let written = io.lines().find_map(|line| line.strip_prefix("wchar: "));
        println!("{}", written.unwrap());
    }

    async fn store(&self, sample: &Sample, folder: &Path, clock: &Clock) {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        let history = History {
            keep: YEAR,
            size: u64::MAX >> 1,
            dead: YEAR,
        };
        let address = format!("sqlite:{}", folder.join("bridge.db").display());
        let (queue, store) = Queue::open(&address, history, clock.clone()).unwrap();
        let lanes: Vec<Arc<str>> = (0..self.channels).map(|lane| format!("c{lane}").into()).collect();
        let lane_of = |number: usize| &lanes[number % lanes.len()];
        let owner = Owner(clock.new_id());
        let numbers: Vec<usize> = (self.first..self.first + self.count).collect();
        for together in numbers.chunks(TOGETHER) {
            let stored = together.iter().map(|number| {
                let mut event: NewEvent = sample.process(clock, *number, self.part).unwrap();
                event.deliveries[0].lane = Arc::clone(lane_of(*number));
                if self.part == Part::Converse {
                    event.messages[0].conversation.as_mut().unwrap().key = number.to_string();
                }
                queue.enqueue(event)
            });
            for stored in futures_util::future::join_all(stored).await {
                stored.unwrap();
            }
            let deliveries = together
                .iter()
                .map(|number| deliver(&queue, lane_of(*number), owner, clock, self.part));
            if [Part::Deliver, Part::Converse].contains(&self.part) {
                for delivery in deliveries {
                    delivery.await;
                }
            } else if self.part == Part::DeliverTogether {
                futures_util::future::join_all(deliveries).await;
            }
        }
        drop(queue);
        assert!(store.close());
    }
}

/// Delivers the oldest event of a lane, as if a chat had accepted it.
async fn deliver(queue: &Queue, lane: &Arc<str>, owner: Owner, clock: &Clock, part: Part) {
    let claim = queue.claim(lane, owner, None).await.unwrap().unwrap();
    let kept = (part == Part::Converse).then(|| opened(&claim.head));
    let settlement = Settlement {
        fence: claim.fence,
        delivery: claim.head.delivery,
        outcome: Outcome::Delivered {
            id: Uuid::nil().to_string(),
            done: Done::Post,
        },
        reason: "delivered",
        detail: String::new(),
        may_be_duplicate: false,
        looked_up: false,
        now: clock.now(),
        took: Duration::ZERO,
        status: Some(201),
        kept,
        carries: Vec::new(),
        ended: Box::default(),
    };
    assert_eq!(queue.settle(settlement).await.unwrap(), Settled::Committed);
}

/// What is kept of the conversation that a delivery opens.
fn opened(head: &Head) -> Kept {
    let message = head.message.as_ref().unwrap();
    let turn = Turn {
        destination: "a fingerprint",
        received: head.received,
        is_replay: false,
        is_superseded: false,
    };
    let id = RemoteId {
        message: Uuid::nil().to_string(),
        thread: None,
    };
    let changes = conversation::after(message, &head.known, &turn, &[(Act::Post, id)]);
    let conversation = message.conversation.as_ref().unwrap();
    Kept::new(&changes, conversation::expires(conversation, head.received))
}
