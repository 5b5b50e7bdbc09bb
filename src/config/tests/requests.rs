use super::*;
use crate::source::{EventResponse, Method};

/// Text that is appended to a valid kind, the number of its wrong line, and the finding.
const WRONG: &[(&str, usize, &str)] = &[
    ("[body]\nquery = true", 1, "body.query: applies to a GET only"),
    (
        "[body]\nquery = 7",
        1,
        "body.query: is a number, a text was expected",
    ),
    (
        "[response]\nstatus = 404",
        1,
        "response.status: a whole number from 200 to 299 was expected",
    ),
    (
        "[response]\nstatus = 302",
        1,
        "response.status: a whole number from 200 to 299 was expected",
    ),
    (
        "[response]\nstatus = 204\nbody = \"ok\"",
        2,
        "response.body: is never sent",
    ),
    (
        "[[challenge]]\nresponse = '\"x\"'",
        0,
        "challenge[0]: `when` is missing",
    ),
    (
        "[[challenge]]\nwhen = 'event == \"x\"'",
        1,
        "challenge[0].when: there is no name `event`",
    ),
    (
        "[[challenge]]\nwhen = 'true'\nstatus = 500",
        2,
        "challenge[0].status: a whole number from 200 to 299 was expected",
    ),
    (
        "[[challenge]]\nwhen = 'true'\nresponse = 'branch'",
        2,
        "challenge[0].response: there is no name `branch`",
    ),
    (
        "[[challenge]]\nwhen = 'true'\ncontent_type = \"json\"",
        2,
        "challenge[0].content_type: is no content type",
    ),
    (
        "[[challenge]]\nwhen = 'true'\ncontent_type = \"a/b\\r\\nx: y\"",
        2,
        "is no content type",
    ),
    (
        "[[challenge]]\nwhen = 'true'\ncontent_type = \"text/HTML; charset=utf-8\"",
        2,
        "or one that a browser would run",
    ),
    (
        "[[challenge]]\nwhen = 'payload.x == 1'\nunsigned = true",
        1,
        "challenge[0].when: there is no name `payload`; here are headers, source",
    ),
    (
        "[[challenge]]\nunsigned = true\nwhen = 'true'\nresponse = 'headers.x'",
        3,
        "challenge[0].response: uses the request, which is not authenticated",
    ),
    (
        "[[challenge]]\nunsigned = true\nwhen = 'true'\nresponse = 'ok'",
        3,
        "challenge[0].response: uses the request",
    ),
    (
        "[[challenge]]\nunsigned = true\nwhen = 'true'\nresponse = '7'",
        3,
        "challenge[0].response: gives no text",
    ),
    (
        "[[challenge]]\nwhen = 'true'\nwhy = 'x'",
        2,
        "challenge[0].why: unknown key",
    ),
];

#[test]
fn wrong_keys_about_requests_are_reported_with_their_lines() {
    let files = ConfigFolder::new();
    let findings = |more: &str| {
        let before = KIND.lines().count();
        files.file("templates/bakery/source.toml", &format!("{KIND}\n{more}\n"));
        let findings = files.findings(&format!("{START}{SOURCE}"));
        (before + 2, findings.join("\n"))
    };
    for &(more, line, expected) in WRONG {
        let (first, found) = findings(more);
        let at = format!("source.toml:{}:", first + line);
        let line = found.lines().find(|line| line.contains(expected));
        assert!(
            line.is_some_and(|line| line.contains(&at)),
            "{more}\n{at} {expected}\n{found}"
        );
    }
    for (methods, expected) in [
        ("[]", "is empty"),
        ("[\"POST\", \"POST\"]", "names a method twice"),
        ("\"POST\"", "a list was expected"),
        ("[\"get\"]", "there is no method \"get\", did you mean \"GET\"?"),
    ] {
        files.file(
            "templates/bakery/source.toml",
            &format!("methods = {methods}\n{KIND}"),
        );
        let found = files.findings(&format!("{START}{SOURCE}")).join("\n");
        assert!(
            found.contains("source.toml:1: methods: ") && found.contains(expected),
            "{methods}\n{found}"
        );
    }
}

#[test]
fn the_keys_of_a_kind_about_requests_are_read() {
    let files = ConfigFolder::new();
    files.file(
        "templates/bakery/source.toml",
        &format!(
            "methods = [\"POST\", \"GET\"]\n{KIND}\n[body]\nquery = true\njson = [\"monitor\"]\n[response]\nstatus = 200\nbody = \"ok\"\n\
             [[challenge]]\nwhen = 'payload.type == \"url_verification\"'\nresponse = 'payload.challenge'\n\
             [[challenge]]\nunsigned = true\nwhen = 'headers[\"x-event-key\"] == \"diagnostics:ping\"'\nresponse = '\"po\" + \"ng\"'\nstatus = 201\ncontent_type = \"text/x-pong\"\n"
        ),
    );
    let config = files.read(&format!("{START}{SOURCE}")).unwrap();
    let kind = &config.sources["oven"].kind;
    assert_eq!(kind.methods, [Method::Post, Method::Get]);
    assert!(kind.body.parameters && kind.body.query.is_none());
    assert_eq!(kind.body.json, ["monitor"]);
    let response = EventResponse {
        status: Some(200),
        body: Some("ok".to_owned()),
    };
    assert_eq!(kind.response, response);
    let [signed] = kind.challenges.signed.as_slice() else {
        panic!("{:?}", kind.challenges)
    };
    assert_eq!(
        (signed.status, signed.content_type.as_str()),
        (200, "text/plain; charset=utf-8")
    );
    assert_eq!(signed.response.as_ref().unwrap().text(), "payload.challenge");
    let [unsigned] = kind.challenges.unsigned.as_slice() else {
        panic!("{:?}", kind.challenges)
    };
    assert_eq!(
        (
            unsigned.status,
            unsigned.content_type.as_str(),
            unsigned.response.as_str()
        ),
        (201, "text/x-pong", "pong")
    );
    files.file("templates/bakery/source.toml", KIND);
    let plain = files.read(&format!("{START}{SOURCE}")).unwrap();
    let kind = &plain.sources["oven"].kind;
    assert_eq!(
        (kind.methods.as_slice(), &kind.response),
        (&[Method::Post][..], &EventResponse::default())
    );
}
