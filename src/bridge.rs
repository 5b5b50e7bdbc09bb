//! The composition root: a checked [`Config`] becomes bound listeners, and those run until they are told to stop.

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};
use log::{error, info, warn};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::{self, Dispatcher};
use crate::http::{self, Budget, Connections, Hooks, Operator, Work};
use crate::lifecycle::Stop;
use crate::metrics::Metrics;
use crate::operator::{Desk, HaltedLane};
use crate::queue::{self, Queue};

/// How long requests and attempts in flight may take to finish once the bridge stops gently.
const FINISH: Duration = Duration::from_secs(8);

/// How long an idle connection is kept: longer than most senders keep theirs, so that they close first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(5);

/// Connections the kernel keeps while a worker is busy: Alertmanager opens one a group, all at once.
const BACKLOG: u32 = 1024;

/// Connections of the operator's listener.
const OPERATORS: usize = 64;

/// Where a bridge listens and stores.
pub struct Places {
    /// The public listener, `host:port`; port 0 takes a free one.
    pub listen: String,
    /// The operator's listener.
    pub operator_listen: String,
    /// The store, `sqlite:path`.
    pub store: String,
}

/// A bridge whose listeners are bound and whose store is open; nothing is taken before [`Bridge::run`].
pub struct Bridge {
    public: Server,
    public_address: SocketAddr,
    /// Of both listeners.
    connections: (Connections, Connections),
    operator: Server,
    operator_address: SocketAddr,
    dispatcher: Dispatcher,
    queue: Queue,
    store: queue::Store,
}

/// Why a bridge does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address as configured.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the store {store}")]
    Store {
        /// The store as configured.
        store: String,
        /// Why.
        #[source]
        source: queue::OpenError,
    },
    /// The HTTP client cannot be made.
    #[error("cannot make the client that calls twake")]
    Client(#[source] delivery::ClientError),
    /// A listener ended by itself.
    #[error("a listener failed")]
    Serve(#[source] std::io::Error),
}

impl Bridge {
    /// Opens the store and binds both listeners.
    pub fn build(config: Config, places: &Places, clock: &Clock) -> Result<Self, BridgeError> {
        let metrics = Arc::new(Metrics::default());
        let history = queue::History {
            keep: config.history.keep,
            size: config.history.size,
            dead: config.history.dead,
        };
        let (queue, store) =
            queue::open(&places.store, history, clock.clone()).map_err(|source| BridgeError::Store {
                store: places.store.clone(),
                source,
            })?;
        let settings = delivery::Settings {
            timeout: config.delivery.timeout,
            horizon: config.delivery.horizon,
            late: config.delivery.late,
        };
        let names = Arc::new(config.channels.keys().cloned().collect());
        let channels = Arc::new(config.channels);
        let dispatcher = Dispatcher::new(
            queue.clone(),
            channels,
            settings,
            Arc::clone(&metrics),
            clock.clone(),
        )
        .map_err(BridgeError::Client)?;
        let sources = Arc::new(config.sources);
        let halts = dispatcher.halts();
        let desk = Desk {
            queue: queue.clone(),
            sources: Arc::clone(&sources),
            channels: names,
            halts: Some(Arc::new(move || {
                halts.all().into_iter().flat_map(halted_lanes).collect()
            })),
            clock: clock.clone(),
        };
        let hooks = Hooks {
            sources,
            queue: queue.clone(),
            metrics: Arc::clone(&metrics),
            budget: Arc::new(Budget::new(config.limits.bodies)),
            work: Arc::new(Work::new(clock.clone())),
            refusals: Arc::default(),
            clock: clock.clone(),
        };
        let halts = dispatcher.halts();
        let operator = Operator {
            metrics,
            queue: queue.clone(),
            clock: clock.clone(),
            token: config.operator_token,
            halts: Arc::new(move || halts.all().iter().map(http_halt).collect()),
            desk,
        };
        let connections = |limit| Connections::new(limit, KEEP_ALIVE + HEAD, clock.clone());
        let connections = (connections(config.limits.connections), connections(OPERATORS));
        let (public, public_address) = listen(&places.listen, &connections.0, http::public(hooks))?;
        let pages = http::operators(operator);
        let (operator, operator_address) = listen(&places.operator_listen, &connections.1, pages)?;
        Ok(Self {
            public,
            public_address,
            connections,
            operator,
            operator_address,
            dispatcher,
            queue,
            store,
        })
    }

    /// Where webhooks are taken.
    pub fn address(&self) -> SocketAddr {
        self.public_address
    }

    /// Where the operator looks.
    pub fn operator_address(&self) -> SocketAddr {
        self.operator_address
    }

    /// The queue, for looking into it while the bridge runs.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Takes and delivers until told to stop. Stopping gently: no new connection, requests and attempts in flight
    /// finish (8 seconds at the most; what did not is waiting in the store), then the store is closed.
    pub async fn run(self, stop: Stop) -> Result<(), BridgeError> {
        let Self {
            public,
            connections,
            operator,
            dispatcher,
            queue,
            store,
            ..
        } = self;
        let handles = [public.handle(), operator.handle()];
        let servers = async {
            tokio::select! {
                ended = public => ended,
                ended = operator => ended,
                never = connections.0.tend() => match never {},
                never = connections.1.tend() => match never {},
            }
        };
        let deliver = dispatcher.run(stop.gently.clone());
        let work = async {
            let delivering = actix_web::rt::spawn(deliver);
            tokio::select! {
                ended = servers => {
                    // Nobody asked them to: whatever it was, the supervisor shall start the bridge again.
                    error!("a listener ended by itself; stopping");
                    stop.gently.cancel();
                    ended.map_err(BridgeError::Serve)?;
                }
                () = stop.gently.cancelled() => {
                    for handle in &handles {
                        handle.stop(true).await;
                    }
                }
            }
            if tokio::time::timeout(FINISH, delivering).await.is_err() {
                warn!("an attempt in flight did not finish; its delivery is waiting in the store");
            }
            Ok(())
        };
        tokio::select! {
            biased;
            () = stop.at_once.cancelled() => {
                warn!("stopped at once");
                return Ok(());
            }
            ended = work => ended?,
        }
        drop(queue);
        store.close();
        info!("stopped");
        Ok(())
    }
}

fn halted_lanes(halt: delivery::Halt) -> impl Iterator<Item = HaltedLane> {
    halt.lanes.into_iter().map(move |lane| HaltedLane {
        lane,
        reason: halt.reason,
        next_probe: halt.next_probe,
    })
}

fn http_halt(halt: &delivery::Halt) -> http::Halt {
    http::Halt {
        account: halt.account.clone(),
        company: halt.company.clone(),
        reason: halt.reason,
        what_to_do: halt.advice,
        since: halt.since,
        next_probe: halt.next_probe,
        channels: halt.lanes.iter().map(ToString::to_string).collect(),
    }
}

fn listen<F>(
    address: &str,
    connections: &Connections,
    configure: F,
) -> Result<(Server, SocketAddr), BridgeError>
where
    F: Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static,
{
    let failed = |source| BridgeError::Listen {
        address: address.to_owned(),
        source,
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let (limit, connections) = (connections.limit(), connections.clone());
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(http::watched))
            .configure(configure.clone())
    })
    .on_connect(move |io, kept| connections.opened(io, kept))
    .workers(workers)
    .max_connections(limit.div_ceil(workers))
    .backlog(BACKLOG)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD)
    .shutdown_timeout(FINISH.as_secs())
    .disable_signals()
    .bind(address)
    .map_err(failed)?;
    let bound = server.addrs().first().copied();
    let bound = bound.ok_or_else(|| failed(std::io::Error::other("the address names no host")))?;
    Ok((server.run(), bound))
}
