//! `twake-bridge demo`: runs a bridge and a stand-in chat on free ports, and sends the signed samples of every kind to the
//! webhook listener. Needs no account, network or configuration, and keeps nothing.

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
use crate::sandbox::{SampleRequest, SampleSender, Sandbox, SandboxHandle};
use crate::secret::Secret;
use crate::source::Source;

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

/// Counts samples and messages.
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
    let operator = bridge.operator_address();

    let stop = Stop::default();
    stop.on_signals()?;
    let twake = actix_web::rt::spawn(sandbox.run(stop.graceful.clone()));
    let running = actix_web::rt::spawn(bridge.run(stop.clone()));

    let sent = send_samples(arguments.api, &webhooks, &sources, folder, &handle, &clock);
    let tally = tokio::select! {
        tally = sent => tally?,
        () = stop.graceful.cancelled() => Tally::default(),
    };
    if !stop.graceful.is_cancelled() {
        // The page works, also if nobody reads this.
        let _ = writeln!(
            stdout(),
            "{}",
            introduction(&tally, &page, &webhooks, &operator.to_string(), folder)?
        );
    }
    if arguments.once {
        stop.graceful.cancel();
    }
    running.await??;
    twake.await??;
    Ok(ExitCode::SUCCESS)
}

/// The stand-in chat, with a channel for each kind.
fn sandbox(
    arguments: &DemoArguments,
    kinds: &[&str],
    folder: &Path,
    clock: &Clock,
) -> anyhow::Result<Sandbox> {
    let key = Secret::new(&random(clock));
    write_secret(&key, &folder.join(KEY_FILE))?;
    let listen = &arguments.page;
    let settings = super::sandbox::settings(arguments.api, listen, kinds, key);
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

/// The `bridge.toml` of the demo: a source and a channel for each kind. The samples are no sequence of events, so each is a
/// message of its own.
fn configuration(
    api: ApiArgument,
    kinds: &[&str],
    page: &Url,
    folder: &Path,
    clock: &Clock,
) -> anyhow::Result<Config> {
    let mut text = super::sandbox::configuration(api, page, kinds, KEY_FILE);
    for kind in kinds {
        let Ok((loaded, _)) = config::kind_alone(kind, None) else {
            bail!("the kind {kind} cannot be read");
        };
        let scheme = loaded.kind.schemes.first().context("a kind without a scheme")?;
        write_secret(&secret_for(scheme, &random(clock)), &folder.join(kind))?;
        writeln!(
            text,
            "\n\n[sources.{kind}]\nkind = \"{kind}\"\nsecrets = [{{ file = \"{kind}\" }}]\nchannels = [\"{kind}\"]\nconversations = false\ncalm = false"
        )?;
    }
    text.push_str("\n\n[delivery]\ndigest_above = 0\nrate = \"1000000/s\"\n");
    let config = Config::from_text(&text, folder, &Environment::none());
    config.map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the demo's configuration is wrong:\n{}", findings.join("\n"))
    })
}

/// Sends every sample of every kind and waits until their messages are on the page.
async fn send_samples(
    api: ApiArgument,
    webhooks: &Url,
    sources: &config::Sources,
    folder: &Path,
    sandbox: &SandboxHandle,
    clock: &Clock,
) -> anyhow::Result<Tally> {
    let sender = SampleSender::new(clock.clone());
    let mut tally = Tally::default();
    for (name, source) in sources {
        let url = webhooks.join(&format!("hooks/{name}"))?;
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
            // The response that a kind defines itself does not name the channels.
            let named = serde_json::from_slice::<serde_json::Value>(&answer)
                .ok()
                .and_then(|answer| Some(answer.get("channels")?.as_array()?.len()));
            let channels = match named {
                Some(named) => named,
                None => count_channels(source, &sample)?,
            };
            tally.messages += channels;
            tally.skipped += usize::from(channels == 0);
            expected += channels;
        }
        let channel = channel_id(api, name);
        let arrived = sandbox.wait_for(&channel, |messages| messages.len() >= expected);
        clock
            .timeout(TIMEOUT, arrived)
            .await
            .with_context(|| format!("the messages of {name} did not reach the page in a minute"))?;
    }
    Ok(tally)
}

/// How many channels a sample is posted to.
fn count_channels(source: &Source, sample: &Sample) -> anyhow::Result<usize> {
    Ok(match sampled(source, sample).map_err(anyhow::Error::msg)? {
        Sampled::Event(event) => decision::decide(*event, source).channels().len(),
        Sampled::Challenge(_) => 0,
    })
}

fn introduction(
    tally: &Tally,
    page: &Url,
    webhooks: &Url,
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
A bridge and a stand-in chat are running.
The bridge accepted {samples} signed samples: it posted {messages} messages and skipped {skipped} samples, as their kinds specify.

  the page   {page}
  webhooks   {webhooks}hooks/{{source}}
  metrics    http://{operator}/metrics

Send one yourself:

  curl -H 'Authorization: Bearer {token}' -d '{ALERT}' {webhooks}hooks/alertmanager

Make the chat fail five times, send some, and watch them arrive in order:

  curl -H 'Content-Type: application/json' -d '{{\"fault\": \"unavailable\", \"times\": 5}}' {page}sandbox/faults

Ctrl-C stops the demo. Nothing is kept."
    ))
}

/// A minimal alert of Alertmanager. The shell inserts the start time, so that sending it twice makes two alerts.
const ALERT: &str = r#"{"receiver":"demo","status":"firing","version":"4","groupKey":"demo","truncatedAlerts":0,"externalURL":"http://localhost:9093","groupLabels":{"alertname":"DiskFull"},"commonLabels":{"alertname":"DiskFull","severity":"critical","instance":"db-1"},"commonAnnotations":{"summary":"db-1 has 1 % of its disk left"},"alerts":[{"status":"firing","labels":{"alertname":"DiskFull","severity":"critical","instance":"db-1"},"annotations":{"summary":"db-1 has 1 % of its disk left"},"startsAt":"'$(date -u +%FT%TZ)'","endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"d1"}]}"#;
