//! The verdict on each answer.

use super::*;

/// Every answer to a message, with its verdict and reason, and whether another attempt may post it twice. Where a probe of
/// the account follows, it fails in the same way.
#[test]
fn each_answer_to_a_message_has_its_verdict() {
    let account = || halt(Extent::Account);
    let reject = VerdictKind::Reject;
    let limited = VerdictKind::Retry {
        after: Some(Duration::from_secs(4)),
        times: None,
        pause: Some(HaltScope::account("chat")),
    };
    let page = "<html><title>Sign in</title></html>";
    for (answer, kind, reason) in [
        (recorded("a051"), account(), Reason::WrongKey),
        (recorded("a100"), account(), Reason::WrongKey),
        (recorded("a101"), account(), Reason::WrongKey),
        (recorded("d002"), account(), Reason::WrongKey),
        (recorded("a052"), account(), Reason::MissingToken),
        (recorded("d008"), account(), Reason::AccountBarred),
        (recorded("d009"), account(), Reason::AccountBarred),
        (
            response(403, json!({ "errcode": "M_RESOURCE_LIMIT_EXCEEDED" })),
            account(),
            Reason::AccountBarred,
        ),
        (recorded("a059"), reject.clone(), Reason::Malformed),
        (recorded("a061"), reject.clone(), Reason::Malformed),
        (recorded("a062"), reject.clone(), Reason::Malformed),
        (recorded("a065"), reject.clone(), Reason::Malformed),
        (recorded("a070"), reject.clone(), Reason::TooLarge),
        (response(413, "too large"), reject, Reason::TooLarge),
        (recorded("b002"), limited, Reason::RateLimited),
        (recorded("a077"), account(), Reason::Misrouted),
        (recorded("a078"), account(), Reason::Misrouted),
        (recorded("d014"), account(), Reason::Misrouted),
        (response(200, page), account(), Reason::NotJson),
        (response(200, ""), account(), Reason::EmptyAnswer),
        (response(200, "{}"), FEW_TIMES, Reason::NoMessageId),
        (
            response(200, json!({ "event_id": 7 })),
            FEW_TIMES,
            Reason::NoMessageId,
        ),
        (
            response(200, json!({ "event_id": "$".repeat(256) })),
            FEW_TIMES,
            Reason::NoMessageId,
        ),
        (
            response(200, json!({ "event_id": "$x\ny" })),
            FEW_TIMES,
            Reason::NoMessageId,
        ),
        (response(403, page), account(), Reason::Forbidden),
        (response(401, page), account(), Reason::Forbidden),
        (response(301, ""), account(), Reason::Redirected),
        (response(307, ""), account(), Reason::Redirected),
        (
            response(201, json!({ "event_id": "$x" })),
            account(),
            Reason::UnexpectedStatus,
        ),
        (response(422, ""), account(), Reason::Refused),
        (
            response(
                500,
                json!({ "errcode": "M_UNKNOWN", "error": "Internal server error" }),
            ),
            RETRY,
            Reason::ServerError,
        ),
        (response(502, page), RETRY, Reason::ServerError),
        (recorded("a014"), RETRY, Reason::ServerError),
        (response(503, ""), RETRY, Reason::Unavailable),
        (failed(TransportFault::TimedOut), RETRY, Reason::TimedOut),
        (failed(TransportFault::Broken), RETRY, Reason::Broken),
        (failed(TransportFault::Unreachable), RETRY, Reason::Unreachable),
        (
            failed(TransportFault::CertificateRefused),
            account(),
            Reason::CertificateRefused,
        ),
    ] {
        let asks_account = matches!(
            crate::twake::row(Api::Matrix, reason).ends,
            crate::twake::Ends::Probe(_)
        );
        let answers = vec![answer.clone(); if asks_account { 2 } else { 1 }];
        let (_, verdict) = first_post(&answers);
        assert_eq!((&verdict.kind, verdict.reason), (&kind, reason), "{answer:?}");
        assert!(
            !verdict.may_be_duplicate,
            "a device's transaction makes a retry safe: {answer:?}"
        );
        assert!(!verdict.hint.is_empty());
    }
}

/// The same answers to a question: nothing was sent, so no probe follows.
#[test]
fn each_answer_to_a_question_has_its_verdict() {
    let page = "<html><title>Twake Chat</title></html>";
    for (answer, kind, reason) in [
        (recorded("a005"), halt(Extent::Account), Reason::WrongKey),
        (recorded("a006"), halt(Extent::Account), Reason::MissingToken),
        (recorded("a078"), halt(Extent::Account), Reason::Misrouted),
        (response(200, page), halt(Extent::Account), Reason::NotJson),
        (response(200, "{}"), halt(Extent::Account), Reason::NotJson),
        (
            response(200, json!({ "user_id": "" })),
            halt(Extent::Account),
            Reason::NotJson,
        ),
        (response(302, ""), halt(Extent::Account), Reason::Redirected),
        (
            response(403, json!({ "errcode": "M_FORBIDDEN" })),
            halt(Extent::Account),
            Reason::AccountBarred,
        ),
        (response(502, page), RETRY, Reason::ServerError),
        (failed(TransportFault::TimedOut), RETRY, Reason::TimedOut),
    ] {
        let (_, _, verdict) = attempt(&destination(ALIAS), Act::Post, std::slice::from_ref(&answer));
        assert_eq!((verdict.kind, verdict.reason), (kind, reason), "{answer:?}");
        assert!(!verdict.may_be_duplicate, "{answer:?}");
    }
    for (answer, kind, reason) in [
        (recorded("a013"), halt(Extent::Channel), Reason::UnknownRoom),
        (recorded("a078"), halt(Extent::Account), Reason::Misrouted),
        (recorded("a014"), RETRY, Reason::ServerError),
        (response(200, "{}"), halt(Extent::Account), Reason::NotJson),
    ] {
        let answers = [recorded("a004"), answer.clone()];
        let (_, _, verdict) = attempt(&destination(ALIAS), Act::Post, &answers);
        assert_eq!((verdict.kind, verdict.reason), (kind, reason), "{answer:?}");
    }
}

#[test]
fn a_text_that_a_filter_refuses_does_not_halt_the_account() {
    let (asked, verdict) = first_post(&[response(403, "blocked"), recorded("a004")]);
    assert_eq!(asked.last().map(String::as_str), Some(WHOAMI));
    assert_eq!((verdict.kind, verdict.reason), (FEW_TIMES, Reason::Forbidden));
}

#[test]
fn an_expired_token_is_named() {
    let (_, verdict) = first_post(&all(&["d002"]));
    assert!(
        verdict.detail.starts_with("the token has expired"),
        "{}",
        verdict.detail
    );
}

#[test]
fn the_longer_wait_of_a_rate_limit_is_obeyed() {
    for (retry_after, milliseconds, expected) in
        [(Some(4), 3213, 4000), (Some(3), 3213, 3213), (None, 200, 200)]
    {
        let answer = Ok(Response {
            status: 429,
            body: json!({ "errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": milliseconds })
                .to_string()
                .into(),
            retry_after: retry_after.map(Duration::from_secs),
            ..Response::default()
        });
        let (_, verdict) = first_post(&[answer]);
        let VerdictKind::Retry { after, pause, .. } = verdict.kind else {
            panic!("{verdict:?}")
        };
        assert_eq!(after, Some(Duration::from_millis(expected)));
        assert_eq!(pause, Some(HaltScope::account("chat")));
    }
}

/// Whether a message may be there twice: by the token, the answer, and how long the delivery has waited.
#[test]
fn a_message_may_be_there_twice_only_where_the_server_may_have_forgotten_the_transaction() {
    let (lost, refused) = (failed(TransportFault::TimedOut), response(503, ""));
    let hour = |hours: u64| Duration::from_secs(hours * 3600);
    let unclear = Some((Reason::TimedOut, 1));
    let sent = recorded("a018");
    for (whoami, answer, last, waited, expected) in [
        ("a004", &lost, None, hour(0), false),
        ("a004", &lost, unclear, hour(24), false),
        ("a004", &sent, unclear, hour(24), false),
        ("a004", &sent, unclear, hour(25), true),
        ("a004", &sent, None, hour(25), false),
        ("b009", &lost, None, hour(0), true),
        ("b011", &lost, None, hour(0), true),
        ("b011", &refused, None, hour(0), false),
    ] {
        let (destination, message) = (destination(ALIAS).into(), hello());
        let job = Job {
            waited,
            last,
            ..Job::post(Uuid::nil(), 1, &destination, &message)
        };
        let answers = [all(&[whoami, "a012", "a088", "a088"]), vec![answer.clone()]].concat();
        let (.., verdict) = drive(Task::Deliver(job), Duration::ZERO, &answers);
        assert_eq!(
            verdict.may_be_duplicate, expected,
            "{whoami} {answer:?} {last:?} {waited:?}"
        );
    }
}

/// The answer to the look at a tombstone is lost.
#[test]
fn a_message_that_was_not_sent_is_not_there_twice() {
    for whoami in ["a004", "b009", "b011"] {
        let answers = [all(&[whoami, "a012"]), vec![failed(TransportFault::TimedOut)]];
        let (_, _, verdict) = attempt(&destination(ALIAS), Act::Post, &answers.concat());
        assert_eq!((&verdict.kind, verdict.reason), (&RETRY, Reason::TimedOut));
        assert!(!verdict.may_be_duplicate, "{whoami}");
    }
}

#[test]
fn a_reply_whose_last_answer_was_lost_may_be_there_twice_when_it_is_posted() {
    let (destination, message) = (destination(ALIAS).into(), hello());
    let job = Job {
        act: Act::Reply(id("$root", None)),
        last: Some((Reason::TimedOut, 1)),
        ..Job::post(Uuid::nil(), 1, &destination, &message)
    };
    let (.., verdict) = drive(
        Task::Deliver(job),
        Duration::ZERO,
        &[all(&FIRST), all(&["a084"])].concat(),
    );
    assert_eq!(verdict.kind, VerdictKind::TargetGone);
    assert!(verdict.may_be_duplicate);
}

#[test]
fn no_verdict_shows_the_token() {
    let echo = format!("Bearer {TOKEN} {TOKEN}");
    for answer in [
        response(400, json!({ "errcode": "M_UNKNOWN", "error": echo })),
        response(401, json!({ "errcode": "M_UNKNOWN_TOKEN", "error": echo })),
        response(403, json!({ "errcode": "M_X", "error": echo })),
        response(429, json!({ "errcode": "M_LIMIT_EXCEEDED", "error": echo })),
        response(500, &echo),
        response(200, json!({ "event_id": echo })),
    ] {
        let (_, verdict) = first_post(std::slice::from_ref(&answer));
        assert!(!format!("{verdict:?}").contains(TOKEN), "{verdict:?}");
    }
    for answers in [
        vec![response(200, json!({ "user_id": echo })), recorded("a013")],
        vec![
            recorded("a004"),
            response(404, json!({ "errcode": "M_NOT_FOUND", "error": echo })),
        ],
    ] {
        let (.., verdict) = attempt(&destination(ALIAS), Act::Post, &answers);
        assert!(!format!("{verdict:?}").contains(TOKEN), "{verdict:?}");
    }
}

#[test]
fn a_probe_names_the_account_and_the_room_and_a_token_without_a_device() {
    let device = all(&["a004", "a012", "a088", "a015", "a088", "a050"]);
    let verdict = probe(&destination(ALIAS), &device);
    assert_eq!(verdict.kind, VerdictKind::Accepted);
    assert_eq!(
        verdict.detail,
        format!("@bridge66508:bridge.test may post in {ALIAS} ({ROOM})")
    );
    assert_eq!(verdict.notice, None);
    let verdict = probe(
        &destination(ALIAS),
        &all(&["b009", "a012", "a088", "a015", "a088", "a050"]),
    );
    assert!(verdict.notice.unwrap().contains("no device"));
    for (answers, reason) in [
        (all(&["a005"]), Reason::WrongKey),
        (all(&["a004", "a013"]), Reason::UnknownRoom),
        (all(&["a004", "a012", "a091", "a057"]), Reason::NotInRoom),
        // Synapse refuses a suspended account that joins, also where it is in the room already.
        (all(&["a004", "a012", "a088", "d008"]), Reason::AccountBarred),
        (
            all(&["a004", "a012", "a088", "a015", "a089"]),
            Reason::RoomEncrypted,
        ),
        (all(&["a004", "a012", "a094", "a097"]), Reason::RoomReplaced),
    ] {
        let verdict = probe(&destination(ALIAS), &answers);
        assert!(matches!(verdict.kind, VerdictKind::Halt(_)));
        assert_eq!(verdict.reason, reason);
    }
}
