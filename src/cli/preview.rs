//! `twake-bridge preview`: a payload through the whole road, each decision and the message; nothing is stored or sent.

mod json;
mod request;
mod text;

use clap::Args;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use url::Url;

use super::EX_CONFIG;
use super::check;
use super::paint::Paint;
use crate::authentication::Authenticator;
use crate::config::builtin::Sample;
use crate::config::{self, Channels, Config, Limits, env};
use crate::road::{self, Decision};
use crate::route::Routes;
use crate::secret::Secret;
use crate::source::Source;
use crate::suggest::{self, nearest};
use crate::toml_reader;
use crate::twake::{Account, Act, Api, Outbound, Place, Request, request as twake_request};
use request::Proof;

const EXAMPLES: &str = "\
Examples:
  twake-bridge preview --source github --sample push
  twake-bridge preview --source github --event push payload.json
  twake-bridge preview --source github --header 'X-GitHub-Event: push' --header 'X-Hub-Signature-256: sha256=…' - < body
  twake-bridge preview --kind github --sample pull_request__opened      no bridge.toml needed
  twake-bridge preview --source github --sample push --json | jq .messages

Exit status: 0; 1 not authentic or unreadable; 2 a wrong command line; 78 a wrong configuration.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PreviewArguments {
    /// The source, as in bridge.toml; unset: the only one there is.
    #[arg(long, value_name = "NAME", conflicts_with = "kind")]
    source: Option<String>,
    /// A kind instead of a source: without its secrets, to a channel that is none. Own kinds are in the folder
    /// templates beside bridge.toml.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The event type, for senders that name it in a header; unset: what is before "__" in the payload's file name.
    #[arg(long, value_name = "TYPE")]
    event: Option<String>,
    /// A header of the request; once for each. A signature or token among them is verified.
    #[arg(long, value_name = "NAME: VALUE", value_parser = request::header)]
    header: Vec<(String, String)>,
    /// A sample of the kind instead of a payload: its name, or an event type for the first of that type.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "payload",
        required_unless_present = "payload"
    )]
    sample: Option<String>,
    /// Everything as one JSON object.
    #[arg(long)]
    json: bool,
    /// The configuration; overrides TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// The payload's file, byte for byte as it was sent; - is standard input.
    #[arg(value_name = "PAYLOAD")]
    payload: Option<PathBuf>,
}

/// What is previewed: everything printed is in here.
struct Preview<'a> {
    source: &'a Source,
    /// Whether the source is configured; else it is a kind alone.
    configured: bool,
    sample: Option<&'a str>,
    proof: &'a Proof,
    decision: &'a Decision,
    /// What would be sent to each channel of the decision; unset where the channel is not configured.
    requests: Vec<Option<Request>>,
    hint: Option<String>,
    /// A header that the key is made of and that was not given.
    invented: Option<String>,
}

/// What the road needs.
struct Ground {
    source: Arc<Source>,
    channels: Channels,
    own: Option<PathBuf>,
    configured: bool,
}

pub(super) fn run(arguments: &PreviewArguments) -> anyhow::Result<ExitCode> {
    let environment = match env::read() {
        Ok(environment) => environment,
        Err(findings) => return Ok(wrong(&findings)),
    };
    check::print(&environment.warnings);
    let path = arguments
        .config
        .as_ref()
        .unwrap_or(&environment.settings.config)
        .clone();
    let ground = match &arguments.kind {
        Some(kind) => kind_alone(kind, &path),
        None => configured(arguments.source.as_deref(), &path, &environment.surroundings),
    };
    let ground = match ground {
        Ok(ground) => ground,
        Err(status) => return Ok(status),
    };
    let paint = Paint(!environment.no_color && io::stdout().is_terminal());
    show(arguments, &ground, paint)
}

fn show(arguments: &PreviewArguments, ground: &Ground, paint: Paint) -> anyhow::Result<ExitCode> {
    let source = &ground.source;
    let (samples, findings) = config::samples(&source.kind.name, ground.own.as_deref());
    check::print(&findings);
    let sample = match &arguments.sample {
        None => None,
        Some(name) => match named(&samples, name) {
            Ok(sample) => Some(sample),
            Err(why) => {
                note!("twake-bridge: {}: {why}", source.kind.title);
                return Ok(ExitCode::from(2));
            }
        },
    };
    let body = match (sample, &arguments.payload) {
        (Some(sample), _) => sample.body.clone(),
        (None, Some(payload)) => request::body(payload, source.body_limit)?,
        (None, None) => anyhow::bail!("neither a payload nor a sample"),
    };
    let said = arguments.event.clone();
    let event_type = said.or_else(|| sample.map(|sample| sample.event_type.clone()));
    let event_type = event_type.or_else(|| request::type_of_file(arguments.payload.as_deref()?));
    let headers = request::headers(&source.kind, event_type.as_deref(), &arguments.header);
    let hint = request::hint(
        &source.kind,
        event_type.as_deref(),
        arguments.event.is_some(),
        &headers,
    );

    if let Some(reply) = road::unsigned(&headers, source) {
        let proof = Proof::Unchecked("such a request is answered before anything is proved");
        return handshake(arguments, ground, &proof, &reply, paint);
    }
    let (proof, event) = request::event(source, &headers, body, ground.configured);
    let event = match event {
        Ok(event) => event,
        Err(why) => {
            if arguments.json {
                print(&json::refused(source, &proof, &why))?;
            } else {
                print(&text::refused(source, &proof, paint))?;
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let event = match road::handshake(event, source) {
        Ok(event) => event,
        Err(reply) => return handshake(arguments, ground, &proof, &reply, paint),
    };
    let decision = road::decide(event, source);
    let requests = decision.deliveries.iter().map(|delivery| {
        let message = decision.messages.get(delivery.message)?.message.as_ref()?;
        let place = ground.channels.get(&delivery.channel)?;
        Some(twake_request(place, Act::Post, message))
    });
    let preview = Preview {
        source,
        configured: ground.configured,
        sample: sample.map(|sample| sample.name.as_str()),
        proof: &proof,
        decision: &decision,
        requests: requests.collect(),
        hint,
        invented: request::invented(&source.kind, &arguments.header),
    };
    if arguments.json {
        print(&json::preview(&preview))?;
    } else {
        print(&text::preview(&preview, paint))?;
    }
    Ok(if decision.unreadable.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is no event: only what it is answered.
fn handshake(
    arguments: &PreviewArguments,
    ground: &Ground,
    proof: &Proof,
    reply: &road::Reply,
    paint: Paint,
) -> anyhow::Result<ExitCode> {
    if arguments.json {
        print(&json::handshake(&ground.source, proof, reply))?;
    } else {
        print(&text::handshake(
            &ground.source,
            ground.configured,
            proof,
            reply,
            paint,
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wrong(findings: &[toml_reader::Finding]) -> ExitCode {
    check::print(findings);
    ExitCode::from(EX_CONFIG)
}

/// A configured source. Its warnings are `check`'s to say.
fn configured(
    name: Option<&str>,
    path: &Path,
    surroundings: &config::Surroundings,
) -> Result<Ground, ExitCode> {
    let config = Config::load(path, surroundings).map_err(|findings| {
        let status = wrong(&findings);
        if !path.exists() {
            note!("without a configuration: --kind KIND instead of --source NAME");
        }
        status
    })?;
    let source = match name {
        Some(name) => config.sources.get(name),
        None if config.sources.len() == 1 => config.sources.values().next(),
        None => None,
    };
    let Some(source) = source else {
        let names = config.sources.keys().map(|name| &**name);
        let why = match name {
            Some(name) => suggest::unknown("source", name, names),
            None => format!(
                "which source? --source with one of {}",
                names.collect::<Vec<_>>().join(", ")
            ),
        };
        note!("twake-bridge: {why}");
        return Err(ExitCode::from(2));
    };
    Ok(Ground {
        source: Arc::clone(source),
        channels: config.channels,
        own: config.templates,
        configured: true,
    })
}

/// The name of the channel that is none.
const NOWHERE: &str = "preview";

/// A source of a kind alone: no secrets, one channel that is none.
fn kind_alone(name: &str, config: &Path) -> Result<Ground, ExitCode> {
    let own = config.parent().unwrap_or(Path::new("")).join("templates");
    let own = own.is_dir().then_some(own);
    let (loaded, warnings) = config::kind_alone(name, own.as_deref()).map_err(|why| match why {
        config::NoKind::Wrong(findings) => wrong(&findings),
        config::NoKind::Unknown(why) => {
            note!("twake-bridge: {why}");
            ExitCode::from(2)
        }
    })?;
    check::print(&warnings);
    let channel: Arc<str> = Arc::from(NOWHERE);
    let source = Source {
        name: Arc::from(name),
        authenticator: Authenticator::of_samples(loaded.kind.body.clone()),
        kind: loaded.kind,
        facts: loaded.facts,
        routes: Routes::new(Vec::new(), vec![Arc::clone(&channel)]),
        body_limit: Limits::default().body,
        admission: crate::admission::Admission::default(),
    };
    Ok(Ground {
        source: Arc::new(source),
        channels: nowhere().map(|place| (channel, place)).into_iter().collect(),
        own,
        configured: false,
    })
}

/// A place that is none, so that the request can be shown.
fn nowhere() -> Option<Place> {
    let account = Account {
        name: NOWHERE.to_owned(),
        api: Api::MessagesSave,
        url: Url::parse("https://twake.example.org/").ok()?,
        public_id: String::new(),
        private_api_key: Secret::new(""),
        group_id: "GROUP_ID".to_owned(),
        outbound: Outbound::default(),
    };
    Some(Place {
        group_id: account.group_id.clone(),
        account: Arc::new(account),
        channel_id: "CHANNEL_ID".to_owned(),
        rate: None,
    })
}

/// The sample of a name, or the first of an event type.
fn named<'s>(samples: &'s [Sample], name: &str) -> Result<&'s Sample, String> {
    let name = name.strip_suffix(".json").unwrap_or(name);
    let known = || samples.iter().map(|sample| sample.name.as_str());
    let exact = samples.iter().find(|sample| sample.name == name);
    let found = exact.or_else(|| samples.iter().find(|sample| sample.event_type == name));
    found.ok_or_else(|| {
        if samples.is_empty() {
            return "there are no samples; give a payload".to_owned();
        }
        let types = samples.iter().map(|sample| sample.event_type.as_str());
        let near = nearest(name, known().chain(types));
        let near = near.map_or_else(String::new, |near| format!(", did you mean \"{near}\"?"));
        format!(
            "there is no sample \"{name}\"{near}\n  {}",
            known().collect::<Vec<_>>().join("\n  ")
        )
    })
}

/// Prints; a reader that has seen enough (`| head`) is no failure.
fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests;
