//! The dispatcher: a lane runs as long as something waits in it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::client::{Client, Tls};
use super::lane::{Lane, News, Shared};
use super::pace::Pace;
use super::patience::Patience;
use super::{ClientError, Destinations, Halts, Settings};
use crate::clock::Clock;
use crate::logging::chain;
use crate::metrics::Metrics;
use crate::queue::{Owner, Queue, QueueError};

/// The pause after a mistake of our own, so that it cannot become a storm.
const AFTER_PANIC: Duration = Duration::from_secs(60);
/// The pause after the store could not be asked.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Delivers what waits in the queue.
pub struct Dispatcher {
    queue: Queue,
    destinations: watch::Sender<Arc<Destinations>>,
    settings: watch::Sender<Settings>,
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
        settings: Settings,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Result<Self, ClientError> {
        for lane in destinations.keys() {
            metrics.backlog(lane, 0, Duration::ZERO);
            metrics.halted(lane, false);
        }
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

    /// Where other destinations can be set while the dispatcher runs. A channel's destination is looked up at each attempt, so that
    /// new ones apply to what waits already.
    pub fn destinations(&self) -> watch::Sender<Arc<Destinations>> {
        self.destinations.clone()
    }

    /// Where other settings can be set while the dispatcher runs. An attempt under way ends with those it began with;
    /// a lane that waits for its next one was told how long by others, so it tries at once.
    pub fn settings(&self) -> watch::Sender<Settings> {
        self.settings.clone()
    }

    /// What is halted, for whoever tells how ready the bridge is. Stays valid while the dispatcher runs.
    pub fn halts(&self) -> Halts {
        self.halts.clone()
    }

    /// Delivers until `stop`, and forgets what is old meanwhile. Then no attempt is begun any more, and this returns when
    /// those in flight are settled, after [`Settings::timeout`] at the latest; dropped before that, an attempt in flight is made again by the next
    /// run. Needs a runtime with local tasks, as actix's is.
    pub async fn run(self, stop: CancellationToken) {
        // Subscribed before looking, so that nothing arrives between.
        let mut arrivals = self.queue.arrivals();
        let mut departures = self.queue.departures();
        let mut destinations = self.destinations.subscribe();
        let forgetting = actix_web::rt::spawn(self.queue.clone().housekeeping(stop.clone()));
        let clock = self.clock.clone();
        let mut lanes = Lanes::new(self, stop.clone());
        let mut look = true;
        loop {
            if std::mem::take(&mut look) {
                look = !lanes.look().await;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                arrival = arrivals.recv() => match arrival {
                    Ok(lane) => lanes.arrived(&lane),
                    Err(broadcast::error::RecvError::Lagged(_)) => look = true,
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                departure = departures.recv() => match departure {
                    Ok(lane) => lanes.departed(|running| *running == *lane),
                    Err(broadcast::error::RecvError::Lagged(_)) => lanes.departed(|_| true),
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                Ok(()) = destinations.changed() => {
                    lanes.shared.halts.again(&clock);
                    look = true;
                }
                () = lanes.ended() => {}
                () = clock.sleep(STORE_PAUSE), if look => {}
            }
        }
        while lanes.tasks.join_next().await.is_some() {}
        // Ends with `stop`; a panic in there has been printed, and nothing depends on it.
        let _ = forgetting.await;
    }
}

/// The lanes that run, and what outlives their runs.
struct Lanes {
    shared: Rc<Shared>,
    tasks: JoinSet<Arc<str>>,
    names: HashMap<Id, Arc<str>>,
    /// Where each lane that runs is told what happens in it.
    running: BTreeMap<Arc<str>, Rc<News>>,
    paces: BTreeMap<Arc<str>, Rc<Pace>>,
    /// Lanes without a destination that were warned about.
    unconfigured: BTreeSet<Arc<str>>,
}

impl Lanes {
    fn new(dispatcher: Dispatcher, stop: CancellationToken) -> Self {
        let timeout = dispatcher.settings.borrow().timeout;
        let client = Client::new(&dispatcher.tls, dispatcher.clock.clone(), timeout);
        let shared = Rc::new(Shared {
            client: RefCell::new((timeout, Rc::new(client))),
            tls: dispatcher.tls,
            queue: dispatcher.queue,
            owner: Owner(dispatcher.clock.new_id()),
            destinations: dispatcher.destinations,
            halts: dispatcher.halts,
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

    /// Starts every lane in which something waits. False when the store did not say.
    async fn look(&mut self) -> bool {
        match self.shared.queue.lanes().await {
            Ok(lanes) => {
                for standing in lanes.iter().filter(|standing| standing.waiting > 0) {
                    self.arrived(&standing.lane);
                }
                true
            }
            Err(QueueError::Closed) => true,
            Err(error) => {
                log::warn!("cannot look what waits: {}", chain(&error));
                false
            }
        }
    }

    fn arrived(&mut self, lane: &Arc<str>) {
        if let Some(news) = self.running.get(lane) {
            news.arrived.set(true);
        } else if self.shared.destinations.borrow().contains_key(lane) {
            self.start(lane.clone(), Duration::ZERO);
        } else if self.unconfigured.insert(lane.clone()) {
            log::warn!(
                lane = &**lane;
                "messages wait for a channel that is not configured: they are kept until it is"
            );
        }
    }

    /// An operator took something out of such lanes.
    fn departed(&self, of: impl Fn(&str) -> bool) {
        for (_, news) in self.running.iter().filter(|(name, _)| of(name)) {
            news.departed.notify_one();
        }
    }

    fn start(&mut self, name: Arc<str>, pause: Duration) {
        let news = Rc::new(News::default());
        self.running.insert(name.clone(), news.clone());
        let lane = Lane {
            name: name.clone(),
            shared: self.shared.clone(),
            destinations: self.shared.destinations.subscribe(),
            settings: self.shared.settings.subscribe(),
            destination: None,
            pace: self.paces.entry(name.clone()).or_default().clone(),
            news,
            ready: self.shared.clock.monotonic() + pause,
            held_by: None,
            resumed: false,
            patience: Patience::default(),
        };
        let task = self.tasks.spawn_local(lane.run());
        self.names.insert(task.id(), name);
    }

    /// Waits for a lane to end (forever while none runs). It runs on when something arrived after it last looked.
    async fn ended(&mut self) {
        let (id, pause) = match self.tasks.join_next_with_id().await {
            Some(Ok((id, _))) => (id, None),
            Some(Err(error)) => {
                log::error!(
                    "a lane ended by a mistake of the bridge's own, it starts again in a minute: {error}"
                );
                (error.id(), Some(AFTER_PANIC))
            }
            None => return std::future::pending().await,
        };
        let Some(name) = self.names.remove(&id) else {
            return;
        };
        let arrived = self.running.remove(&name).is_some_and(|news| news.arrived.get());
        let configured = self.shared.destinations.borrow().contains_key(&name);
        if configured && (arrived || pause.is_some()) {
            self.start(name, pause.unwrap_or_default());
        }
    }
}
