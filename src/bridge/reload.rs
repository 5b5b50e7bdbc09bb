//! Reload: reads and compiles the whole configuration with its secrets and templates, and applies all of it or nothing. Work
//! in flight keeps the configuration with which it began.

use arc_swap::ArcSwap;
use jiff::Timestamp;
use log::{error, info, warn};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

use crate::check;
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery;
use crate::http::{self, Budget, Tls};
use crate::lifecycle::Supervisor;
use crate::metrics::Metrics;
use crate::operator::PendingReload;
use crate::operator::view::Reloaded;
use crate::queue;
use crate::report::ReportSettings;
use crate::source::SharedSnapshot;
use crate::toml_reader::{Finding, Severity};

/// Reads the configuration with its secrets and templates.
pub type ReadConfig = Arc<dyn Fn() -> Result<Config, Vec<Finding>> + Send + Sync>;

/// The state that a reload replaces, and what is needed to detect changes that require a restart.
pub(super) struct Reloader {
    pub(super) serving: SharedSnapshot,
    pub(super) destinations: watch::Sender<Arc<delivery::Destinations>>,
    pub(super) delivery: watch::Sender<delivery::DeliverySettings>,
    pub(super) history: watch::Sender<queue::History>,
    pub(super) budget: Arc<ArcSwap<Budget>>,
    pub(super) report: watch::Sender<ReportSettings>,
    /// Takes the result of each reload.
    pub(super) outcomes: watch::Sender<Option<Reloaded>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    /// `limits.connections` at the start. The server divides it among its workers when it creates them.
    pub(super) connections: usize,
    pub(super) tls: Option<Tls>,
}

/// The reloadable settings of a configuration, in the types of their users.
#[derive(Clone, Copy)]
pub(super) struct ReloadableSettings {
    pub(super) delivery: delivery::DeliverySettings,
    pub(super) history: queue::History,
    /// `limits.bodies`.
    pub(super) bodies: usize,
    /// `limits.connections`.
    pub(super) connections: usize,
}

impl ReloadableSettings {
    pub(super) fn of(config: &Config) -> Self {
        let Config {
            limits,
            delivery,
            history,
            ..
        } = config;
        Self {
            delivery: delivery::DeliverySettings {
                timeout: delivery.timeout,
                horizon: delivery.horizon,
                late: delivery.late,
                digest_above: delivery.digest_above,
            },
            history: queue::History {
                keep: history.keep,
                size: history.size,
                dead: history.dead,
            },
            bodies: limits.bodies,
            connections: limits.connections,
        }
    }
}

impl Reloader {
    /// Reloads for each request, until all senders are dropped. Requests that arrived during a reload are served together.
    pub(super) async fn run(
        self,
        read_config: ReadConfig,
        mut requests: mpsc::Receiver<PendingReload>,
        supervisor: Supervisor,
        status: String,
    ) {
        while let Some(first) = requests.recv().await {
            let mut waiting = vec![first];
            while let Ok(request) = requests.try_recv() {
                waiting.push(request);
            }
            supervisor.reloading();
            let read_config = Arc::clone(&read_config);
            // Reads files, compiles templates, and tries own ones: not on the thread that delivers.
            let read = tokio::task::spawn_blocking(move || read_config().map(tried)).await;
            let reloaded = match read {
                Ok(read) => self.swap(read),
                Err(error) => refused(vec![format!(
                    "the bridge failed to read the configuration: {error}"
                )]),
            };
            self.metrics.reloaded(reloaded.applied);
            self.outcomes.send_replace(Some(reloaded.clone()));
            supervisor.ready(&status);
            for request in waiting {
                // The requester may be gone.
                let _ = request.send(reloaded.clone());
            }
        }
    }

    /// Applies a configuration that [`tried`] returns.
    fn swap(&self, read: Result<(Config, Vec<Finding>), Vec<Finding>>) -> Reloaded {
        let (config, found) = match read {
            Ok(read) => read,
            Err(findings) => return refused(findings.iter().map(ToString::to_string).collect()),
        };
        // At the start, the built-in template replaces a wrong own one. In a reload, the previous own template is better, so the
        // reload is refused.
        let of = |severity: Severity| -> Vec<String> {
            let found = found.iter().filter(|finding| finding.severity == severity);
            found.map(ToString::to_string).collect()
        };
        let wrong = of(Severity::Error);
        if !wrong.is_empty() {
            return refused(wrong);
        }
        // The listener keeps its protocol. A source that requires client certificates would admit nobody without TLS.
        if config.public.certificate.is_some() != self.tls.is_some() {
            let what = "[public] tls can be switched on or off only by a restart";
            return refused(vec![what.to_owned()]);
        }
        let findings = of(Severity::Warning);
        let settings = ReloadableSettings::of(&config);
        let fixed = [("limits.connections", settings.connections != self.connections)];
        let changed = fixed.into_iter().filter(|(_, changed)| *changed);
        let restart: Vec<String> = changed.map(|(name, _)| name.to_owned()).collect();
        delivery::create_series(&self.metrics, &config.channels);
        record_configuration(&self.metrics, &config, &self.clock);
        if let (Some(tls), Some(certificate)) = (&self.tls, &config.public.certificate) {
            tls.replace(Arc::clone(certificate), config.asks_for_certificates());
        }
        self.destinations.send_replace(Arc::new(config.channels.clone()));
        set(&self.report, config.report.clone());
        self.serving.store(Arc::new(config.serving()));
        set(&self.delivery, settings.delivery);
        set(&self.history, settings.history);
        if self.budget.load().size() != settings.bodies {
            // Bodies that have arrived or are arriving keep their memory in the previous budget.
            self.budget.store(Arc::new(Budget::new(settings.bodies)));
        }
        for finding in &findings {
            warn!("{finding}");
        }
        if !restart.is_empty() {
            warn!(
                "changed, but in effect only after a restart: {}",
                restart.join(", ")
            );
        }
        info!("reloaded");
        Reloaded {
            applied: true,
            findings,
            restart,
        }
    }
}

/// A configuration with what is wrong in it, as `check` finds it. What `check` finds on the samples of built-in kinds, to which the
/// operator has added nothing, are only warnings and notes: that would take a second for all kinds, and is left out.
fn tried(config: Config) -> (Config, Vec<Finding>) {
    let mut found = config.findings();
    found.extend(check::survey_own(&config));
    (config, found)
}

/// Creates the counters of the sources, and records when the configuration was read and when its certificate ends.
pub(super) fn record_configuration(metrics: &Metrics, config: &Config, clock: &Clock) {
    http::create_series(metrics, config.sources.values().map(Arc::as_ref));
    metrics.configuration_loaded(seconds(clock.now()));
    let certificate = config.public.certificate.as_ref();
    let own = certificate.and_then(|certificate| certificate.cert.first());
    if let Some(expires) = own.and_then(http::expires) {
        metrics.certificate_expiry(seconds(expires));
    }
}

/// A time in a metric: seconds since 1970.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 have less than 52 bits"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

/// Notifies receivers only on change.
fn set<T: PartialEq>(setting: &watch::Sender<T>, value: T) {
    setting.send_if_modified(|known| {
        let changed = *known != value;
        *known = value;
        changed
    });
}

fn refused(findings: Vec<String>) -> Reloaded {
    for finding in &findings {
        error!("{finding}");
    }
    error!("not reloaded: the previous configuration stays in use");
    Reloaded {
        applied: false,
        findings,
        restart: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use std::path::Path;
    use std::time::Duration;

    fn config(text: &str) -> Config {
        let config = Config::from_text(text, Path::new("/nowhere"), &Environment::none());
        config.unwrap_or_else(|findings| panic!("{findings:?}"))
    }

    fn reloader(text: &str) -> Reloader {
        let settings = ReloadableSettings::of(&config(text));
        Reloader {
            serving: SharedSnapshot::default(),
            destinations: watch::Sender::default(),
            delivery: watch::Sender::new(settings.delivery),
            history: watch::Sender::new(settings.history),
            budget: Arc::new(ArcSwap::from_pointee(Budget::new(settings.bodies))),
            report: watch::Sender::default(),
            outcomes: watch::Sender::default(),
            metrics: Arc::default(),
            clock: Clock::manual(Timestamp::UNIX_EPOCH),
            connections: settings.connections,
            tls: None,
        }
    }

    #[test]
    fn a_reload_notifies_only_of_changed_settings() {
        let reloader = reloader("");
        let (mut delivery, mut history) = (reloader.delivery.subscribe(), reloader.history.subscribe());
        let before = reloader.budget.load_full();
        let same = reloader.swap(Ok(tried(config(""))));
        assert!(same.applied && same.restart.is_empty(), "{same:?}");
        assert!(!delivery.has_changed().unwrap() && !history.has_changed().unwrap());
        assert!(
            Arc::ptr_eq(&before, &reloader.budget.load_full()),
            "the same budget, with its reservations"
        );

        let text = "[delivery]\nlate = \"1h\"\n[history]\nsize = \"2GiB\"\n[limits]\nbodies = \"80MiB\"\n";
        let other = reloader.swap(Ok(tried(config(text))));
        assert!(other.applied && other.restart.is_empty(), "{other:?}");
        assert_eq!(delivery.borrow_and_update().late, Duration::from_secs(3600));
        assert_eq!(history.borrow_and_update().size, 2 << 30);
        assert_eq!(reloader.budget.load().size(), 80 << 20);
    }

    #[test]
    fn a_changed_limit_of_connections_is_reported_as_needing_a_restart() {
        let bridge = reloader("");
        let text = "[limits]\nconnections = 50\nbodies = \"80MiB\"\n";
        let reloaded = bridge.swap(Ok(tried(config(text))));
        assert!(reloaded.applied);
        assert_eq!(reloaded.restart, ["limits.connections"]);
        assert_eq!(
            bridge.budget.load().size(),
            80 << 20,
            "the other changes are in effect"
        );
        let back = bridge.swap(Ok(tried(config(""))));
        assert!(back.restart.is_empty(), "as it was at the start");
    }

    #[test]
    fn a_reload_and_check_give_each_finding_the_same_severity() {
        const SOURCE: &str = "[twake.main]\nurl = \"https://t.example\"\npublic_id = \"p\"\nprivate_api_key = { file = \"key\" }\n\
            group_id = \"g\"\n[channels]\ndev = \"c\"\n[sources.hub]\nkind = \"github\"\nsecrets = [{ file = \"key\" }]\n\
            channels = [\"dev\"]\n";
        let key = "4c1f0a9e77b2d35586aa0b1c";
        for (template, key, addition, errors, warnings) in [
            ("x", key, "", 0, 0),
            ("{{#if", key, "", 1, 0),
            ("{{#if a == 1}}x{{/if}}", key, "", 1, 0),
            ("+++\nwhen = 'a and b'\n+++\nx", key, "", 1, 0),
            ("<b>x</b>", key, "", 1, 0),
            ("x", "short", "", 0, 1),
            (
                "x",
                key,
                "[[sources.hub.routes]]\nwhen = 'a = 1'\nchannels = []\n",
                1,
                0,
            ),
            ("x", key, "[delivery]\ntimeout = 3\n", 1, 0),
            // Only a sample shows these.
            ("{{payload.repositry.name}}", key, "", 1, 0),
            ("{{#if payload.absent}}{{payload.nmae}}{{/if}}", key, "", 0, 2),
            ("+++\nwhen = 'payload.absent == 1'\n+++\nx", key, "", 0, 1),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let templates = folder.path().join("templates/github");
            std::fs::create_dir_all(&templates).unwrap();
            std::fs::write(templates.join("push.hbs"), template).unwrap();
            std::fs::write(folder.path().join("key"), key).unwrap();
            let read = || {
                Config::from_text(
                    &format!("{SOURCE}{addition}"),
                    folder.path(),
                    &Environment::none(),
                )
            };
            let checked = match read() {
                Ok(config) => [config.findings(), check::survey(&config).0].concat(),
                Err(findings) => findings,
            };
            let count = |severity| {
                checked
                    .iter()
                    .filter(|finding| finding.severity == severity)
                    .count()
            };
            let counts = (count(Severity::Error), count(Severity::Warning));
            assert_eq!(counts, (errors, warnings), "{template} {addition}: {checked:?}");
            let reloaded = reloader("").swap(read().map(tried));
            assert_eq!(
                reloaded.applied,
                errors == 0,
                "{template} {addition}: {reloaded:?}"
            );
            assert_eq!(reloaded.findings.len(), errors + warnings, "{reloaded:?}");
        }
    }
}
