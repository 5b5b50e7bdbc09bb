//! The verdict on each answer.

use super::*;

/// Every answer to a post, with its verdict and reason, and whether Twake may have the message. Where a probe follows, it gets the
/// same answer.
#[test]
fn each_answer_to_a_message_has_its_verdict() {
    let account = || halt(Extent::Account);
    let reject = || VerdictKind::Reject;
    let page = "<html><title>Sign in</title></html>";
    let code = |code: u16| response(200, json!({ "statusCode": code, "message": "x" }));
    for (answer, kind, reason, may_be_duplicate) in [
        (recorded("39"), FEW_TIMES, Reason::Ambiguous, true),
        (recorded("40"), FEW_TIMES, Reason::Ambiguous, true),
        (code(503), FEW_TIMES, Reason::Ambiguous, true),
        (code(404), FEW_TIMES, Reason::UnknownError, false),
        (code(422), FEW_TIMES, Reason::UnknownError, false),
        (
            recorded("73"),
            halt(Extent::Company),
            Reason::CompanyWithoutApplication,
            false,
        ),
        (recorded("02"), account(), Reason::WrongKey, false),
        (recorded("51"), account(), Reason::MissingToken, false),
        (recorded("41"), reject(), Reason::Malformed, false),
        (recorded("42"), reject(), Reason::Malformed, false),
        (recorded("44"), reject(), Reason::Malformed, false),
        (recorded("50"), reject(), Reason::TooLarge, false),
        (recorded("45"), account(), Reason::Misrouted, false),
        (recorded("46"), account(), Reason::Misrouted, false),
        (recorded("54"), RETRY, Reason::ServerError, true),
        (response(502, page), RETRY, Reason::ServerError, true),
        (response(503, page), RETRY, Reason::Unavailable, false),
        (response(200, page), account(), Reason::NotJson, true),
        (response(200, "[]"), account(), Reason::NotJson, true),
        (response(200, ""), account(), Reason::EmptyAnswer, true),
        // An ephemeral message would be answered so.
        (recorded("33"), FEW_TIMES, Reason::NoMessageId, true),
        (response(200, "{}"), FEW_TIMES, Reason::NoMessageId, true),
        (
            response(200, json!({ "resource": { "id": 7 } })),
            FEW_TIMES,
            Reason::NoMessageId,
            true,
        ),
        (
            response(200, json!({ "resource": { "id": "a" } })),
            FEW_TIMES,
            Reason::NoMessageId,
            true,
        ),
        (
            response(200, json!({ "resource": "x" })),
            FEW_TIMES,
            Reason::NoMessageId,
            true,
        ),
        (response(403, page), account(), Reason::Forbidden, false),
        (response(401, page), account(), Reason::Forbidden, false),
        (response(302, ""), account(), Reason::Redirected, false),
        (response(201, ""), account(), Reason::UnexpectedStatus, true),
        (response(422, ""), account(), Reason::Refused, false),
        (failed(TransportFault::TimedOut), RETRY, Reason::TimedOut, true),
        (failed(TransportFault::Broken), RETRY, Reason::Broken, true),
        (
            failed(TransportFault::Unreachable),
            RETRY,
            Reason::Unreachable,
            false,
        ),
    ] {
        let is_probed = matches!(twake::row(Api::Threads, reason).ends, twake::Ends::Probe(_));
        let answers = vec![answer.clone(); if is_probed { 2 } else { 1 }];
        let (asked, verdict) = first_post(&answers);
        assert_eq!(
            asked.last().map(String::as_str),
            Some(if is_probed { CHANNEL } else { POST })
        );
        assert_eq!(
            (&verdict.kind, verdict.reason, verdict.may_be_duplicate),
            (&kind, reason, may_be_duplicate),
            "{answer:?}"
        );
        assert!(!verdict.hint.is_empty());
    }
}

/// The answers to the questions before the message: nothing was sent, so no probe follows and nothing is there twice.
#[test]
fn each_answer_to_a_question_has_its_verdict() {
    let account = || halt(Extent::Account);
    let page = || response(200, "<html></html>");
    for (before, answer, kind, reason) in [
        // The login.
        (&[][..], recorded("02"), account(), Reason::WrongKey),
        (&[], recorded("03"), account(), Reason::WrongKey),
        (&[], recorded("46"), account(), Reason::Misrouted),
        (&[], page(), account(), Reason::NotJson),
        (&[], response(200, "{}"), account(), Reason::NotJson),
        (
            &[],
            response(
                200,
                json!({ "resource": { "access_token": { "value": "a\nb" } } }),
            ),
            account(),
            Reason::NotJson,
        ),
        (&[], response(301, ""), account(), Reason::Redirected),
        (&[], recorded("06"), RETRY, Reason::ServerError),
        (&[], response(502, ""), RETRY, Reason::ServerError),
        (&[], failed(TransportFault::TimedOut), RETRY, Reason::TimedOut),
        // The channel.
        (
            &["01"],
            recorded("71"),
            halt(Extent::Channel),
            Reason::UnknownChannel,
        ),
        (
            &["01"],
            recorded("73"),
            halt(Extent::Company),
            Reason::CompanyWithoutApplication,
        ),
        (&["01"], recorded("72"), account(), Reason::Misrouted),
        (&["01"], recorded("06"), RETRY, Reason::ServerError),
        (&["01"], response(200, "{}"), account(), Reason::NotJson),
    ] {
        let answers = [all(before), vec![answer.clone()]].concat();
        let (_, _, verdict) = attempt(Act::Post, false, &answers);
        assert_eq!((verdict.kind, verdict.reason), (kind, reason), "{answer:?}");
        assert!(!verdict.may_be_duplicate, "{answer:?}");
    }
}

#[test]
fn a_text_that_a_filter_refuses_does_not_halt_the_account() {
    for answers in [
        vec![response(403, "blocked"), recorded("70")],
        // The token ends just then.
        vec![response(403, "blocked"), recorded("55")],
    ] {
        let (asked, verdict) = first_post(&answers);
        assert_eq!(asked[2..], [POST, CHANNEL]);
        let expected = match verdict.reason {
            Reason::Forbidden => FEW_TIMES,
            _ => halt(Extent::Account),
        };
        assert_eq!(verdict.kind, expected);
    }
}

#[test]
fn a_probe_names_the_application_and_the_channel() {
    // The server's code answers so; it was not recorded.
    let named = response(
        200,
        json!({ "resource": { "identity": { "name": "Bridge" }, "api": { "private_key": "private-key" } } }),
    );
    for (name, expected) in [
        (named, "application Bridge (APPLICATION) may post in dev"),
        (recorded("45"), "application APPLICATION may post in dev"),
        (response(500, ""), "application APPLICATION may post in dev"),
        (
            response(
                200,
                json!({ "resource": { "identity": { "name": "private-key" } } }),
            ),
            "application [secret] (APPLICATION) may post in dev",
        ),
    ] {
        let verdict = probe(&[all(&["01", "70"]), vec![name]].concat());
        assert_eq!(verdict.kind, VerdictKind::Accepted);
        assert_eq!(verdict.detail, expected);
    }
    for (answers, extent, reason) in [
        (&["02"][..], Extent::Account, Reason::WrongKey),
        (&["01", "71"], Extent::Channel, Reason::UnknownChannel),
        (&["01", "51"], Extent::Account, Reason::MissingToken),
    ] {
        let verdict = probe(&all(answers));
        assert_eq!((verdict.kind, verdict.reason), (halt(extent), reason));
    }
}

#[test]
fn no_verdict_shows_the_key_or_a_token() {
    let token = "eyJhbGciOiJIUzI1NiJ9.e30.token";
    let login = response(
        200,
        json!({ "resource": { "access_token": { "value": token, "time": 0, "expiration": 3600 } } }),
    );
    let echo = format!("private-key {token}");
    let refused = |status: u16| json!({ "statusCode": status, "message": echo });
    // An answer that may be about the account is followed by a probe.
    for (answer, times) in [
        (response(400, refused(400)), 1),
        (response(403, refused(403)), 1),
        (response(200, refused(500)), 1),
        (response(200, json!({ "error": echo })), 2),
        (response(200, &echo), 2),
        (response(500, &echo), 1),
        (
            response(
                200,
                json!({ "resource": { "id": echo, "message": { "id": echo } } }),
            ),
            1,
        ),
    ] {
        let answers = [vec![login.clone(), recorded("70")], vec![answer; times]].concat();
        let (.., verdict) = attempt(Act::Post, false, &answers);
        let shown = format!("{verdict:?}");
        assert!(
            !shown.contains("private-key") && !shown.contains("eyJ"),
            "{shown}"
        );
    }
    let (.., verdict) = attempt(Act::Post, false, &[response(403, refused(403))]);
    assert!(!verdict.detail.contains("private-key"), "{}", verdict.detail);
    let name = json!({ "resource": { "id": "x", "name": echo } });
    let verdict = probe(&[login, response(200, name), recorded("45")]);
    assert!(!format!("{verdict:?}").contains("eyJ"), "{verdict:?}");
}
