//! The settings of a sandbox.

use crate::secret::Secret;

/// The capability that an application needs for `messages/save`. Twake's documentation calls it `message_save`; the
/// server knows only this name.
pub(super) const MESSAGES_SAVE: &str = "messages_save";

/// The settings of a sandbox.
pub struct SandboxSettings {
    /// The address to listen on (`127.0.0.1:0`: a free port, see [`super::Sandbox::url`]).
    pub listen: String,
    /// The generation of Twake that it imitates.
    pub era: Era,
    /// The applications that may authenticate.
    pub applications: Vec<Application>,
    /// The channels that exist, in the order of the page.
    pub channels: Vec<Channel>,
    /// The limits of what it keeps.
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
    /// Its name on the page.
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
    /// The name that its messages are shown with.
    pub name: String,
    /// Its public identifier.
    pub public_id: String,
    /// Its private key.
    pub private_api_key: Secret,
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
    /// Its name on the page.
    pub name: String,
}

/// How much a sandbox keeps. Beyond that, the oldest is removed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a request's body. Twake's proxy allows 200 MB.
    pub body: usize,
    /// Messages kept in a channel. Only these can be edited or answered.
    pub messages: usize,
    /// Ids kept of a channel's messages, in the order of their arrival.
    pub ids: usize,
    /// Channels kept that do not exist. Messages for further ones get a response and are not kept.
    pub unknown_channels: usize,
    /// Attempts kept of all channels together.
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
