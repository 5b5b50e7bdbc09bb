//! Twake, every generation of it: a `Document` becomes a request, an answer becomes a verdict. One file a dialect,
//! all of one shape: `request`, `verdict`, and one table of answers.

pub mod messages_save;
pub mod outbound;
mod redaction;
pub mod twacode;

use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use crate::message::StoredMessage;
use crate::secret::Secret;
use crate::units::Rate;

pub use outbound::Outbound;

/// `[twake.NAME]`: a Twake with credentials.
pub struct Account {
    /// Its name in `bridge.toml`.
    pub name: String,
    /// The dialect.
    pub api: Api,
    /// Where it is.
    pub url: Url,
    /// The application's public identifier.
    pub public_id: String,
    /// The application's private key.
    pub private_api_key: Secret,
    /// The company, where a channel names no other.
    pub group_id: String,
    /// How it is reached.
    pub outbound: Outbound,
}

/// The dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `POST {url}/api/v1/messages/save`.
    MessagesSave,
}

/// `[channels] NAME`: a place in an account that the bridge may post to.
#[derive(Clone)]
pub struct Destination {
    /// The account.
    pub account: Arc<Account>,
    /// The company.
    pub group_id: String,
    /// The channel.
    pub channel_id: String,
    /// At most this often; unset: as fast as Twake answers.
    pub rate: Option<Rate>,
}

impl Destination {
    /// Whether a message for this destination goes where one for `other` does, on the same way and with the same credentials.
    pub fn same_destination(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        self.channel_id == other.channel_id
            && self.group_id == other.group_id
            && one.api == two.api
            && one.url == two.url
            && one.public_id == two.public_id
            && one.private_api_key.matches(two.private_api_key.expose())
            && one.outbound.fingerprint() == two.outbound.fingerprint()
    }
}

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Told as a new message at the channel's end.
    Post,
}

/// The request that asks whether an account would be let in, and tells nothing.
pub fn probe(destination: &Destination) -> Request {
    match destination.account.api {
        Api::MessagesSave => messages_save::probe(destination),
    }
}

/// One HTTP request to Twake. It holds the account's credentials, so it has no `Debug`.
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Where to.
    pub url: Url,
    /// Headers without anything secret.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The value of the header `Authorization`.
    pub authorization: Secret,
    /// The body.
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// An HTTP response.
    Response {
        /// The status.
        status: u16,
        /// The header `Retry-After` as it came.
        retry_after: Option<&'a str>,
        /// The body, as much of it as is read.
        body: &'a [u8],
        /// Why the body is not whole, where it should be read whole and is not.
        cut: Option<&'a str>,
    },
    /// None: why, and what the system said of it.
    Failed(Transport, &'a str),
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The server's name has no address.
    Unresolved,
    /// No connection: refused, unreachable, or not made in time. Nothing was sent.
    Unreachable,
    /// A connection, but no TLS over it. Nothing was sent.
    Tls,
    /// The server refuses the account's certificate, or its lack of one. Nothing was sent, or nobody read it.
    CertificateRefused,
    /// The account's proxy is not reached, or makes no tunnel. Nothing was sent.
    Proxy,
    /// The account's proxy refuses: by the bridge's credentials, or by where it wants to go. Nothing was sent.
    ProxyRefused,
    /// No response in time; the request may have been carried out.
    TimedOut,
    /// The connection broke before the response was whole; the request may have been carried out.
    Broken,
    /// What came is not HTTP; the request may have been carried out.
    Garbled,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What follows from it.
    pub kind: Kind,
    /// Why.
    pub reason: Reason,
    /// The text of the message may be the reason: see [`Ends::Probe`].
    pub wants_probe: bool,
    /// Twake may have the message although this attempt did not end well: another attempt may tell it twice.
    pub may_be_duplicate: bool,
    /// What a person should do about it, or know of it.
    pub hint: &'static str,
    /// What Twake said, where that says more than the reason: one short line without control characters.
    pub detail: String,
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Twake has it.
    Delivered {
        /// Twake's id of the message.
        id: String,
    },
    /// It may pass later.
    Retry {
        /// What `Retry-After` asked for.
        after: Option<Duration>,
        /// So many times for this reason in a row, then it is rejected; unset: up to the horizon.
        times: Option<u32>,
    },
    /// Nothing can pass until a person acts.
    Halt(HaltScope),
    /// This message cannot pass.
    Reject,
}

/// How much a halt stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltScope {
    /// Every channel of the account.
    Account,
    /// Every channel of the account in this company.
    Company,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// Why an attempt ended as it did: a label in metrics, the store and logs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[doc = $doc])+ $name,)+ }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The label.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

reasons! {
    /// Twake has it and gave it an id.
    Delivered = "delivered",
    /// The account is not known, or its key is wrong.
    WrongKey = "wrong_key",
    /// The company does not exist, or the application is not installed in it.
    CompanyWithoutApplication = "company_without_application",
    /// The application lacks a capability.
    MissingCapability = "missing_capability",
    /// The application lacks a privilege.
    MissingPrivilege = "missing_privilege",
    /// There is no such address: the request reached something else than Twake's API.
    Misrouted = "misrouted",
    /// Something in front of Twake refuses the bridge.
    Forbidden = "forbidden",
    /// The server names another address.
    Redirected = "redirected",
    /// Twake's error for a bad request, which it also uses for troubles of its own.
    Ambiguous = "ambiguous_error",
    /// Twake named an error that is not known here.
    UnknownError = "unknown_error",
    /// A status that says the request was refused, but not why.
    Refused = "refused",
    /// The message is too large.
    TooLarge = "too_large",
    /// An answer without a body.
    EmptyAnswer = "empty_answer",
    /// An answer without the message's id.
    NoMessageId = "no_message_id",
    /// An answer that is not Twake's.
    NotJson = "not_json",
    /// The answer began as a success and was not whole.
    AnswerCut = "answer_cut",
    /// A success of another kind than Twake's.
    UnexpectedStatus = "unexpected_status",
    /// The server failed.
    ServerError = "server_error",
    /// The server asks for patience.
    Unavailable = "unavailable",
    /// The server asks for fewer requests.
    RateLimited = "rate_limited",
    /// The server's name has no address.
    Unresolved = "unresolved",
    /// No connection.
    Unreachable = "unreachable",
    /// No TLS.
    Tls = "tls",
    /// The server wants to see another certificate, or one at all.
    CertificateRefused = "certificate_refused",
    /// No tunnel through the account's proxy.
    Proxy = "proxy",
    /// The account's proxy refuses the bridge.
    ProxyRefused = "proxy_refused",
    /// No response in time.
    TimedOut = "timed_out",
    /// The connection broke.
    Broken = "connection_broken",
    /// What came is not HTTP.
    Garbled = "not_http",
    /// Not delivered within the horizon (said by delivery, not by Twake).
    Expired = "expired",
    /// The stored message cannot be read by this version (said by delivery, not by Twake).
    Unreadable = "unreadable",
    /// Discarded by an operator: a reason of the queue, not of Twake.
    Discarded = "discarded",
}

impl Reason {
    /// The reason of a label.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

/// A row of a dialect's table of answers: what an answer means, and what follows from it.
pub struct AnswerRow {
    /// Why the attempt ended so; each reason has one row at the most.
    pub reason: Reason,
    /// How the answer looks.
    pub answer: &'static str,
    /// What follows.
    pub ends: Ends,
    /// Whether Twake may have the message all the same.
    pub may_be_duplicate: bool,
    /// What a person should do about it, or know of it.
    pub hint: &'static str,
}

/// What follows from an answer, without what only the answer itself can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// See [`Kind::Delivered`].
    Delivered,
    /// See [`Kind::Retry`]: up to the horizon.
    Retry,
    /// See [`Kind::Retry`]: so many times, then rejected.
    RetryTimes(u32),
    /// See [`Kind::Halt`].
    Halt(HaltScope),
    /// The text of the message may be the reason (a filter in front of Twake), or the account: a probe without a message
    /// tells. Passes the probe: [`Kind::Retry`], [`RETRIES_WHEN_UNSURE`] times, then rejected. If not: [`Kind::Halt`].
    Probe(HaltScope),
    /// See [`Kind::Reject`].
    Reject,
}

/// Retries of an answer that may be about the message or about the server.
pub const RETRIES_WHEN_UNSURE: u32 = 5;

/// Whether the answer to a probe shows that key, address and path are right.
pub fn probe_passed(api: Api, verdict: &Verdict) -> bool {
    match api {
        Api::MessagesSave => messages_save::probe_passed(verdict),
    }
}

/// What an answer to a message means ([`Verdict::wants_probe`]), after the answer to a probe without a message.
pub fn after_probe(api: Api, verdict: Verdict, probe: Verdict) -> Verdict {
    if probe_passed(api, &probe) {
        let detail = match verdict.detail.as_str() {
            "" => "Twake lets the account in, so it is this message".to_owned(),
            detail => format!("{detail}; Twake lets the account in, so it is this message"),
        };
        let kind = Kind::Retry {
            after: None,
            times: Some(RETRIES_WHEN_UNSURE),
        };
        return Verdict {
            kind,
            detail,
            hint: REFUSED_TEXT,
            ..verdict
        };
    }
    // What the probe met is what is in the way of everything, where it says so.
    match probe.kind {
        Kind::Halt(_) => Verdict {
            may_be_duplicate: verdict.may_be_duplicate,
            ..probe
        },
        _ => verdict,
    }
}

/// What to do about a message that is refused while the account is let in.
const REFUSED_TEXT: &str =
    "this message alone is refused: look for what filters texts in front of Twake, and at this text";

/// The request that tells `message` in `destination`.
pub fn request(destination: &Destination, act: Act, message: &StoredMessage) -> Request {
    match destination.account.api {
        Api::MessagesSave => messages_save::request(destination, act, message),
    }
}

/// What an answer means; `now` is what a `Retry-After` given as a date is measured from.
pub fn verdict(api: Api, answer: &Answer<'_>, now: Timestamp) -> Verdict {
    match api {
        Api::MessagesSave => messages_save::verdict(answer, now),
    }
}

/// A dialect's table of answers, as it is printed for people.
pub fn answers(api: Api) -> &'static [AnswerRow] {
    match api {
        Api::MessagesSave => messages_save::ANSWERS,
    }
}
