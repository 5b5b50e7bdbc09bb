//! Probes: after an answer that the text of a message may cause, and alone.

use super::*;

/// Answers that the text of one message can cause, by a filter in front of Twake or in Twake itself, are never taken for a
/// matter of the account without a probe. Twake's own answers about the account need none.
#[test]
fn an_answer_that_a_text_may_cause_is_followed_by_a_probe() {
    let is_followed = |status, body: &str| {
        let (sent, _) = attempt(Act::Post, None, &[response(status, body)]);
        assert!(sent[0].get("message").is_some());
        assert!(
            sent.iter()
                .skip(1)
                .all(|probe| *probe == json!({ "group_id": "company" }))
        );
        sent.len() == 2
    };
    for status in (300..=499).chain([201, 202, 204, 501, 505, 511]) {
        let has_own_row = matches!(status, 408 | 413 | 425 | 429);
        assert_eq!(is_followed(status, ""), !has_own_row, "{status}");
    }
    for (body, expected) in [
        ("<html><title>Blocked</title></html>", true),
        ("", true),
        ("{}", true),
        (r#"{"statusCode":403}"#, true),
        (r#"{"error":"Not found"}"#, true),
        (r#"{"error":"unknown_application_or_bad_private_key"}"#, false),
        (r#"{"error":"unknown error or malformed query."}"#, false),
        (r#"{"object":{"id":null}}"#, false),
    ] {
        assert_eq!(is_followed(200, body), expected, "{body}");
    }
}

#[test]
fn a_probe_separates_a_refused_text_from_a_refused_account() {
    let after = |message: (u16, &str), probe: (u16, &str)| {
        let answers = [message, probe].map(|(status, body)| response(status, body));
        attempt(Act::Post, None, &answers).1
    };
    let ambiguous = named("unknown error or malformed query.");
    for in_order in [
        &ambiguous,
        r#"{"object":{"id":null}}"#,
        r#"{"object":{"id":"x"}}"#,
    ] {
        let verdict = after((403, ""), (200, in_order));
        assert_eq!((&verdict.kind, verdict.reason), (&FEW_TIMES, Reason::Forbidden));
        assert!(
            verdict.detail.contains("so it is this message"),
            "{}",
            verdict.detail
        );
    }
    let wrong_key = named("unknown_application_or_bad_private_key");
    for (probe, reason) in [
        ((403, ""), Reason::Forbidden),
        ((302, ""), Reason::Redirected),
        ((200, "<html></html>"), Reason::NotJson),
        ((200, wrong_key.as_str()), Reason::WrongKey),
        // The probe found nothing out: the account halts for the answer to the message.
        ((503, ""), Reason::Forbidden),
        ((200, r#"{"error":"something new"}"#), Reason::Forbidden),
    ] {
        let verdict = after((403, ""), probe);
        assert_eq!((verdict.kind, verdict.reason), (halt(), reason), "{probe:?}");
    }
    assert!(after((200, "<html></html>"), (403, "")).may_be_duplicate);
}

/// The bridge may stop while the probe is under way, but never while the message is.
#[test]
fn only_a_probe_may_be_interrupted() {
    let (destination, message) = (destination("http://twake.test").into(), stored(hello(), false));
    let job = Job::post(Uuid::nil(), 1, &destination, &message);
    let (mut attempt, _) = twake::Attempt::begin(Task::Deliver(job), Duration::ZERO);
    assert_eq!(attempt.interrupted(), None);
    assert!(matches!(attempt.next(&response(403, "")), Step::Send(_)));
    let verdict = attempt.interrupted().unwrap();
    assert_eq!((verdict.kind, verdict.reason), (halt(), Reason::Forbidden));
}

#[test]
fn a_probe_alone_is_accepted_as_both_eras_answer_it() {
    let probed = |answer: &Answer| {
        let destination = destination("http://twake.test").into();
        let (mut attempt, step) = twake::Attempt::begin(Task::Probe(&destination), Duration::ZERO);
        let Step::Send(request) = step else {
            panic!("no request")
        };
        assert_eq!(request.body, r#"{"group_id":"company"}"#);
        match attempt.next(answer) {
            Step::Done(verdict) => verdict.kind,
            Step::Send(_) | Step::Renew(_) => panic!("a second request"),
        }
    };
    for (status, body, kind) in [
        (
            200,
            named("unknown error or malformed query."),
            VerdictKind::Accepted,
        ),
        (200, r#"{"object":{"id":null}}"#.into(), VerdictKind::Accepted),
        (200, r#"{"object":{"id":"x"}}"#.into(), VerdictKind::Accepted),
        (200, named("unknown_application_or_bad_private_key"), halt()),
        (403, String::new(), halt()),
        (503, String::new(), RETRY),
    ] {
        assert_eq!(probed(&response(status, &body)), kind, "{status} {body}");
    }
}
