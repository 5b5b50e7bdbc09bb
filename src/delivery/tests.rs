use super::*;
use crate::clock::Clock;
use crate::event::{Envelope, IdempotencyKey};
use crate::headers::Headers;
use crate::message::{Block, Document, Inline, Readers, StoredMessage};
use crate::metrics::{Format, Metrics};
use crate::queue::{
    Decided, DeliveryRecord, Discard, EventRecord, History, NewDelivery, NewEvent, Queue, State, StoreThread,
};
use crate::secret::Secret;
use crate::twake::Outbound;
use crate::twake::messages_save::{Account, Destination};
use crate::units::Rate;
use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

mod digest;
mod faults;
mod fence;
mod lanes;
mod leases;
mod matrix;
mod outage;
mod outbound;
mod overlap;
mod peer;
mod proxies;
mod quiet;
mod raw;
mod renewal;
mod settings;
mod steps;
mod threads;
mod troubles;

use peer::{PROBE, Peer, Play};

const START: &str = "2026-03-01T10:00:00Z";
const SETTINGS: DeliverySettings = DeliverySettings {
    timeout: Duration::from_secs(30),
    horizon: Duration::from_secs(3600),
    late: Duration::from_secs(600),
    digest_above: None,
};

const HISTORY: History = History {
    keep: Duration::from_secs(90 * 24 * 3600),
    size: u64::MAX,
    dead: Duration::from_secs(90 * 24 * 3600),
};

/// A dispatcher on a store of its own, with a clock that stands until the test moves it.
struct Bench {
    folder: TempDir,
    queue: Queue,
    _store: StoreThread,
    clock: Clock,
    metrics: Arc<Metrics>,
    destinations: watch::Sender<Arc<Destinations>>,
    halts: Halts,
    /// The settings of the next start.
    settings: DeliverySettings,
    changed_settings: watch::Sender<DeliverySettings>,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

/// A wait that has to end. If it does not, the test fails and names it.
async fn in_time<F: Future>(what: &str, wait: F) -> F::Output {
    let patience = Duration::from_secs(120);
    let ended = tokio::time::timeout(patience, wait).await;
    ended.unwrap_or_else(|_| panic!("timed out waiting for {what}"))
}

fn destination(url: &str, account: &str, channel: &str) -> Destination {
    Destination {
        account: Arc::new(Account {
            name: account.to_owned(),
            url: url.parse().unwrap(),
            public_id: "app".to_owned(),
            private_api_key: Secret::new("key"),
            outbound: Arc::new(Outbound::default()),
        }),
        group_id: "company".to_owned(),
        channel_id: channel.to_owned(),
        rate: None,
        readers: Readers::default(),
        conversations: true,
    }
}

fn destinations(of: impl IntoIterator<Item = Destination>) -> Arc<Destinations> {
    Arc::new(
        of.into_iter()
            .map(|destination| (destination.channel_id.as_str().into(), destination.into()))
            .collect(),
    )
}

impl Bench {
    fn new(of: impl IntoIterator<Item = Destination>) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Clock::manual(START.parse().unwrap());
        let (queue, store) = Queue::open(
            &format!("sqlite:{}", folder.path().join("queue.db").display()),
            HISTORY,
            clock.clone(),
        )
        .unwrap();
        let metrics = Arc::new(Metrics::default());
        Self {
            folder,
            queue,
            _store: store,
            clock,
            halts: Halts::new(metrics.clone()),
            metrics,
            settings: SETTINGS,
            changed_settings: watch::Sender::new(SETTINGS),
            destinations: watch::Sender::new(destinations(of)),
            stop: CancellationToken::new(),
            running: None,
        }
    }

    fn start(&mut self) {
        let (destinations, clock) = (self.destinations.borrow().clone(), self.clock.clone());
        let dispatcher = Dispatcher::new(
            self.queue.clone(),
            destinations,
            self.settings,
            self.metrics.clone(),
            clock,
        )
        .unwrap();
        self.halts = dispatcher.halts();
        self.destinations = dispatcher.destinations();
        self.changed_settings = dispatcher.settings();
        self.stop = CancellationToken::new();
        self.running = Some(actix_web::rt::spawn(dispatcher.run(self.stop.clone())));
    }

    fn started(of: impl IntoIterator<Item = Destination>) -> Self {
        let mut bench = Self::new(of);
        bench.start();
        bench
    }

    /// Starts with these channels.
    fn start_with(&mut self, of: impl IntoIterator<Item = (&'static str, crate::twake::Destination)>) {
        let channels = of
            .into_iter()
            .map(|(name, destination)| (name.into(), destination));
        self.destinations.send_replace(Arc::new(channels.collect()));
        self.start();
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
    }

    async fn enqueue(&self, text: &str, lanes: &[&str]) -> Uuid {
        let paragraph = Block::Paragraph(vec![Inline::Text(text.to_owned())]);
        let message = StoredMessage::new(Document {
            blocks: vec![paragraph],
        });
        self.enqueue_message(message, lanes).await
    }

    async fn enqueue_message(&self, message: StoredMessage, lanes: &[&str]) -> Uuid {
        let id = Uuid::now_v7();
        let event = NewEvent {
            envelope: Envelope {
                id,
                source: "github".into(),
                received: self.clock.now(),
                headers: Headers::default(),
                body: Bytes::from_static(b"{}"),
                secret: String::new(),
            },
            key: IdempotencyKey(id.into_bytes()),
            remember: Duration::from_secs(60),
            decided: Decided {
                event_type: "push".to_owned(),
                routes: "[]".to_owned(),
                skipped: None,
                unreadable: None,
                line: None,
            },
            messages: vec![message],
            deliveries: lanes
                .iter()
                .map(|lane| NewDelivery {
                    lane: (*lane).into(),
                    message: 0,
                })
                .collect(),
            memory: None,
        };
        self.queue.enqueue(event).await.unwrap();
        id
    }

    /// Waits until an event's first delivery is as wanted.
    async fn until(&self, event: Uuid, holds: impl Fn(&DeliveryRecord) -> bool) -> DeliveryRecord {
        let mut changes = self.queue.changes();
        let wait = async {
            loop {
                changes.borrow_and_update();
                let record: EventRecord = self.queue.event(event).await.unwrap().unwrap();
                if holds(&record.deliveries[0]) {
                    return record.deliveries[0].clone();
                }
                changes.changed().await.unwrap();
            }
        };
        in_time("a delivery", wait).await
    }

    /// Waits until so many attempts and failed probes of all lanes have ended. From then on a lane waits by the clock, so that
    /// the test can move it.
    async fn until_ended(&self, attempts: usize) {
        let wait = async {
            loop {
                let metrics = self.metrics.page(Format::Text);
                let counts = metrics
                    .lines()
                    .filter(|line| line.starts_with("twake_bridge_attempts_total{"));
                let ended: usize = counts
                    .map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap())
                    .sum();
                if ended >= attempts {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        in_time("attempts to end", wait).await;
    }

    async fn until_delivered(&self, event: Uuid) -> DeliveryRecord {
        self.until(event, |delivery| delivery.state == State::Delivered)
            .await
    }

    async fn until_attempts(&self, event: Uuid, attempts: u32) -> DeliveryRecord {
        self.until(event, |delivery| delivery.attempts == attempts).await
    }

    /// Moves the clock to the time at which the lane's head is due.
    async fn advance_to_due(&self, lane: &str) -> Duration {
        let head = self.queue.head(&lane.into()).await.unwrap().unwrap();
        let wait = head.due.unwrap().duration_since(self.clock.now());
        // The store keeps milliseconds; a lane waits to the nanosecond.
        let wait = Duration::try_from(wait).unwrap() + Duration::from_millis(1);
        self.clock.advance(wait);
        wait
    }
}
