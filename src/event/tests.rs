//! Events of requests, new and from the store.

use serde_json::{Value, json};

use super::*;
use crate::authentication::Authenticator;
use crate::payload::encoding::tests::gzip;

fn event(content_type: &str, body: impl Into<Bytes>) -> Event {
    let form = BodyForm {
        form: Some("payload".to_owned()),
        multipart: None,
        ..BodyForm::default()
    };
    let authenticator = Authenticator::of_samples(form);
    let headers = Headers::new([("Content-Type", content_type)]);
    let pending = authenticator.begin(&headers, None).unwrap();
    let authentic = pending.finish(body.into(), Timestamp::UNIX_EPOCH).unwrap();
    Event::new(Uuid::nil(), "github".into(), Timestamp::UNIX_EPOCH, authentic)
}

#[test]
fn events_are_parsed_from_body_or_form_and_keep_the_body_unchanged() {
    let plain = event("application/json", r#"{"a": 1}"#);
    assert_eq!(plain.payload, json!({"a": 1}));
    let form = event(
        "application/x-www-form-urlencoded",
        "payload=%7B%22a%22%3A1%7D&x=y",
    );
    assert_eq!(form.payload, json!({"a": 1}));
    assert_eq!(form.envelope.body, "payload=%7B%22a%22%3A1%7D&x=y");
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn an_unreadable_authentic_body_becomes_an_event_with_the_reason() {
    let deep = "[".repeat(100_000);
    for (content_type, body, why) in [
        ("", "", "empty"),
        (
            "",
            "{",
            "not JSON (line 1, column 1: EOF while parsing an object)",
        ),
        (
            "",
            "{\"a\":\n \"b \"c\"\"}",
            "not JSON (line 2, column 6: expected `,` or `}`)",
        ),
        ("", "{} x", "not JSON (line 1, column 4: trailing characters)"),
        ("", "{\"a\":NaN}", "not JSON (line 1, column 6: expected value)"),
        (
            "",
            &deep,
            "not JSON (line 1, column 128: recursion limit exceeded)",
        ),
        (
            FORM,
            "a=1",
            "not readable (the form or query has no field for the payload)",
        ),
        (
            FORM,
            "payload=%7B",
            "not JSON (line 1, column 1: EOF while parsing an object)",
        ),
    ] {
        let event = event(content_type, body.to_owned());
        let unreadable = event.unreadable.unwrap();
        assert_eq!(unreadable.why, why, "{body:.20}");
        assert_eq!(event.payload, Value::Null, "{body:.20}");
        assert_eq!(event.envelope.body, body, "the body is unchanged");
        assert!(unreadable.start.len() <= 4096);
    }
    assert_eq!(event(FORM, "payload=%7B").unreadable.unwrap().start, "{");
    let latin = event("", &b"{\"a\": \"\xe9\""[..]).unreadable.unwrap();
    assert_eq!(latin.start, "{\"a\": \"\u{fffd}\"");
}

/// Returns the event of a request, and the same event as it is parsed from the store.
fn events(form: &BodyForm, headers: &[(&str, &str)], body: Vec<u8>) -> [Event; 2] {
    let headers = Headers::new(headers.iter().copied());
    let authenticator = Authenticator::of_samples(form.clone());
    let pending = authenticator.begin(&headers, None).unwrap();
    let authentic = pending.finish(body.into(), Timestamp::UNIX_EPOCH).unwrap();
    let event = Event::new(Uuid::nil(), "own".into(), Timestamp::UNIX_EPOCH, authentic);
    let again = Event::stored(event.envelope.clone(), form);
    [event, again]
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A multipart body with one part. `head` contains more headers of the part.
fn part(head: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--X\r\nContent-Disposition: form-data; name=payload\r\n{head}\r\n");
    [head.as_bytes(), content, b"\r\n--X--"].concat()
}

#[test]
fn a_body_in_any_encoding_is_the_same_event_when_received_and_stored() {
    const FORM: &str = "application/x-www-form-urlencoded";
    const PARTS: &str = "multipart/form-data; boundary=X";
    const LATIN: &str = "application/json; charset=\"latin1\"";
    let plain = BodyForm::default();
    let field = BodyForm {
        form: Some("payload".to_owned()),
        multipart: Some("payload".to_owned()),
        ..BodyForm::default()
    };
    let open = BodyForm {
        fields: true,
        text: true,
        ..BodyForm::default()
    };
    let latin1 = b"{\"text\": \"Caf\xe9\"}".to_vec();
    let json = r#"{"text": "Café"}"#;
    for (form, content_type, encoding, body) in [
        (&plain, "application/json", "", json.as_bytes().to_vec()),
        (
            &plain,
            "application/json",
            "",
            format!("\u{feff}{json}").into_bytes(),
        ),
        (&plain, "application/json", "utf-8", utf16(json)),
        (&plain, "application/json; charset=iso-8859-1", "", latin1.clone()),
        (&plain, LATIN, "gzip", gzip(&latin1)),
        (&plain, "application/json", "gzip", gzip(json.as_bytes())),
        (&plain, "application/json", "gzip", json.as_bytes().to_vec()),
        (
            &plain,
            "application/json; charset=klingon",
            "identity",
            json.as_bytes().to_vec(),
        ),
        (
            &field,
            FORM,
            "",
            b"payload=%7B%22text%22%3A+%22Caf%C3%A9%22%7D".to_vec(),
        ),
        (
            &field,
            FORM,
            "",
            b"payload=%EF%BB%BF{%22text%22:%22Caf%C3%A9%22}".to_vec(),
        ),
        (
            &field,
            FORM,
            "",
            b"_charset_=latin1&payload={\"text\":\"Caf%E9\"}".to_vec(),
        ),
        (&field, FORM, "gzip", gzip(b"payload={\"text\":\"Caf%C3%A9\"}")),
        (&field, PARTS, "", part("", json.as_bytes())),
        (
            &field,
            PARTS,
            "gzip",
            gzip(&part(
                "Content-Type: application/json; charset=latin1\r\n",
                &latin1,
            )),
        ),
        (
            &open,
            "application/x-www-form-urlencoded; charset=ISO-8859-1",
            "",
            b"text=Caf%E9".to_vec(),
        ),
        (&open, "text/plain; charset=ISO-8859-1", "", b"Caf\xe9".to_vec()),
        (
            &open,
            "text/plain",
            "",
            [b"\xff\xfe".to_vec(), utf16("Café")].concat(),
        ),
        (&open, "", "", format!("\u{feff}{json}").into_bytes()),
    ] {
        let headers = [("content-type", content_type), ("content-encoding", encoding)];
        for event in events(form, &headers, body.clone()) {
            assert_eq!(
                event.payload,
                json!({"text": "Café"}),
                "{content_type} {encoding} {body:x?}"
            );
            assert_eq!(event.envelope.body, body, "the body is unchanged");
        }
    }
    for event in events(&plain, &[], b"{\"text\": \"Caf\xe9\"}".to_vec()) {
        assert_eq!(event.payload, json!({"text": "Caf\u{fffd}"}));
    }
}

#[test]
fn stored_events_are_parsed_as_when_received() {
    let form = BodyForm {
        form: Some("payload".to_owned()),
        multipart: None,
        ..BodyForm::default()
    };
    for (content_type, body) in [
        ("application/json", r#"{"a": 1}"#),
        ("application/x-www-form-urlencoded", "payload=%7B%22a%22%3A1%7D"),
    ] {
        let new = event(content_type, body);
        let again = Event::stored(new.envelope.clone(), &form);
        assert_eq!(again.payload, new.payload);
        assert_eq!(again.envelope.body, new.envelope.body);
    }
    let mut mended = event("application/json", "payload=%7B%7D").envelope;
    let unreadable = Event::stored(mended.clone(), &form).unreadable;
    assert!(unreadable.is_some_and(|unreadable| unreadable.why.starts_with("not JSON")));
    mended.headers = Headers::new([("content-type", FORM)]);
    let again = Event::stored(mended, &form);
    assert_eq!((again.payload, again.unreadable), (json!({}), None));
}

#[test]
fn code_that_listens_to_a_network_never_creates_stored_events() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![
        root.join("http"),
        root.join("sandbox"),
        root.join("authentication"),
    ];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains("Event::stored"), "{}", path.display());
            let is_test = path
                .components()
                .any(|part| part.as_os_str().to_string_lossy().starts_with("tests"));
            assert!(
                is_test || !text.contains("Authenticator::of_samples"),
                "{}",
                path.display()
            );
        }
    }
    assert!(files > 8, "the test reads the sources");
}
