//! `twake-bridge sandbox`: runs only the stand-in for a chat.

use anyhow::Context;
use clap::ValueEnum;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use url::Url;

use crate::clock::Clock;
use crate::lifecycle::Stop;
use crate::sandbox::{Api, Application, Channel, Era, RateLimit, SERVER_NAME, Sandbox, SandboxSettings};
use crate::secret::Secret;

#[derive(clap::Args)]
pub(super) struct SandboxArguments {
    /// The address to listen on. Port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8090")]
    listen: String,
    /// Which API to imitate: the documented one, that of Twake's last release, or the homeserver of Twake Chat.
    #[arg(long, value_enum, default_value = "messages-save")]
    api: ApiArgument,
    /// Which server of Twake to imitate with messages-save: that of 2020, of 2021 (the documented API), or of 2022 (a shim for
    /// its successor).
    #[arg(long, value_enum, default_value = "2021")]
    era: EraArgument,
    /// Limit each account of Matrix as a homeserver does by default: a burst of ten, then a message in five seconds.
    #[arg(long)]
    rate_limit: bool,
    /// The name of a channel; repeat it for more. The id of a channel is "ch-" and its name. In Matrix the id of a room is "!" and
    /// its name, and its alias is "#name:sandbox.test".
    #[arg(long, value_name = "NAME", default_values = ["dev", "ops"])]
    channel: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ApiArgument {
    MessagesSave,
    Threads,
    Matrix,
}

#[derive(Clone, Copy, ValueEnum)]
enum EraArgument {
    #[value(name = "2020")]
    A2020,
    #[value(name = "2021")]
    A2021,
    #[value(name = "2022")]
    B,
}

const PUBLIC_ID: &str = "sandbox";
const PRIVATE_KEY: &str = "sandbox-key";
const GROUP: &str = "sandbox-company";

/// A sandbox with channels of these names, and an application that may post to them.
pub(super) fn settings(api: ApiArgument, listen: &str, channels: &[&str], key: Secret) -> SandboxSettings {
    let mut settings = SandboxSettings::new(listen);
    settings.api = match api {
        ApiArgument::MessagesSave => Api::MessagesSave,
        ApiArgument::Threads => Api::Threads,
        ApiArgument::Matrix => Api::Matrix,
    };
    settings.applications = vec![Application::new("twake-bridge", PUBLIC_ID, key, GROUP)];
    settings.channels = channels
        .iter()
        .map(|name| Channel {
            id: channel_id(api, name),
            name: (*name).to_owned(),
        })
        .collect();
    settings
}

/// The id of a channel in the sandbox.
pub(super) fn channel_id(api: ApiArgument, name: &str) -> String {
    match api {
        ApiArgument::Matrix => format!("!{name}"),
        ApiArgument::MessagesSave | ApiArgument::Threads => format!("ch-{name}"),
    }
}

/// The account and the channels of such a sandbox, for `bridge.toml`. `key`: the file with the application's key.
pub(super) fn configuration(api: ApiArgument, url: &Url, channels: &[&str], key: &str) -> String {
    let application = format!(
        "public_id = \"{PUBLIC_ID}\"\nprivate_api_key = {{ file = \"{key}\" }}\ngroup_id = \"{GROUP}\"\n"
    );
    let account = match api {
        ApiArgument::MessagesSave => application,
        ApiArgument::Threads => {
            format!("api = \"threads\"\n{application}workspace_id = \"sandbox-workspace\"\n")
        }
        ApiArgument::Matrix => format!("api = \"matrix\"\naccess_token = {{ file = \"{key}\" }}\n"),
    };
    let channels: Vec<String> = channels
        .iter()
        .map(|name| match api {
            ApiArgument::Matrix => format!("{name} = \"#{name}:{SERVER_NAME}\""),
            _ => format!("{name} = \"{}\"", channel_id(api, name)),
        })
        .collect();
    let channels = channels.join("\n");
    format!("[twake.sandbox]\nurl = \"{url}\"\n{account}[channels]\n{channels}")
}

/// Runs until Ctrl-C.
pub(super) fn run(arguments: &SandboxArguments) -> anyhow::Result<ExitCode> {
    super::start_log("info");
    let channels: Vec<&str> = arguments.channel.iter().map(String::as_str).collect();
    let key = Secret::new(PRIVATE_KEY);
    let mut settings = settings(arguments.api, &arguments.listen, &channels, key);
    settings.era = match arguments.era {
        EraArgument::A2020 => Era::A2020,
        EraArgument::A2021 => Era::A2021,
        EraArgument::B => Era::B,
    };
    settings.rate_limit = arguments.rate_limit.then_some(RateLimit::SYNAPSE);
    actix_web::rt::System::new().block_on(async {
        let sandbox = Sandbox::bind(settings, Clock::system())
            .with_context(|| format!("cannot listen on {} (another --listen?)", arguments.listen))?;
        // The page works, also if nobody reads this.
        let _ = writeln!(
            stdout(),
            "{}",
            introduction(arguments.api, sandbox.url(), &channels)
        );
        let stop = Stop::default();
        stop.on_signals()?;
        sandbox.run(stop.graceful).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn introduction(api: ApiArgument, url: &Url, channels: &[&str]) -> String {
    let configuration = configuration(api, url, channels, PRIVATE_KEY);
    format!(
        "The stand-in chat is running. Its page: {url}

For your bridge.toml (write the key to a file: printf {PRIVATE_KEY} > sandbox-key):

{configuration}

Make it fail: curl -H 'Content-Type: application/json' -d '{{\"fault\": \"unavailable\", \"times\": 3}}' {url}sandbox/faults
Repair it:    curl -X DELETE {url}sandbox/faults"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};

    #[test]
    fn the_bridge_accepts_the_configuration_for_each_api() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("key"), PRIVATE_KEY).expect("a file");
        let url = Url::parse("http://127.0.0.1:8090/").expect("an address");
        for api in ApiArgument::value_variants() {
            let text = configuration(*api, &url, &["dev"], "key");
            let config = Config::from_text(&text, folder.path(), &Environment::none());
            let channels = config.map(|config| config.channels.len());
            assert!(matches!(channels, Ok(1)), "{text}");
        }
    }
}
