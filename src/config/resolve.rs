//! Resolves `bridge.toml`: accounts, channels and sources, their references to each other, and contradictions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use url::Url;

use super::env::Environment;
use super::file::{self, Named, Raw, RawAccount, RawChannel};
use super::keys::bridge_toml;
use super::secrets::{Purpose, Reference};
use super::source::{SourceContext, source};
use super::{Channels, Config, Sources, kind};
use crate::secret::Secret;
use crate::suggest::unknown;
use crate::toml_reader::{self, Finding, Findings, Located, Severity};
use crate::twake::{Account, Api, Destination, messages_save};

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
    let mut within_kinds = Vec::new();
    let own = own_templates(&raw, base, findings);
    let folders = kind::folders(own.as_deref(), &mut within_kinds);
    let mut kinds = BTreeMap::new();
    for (name, folder) in &folders {
        within_kinds.extend(folder.findings.iter().cloned());
        let is_used = raw
            .sources
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

    let mut accounts = BTreeMap::new();
    for Named { name, value } in raw.accounts {
        let account = account(&name, value, base, environment, findings);
        accounts.insert(name.value, account);
    }
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
        .filter_map(|channel| {
            let name = Arc::from(channel.name.value.as_str());
            Some((name, destination(channel, &accounts, findings)?))
        })
        .collect();

    let public = raw.public.resolve(base, environment, findings);
    let context = SourceContext {
        kinds: &kinds,
        channels: &channel_names,
        limits: raw.limits,
        has_tls: public.certificate.is_some(),
        base,
        environment,
        findings,
    };
    let every_source_resolved = raw.sources.len();
    let sources: Sources = raw
        .sources
        .into_iter()
        .filter_map(|raw| {
            let (unrouted, at) = (
                raw.value.channels.is_none() && raw.value.routes.is_empty(),
                raw.name.at,
            );
            let source = source(raw, &context)?;
            if unrouted {
                let path = format!("sources.{}", source.name);
                findings.warning(
                    at,
                    &path,
                    "has neither `channels` nor `routes`: its events are stored and skipped",
                );
            }
            Some((Arc::clone(&source.name), Arc::new(source)))
        })
        .collect();
    if sources.len() == every_source_resolved {
        unreached(&sources, &channel_places, findings);
    }
    let kinds = kinds
        .into_iter()
        .filter_map(|(name, kind)| Some((name, kind?)))
        .collect();
    Config {
        sources,
        channels,
        kinds,
        templates: own,
        conditions: findings.take_placed(),
        limits: raw.limits,
        delivery: raw.delivery,
        history: raw.history,
        public,
        operator_token: operator_token(raw.operator_token.as_ref(), base, environment, findings),
        warnings: Vec::new(),
    }
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

fn account(
    name: &Located<String>,
    raw: RawAccount,
    base: &Path,
    environment: &Environment,
    findings: &Findings,
) -> Option<Account> {
    let path = format!("twake.{}", name.value);
    let url = raw.url.and_then(|url| {
        address(&url.value)
            .map_err(|why| findings.error(url.at, &format!("{path}.url"), why))
            .ok()
    });
    let key = raw
        .private_api_key
        .and_then(|key| key.read(Purpose::Given, base, environment, findings));
    let outbound = raw
        .outbound
        .resolve(&path, url.as_ref(), base, environment, findings);
    match raw.api.unwrap_or(Api::MessagesSave) {
        Api::MessagesSave => Some(Account::MessagesSave(Arc::new(messages_save::Account {
            name: name.value.clone(),
            url: url?,
            public_id: raw.public_id?.value,
            private_api_key: key?,
            group_id: raw.group_id?.value,
            outbound: Arc::new(outbound?),
        }))),
    }
}

/// Parses the address of a Twake. The error does not quote the address: it may hold a password.
fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("is no address ({error}), such as \"https://api.twake.app\""))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "begins with {}:, http: or https: was expected",
            url.scheme()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a name or password; credentials are `public_id` and `private_api_key`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("goes on after ? or #, which no address of a Twake does".to_owned());
    }
    Ok(url)
}

/// Resolves a channel, in the account that it names or in the only one.
fn destination(
    channel: Named<RawChannel>,
    accounts: &BTreeMap<String, Option<Account>>,
    findings: &Findings,
) -> Option<Destination> {
    let Named { name, value: raw } = channel;
    let path = format!("channels.{}", name.value);
    let account = match (&raw.account, accounts.len()) {
        (Some(account), _) => {
            if !accounts.contains_key(&account.value) {
                let what = unknown("account", &account.value, accounts.keys().map(String::as_str));
                findings.error(account.at, &format!("{path}.account"), what);
            }
            accounts.get(&account.value)
        }
        (None, 1) => accounts.values().next(),
        (None, 0) => {
            findings.error(name.at, &path, "there is no account; add one: [twake.main]");
            None
        }
        (None, _) => {
            let names = accounts.keys().cloned().collect::<Vec<_>>().join(", ");
            let what = format!(
                "`account` is missing, as there are several: {{ channel_id = \"…\", account = \"…\" }} ({names})"
            );
            findings.error(name.at, &path, what);
            None
        }
    };
    match account?.as_ref()? {
        Account::MessagesSave(account) => Some(Destination::MessagesSave(messages_save::Destination {
            group_id: raw
                .group_id
                .map_or_else(|| account.group_id.clone(), |group| group.value),
            account: Arc::clone(account),
            channel_id: raw.channel_id?.value,
            rate: raw.rate,
        })),
    }
}

fn operator_token(
    raw: Option<&Reference>,
    base: &Path,
    environment: &Environment,
    findings: &Findings,
) -> Option<Secret> {
    let (address, loopback) = environment.operator_listen();
    match raw {
        Some(token) => token.read(Purpose::Bearer, base, environment, findings),
        None if loopback => None,
        None => {
            let what = format!(
                "`token` is missing, and the operator's listener is at {address}, which other machines reach: set \
                 token = {{ credential = \"operator\" }}, or listen on 127.0.0.1 (TWAKE_BRIDGE_OPERATOR_LISTEN; where a \
                 socket unit holds the socket, its second ListenStream)"
            );
            findings.add(Finding::error(findings.file(), None, "operator", what));
            None
        }
    }
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

/// Reports channels that no route can reach.
fn unreached(sources: &Sources, channels: &[Located<String>], findings: &Findings) {
    let reached: BTreeSet<Arc<str>> = sources
        .values()
        .flat_map(|source| source.routes.reachable())
        .collect();
    for channel in channels {
        if !reached.contains(channel.value.as_str()) {
            let path = format!("channels.{}", channel.value);
            findings.warning(channel.at, &path, "no source has a route to it");
        }
    }
}
