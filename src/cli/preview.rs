//! `twake-bridge preview`: reads the arguments and prints the result of [`crate::preview`].

mod json;
mod payload;
mod text;

use clap::Args;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::EX_CONFIG;
use super::check;
use super::paint::Paint;
use crate::clock::Clock;
use crate::config::{self, Config, NoKind, env};
use crate::preview::{Input, NoSource, Outcome, Target, find_sample, preview};
use crate::toml_reader;

const EXAMPLES: &str = "\
Examples:
  twake-bridge preview --source github --sample push
  twake-bridge preview --source github --event push payload.json
  twake-bridge preview --source github --header 'X-GitHub-Event: push' --header 'X-Hub-Signature-256: sha256=…' - < body
  twake-bridge preview --kind github --sample pull_request__opened      no bridge.toml needed
  twake-bridge preview --source github --sample push --json | jq .messages";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PreviewArguments {
    /// The source, as in bridge.toml. Default: the only one.
    #[arg(long, value_name = "NAME", conflicts_with = "kind")]
    source: Option<String>,
    /// A kind instead of a source, without secrets and channels. Own kinds are in the folder templates beside bridge.toml.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The event type, for senders that name it in a header. Default: the part of the file name before "__".
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// A header of the request; repeat it for more. A signature or token is verified.
    #[arg(long, value_name = "NAME: VALUE", value_parser = payload::header)]
    header: Vec<(String, String)>,
    /// A sample of the kind instead of a payload: its name, or an event type for the first sample of that type.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "payload",
        required_unless_present = "payload"
    )]
    sample: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The configuration. Default: TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// The file of the payload, byte for byte as it was sent; - is standard input.
    #[arg(value_name = "PAYLOAD")]
    payload: Option<PathBuf>,
}

pub(super) fn run(arguments: &PreviewArguments) -> anyhow::Result<ExitCode> {
    let variables = match env::read() {
        Ok(variables) => variables,
        Err(findings) => return Ok(wrong(&findings)),
    };
    check::print(&variables.warnings);
    let path = arguments
        .config
        .as_ref()
        .unwrap_or(&variables.settings.config)
        .clone();
    let target = match &arguments.kind {
        Some(kind) => kind_alone(kind, &path),
        None => configured(arguments.source.as_deref(), &path, &variables.environment),
    };
    let target = match target {
        Ok(target) => target,
        Err(status) => return Ok(status),
    };
    let input = match input(arguments, &target)? {
        Ok(input) => input,
        Err(status) => return Ok(status),
    };
    let outcome = preview(&target, input, &Clock::system());
    if arguments.json {
        print(&json::outcome(&target.source, &outcome))?;
    } else {
        let paint = Paint(!variables.no_color && io::stdout().is_terminal());
        print(&text::outcome(&target, &outcome, paint))?;
    }
    Ok(match outcome {
        Outcome::Refused { .. } => ExitCode::FAILURE,
        Outcome::Previewed(preview) if preview.decision.unreadable.is_some() => ExitCode::FAILURE,
        Outcome::Answered { .. } | Outcome::Previewed(_) => ExitCode::SUCCESS,
    })
}

/// The request that the arguments describe.
fn input(arguments: &PreviewArguments, target: &Target) -> anyhow::Result<Result<Input, ExitCode>> {
    let (samples, findings) = target.samples();
    check::print(&findings);
    let input = Input {
        headers: arguments.header.clone(),
        event_type: arguments.event.clone(),
        ..Input::default()
    };
    if let Some(name) = &arguments.sample {
        return Ok(match find_sample(&samples, name) {
            Ok(sample) => Ok(Input {
                body: sample.body.clone(),
                suggested_type: Some(sample.event_type.clone()),
                sample: Some(sample.name.clone()),
                ..input
            }),
            Err(why) => {
                note!("twake-bridge: {}: {why}", target.source.kind.title);
                Err(ExitCode::from(2))
            }
        });
    }
    let Some(payload) = &arguments.payload else {
        anyhow::bail!("neither a payload nor a sample");
    };
    Ok(Ok(Input {
        body: payload::body(payload, target.source.body_limit)?,
        suggested_type: payload::type_of_file(payload),
        ..input
    }))
}

fn wrong(findings: &[toml_reader::Finding]) -> ExitCode {
    check::print(findings);
    ExitCode::from(EX_CONFIG)
}

/// A configured source. Its warnings are for `check` to print.
fn configured(
    name: Option<&str>,
    path: &Path,
    environment: &config::Environment,
) -> Result<Target, ExitCode> {
    let config = Config::load(path, environment).map_err(|findings| {
        let status = wrong(&findings);
        if !path.exists() {
            note!("without a configuration, use --kind KIND instead of --source NAME");
        }
        status
    })?;
    Target::configured(config, name).map_err(|why| {
        match why {
            NoSource::Unknown(why) => note!("twake-bridge: {why}"),
            NoSource::Unnamed(names) => note!(
                "twake-bridge: several sources are configured; choose one with --source: {}",
                names.join(", ")
            ),
        }
        ExitCode::from(2)
    })
}

/// A kind without a source: a built-in one, or an own one in the folder `templates` beside bridge.toml.
fn kind_alone(name: &str, config: &Path) -> Result<Target, ExitCode> {
    let own = config.parent().unwrap_or(Path::new("")).join("templates");
    let own = own.is_dir().then_some(own);
    let (target, warnings) = Target::kind_alone(name, own).map_err(|why| match why {
        NoKind::Wrong(findings) => wrong(&findings),
        NoKind::Unknown(why) => {
            note!("twake-bridge: {why}");
            ExitCode::from(2)
        }
    })?;
    check::print(&warnings);
    Ok(target)
}

/// Prints the text. The reader may be gone (`| head`).
fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests;
