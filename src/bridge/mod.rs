//! The composition root: builds the bridge from a checked [`Config`] and runs it until it is stopped.

mod listen;
mod reload;
mod reports;

pub use listen::Listen;
pub use reload::ReadConfig;

use actix_web::dev::Server;
use arc_swap::ArcSwap;
use log::{error, info, warn};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::confirmation::ToConfirm;
use crate::delivery::{self, Dispatcher};
use crate::http::{self, Budget, Connections, Hooks, Operator, Tls, Turns, Work};
use crate::lifecycle::{Stop, Supervisor};
use crate::metrics::Metrics;
use crate::operator::{HaltedLane, OperatorService, PendingReload, Reloads};
use crate::queue::{self, Queue};
use crate::source::SharedSnapshot;
use listen::listen;
use reload::{ReloadableSettings, Reloader};
use reports::Reports;

/// How long requests and attempts in flight may take to finish during a graceful stop.
const FINISH: Duration = Duration::from_secs(8);

/// Maximum number of connections of the operator's listener.
const OPERATOR_CONNECTIONS: usize = 64;

/// The addresses and the store of a bridge.
pub struct ListenAddresses {
    /// The public listener.
    pub listen: Listen,
    /// The operator's listener.
    pub operator_listen: Listen,
    /// The store: `sqlite:path`.
    pub store: String,
}

/// A bridge with bound listeners and an open store. It accepts nothing before [`Bridge::run`].
pub struct Bridge {
    public: Server,
    reloader: Reloader,
    reports: Reports,
    reloads: Reloads,
    reload_requests: mpsc::Receiver<PendingReload>,
    read_config: Option<ReadConfig>,
    public_address: SocketAddr,
    /// Of the public and the operator's listener.
    connections: (Connections, Connections),
    operator: Server,
    operator_address: SocketAddr,
    dispatcher: Dispatcher,
    service: OperatorService,
    confirmations: mpsc::Receiver<ToConfirm>,
    clock: Clock,
    queue: Queue,
    store: queue::StoreThread,
}

/// Why a bridge did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The bridge cannot listen on an address.
    #[error(
        "cannot listen on {address} (TWAKE_BRIDGE_LISTEN and TWAKE_BRIDGE_OPERATOR_LISTEN set the addresses)"
    )]
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
    /// Other machines could reach the operator's listener without a token.
    #[error(
        "the operator's listener is at {0}, which other machines can reach, and [operator] token is not set: set it, or listen on \
         127.0.0.1"
    )]
    Open(SocketAddr),
    /// TLS of the public listener cannot be configured.
    #[error("cannot set up tls for the public listener")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be created.
    #[error("cannot create the http client for twake")]
    Client(#[source] delivery::ClientError),
    /// A listener ended without a stop.
    #[error("a listener failed")]
    Serve(#[source] std::io::Error),
}

impl Bridge {
    /// Opens the store and binds both listeners.
    pub fn build(config: Config, addresses: ListenAddresses, clock: &Clock) -> Result<Self, BridgeError> {
        let settings = ReloadableSettings::of(&config);
        let (queue, store) =
            Queue::open(&addresses.store, settings.history, clock.clone()).map_err(|source| {
                BridgeError::Store {
                    store: addresses.store.clone(),
                    source,
                }
            })?;
        let metrics = Arc::new(Metrics::new(queue.metrics()));
        reload::record_configuration(&metrics, &config, clock);
        let channels = Arc::new(config.channels.clone());
        let dispatcher = Dispatcher::new(
            queue.clone(),
            channels,
            settings.delivery,
            Arc::clone(&metrics),
            clock.clone(),
        )
        .map_err(BridgeError::Client)?;
        let tls = config.public.certificate.clone();
        let tls = tls.map(|certificate| Tls::new(certificate, config.asks_for_certificates()));
        let server_tls = tls
            .as_ref()
            .map(Tls::server)
            .transpose()
            .map_err(BridgeError::Tls)?;
        let has_token = config.operator.token.is_some();
        let report = watch::Sender::new(config.report.clone());
        let serving: SharedSnapshot = Arc::new(ArcSwap::from_pointee(config.serving()));
        let budget = Arc::new(ArcSwap::from_pointee(Budget::new(settings.bodies)));
        let reloader = Reloader {
            report,
            outcomes: watch::Sender::new(None),
            serving: Arc::clone(&serving),
            destinations: dispatcher.destinations(),
            delivery: dispatcher.settings(),
            history: queue.history(),
            budget: Arc::clone(&budget),
            metrics: Arc::clone(&metrics),
            clock: clock.clone(),
            connections: settings.connections,
            tls,
        };
        let (reloads, reload_requests) = Reloads::channel();
        let service = operator_service(&queue, &serving, dispatcher.halts(), clock);
        let reports = Reports::new(&reloader, service.clone());
        let (to_confirm, confirmations) = mpsc::channel(delivery::CONFIRMATIONS_WAITING);
        let hooks = Hooks {
            confirmations: to_confirm,
            serving: Arc::clone(&serving),
            queue: queue.clone(),
            metrics: Arc::clone(&metrics),
            budget,
            work: Arc::new(Work::new(clock.clone())),
            turns: Turns::new(),
            clock: clock.clone(),
        };
        let (halts, destinations) = (dispatcher.halts(), dispatcher.destinations());
        let operator = Operator {
            metrics,
            queue: queue.clone(),
            clock: clock.clone(),
            serving,
            halts: Arc::new(move || http_halts(&halts.all(), &destinations.borrow())),
            service: service.clone(),
            reloads: reloads.clone(),
        };
        let refused = {
            let hooks = hooks.clone();
            move |problem, peer| hooks.record_early_refusal(problem, peer)
        };
        let connections = (
            Connections::new(settings.connections, refused, clock.clone()),
            Connections::new(OPERATOR_CONNECTIONS, |_, _| {}, clock.clone()),
        );
        let hooks = http::public(hooks);
        let (public, public_address) =
            listen(addresses.listen, &connections.0, server_tls, |_| Ok(()), hooks)?;
        let pages = http::operators(operator);
        let check = |bound: &[SocketAddr]| check_operator_addresses(bound, has_token);
        let (operator, operator_address) =
            listen(addresses.operator_listen, &connections.1, None, check, pages)?;
        Ok(Self {
            public,
            reloader,
            reports,
            reloads,
            reload_requests,
            read_config: None,
            public_address,
            connections,
            operator,
            operator_address,
            dispatcher,
            service,
            confirmations,
            clock: clock.clone(),
            queue,
            store,
        })
    }

    /// The address of the public listener.
    pub fn address(&self) -> SocketAddr {
        self.public_address
    }

    /// The address of the operator's listener.
    pub fn operator_address(&self) -> SocketAddr {
        self.operator_address
    }

    /// Allows reloads: each one calls `read_config`. Without this, requests to reload are refused.
    #[must_use]
    pub fn reloading_with(self, read_config: ReadConfig) -> Self {
        Self {
            read_config: Some(read_config),
            ..self
        }
    }

    /// Takes requests to reload.
    pub fn reloads(&self) -> Reloads {
        self.reloads.clone()
    }

    /// The status line for the supervisor.
    pub fn status(&self) -> String {
        format!("taking webhooks at {}", self.public_address)
    }

    /// The queue. It may be read while the bridge runs.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Accepts and delivers until `stop`. A graceful stop accepts no new connection, gives requests and attempts in flight
    /// at most 8 seconds to finish, and closes the store. What did not finish waits in the store.
    pub async fn run(self, stop: Stop) -> Result<(), BridgeError> {
        let status = self.status();
        let Self {
            public,
            reloader,
            reports,
            reload_requests,
            read_config,
            connections,
            operator,
            dispatcher,
            service,
            confirmations,
            clock,
            queue,
            store,
            ..
        } = self;
        let handles = [public.handle(), operator.handle()];
        let (mut public, mut operator) = (std::pin::pin!(public), std::pin::pin!(operator));
        if let Some(read_config) = read_config {
            let reloading = reloader.run(read_config, reload_requests, Supervisor, status);
            let until = stop.graceful.clone();
            actix_web::rt::spawn(async move { until.run_until_cancelled(reloading).await });
        } else {
            drop(reload_requests);
        }
        let until = stop.graceful.clone();
        actix_web::rt::spawn(async move { service.release_held(until).await });
        let until = stop.graceful.clone();
        actix_web::rt::spawn(async move { until.run_until_cancelled(reports.run()).await });
        let confirming = delivery::confirmations(confirmations, &clock).map_err(BridgeError::Client)?;
        let until = stop.graceful.clone();
        actix_web::rt::spawn(async move { until.run_until_cancelled(confirming).await });
        let deliver = dispatcher.run(stop.graceful.clone());
        let work = async {
            let delivering = actix_web::rt::spawn(deliver);
            tokio::select! {
                ended = async { tokio::select! {
                    ended = &mut public => ended,
                    ended = &mut operator => ended,
                    never = connections.0.sweep() => match never {},
                    never = connections.1.sweep() => match never {},
                } } => {
                    // The error ends the process, so that the supervisor starts the bridge again.
                    error!("a listener ended unexpectedly; stopping");
                    stop.graceful.cancel();
                    ended.map_err(BridgeError::Serve)?;
                }
                () = stop.graceful.cancelled() => {
                    let drain = async {
                        handles[0].pause().await;
                        connections.0.drain(FINISH).await;
                        for handle in &handles {
                            handle.stop(false).await;
                        }
                    };
                    // A server executes commands only while it is polled.
                    let _ = tokio::join!(drain, public, operator);
                }
            }
            if tokio::time::timeout(FINISH, delivering).await.is_err() {
                warn!("an attempt in flight did not finish; its delivery is waiting in the store");
            }
            Ok(())
        };
        tokio::select! {
            biased;
            () = stop.immediate.cancelled() => {
                warn!("stopped immediately");
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

fn operator_service(
    queue: &Queue,
    serving: &SharedSnapshot,
    halts: delivery::Halts,
    clock: &Clock,
) -> OperatorService {
    OperatorService {
        queue: queue.clone(),
        serving: Arc::clone(serving),
        halts: Some(Arc::new(move || {
            halts.all().into_iter().flat_map(halted_lanes).collect()
        })),
        clock: clock.clone(),
    }
}

fn halted_lanes(halt: delivery::Halt) -> impl Iterator<Item = HaltedLane> {
    halt.lanes.into_iter().map(move |lane| HaltedLane {
        lane,
        reason: halt.reason,
        next_probe: halt.next_probe,
    })
}

fn http_halts(halts: &[delivery::Halt], destinations: &delivery::Destinations) -> Vec<http::Halt> {
    let halted: BTreeSet<&Arc<str>> = halts.iter().flat_map(|halt| &halt.lanes).collect();
    let is_whole = |account: &str| {
        let mut of_account = destinations
            .iter()
            .filter(|(_, destination)| destination.account().name() == account);
        of_account.all(|(channel, _)| halted.contains(channel))
    };
    let halt = |halt| http_halt(halt, is_whole(halt.scope.account_name()));
    halts.iter().map(halt).collect()
}

fn http_halt(halt: &delivery::Halt, whole_account: bool) -> http::Halt {
    http::Halt {
        whole_account,
        account: halt.scope.account_name().to_owned(),
        scope: halt.scope.to_string(),
        reason: halt.reason,
        hint: halt.hint,
        since: halt.since,
        next_probe: halt.next_probe,
        channels: halt.lanes.iter().map(ToString::to_string).collect(),
    }
}

/// Requires a token if other machines can reach the operator's listener.
fn check_operator_addresses(bound: &[SocketAddr], has_token: bool) -> Result<(), BridgeError> {
    let is_reachable = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
    match bound.iter().find(is_reachable) {
        Some(address) if !has_token => Err(BridgeError::Open(*address)),
        _ => Ok(()),
    }
}
