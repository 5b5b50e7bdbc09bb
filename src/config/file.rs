//! `bridge.toml` as it is written: every table and key, none of it resolved.

use std::collections::BTreeSet;
use std::time::Duration;

use super::keys::bridge_toml::{api_keys, unused_key};
use super::operator::{self, RawOperator};
use super::outbound::{self, RawOutbound};
use super::public::{self, RawAdmission, RawPublic};
use super::quiet;
use super::report::{self, RawReport};
use super::schemes::Schemes;
use super::secrets::{self, Reference};
use super::{Delivery, History, Limits};
use crate::message::Quiet;
use crate::template::Rules;
use crate::toml_reader::{Located, TableReader, ValueReader};
use crate::twake::Api;
use crate::twake::matrix::Notify;
use crate::units::{self, Rate};

/// A name that people chose, and what it stands for.
pub(super) struct Named<T> {
    pub(super) name: Located<String>,
    pub(super) value: T,
}

/// The whole file.
pub(super) struct Raw {
    pub(super) accounts: Vec<Named<RawAccount>>,
    pub(super) channels: Vec<Named<RawChannel>>,
    pub(super) sources: Vec<Named<RawSource>>,
    pub(super) people: Vec<RawPerson>,
    /// `[display] time_zone`.
    pub(super) time_zone: Option<Located<String>>,
    pub(super) limits: Limits,
    pub(super) delivery: Delivery,
    pub(super) history: History,
    pub(super) report: RawReport,
    pub(super) operator: RawOperator,
    pub(super) public: RawPublic,
    pub(super) templates: Option<Located<String>>,
    /// The positions of `[limits]`, and of `[delivery]` or else `[history]`, for warnings about contradictions.
    pub(super) limits_at: usize,
    pub(super) delivery_at: usize,
}

/// `[twake.X]`.
pub(super) struct RawAccount {
    /// `None`: the word is wrong, and reported.
    pub(super) api: Option<Api>,
    pub(super) url: Option<Located<String>>,
    pub(super) public_id: Option<Located<String>>,
    pub(super) private_api_key: Option<Reference>,
    pub(super) group_id: Option<Located<String>>,
    pub(super) workspace_id: Option<Located<String>>,
    pub(super) access_token: Option<Reference>,
    pub(super) refresh_token: Option<Reference>,
    pub(super) as_token: Option<Reference>,
    pub(super) user_id: Option<Located<String>>,
    pub(super) outbound: RawOutbound,
}

/// `[channels] X`.
#[derive(Default)]
pub(super) struct RawChannel {
    /// `X = "…"`: the only key that the API requires.
    pub(super) short: Option<Located<String>>,
    pub(super) channel_id: Option<Located<String>>,
    pub(super) room: Option<Located<String>>,
    pub(super) account: Option<Located<String>>,
    pub(super) group_id: Option<Located<String>>,
    pub(super) workspace_id: Option<Located<String>>,
    pub(super) notify: Option<Notify>,
    pub(super) allow_unencrypted: bool,
    pub(super) rate: Option<Rate>,
    pub(super) time_zone: Option<Located<String>>,
    pub(super) quiet: Option<Located<Quiet>>,
    pub(super) conversations: Option<bool>,
    /// The keys that not every API has, and their positions.
    pub(super) api_keys: Vec<(&'static str, usize)>,
}

/// `[people.X]`.
pub(super) struct RawPerson {
    /// A login, or `source/login`.
    pub(super) login: Located<String>,
    /// By account.
    pub(super) users: Vec<(Located<String>, Located<String>)>,
}

/// `[sources.X]`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are independent keys of the table, each a boolean there"
)]
pub(super) struct RawSource {
    pub(super) kind: Option<Located<String>>,
    pub(super) secrets: Vec<Reference>,
    /// Whether there is a secret, right or wrong.
    pub(super) has_secrets: bool,
    pub(super) channels: Option<Vec<Located<String>>>,
    pub(super) routes: Vec<RawRoute>,
    pub(super) facts: Vec<RawFact>,
    /// Whether its events have conversations.
    pub(super) conversations: bool,
    pub(super) events: Vec<RawEvent>,
    pub(super) critical: Option<Located<String>>,
    /// Whether templates leave out what most channels do not want.
    pub(super) calm: bool,
    /// Whether what senders ask to be confirmed is confirmed.
    pub(super) confirm: bool,
    pub(super) authentication: Option<Schemes>,
    pub(super) body_limit: Option<usize>,
    /// How often an event is expected.
    pub(super) expect: Option<Duration>,
    pub(super) admission: RawAdmission,
    pub(super) title: Option<Located<String>>,
    pub(super) picture: Option<Located<String>>,
}

/// `[sources.X.events.TYPE]`, or `[sources.X.routes.events.TYPE]`.
pub(super) struct RawEvent {
    pub(super) event_type: Located<String>,
    pub(super) path: String,
    pub(super) rules: Rules,
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
    pub(super) continues: bool,
    pub(super) variant: Option<Located<String>>,
    pub(super) events: Vec<RawEvent>,
}

/// A route's `channels`.
pub(super) enum RawRouteChannels {
    List(Vec<Located<String>>),
    Table(Vec<(Located<String>, Vec<Located<String>>)>),
}

/// Reads the file. What has a wrong shape is left out; the check of the file has reported it.
pub(super) fn read(root: &TableReader<'_, '_>) -> Raw {
    let limits = root.table("limits");
    let delivery = root.table("delivery");
    let history = root.table("history");
    let default = (Limits::default(), Delivery::default(), History::default());
    let bytes = |key: &str, default: usize| {
        limits
            .as_ref()
            .and_then(|limits| size(limits, key))
            .unwrap_or(default)
    };
    Raw {
        accounts: named(root, "twake", |value| Some(account(&value.table()?))),
        channels: named(root, "channels", channel),
        sources: named(root, "sources", |value| Some(source(&value.table()?))),
        people: root.entries("people").into_iter().map(person).collect(),
        time_zone: root
            .table("display")
            .and_then(|display| display.text("time_zone")),
        limits: Limits {
            body: bytes("body", default.0.body),
            bodies: bytes("bodies", default.0.bodies),
            connections: limits
                .as_ref()
                .and_then(|limits| limits.integer("connections"))
                .unwrap_or(default.0.connections),
        },
        delivery: Delivery {
            timeout: duration(delivery.as_ref(), "timeout", default.1.timeout),
            horizon: duration(delivery.as_ref(), "horizon", default.1.horizon),
            late: duration(delivery.as_ref(), "late", default.1.late),
            digest_above: delivery
                .as_ref()
                .and_then(|delivery| delivery.integer("digest_above"))
                .map_or(default.1.digest_above, |count| {
                    Some(count).filter(|count| *count > 0)
                }),
            rate: delivery
                .as_ref()
                .and_then(|delivery| delivery.unit("rate", &units::RATE))
                .unwrap_or(default.1.rate),
        },
        history: History {
            keep: duration(history.as_ref(), "keep", default.2.keep),
            size: history
                .as_ref()
                .and_then(|history| history.unit("size", &units::SIZE))
                .unwrap_or(default.2.size),
            dead: duration(history.as_ref(), "dead", default.2.dead),
        },
        report: root
            .table("report")
            .map(|table| report::raw(&table))
            .unwrap_or_default(),
        operator: root
            .table("operator")
            .map(|table| operator::raw(&table))
            .unwrap_or_default(),
        public: root
            .table("public")
            .map(|table| public::raw(&table))
            .unwrap_or_default(),
        templates: root.text("templates"),
        limits_at: limits.map_or(0, |table| table.at),
        delivery_at: delivery.or(history).map_or(0, |table| table.at),
    }
}

fn named<T>(
    root: &TableReader<'_, '_>,
    key: &str,
    read: impl Fn(&ValueReader<'_, '_>) -> Option<T>,
) -> Vec<Named<T>> {
    let entries = root.entries(key).into_iter();
    entries
        .filter_map(|(name, value)| {
            Some(Named {
                value: read(&value)?,
                name,
            })
        })
        .collect()
}

fn duration(table: Option<&TableReader<'_, '_>>, key: &str, default: Duration) -> Duration {
    table
        .and_then(|table| table.unit(key, &units::DURATION))
        .unwrap_or(default)
}

fn size(table: &TableReader<'_, '_>, key: &str) -> Option<usize> {
    usize::try_from(table.unit(key, &units::SIZE)?).ok()
}

fn account(table: &TableReader<'_, '_>) -> RawAccount {
    let default = (!table.has("api")).then_some(Api::MessagesSave);
    let api = table.word("api", &Api::ALL).or(default);
    if let Some(api) = api {
        check_account_keys(table, api);
    }
    RawAccount {
        api,
        url: table.text("url"),
        public_id: table.text("public_id"),
        private_api_key: secrets::reference(table, "private_api_key"),
        group_id: table.text("group_id"),
        workspace_id: table.text("workspace_id"),
        access_token: secrets::reference(table, "access_token"),
        refresh_token: secrets::reference(table, "refresh_token"),
        as_token: secrets::reference(table, "as_token"),
        user_id: table.text("user_id"),
        outbound: outbound::raw(table),
    }
}

/// Reports the keys that the API does not use, and those that it requires and the table does not have.
fn check_account_keys(table: &TableReader<'_, '_>, api: Api) {
    let used = api_keys(api).account;
    let of_others = Api::ALL.iter().flat_map(|(_, other)| api_keys(*other).account);
    let of_others: BTreeSet<&str> = of_others.copied().filter(|key| !used.contains(key)).collect();
    for key in of_others.into_iter().filter(|key| table.has(key)) {
        table.wrong(key, unused_key(api, used));
    }
    let required: &[&str] = match api {
        Api::MessagesSave | Api::Threads => &["public_id", "private_api_key"],
        Api::Matrix if table.has("as_token") => &["user_id"],
        Api::Matrix => &["access_token"],
    };
    for key in required.iter().filter(|key| !table.has(key)) {
        table.missing(key);
    }
    if table.has("refresh_token") && table.has("as_token") {
        table.wrong(
            "refresh_token",
            "renews an `access_token`; the token of an application service does not expire",
        );
    }
    if table.has("access_token") {
        for key in ["as_token", "user_id"].into_iter().filter(|key| table.has(key)) {
            table.wrong(
                key,
                "an account has either `access_token`, or `as_token` and `user_id`",
            );
        }
    }
}

fn channel(value: &ValueReader<'_, '_>) -> Option<RawChannel> {
    let Some(table) = value.table() else {
        return Some(RawChannel {
            short: Some(value.text()?),
            ..RawChannel::default()
        });
    };
    let keys = Api::ALL.iter().flat_map(|(_, api)| api_keys(*api).channel);
    let keys: BTreeSet<&str> = keys.copied().collect();
    let api_keys = keys.into_iter().filter_map(|key| Some((key, table.get(key)?.at)));
    Some(RawChannel {
        short: None,
        api_keys: api_keys.collect(),
        room: table.text("room"),
        notify: table.word("notify", &Notify::ALL),
        allow_unencrypted: table.boolean("allow_unencrypted").unwrap_or(false),
        channel_id: table.text("channel_id"),
        account: table.text("account"),
        group_id: table.text("group_id"),
        workspace_id: table.text("workspace_id"),
        rate: table.unit("rate", &units::RATE),
        time_zone: table.text("time_zone"),
        quiet: table.table("quiet").and_then(|table| quiet::hours(&table)),
        conversations: table.boolean("conversations"),
    })
}

fn person((login, value): (Located<String>, ValueReader<'_, '_>)) -> RawPerson {
    let entries = value.entries().into_iter();
    let users = entries.filter_map(|(account, user)| Some((account, user.text()?)));
    RawPerson {
        login,
        users: users.collect(),
    }
}

fn source(table: &TableReader<'_, '_>) -> RawSource {
    let secrets = table.get("secrets");
    let references = secrets.as_ref().map(ValueReader::items).unwrap_or_default();
    RawSource {
        kind: table.text("kind"),
        secrets: references.iter().filter_map(secrets::of_value).collect(),
        has_secrets: secrets.is_some_and(|secrets| !secrets.is_empty()),
        channels: table.texts("channels"),
        routes: table.tables("routes").iter().map(route).collect(),
        facts: facts(table),
        conversations: table.boolean("conversations").unwrap_or(true),
        events: events(table),
        critical: table.text("critical"),
        calm: table.boolean("calm").unwrap_or(true),
        confirm: table.boolean("confirm").unwrap_or_default(),
        authentication: table.has("authentication").then(|| Schemes::read(table)),
        body_limit: table.table("limits").and_then(|limits| size(&limits, "body")),
        expect: table.unit("expect", &units::DURATION),
        admission: public::raw_admission(table),
        title: table.text("title"),
        picture: table.text("picture"),
    }
}

/// Reads `events`, of a source or of a route.
fn events(table: &TableReader<'_, '_>) -> Vec<RawEvent> {
    table.entries("events").into_iter().filter_map(event).collect()
}

fn event((event_type, value): (Located<String>, ValueReader<'_, '_>)) -> Option<RawEvent> {
    let table = value.table()?;
    Some(RawEvent {
        event_type,
        rules: Rules::read(&table),
        path: table.path,
    })
}

/// Reads `facts`, of a source or of a kind.
pub(super) fn facts(table: &TableReader<'_, '_>) -> Vec<RawFact> {
    let fact = |(name, value): (Located<String>, ValueReader<'_, '_>)| RawFact {
        name,
        expressions: value.texts().unwrap_or_default(),
        path: value.path,
    };
    table.entries("facts").into_iter().map(fact).collect()
}

fn route(table: &TableReader<'_, '_>) -> RawRoute {
    let entry = |(name, value): (Located<String>, ValueReader<'_, '_>)| Some((name, value.texts()?));
    let channels = table.get("channels").map(|channels| {
        if channels.is_table() {
            RawRouteChannels::Table(channels.entries().into_iter().filter_map(entry).collect())
        } else {
            // A wrong value counts as an empty list, so that nothing else is reported about the route.
            RawRouteChannels::List(channels.texts().unwrap_or_default())
        }
    });
    RawRoute {
        path: table.path.clone(),
        at: table.at,
        when: table.text("when"),
        by: table.text("by"),
        channels,
        continues: table.boolean("continue").unwrap_or(false),
        variant: table.text("variant"),
        events: events(table),
    }
}
