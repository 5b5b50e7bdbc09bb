//! Faults: responses that an admin can set instead of Twake's own.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The default wait of [`Fault::SlowAfterStoring`]: longer than any client waits.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// The default word of [`Fault::BlockedText`].
const BLOCKED: &str = "DROP TABLE";

/// A response instead of the chat's own. The servers of `messages/save` are known to send those above the first line; the other
/// chats send their nearest one. Those below it come from a proxy in front of the chat, or from the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 200 with an empty body, as when an exception escapes Twake's controller. Nothing is stored.
    Empty,
    /// 500 with a body that is not JSON. Nothing is stored.
    ServerError,
    /// 200 with `object.id: null`: the shim could not reach the server behind it. Nothing is stored.
    IdNull,
    /// The same, but the server behind was only slow, and has stored the message.
    IdNullAfterStoring,
    /// 200 with a body that is not JSON. Nothing is stored.
    NotJson,
    /// Stores the message, then responds after a while. A client that gave up and retries makes a duplicate.
    SlowAfterStoring {
        /// The delay.
        delay: Duration,
    },
    /// Stores the message, then resets the connection.
    ResetAfterStoring,
    /// The refusal of a wrong key.
    RefuseKey,
    /// The refusal of an application without the capability.
    NoCapability,
    /// The refusal of a company in which the application is not installed.
    NotInstalled,
    /// 404 `{"error":"Not found"}`: the path led to the other server.
    Misrouted,
    /// `unknown error or malformed query.`, which hides a broken database as well as a broken request.
    UnknownError,
    // ---- never sent by Twake itself ----
    /// 429.
    TooManyRequests {
        /// The `Retry-After` header, seconds or a date.
        retry_after: Option<String>,
    },
    /// 502, as from a proxy whose server is down.
    BadGateway,
    /// 503.
    Unavailable {
        /// The `Retry-After` header, seconds or a date.
        retry_after: Option<String>,
    },
    /// 301 to another address.
    Redirect {
        /// The `Location` header; unset: a path of the sandbox that does not exist.
        location: Option<String>,
    },
    /// 413, as from a proxy.
    TooLarge,
    /// No response until the client gives up or the sandbox stops.
    Hang,
    /// The connection is reset without a response.
    Reset,
    /// 403 with a page, as from a filter, for a message that contains a word. Other calls get Twake's response.
    BlockedText {
        /// The word, as it stands in the JSON.
        word: String,
    },
    // ---- Twake's own response, in another form ----
    /// 103 before the response.
    Interim,
    /// A response without a length, which ends with its connection.
    NoLength,
    /// A response in gzip, which the request did not accept.
    Gzip,
    /// A byte order mark before the JSON.
    ByteOrderMark,
    /// A notice of PHP before the JSON.
    Notice,
}

impl Fault {
    /// Whether it acts on a message: other calls get the chat's own response.
    pub(super) fn needs_message(&self) -> bool {
        matches!(
            self,
            Self::IdNull
                | Self::IdNullAfterStoring
                | Self::SlowAfterStoring { .. }
                | Self::BlockedText { .. }
        )
    }

    /// Its name in the admin's calls.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::ServerError => "server_error",
            Self::IdNull => "id_null",
            Self::IdNullAfterStoring => "id_null_after_storing",
            Self::NotJson => "not_json",
            Self::SlowAfterStoring { .. } => "slow_after_storing",
            Self::ResetAfterStoring => "reset_after_storing",
            Self::RefuseKey => "refuse_key",
            Self::NoCapability => "no_capability",
            Self::NotInstalled => "not_installed",
            Self::Misrouted => "misrouted",
            Self::UnknownError => "unknown_error",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::BadGateway => "bad_gateway",
            Self::Unavailable { .. } => "unavailable",
            Self::Redirect { .. } => "redirect",
            Self::TooLarge => "too_large",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::BlockedText { .. } => "blocked_text",
            Self::Interim => "interim",
            Self::NoLength => "no_length",
            Self::Gzip => "gzip",
            Self::ByteOrderMark => "byte_order_mark",
            Self::Notice => "notice",
        }
    }
}

/// A fault that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveFault {
    /// Its channel; unset: all channels without a fault of their own.
    pub channel: Option<String>,
    /// The fault.
    pub fault: Fault,
    /// For how many more calls; unset: until it is removed.
    pub times: Option<u32>,
}

/// The body of `POST /sandbox/faults`. An unknown key is refused: with a misspelt `channel` the fault would apply to
/// all channels.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultRequest {
    channel: Option<String>,
    fault: FaultName,
    times: Option<u32>,
    retry_after: Option<String>,
    location: Option<String>,
    delay_ms: Option<u64>,
    word: Option<String>,
}

/// The names in the admin's calls. A test checks that they are those of [`Fault::name`].
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum FaultName {
    Empty,
    ServerError,
    IdNull,
    IdNullAfterStoring,
    NotJson,
    SlowAfterStoring,
    ResetAfterStoring,
    RefuseKey,
    NoCapability,
    NotInstalled,
    Misrouted,
    UnknownError,
    TooManyRequests,
    BadGateway,
    Unavailable,
    Redirect,
    TooLarge,
    Hang,
    Reset,
    BlockedText,
    Interim,
    NoLength,
    Gzip,
    ByteOrderMark,
    Notice,
}

impl From<FaultRequest> for ActiveFault {
    fn from(request: FaultRequest) -> Self {
        let fault = match request.fault {
            FaultName::Empty => Fault::Empty,
            FaultName::ServerError => Fault::ServerError,
            FaultName::IdNull => Fault::IdNull,
            FaultName::IdNullAfterStoring => Fault::IdNullAfterStoring,
            FaultName::NotJson => Fault::NotJson,
            FaultName::SlowAfterStoring => Fault::SlowAfterStoring {
                delay: request.delay_ms.map_or(LONG, Duration::from_millis),
            },
            FaultName::ResetAfterStoring => Fault::ResetAfterStoring,
            FaultName::RefuseKey => Fault::RefuseKey,
            FaultName::NoCapability => Fault::NoCapability,
            FaultName::NotInstalled => Fault::NotInstalled,
            FaultName::Misrouted => Fault::Misrouted,
            FaultName::UnknownError => Fault::UnknownError,
            FaultName::TooManyRequests => Fault::TooManyRequests {
                retry_after: request.retry_after,
            },
            FaultName::BadGateway => Fault::BadGateway,
            FaultName::Unavailable => Fault::Unavailable {
                retry_after: request.retry_after,
            },
            FaultName::Redirect => Fault::Redirect {
                location: request.location,
            },
            FaultName::TooLarge => Fault::TooLarge,
            FaultName::Hang => Fault::Hang,
            FaultName::Reset => Fault::Reset,
            FaultName::BlockedText => Fault::BlockedText {
                word: request.word.unwrap_or_else(|| BLOCKED.to_owned()),
            },
            FaultName::Interim => Fault::Interim,
            FaultName::NoLength => Fault::NoLength,
            FaultName::Gzip => Fault::Gzip,
            FaultName::ByteOrderMark => Fault::ByteOrderMark,
            FaultName::Notice => Fault::Notice,
        };
        Self {
            channel: request.channel,
            fault,
            times: request.times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_one_name() {
        for name in [
            FaultName::Empty,
            FaultName::ServerError,
            FaultName::IdNull,
            FaultName::IdNullAfterStoring,
            FaultName::NotJson,
            FaultName::SlowAfterStoring,
            FaultName::ResetAfterStoring,
            FaultName::RefuseKey,
            FaultName::NoCapability,
            FaultName::NotInstalled,
            FaultName::Misrouted,
            FaultName::UnknownError,
            FaultName::TooManyRequests,
            FaultName::BadGateway,
            FaultName::Unavailable,
            FaultName::Redirect,
            FaultName::TooLarge,
            FaultName::Hang,
            FaultName::Reset,
            FaultName::BlockedText,
            FaultName::Interim,
            FaultName::NoLength,
            FaultName::Gzip,
            FaultName::ByteOrderMark,
            FaultName::Notice,
        ] {
            let name = serde_json::to_value(name).expect("a name");
            let request: FaultRequest =
                serde_json::from_value(serde_json::json!({ "fault": name })).expect("a request");
            assert_eq!(name, ActiveFault::from(request).fault.name());
        }
    }
}
