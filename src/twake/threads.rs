//! The API of Twake's last release (2022 and 2023): threads in channels, served by its Node backend.
//!
//! ```text
//! POST console/v1/login ─► GET channel ─► GET opener ─► GET feed ─► POST …/threads, …/messages, …/messages/{id}
//!     once an hour       once a session    reply, update  after doubt            each message
//! ```
//!
//! The status of HTTP is that of the proxy in front of the API. What the API refuses is 200 with a `statusCode` in the body.
//! An application's token lives for an hour. The `refresh` token is not used: it renews to a token that names no application.
//!
//! The server takes what nobody will read: messages for channels that do not exist, and replies to deleted messages. So the
//! attempt looks at both first. It has no transaction ids. A message carries the id of its delivery in `context`, and before it is
//! sent again after a doubtful attempt, the attempt looks for that id in the channel.
//!
//! Checked against the code of version 2023.Q1.1223. What the server answered is in `tests/data/exchanges/threads`.

mod account;
mod answers;
mod attempt;
mod calls;
mod reading;

pub use account::{Account, Destination};
pub use answers::ANSWERS;
pub use attempt::Attempt;

use super::Job;
use super::http::Request;
use crate::secret::Secret;

/// The request for a job, as a preview shows it.
pub(super) fn request(destination: &Destination, job: &Job<'_>) -> Request {
    calls::send(destination, &Secret::new("TOKEN"), job)
}

#[cfg(test)]
mod tests;
