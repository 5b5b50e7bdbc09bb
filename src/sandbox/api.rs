//! The chats: which one a sandbox imitates, and what a call means there.

use jiff::Timestamp;

use super::call::Call;
use super::fault::Fault;
use super::response::Response;
use super::settings::Api;
use super::state::SandboxState;
use super::{matrix, messages_save, threads};

/// The channel that a call names.
pub(super) fn channel(state: &SandboxState, call: &Call) -> Option<String> {
    match state.settings.api {
        Api::MessagesSave => messages_save::channel(call).map(str::to_owned),
        Api::Threads => threads::channel(state, call),
        Api::Matrix => matrix::channel(state, call),
    }
}

/// Whether a call stores or edits a message. A fault that acts on a message leaves other calls alone.
pub(super) fn stores(api: Api, call: &Call) -> bool {
    match api {
        Api::MessagesSave => true,
        Api::Threads => threads::stores(call),
        Api::Matrix => matrix::stores(call),
    }
}

/// Responds as the chat does, and stores what it stores.
pub(super) fn respond(state: &mut SandboxState, call: &Call, now: Timestamp) -> Response {
    match state.settings.api {
        Api::MessagesSave => messages_save::respond(state, call, now),
        Api::Threads => threads::respond(state, call, now),
        Api::Matrix => matrix::respond(state, call, now),
    }
}

/// The response of a fault that differs between the chats; `None`: a proxy or the network makes it.
pub(super) fn fault(api: Api, fault: &Fault, call: &Call) -> Option<Response> {
    match api {
        Api::MessagesSave => messages_save::fault(fault, call),
        Api::Threads => threads::fault(fault),
        Api::Matrix => matrix::fault(fault),
    }
}
