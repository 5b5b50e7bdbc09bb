//! The dispatcher: a lane runs as long as something waits in it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::client::{Client, Renewals, Tls};
use super::lane::{Behind, Lane, LaneSignals, STORE_PAUSE, Shared};
use super::pace::{Pace, Pauses};
use super::patience::Patience;
use super::{ClientError, DeliverySettings, Destinations, Halts, create_series};
use crate::clock::Clock;
use crate::logging::chain;
use crate::metrics::Metrics;
use crate::queue::{Lease, Owner, Queue, QueueError};

/// The pause after a panic in a lane, so that panics cannot become a storm.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Runs a lane for each channel in which something waits.
pub struct Dispatcher {
    queue: Queue,
    destinations: watch::Sender<Arc<Destinations>>,
    settings: watch::Sender<DeliverySettings>,
    metrics: Arc<Metrics>,
    clock: Clock,
    tls: Tls,
    halts: Halts,
}

impl Dispatcher {
    /// Makes a dispatcher that posts to these destinations.
    pub fn new(
        queue: Queue,
        destinations: Arc<Destinations>,
        settings: DeliverySettings,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        create_series(&metrics, &destinations);
        Ok(Self {
            tls: Tls::new()?,
            halts: Halts::new(metrics.clone()),
            queue,
            destinations: watch::Sender::new(destinations),
            settings: watch::Sender::new(settings),
            metrics,
            clock,
        })
    }

    /// Sets other destinations while the dispatcher runs. A lane reads its destination before each attempt, so new ones
    /// apply to what waits already.
    pub fn destinations(&self) -> watch::Sender<Arc<Destinations>> {
        self.destinations.clone()
    }

    /// Changes the settings while the dispatcher runs. An attempt in flight keeps the settings with which it began. A lane
    /// that waits for a retry attempts immediately, because its wait was computed with the old settings.
    pub fn settings(&self) -> watch::Sender<DeliverySettings> {
        self.settings.clone()
    }

    /// The halts there are. The handle stays valid while the dispatcher runs.
    pub fn halts(&self) -> Halts {
        self.halts.clone()
    }

    /// Delivers until `stop`, and deletes old events meanwhile. After `stop` no attempt begins, and this returns when those
    /// in flight are settled, after [`DeliverySettings::timeout`] at the latest. If it is dropped before, the next run makes an
    /// attempt in flight again. Needs a runtime with local tasks, as actix's is.
    pub async fn run(self, stop: CancellationToken) {
        // Subscribed before the first read, so that no arrival is missed.
        let mut arrivals = self.queue.arrivals();
        let mut departures = self.queue.departures();
        let mut destinations = self.destinations.subscribe();
        let mut settings = self.settings.subscribe();
        self.queue.set_longest_call(settings.borrow_and_update().timeout);
        let forgetting = actix_web::rt::spawn(self.queue.clone().housekeeping(stop.clone()));
        let clock = self.clock.clone();
        let mut lanes = Lanes::new(self, stop.clone());
        let mut reads = true;
        loop {
            if std::mem::take(&mut reads) {
                reads = !lanes.start_waiting().await;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                arrival = arrivals.recv() => match arrival {
                    Ok(lane) => lanes.arrived(&lane),
                    Err(broadcast::error::RecvError::Lagged(_)) => reads = true,
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                departure = departures.recv() => match departure {
                    Ok(lane) => lanes.departed(|running| *running == *lane),
                    Err(broadcast::error::RecvError::Lagged(_)) => lanes.departed(|_| true),
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                Ok(()) = destinations.changed() => {
                    let shared = &lanes.shared;
                    shared.halts.reconfigured(&shared.destinations.borrow(), &clock);
                    shared.pauses.clear();
                    reads = true;
                }
                Ok(()) = settings.changed() => {
                    let timeout = settings.borrow_and_update().timeout;
                    lanes.shared.queue.set_longest_call(timeout);
                }
                () = lanes.ended() => {}
                () = clock.sleep(STORE_PAUSE), if reads => {}
            }
        }
        while lanes.tasks.join_next().await.is_some() {}
        // Ends with `stop`. A panic in it has been printed, and nothing depends on it.
        let _ = forgetting.await;
    }
}

/// The running lanes, and the state that outlives their runs.
struct Lanes {
    shared: Rc<Shared>,
    tasks: JoinSet<Arc<str>>,
    names: HashMap<Id, Arc<str>>,
    /// The signals to each running lane.
    running: BTreeMap<Arc<str>, Rc<LaneSignals>>,
    paces: BTreeMap<Arc<str>, Rc<Pace>>,
    /// Lanes without a destination that were warned about.
    unconfigured: BTreeSet<Arc<str>>,
}

impl Lanes {
    fn new(dispatcher: Dispatcher, stop: CancellationToken) -> Self {
        let timeout = dispatcher.settings.borrow().timeout;
        let renewals = Rc::<Renewals>::default();
        let client =
            Client::new(&dispatcher.tls, dispatcher.clock.clone(), timeout).renewing(Rc::clone(&renewals));
        let shared = Rc::new(Shared {
            client: RefCell::new((timeout, Rc::new(client))),
            tls: dispatcher.tls,
            renewals,
            queue: dispatcher.queue,
            owner: Owner(dispatcher.clock.new_id()),
            destinations: dispatcher.destinations,
            halts: dispatcher.halts,
            pauses: Pauses::default(),
            settings: dispatcher.settings,
            metrics: dispatcher.metrics,
            clock: dispatcher.clock,
            stop,
        });
        Self {
            shared,
            tasks: JoinSet::new(),
            names: HashMap::new(),
            running: BTreeMap::new(),
            paces: BTreeMap::new(),
            unconfigured: BTreeSet::new(),
        }
    }

    /// Starts every lane in which something waits. False if the store could not be read.
    async fn start_waiting(&mut self) -> bool {
        match self.shared.queue.lanes().await {
            Ok(lanes) => {
                for standing in lanes.iter().filter(|standing| standing.waiting > 0) {
                    self.arrived(&standing.lane);
                }
                true
            }
            Err(QueueError::Closed) => true,
            Err(error) => {
                log::warn!("cannot read which lanes have deliveries: {}", chain(&error));
                false
            }
        }
    }

    fn arrived(&mut self, lane: &Arc<str>) {
        if let Some(signals) = self.running.get(lane) {
            signals.arrived.set(true);
            signals.arrival.notify_one();
        } else if self.shared.destinations.borrow().contains_key(lane) {
            self.start(lane.clone(), Duration::ZERO);
        } else if self.unconfigured.insert(lane.clone()) {
            log::warn!(
                channel = &**lane;
                "messages wait for a channel that is not configured: they are kept until it is"
            );
        }
    }

    /// Signals to these lanes that an operator removed a delivery.
    fn departed(&self, of: impl Fn(&str) -> bool) {
        for (_, signals) in self.running.iter().filter(|(name, _)| of(name)) {
            signals.departed.notify_one();
        }
    }

    fn start(&mut self, name: Arc<str>, pause: Duration) {
        let signals = Rc::new(LaneSignals::default());
        self.running.insert(name.clone(), signals.clone());
        let lane = Lane {
            name: name.clone(),
            shared: self.shared.clone(),
            destinations: self.shared.destinations.subscribe(),
            settings: self.shared.settings.subscribe(),
            destination: None,
            pace: self.paces.entry(name.clone()).or_default().clone(),
            signals,
            ready: self.shared.clock.monotonic() + pause,
            held_by: None,
            resumed: false,
            patience: Patience::default(),
            halted_since: Cell::default(),
            delivered: None,
            behind: Behind::Unknown,
            alone: None,
            removals: Cell::default(),
            was_quiet: Cell::default(),
            lease: Cell::new(Lease::ENDLESS),
        };
        let task = self.tasks.spawn_local(lane.run());
        self.names.insert(task.id(), name);
    }

    /// Waits for a lane to end (forever while none runs). Starts it again if something arrived after it last read its head.
    async fn ended(&mut self) {
        let (id, pause) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, _))) => (id, None),
            Some(Err(error)) => {
                log::error!("a lane panicked, it starts again in a minute: {error}");
                (error.id(), Some(AFTER_PANIC))
            }
            None => return std::future::pending().await,
        };
        let Some(name) = self.names.remove(&id) else {
            return;
        };
        let arrived = self
            .running
            .remove(&name)
            .is_some_and(|signals| signals.arrived.get());
        let configured = self.shared.destinations.borrow().contains_key(&name);
        if configured && (arrived || pause.is_some()) {
            self.start(name, pause.unwrap_or_default());
        }
    }
}
