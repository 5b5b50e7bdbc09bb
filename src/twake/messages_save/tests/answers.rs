//! What each answer is taken for.

use super::*;

fn answered(status: u16, body: &str) -> Verdict {
    let answer = Answer::Response {
        status,
        retry_after: None,
        body: body.as_bytes(),
        cut: None,
    };
    verdict(&answer, now())
}

fn named(error: &str) -> String {
    json!({ "error": error, "_cookies": [] }).to_string()
}

const RETRY: Kind = Kind::Retry {
    after: None,
    times: None,
};
const FEW_TIMES: Kind = Kind::Retry {
    after: None,
    times: Some(5),
};
const HALT: Kind = Kind::Halt(HaltScope::Account);

/// Every answer, with what it has to be taken for: verdict, reason, whether another attempt may tell it twice.
#[test]
fn each_answer_is_taken_for_what_it_is() {
    let company = Kind::Halt(HaltScope::Company);
    let cases: Vec<(u16, String, Kind, Reason, bool)> = vec![
        (200, named("unknown_application_or_bad_private_key"), HALT, Reason::WrongKey, false),
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
            HALT,
            Reason::MissingCapability,
            false,
        ),
        (
            200,
            r#"{"error":"you_do_not_have_this_set_of_required_privileges","privileges":["x"],"_cookies":[]}"#.into(),
            HALT,
            Reason::MissingPrivilege,
            false,
        ),
        (200, named("unknown error or malformed query."), FEW_TIMES, Reason::Ambiguous, true),
        (200, named("something else"), FEW_TIMES, Reason::UnknownError, false),
        (200, r#"{"error":{"deep":1}}"#.into(), FEW_TIMES, Reason::UnknownError, false),
        // An `error` of any value is an error, even beside an object.
        (200, r#"{"error":null,"object":{"id":"x"}}"#.into(), FEW_TIMES, Reason::UnknownError, false),
        (200, String::new(), HALT, Reason::EmptyAnswer, true),
        (200, " \r\n".into(), HALT, Reason::EmptyAnswer, true),
        (200, r#"{"object":{"id":null,"application_id":null,"message_type":0},"_cookies":[]}"#.into(), RETRY, Reason::NoMessageId, true),
        (200, r#"{"object":{"id":""}}"#.into(), RETRY, Reason::NoMessageId, true),
        (200, r#"{"object":{"id":17}}"#.into(), HALT, Reason::NotJson, true),
        (200, r#"{"object":{}}"#.into(), HALT, Reason::NotJson, true),
        (200, r#"{"object":"x"}"#.into(), HALT, Reason::NotJson, true),
        (200, "{}".into(), HALT, Reason::NotJson, true),
        (200, "<html>Fatal error</html>".into(), HALT, Reason::NotJson, true),
        (200, r#"[{"object":{"id":"x"}}]"#.into(), HALT, Reason::NotJson, true),
        (200, r#""x""#.into(), HALT, Reason::NotJson, true),
        (200, r#"{"object":{"id":"cut"#.into(), HALT, Reason::NotJson, true),
        (200, "[".repeat(10_000), HALT, Reason::NotJson, true),
        // What later servers answer for Node, which never has the status it tells of.
        (200, r#"{"error":"Not found"}"#.into(), HALT, Reason::Misrouted, false),
        (200, r#"{"statusCode":500,"error":"Internal Server Error"}"#.into(), RETRY, Reason::ServerError, true),
        (200, r#"{"statusCode":401,"error":"Unauthorized","message":"Bad credentials"}"#.into(), HALT, Reason::Forbidden, false),
        (200, r#"{"statusCode":99999999999,"error":"?"}"#.into(), HALT, Reason::UnexpectedStatus, true),
        (404, r#"{"error":"Not found"}"#.into(), HALT, Reason::Misrouted, false),
        (404, "<html>nginx</html>".into(), HALT, Reason::Misrouted, false),
        (405, String::new(), HALT, Reason::Misrouted, false),
        (410, String::new(), HALT, Reason::Misrouted, false),
        (401, r#"{"statusCode":401,"error":"Unauthorized"}"#.into(), HALT, Reason::Forbidden, false),
        (403, String::new(), HALT, Reason::Forbidden, false),
        (407, String::new(), HALT, Reason::Forbidden, false),
        (301, String::new(), HALT, Reason::Redirected, false),
        (302, r#"{"object":{"id":"x"}}"#.into(), HALT, Reason::Redirected, false),
        (307, String::new(), HALT, Reason::Redirected, false),
        (308, String::new(), HALT, Reason::Redirected, false),
        (413, "too large".into(), Kind::Reject, Reason::TooLarge, false),
        (400, String::new(), HALT, Reason::Refused, false),
        (400, nginx("The plain HTTP request was sent to HTTPS port"), HALT, Reason::Refused, false),
        (400, nginx("No required SSL certificate was sent"), HALT, Reason::CertificateRefused, false),
        (400, nginx("The SSL certificate error"), HALT, Reason::CertificateRefused, false),
        (422, String::new(), HALT, Reason::Refused, false),
        (408, String::new(), RETRY, Reason::Unavailable, false),
        (429, String::new(), RETRY, Reason::RateLimited, false),
        (503, String::new(), RETRY, Reason::Unavailable, false),
        (500, r#"{"error":"no route"}"#.into(), RETRY, Reason::ServerError, true),
        (500, "not json".into(), RETRY, Reason::ServerError, true),
        (501, String::new(), HALT, Reason::Refused, false),
        (502, String::new(), RETRY, Reason::ServerError, true),
        (504, String::new(), RETRY, Reason::ServerError, true),
        // A success of any other status is not Twake's.
        (201, r#"{"object":{"id":"x"}}"#.into(), HALT, Reason::UnexpectedStatus, true),
        (204, String::new(), HALT, Reason::UnexpectedStatus, true),
        (600, String::new(), HALT, Reason::UnexpectedStatus, true),
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

/// What one message's text can cause, by a filter in front of Twake or in Twake itself, is never taken for a matter of
/// the account without a probe; what Twake says of the account needs none.
#[test]
fn what_a_text_may_cause_asks_for_a_probe() {
    for status in (300..=499).chain([201, 202, 204, 501, 505, 511]) {
        let has_own_row = matches!(status, 408 | 413 | 425 | 429);
        assert_eq!(answered(status, "").wants_probe, !has_own_row, "{status}");
    }
    for (body, wants_probe) in [
        ("<html><title>Blocked</title></html>", true),
        ("", true),
        ("{}", true),
        (r#"{"statusCode":403}"#, true),
        (r#"{"error":"Not found"}"#, true),
        (r#"{"error":"unknown_application_or_bad_private_key"}"#, false),
        (r#"{"error":"unknown error or malformed query."}"#, false),
        (r#"{"object":{"id":null}}"#, false),
    ] {
        assert_eq!(answered(200, body).wants_probe, wants_probe, "{body}");
    }
}

#[test]
fn the_answer_to_a_probe_tells_a_text_from_an_account() {
    let after = |message: (u16, &str), probe: (u16, &str)| {
        let verdicts = [message, probe].map(|(status, body)| answered(status, body));
        let [message, probe] = verdicts;
        crate::twake::after_probe(Api::MessagesSave, message, probe)
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
        // Nothing is known: the account halts for what the message met.
        ((503, ""), Reason::Forbidden),
        ((200, r#"{"error":"something new"}"#), Reason::Forbidden),
    ] {
        let verdict = after((403, ""), probe);
        assert_eq!((verdict.kind, verdict.reason), (HALT, reason), "{probe:?}");
    }
    assert!(after((200, "<html></html>"), (403, "")).may_be_duplicate);
}

#[test]
fn json_is_found_behind_what_something_else_wrote_before_it() {
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
    // A page that quotes a text is no answer of Twake's.
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
fn an_answer_that_is_not_whole_counts_where_its_json_is() {
    let cut = |body: &str| {
        let answer = Answer::Response {
            status: 200,
            retry_after: None,
            body: body.as_bytes(),
            cut: Some("it ended early"),
        };
        verdict(&answer, now())
    };
    assert_eq!(cut(r#"{"object":{"id":"x"}}"#).reason, Reason::Delivered);
    for body in ["", r#"{"object":{"id":"x"}"#] {
        let verdict = cut(body);
        assert_eq!((verdict.reason, verdict.kind), (Reason::AnswerCut, FEW_TIMES));
        assert!(verdict.may_be_duplicate && verdict.detail.starts_with("it ended early"));
    }
}

/// An echo of the request is a page as well.
#[test]
fn a_page_that_repeats_credentials_is_not_shown() {
    let verdict = answered(200, r#"{"headers":{"Authorization":"Basic YXBwOmsvKz0="}}"#);
    assert_eq!(verdict.reason, Reason::NotJson);
    assert!(!verdict.detail.contains("YXBw"), "{}", verdict.detail);
}

#[test]
fn an_object_with_an_id_is_delivered_in_both_eras() {
    for body in [
        r#"{"object":{"id":"5fca","front_id":"x","sender":null},"_cookies":[]}"#,
        r#"{"object":{"id":"5fca","thread_id":"5fca","_reactions":[]},"_cookies":[]}"#,
        r#"{"statusCode":200,"object":{"id":"5fca"}}"#,
    ] {
        let verdict = answered(200, body);
        assert_eq!(
            verdict.kind,
            Kind::Delivered {
                id: "5fca".to_owned()
            }
        );
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
fn what_is_surely_unsent_is_told_from_what_may_be_there() {
    for (transport, reason, kind, may_be_duplicate) in [
        (Transport::Unresolved, Reason::Unresolved, RETRY, false),
        (Transport::Unreachable, Reason::Unreachable, RETRY, false),
        (Transport::Tls, Reason::Tls, RETRY, false),
        (
            Transport::CertificateRefused,
            Reason::CertificateRefused,
            HALT,
            false,
        ),
        (Transport::Proxy, Reason::Proxy, RETRY, false),
        (Transport::ProxyRefused, Reason::ProxyRefused, HALT, false),
        (Transport::TimedOut, Reason::TimedOut, RETRY, true),
        (Transport::Broken, Reason::Broken, RETRY, true),
        (Transport::Garbled, Reason::Garbled, HALT, true),
    ] {
        let verdict = verdict(&Answer::Failed(transport, "os\nerror"), now());
        assert_eq!(verdict.detail, "oserror");
        assert_eq!(verdict.kind, kind);
        assert_eq!(
            (verdict.reason, verdict.may_be_duplicate),
            (reason, may_be_duplicate)
        );
    }
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let week = LONGEST_RETRY_AFTER.as_secs();
    for (text, seconds) in [
        ("0", Some(0)),
        ("120", Some(120)),
        (" 7 ", Some(7)),
        ("99999999999999999999999999", Some(week)),
        ("Sun, 01 Mar 2026 10:02:00 GMT", Some(120)),
        ("Sun, 01 Mar 2026 09:00:00 GMT", Some(0)),
        ("Sun, 01 Mar 2099 10:00:00 GMT", Some(week)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ] {
        for status in [429, 503] {
            let answer = Answer::Response {
                status,
                retry_after: Some(text),
                body: b"",
                cut: None,
            };
            let expected = Kind::Retry {
                after: seconds.map(Duration::from_secs),
                times: None,
            };
            assert_eq!(verdict(&answer, now()).kind, expected, "{status} {text:?}");
        }
    }
}

#[test]
fn the_detail_of_an_error_is_one_short_line() {
    let verdict = answered(200, &named(&format!("a\nb\u{1b}[31m{}", "x".repeat(1_000))));
    assert!(verdict.detail.starts_with("ab[31mxxx"));
    assert_eq!(verdict.detail.chars().count(), 200);
}

#[test]
fn every_reason_twake_can_give_has_exactly_one_row() {
    for reason in Reason::ALL {
        let rows = ANSWERS.iter().filter(|row| row.reason == *reason).count();
        let said_by_delivery = matches!(reason, Reason::Expired | Reason::Unreadable | Reason::Discarded);
        assert_eq!(rows, usize::from(!said_by_delivery), "{}", reason.code());
    }
}

#[test]
fn every_label_leads_back_to_its_reason() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_code(reason.code()), Some(*reason));
    }
}
