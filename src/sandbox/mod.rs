//! A stand-in for the chat: `messages/save` of Twake, the threads API of its last release, or the Matrix homeserver of Twake
//! Chat. It responds as that server does, with faults on demand, and shows its channels on a page.
//!
//! It is a real peer on a real port, for `demo`, for `sandbox` and for tests. Nothing in the bridge knows that it is
//! not the chat. Its responses were observed by running the servers' code: `tests/data/exchanges` holds what was recorded, and a
//! test replays it. A comment marks those that were only read in the code.
//!
//! ```text
//! server          actix: receives a request, picks its fault, responds; the admin's calls
//! call            a received request, with its path and its body parsed once
//! api             what a call means in each chat
//! messages_save   one dialect: from a call and the state to a response
//! threads         another one: tokens, threads, replies, edits
//! matrix          another one: accounts, rooms, events, transaction ids
//! state           channels, messages, attempts, faults: all of it bounded, behind one lock
//! fault           the responses that an admin can set instead
//! page            the page in a browser: messages as a person sees them, who is notified
//! ```

mod api;
mod call;
mod fault;
mod handle;
mod matrix;
mod messages_save;
mod page;
mod pinned;
mod response;
mod sender;
mod server;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod threads;

pub use fault::{ActiveFault, Fault};
pub use handle::SandboxHandle;
pub use matrix::homeserver::SERVER_NAME;
pub use sender::{SampleRequest, SampleSender};
pub use server::Sandbox;
pub use settings::{
    Api, Application, Channel, Era, Limits, PERSON, PERSON_TOKEN, Presentation, RateLimit, SandboxSettings,
};
pub use state::{Arrivals, Attempt, SandboxMessage};
