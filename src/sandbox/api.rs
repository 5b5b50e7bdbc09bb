//! The three chats: which one a sandbox imitates, and the calls of their APIs.

use jiff::Timestamp;

use super::fault::Fault;
use super::request::Request;
use super::response::Response;
use super::settings::Api;
use super::state::SandboxState;
use super::{matrix, messages_save, threads};

/// A call of the imitated API.
pub(super) enum Call {
    /// The documented API.
    MessagesSave(messages_save::Call),
    /// The API of the last release.
    Threads(threads::Call),
    /// A homeserver.
    Matrix(matrix::Call),
}

impl Call {
    pub(super) fn parse(api: Api, request: Request) -> Self {
        match api {
            Api::MessagesSave => Self::MessagesSave(messages_save::Call::parse(&request)),
            Api::Threads => Self::Threads(threads::Call::parse(request)),
            Api::Matrix => Self::Matrix(matrix::Call::parse(request)),
        }
    }

    /// The channel it names.
    pub(super) fn channel(&self, state: &SandboxState) -> Option<String> {
        match self {
            Self::MessagesSave(call) => call.channel().map(str::to_owned),
            Self::Threads(call) => call.channel(state),
            Self::Matrix(call) => call.channel(state),
        }
    }

    /// Whether it stores or edits a message. A fault that acts on a message leaves other calls alone.
    pub(super) fn stores(&self) -> bool {
        match self {
            Self::MessagesSave(_) => true,
            Self::Threads(call) => call.stores(),
            Self::Matrix(call) => call.stores(),
        }
    }

    /// Whether the message, as JSON, contains a text.
    pub(super) fn contains(&self, text: &str) -> bool {
        match self {
            Self::MessagesSave(call) => call.contains(text),
            Self::Threads(call) => call.contains(text),
            Self::Matrix(call) => call.contains(text),
        }
    }

    /// Responds as the chat does, and stores what it stores.
    pub(super) fn respond(&self, state: &mut SandboxState, now: Timestamp) -> Response {
        match self {
            Self::MessagesSave(call) => messages_save::respond(state, call, now),
            Self::Threads(call) => threads::respond(state, call, now),
            Self::Matrix(call) => matrix::respond(state, call, now),
        }
    }

    /// The response of a fault that differs between the chats; `None`: a proxy or the network makes it.
    pub(super) fn fault(&self, fault: &Fault) -> Option<Response> {
        match self {
            Self::MessagesSave(call) => messages_save::fault(fault, call),
            Self::Threads(_) => threads::fault(fault),
            Self::Matrix(_) => matrix::fault(fault),
        }
    }
}
