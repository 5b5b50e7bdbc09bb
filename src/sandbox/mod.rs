//! A stand-in for Twake. It responds to `messages/save` as Twake's server does, with that server's faults on demand,
//! and shows its channels on a page.
//!
//! It is a real peer on a real port, for `demo`, for `sandbox` and for tests. Nothing in the bridge knows that it is
//! not Twake. Its responses were observed by running Twake's code. A comment marks those that were only read in the
//! code.
//!
//! ```text
//! server          actix: parses a call, picks its fault, responds; the admin's calls
//! messages_save   one dialect: from a call and the state to a response (a second dialect would be a second folder)
//! state           channels, messages, attempts, faults: all of it bounded, behind one lock
//! fault           the responses that an admin can set instead
//! page            the page in a browser: Twacode to HTML, notifications as a phone shows them
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
