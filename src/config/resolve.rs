//! Resolves `bridge.toml`: accounts, channels and sources, their references to each other, and contradictions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::env::Environment;
use super::file::{self, Named, Raw, RawChannel, RawSource};
use super::keys::bridge_toml;
use super::kind::LoadedKind;
use super::readers::Display;
use super::source::{SourceContext, source};
use super::{Channels, Config, Sources, accounts, kind, people, report};
use crate::report::ReportSettings;
use crate::template::LibraryTemplate;
use crate::toml_reader::{self, Finding, Findings, Located, Severity};
use crate::twake::Api;

/// The folder of own kinds, if the file names no other.
const TEMPLATES: &str = "templates";

/// Reads, checks and compiles the file.
pub(super) fn config(
    file: &str,
    text: &str,
    base: &Path,
    environment: &Environment,
) -> Result<Config, Vec<Finding>> {
    let findings = Findings::new(file, text);
    let read = toml_reader::read(text, bridge_toml::ROOT, &findings, file::read);
    let config = read.map(|raw| resolve(raw, base, environment, &findings));
    let (errors, warnings): (Vec<_>, Vec<_>) = findings
        .into_list()
        .into_iter()
        .partition(|finding| finding.severity == Severity::Error);
    match config {
        Some(config) if errors.is_empty() => Ok(Config { warnings, ..config }),
        _ => Err(errors.into_iter().chain(warnings).collect()),
    }
}

fn resolve(raw: Raw, base: &Path, environment: &Environment, findings: &Findings) -> Config {
    contradictions(&raw, findings);
    let own = own_templates(&raw, base, findings);
    let kinds = kinds(&raw.sources, own.as_deref(), findings);
    let people = people::people(&raw.people, &raw.accounts, &raw.sources, findings);
    let accounts = accounts::accounts(raw.accounts, base, environment, findings);
    let display = Display::resolve(raw.time_zone.as_ref(), people, findings);
    let names = |names: &[Named<RawChannel>]| {
        names
            .iter()
            .map(|channel| Arc::from(channel.name.value.as_str()))
            .collect::<BTreeSet<Arc<str>>>()
    };
    let channel_names = Arc::new(names(&raw.channels));
    let channel_places: Vec<_> = raw.channels.iter().map(|channel| channel.name.clone()).collect();
    let channels: Channels = raw
        .channels
        .into_iter()
        .filter_map(|mut channel| {
            channel.value.rate.get_or_insert(raw.delivery.rate);
            let name = Arc::from(channel.name.value.as_str());
            Some((
                name,
                accounts::destination(channel, &accounts, &display, findings)?,
            ))
        })
        .collect();

    let report = report::resolve(&raw.report, &channel_names, expected(&raw.sources), findings);
    let public = raw.public.resolve(base, environment, findings);
    let context = SourceContext {
        kinds: &kinds,
        channels: &channel_names,
        limits: raw.limits,
        has_tls: public.certificate.is_some(),
        public_url: public.url.as_deref(),
        base,
        environment,
        findings,
    };
    let every_source_resolved = raw.sources.len();
    let mut secrets = BTreeMap::new();
    let sources: Sources = raw
        .sources
        .into_iter()
        .filter_map(|raw| {
            let (unrouted, at) = (
                raw.value.channels.is_none() && raw.value.routes.is_empty(),
                raw.name.at,
            );
            let (source, of_source) = source(raw, &context)?;
            if unrouted {
                let path = format!("sources.{}", source.name);
                findings.warning(
                    at,
                    &path,
                    "has neither `channels` nor `routes`: its events are stored and skipped",
                );
            }
            secrets.insert(Arc::clone(&source.name), of_source);
            Some((Arc::clone(&source.name), Arc::new(source)))
        })
        .collect();
    if sources.len() == every_source_resolved {
        unreached(&sources, &report, &channel_places, findings);
    }
    ephemeral(&sources, &channels, &channel_places, findings);
    let has_proxies = !public.trusted_proxies.0.is_empty();
    let operator = raw.operator.resolve(has_proxies, base, environment, findings);
    let kinds = kinds
        .into_iter()
        .filter_map(|(name, kind)| Some((name, kind?)))
        .collect();
    Config {
        sources,
        secrets,
        channels,
        kinds,
        templates: own,
        conditions: findings.take_placed(),
        limits: raw.limits,
        delivery: raw.delivery,
        history: raw.history,
        report,
        public,
        operator,
        warnings: Vec::new(),
    }
}

/// Loads the kinds that a source uses, and every own one. The others are known by their names.
fn kinds(
    sources: &[Named<RawSource>],
    own: Option<&Path>,
    findings: &Findings,
) -> BTreeMap<String, Option<LoadedKind>> {
    let mut within_kinds = Vec::new();
    let folders = kind::folders(own, &mut within_kinds);
    let mut kinds = BTreeMap::new();
    for (name, folder) in &folders {
        within_kinds.extend(folder.findings.iter().cloned());
        let is_used = sources
            .iter()
            .any(|source| source.value.kind.as_ref().is_some_and(|kind| kind.value == *name));
        let loaded = (is_used || folder.is_own)
            .then(|| kind::load(name, &folders, &mut within_kinds))
            .flatten();
        kinds.insert(name.clone(), loaded);
    }
    // What is wrong with a part that every kind may include is found in each of them.
    let mut known = Vec::new();
    for finding in within_kinds {
        if !known.contains(&finding) {
            known.push(finding.clone());
            findings.add(finding);
        }
    }
    kinds
}

/// The sources from which an event is expected, and how often.
fn expected(sources: &[Named<RawSource>]) -> BTreeMap<Arc<str>, Duration> {
    let expected = sources.iter().filter_map(|source| {
        let expect = source.value.expect?;
        Some((Arc::from(source.name.value.as_str()), expect))
    });
    expected.collect()
}

/// Returns the folder of own kinds, if it exists. Reports a named folder that does not.
fn own_templates(raw: &Raw, base: &Path, findings: &Findings) -> Option<std::path::PathBuf> {
    let folder = base.join(
        raw.templates
            .as_ref()
            .map_or(TEMPLATES, |folder| folder.value.as_str()),
    );
    if folder.is_dir() {
        return Some(folder);
    }
    if let Some(named) = &raw.templates {
        findings.error(
            named.at,
            "templates",
            format!("there is no folder {}", folder.display()),
        );
    }
    None
}

/// Reports settings that contradict each other.
fn contradictions(raw: &Raw, findings: &Findings) {
    let Raw {
        limits,
        delivery,
        history,
        limits_at,
        delivery_at,
        ..
    } = raw;
    if limits.body > limits.bodies {
        let what = format!(
            "{} bytes for one body are more than limits.bodies, {} bytes for all bodies: set at most that, or raise limits.bodies",
            limits.body, limits.bodies
        );
        findings.warning(*limits_at, "limits.body", what);
    }
    for source in &raw.sources {
        if let Some(body) = source.value.body_limit.filter(|body| *body > limits.bodies) {
            let what = format!(
                "{body} bytes are more than limits.bodies, {} bytes for all bodies: set at most that, or raise limits.bodies",
                limits.bodies
            );
            findings.warning(
                source.name.at,
                &format!("sources.{}.limits.body", source.name.value),
                what,
            );
        }
    }
    let pairs = [
        (
            delivery.horizon > history.keep,
            "delivery.horizon",
            "history.keep",
            "a waiting delivery could outlive its event",
        ),
        (
            delivery.timeout > delivery.horizon,
            "delivery.timeout",
            "delivery.horizon",
            "a delivery would die in its first attempt",
        ),
        (
            delivery.late > delivery.horizon,
            "delivery.late",
            "delivery.horizon",
            "no message would ever be marked as late",
        ),
    ];
    for (longer, key, other, so) in pairs {
        if longer {
            findings.warning(*delivery_at, key, format!("is longer than {other}: {so}"));
        }
    }
}

/// Reports channels whose API cannot show a message without storing it, where a template asks for that.
fn ephemeral(sources: &Sources, channels: &Channels, places: &[Located<String>], findings: &Findings) {
    for place in places {
        let api = channels
            .get(place.value.as_str())
            .map(|channel| channel.account().api());
        let Some(api) = api.filter(|api| *api != Api::MessagesSave) else {
            continue;
        };
        let reaching = sources.values();
        let reaching = reaching.filter(|source| source.routes.reachable().contains(place.value.as_str()));
        let templates = reaching.flat_map(|source| source.kind.templates.entries());
        let files: BTreeSet<&str> = templates
            .filter(LibraryTemplate::is_ephemeral)
            .map(|template| template.file())
            .collect();
        for file in files {
            let what = format!(
                "`ephemeral` of {file} has no effect with api = \"{}\": the message stays in the channel; remove `ephemeral`, or \
                 route these events to another channel",
                api.name()
            );
            findings.warning(place.at, &format!("channels.{}", place.value), what);
        }
    }
}

/// Reports channels that no route can reach.
fn unreached(sources: &Sources, report: &ReportSettings, channels: &[Located<String>], findings: &Findings) {
    let reached: BTreeSet<Arc<str>> = sources
        .values()
        .flat_map(|source| source.routes.reachable())
        .chain(report.channels.iter().cloned())
        .collect();
    for channel in channels {
        if !reached.contains(channel.value.as_str()) {
            let path = format!("channels.{}", channel.value);
            findings.warning(channel.at, &path, "no source has a route to it");
        }
    }
}
