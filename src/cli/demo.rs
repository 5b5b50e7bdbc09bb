//! `twake-bridge demo`: runs a bridge and a stand-in chat on free ports, and sends one day of a project and the samples of every
//! kind, signed, to the webhook listener. Needs no account, network or configuration, and keeps nothing.

mod day;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use url::Url;

use crate::authentication::secret_for;
use crate::bridge::{Bridge, ListenAddresses};
use crate::clock::Clock;
use crate::config::{self, Config, Environment};
use crate::lifecycle::Stop;
use crate::queue::Queue;
use crate::sandbox::{Presentation, SampleRequest, SampleSender, Sandbox};
use crate::secret::Secret;

use super::sandbox::{ApiArgument, channel_id};

#[derive(clap::Args)]
pub(super) struct DemoArguments {
    /// The address of the page. Port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    page: String,
    /// The address for webhooks. Port 0 takes a free port.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// The API of the stand-in chat.
    #[arg(long, value_enum, default_value = "messages-save")]
    api: ApiArgument,
    /// Exit when the messages of all samples are on the page, instead of running until Ctrl-C.
    #[arg(long)]
    once: bool,
}

/// The file with the key of the stand-in chat.
const KEY_FILE: &str = "twake";

/// How long the messages of a kind may take to reach the page. A laptop needs a second for all.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The channels: those of the day, then one for each kind with its samples.
fn channels<'a>(kinds: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    day::CHANNELS.into_iter().chain(kinds.iter().copied())
}

/// The addresses of the demo.
struct Links {
    page: Url,
    webhooks: Url,
    operator: Url,
}

pub(super) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    super::start_log("warn");
    let folder = tempfile::Builder::new().prefix("twake-bridge-demo-").tempdir()?;
    actix_web::rt::System::new().block_on(show(arguments, folder.path()))
}

async fn show(arguments: &DemoArguments, folder: &Path) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let kinds = config::builtin::kinds();
    let sandbox = sandbox(arguments, &kinds, folder, &clock)?;
    let (page, handle) = (sandbox.url().clone(), sandbox.handle());
    let config = configuration(arguments.api, &kinds, &page, folder, &clock)?;
    let sources = config.sources.clone();
    let addresses = ListenAddresses {
        listen: arguments.listen.clone().into(),
        operator_listen: "127.0.0.1:0".into(),
        store: format!("sqlite:{}", folder.join("demo.db").display()),
    };
    let bridge = Bridge::build(config, addresses, &clock)?;
    let webhooks = Url::parse(&format!("http://{}/", bridge.address()))?;
    let (operator, queue) = (bridge.operator_address(), bridge.queue());

    let stop = Stop::default();
    stop.on_signals()?;
    let twake = actix_web::rt::spawn(sandbox.run(stop.graceful.clone()));
    let running = actix_web::rt::spawn(bridge.run(stop.clone()));

    let links = Links {
        page,
        webhooks,
        operator: Url::parse(&format!("http://{operator}/"))?,
    };
    let token = fs::read_to_string(folder.join("monitoring"))?;
    handle.present(presentation(arguments.api, &links, &token)?);
    let demo = Demo {
        webhooks: &links.webhooks,
        sources: &sources,
        folder,
        queue,
        clock: &clock,
        sender: SampleSender::new(clock.clone()),
    };
    let samples = tokio::select! {
        samples = demo.send_all() => samples?,
        () = stop.graceful.cancelled() => 0,
    };
    if !stop.graceful.is_cancelled() {
        let messages: usize = channels(&kinds)
            .map(|name| handle.messages(&channel_id(arguments.api, name)).len())
            .sum();
        // The page works, also if nobody reads this.
        let _ = writeln!(stdout(), "{}", introduction(samples, messages, &links, &token)?);
    }
    // The store ends when its last handle is dropped.
    drop(demo);
    if arguments.once {
        stop.graceful.cancel();
    }
    running.await??;
    twake.await??;
    Ok(ExitCode::SUCCESS)
}

fn sandbox(
    arguments: &DemoArguments,
    kinds: &[&str],
    folder: &Path,
    clock: &Clock,
) -> anyhow::Result<Sandbox> {
    let key = Secret::new(&random(clock));
    write_secret(&key, &folder.join(KEY_FILE))?;
    let listen = &arguments.page;
    let channels: Vec<&str> = channels(kinds).collect();
    let settings = super::sandbox::settings(arguments.api, listen, &channels, key);
    Sandbox::bind(settings, clock.clone())
        .with_context(|| format!("cannot listen on {listen} (another --page?)"))
}

fn random(clock: &Clock) -> String {
    hex::encode(clock.new_id().as_bytes())
}

/// Writes a secret to a file, as an operator would.
fn write_secret(secret: &Secret, file: &Path) -> anyhow::Result<()> {
    Ok(fs::write(file, secret.expose())?)
}

/// The `bridge.toml` of the demo: the sources of the day, and a source and a channel for each kind. The samples of a kind are no
/// sequence of events, so each is a message of its own.
fn configuration(
    api: ApiArgument,
    kinds: &[&str],
    page: &Url,
    folder: &Path,
    clock: &Clock,
) -> anyhow::Result<Config> {
    let channels: Vec<&str> = channels(kinds).collect();
    let mut text = super::sandbox::configuration(api, page, &channels, KEY_FILE);
    let alone = |kind| format!("channels = [\"{kind}\"]\nconversations = false\ncalm = false");
    let of_kinds = kinds.iter().map(|kind| (*kind, *kind, alone(kind)));
    let of_day = day::SOURCES.map(|(name, kind, rest)| (name, kind, rest.to_owned()));
    for (name, kind, rest) in of_day.into_iter().chain(of_kinds) {
        let Ok((loaded, _)) = config::kind_alone(kind, None) else {
            bail!("the kind {kind} cannot be read");
        };
        let scheme = loaded
            .kind
            .scheme_with_secret()
            .context("a kind without a secret")?;
        write_secret(&secret_for(scheme, &random(clock)), &folder.join(name))?;
        writeln!(
            text,
            "\n\n[sources.{name}]\nkind = \"{kind}\"\nsecrets = [{{ file = \"{name}\" }}]\n{rest}"
        )?;
    }
    text.push_str("\n\n[delivery]\ndigest_above = 0\nrate = \"1000000/s\"\n");
    let config = Config::from_text(&text, folder, &Environment::none());
    config.map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the demo's configuration is wrong:\n{}", findings.join("\n"))
    })
}

/// What sends the events.
struct Demo<'a> {
    webhooks: &'a Url,
    sources: &'a config::Sources,
    folder: &'a Path,
    queue: Queue,
    clock: &'a Clock,
    sender: SampleSender,
}

impl Demo<'_> {
    /// Sends the day and every sample of every kind, and waits until their messages are on the page. Returns how many were sent.
    async fn send_all(&self) -> anyhow::Result<usize> {
        let mut sent = 0;
        for event in day::events(self.clock.now())? {
            self.send(event.source, &event.event_type, event.body).await?;
            sent += 1;
        }
        self.delivered().await?;
        for kind in config::builtin::kinds() {
            for sample in config::builtin::samples(kind) {
                self.send(kind, &sample.event_type, sample.body.into()).await?;
                sent += 1;
            }
            self.delivered().await?;
        }
        Ok(sent)
    }

    /// Sends an event, signed as its sender signs it.
    async fn send(&self, source: &str, event_type: &str, body: Bytes) -> anyhow::Result<()> {
        let kind = &self.sources.get(source).context("a source of the demo")?.kind;
        let secret = Secret::new(&fs::read_to_string(self.folder.join(source))?);
        let scheme = kind.scheme_with_secret().context("a kind without a secret")?;
        let path = if scheme.is_in_path() {
            format!("hooks/{source}/{}", secret.expose())
        } else {
            format!("hooks/{source}")
        };
        let request = SampleRequest {
            method: kind.methods.first().map_or("POST", |method| method.name()),
            url: &self.webhooks.join(&path)?,
            public_url: None,
            scheme,
            secret: &secret,
            headers: &kind.sample_headers,
            event_type,
            body,
        };
        let (status, answer) = self.sender.send(request).await.map_err(anyhow::Error::msg)?;
        let answer = String::from_utf8_lossy(&answer);
        ensure!(
            (200..300).contains(&status),
            "an event {event_type} of {source} was answered {status}: {answer}"
        );
        Ok(())
    }

    /// Waits until no message waits.
    async fn delivered(&self) -> anyhow::Result<()> {
        let mut changes = self.queue.changes();
        let settled = async {
            loop {
                changes.borrow_and_update();
                if self.queue.lanes().await?.iter().all(|lane| lane.waiting == 0) {
                    return anyhow::Ok(());
                }
                changes.changed().await?;
            }
        };
        let settled = self.clock.timeout(TIMEOUT, settled).await;
        settled.context("the messages did not reach the page in a minute")?
    }
}

/// What the page shows besides the chat.
fn presentation(api: ApiArgument, links: &Links, token: &str) -> anyhow::Result<Presentation> {
    let link = |text: &str, path: &str| anyhow::Ok((text.to_owned(), links.operator.join(path)?));
    Ok(Presentation {
        title: "twake-bridge demo".to_owned(),
        about: "This is a demo of twake-bridge. A real bridge has received signed webhooks and posted them to this stand-in chat: one \
                day of a small project in #dev and #ops."
            .to_owned(),
        links: vec![
            link("The operator's console", "console/")?,
            link("Metrics", "metrics")?,
        ],
        calls: calls(links, token).into(),
        first: day::CHANNELS.map(|name| channel_id(api, name)).into(),
    })
}

/// The calls to try, each with what it does.
fn calls(links: &Links, token: &str) -> [(String, String); 2] {
    let Links { page, webhooks, .. } = links;
    [
        (
            "Send an alert to #ops".to_owned(),
            format!("curl -H 'Authorization: Bearer {token}' -d '{ALERT}' {webhooks}hooks/monitoring"),
        ),
        (
            "Make the chat fail five times, send some, and watch them arrive in order".to_owned(),
            format!(
                "curl -H 'Content-Type: application/json' -d '{{\"fault\": \"unavailable\", \"times\": 5}}' {page}sandbox/faults"
            ),
        ),
    ]
}

fn introduction(samples: usize, messages: usize, links: &Links, token: &str) -> anyhow::Result<String> {
    let Links {
        page,
        webhooks,
        operator,
    } = links;
    let mut text = format!(
        "\
A bridge and a stand-in chat are running. The bridge accepted {samples} signed webhooks; the page shows {messages} messages.

  the page   {page}
  console    {operator}console/
  webhooks   {webhooks}hooks/{{source}}
  metrics    {operator}metrics
"
    );
    for (what, call) in calls(links, token) {
        write!(text, "\n{what}:\n\n  {call}\n")?;
    }
    text.push_str("\nCtrl-C stops the demo. Nothing is kept.");
    Ok(text)
}

/// A minimal alert of Alertmanager. The shell inserts the start time, so that sending it twice makes two alerts.
const ALERT: &str = r#"{"receiver":"demo","status":"firing","version":"4","groupKey":"demo","truncatedAlerts":0,"externalURL":"http://localhost:9093","groupLabels":{"alertname":"DiskFull"},"commonLabels":{"alertname":"DiskFull","severity":"critical","instance":"db-1"},"commonAnnotations":{"summary":"db-1 has 1 % of its disk left"},"alerts":[{"status":"firing","labels":{"alertname":"DiskFull","severity":"critical","instance":"db-1"},"annotations":{"summary":"db-1 has 1 % of its disk left"},"startsAt":"'$(date -u +%FT%TZ)'","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"d1"}]}"#;
