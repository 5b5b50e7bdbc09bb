//! Payloads in forms and parts.

use serde_json::{Value, json};
use std::io::Write as _;

use super::senders::*;
use super::*;

fn payload(content_type: &str, body: impl Into<Bytes>) -> Result<Option<Bytes>, UnreadableForm> {
    let form = BodyForm {
        form: Some("payload".to_owned()),
        multipart: Some("data".to_owned()),
        ..BodyForm::default()
    };
    form.payload(&Headers::new([("Content-Type", content_type)]), &body.into())
}

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=XX";

#[test]
fn the_content_type_says_whether_there_is_a_form() {
    for (content_type, is_form) in [
        (FORM, true),
        ("Application/X-WWW-Form-Urlencoded; charset=utf-8", true),
        ("application/json", false),
        ("text/plain", false),
        ("", false),
        ("application/x-www-form-urlencodedx", false),
    ] {
        let found = payload(content_type, "payload=%7B%7D").unwrap();
        assert_eq!(
            found.as_deref(),
            is_form.then_some(b"{}".as_slice()),
            "{content_type}"
        );
    }
    let plain =
        BodyForm::default().payload(&Headers::new([("content-type", FORM)]), &Bytes::from("payload=x"));
    assert_eq!(plain, Ok(None), "a kind without a form takes the body as it is");
}

#[test]
fn form_fields_are_decoded_and_unique() {
    let read = |body: &'static str| {
        payload(FORM, body).map(|found| String::from_utf8(found.unwrap().to_vec()).unwrap())
    };
    assert_eq!(
        read("a=1&payload=%7B%22a%22%3A+%22%C3%A9%22%7D&b"),
        Ok(r#"{"a": "é"}"#.to_owned())
    );
    assert_eq!(read("payload=%"), Ok("%".to_owned()));
    assert_eq!(read("payload="), Ok(String::new()));
    assert_eq!(read("payload=1&payload=2"), Err(UnreadableForm::Twice));
    assert_eq!(read("payload=1&%70ayload=1"), Err(UnreadableForm::Twice));
    assert_eq!(read("Payload=1"), Err(UnreadableForm::Missing));
    assert_eq!(read(""), Err(UnreadableForm::Missing));
    assert_eq!(read("&&&==="), Err(UnreadableForm::Missing));
}

#[test]
fn parts_are_found_by_name() {
    let one = "--XX\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{}\r\n--XX--\r\n";
    let table = [
        (MULTIPART, one.to_owned(), "{}"),
        (
            "multipart/form-data; charset=\"a;b\"; boundary=\"XX\"",
            one.to_owned(),
            "{}",
        ),
        ("Multipart/Form-Data;boundary=XX ; x=y", one.to_owned(), "{}"),
        (MULTIPART, format!("preamble\r\n{one}epilogue"), "{}"),
        (MULTIPART, one.replace("--XX\r\n", "--XX \t\r\n"), "{}"),
        (MULTIPART, one.replace("\"data\"", "data"), "{}"),
        (
            MULTIPART,
            one.replace("form-data;", "form-data; filename=\"a\\\"; name=b;\" ;"),
            "{}",
        ),
        (
            MULTIPART,
            one.replace("Content-D", "X-Y: z\r\nContent-Type: text/plain\r\ncontent-d"),
            "{}",
        ),
        (
            MULTIPART,
            one.replace("{}", "a\r\n\r\n--X\r\n-\r--XX"),
            "a\r\n\r\n--X\r\n-\r--XX",
        ),
        (MULTIPART, one.replace("{}", ""), ""),
        (MULTIPART, one.replace("{}\r\n", ""), ""),
        (
            MULTIPART,
            format!("--XX\r\nContent-Disposition: form-data; name=other\r\n\r\nno\r\n{one}"),
            "{}",
        ),
        (MULTIPART, format!("--XX\r\n\r\nno head\r\n{one}"), "{}"),
    ];
    for (content_type, body, expected) in table {
        let found = payload(content_type, body.clone());
        assert_eq!(found, Ok(Some(Bytes::from(expected))), "{content_type}\n{body}");
    }
}

#[test]
fn multipart_bodies_that_are_none_are_unreadable() {
    use UnreadableForm::{Missing, Multipart, Twice};
    let part =
        |name: &str| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{{}}\r\n");
    let long = "x".repeat(5000);
    let too_long = format!("multipart/form-data; boundary={}", "X".repeat(71));
    let table = [
        (MULTIPART, String::new(), Multipart),
        (MULTIPART, "{}".to_owned(), Multipart),
        (MULTIPART, "--XX".to_owned(), Multipart),
        (MULTIPART, "--XX--".to_owned(), Missing),
        (MULTIPART, "--XX\r\n".to_owned(), Multipart),
        (MULTIPART, "--XX\r\n\r\n".to_owned(), Multipart),
        (MULTIPART, part("data"), Multipart),
        (MULTIPART, part("other") + "--XX--", Missing),
        (MULTIPART, part("Data") + "--XX--", Missing),
        (MULTIPART, part("data") + &part("data") + "--XX--", Twice),
        (
            MULTIPART,
            part("other").repeat(64) + &part("data") + "--XX--",
            Multipart,
        ),
        (
            MULTIPART,
            format!("--XX\r\nX: {long}\r\n\r\n{{}}\r\n--XX--"),
            Multipart,
        ),
        (
            MULTIPART,
            part("data").replace("\r\n", "\n") + "--XX--",
            Multipart,
        ),
        (MULTIPART, part("da\\") + "--XX--", Missing),
        (
            "multipart/form-data; boundary=\"\"",
            (part("data") + "--XX--").replace("XX", ""),
            Multipart,
        ),
        (
            too_long.as_str(),
            (part("data") + "--XX--").replace("XX", &"X".repeat(71)),
            Multipart,
        ),
        ("multipart/form-data", part("data") + "--XX--", Multipart),
        (
            "multipart/form-data; boundary=",
            part("data") + "--XX--",
            Multipart,
        ),
        (
            "multipart/form-data; boundary=YY",
            part("data") + "--XX--",
            Multipart,
        ),
        (
            "multipart/form-data; boundary=\"X",
            part("data") + "--XX--",
            Multipart,
        ),
        (
            "multipart/form-data; boundary=\"X\rX\"",
            part("data") + "--XX--",
            Multipart,
        ),
    ];
    for (content_type, body, expected) in table {
        assert_eq!(
            payload(content_type, body.clone()),
            Err(expected),
            "{content_type}\n{body:.300}"
        );
    }
}

#[test]
fn what_is_proved_and_unreadable_is_not_what_is_not_proved() {
    let form = || BodyForm {
        form: Some("payload".to_owned()),
        multipart: None,
        ..BodyForm::default()
    };
    let refusal = |table: &str, signed: &str, sent: &'static str| {
        let mut headers = sign(&scheme(table), &Secret::new("k"), "", at(NOW), signed.as_bytes());
        headers.push(("content-type".to_owned(), FORM.to_owned()));
        let headers = Headers::new(headers);
        let authenticator = Authenticator::new(vec![scheme(table)], vec![secret("x", "k")], form()).unwrap();
        let pending = authenticator.begin(&headers, None).unwrap();
        let authentic = pending.finish(Bytes::from(sent), at(NOW));
        authentic.map(|authentic| authentic.into_parts().3.err())
    };
    let missing = Ok(Some(UnreadableForm::Missing));
    assert_eq!(refusal(GITHUB, "payload=1", "payload=1"), Ok(None));
    assert_eq!(refusal(GITHUB, "x=1", "x=1"), missing);
    assert_eq!(refusal(GITHUB, "x=2", "x=1"), Err(Refusal::Mismatch));
    assert_eq!(refusal(GITEA, "1", "payload=1"), Ok(None));
    assert_eq!(refusal(GITEA, "2", "payload=1"), Err(Refusal::Mismatch));
    assert_eq!(refusal(GITEA, "x=1", "x=1"), Err(Refusal::Mismatch));
    assert_eq!(refusal(GITLAB_TOKEN, "", "x=1"), missing);
}

#[test]
fn a_form_may_be_the_object_of_its_fields_and_a_text_the_payload() {
    let read = |(fields, text): (bool, bool), content_type: &str, body: &str| {
        let form = BodyForm {
            fields,
            text,
            ..BodyForm::default()
        };
        let headers = Headers::new([("content-type", content_type)]);
        let found = form.payload(&headers, &Bytes::from(body.to_owned())).unwrap();
        found.map(|found| String::from_utf8(found.to_vec()).unwrap())
    };
    let (both, forms, texts) = ((true, true), (true, false), (false, true));
    for (what, content_type, body, expected) in [
        (both, FORM, "a=1&b=x+y%21&a=2", r#"{"a":["1","2"],"b":"x y!"}"#),
        (both, FORM, "a_b.c[0]=1", r#"{"a_b.c[0]":"1"}"#),
        (both, FORM, "two words", r#"{"text":"two words"}"#),
        (both, FORM, "=", r#"{"text":"="}"#),
        (both, FORM, "{\"a\":", r#"{"text":"{\"a\":"}"#),
        (both, FORM, "\"a\"", r#"{"text":"\"a\""}"#),
        (both, "text/plain", "a=1", r#"{"text":"a=1"}"#),
        (both, "", "\u{1}ü", "{\"text\":\"\\u0001ü\"}"),
        (both, "", "", r#"{"text":""}"#),
        (forms, FORM, "two words", r#"{"two words":""}"#),
        (forms, FORM, "", "{}"),
        (texts, FORM, "a=1", r#"{"text":"a=1"}"#),
    ] {
        assert_eq!(
            read(what, content_type, body).as_deref(),
            Some(expected),
            "{content_type}: {body}"
        );
    }
    for (what, content_type, body) in [
        (both, FORM, " {\"a\": 1}\n"),
        (both, "text/plain", "[]"),
        (both, "application/json", "no json"),
        (both, "application/x+JSON; charset=utf-8", "no json"),
        (forms, "text/plain", "a=1"),
        ((false, false), FORM, "a=1"),
    ] {
        assert_eq!(read(what, content_type, body), None, "{content_type}: {body}");
    }
}

#[test]
fn a_form_with_too_many_fields_is_unreadable() {
    let form = BodyForm {
        fields: true,
        ..BodyForm::default()
    };
    let read = |fields: usize| {
        let headers = Headers::new([("content-type", FORM)]);
        form.payload(&headers, &Bytes::from("a=1&".repeat(fields)))
    };
    assert!(read(1_000).is_ok());
    assert_eq!(read(1_001), Err(UnreadableForm::TooMany));
}

/// Only the bridge itself says of a body that it is a query.
fn of_query(form: &BodyForm, query: &str) -> Result<Value, UnreadableForm> {
    let scheme = scheme("name = \"t\"\nmethod = \"token\"\nheader = \"x-token\"\n");
    let authenticator =
        Authenticator::new(vec![scheme], vec![secret("env:S", "s3cret")], form.clone()).unwrap();
    let headers = Headers::new([("x-token", "s3cret"), ("content-type", FORM)]);
    let pending = authenticator.begin(&headers, None).unwrap().with_query(query);
    let authentic = pending.finish(Bytes::new(), at(NOW)).unwrap();
    let (headers, body, _, payload) = authentic.into_parts();
    let again = form.payload(&headers, &body);
    assert_eq!(again, payload, "what is kept is read the same way again");
    payload.map(|payload| serde_json::from_slice(&payload.unwrap()).unwrap())
}

#[test]
fn a_query_is_the_payload_or_has_it_in_a_parameter() {
    let all = BodyForm {
        parameters: true,
        json: vec!["monitor".to_owned(), "beat".to_owned()],
        ..BodyForm::default()
    };
    for (query, expected) in [
        ("a=1&b=x+y&a=%C3%BC", json!({"a": ["1", "ü"], "b": "x y"})),
        (
            "monitor=%7B%22id%22:1%7D&msg=%7B%7D",
            json!({"monitor": {"id": 1}, "msg": "{}"}),
        ),
        ("monitor=null&beat=down", json!({"monitor": null, "beat": "down"})),
        (
            "monitor=&beat=1&beat=[2]",
            json!({"monitor": "", "beat": [1, [2]]}),
        ),
        ("msg", json!({"msg": ""})),
    ] {
        assert_eq!(of_query(&all, query), Ok(expected), "{query}");
    }
    assert_eq!(of_query(&all, ""), Err(UnreadableForm::Missing));
    assert_eq!(
        of_query(&all, &"a=1&".repeat(1_001)),
        Err(UnreadableForm::TooMany)
    );
    let one = BodyForm {
        query: Some("payload".to_owned()),
        form: Some("other".to_owned()),
        ..BodyForm::default()
    };
    assert_eq!(
        of_query(&one, "other=2&payload=%7B%22a%22:1%7D"),
        Ok(json!({"a": 1}))
    );
    assert_eq!(of_query(&one, "other=2"), Err(UnreadableForm::Missing));
    assert_eq!(of_query(&one, "payload=1&payload=2"), Err(UnreadableForm::Twice));
}

#[test]
fn the_fields_of_a_form_may_be_json_too() {
    let form = BodyForm {
        fields: true,
        json: vec!["data".to_owned()],
        ..BodyForm::default()
    };
    let headers = Headers::new([("content-type", FORM)]);
    let payload = form
        .payload(&headers, &Bytes::from("data=[1]&text=[1]"))
        .unwrap()
        .unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload, json!({"data": [1], "text": "[1]"}));
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_signature_is_over_the_compressed_bytes_and_nothing_is_decoded_before_it_was_checked() {
    let json = br#"{"a": 1}"#;
    let bomb = gzip(&vec![b' '; 20 << 20]);
    let limit = 1 << 20;
    for (table, sent, signed, expected) in [
        (GITHUB, gzip(json), gzip(json), Ok(Ok(()))),
        (GITHUB, gzip(json), json.to_vec(), Err(Refusal::Mismatch)),
        (GITEA, gzip(json), gzip(json), Ok(Ok(()))),
        (GITEA, gzip(json), json.to_vec(), Err(Refusal::Mismatch)),
        (GITHUB, bomb.clone(), b"x".to_vec(), Err(Refusal::Mismatch)),
        (
            GITHUB,
            bomb.clone(),
            bomb.clone(),
            Ok(Err(UnreadableForm::TooLarge)),
        ),
    ] {
        let mut headers = sign(&scheme(table), &Secret::new("k"), "", at(NOW), &signed);
        headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
        let headers = Headers::new(headers);
        let secrets = vec![secret("x", "k")];
        let authenticator = Authenticator::new(vec![scheme(table)], secrets, BodyForm::default()).unwrap();
        let body = Bytes::from(sent);
        let pending = || authenticator.begin(&headers, None).unwrap();
        assert_eq!(pending().check(&body, at(NOW)), expected.map(drop));
        let Ok(read) = expected else {
            assert_eq!(pending().finish(body, at(NOW)).err(), expected.err());
            continue;
        };
        assert_eq!(pending().weigh(&body, limit).map(drop), read);
        let (_, kept, _, payload) = pending().finish(body.clone(), at(NOW)).unwrap().into_parts();
        assert_eq!(kept, body);
        let payload = payload.map(|payload| assert_eq!(payload.as_deref(), Some(json.as_slice())));
        assert_eq!(payload, read);
    }
}

#[test]
fn a_payload_weighs_the_same_in_any_encoding() {
    let json = br#"{"a":1,"b":"x"},"#.repeat(20_000);
    let percent = percent_encoding::percent_encode(&json, percent_encoding::NON_ALPHANUMERIC).to_string();
    let form = format!("payload={percent}").into_bytes();
    let part = [
        b"--XX\r\nContent-Disposition: form-data; name=data\r\n\r\n".as_slice(),
        &json,
        b"\r\n--XX--",
    ]
    .concat();
    let utf16: Vec<u8> = String::from_utf8_lossy(&json)
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let take = BodyForm {
        form: Some("payload".to_owned()),
        multipart: Some("data".to_owned()),
        ..BodyForm::default()
    };
    let weigh = |content_type: &str, encoding: &str, body: &[u8]| {
        let headers = Headers::new([("content-type", content_type), ("content-encoding", encoding)]);
        take.weigh(&headers, body, 25 << 20).unwrap()
    };
    // Measured: some 25 to 45 bytes of memory for a byte of such JSON.
    let plain = weigh("application/json", "", &json);
    assert!((json.len() * 25..json.len() * 45).contains(&plain), "{plain}");
    for (content_type, encoding, body) in [
        (FORM, "", form.clone()),
        (FORM, "gzip", gzip(&form)),
        (MULTIPART, "", part.clone()),
        (MULTIPART, "gzip", gzip(&part)),
        ("application/json", "", utf16.clone()),
        ("application/json; charset=utf-16", "gzip", gzip(&utf16)),
        ("application/json; charset=latin1", "", json.clone()),
        ("application/json", "gzip", gzip(&json)),
        ("application/json", "gzip", json.clone()),
    ] {
        let weight = weigh(content_type, encoding, &body);
        assert!(
            (plain..plain * 5 / 4).contains(&weight),
            "{content_type} {encoding}: {weight}, not {plain}"
        );
    }
    assert_eq!(
        take.weigh(
            &Headers::new([("content-encoding", "gzip")]),
            &gzip(&json),
            json.len() - 1
        ),
        Err(UnreadableForm::TooLarge)
    );
}
