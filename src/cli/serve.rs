//! `twake-bridge serve`.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use log::{info, warn};
use tokio::sync::Notify;

use super::EX_CONFIG;
use crate::bridge::{Bridge, BridgeError, Listen, ListenAddresses};
use crate::clock::Clock;
use crate::config::{Config, env};
use crate::lifecycle::{self, Sockets, Stop, Supervisor};
use crate::operator::Reloads;

/// A minimal configuration, for users who have none yet.
const TEN_LINES: &str = r#"Ten lines are enough (bridge.toml):

channels = { dev = "a channel's id" }
[twake.main]
url = "https://api.twake.app"
public_id = "your application's public identifier"
private_api_key = { file = "secrets/twake" }
group_id = "your company's id"
[sources.github]
kind = "github"
secrets = [{ file = "secrets/github" }]
channels = ["dev"]

`twake-bridge init` asks for these and writes them. `twake-bridge check` reports mistakes in them. To try the bridge without a configuration: twake-bridge demo"#;

/// Runs the bridge until it is stopped.
pub(super) fn run(config: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    super::start_log("info");
    let system = actix_web::rt::System::new();
    // Before the configuration is read, which takes a moment: an unhandled SIGHUP ends the process.
    let hangups = system.block_on(async { lifecycle::on_reload() })?;
    let variables = super::backend::variables()?;
    for warning in variables.warnings {
        warn!("{warning}");
    }
    let settings = variables.settings;
    let path = config.unwrap_or(settings.config);
    if !path.exists() {
        note!(
            "twake-bridge: there is no configuration at {}\n\n{TEN_LINES}",
            path.display()
        );
        return Ok(ExitCode::from(EX_CONFIG));
    }
    let sockets = Sockets::passed(env::socket_names().as_deref())?;
    let environment = match sockets
        .operator
        .as_ref()
        .map(TcpListener::local_addr)
        .transpose()?
    {
        Some(address) => variables.environment.with_operator_at(address),
        None => variables.environment,
    };
    let config = Config::load(&path, &environment).map_err(super::wrong_configuration)?;
    for finding in &config.warnings {
        warn!("{finding}");
    }
    let lines = super::check::sources(&config);
    lifecycle::raise_descriptor_limit(config.limits.connections);
    let store = settings.store;
    let addresses = ListenAddresses {
        listen: sockets.public.map_or(settings.listen.into(), Listen::Socket),
        operator_listen: sockets
            .operator
            .map_or(settings.operator_listen.into(), Listen::Socket),
        store: store.clone(),
    };
    system.block_on(async {
        let clock = Clock::system();
        let bridge = match Bridge::build(config, addresses, &clock) {
            Err(error @ BridgeError::Open(_)) => {
                note!("twake-bridge: {error}");
                return Ok(ExitCode::from(EX_CONFIG));
            }
            built => built?,
        };
        let bridge = bridge.reloading_with(Arc::new(move || Config::load(&path, &environment)));
        reload_on_hangup(hangups, bridge.reloads());
        let stop = Stop::default();
        stop.on_signals()?;
        for line in lines {
            info!("{line}");
        }
        info!(address:% = bridge.address(), operator:% = bridge.operator_address(), store:%; "taking webhooks");
        let supervisor = Supervisor;
        supervisor.ready(&bridge.status());
        let watching = actix_web::rt::spawn(supervisor.watch(clock, stop.immediate.child_token()));
        let stopping = stop.graceful.clone();
        actix_web::rt::spawn(async move {
            stopping.cancelled().await;
            supervisor.stopping();
        });
        let ended = bridge.run(stop).await;
        watching.abort();
        ended?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Reloads at every SIGHUP. The log has the result.
fn reload_on_hangup(requested: Arc<Notify>, reloads: Reloads) {
    actix_web::rt::spawn(async move {
        loop {
            requested.notified().await;
            if reloads.ask().await.is_none() {
                return;
            }
        }
    });
}
