//! The keys of `bridge.toml`.

use super::{FACTS, SECRET, SOURCE_SECRET, TLS};
use crate::authentication::SCHEMES;
use crate::message::{DAYS, Urgency};
use crate::template::conversation::KEYS as CONVERSATION;
use crate::toml_reader::{Key, Names, Shape, words};
use crate::twake::Api;
use crate::twake::matrix::Notify;

/// The keys that an API has, and not every API.
pub(in crate::config) struct ApiKeys {
    /// Those of an account.
    pub(in crate::config) account: &'static [&'static str],
    /// Those of a channel.
    pub(in crate::config) channel: &'static [&'static str],
}

pub(in crate::config) fn api_keys(api: Api) -> ApiKeys {
    match api {
        Api::MessagesSave => ApiKeys {
            account: &["public_id", "private_api_key", "group_id"],
            channel: &["channel_id", "group_id"],
        },
        Api::Threads => ApiKeys {
            account: &["public_id", "private_api_key", "group_id", "workspace_id"],
            channel: &["channel_id", "group_id", "workspace_id"],
        },
        Api::Matrix => ApiKeys {
            account: &["access_token", "refresh_token", "as_token", "user_id"],
            channel: &["room", "notify", "allow_unencrypted"],
        },
    }
}

/// The finding about a key that the API does not have.
pub(in crate::config) fn unused_key(api: Api, known: &[&str]) -> String {
    format!(
        "api = \"{}\" does not use this key; it has {}",
        api.name(),
        known.join(", ")
    )
}

const API_WORDS: &[&str] = &words(&Api::ALL);
const NOTIFY_WORDS: &[&str] = &words(&Notify::ALL);
const SEVERITY_WORDS: &[&str] = &words(&Urgency::SEVERITIES);

pub(in crate::config) const ROOT: &[Key] = &[
    Key::new(
        "twake",
        map(&Shape::Table(ACCOUNT)),
        "the accounts: Twake servers, each with the credentials of the bridge",
    ),
    Key::new(
        "channels",
        map(&Shape::Either(&[Shape::Table(CHANNEL), Shape::Text])),
        "the channels that messages go to; \"ID\" is short for { channel_id = \"ID\" }, and for { room = \"ID\" } in a Matrix account",
    ),
    Key::new(
        "sources",
        map(&Shape::Table(SOURCE)),
        "the senders of webhooks; each posts to /hooks/NAME",
    ),
    Key::new(
        "display",
        Shape::Table(DISPLAY),
        "what messages show, if a channel sets nothing else",
    ),
    Key::new(
        "people",
        Shape::Map {
            names: Names::Any,
            values: &map(&Shape::Text),
        },
        "people whom a message mentions if the event concerns them: a login, or source/login, and for each account the user",
    ),
    Key::new("limits", Shape::Table(LIMITS), "limits on requests"),
    Key::new(
        "delivery",
        Shape::Table(DELIVERY),
        "the time limits of deliveries",
    ),
    Key::new(
        "history",
        Shape::Table(HISTORY),
        "how long events and finished deliveries are kept",
    ),
    Key::new(
        "report",
        Shape::Table(REPORT),
        "reports of the bridge about itself to a channel",
    ),
    Key::new("operator", Shape::Table(OPERATOR), "the operator's listener"),
    Key::new("public", Shape::Table(PUBLIC), "the public listener"),
    Key::new(
        "templates",
        Shape::Path,
        "the folder of own kinds and templates; default: \"templates\", if it exists",
    ),
];

const ACCOUNT: &[Key] = &[
    Key::new(
        "api",
        Shape::word("api", API_WORDS),
        "the API of this Twake: \"matrix\" for Twake Chat, \"threads\" for Twake of 2022 and 2023; default: \"messages-save\", the documented one of 2020 to 2022",
    ),
    Key::required(
        "url",
        Shape::Text,
        "the address of this Twake, such as \"https://api.twake.app\"; of the homeserver, such as \"https://matrix.example.org\"",
    ),
    Key::new("public_id", Shape::Text, "the application's public identifier"),
    Key::new(
        "private_api_key",
        SECRET,
        "the application's key, such as { credential = \"twake\" }",
    ),
    Key::new(
        "group_id",
        Shape::Text,
        "the id of the company of channels that name none",
    ),
    Key::new(
        "workspace_id",
        Shape::Text,
        "the id of the workspace of channels that name none",
    ),
    Key::new(
        "access_token",
        SECRET,
        "the access token of the bridge's account on the homeserver, such as { credential = \"matrix\" }",
    ),
    Key::new(
        "refresh_token",
        SECRET,
        "with an access_token that expires: the refresh token of the same login; the bridge keeps later ones beside its store",
    ),
    Key::new(
        "as_token",
        SECRET,
        "instead of access_token: the token of an application service",
    ),
    Key::new(
        "user_id",
        Shape::Text,
        "with as_token: the user that the bridge posts as, such as \"@bridge:example.org\"",
    ),
    Key::new(
        "ca_file",
        Shape::Path,
        "certificate authorities (PEM) to trust besides those of the machine",
    ),
    Key::new(
        "tls",
        TLS,
        "the client certificate, for a server that requests one",
    ),
    Key::new(
        "proxy",
        Shape::Either(&[Shape::Text, Shape::Table(PROXY)]),
        "the HTTP proxy on the way to Twake, such as \"http://proxy.example.org:3128\"",
    ),
];

const PROXY: &[Key] = &[
    Key::required(
        "url",
        Shape::Text,
        "the address of the proxy, such as \"http://proxy.example.org:3128\"",
    ),
    Key::new("user", Shape::Text, "the user name for the proxy"),
    Key::new("password", SECRET, "the password for the proxy"),
];

const CHANNEL: &[Key] = &[
    Key::new("channel_id", Shape::Text, "the channel's id in Twake"),
    Key::new(
        "room",
        Shape::Text,
        "the room's alias or id, such as \"#dev:example.org\"; an alias follows a room that is replaced",
    ),
    Key::new(
        "account",
        Shape::Text,
        "the account that the channel is in; needed if several fit",
    ),
    Key::new(
        "group_id",
        Shape::Text,
        "the id of the company that the channel is in; default: the account's",
    ),
    Key::new(
        "workspace_id",
        Shape::Text,
        "the id of the workspace that the channel is in; default: the account's",
    ),
    Key::new(
        "notify",
        Shape::word("value of notify", NOTIFY_WORDS),
        "which messages make a sound in a room: those of critical events, all (\"always\") or none (\"never\"); default: \"critical\"",
    ),
    Key::new(
        "allow_unencrypted",
        Shape::Boolean,
        "whether to post into an encrypted room, without encryption; default: false",
    ),
    Key::new(
        "rate",
        Shape::Rate,
        "the maximum rate of messages, evenly spaced; default: delivery.rate",
    ),
    Key::new(
        "time_zone",
        Shape::Text,
        "the time zone of times in messages and of the quiet hours; default: that of [display]",
    ),
    Key::new(
        "quiet",
        Shape::Table(QUIET),
        "the hours in which less urgent messages wait; then one digest takes their place",
    ),
    Key::new(
        "conversations",
        Shape::Boolean,
        "whether messages may reply to earlier ones and update them; default: true",
    ),
];

const DAY: Shape = Shape::word("day", &DAYS);

const QUIET: &[Key] = &[
    Key::required(
        "from",
        Shape::Text,
        "when the quiet hours begin, such as \"22:00\"",
    ),
    Key::required(
        "to",
        Shape::Text,
        "when they end, such as \"07:00\": on the next day if that is not later than `from`",
    ),
    Key::new(
        "days",
        Shape::NonEmptyList(&DAY),
        "the days on which they begin, such as [\"sat\", \"sun\"]; default: all",
    ),
    Key::new(
        "below",
        Shape::word("severity", SEVERITY_WORDS),
        "messages below this severity wait; default: \"critical\"",
    ),
];

const DISPLAY: &[Key] = &[Key::new(
    "time_zone",
    Shape::Text,
    "the time zone of times in messages, such as \"Europe/Paris\"; default: \"UTC\"",
)];

const SOURCE: &[Key] = &[
    Key::required("kind", Shape::Text, "the kind of sender, such as \"github\""),
    Key::new(
        "secrets",
        Shape::List(&SOURCE_SECRET),
        "the secrets that the sender authenticates with; several while one is being rotated",
    ),
    Key::new(
        "channels",
        CHANNELS,
        "the last route: the channels of events that no route ends",
    ),
    Key::new(
        "routes",
        Shape::List(&Shape::Table(ROUTE)),
        "the routes, from first to last; the first that holds ends the search",
    ),
    Key::new(
        "facts",
        FACTS,
        "facts that replace the kind's facts of the same name",
    ),
    Key::new(
        "conversations",
        Shape::Boolean,
        "whether events that belong together are one conversation in a channel; default: true",
    ),
    Key::new(
        "events",
        EVENTS,
        "by event type: the keys about its conversation that replace those of the template",
    ),
    Key::new(
        "critical",
        Shape::Expression,
        "the condition of critical events, over the facts, event, source, headers and payload: they are posted before a digest and in quiet hours; default: severity == \"critical\" && outcome != \"success\"",
    ),
    Key::new(
        "calm",
        Shape::Boolean,
        "whether templates leave out what most channels do not want, such as stars, new branches and each passed run; default: true",
    ),
    Key::new(
        "confirm",
        Shape::Boolean,
        "whether the bridge opens the address by which the sender asks to confirm a subscription, if the kind allows it; default: false, a person opens the link",
    ),
    Key::new(
        "expect",
        Shape::Duration,
        "how often an event is expected, such as \"1h\": a longer silence is reported; default: never",
    ),
    Key::new("authentication", SCHEMES, "schemes that replace the kind's"),
    Key::new(
        "limits",
        Shape::Table(SOURCE_LIMITS),
        "limits on requests to this source",
    ),
    Key::new(
        "allow",
        Shape::List(&Shape::Text),
        "the client addresses and networks that may send, such as \"192.0.2.7\" or \"2001:db8::/32\"; default: any",
    ),
    Key::new(
        "client_ca_file",
        Shape::Path,
        "the certificate authorities (PEM) of the client certificate that the sender must have; needs [public] tls",
    ),
    Key::new(
        "title",
        Shape::Text,
        "the name that its messages are shown with in Twake, not in Matrix; default: the application's",
    ),
    Key::new(
        "picture",
        Shape::Text,
        "the picture that its messages are shown with in Twake, such as \"https://example.org/build.png\"; default: the application's",
    ),
];

const ROUTE: &[Key] = &[
    Key::new(
        "when",
        Shape::Expression,
        "the condition of the route, over the facts, event, source, headers and payload",
    ),
    Key::new(
        "by",
        Shape::Expression,
        "the text to look up in the table `channels`; without a table, a channel's name",
    ),
    Key::new(
        "channels",
        Shape::Either(&[
            CHANNELS,
            Shape::Map {
                names: Names::Any,
                values: &CHANNELS,
            },
        ]),
        "the channels; [] posts nothing; with `by`: a table of text or pattern = [channels]",
    ),
    Key::new(
        "continue",
        Shape::Boolean,
        "whether the search goes on after this route held; default: false",
    ),
    Key::new(
        "variant",
        Shape::Text,
        "the template variant: \"short\" renders push.short.hbs instead of push.hbs",
    ),
    Key::new(
        "events",
        EVENTS,
        "by event type: the keys about its conversation that replace those of the source and of the template",
    ),
];

const EVENTS: Shape = Shape::Map {
    names: Names::Any,
    values: &Shape::Table(CONVERSATION),
};

const CHANNELS: Shape = Shape::List(&Shape::Text);

const LIMITS: &[Key] = &[
    Key::new(
        "body",
        Shape::Size,
        "the maximum size of a body, also when decompressed; default: \"25MiB\"",
    ),
    Key::new(
        "bodies",
        Shape::Size,
        "the memory for all bodies together, until their events are stored; default: \"64MiB\"",
    ),
    Key::new(
        "connections",
        Shape::Integer {
            least: 1,
            most: i64::MAX,
        },
        "the maximum number of connections; default: 1024; a change needs a restart",
    ),
];

const SOURCE_LIMITS: &[Key] = &[Key::new(
    "body",
    Shape::Size,
    "the maximum size of a body; default: limits.body",
)];

const DELIVERY: &[Key] = &[
    Key::new(
        "timeout",
        Shape::Duration,
        "the time limit of one call to Twake; default: \"30s\"",
    ),
    Key::new(
        "horizon",
        Shape::Duration,
        "the age at which a delivery becomes a dead letter; default: \"3d\"",
    ),
    Key::new(
        "late",
        Shape::Duration,
        "the age from which a message is marked as late; default: \"10m\"",
    ),
    Key::new(
        "digest_above",
        Shape::Integer {
            least: 0,
            most: 1_000_000,
        },
        "with more messages than this that wait for a channel, one digest takes their place; 0: never; default: 20",
    ),
    Key::new(
        "rate",
        Shape::Rate,
        "the maximum rate of messages of channels that set none, evenly spaced; default: ten at once, then one every 5 seconds",
    ),
];

const HISTORY: &[Key] = &[
    Key::new(
        "keep",
        Shape::Duration,
        "how long events and their deliveries are kept; default: \"30d\"",
    ),
    Key::new(
        "size",
        Shape::Size,
        "the maximum size of what is kept; default: \"1GiB\"",
    ),
    Key::new(
        "dead",
        Shape::Duration,
        "how long dead letters are kept; default: \"90d\"",
    ),
];

const REPORT: &[Key] = &[
    Key::new(
        "channels",
        Shape::Either(&[CHANNELS, Shape::Text]),
        "the channels that may have the reports: the first that is not in trouble itself has them; default: none",
    ),
    Key::new(
        "stuck_after",
        Shape::Duration,
        "a channel to which nothing can be posted for longer than this is reported; default: \"15m\"",
    ),
];

const OPERATOR: &[Key] = &[
    Key::new(
        "token",
        SECRET,
        "the token of the API and of the console's login; needed unless the listener is on loopback only",
    ),
    Key::new(
        "origin",
        Shape::Text,
        "the origin that browsers show for the console behind a reverse proxy, such as \"https://bridge.example.org\"; default: the Host of each request",
    ),
    Key::new(
        "user_header",
        Shape::Text,
        "the header in which a proxy of [public] trusted_proxies names the user, for the audit, such as \"X-Forwarded-User\"",
    ),
];

const PUBLIC: &[Key] = &[
    Key::new(
        "tls",
        TLS,
        "the listener's certificate and key; default: plain HTTP, for a reverse proxy",
    ),
    Key::new(
        "trusted_proxies",
        Shape::List(&Shape::Text),
        "the addresses and networks of reverse proxies whose X-Forwarded-For is used; default: none",
    ),
    Key::new(
        "url",
        Shape::Text,
        "the address of the bridge that senders have, without /hooks, such as \"https://bridge.example.org\"; only for \
         signatures that cover the URL",
    ),
];

const fn map(values: &'static Shape) -> Shape {
    Shape::Map {
        names: Names::Plain,
        values,
    }
}
