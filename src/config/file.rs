//! `bridge.toml` as it is written: every table and key, none of it resolved.

use std::time::Duration;
use toml::de::DeValue;

use super::outbound::{self, RawOutbound};
use super::public::{self, RawAdmission, RawPublic};
use super::schemes::Schemes;
use super::secrets::{self, Reference};
use super::{Delivery, History, Limits};
use crate::toml_reader::Findings;
use crate::toml_reader::{Located, Table, in_order, is_name, type_of};
use crate::units::{self, Rate};

pub(super) const ROOT: &[&str] = &[
    "twake",
    "channels",
    "sources",
    "limits",
    "delivery",
    "history",
    "operator",
    "public",
    "templates",
];
pub(super) const ACCOUNT: &[&str] = &[
    "api",
    "url",
    "public_id",
    "private_api_key",
    "group_id",
    "ca_file",
    "tls",
    "proxy",
];
pub(super) const CHANNEL: &[&str] = &["channel_id", "account", "group_id", "rate"];
pub(super) const SOURCE: &[&str] = &[
    "kind",
    "secrets",
    "channels",
    "routes",
    "facts",
    "authentication",
    "limits",
    "allow",
    "client_ca_file",
];
pub(super) const ROUTE: &[&str] = &["when", "by", "channels", "continue", "variant"];
pub(super) const LIMITS: &[&str] = &["body", "bodies", "connections"];
pub(super) const SOURCE_LIMITS: &[&str] = &["body"];
pub(super) const DELIVERY: &[&str] = &["timeout", "horizon", "late"];
pub(super) const HISTORY: &[&str] = &["keep", "size", "dead"];
pub(super) const OPERATOR: &[&str] = &["token"];

/// A name that people gave, and what it stands for.
pub(super) struct Named<T> {
    pub(super) name: Located<String>,
    pub(super) value: T,
}

/// The whole file.
pub(super) struct Raw {
    pub(super) accounts: Vec<Named<RawAccount>>,
    pub(super) channels: Vec<Named<RawChannel>>,
    pub(super) sources: Vec<Named<RawSource>>,
    pub(super) limits: Limits,
    pub(super) delivery: Delivery,
    pub(super) history: History,
    pub(super) operator_token: Option<Reference>,
    pub(super) public: RawPublic,
    pub(super) templates: Option<Located<String>>,
    /// Where `[limits]`, `[delivery]` and `[history]` are, for warnings about what they say together.
    pub(super) limits_at: usize,
    pub(super) delivery_at: usize,
}

/// `[twake.X]`.
pub(super) struct RawAccount {
    pub(super) api: Option<Located<String>>,
    pub(super) url: Option<Located<String>>,
    pub(super) public_id: Option<Located<String>>,
    pub(super) private_api_key: Option<Reference>,
    pub(super) group_id: Option<Located<String>>,
    pub(super) outbound: RawOutbound,
}

/// `[channels] X`.
pub(super) struct RawChannel {
    pub(super) channel_id: Option<Located<String>>,
    pub(super) account: Option<Located<String>>,
    pub(super) group_id: Option<Located<String>>,
    pub(super) rate: Option<Rate>,
}

/// `[sources.X]`.
pub(super) struct RawSource {
    pub(super) kind: Option<Located<String>>,
    pub(super) secrets: Vec<Reference>,
    /// Whether a secret is written, right or wrong.
    pub(super) has_secrets: bool,
    pub(super) channels: Option<Vec<Located<String>>>,
    pub(super) routes: Vec<RawRoute>,
    pub(super) facts: Vec<RawFact>,
    pub(super) authentication: Option<Schemes>,
    pub(super) body_limit: Option<usize>,
    pub(super) admission: RawAdmission,
}

/// A fact and its expressions.
pub(super) struct RawFact {
    pub(super) name: Located<String>,
    pub(super) path: String,
    pub(super) expressions: Vec<Located<String>>,
}

/// `[[sources.X.routes]]`.
pub(super) struct RawRoute {
    pub(super) path: String,
    pub(super) at: usize,
    pub(super) when: Option<Located<String>>,
    pub(super) by: Option<Located<String>>,
    pub(super) channels: Option<RawRouteChannels>,
    pub(super) goes_on: bool,
    pub(super) variant: Option<Located<String>>,
}

/// A route's `channels`.
pub(super) enum RawRouteChannels {
    List(Vec<Located<String>>),
    Table(Vec<(Located<String>, Vec<Located<String>>)>),
}

/// Reads the file; what is wrong is found, the rest is there.
pub(super) fn read(root: &Table<'_, '_>, findings: &Findings) -> Raw {
    let default = (Limits::default(), Delivery::default(), History::default());
    let limits = root.table("limits", LIMITS);
    let delivery = root.table("delivery", DELIVERY);
    let history = root.table("history", HISTORY);
    let operator = root.table("operator", OPERATOR);
    let size = |table: &Option<Table<'_, '_>>, key: &str, default: usize| {
        let given = table.as_ref().and_then(|table| table.unit(key, &units::SIZE));
        given
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(default)
    };
    let duration = |table: &Option<Table<'_, '_>>, key: &str, default: Duration| {
        table
            .as_ref()
            .and_then(|table| table.unit(key, &units::DURATION))
            .unwrap_or(default)
    };
    Raw {
        accounts: named(root, "twake", findings, account),
        channels: named(root, "channels", findings, channel),
        sources: named(root, "sources", findings, source),
        limits: Limits {
            body: size(&limits, "body", default.0.body),
            bodies: size(&limits, "bodies", default.0.bodies),
            connections: limits
                .as_ref()
                .and_then(|limits| limits.count("connections"))
                .unwrap_or(default.0.connections),
        },
        delivery: Delivery {
            timeout: duration(&delivery, "timeout", default.1.timeout),
            horizon: duration(&delivery, "horizon", default.1.horizon),
            late: duration(&delivery, "late", default.1.late),
        },
        history: History {
            keep: duration(&history, "keep", default.2.keep),
            size: history
                .as_ref()
                .and_then(|history| history.unit("size", &units::SIZE))
                .unwrap_or(default.2.size),
            dead: duration(&history, "dead", default.2.dead),
        },
        operator_token: operator
            .as_ref()
            .and_then(|operator| secret(operator, "token", findings)),
        public: root
            .table("public", public::PUBLIC)
            .map(|table| public::raw(&table, findings))
            .unwrap_or_default(),
        templates: root.text("templates"),
        limits_at: limits.map_or(0, |table| table.at),
        delivery_at: delivery.or(history).map_or(0, |table| table.at),
    }
}

fn named<T>(
    root: &Table<'_, '_>,
    key: &str,
    findings: &Findings,
    read: fn(&DeValue<'_>, &str, usize, &Findings) -> Option<T>,
) -> Vec<Named<T>> {
    let mut all = Vec::new();
    for (name, value) in root.named(key) {
        let path = format!("{key}.{}", name.value);
        if !is_name(&name.value) {
            findings.error(name.at, &path, "a name is 1 to 40 of a-z, 0-9 and -");
        }
        if let Some(value) = read(value, &path, name.at, findings) {
            all.push(Named { name, value });
        }
    }
    all
}

fn table_of<'r, 't>(
    value: &'r DeValue<'t>,
    path: &str,
    at: usize,
    keys: &[&str],
    findings: &'r Findings,
) -> Option<Table<'r, 't>> {
    let table = value.as_table();
    if table.is_none() {
        findings.error(
            at,
            path,
            format!("is {}, a table was expected: [{path}]", type_of(value)),
        );
    }
    Some(Table::new(table?, path, at, keys, findings))
}

fn secret(table: &Table<'_, '_>, key: &str, findings: &Findings) -> Option<Reference> {
    let (at, value) = table.get(key)?;
    secrets::reference(value, &table.key(key), at, findings)
}

fn account(value: &DeValue<'_>, path: &str, at: usize, findings: &Findings) -> Option<RawAccount> {
    let table = table_of(value, path, at, ACCOUNT, findings)?;
    if table.get("private_api_key").is_none() {
        findings.error(
            at,
            path,
            "`private_api_key` is missing: the application's key, such as { credential = \"twake\" }",
        );
    }
    Some(RawAccount {
        api: table.text("api"),
        url: table.required("url", "where this Twake is, such as \"https://api.twake.app\""),
        public_id: table.required("public_id", "the application's public identifier"),
        private_api_key: secret(&table, "private_api_key", findings),
        group_id: table.required("group_id", "the company the channels are in"),
        outbound: outbound::raw(&table, findings),
    })
}

fn channel(value: &DeValue<'_>, path: &str, at: usize, findings: &Findings) -> Option<RawChannel> {
    if let Some(id) = value.as_str() {
        if id.trim().is_empty() {
            findings.error(at, path, "is empty; the channel's id was expected");
            return None;
        }
        let channel_id = Some(Located {
            value: id.to_owned(),
            at,
        });
        return Some(RawChannel {
            channel_id,
            account: None,
            group_id: None,
            rate: None,
        });
    }
    let table = table_of(value, path, at, CHANNEL, findings)?;
    Some(RawChannel {
        channel_id: table.required("channel_id", "the channel's id in Twake"),
        account: table.text("account"),
        group_id: table.text("group_id"),
        rate: table.unit("rate", &units::RATE),
    })
}

fn source(value: &DeValue<'_>, path: &str, at: usize, findings: &Findings) -> Option<RawSource> {
    let table = table_of(value, path, at, SOURCE, findings)?;
    let mut references = Vec::new();
    match table.get("secrets") {
        Some((_, DeValue::Array(list))) => {
            for (number, item) in list.iter().enumerate() {
                let path = format!("{path}.secrets[{number}]");
                references.extend(secrets::reference(
                    item.get_ref(),
                    &path,
                    item.span().start,
                    findings,
                ));
            }
        }
        Some((at, value)) => {
            let what = "a list was expected: [{ credential = \"…\" }]; several while one is being rotated";
            table.wrong(at, "secrets", format!("is {}, {what}", type_of(value)));
        }
        None => {}
    }
    let has_secrets = match table.get("secrets") {
        Some((_, DeValue::Array(list))) => !list.is_empty(),
        other => other.is_some(),
    };
    let limits = table.table("limits", SOURCE_LIMITS);
    let body_limit = limits.and_then(|limits| limits.unit("body", &units::SIZE));
    Some(RawSource {
        kind: table.required("kind", "the kind of sender, such as \"github\""),
        secrets: references,
        has_secrets,
        channels: table.texts("channels"),
        routes: table.tables("routes", ROUTE).iter().map(route).collect(),
        facts: facts(&table),
        authentication: table.get("authentication").map(|_| Schemes::read(&table)),
        body_limit: body_limit.and_then(|size| usize::try_from(size).ok()),
        admission: public::raw_admission(&table),
    })
}

/// `facts`, of a source or of a kind.
pub(super) fn facts(table: &Table<'_, '_>) -> Vec<RawFact> {
    let names: Vec<_> = table.named("facts").into_iter().map(|(name, _)| name).collect();
    let keys: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
    let Some(facts) = table.table("facts", &keys) else {
        return Vec::new();
    };
    let fact = |name: &Located<String>| RawFact {
        path: facts.key(&name.value),
        expressions: facts.text_or_texts(&name.value).unwrap_or_default(),
        name: name.clone(),
    };
    names.iter().map(fact).collect()
}

fn route(table: &Table<'_, '_>) -> RawRoute {
    let channels = match table.get("channels") {
        Some((_, DeValue::Table(entries))) => {
            let entry = |(name, value): (Located<String>, &DeValue<'_>)| {
                let key = format!("channels.\"{}\"", name.value);
                let channels = table.as_texts(name.at, &key, value)?;
                Some((name, channels))
            };
            Some(RawRouteChannels::Table(
                in_order(entries).into_iter().filter_map(entry).collect(),
            ))
        }
        // A wrong list is found, and counts as an empty one so that nothing else is said of the route.
        Some(_) => Some(RawRouteChannels::List(
            table.texts("channels").unwrap_or_default(),
        )),
        None => None,
    };
    RawRoute {
        path: table.path.clone(),
        at: table.at,
        when: table.text("when"),
        by: table.text("by"),
        channels,
        goes_on: table.boolean("continue").unwrap_or(false),
        variant: table.text("variant"),
    }
}
