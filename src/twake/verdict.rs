//! How an attempt ends, and the form of the tables that state it for each answer.

use std::fmt;
use std::time::Duration;

use super::RemoteId;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What follows from it.
    pub kind: VerdictKind,
    /// Why.
    pub reason: Reason,
    /// The chat may have the message although this attempt did not end well: another attempt may post it twice.
    pub may_be_duplicate: bool,
    /// Whether this attempt has looked for the message of earlier attempts in the chat. Then none of them may have made a
    /// duplicate.
    pub looked_up: bool,
    /// What a person should do about it, or know of it.
    pub hint: &'static str,
    /// Details beyond the reason, from the answer or the system: one short line without control characters.
    pub detail: String,
    /// What a person should know, however the attempt ended: one short line without control characters.
    pub notice: Option<String>,
    /// The HTTP status of the last response of the attempt. The client sets it.
    pub status: Option<u16>,
}

impl Verdict {
    /// The verdict on an attempt that the stop of the bridge has ended before its message was sent.
    pub fn stopped() -> Self {
        Self {
            kind: VerdictKind::Retry {
                after: None,
                times: None,
                pause: None,
            },
            reason: Reason::Stopped,
            may_be_duplicate: false,
            looked_up: false,
            hint: "nothing: the bridge posts the message when it runs again",
            detail: String::new(),
            notice: None,
            status: None,
        }
    }
}

/// The hint for a message that is refused while its account is accepted.
const REFUSED_TEXT: &str =
    "this message alone is refused: look for what filters texts in front of Twake, and at this text";

impl Verdict {
    /// The verdict on a message, after that on the probe that followed it.
    pub(super) fn after_probe(self, probe: Self) -> Self {
        match probe.kind {
            VerdictKind::Accepted => self.of_this_message("Twake accepts the account, so it is this message"),
            // The probe's answer is what stops every message.
            VerdictKind::Halt(_) => Self {
                may_be_duplicate: self.may_be_duplicate,
                ..probe
            },
            _ => self,
        }
    }

    /// The verdict on a message that is refused although others are not. `why` is added to its details.
    pub(super) fn of_this_message(self, why: &str) -> Self {
        let detail = match self.detail.as_str() {
            "" => why.to_owned(),
            detail => format!("{detail}; {why}"),
        };
        let kind = VerdictKind::Retry {
            after: None,
            times: Some(RETRIES_WHEN_UNSURE),
            pause: None,
        };
        Self {
            kind,
            detail,
            hint: REFUSED_TEXT,
            ..self
        }
    }
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerdictKind {
    /// The chat has the message, under this id.
    Delivered(RemoteId),
    /// It may pass later.
    Retry {
        /// The least wait, as `Retry-After` asked or the dialect knows.
        after: Option<Duration>,
        /// So many times for this reason in a row, then it is rejected; unset: up to the horizon.
        times: Option<u32>,
        /// Nothing is posted in this scope before that; unset: in the lane alone.
        pause: Option<HaltScope>,
    },
    /// Nothing in this scope can pass until a person acts.
    Halt(HaltScope),
    /// This message cannot pass.
    Reject,
    /// The message that this one was to reply to or update is not there. Posted instead, it may pass. Never of a post.
    TargetGone,
    /// Of a probe alone: the chat would take a message.
    Accepted,
}

/// What a halt or a pause stops: every destination that has it among its [scopes](super::Destination::scopes). Delivery only
/// compares and shows it; the dialect decides what it covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HaltScope {
    account: String,
    part: Option<String>,
}

impl HaltScope {
    /// The whole account.
    pub fn account(name: &str) -> Self {
        Self {
            account: name.to_owned(),
            part: None,
        }
    }

    /// A part of the account, such as `company 5fca` or `channel dev`.
    pub fn part(account: &str, part: String) -> Self {
        Self {
            account: account.to_owned(),
            part: Some(part),
        }
    }

    /// The account's name.
    pub fn account_name(&self) -> &str {
        &self.account
    }
}

impl fmt::Display for HaltScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            None => write!(f, "account {}", self.account),
            Some(part) => write!(f, "{part} of account {}", self.account),
        }
    }
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
    /// The chat has the message and gave it an id.
    Delivered = "delivered",
    /// The account is not known, or its key is wrong.
    WrongKey = "wrong_key",
    /// The company does not exist, or the application is not installed in it.
    CompanyWithoutApplication = "company_without_application",
    /// The application lacks a capability.
    MissingCapability = "missing_capability",
    /// The application lacks a privilege.
    MissingPrivilege = "missing_privilege",
    /// The request has no token: something on the way removed it.
    MissingToken = "missing_token",
    /// The server bars the account: locked, suspended, or it has not agreed to the terms.
    AccountBarred = "account_barred",
    /// The account is not in the room, and not invited.
    NotInRoom = "not_in_room",
    /// The account is banned from the room.
    Banned = "banned",
    /// The server's administrator has blocked the room.
    RoomBlocked = "room_blocked",
    /// There is no such room.
    UnknownRoom = "unknown_room",
    /// The account may not post in the room.
    MissingPower = "missing_power",
    /// There is no such channel, in this workspace and company.
    UnknownChannel = "unknown_channel",
    /// The room was replaced by another one.
    RoomReplaced = "room_replaced",
    /// The room is encrypted.
    RoomEncrypted = "room_encrypted",
    /// The server cannot read the request.
    Malformed = "malformed",
    /// The message to reply to or to update does not seem to be there.
    TargetMissing = "target_missing",
    /// There is no such address: the request reached something other than Twake's API.
    Misrouted = "misrouted",
    /// Something in front of Twake refuses the bridge.
    Forbidden = "forbidden",
    /// The server names another address.
    Redirected = "redirected",
    /// Twake's error for a bad request, which it also gives for faults of its own.
    Ambiguous = "ambiguous_error",
    /// Twake named an error that is not known here.
    UnknownError = "unknown_error",
    /// A status that refuses the request without a reason.
    Refused = "refused",
    /// The message is too large.
    TooLarge = "too_large",
    /// A response without a body.
    EmptyAnswer = "empty_answer",
    /// A response without the message's id.
    NoMessageId = "no_message_id",
    /// A response that is not Twake's.
    NotJson = "not_json",
    /// The response began as a success and was not whole.
    AnswerCut = "answer_cut",
    /// A success of another kind than Twake's.
    UnexpectedStatus = "unexpected_status",
    /// The server failed.
    ServerError = "server_error",
    /// The server is not available now.
    Unavailable = "unavailable",
    /// The server asks for fewer requests.
    RateLimited = "rate_limited",
    /// The server's name has no address.
    Unresolved = "unresolved",
    /// No connection.
    Unreachable = "unreachable",
    /// No TLS.
    Tls = "tls",
    /// The server requires another client certificate, or one at all.
    CertificateRefused = "certificate_refused",
    /// No tunnel through the account's proxy.
    Proxy = "proxy",
    /// The account's proxy refuses the bridge.
    ProxyRefused = "proxy_refused",
    /// No response in time.
    TimedOut = "timed_out",
    /// The connection broke.
    Broken = "connection_broken",
    /// The bytes that came are not HTTP.
    Garbled = "not_http",
    /// Not delivered within the horizon (from delivery, not from Twake).
    Expired = "expired",
    /// This version cannot read the stored message (from delivery, not from Twake).
    Unreadable = "unreadable",
    /// The bridge stopped before it sent the message (from delivery, not from Twake).
    Stopped = "stopped",
    /// Discarded by an operator (from the queue, not from Twake).
    Discarded = "discarded",
}

impl Reason {
    /// The reason of a label.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

/// A row of a table of answers: what an answer means, and what follows from it.
pub struct AnswerRow {
    /// Why the attempt ended so; each reason has one row at the most.
    pub reason: Reason,
    /// What the answer looks like.
    pub answer: &'static str,
    /// What follows.
    pub ends: Ends,
    /// Whether Twake may have the message all the same.
    pub may_be_duplicate: bool,
    /// What a person should do about it, or know of it.
    pub hint: &'static str,
}

impl AnswerRow {
    /// The verdict on an answer that this row describes. `id`: the message's id, if the answer has it. `after`: the wait
    /// that it asks for. `in_a_row`: how many attempts before this one failed in a row for this reason.
    pub(super) fn verdict(
        &self,
        finding: Finding,
        id: Option<RemoteId>,
        after: Option<Duration>,
        in_a_row: u32,
        scope: impl Fn(Extent) -> HaltScope,
    ) -> Verdict {
        let retry = |after, times, pause| VerdictKind::Retry { after, times, pause };
        let kind = match (self.ends, id) {
            (Ends::Delivered, Some(id)) => VerdictKind::Delivered(id),
            (Ends::Retry | Ends::Delivered, _) => retry(after, None, None),
            (Ends::RetryTimes(times), _) => retry(after, Some(times), None),
            (Ends::RetryThenPost(times), _) if in_a_row >= times => VerdictKind::TargetGone,
            (Ends::RetryThenPost(_), _) => retry(Some(TARGET_PAUSE), None, None),
            (Ends::Pause(extent), _) => retry(after, None, Some(scope(extent))),
            (Ends::Halt(extent) | Ends::Probe(extent), _) => VerdictKind::Halt(scope(extent)),
            (Ends::Reject, _) => VerdictKind::Reject,
        };
        Verdict {
            kind,
            reason: finding.reason,
            may_be_duplicate: self.may_be_duplicate,
            looked_up: false,
            hint: self.hint,
            detail: finding.detail,
            notice: None,
            status: None,
        }
    }
}

/// The least wait before a reply or an update whose target does not seem to be there is sent again.
pub(super) const TARGET_PAUSE: Duration = Duration::from_secs(2);

/// What follows from an answer, as a table states it without the answer at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// See [`VerdictKind::Delivered`].
    Delivered,
    /// See [`VerdictKind::Retry`]: up to the horizon.
    Retry,
    /// See [`VerdictKind::Retry`]: so many times, then rejected.
    RetryTimes(u32),
    /// See [`VerdictKind::Retry`]: so many times (0: none), then [`VerdictKind::TargetGone`].
    RetryThenPost(u32),
    /// See [`VerdictKind::Retry`]: up to the horizon, and nothing else is posted in this extent before.
    Pause(Extent),
    /// See [`VerdictKind::Halt`].
    Halt(Extent),
    /// The cause may be the text of the message (a filter in front of Twake) or the account. A probe of the account, which
    /// posts nothing, finds out. If it passes: [`VerdictKind::Retry`], [`RETRIES_WHEN_UNSURE`] times, then rejected. If
    /// not: [`VerdictKind::Halt`].
    Probe(Extent),
    /// See [`VerdictKind::Reject`].
    Reject,
}

/// How much of an account a halt stops. The dialect makes a [`HaltScope`] of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every channel of the account.
    Account,
    /// Every channel of the account in the same company.
    Company,
    /// The channel alone.
    Channel,
}

/// Retries of an answer that may be about the message or about the server.
pub const RETRIES_WHEN_UNSURE: u32 = 5;

/// What an answer means: its reason and details, before a table states what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Finding {
    /// `detail` is cut to one short line.
    pub(super) fn new(reason: Reason, detail: &str) -> Self {
        let detail = detail.chars().filter(|c| !c.is_control()).take(200).collect();
        Self { reason, detail }
    }

    /// The same with more details.
    pub(super) fn with(self, more: &str) -> Self {
        match self.detail.as_str() {
            "" => Self::new(self.reason, more),
            detail => Self::new(self.reason, &format!("{detail}; {more}")),
        }
    }
}
