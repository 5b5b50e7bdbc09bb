//! A stand-in for Twake: it answers `messages/save` as Twake's server does, with that server's own faults on demand,
//! and shows its channels on a page.
//!
//! It is a real peer on a real port, for `demo`, for `sandbox` and for tests; nothing in the bridge knows that it is
//! not Twake. What it answers was observed on Twake's own code; where that was not possible the comment says so.
//!
//! ```text
//! server          actix: reads a call, asks for a fault, answers; the admin's calls
//! messages_save   one dialect: a call and the state to an answer (a second dialect would be a second folder)
//! state           channels, messages, attempts, faults: all of it bounded, behind one lock
//! fault           what an admin can make it answer instead
//! page            what a browser sees: Twacode to HTML, notifications as a phone would show them
//! ```

mod fault;
mod handle;
mod messages_save;
mod page;
mod sender;
mod server;
mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use fault::{ActiveFault, Fault};
pub use handle::SandboxHandle;
pub use sender::{SampleRequest, SampleSender};
pub use server::Sandbox;
pub use settings::{Application, Channel, Era, Limits, SandboxSettings};
pub use state::{Arrivals, Attempt, SandboxMessage};
