//! Sends the operator's requests to the running bridge, or to the store if no bridge runs.

use anyhow::{Context, bail};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::wrong_configuration;
use crate::clock::Clock;
use crate::config::env::{self, Variables};
use crate::config::{Config, History};
use crate::operator::explanation::EventExplanation;
use crate::operator::view::{
    AuditList, AuditQuery, ChannelDetails, DiscardRequest, Discarded, EventDetails, EventList, EventQuery,
    MoveRequest, MovedStep, PauseRequest, PauseResult, ReplayRequest, Replayed,
};
use crate::operator::{Client, ClientError, OperatorError, OperatorService, Who, operator_url};
use crate::queue::{self, OpenError, Queue};
use crate::secret::Secret;

#[derive(clap::Args)]
pub(super) struct OperatorArguments {
    /// The operator listener of the running bridge. Default: TWAKE_BRIDGE_STORE is opened if no bridge uses it, otherwise
    /// TWAKE_BRIDGE_OPERATOR_LISTEN is asked.
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
    /// The configuration, for the operator token and, if no bridge runs, for channels and sources. Default:
    /// TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// Executes the requests of the command line.
pub(super) enum OperatorBackend {
    Local(Box<OperatorService>, queue::StoreThread),
    Remote(Client),
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackendError {
    #[error(transparent)]
    OperatorService(#[from] OperatorError),
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl BackendError {
    /// Whether the error concerns only this event, so that the command can continue with the others.
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
    ($operator:expr, $method:ident($($argument:expr),*)) => {
        match $operator {
            OperatorBackend::Local(service, _) => Ok(service.$method($($argument),*).await?),
            OperatorBackend::Remote(client) => Ok(client.$method($($argument),*)?),
        }
    };
}

/// Asks for a change. The audit shows who does.
macro_rules! change {
    ($operator:expr, $method:ident($($argument:expr),*)) => {
        match $operator {
            OperatorBackend::Local(service, _) => {
                Ok(service.$method($($argument),*, &Who::command_line()).await?)
            }
            OperatorBackend::Remote(client) => Ok(client.$method($($argument),*)?),
        }
    };
}

impl OperatorBackend {
    /// Does something with the running bridge, or with the store if none runs.
    pub(super) fn run(
        arguments: &OperatorArguments,
        work: impl AsyncFnOnce(&Self) -> anyhow::Result<ExitCode>,
    ) -> anyhow::Result<ExitCode> {
        let operator = Self::open(arguments)?;
        let result = actix_web::rt::System::new().block_on(work(&operator));
        operator.close();
        result
    }

    /// Finds the running bridge or opens the store. A wrong configuration is reported and ignored, because the operator may be
    /// investigating it.
    fn open(arguments: &OperatorArguments) -> anyhow::Result<Self> {
        let variables = variables()?;
        let settings = &variables.settings;
        let path = arguments.config.as_ref().unwrap_or(&settings.config);
        let required = arguments.config.is_some() || arguments.operator.is_none();
        let config = match Config::load(path, &variables.environment) {
            Ok(config) => Some(config),
            Err(_) if !required && !path.exists() => None,
            Err(findings) => {
                for finding in findings {
                    note!("warning: {}", super::shown::visible_lines(&finding.to_string()));
                }
                note!("warning: the configuration is ignored");
                None
            }
        };
        let url = operator_url(arguments.operator.as_deref(), &settings.operator_listen);
        if arguments.operator.is_some() {
            return Ok(Self::Remote(Client::new(&url, token(config.as_ref()))?));
        }
        let store = settings.store.as_str();
        if let Ok(path) = queue::locate(store)
            && !path.exists()
        {
            // The unit of a service sets the path of its store. The operator's shell does not know it.
            let client = Client::new(&url, token(config.as_ref()))?;
            if matches!(
                client.channels(),
                Err(ClientError::Unreachable { .. } | ClientError::UnexpectedResponse(_))
            ) {
                bail!(
                    "there is no store at {}, and no bridge at {url}: set TWAKE_BRIDGE_STORE as for the bridge, or use \
                     --operator URL",
                    path.display()
                );
            }
            return Ok(Self::Remote(client));
        }
        if queue::is_shared(store) {
            // The bridge also knows which channels are halted. The store can be opened here, too, if no bridge listens here.
            let client = Client::new(&url, token(config.as_ref()))?;
            if !matches!(client.channels(), Err(ClientError::Unreachable { .. })) {
                return Ok(Self::Remote(client));
            }
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
        match Queue::open(store, history, clock.clone()) {
            Ok((queue, store)) => {
                let serving = config.map(Config::serving).unwrap_or_default();
                let service = OperatorService {
                    queue,
                    serving: Arc::new(ArcSwap::from_pointee(serving)),
                    halts: None,
                    clock,
                };
                Ok(Self::Local(Box::new(service), store))
            }
            Err(error @ (OpenError::InUse(_) | OpenError::File { .. })) => {
                let client = Client::new(&url, token(config.as_ref()))?;
                if let Err(
                    unreachable @ (ClientError::Unreachable { .. } | ClientError::UnexpectedResponse(_)),
                ) = client.channels()
                {
                    return Err(unreachable).context(format!(
                        "{error}, and no bridge answers at {url}: use --operator URL (the bridge logs it as operator=… when it \
                         starts), or stop the process that uses the store"
                    ));
                }
                Ok(Self::Remote(client))
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

    pub(super) async fn explain(&self, id: &str) -> Result<EventExplanation, BackendError> {
        ask!(self, explain(id))
    }

    pub(super) async fn body(&self, id: &str) -> Result<Bytes, BackendError> {
        match self {
            Self::Local(service, _) => Ok(service.body(id).await?),
            Self::Remote(client) => Ok(client.body(id)?.into()),
        }
    }

    pub(super) async fn replay(&self, id: &str, request: &ReplayRequest) -> Result<Replayed, BackendError> {
        change!(self, replay(id, request))
    }

    pub(super) async fn discard(
        &self,
        id: &str,
        request: &DiscardRequest,
    ) -> Result<Discarded, BackendError> {
        change!(self, discard(id, request))
    }

    pub(super) async fn channels(&self) -> Result<Vec<ChannelDetails>, BackendError> {
        ask!(self, channels())
    }

    pub(super) async fn move_waiting(&self, request: &MoveRequest) -> Result<MovedStep, BackendError> {
        change!(self, move_waiting(request))
    }

    pub(super) async fn pause(&self, request: &PauseRequest) -> Result<PauseResult, BackendError> {
        change!(self, pause(request))
    }

    pub(super) async fn resume(&self, request: &PauseRequest) -> Result<PauseResult, BackendError> {
        change!(self, resume(request))
    }

    pub(super) async fn audit(&self, query: &AuditQuery) -> Result<AuditList, BackendError> {
        ask!(self, audit(query))
    }

    /// Closes the store if it was opened here.
    fn close(self) {
        if let Self::Local(service, store) = self {
            drop(service);
            store.close();
        }
    }
}

/// Reads the environment variables. Prints the findings.
pub(super) fn variables() -> anyhow::Result<Variables> {
    env::read().map_err(wrong_configuration)
}

fn token(config: Option<&Config>) -> Option<Secret> {
    config.and_then(|config| config.operator.token.clone())
}
