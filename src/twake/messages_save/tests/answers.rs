//! The verdict on each answer.

use super::*;

fn named(error: &str) -> String {
    json!({ "error": error, "_cookies": [] }).to_string()
}

const RETRY: VerdictKind = VerdictKind::Retry {
    after: None,
    times: None,
    pause: None,
};
const FEW_TIMES: VerdictKind = VerdictKind::Retry {
    after: None,
    times: Some(5),
    pause: None,
};

fn halt() -> VerdictKind {
    VerdictKind::Halt(HaltScope::account("main"))
}

/// The verdict on a post with this answer. A probe that follows gets the same one.
fn answered(status: u16, body: &str) -> Verdict {
    attempt(Act::Post, None, &[response(status, body)]).1
}

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
    let (mut attempt, _) = twake::Attempt::begin(Task::Deliver(job));
    assert_eq!(attempt.interrupted(), None);
    assert!(matches!(attempt.next(&response(403, "")), Step::Send(_)));
    let verdict = attempt.interrupted().unwrap();
    assert_eq!((verdict.kind, verdict.reason), (halt(), Reason::Forbidden));
}

#[test]
fn a_probe_alone_is_accepted_as_both_eras_answer_it() {
    let probed = |answer: &Answer| {
        let destination = destination("http://twake.test").into();
        let (mut attempt, step) = twake::Attempt::begin(Task::Probe(&destination));
        let Step::Send(request) = step else {
            panic!("no request")
        };
        assert_eq!(request.body, r#"{"group_id":"company"}"#);
        match attempt.next(answer) {
            Step::Done(verdict) => verdict.kind,
            Step::Send(_) => panic!("a second request"),
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

#[test]
fn json_is_found_behind_other_text() {
    let delivered = r#"{"object":{"id":"5fca","content":{"formatted":[]}},"_cookies":[]}"#;
    for (noise, detail) in [
        ("\u{feff}", "a byte order mark before the JSON"),
        (
            "<br />\n<b>Notice</b>: Undefined index in <b>/a/{b}.php</b>\n",
            "59 bytes before the JSON: <br /><b>Notice</b>: Undefined index in <b>/a/{b}.php</b>",
        ),
        (
            r#"{"level":"debug"}"#,
            r#"17 bytes before the JSON: {"level":"debug"}"#,
        ),
    ] {
        let verdict = answered(200, &format!("{noise}{delivered}\n"));
        assert_eq!(
            (verdict.reason, verdict.detail.as_str()),
            (Reason::Delivered, detail)
        );
        let refused = named("unknown_application_or_bad_private_key");
        let verdict = answered(200, &format!("{noise}{refused}"));
        assert_eq!(verdict.reason, Reason::WrongKey);
        assert!(verdict.detail.ends_with(detail), "{}", verdict.detail);
    }
    assert_eq!(
        answered(200, &format!("{delivered}<!-- 3 ms -->")).reason,
        Reason::Delivered
    );
    // A page that quotes a text is not Twake's.
    for page in [
        format!("<html>Blocked: {delivered}</html>"),
        format!("[{delivered}]"),
        format!("{}{delivered}", "{".repeat(1000)),
        format!("{}{delivered}", " noise".repeat(20_000)),
        r#"Blocked: {"id":"5fca"}"#.to_owned(),
    ] {
        assert_eq!(answered(200, &page).reason, Reason::NotJson, "{page:.60}");
    }
}

#[test]
fn a_cut_answer_counts_if_its_json_is_whole() {
    let cut = |body: &str| {
        let answer = Ok(Response {
            status: 200,
            body: body.into(),
            cut: Some("it ended early".to_owned()),
            ..Response::default()
        });
        attempt(Act::Post, None, &[answer]).1
    };
    assert_eq!(cut(r#"{"object":{"id":"x"}}"#).reason, Reason::Delivered);
    for body in ["", r#"{"object":{"id":"x"}"#] {
        let verdict = cut(body);
        assert_eq!((verdict.reason, verdict.kind), (Reason::AnswerCut, FEW_TIMES));
        assert!(verdict.may_be_duplicate && verdict.detail.starts_with("it ended early"));
    }
}

/// An echo of the request is such a page, too.
#[test]
fn a_page_that_repeats_credentials_is_not_shown() {
    let verdict = answered(200, r#"{"headers":{"Authorization":"Basic YXBwOmsvKz0="}}"#);
    assert_eq!(verdict.reason, Reason::NotJson);
    assert!(!verdict.detail.contains("YXBw"), "{}", verdict.detail);
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
fn the_detail_of_an_error_is_one_short_line() {
    let verdict = answered(200, &named(&format!("a\nb\u{1b}[31m{}", "x".repeat(1_000))));
    assert!(verdict.detail.starts_with("ab[31mxxx"));
    assert_eq!(verdict.detail.chars().count(), 200);
}

#[test]
fn every_reason_of_an_answer_has_exactly_one_row() {
    for reason in Reason::ALL {
        let rows = twake::answers(Api::MessagesSave)
            .filter(|row| row.reason == *reason)
            .count();
        let of_the_bridge = matches!(reason, Reason::Expired | Reason::Unreadable | Reason::Discarded);
        assert_eq!(rows, usize::from(!of_the_bridge), "{}", reason.code());
    }
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
                    after: Some(TARGET_PAUSE),
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

#[test]
fn an_answer_that_echoes_the_credentials_shows_none_of_them() {
    let proxy = Proxy::new("proxy", 3128, Some(("us", &Secret::new("proxy-pass-1"))));
    let mut destination = destination("https://twake.example");
    let account = Arc::get_mut(&mut destination.account).unwrap();
    account.private_api_key = Secret::new("private-key-of-app");
    account.outbound = Arc::new(Outbound::new(Vec::new(), None, Some(proxy)));
    let pair = BASE64_STANDARD.encode("app:private-key-of-app");
    let of_proxy = BASE64_STANDARD.encode("us:proxy-pass-1");
    let cut = "x".repeat(190);
    for (echo, shown) in [
        (
            "bad key private-key-of-app!".to_owned(),
            "bad key [secret]!".to_owned(),
        ),
        (
            format!("bad header Basic {pair}"),
            "bad header Basic [secret]==".to_owned(),
        ),
        (
            format!("[{of_proxy}] [{pair}]"),
            "[[secret]] [[secret]==]".to_owned(),
        ),
        ("nothing".to_owned(), "nothing".to_owned()),
        // The detail is cut after 200 characters: here in the middle of the key.
        (format!("{cut}private-key-of-app"), format!("{cut}[secret]")),
    ] {
        let body = named(&echo);
        let (_, verdict) = drive(&destination, Act::Post, None, &[response(200, &body)]);
        assert_eq!(verdict.detail, shown);
    }
    // The same in the middle of a detail that goes on.
    let page = format!("{}private-key-of-app", "x".repeat(70));
    let passed = named("unknown error or malformed query.");
    let answers = [response(403, &page), response(200, &passed)];
    let (_, verdict) = drive(&destination, Act::Post, None, &answers);
    assert!(!verdict.detail.contains("private"), "{}", verdict.detail);
    let page = format!(
        r#"Notice: {{"object":{{"id":17,"echo":"{}private-key-of-app"}}}}"#,
        "x".repeat(35)
    );
    let (_, verdict) = drive(&destination, Act::Post, None, &[response(200, &page)]);
    assert!(!verdict.detail.contains("private"), "{}", verdict.detail);
}
