//! `[sources.X]` resolved: its kind, secrets, facts and routes.

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::Limits;
use super::conditions::{condition, fact_map};
use super::env::Surroundings;
use super::file::{Named, RawRoute, RawRouteChannels, RawSource};
use super::kind::LoadedKind;
use super::schemes::Schemes;
use super::secrets::Purpose;
use crate::authentication::Authenticator;
use crate::condition::Condition;
use crate::facts::{FactMap, GIVEN, KNOWN};
use crate::route::{LookupTable, Route, RouteChannels, Routes};
use crate::secret::SourceSecret;
use crate::source::Source;
use crate::suggest::unknown;
use crate::toml_reader::Findings;
use crate::toml_reader::Located;

/// What a source is resolved against.
pub(super) struct World<'a> {
    pub(super) kinds: &'a BTreeMap<String, Option<LoadedKind>>,
    /// Every name under `[channels]`, also of those that are wrong themselves.
    pub(super) channels: &'a Arc<BTreeSet<Arc<str>>>,
    pub(super) limits: Limits,
    /// Whether the public listener speaks TLS itself.
    pub(super) has_tls: bool,
    pub(super) base: &'a Path,
    pub(super) surroundings: &'a Surroundings,
    pub(super) findings: &'a Findings,
}

/// Resolves a source; what is wrong is found, and leaves none.
pub(super) fn source(raw: Named<RawSource>, world: &World<'_>) -> Option<Source> {
    let Named { name, value: raw } = raw;
    let path = format!("sources.{}", name.value);
    let before = world.findings.errors();
    let loaded = raw.kind.as_ref().and_then(|kind| {
        if !world.kinds.contains_key(&kind.value) {
            let known = world.kinds.keys().map(String::as_str);
            world.findings.error(
                kind.at,
                &format!("{path}.kind"),
                unknown("kind", &kind.value, known),
            );
        }
        world.kinds.get(&kind.value)?.as_ref()
    });
    let own = fact_map(&raw.facts, world.findings);
    // Names and variants depend on the kind: without it, only what does not is checked.
    let routes = routes(&raw, &path, loaded.map(|loaded| (loaded, &own)), world);
    let schemes = raw
        .authentication
        .as_ref()
        .or(loaded.map(|loaded| &loaded.schemes));
    let secrets = secrets(&raw, &name, &path, schemes, world);
    let admission = raw
        .admission
        .resolve(&path, world.has_tls, world.base, world.findings);
    let (loaded, schemes) = (loaded?, schemes?);
    if world.findings.errors() != before {
        return None;
    }
    let authenticator = Authenticator::new(schemes.list.clone(), secrets, loaded.kind.body.clone());
    let authenticator = match authenticator {
        Ok(authenticator) => authenticator,
        Err(wrong) => {
            for what in wrong {
                world.findings.error(name.at, &path, what);
            }
            return None;
        }
    };
    for doubt in authenticator.doubts().iter().filter(|doubt| doubt.serious) {
        world.findings.warning(name.at, &path, doubt.what.clone());
    }
    Some(Source {
        name: Arc::from(name.value),
        kind: Arc::clone(&loaded.kind),
        authenticator,
        facts: loaded.facts.overridden_by(own),
        routes,
        body_limit: raw.body_limit.unwrap_or(world.limits.body),
        admission,
    })
}

fn secrets(
    raw: &RawSource,
    name: &Located<String>,
    path: &str,
    schemes: Option<&Schemes>,
    world: &World<'_>,
) -> Vec<SourceSecret> {
    if !raw.has_secrets && schemes.is_some_and(|schemes| !schemes.open && !schemes.list.is_empty()) {
        let what = format!(
            "`secrets` is missing, so nobody could be told from its sender: [{{ credential = \"{}\" }}], a file of \
             systemd's LoadCredential=; or {{ file = … }}, {{ env = … }}",
            name.value
        );
        world.findings.error(name.at, path, what);
    }
    let mut secrets = Vec::new();
    for reference in &raw.secrets {
        if let (Some(scheme), Some(schemes)) = (&reference.scheme, schemes)
            && !schemes.names().any(|known| known == scheme.value)
            && !schemes.list.is_empty()
        {
            let path = format!("{}.scheme", reference.path);
            world.findings.error(
                scheme.at,
                &path,
                unknown("scheme", &scheme.value, schemes.names()),
            );
        }
        let value = reference.read(Purpose::Webhook, world.base, world.surroundings, world.findings);
        secrets.extend(value.map(|value| SourceSecret {
            name: reference.name(),
            scheme: reference.scheme.as_ref().map(|scheme| scheme.value.clone()),
            value,
        }));
    }
    secrets
}

fn routes(raw: &RawSource, path: &str, kind: Option<(&LoadedKind, &FactMap)>, world: &World<'_>) -> Routes {
    let names = kind.map(|(loaded, own)| {
        let mapped = loaded
            .facts
            .facts
            .iter()
            .chain(&own.facts)
            .map(|(name, _)| name.as_str());
        let names = GIVEN
            .iter()
            .copied()
            .chain(KNOWN.iter().map(|(name, _)| *name))
            .chain(mapped);
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    });
    let compile = |text: &Located<String>, path: &str| match &names {
        Some(names) => condition(text, path, names, world.findings),
        None => Condition::compile(&text.value)
            .map_err(|error| world.findings.error(text.at, path, error.to_string()))
            .ok(),
    };
    let own_at = format!("{path}.channels");
    let own = raw
        .channels
        .as_ref()
        .map(|channels| known_channels(channels, &own_at, world))
        .unwrap_or_default();
    let mut routes = Vec::new();
    // The route that always holds, until it was said what stands behind it.
    let mut last: Option<&RawRoute> = None;
    for raw in &raw.routes {
        if let Some(last) = last.take() {
            let what = format!(
                "is never looked at: {} always holds, and does not continue",
                last.path
            );
            world.findings.warning(raw.at, &raw.path, what);
        }
        if let (Some(variant), Some((loaded, _))) = (&raw.variant, kind) {
            check_variant(variant, raw, loaded, world.findings);
        }
        let when = raw
            .when
            .as_ref()
            .and_then(|text| compile(text, &format!("{}.when", raw.path)));
        let by = raw
            .by
            .as_ref()
            .and_then(|text| compile(text, &format!("{}.by", raw.path)));
        let Some(to) = destination(raw, by, world) else {
            continue;
        };
        if when.is_none() && raw.when.is_some() {
            continue;
        }
        if always_holds(raw, when.as_ref(), &to, world.findings) && !raw.goes_on {
            last = Some(raw);
        }
        let variant = raw
            .variant
            .as_ref()
            .map(|variant| Arc::from(variant.value.as_str()));
        routes.push(Route {
            when,
            to,
            goes_on: raw.goes_on,
            variant,
        });
    }
    if let (Some(last), Some(channel)) = (last, raw.channels.as_ref().and_then(|channels| channels.first())) {
        let what = format!(
            "are never reached: {} always holds, and does not continue",
            last.path
        );
        world.findings.warning(channel.at, &own_at, what);
    }
    Routes::new(routes, own)
}

/// Where a route leads; `by` is unset where there is none or where it is wrong.
fn destination(raw: &RawRoute, by: Option<Condition>, world: &World<'_>) -> Option<RouteChannels> {
    let wrong = |what: &str| {
        world.findings.error(raw.at, &raw.path, what);
        None
    };
    let path = format!("{}.channels", raw.path);
    match (raw.by.is_some(), &raw.channels) {
        (false, None) if raw.when.is_some() => {
            wrong("`channels` is missing: where to; [] drops what it holds for")
        }
        (false, _) if raw.when.is_none() => {
            wrong("a route has `when` or `by`; what goes nowhere else goes to the source's own `channels`")
        }
        (false, Some(RawRouteChannels::Table(_))) => wrong(
            "a table of `channels` needs `by`: what is looked up in it, such as by = 'payload.repository.name'",
        ),
        (true, Some(RawRouteChannels::List(_))) => wrong(
            "`by` looks up a channel: `channels` is a table { name = [\"channel\"] }, or unset when the text is the \
             channel's name",
        ),
        (false, None) => None,
        (false, Some(RawRouteChannels::List(channels))) => {
            Some(RouteChannels::Channels(known_channels(channels, &path, world)))
        }
        (true, Some(RawRouteChannels::Table(entries))) => {
            let entry = |(name, channels): &(Located<String>, Vec<Located<String>>)| {
                let path = format!("{path}.\"{}\"", name.value);
                (name.value.clone(), known_channels(channels, &path, world))
            };
            let table = LookupTable::new(entries.iter().map(entry));
            Some(RouteChannels::Lookup { by: by?, table })
        }
        (true, None) => Some(RouteChannels::Named {
            by: by?,
            known: Arc::clone(world.channels),
        }),
    }
}

fn known_channels(channels: &[Located<String>], path: &str, world: &World<'_>) -> Vec<Arc<str>> {
    let known = |channel: &Located<String>| {
        let known = world.channels.get(channel.value.as_str()).cloned();
        if known.is_none() {
            let names = world.channels.iter().map(AsRef::as_ref);
            world
                .findings
                .error(channel.at, path, unknown("channel", &channel.value, names));
        }
        known
    };
    channels.iter().filter_map(known).collect()
}

fn check_variant(variant: &Located<String>, raw: &RawRoute, loaded: &LoadedKind, findings: &Findings) {
    let variants: BTreeSet<&str> = loaded
        .kind
        .templates
        .names()
        .into_iter()
        .filter_map(variant_of)
        .collect();
    if !variants.contains(variant.value.as_str()) {
        let path = format!("{}.variant", raw.path);
        let what = unknown("variant", &variant.value, variants.into_iter());
        findings.error(
            variant.at,
            &path,
            format!(
                "{what} (a variant is a template such as push.{}.hbs)",
                variant.value
            ),
        );
    }
}

/// `push.short.hbs` is the variant `short`.
fn variant_of(template: &str) -> Option<&str> {
    let (_, variant) = template.strip_suffix(".hbs")?.rsplit_once('.')?;
    Some(variant)
}

/// Whether a route holds whatever comes. One that never does is found.
fn always_holds(raw: &RawRoute, when: Option<&Condition>, to: &RouteChannels, findings: &Findings) -> bool {
    let always = match when.filter(|when| when.references().names.is_empty()) {
        Some(fixed) => {
            let holds = fixed.holds(&json!({})).unwrap_or(false);
            if !holds {
                findings.warning(
                    raw.at,
                    &format!("{}.when", raw.path),
                    "never holds, whatever comes",
                );
            }
            holds
        }
        None => when.is_none(),
    };
    always
        && match to {
            RouteChannels::Channels(_) => true,
            RouteChannels::Lookup { table, .. } => table.matches_all(),
            RouteChannels::Named { .. } => false,
        }
}
