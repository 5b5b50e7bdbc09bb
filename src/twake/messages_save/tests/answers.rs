//! The verdict on each answer.

use super::*;

/// Every answer with its verdict and reason, and whether another attempt may post the message twice.
#[test]
fn each_answer_has_its_verdict() {
    let company = VerdictKind::Halt(HaltScope::part("main", "company company".to_owned()));
    let cases: Vec<(u16, String, VerdictKind, Reason, bool)> = vec![
        (200, named("unknown_application_or_bad_private_key"), halt(), Reason::WrongKey, false),
        (
            200,
            r#"{"error":"you_need_to_provide_a_valid_group_id_field_in_any_api_request","group_id":null,"_cookies":[]}"#.into(),
            company,
            Reason::CompanyWithoutApplication,
            false,
        ),
        (
            200,
            r#"{"error":"you_do_not_have_this_set_of_required_capabilities","capabilities":["messages_save"],"_cookies":[]}"#.into(),
            halt(),
            Reason::MissingCapability,
            false,
        ),
        (
            200,
            r#"{"error":"you_do_not_have_this_set_of_required_privileges","privileges":["x"],"_cookies":[]}"#.into(),
            halt(),
            Reason::MissingPrivilege,
            false,
        ),
        (200, named("unknown error or malformed query."), FEW_TIMES, Reason::Ambiguous, true),
        (200, named("something else"), FEW_TIMES, Reason::UnknownError, false),
        (200, r#"{"error":{"deep":1}}"#.into(), FEW_TIMES, Reason::UnknownError, false),
        // An `error` of any value is an error, even beside an object.
        (200, r#"{"error":null,"object":{"id":"x"}}"#.into(), FEW_TIMES, Reason::UnknownError, false),
        (200, String::new(), halt(), Reason::EmptyAnswer, true),
        (200, " \r\n".into(), halt(), Reason::EmptyAnswer, true),
        (200, r#"{"object":{"id":null,"application_id":null,"message_type":0},"_cookies":[]}"#.into(), RETRY, Reason::NoMessageId, true),
        (200, r#"{"object":{"id":""}}"#.into(), RETRY, Reason::NoMessageId, true),
        (200, r#"{"object":{"id":17}}"#.into(), halt(), Reason::NotJson, true),
        (200, json!({ "object": { "id": "x".repeat(256) } }).to_string(), halt(), Reason::NotJson, true),
        (200, json!({ "object": { "id": "x\ny" } }).to_string(), halt(), Reason::NotJson, true),
        (200, r#"{"object":{}}"#.into(), halt(), Reason::NotJson, true),
        (200, r#"{"object":"x"}"#.into(), halt(), Reason::NotJson, true),
        (200, "{}".into(), halt(), Reason::NotJson, true),
        (200, "<html>Fatal error</html>".into(), halt(), Reason::NotJson, true),
        (200, r#"[{"object":{"id":"x"}}]"#.into(), halt(), Reason::NotJson, true),
        (200, r#""x""#.into(), halt(), Reason::NotJson, true),
        (200, r#"{"object":{"id":"cut"#.into(), halt(), Reason::NotJson, true),
        (200, "[".repeat(10_000), halt(), Reason::NotJson, true),
        // Later servers pass on the bodies of Node, without the status that the body names.
        (200, r#"{"error":"Not found"}"#.into(), halt(), Reason::Misrouted, false),
        (200, r#"{"statusCode":500,"error":"Internal Server Error"}"#.into(), RETRY, Reason::ServerError, true),
        (200, r#"{"statusCode":401,"error":"Unauthorized","message":"Bad credentials"}"#.into(), halt(), Reason::Forbidden, false),
        (200, r#"{"statusCode":99999999999,"error":"?"}"#.into(), halt(), Reason::UnexpectedStatus, true),
        (404, r#"{"error":"Not found"}"#.into(), halt(), Reason::Misrouted, false),
        (404, "<html>nginx</html>".into(), halt(), Reason::Misrouted, false),
        (405, String::new(), halt(), Reason::Misrouted, false),
        (410, String::new(), halt(), Reason::Misrouted, false),
        (401, r#"{"statusCode":401,"error":"Unauthorized"}"#.into(), halt(), Reason::Forbidden, false),
        (403, String::new(), halt(), Reason::Forbidden, false),
        (407, String::new(), halt(), Reason::Forbidden, false),
        (301, String::new(), halt(), Reason::Redirected, false),
        (302, r#"{"object":{"id":"x"}}"#.into(), halt(), Reason::Redirected, false),
        (307, String::new(), halt(), Reason::Redirected, false),
        (308, String::new(), halt(), Reason::Redirected, false),
        (413, "too large".into(), VerdictKind::Reject, Reason::TooLarge, false),
        (400, String::new(), halt(), Reason::Refused, false),
        (400, nginx("The plain HTTP request was sent to HTTPS port"), halt(), Reason::Refused, false),
        (400, nginx("No required SSL certificate was sent"), halt(), Reason::CertificateRefused, false),
        (400, nginx("The SSL certificate error"), halt(), Reason::CertificateRefused, false),
        (422, String::new(), halt(), Reason::Refused, false),
        (408, String::new(), RETRY, Reason::Unavailable, false),
        (429, String::new(), RETRY, Reason::RateLimited, false),
        (503, String::new(), RETRY, Reason::Unavailable, false),
        (500, r#"{"error":"no route"}"#.into(), RETRY, Reason::ServerError, true),
        (500, "not json".into(), RETRY, Reason::ServerError, true),
        (501, String::new(), halt(), Reason::Refused, false),
        (502, String::new(), RETRY, Reason::ServerError, true),
        (504, String::new(), RETRY, Reason::ServerError, true),
        // A success of any other status is not Twake's.
        (201, r#"{"object":{"id":"x"}}"#.into(), halt(), Reason::UnexpectedStatus, true),
        (204, String::new(), halt(), Reason::UnexpectedStatus, true),
        (600, String::new(), halt(), Reason::UnexpectedStatus, true),
    ];
    for (status, body, kind, reason, may_be_duplicate) in cases {
        let verdict = answered(status, &body);
        let shown = body.chars().take(80).collect::<String>();
        assert_eq!(
            (&verdict.kind, verdict.reason, verdict.may_be_duplicate),
            (&kind, reason, may_be_duplicate),
            "{status} {shown}"
        );
        assert!(!verdict.hint.is_empty());
    }
}

#[test]
fn an_object_with_an_id_is_delivered_in_both_eras() {
    for (body, thread) in [
        (
            r#"{"object":{"id":"5fca","front_id":"x","sender":null},"_cookies":[]}"#,
            None,
        ),
        (
            r#"{"object":{"id":"5fca","thread_id":"5fca","_reactions":[]},"_cookies":[]}"#,
            None,
        ),
        (
            r#"{"statusCode":200,"object":{"id":"5fca","parent_message_id":""}}"#,
            None,
        ),
        (
            r#"{"object":{"id":"5fca","parent_message_id":"4e1b"}}"#,
            Some("4e1b"),
        ),
    ] {
        let verdict = answered(200, body);
        assert_eq!(verdict.kind, VerdictKind::Delivered(id("5fca", thread)));
        assert_eq!(verdict.reason, Reason::Delivered);
        assert!(!verdict.may_be_duplicate);
    }
}

/// nginx's page about a bad request.
fn nginx(what: &str) -> String {
    format!(
        "<html>\r\n<head><title>400 {what}</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n"
    )
}

#[test]
fn every_reason_is_found_by_its_label() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_code(reason.code()), Some(*reason));
    }
}

/// Answers to a reply or an update whose target may be gone: the reason, and the verdicts of the first to the third attempt.
#[test]
fn a_missing_target_is_tried_three_times_and_then_gone() {
    let (reply, update) = (Act::Reply(id("4e1b", None)), Act::Update(id("4e1b", None)));
    let (null, malformed) = (
        r#"{"object":{"id":null}}"#.to_owned(),
        named("unknown error or malformed query."),
    );
    for (act, body) in [(&reply, &null), (&update, &null), (&update, &malformed)] {
        for (earlier, expected) in [
            (None, false),
            (Some((Reason::TargetMissing, 1)), false),
            (Some((Reason::Unavailable, 7)), false),
            (Some((Reason::TargetMissing, 2)), true),
        ] {
            let (_, verdict) = attempt(act.clone(), earlier, &[response(200, body)]);
            assert_eq!(verdict.reason, Reason::TargetMissing);
            assert!(verdict.may_be_duplicate);
            let kind = if expected {
                VerdictKind::TargetGone
            } else {
                VerdictKind::Retry {
                    after: Some(twake::verdict::TARGET_PAUSE),
                    times: None,
                    pause: None,
                }
            };
            assert_eq!(verdict.kind, kind, "{act:?} {body} {earlier:?}");
        }
    }
    // A post has no target; nor is a reply of the first era refused for one.
    let (_, verdict) = attempt(Act::Post, None, &[response(200, &null)]);
    assert_eq!(verdict.reason, Reason::NoMessageId);
    let (_, verdict) = attempt(reply, None, &[response(200, &malformed)]);
    assert_eq!((verdict.kind, verdict.reason), (FEW_TIMES, Reason::Ambiguous));
}

/// The first era posts a reply to an unknown message at top level.
#[test]
fn a_reply_that_was_posted_at_top_level_is_delivered_there() {
    let answer = response(200, r#"{"object":{"id":"5fca","parent_message_id":""}}"#);
    let (sent, verdict) = attempt(Act::Reply(id("4e1b", None)), None, &[answer]);
    assert_eq!(sent.len(), 1);
    assert_eq!(verdict.kind, VerdictKind::Delivered(id("5fca", None)));
}
