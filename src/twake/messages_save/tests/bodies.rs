//! Where the JSON is found in a body, and what is shown of a body.

use super::*;

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
fn the_detail_of_an_error_is_one_short_line() {
    let verdict = answered(200, &named(&format!("a\nb\u{1b}[31m{}", "x".repeat(1_000))));
    assert!(verdict.detail.starts_with("ab[31mxxx"));
    assert_eq!(verdict.detail.chars().count(), 200);
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
