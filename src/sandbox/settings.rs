//! What a sandbox is started with.

use crate::secret::Secret;

/// The capability an application needs for `messages/save`; Twake's published page calls it `message_save`, its
/// server this.
pub(super) const MESSAGES_SAVE: &str = "messages_save";

/// What a sandbox is started with.
pub struct SandboxSettings {
    /// Where to listen (`127.0.0.1:0`: a free port, see [`super::Sandbox::url`]).
    pub listen: String,
    /// Whose behaviour to show.
    pub era: Era,
    /// The applications that may log in.
    pub applications: Vec<Application>,
    /// The channels that exist; the page shows these, in this order.
    pub channels: Vec<Channel>,
    /// How much is kept.
    pub limits: Limits,
}

impl SandboxSettings {
    /// A Twake of 2021 without applications and channels, on `listen`.
    pub fn new(listen: impl Into<String>) -> Self {
        Self {
            listen: listen.into(),
            era: Era::A2021,
            applications: Vec::new(),
            channels: Vec::new(),
            limits: Limits::default(),
        }
    }
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
    /// What the page calls it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::A2020 => "Twake of 2020",
            Self::A2021 => "Twake of 2021",
            Self::B => "Twake of 2022",
        }
    }
}

/// An application with credentials.
#[derive(Clone)]
pub struct Application {
    /// The name its messages are shown under.
    pub name: String,
    /// Its public identifier.
    pub public_id: String,
    /// Its private key.
    pub private_api_key: Secret,
    /// The companies it is installed in (`group_id`).
    pub groups: Vec<String>,
    /// What it may do; `messages_save` is needed for saving.
    pub capabilities: Vec<String>,
}

impl Application {
    /// An application that is installed in `group` and may save messages.
    pub fn new(name: &str, public_id: &str, private_api_key: Secret, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            public_id: public_id.to_owned(),
            private_api_key,
            groups: vec![group.to_owned()],
            capabilities: vec![MESSAGES_SAVE.to_owned()],
        }
    }
}

/// A channel that exists.
#[derive(Clone, Debug)]
pub struct Channel {
    /// `channel_id`.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// How much a sandbox keeps; what exceeds it displaces the oldest.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body. Twake's proxy allows 200 MB; a stand-in on a laptop need not.
    pub body: usize,
    /// Messages kept whole in a channel. An edit or a reply needs its message to be among them.
    pub messages: usize,
    /// Ids kept of a channel's messages, in the order they arrived.
    pub ids: usize,
    /// Channels kept that do not exist; messages for further ones are answered and forgotten.
    pub unknown_channels: usize,
    /// Attempts kept, of all channels together.
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
