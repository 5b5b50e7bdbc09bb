//! Where the operator's questions go: to the bridge that runs, else to the store itself.

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WrongConfiguration;
use crate::clock::Clock;
use crate::config::env::{self, Variables};
use crate::config::{Config, History};
use crate::operator::view::{
    DropRequest, Dropped, EventDetails, EventList, EventQuery, LaneDetails, MoveRequest, MovedStep,
    ReplayRequest, Replayed,
};
use crate::operator::{Client, ClientError, OperatorError, OperatorService, operator_url};
use crate::queue::{self, OpenError};
use crate::secret::Secret;

#[derive(clap::Args)]
pub(super) struct OfficeArguments {
    /// Ask the running bridge whose operator listener is here. Unset: TWAKE_BRIDGE_STORE is opened when no bridge has it,
    /// else TWAKE_BRIDGE_OPERATOR_LISTEN is asked.
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
    /// The configuration (for the operator's token; without a running bridge also for channels and sources); overrides
    /// TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// Whom the command line asks.
pub(super) enum OperatorBackend {
    Here(Box<OperatorService>, queue::Store),
    There(Client),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackendError {
    #[error(transparent)]
    OperatorService(#[from] OperatorError),
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl BackendError {
    /// Whether it concerns the one event alone, so that others can go on.
    pub(super) fn is_of_one_event(&self) -> bool {
        match self {
            Self::OperatorService(error) => !matches!(error, OperatorError::Queue(_)),
            Self::Client(ClientError::Refused { code, .. }) => {
                !["store-unavailable", "operator-only", "wrong-host", "foreign"].contains(&code.as_str())
            }
            Self::Client(_) => false,
        }
    }
}

macro_rules! ask {
    ($office:expr, $method:ident($($argument:expr),*)) => {
        match $office {
            OperatorBackend::Here(desk, _) => Ok(desk.$method($($argument),*).await?),
            OperatorBackend::There(client) => Ok(client.$method($($argument),*)?),
        }
    };
}

impl OperatorBackend {
    /// Finds out whom to ask. A wrong configuration is said and done without: it may be just what is being looked into.
    pub(super) fn open(arguments: &OfficeArguments) -> anyhow::Result<Self> {
        let variables = variables()?;
        let settings = &variables.settings;
        let path = arguments.config.as_ref().unwrap_or(&settings.config);
        let asked_for = arguments.config.is_some() || arguments.operator.is_none();
        let config = match Config::load(path, &variables.environment) {
            Ok(config) => Some(config),
            Err(_) if !asked_for && !path.exists() => None,
            Err(findings) => {
                for finding in findings {
                    note!("warning: {}", super::shown::visible_lines(&finding.to_string()));
                }
                note!("warning: going on without the configuration");
                None
            }
        };
        let url = operator_url(arguments.operator.as_deref(), &settings.operator_listen);
        if arguments.operator.is_some() {
            return Ok(Self::There(Client::new(&url, token(config))?));
        }
        let store = settings.store.as_str();
        if let Some(path) = store.strip_prefix("sqlite:")
            && !Path::new(path).exists()
        {
            // A service has its store where its unit says, which an operator's shell does not know.
            let client = Client::new(&url, token(config))?;
            if matches!(
                client.lanes(),
                Err(ClientError::Unreachable { .. } | ClientError::Strange(_))
            ) {
                bail!(
                    "there is no store at {path}, and no bridge at {url}: set TWAKE_BRIDGE_STORE as the bridge has it, or give \
                     --operator URL"
                );
            }
            return Ok(Self::There(client));
        }
        let clock = Clock::system();
        let history = config
            .as_ref()
            .map_or_else(History::default, |config| config.history);
        let history = queue::History {
            keep: history.keep,
            size: history.size,
            dead: history.dead,
        };
        match queue::open(store, history, clock.clone()) {
            Ok((queue, store)) => {
                let serving = config.map(Config::serving).unwrap_or_default();
                let desk = OperatorService {
                    queue,
                    serving: Arc::new(ArcSwap::from_pointee(serving)),
                    halts: None,
                    clock,
                };
                Ok(Self::Here(Box::new(desk), store))
            }
            Err(error @ (OpenError::InUse(_) | OpenError::File { .. })) => {
                let client = Client::new(&url, token(config))?;
                if let Err(unreachable @ (ClientError::Unreachable { .. } | ClientError::Strange(_))) =
                    client.lanes()
                {
                    return Err(unreachable).context(format!(
                        "{error}, and its bridge is not at {url}: give --operator URL (the log's line \"taking webhooks\" \
                         has it as operator=…), or stop whatever has the store"
                    ));
                }
                Ok(Self::There(client))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn events(&self, query: &EventQuery) -> Result<EventList, BackendError> {
        ask!(self, events(query))
    }

    pub(super) async fn event(&self, id: &str) -> Result<EventDetails, BackendError> {
        ask!(self, event(id))
    }

    pub(super) async fn body(&self, id: &str) -> Result<Bytes, BackendError> {
        match self {
            Self::Here(desk, _) => Ok(desk.body(id).await?),
            Self::There(client) => Ok(client.body(id)?.into()),
        }
    }

    pub(super) async fn replay(&self, id: &str, order: &ReplayRequest) -> Result<Replayed, BackendError> {
        ask!(self, replay(id, order))
    }

    pub(super) async fn drop_waiting(&self, id: &str, order: &DropRequest) -> Result<Dropped, BackendError> {
        ask!(self, drop_waiting(id, order))
    }

    pub(super) async fn lanes(&self) -> Result<Vec<LaneDetails>, BackendError> {
        ask!(self, lanes())
    }

    pub(super) async fn move_lane(&self, order: &MoveRequest) -> Result<MovedStep, BackendError> {
        ask!(self, move_lane(order))
    }

    /// Closes the store, when it was opened here.
    pub(super) fn close(self) {
        if let Self::Here(desk, store) = self {
            drop(desk);
            store.close();
        }
    }
}

/// The environment; what is wrong with it is said.
pub(super) fn variables() -> anyhow::Result<Variables> {
    env::read().map_err(|findings| {
        super::check::print(&findings);
        WrongConfiguration.into()
    })
}

fn token(config: Option<Config>) -> Option<Secret> {
    config.and_then(|config| config.operator_token)
}
