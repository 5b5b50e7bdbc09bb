//! Resolves `[sources.X]`: its kind, secrets, facts and routes.

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::Limits;
use super::appearance;
use super::conditions::{ExpressionSite, compile, condition, fact_map};
use super::conversations;
use super::env::Environment;
use super::file::{Named, RawRoute, RawRouteChannels, RawSource};
use super::kind::LoadedKind;
use super::schemes::Schemes;
use super::secrets::Purpose;
use crate::authentication::Authenticator;
use crate::condition::Condition;
use crate::facts::{FactMap, GIVEN, KNOWN};
use crate::route::{LookupTable, Route, RouteChannels, Routes};
use crate::secret::SourceSecret;
use crate::source::{Source, selection};
use crate::suggest::unknown;
use crate::toml_reader::{Findings, Located, Owner};

/// The rest of the configuration, which a source refers to.
pub(super) struct SourceContext<'a> {
    pub(super) kinds: &'a BTreeMap<String, Option<LoadedKind>>,
    /// Every name under `[channels]`, also of channels that have errors themselves.
    pub(super) channels: &'a Arc<BTreeSet<Arc<str>>>,
    pub(super) limits: Limits,
    /// Whether the public listener speaks TLS itself.
    pub(super) has_tls: bool,
    /// `[public] url`.
    pub(super) public_url: Option<&'a str>,
    pub(super) base: &'a Path,
    pub(super) environment: &'a Environment,
    pub(super) findings: &'a Findings,
}

/// Resolves a source and its secrets. Reports what is wrong, and then returns `None`.
pub(super) fn source(
    raw: Named<RawSource>,
    context: &SourceContext<'_>,
) -> Option<(Source, Vec<SourceSecret>)> {
    let Named { name, value: raw } = raw;
    let path = format!("sources.{}", name.value);
    let before = context.findings.errors();
    let loaded = raw.kind.as_ref().and_then(|kind| {
        if !context.kinds.contains_key(&kind.value) {
            let known = context.kinds.keys().map(String::as_str);
            context.findings.error(
                kind.at,
                &format!("{path}.kind"),
                unknown("kind", &kind.value, known),
            );
        }
        context.kinds.get(&kind.value)?.as_ref()
    });
    let own = fact_map(
        &raw.facts,
        &Owner::SourceFacts(name.value.clone()),
        context.findings,
    );
    // Names and variants depend on the kind. Without a kind they are not checked.
    let kind = loaded.map(|loaded| (loaded, &own));
    let names = kind.map(|(loaded, own)| names(loaded, own));
    let routes = routes(&raw, &name.value, kind, names.as_ref(), context);
    let conversations = loaded
        .zip(names.as_ref())
        .map(|(loaded, names)| conversations::of_source(&raw, &name.value, loaded, names, context.findings));
    let critical = names.as_ref().and_then(|names| {
        let site = ExpressionSite {
            path: &format!("{path}.critical"),
            owner: &Owner::Source(name.value.clone()),
            is_when: false,
        };
        condition(raw.critical.as_ref()?, site, names, context.findings)
    });
    let schemes = raw
        .authentication
        .as_ref()
        .or(loaded.map(|loaded| &loaded.schemes));
    let secrets = secrets(&raw, &name, &path, schemes, context);
    let admission = raw
        .admission
        .resolve(&path, context.has_tls, context.base, context.findings);
    let appearance = appearance::resolve(raw.title, raw.picture, &path, context.findings);
    let (loaded, schemes) = (loaded?, schemes?);
    if context.findings.errors() != before {
        return None;
    }
    let authenticator = Authenticator::new(schemes.list.clone(), secrets.clone(), loaded.kind.body.clone());
    let authenticator = authenticator.and_then(|mut authenticator| {
        let set = authenticator.set_address(context.public_url);
        set.map(|()| authenticator).map_err(|what| vec![what])
    });
    let authenticator = match authenticator {
        Ok(authenticator) => authenticator,
        Err(wrong) => {
            for what in wrong {
                context.findings.error(name.at, &path, what);
            }
            return None;
        }
    };
    for warning in authenticator.warnings().iter().filter(|warning| warning.serious) {
        context.findings.warning(name.at, &path, warning.what.clone());
    }
    if raw.confirm && loaded.kind.confirmation.is_none() {
        let what = format!(
            "senders of the kind `{}` ask for no confirmation: its source.toml has no [confirm]",
            loaded.kind.name
        );
        context
            .findings
            .warning(name.at, &format!("{path}.confirm"), what);
    }
    let facts = loaded.facts.overridden_by(own);
    let conversations = conversations.unwrap_or_default();
    let source = Source {
        name: Arc::from(name.value),
        kind: Arc::clone(&loaded.kind),
        authenticator,
        selection: selection(&loaded.kind, &facts, &routes, &conversations, critical.as_ref()),
        critical,
        facts,
        routes,
        conversations,
        calm: raw.calm,
        confirm: raw.confirm && loaded.kind.confirmation.is_some(),
        body_limit: raw.body_limit.unwrap_or(context.limits.body),
        admission,
        appearance,
    };
    Some((source, secrets))
}

fn secrets(
    raw: &RawSource,
    name: &Located<String>,
    path: &str,
    schemes: Option<&Schemes>,
    context: &SourceContext<'_>,
) -> Vec<SourceSecret> {
    if !raw.has_secrets && schemes.is_some_and(|schemes| !schemes.open && !schemes.list.is_empty()) {
        let what = format!(
            "`secrets` is missing, so no request could be authenticated: [{{ credential = \"{}\" }}], a file of \
             systemd's LoadCredential=; or {{ file = … }}, {{ env = … }}",
            name.value
        );
        context.findings.error(name.at, path, what);
    }
    let mut secrets = Vec::new();
    for reference in &raw.secrets {
        if let (Some(scheme), Some(schemes)) = (&reference.scheme, schemes)
            && !schemes.names().any(|known| known == scheme.value)
            && !schemes.list.is_empty()
        {
            let path = format!("{}.scheme", reference.path);
            context.findings.error(
                scheme.at,
                &path,
                unknown("scheme", &scheme.value, schemes.names()),
            );
        }
        let value = reference.read(
            Purpose::Webhook,
            context.base,
            context.environment,
            context.findings,
        );
        secrets.extend(value.map(|value| SourceSecret {
            name: reference.name(),
            scheme: reference.scheme.as_ref().map(|scheme| scheme.value.clone()),
            value,
        }));
    }
    secrets
}

/// Every name that the conditions of a source can use.
fn names(loaded: &LoadedKind, own: &FactMap) -> BTreeSet<String> {
    let mapped = loaded.facts.facts.iter().chain(&own.facts);
    let known = GIVEN.iter().copied().chain(KNOWN.iter().map(|(name, _)| *name));
    known
        .chain(mapped.map(|(name, _)| name.as_str()))
        .map(str::to_owned)
        .collect()
}

fn routes(
    raw: &RawSource,
    name: &str,
    kind: Option<(&LoadedKind, &FactMap)>,
    names: Option<&BTreeSet<String>>,
    context: &SourceContext<'_>,
) -> Routes {
    let compiled = |text: Option<&Located<String>>, key: &str, route: &RawRoute, owner: &Owner| {
        let path = &format!("{}.{key}", route.path);
        let is_when = key == "when";
        match names {
            Some(names) => condition(
                text?,
                ExpressionSite { path, owner, is_when },
                names,
                context.findings,
            ),
            None => compile(text?, path, context.findings),
        }
    };
    let own_at = format!("sources.{name}.channels");
    let own = raw
        .channels
        .as_ref()
        .map(|channels| known_channels(channels, &own_at, context))
        .unwrap_or_default();
    let mut routes = Vec::new();
    // A route that always holds and ends the search. The first route after it is reported.
    let mut last: Option<&RawRoute> = None;
    for (number, raw) in raw.routes.iter().enumerate() {
        if let Some(last) = last.take() {
            let what = format!(
                "is never reached: {} always holds, and does not continue",
                last.path
            );
            context.findings.warning(raw.at, &raw.path, what);
        }
        if let (Some(variant), Some((loaded, _))) = (&raw.variant, kind) {
            check_variant(variant, raw, loaded, context.findings);
        }
        let owner = Owner::Route(name.to_owned(), number);
        let when = compiled(raw.when.as_ref(), "when", raw, &owner);
        let by = compiled(raw.by.as_ref(), "by", raw, &owner);
        let Some(to) = destination(raw, by, context) else {
            continue;
        };
        if when.is_none() && raw.when.is_some() {
            continue;
        }
        if always_holds(raw, when.as_ref(), &to, context.findings) && !raw.continues {
            last = Some(raw);
        }
        let variant = raw
            .variant
            .as_ref()
            .map(|variant| Arc::from(variant.value.as_str()));
        routes.push(Route {
            when,
            to,
            continues: raw.continues,
            variant,
        });
    }
    if let (Some(last), Some(channel)) = (last, raw.channels.as_ref().and_then(|channels| channels.first())) {
        let what = format!(
            "are never reached: {} always holds, and does not continue",
            last.path
        );
        context.findings.warning(channel.at, &own_at, what);
    }
    Routes::new(routes, own)
}

/// Resolves the channels of a route. `by` is `None` if there is none, or if it is wrong.
fn destination(raw: &RawRoute, by: Option<Condition>, context: &SourceContext<'_>) -> Option<RouteChannels> {
    let wrong = |what: &str| {
        context.findings.error(raw.at, &raw.path, what);
        None
    };
    let path = format!("{}.channels", raw.path);
    match (raw.by.is_some(), &raw.channels) {
        (false, None) if raw.when.is_some() => {
            wrong("`channels` is missing: the list of channels; [] posts nothing")
        }
        (false, _) if raw.when.is_none() => wrong(
            "a route needs `when` or `by`; the channels of all other events are `channels` of the source",
        ),
        (false, Some(RawRouteChannels::Table(_))) => wrong(
            "a table of `channels` needs `by`: the text to look up in it, such as by = 'payload.repository.name'",
        ),
        (true, Some(RawRouteChannels::List(_))) => wrong(
            "`by` looks up a channel: `channels` is a table { name = [\"channel\"] }, or unset when the text is the \
             channel's name",
        ),
        (false, None) => None,
        (false, Some(RawRouteChannels::List(channels))) => {
            Some(RouteChannels::Channels(known_channels(channels, &path, context)))
        }
        (true, Some(RawRouteChannels::Table(entries))) => {
            let entry = |(name, channels): &(Located<String>, Vec<Located<String>>)| {
                let path = format!("{path}.\"{}\"", name.value);
                (name.value.clone(), known_channels(channels, &path, context))
            };
            let table = LookupTable::new(entries.iter().map(entry));
            Some(RouteChannels::Lookup { by: by?, table })
        }
        (true, None) => Some(RouteChannels::Named {
            by: by?,
            known: Arc::clone(context.channels),
        }),
    }
}

fn known_channels(channels: &[Located<String>], path: &str, context: &SourceContext<'_>) -> Vec<Arc<str>> {
    let known = |channel: &Located<String>| {
        let known = context.channels.get(channel.value.as_str()).cloned();
        if known.is_none() {
            let names = context.channels.iter().map(AsRef::as_ref);
            context
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

/// Returns the variant of a template: `short` of `push.short.hbs`.
fn variant_of(template: &str) -> Option<&str> {
    let (_, variant) = template.strip_suffix(".hbs")?.rsplit_once('.')?;
    Some(variant)
}

/// Whether a route holds for every event. Reports a route that never holds.
fn always_holds(raw: &RawRoute, when: Option<&Condition>, to: &RouteChannels, findings: &Findings) -> bool {
    let always = match when.filter(|when| when.references().names.is_empty()) {
        Some(fixed) => {
            let holds = fixed.holds(&json!({})).unwrap_or(false);
            if !holds {
                findings.warning(
                    raw.at,
                    &format!("{}.when", raw.path),
                    "never holds, whatever the event",
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
