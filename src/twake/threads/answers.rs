//! The table of the dialect's own answers: what each means, what follows from it, what to do. It is printed in
//! docs/twake.md.

use crate::twake::{AnswerRow, Ends, Extent, RETRIES_WHEN_UNSURE, Reason};

/// Every answer, what follows from it, and what to do about it.
pub const ANSWERS: &[AnswerRow] = &[
    AnswerRow {
        reason: Reason::Delivered,
        answer: "200 without statusCode, resource.id a text that is not empty; of a post also resource.message.id",
        ends: Ends::Delivered,
        may_be_duplicate: false,
        hint: "nothing",
    },
    AnswerRow {
        reason: Reason::WrongKey,
        answer: "403 with statusCode in the body, to the login or to a call",
        ends: Ends::Halt(Extent::Account),
        may_be_duplicate: false,
        hint: "compare public_id and private_api_key with the application's page in Twake, and its allowed addresses with that of the proxy in front of Twake",
    },
    AnswerRow {
        reason: Reason::MissingToken,
        answer: "401 with statusCode in the body, also with a token from a new login",
        ends: Ends::Halt(Extent::Account),
        may_be_duplicate: false,
        hint: "a proxy in front of Twake removes the header Authorization: let it pass",
    },
    AnswerRow {
        reason: Reason::CompanyWithoutApplication,
        answer: "200, statusCode 403",
        ends: Ends::Halt(Extent::Company),
        may_be_duplicate: false,
        hint: "install the application in the company, and compare group_id with the company's id",
    },
    AnswerRow {
        reason: Reason::UnknownChannel,
        answer: "200, statusCode 404 to the question for the channel",
        ends: Ends::Halt(Extent::Channel),
        may_be_duplicate: false,
        hint: "compare group_id, workspace_id and channel_id with the address of the channel in the web client: /client/GROUP/w/WORKSPACE/c/CHANNEL",
    },
    AnswerRow {
        reason: Reason::TargetMissing,
        answer: "to a reply or an update: the message is not there or was deleted; or 200, statusCode 404: another application or a person opened the thread",
        ends: Ends::RetryThenPost(0),
        may_be_duplicate: false,
        hint: "nothing: the bridge posts a new message",
    },
    AnswerRow {
        reason: Reason::Ambiguous,
        answer: "200, statusCode 500 or more",
        ends: Ends::RetryTimes(RETRIES_WHEN_UNSURE),
        may_be_duplicate: true,
        hint: "Twake answers so to a fault of its own and to a message that it cannot take: look at Twake's log",
    },
    AnswerRow {
        reason: Reason::UnknownError,
        answer: "200, any other statusCode",
        ends: Ends::RetryTimes(RETRIES_WHEN_UNSURE),
        may_be_duplicate: false,
        hint: "look the error up in Twake's log",
    },
    AnswerRow {
        reason: Reason::Malformed,
        answer: "400 or 415 with statusCode in the body",
        ends: Ends::Reject,
        may_be_duplicate: false,
        hint: "Twake cannot read the bridge's request: please report it with the detail",
    },
    AnswerRow {
        reason: Reason::NoMessageId,
        answer: "200, a JSON object without statusCode, error and the id",
        ends: Ends::RetryTimes(RETRIES_WHEN_UNSURE),
        may_be_duplicate: true,
        hint: "something other than Twake's API answered: check url and the proxies in between",
    },
    AnswerRow {
        reason: Reason::EmptyAnswer,
        answer: "200, an empty body",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: true,
        hint: "something in front of Twake answered: look at its log",
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
        answer: "401, 403, 407 without statusCode in the body",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: false,
        hint: "Twake itself never answers so. If every message fails: check what a proxy in front of Twake requires. If one message fails: a filter refuses its text",
    },
    AnswerRow {
        reason: Reason::Misrouted,
        answer: "404, 405, 410, 421, or 200 with an error and without statusCode",
        ends: Ends::Probe(Extent::Account),
        may_be_duplicate: false,
        hint: "if every message fails: url is not the address of a Twake of 2022 or 2023 (docs/which-twake.md), or a proxy does not send /api to it. If one message fails: a filter in front of Twake refuses its text",
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
        answer: "any other 5xx; or 200, statusCode 500 or more to a question before the message",
        ends: Ends::Retry,
        may_be_duplicate: true,
        hint: "look at Twake's log",
    },
];
