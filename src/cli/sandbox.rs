//! `twake-bridge sandbox`: the stand-in Twake alone.

use anyhow::Context;
use clap::ValueEnum;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use crate::clock::Clock;
use crate::lifecycle::Stop;
use crate::sandbox::{Application, Channel, Era, Sandbox, SandboxSettings};
use crate::secret::Secret;

#[derive(clap::Args)]
pub(super) struct SandboxArguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8090")]
    listen: String,
    /// Whose behaviour to show: Twake's server of 2020, of 2021 (the documented API), or of 2022 (a shim before the next).
    #[arg(long, value_enum, default_value = "2021")]
    era: EraArgument,
    /// The channels to have, by name; each one's id is its name with "ch-" before it.
    #[arg(long, value_name = "NAME", default_values = ["dev", "ops"])]
    channel: Vec<String>,
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

/// Runs until Ctrl-C.
pub(super) fn run(arguments: &SandboxArguments) -> anyhow::Result<ExitCode> {
    super::start_log("info");
    let mut settings = SandboxSettings::new(&arguments.listen);
    settings.era = match arguments.era {
        EraArgument::A2020 => Era::A2020,
        EraArgument::A2021 => Era::A2021,
        EraArgument::B => Era::B,
    };
    settings.applications = vec![Application::new(
        "twake-bridge",
        PUBLIC_ID,
        Secret::new(PRIVATE_KEY),
        GROUP,
    )];
    settings.channels = arguments
        .channel
        .iter()
        .map(|name| Channel {
            id: format!("ch-{name}"),
            name: name.clone(),
        })
        .collect();
    actix_web::rt::System::new().block_on(async {
        let sandbox = Sandbox::bind(settings, Clock::system())
            .with_context(|| format!("cannot listen on {} (another --listen?)", arguments.listen))?;
        // The page is there, whoever reads this.
        let _ = writeln!(stdout(), "{}", introduction(&sandbox, &arguments.channel));
        let stop = Stop::default();
        stop.on_signals()?;
        sandbox.run(stop.graceful).await?;
        Ok(ExitCode::SUCCESS)
    })
}

fn introduction(sandbox: &Sandbox, channels: &[String]) -> String {
    let url = sandbox.url();
    let channels: Vec<String> = channels
        .iter()
        .map(|name| format!("{name} = \"ch-{name}\""))
        .collect();
    let channels = channels.join("\n");
    format!(
        "The stand-in Twake runs; its page: {url}

For a bridge.toml (with the key in a file: printf {PRIVATE_KEY} > sandbox-key):

[twake.sandbox]
url = \"{url}\"
public_id = \"{PUBLIC_ID}\"
private_api_key = {{ file = \"sandbox-key\" }}
group_id = \"{GROUP}\"
[channels]
{channels}

Make it fail: curl -d '{{\"fault\": \"unavailable\", \"times\": 3}}' {url}sandbox/faults
Mend it:      curl -X DELETE {url}sandbox/faults"
    )
}
