//! The table of the dialect's own answers: what each means, what follows from it, what to do. It is printed in
//! docs/twake.md.

use crate::twake::{AnswerRow, Ends, Extent, RETRIES_WHEN_UNSURE, Reason};

/// Retries of a reply or an update whose target does not seem to be there; then the message is posted.
const RETRIES_WITH_TARGET: u32 = 2;

/// Every answer, what follows from it, and what to do about it.
pub const ANSWERS: &[AnswerRow] = &[
    AnswerRow {
        reason: Reason::Delivered,
        answer: "200, a JSON object without error, object.id a text that is not empty",
        ends: Ends::Delivered,
        may_be_duplicate: false,
        hint: "nothing. If the message is not in the channel, check channel_id: Twake accepts a wrong one",
    },
    AnswerRow {
        reason: Reason::WrongKey,
        answer: "200, error unknown_application_or_bad_private_key",
        ends: Ends::Halt(Extent::Account),
        may_be_duplicate: false,
        hint: "compare public_id and private_api_key with the application's page in Twake; a key with a colon never authenticates",
    },
    AnswerRow {
        reason: Reason::CompanyWithoutApplication,
        answer: "200, error you_need_to_provide_a_valid_group_id_field_in_any_api_request",
        ends: Ends::Halt(Extent::Company),
        may_be_duplicate: false,
        hint: "install the application in the company, and compare group_id with the company's id",
    },
    AnswerRow {
        reason: Reason::MissingCapability,
        answer: "200, error you_do_not_have_this_set_of_required_capabilities",
        ends: Ends::Halt(Extent::Account),
        may_be_duplicate: false,
        hint: "give the application the write privilege messages_save (with an s) in Twake",
    },
    AnswerRow {
        reason: Reason::MissingPrivilege,
        answer: "200, error you_do_not_have_this_set_of_required_privileges",
        ends: Ends::Halt(Extent::Account),
        may_be_duplicate: false,
        hint: "give the application the privilege that Twake names",
    },
    AnswerRow {
        reason: Reason::Ambiguous,
        answer: "200, error \"unknown error or malformed query.\"",
        ends: Ends::RetryTimes(RETRIES_WHEN_UNSURE),
        may_be_duplicate: true,
        hint: "Twake gives this error for a bad request and for a fault of its database: check that channel_id is set, then Twake's log",
    },
    AnswerRow {
        reason: Reason::UnknownError,
        answer: "200, any other error",
        ends: Ends::RetryTimes(RETRIES_WHEN_UNSURE),
        may_be_duplicate: false,
        hint: "look the error up in Twake's log",
    },
    AnswerRow {
        reason: Reason::NoMessageId,
        answer: "200, object.id null or empty",
        ends: Ends::Retry,
        may_be_duplicate: true,
        hint: "Twake's message service is down or slow: if it lasts, look at its log",
    },
    AnswerRow {
        reason: Reason::TargetMissing,
        answer: "to a reply or an update: object.id null or empty; to an update also error \"unknown error or malformed query.\"",
        ends: Ends::RetryThenPost(RETRIES_WITH_TARGET),
        may_be_duplicate: true,
        hint: "nothing: the message to reply to or to update may be gone; after three attempts the bridge posts a new one",
    },
    AnswerRow {
        reason: Reason::EmptyAnswer,
        answer: "200, an empty body",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: true,
        hint: "Twake failed inside, or something in front of it answered: look at their logs",
    },
    AnswerRow {
        reason: Reason::NotJson,
        answer: "200, no JSON object of Twake's in the body",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: true,
        hint: "something other than Twake's API answered: check url and the proxies in between; the detail is the beginning of the answer",
    },
    AnswerRow {
        reason: Reason::Forbidden,
        answer: "401, 403, 407, also as statusCode in the body",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: false,
        hint: "Twake itself never answers so. If every message fails: check url, and what a proxy in front of Twake requires. If one message fails: a filter in front of Twake refuses its text",
    },
    AnswerRow {
        reason: Reason::Misrouted,
        answer: "404, 405, 410, 421, or 200 with error \"Not found\"",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: false,
        hint: "if every message fails: there is no messages/save at this address (`twake-bridge check --live` names the Twake that answers), check url, and where the proxy sends /api/v1. If one message fails: a filter in front of Twake refuses its text",
    },
    AnswerRow {
        reason: Reason::Refused,
        answer: "any other 4xx, 501, 505, 511",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: false,
        hint: "Twake itself never answers so: look at the log of the proxy in front of Twake",
    },
    AnswerRow {
        reason: Reason::ServerError,
        answer: "any other 5xx",
        ends: Ends::Retry,
        may_be_duplicate: true,
        hint: "look at Twake's log; some versions answer so to a wrong group_id or channel_id",
    },
];
