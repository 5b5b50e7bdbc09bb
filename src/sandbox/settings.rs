//! The settings of a sandbox.

use serde::Serialize;
use url::Url;

use crate::secret::Secret;

/// The capability that an application needs for `messages/save`. Twake's documentation calls it `message_save`; the
/// server knows only this name.
pub(super) const MESSAGES_SAVE: &str = "messages_save";

/// The settings of a sandbox.
pub struct SandboxSettings {
    /// The address to listen on (`127.0.0.1:0`: a free port, see [`super::Sandbox::url`]).
    pub listen: String,
    /// The chat that it imitates.
    pub api: Api,
    /// The generation of Twake behind `messages/save`.
    pub era: Era,
    /// The applications that may authenticate.
    pub applications: Vec<Application>,
    /// The channels that exist, in the order of the page.
    pub channels: Vec<Channel>,
    /// The rate limit of each Matrix account; unset: none.
    pub rate_limit: Option<RateLimit>,
    /// The limits of what it keeps.
    pub limits: Limits,
}

impl SandboxSettings {
    /// A Twake of 2021 without applications and channels, on `listen`.
    pub fn new(listen: impl Into<String>) -> Self {
        Self {
            listen: listen.into(),
            api: Api::MessagesSave,
            era: Era::A2021,
            applications: Vec::new(),
            channels: Vec::new(),
            rate_limit: None,
            limits: Limits::default(),
        }
    }
}

/// The chats that a sandbox can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// The documented API of Twake, 2020 to 2022.
    MessagesSave,
    /// The API of Twake's last release, 2022 and 2023.
    Threads,
    /// Twake Chat today: a Matrix homeserver.
    Matrix,
}

/// A rate limit of an account: messages, joins and new rooms take from one bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Actions a second in the long run; 0: no limit.
    pub per_second: f64,
    /// Actions at once.
    pub burst: f64,
}

impl RateLimit {
    /// The default of Synapse, `rc_message`.
    pub const SYNAPSE: Self = Self {
        per_second: 0.2,
        burst: 10.0,
    };
}

/// The generations of the server behind `messages/save`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2020: an unknown channel is a fatal error.
    A2020,
    /// 2021, the documented one: an unknown channel looks like a success.
    A2021,
    /// Late 2021 and after: a shim that forwards to the next generation, and loses most of a bare string.
    B,
}

impl Era {
    /// Its name on the page.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::A2020 => "Twake of 2020",
            Self::A2021 => "Twake of 2021",
            Self::B => "Twake of 2022",
        }
    }
}

/// A person in every sandbox. In Matrix this account created the rooms of the settings, and is the server's admin.
pub const PERSON: &str = "ann";

/// The token of [`PERSON`] for the APIs that have tokens.
pub const PERSON_TOKEN: &str = "sandbox-person";

/// An application with credentials. In Matrix: an account.
#[derive(Clone)]
pub struct Application {
    /// The name that its messages are shown with.
    pub name: String,
    /// Its public identifier. In Matrix: the part of its user id before the server.
    pub public_id: String,
    /// Its private key. In Matrix: its password, and an access token.
    pub private_api_key: Secret,
    /// Matrix: the device of that access token. Unset: an application service, which has no device and no rate limit.
    pub device: Option<String>,
    /// The companies it is installed in (`group_id`).
    pub groups: Vec<String>,
    /// Its capabilities; `messages_save` is needed to post.
    pub capabilities: Vec<String>,
}

impl Application {
    /// An application that is installed in `group` and may post messages.
    pub fn new(name: &str, public_id: &str, private_api_key: Secret, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            public_id: public_id.to_owned(),
            private_api_key,
            device: Some("TWAKEBRIDGE".to_owned()),
            groups: vec![group.to_owned()],
            capabilities: vec![MESSAGES_SAVE.to_owned()],
        }
    }
}

/// A channel that exists.
#[derive(Clone, Debug)]
pub struct Channel {
    /// `channel_id`. In Matrix: the id of the room, with its `!`.
    pub id: String,
    /// Its name on the page. In Matrix also its alias: `#{name}:sandbox.test`.
    pub name: String,
}

/// What the page of a demo shows besides the chat.
pub struct Presentation {
    /// The title of the page.
    pub title: String,
    /// A sentence about it.
    pub about: String,
    /// Links, each with its text.
    pub links: Vec<(String, Url)>,
    /// Commands to try, each behind what it does.
    pub calls: Vec<(String, String)>,
    /// The ids of the channels that are listed first. The others are on the page "All samples".
    pub first: Vec<String>,
}

/// How much a sandbox keeps. Beyond that, the oldest is removed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body. Twake's proxy allows 200 MB.
    pub body: usize,
    /// Messages kept in a channel, and in Matrix events of a room. Only these can be edited or answered.
    pub messages: usize,
    /// Ids kept of a channel's messages, in the order of their arrival.
    pub ids: usize,
    /// Channels kept that do not exist. Messages for further ones get a response and are not kept. In Matrix: rooms made
    /// by calls.
    pub unknown_channels: usize,
    /// Attempts kept of all channels together. In Matrix also transaction ids, and tokens.
    pub attempts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 8 * 1024 * 1024,
            messages: 1_000,
            ids: 100_000,
            unknown_channels: 100,
            attempts: 10_000,
        }
    }
}
