//! Twake Chat of today: a Matrix homeserver, the client-server API of version 3.
//!
//! ```text
//! GET account/whoami ─► GET directory/room/{alias} ─► GET state m.room.tombstone, m.room.encryption ─► PUT send/m.room.message
//!     once an account           what is not known of the room, and every ten minutes of use             each message
//! ```
//!
//! The transaction id in the path makes a retry safe: the server answers the same id of the same device with the first event.
//! It remembers that for a day. Of a token without a device it forgets it when it restarts.
//!
//! A refusal (403 `M_FORBIDDEN`) has several causes. The attempt asks which one it is: is the room replaced, may the account
//! join, may it post? Then it sends the message again, or halts the channel. A server also takes what nobody will read:
//! messages into replaced and encrypted rooms, and replies to deleted messages. So the attempt looks at these first.
//!
//! Checked against Synapse 1.163 and the specification, version 1.19. What the server answered is in
//! `tests/data/exchanges/matrix`. An `error` text is shown, and nothing is decided by it.
//!
//! A token that expires is renewed with the account's refresh token, once for all lanes (`tokens`).

mod account;
mod answers;
mod attempt;
mod calls;
mod content;
mod reading;
mod registration;
mod room_state;
mod tokens;

pub use account::{Account, Credentials, Destination, Notify, Room, parse_user_id};
pub use answers::ANSWERS;
pub use attempt::Attempt;
pub use registration::{Registration, registration};
pub use tokens::{Renewal, Tokens};

use super::Job;
use super::http::Request;

/// The request for a job, as a preview shows it: with the configured room.
pub(super) fn request(destination: &Destination, job: &Job<'_>) -> Request {
    calls::send(destination, destination.room.text(), job)
}

#[cfg(test)]
mod tests;
