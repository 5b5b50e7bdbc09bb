//! `twake-bridge demo`: a bridge and a stand-in Twake on free ports, and the signed samples of every kind through the
//! front door. No account, no network, no configuration; nothing is kept.

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
use crate::check::{Sampled, sampled};
use crate::clock::Clock;
use crate::config::builtin::Sample;
use crate::config::{self, Config, Environment};
use crate::decision;
use crate::lifecycle::Stop;
use crate::sandbox::{
    Application, Channel, SampleRequest, SampleSender, Sandbox, SandboxHandle, SandboxSettings,
};
use crate::secret::Secret;
use crate::source::Source;

#[derive(clap::Args)]
pub(super) struct DemoArguments {
    /// Where the page is; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    page: String,
    /// Where webhooks are taken; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// End as soon as every sample's message is on the page, instead of staying until Ctrl-C.
    #[arg(long)]
    once: bool,
}

const GROUP: &str = "demo-company";
const PUBLIC_ID: &str = "demo";

/// How long the samples' messages may take to the page; a laptop needs a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the samples became.
#[derive(Default)]
struct Tally {
    samples: usize,
    messages: usize,
    skipped: usize,
}

pub(super) fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    super::start_log("warn");
    let folder = tempfile::Builder::new().prefix("twake-bridge-demo-").tempdir()?;
    actix_web::rt::System::new().block_on(show(arguments, folder.path()))
}

async fn show(arguments: &DemoArguments, folder: &Path) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let kinds = config::builtin::kinds();
    let sandbox = sandbox(&arguments.page, &kinds, folder, &clock)?;
    let (page, handle) = (sandbox.url().clone(), sandbox.handle());
    let config = configuration(&kinds, &page, folder, &clock)?;
    let sources = config.sources.clone();
    let places = ListenAddresses {
        listen: arguments.listen.clone().into(),
        operator_listen: "127.0.0.1:0".into(),
        store: format!("sqlite:{}", folder.join("demo.db").display()),
    };
    let bridge = Bridge::build(config, places, &clock)?;
    let front_door = Url::parse(&format!("http://{}/", bridge.address()))?;
    let operator = bridge.operator_address();

    let stop = Stop::default();
    stop.on_signals()?;
    let twake = actix_web::rt::spawn(sandbox.run(stop.graceful.clone()));
    let running = actix_web::rt::spawn(bridge.run(stop.clone()));

    let told = tell(&front_door, &sources, folder, &handle, &clock);
    let tally = tokio::select! {
        tally = told => tally?,
        () = stop.graceful.cancelled() => Tally::default(),
    };
    if !stop.graceful.is_cancelled() {
        // The page is there, whoever reads this.
        let _ = writeln!(
            stdout(),
            "{}",
            introduction(&tally, &page, &front_door, &operator.to_string(), folder)?
        );
    }
    if arguments.once {
        stop.graceful.cancel();
    }
    running.await??;
    twake.await??;
    Ok(ExitCode::SUCCESS)
}

/// The stand-in Twake, with a channel for each kind.
fn sandbox(listen: &str, kinds: &[&str], folder: &Path, clock: &Clock) -> anyhow::Result<Sandbox> {
    let mut settings = SandboxSettings::new(listen);
    let key = Secret::new(&random(clock));
    keep(&key, &folder.join("twake"))?;
    settings.applications = vec![Application::new("twake-bridge", PUBLIC_ID, key, GROUP)];
    settings.channels = kinds
        .iter()
        .map(|kind| Channel {
            id: channel(kind),
            name: (*kind).to_owned(),
        })
        .collect();
    Sandbox::bind(settings, clock.clone())
        .with_context(|| format!("cannot listen on {listen} (another --page?)"))
}

fn channel(kind: &str) -> String {
    format!("ch-{kind}")
}

fn random(clock: &Clock) -> String {
    hex::encode(clock.new_id().as_bytes())
}

/// Keeps a secret in a file, as an operator would.
fn keep(secret: &Secret, file: &Path) -> anyhow::Result<()> {
    Ok(fs::write(file, secret.expose())?)
}

/// The demo's own `bridge.toml`: a source and a channel for each kind.
fn configuration(kinds: &[&str], page: &Url, folder: &Path, clock: &Clock) -> anyhow::Result<Config> {
    let mut text = format!(
        "[twake.sandbox]\nurl = \"{page}\"\npublic_id = \"{PUBLIC_ID}\"\nprivate_api_key = {{ file = \"twake\" }}\n\
         group_id = \"{GROUP}\"\n\n[channels]\n"
    );
    for kind in kinds {
        writeln!(text, "{kind} = \"{}\"", channel(kind))?;
    }
    for kind in kinds {
        let Ok((loaded, _)) = config::kind_alone(kind, None) else {
            bail!("the kind {kind} cannot be read");
        };
        let scheme = loaded.kind.schemes.first().context("a kind without a scheme")?;
        keep(&secret_for(scheme, &random(clock)), &folder.join(kind))?;
        writeln!(
            text,
            "\n[sources.{kind}]\nkind = \"{kind}\"\nsecrets = [{{ file = \"{kind}\" }}]\nchannels = [\"{kind}\"]"
        )?;
    }
    let config = Config::from_text(&text, folder, &Environment::none());
    config.map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the demo's configuration is wrong:\n{}", findings.join("\n"))
    })
}

/// Sends every sample of every source's kind and waits until what they say is on the page.
async fn tell(
    front_door: &Url,
    sources: &config::Sources,
    folder: &Path,
    sandbox: &SandboxHandle,
    clock: &Clock,
) -> anyhow::Result<Tally> {
    let sender = SampleSender::new(clock.clone());
    let mut tally = Tally::default();
    for (name, source) in sources {
        let url = front_door.join(&format!("hooks/{name}"))?;
        let secret = Secret::new(&fs::read_to_string(folder.join(&**name))?);
        let scheme = source.kind.schemes.first().context("a kind without a scheme")?;
        let mut expected = 0;
        for sample in config::builtin::samples(&source.kind.name) {
            let request = SampleRequest {
                method: source.kind.methods.first().map_or("POST", |method| method.name()),
                url: &url,
                scheme,
                secret: &secret,
                headers: &source.kind.sample_headers,
                event_type: &sample.event_type,
                body: Bytes::copy_from_slice(&sample.body),
            };
            let (status, answer) = sender.send(request).await.map_err(anyhow::Error::msg)?;
            ensure!(
                (200..300).contains(&status),
                "{} was answered {status}: {}",
                sample.name,
                String::from_utf8_lossy(&answer)
            );
            tally.samples += 1;
            // What a kind answers in its own words does not say where the event goes.
            let told = serde_json::from_slice::<serde_json::Value>(&answer)
                .ok()
                .and_then(|answer| Some(answer.get("channels")?.as_array()?.len()));
            let channels = match told {
                Some(told) => told,
                None => channels(source, &sample)?,
            };
            tally.messages += channels;
            tally.skipped += usize::from(channels == 0);
            expected += channels;
        }
        let channel = channel(name);
        let arrived = sandbox.wait_for(&channel, |messages| messages.len() >= expected);
        clock
            .timeout(PATIENCE, arrived)
            .await
            .with_context(|| format!("the messages of {name} did not reach the page in a minute"))?;
    }
    Ok(tally)
}

/// How many channels a sample is told to.
fn channels(source: &Source, sample: &Sample) -> anyhow::Result<usize> {
    Ok(match sampled(source, sample).map_err(anyhow::Error::msg)? {
        Sampled::Event(event) => decision::decide(*event, source).channels().len(),
        Sampled::Challenge(_) => 0,
    })
}

fn introduction(
    tally: &Tally,
    page: &Url,
    front_door: &Url,
    operator: &str,
    folder: &Path,
) -> anyhow::Result<String> {
    let Tally {
        samples,
        messages,
        skipped,
    } = tally;
    let token = fs::read_to_string(folder.join("alertmanager"))?;
    Ok(format!(
        "\
A bridge and a stand-in Twake run, with an empty store.
{samples} signed samples were accepted: {messages} messages were posted, {skipped} samples were skipped on purpose.

  the page   {page}
  webhooks   {front_door}hooks/{{source}}
  metrics    http://{operator}/metrics

Send one yourself:

  curl -H 'Authorization: Bearer {token}' -d '{ALERT}' {front_door}hooks/alertmanager

Make Twake fail for a while, send some, watch them arrive in order:

  curl -d '{{\"fault\": \"unavailable\", \"times\": 5}}' {page}sandbox/faults

Ctrl-C ends it; nothing is kept."
    ))
}

/// An alert as Alertmanager posts it, as short as it can be. The shell fills in when it starts, so that sending it twice
/// is two alerts.
const ALERT: &str = r#"{"receiver":"demo","status":"firing","version":"4","groupKey":"demo","truncatedAlerts":0,"externalURL":"http://localhost:9093","groupLabels":{"alertname":"DiskFull"},"commonLabels":{"alertname":"DiskFull","severity":"critical","instance":"db-1"},"commonAnnotations":{"summary":"db-1 has 1 % of its disk left"},"alerts":[{"status":"firing","labels":{"alertname":"DiskFull","severity":"critical","instance":"db-1"},"annotations":{"summary":"db-1 has 1 % of its disk left"},"startsAt":"'$(date -u +%FT%TZ)'","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"d1"}]}"#;
