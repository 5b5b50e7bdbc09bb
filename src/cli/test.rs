//! `twake-bridge test`: sends a sample to the running bridge, signed with the source's own secret, and shows what becomes of
//! it.

use anyhow::Context as _;
use bytes::Bytes;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use url::Url;

use super::backend::variables;
use super::check;
use super::events::outcome;
use super::shown::{json, visible_lines};
use super::status::USAGE;
use crate::authentication::Scheme;
use crate::check::{Sampled, sampled};
use crate::clock::Clock;
use crate::config::builtin::Sample;
use crate::config::{self, Config};
use crate::decision;
use crate::operator::view::{EventDetails, EventQuery};
use crate::operator::{Client, operator_url};
use crate::preview::choose_sample;
use crate::queue::State;
use crate::sandbox::{SampleRequest, SampleSender};
use crate::secret::Secret;
use crate::source::Source;
use crate::suggest::unknown;

/// How long the event may take to be delivered.
const LIMIT: Duration = Duration::from_secs(30);

/// The pause between two questions to the bridge.
const PAUSE: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  twake-bridge test github                the first sample that posts a message
  twake-bridge test github pull_request   the first sample of this event type

The bridge must run. It gets the sample as a webhook at TWAKE_BRIDGE_LISTEN, with the secret of bridge.toml, and posts it as any \
other: people in the channel see the message. `preview` shows a message without posting it.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TestArguments {
    /// The source, as in bridge.toml.
    source: String,
    /// A sample of its kind: its name, or an event type for the first sample of that type. Default: the first that posts a
    /// message.
    sample: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The operator listener of the bridge. Default: TWAKE_BRIDGE_OPERATOR_LISTEN.
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
    /// The configuration. Default: TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// A sample as a webhook, and the bridge that gets it.
struct Test<'a> {
    source: &'a Source,
    sample: &'a Sample,
    scheme: Scheme,
    /// The name of the secret; empty if the source needs none.
    secret_name: &'a str,
    secret: Secret,
    url: Url,
    /// The address that a signature may cover.
    public_url: Option<String>,
    /// The certificate of the bridge, if it serves TLS itself.
    certificate: Option<CertificateDer<'static>>,
    operator: Client,
    clock: Clock,
}

/// What became of a test.
struct Tested {
    status: u16,
    answer: Bytes,
    event: Option<EventDetails>,
}

pub(super) fn run(arguments: TestArguments) -> anyhow::Result<ExitCode> {
    let variables = variables()?;
    let path = arguments.config.unwrap_or(variables.settings.config);
    let config = Config::load(&path, &variables.environment).map_err(super::wrong_configuration)?;
    let Some(source) = config.sources.get(arguments.source.as_str()) else {
        let known = config.sources.keys().map(|name| &**name);
        note!("twake-bridge: {}", unknown("source", &arguments.source, known));
        return Ok(ExitCode::from(USAGE));
    };
    let (samples, findings) = config::samples(&source.kind.name, config.templates.as_deref());
    check::print(&findings);
    let sample = match choose_sample(source, &samples, arguments.sample.as_deref()) {
        Ok(sample) => sample,
        Err(why) => {
            note!("twake-bridge: {}: {why}", source.kind.title);
            return Ok(ExitCode::from(USAGE));
        }
    };
    let secrets = config.secrets.get(&source.name).map_or(&[][..], Vec::as_slice);
    let credential = source.authenticator.credential(secrets);
    anyhow::ensure!(
        !credential.is_some_and(|(scheme, _)| scheme.has_public_key()),
        "only the sender has the private key of {}, so a test cannot sign: use the test of the sender, or `twake-bridge preview` and \
         `twake-bridge send`",
        source.name
    );
    let (scheme, secret_name, secret) = match credential {
        Some((scheme, secret)) => (scheme.clone(), secret.name.as_str(), secret.value.clone()),
        None => (Scheme::none(), "", Secret::new("")),
    };
    let own = config.public.certificate.as_ref();
    let own = own.and_then(|own| own.cert.first()).cloned();
    let operator = operator_url(arguments.operator.as_deref(), &variables.settings.operator_listen);
    let test = Test {
        source,
        sample,
        secret_name,
        url: address(&variables.settings.listen, source, &scheme, &secret)?,
        public_url: config.public.url.clone(),
        scheme,
        secret,
        certificate: own,
        operator: Client::new(&operator, config.operator.token.clone())?,
        clock: Clock::system(),
    };
    if !arguments.json {
        writeln!(stdout(), "{}", visible_lines(&test.introduction()))?;
    }
    let tested = actix_web::rt::System::new().block_on(test.run(arguments.json))?;
    if arguments.json {
        writeln!(stdout(), "{}", json(&test.object(&tested))?)?;
    }
    Ok(if tested.has_passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where the bridge takes the webhooks of a source, on this machine.
fn address(listen: &str, source: &Source, scheme: &Scheme, secret: &Secret) -> anyhow::Result<Url> {
    let mut url = Url::parse(&operator_url(None, listen)).context("TWAKE_BRIDGE_LISTEN is no address")?;
    // An http URL always has a path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(["hooks", &*source.name]);
        if scheme.is_in_path() {
            path.push(secret.expose());
        }
    }
    Ok(url)
}

impl Test<'_> {
    fn introduction(&self) -> String {
        let channels: Vec<String> = match sampled(self.source, self.sample) {
            Ok(Sampled::Event(event)) => {
                let decision = decision::decide(*event, self.source);
                decision.channels().iter().map(ToString::to_string).collect()
            }
            Ok(Sampled::Challenge(_)) | Err(_) => Vec::new(),
        };
        let seen = match channels.join(", ") {
            none if none.is_empty() => "This is a test. The sample posts nothing.".to_owned(),
            some => format!("This is a test. People in {some} see its message."),
        };
        let proof = match self.secret_name {
            "" => "without a secret".to_owned(),
            name => format!("{} with {name}", self.scheme.name),
        };
        format!(
            "{seen}\n\nsample    {} ({proof})\nto        {}",
            self.sample.name,
            self.shown_url()
        )
    }

    /// The URL without a token in its path.
    fn shown_url(&self) -> String {
        let shown = self.secret.hidden_in(self.url.as_str());
        match self.certificate {
            Some(_) => shown.replacen("http:", "https:", 1),
            None => shown,
        }
    }

    /// Sends the sample, and asks what becomes of its event.
    async fn run(&self, as_json: bool) -> anyhow::Result<Tested> {
        let begun = self.clock.now();
        let sender = match &self.certificate {
            Some(certificate) => SampleSender::pinned(certificate.clone(), self.clock.clone())?,
            None => SampleSender::new(self.clock.clone()),
        };
        let sent = sender.send(SampleRequest {
            method: self
                .source
                .kind
                .methods
                .first()
                .map_or("POST", |method| method.name()),
            url: &self.url,
            public_url: self.public_url.as_deref(),
            scheme: &self.scheme,
            secret: &self.secret,
            headers: &self.source.kind.sample_headers,
            event_type: &self.sample.event_type,
            body: Bytes::copy_from_slice(&self.sample.body),
        });
        let (status, answer) = sent.await.map_err(|why| {
            let certificate = match self.certificate {
                Some(_) => "; it must serve the certificate that [public] tls has now: twake-bridge reload",
                None => "",
            };
            anyhow::anyhow!(
                "no bridge answers at {}: {why} (twake-bridge serve starts it; TWAKE_BRIDGE_LISTEN is where it listens\
                 {certificate})",
                self.shown_url()
            )
        })?;
        let mut tested = Tested {
            status,
            answer,
            event: None,
        };
        if !as_json {
            writeln!(stdout(), "{}", visible_lines(&tested.shown_answer()))?;
        }
        if tested.is_accepted() {
            tested.event = self.event(&tested, begun).await?;
        }
        if !as_json {
            writeln!(stdout(), "{}", tested.shown_event())?;
        }
        Ok(tested)
    }

    /// The event of the answer, when nothing of it waits any more, or when the time is over. A kind may have an answer of its own
    /// without the id: then the newest event of the source.
    async fn event(&self, tested: &Tested, begun: Timestamp) -> anyhow::Result<Option<EventDetails>> {
        let newest = EventQuery {
            source: Some(self.source.name.to_string()),
            since: Some(begun),
            limit: Some(1),
            ..EventQuery::default()
        };
        let id = match tested.json()["event"].as_str() {
            Some(id) => Some(id.to_owned()),
            None => self
                .operator
                .events(&newest)?
                .events
                .first()
                .map(|event| event.id.to_string()),
        };
        let Some(id) = id else { return Ok(None) };
        let until = self.clock.monotonic() + LIMIT;
        loop {
            let event = self.operator.event(&id)?;
            if !waits(&event) || self.clock.monotonic() >= until {
                return Ok(Some(event));
            }
            self.clock.sleep(PAUSE).await;
        }
    }

    fn object(&self, tested: &Tested) -> Value {
        json!({
            "source": &*self.source.name,
            "sample": self.sample.name,
            "url": self.shown_url(),
            "status": tested.status,
            "answer": match tested.json() {
                Value::Null => String::from_utf8_lossy(&tested.answer).into(),
                json => json,
            },
            "passed": tested.has_passed(),
            "event": tested.event,
        })
    }
}

impl Tested {
    fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the sample was accepted, and each of its messages is delivered or skipped.
    fn has_passed(&self) -> bool {
        let is_done = |event: &EventDetails| {
            let mut deliveries = event.deliveries.iter();
            deliveries.all(|delivery| matches!(delivery.state, State::Delivered | State::Skipped))
        };
        self.is_accepted() && self.event.as_ref().is_none_or(is_done)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.answer).unwrap_or_default()
    }

    fn shown_answer(&self) -> String {
        let json = self.json();
        let answer = match json["detail"].as_str() {
            Some(detail) => detail.to_owned(),
            None => String::from_utf8_lossy(&self.answer).into_owned(),
        };
        let hint = match (self.status, json["seen_before"].as_bool()) {
            (403, _) => {
                "\nA test comes from this machine, without a certificate: its address must be in `allow` of the source, and the source must \
                 have no `client_ca_file`."
            }
            (401 | 404, _) => {
                "\nThe bridge that listens there has another configuration: `twake-bridge reload`, or it is another bridge."
            }
            (_, Some(true)) => {
                "\nThe bridge has this event already, so it posts nothing again: see its deliveries, or test another sample."
            }
            _ => "",
        };
        format!("answer    {} {answer}{hint}", self.status)
    }

    fn shown_event(&self) -> String {
        let Some(event) = &self.event else {
            let why = if self.is_accepted() {
                "No event: the bridge answered a challenge, which it does not store."
            } else {
                "No event: the bridge refused the request."
            };
            return why.to_owned();
        };
        let outcome = outcome(event);
        let waiting = event
            .deliveries
            .iter()
            .filter(|delivery| delivery.state == State::Waiting);
        let late = match waiting.count() {
            0 => String::new(),
            waiting => format!(
                "\n\nAfter {} seconds {} still waiting. The bridge goes on; `twake-bridge channels list` shows why.",
                LIMIT.as_secs(),
                if waiting == 1 {
                    "1 message is".to_owned()
                } else {
                    format!("{waiting} messages are")
                }
            ),
        };
        format!("event     {}\n{}{late}", event.id, outcome.trim_end())
    }
}

fn waits(event: &EventDetails) -> bool {
    event
        .deliveries
        .iter()
        .any(|delivery| delivery.state == State::Waiting)
}
