//! Payloads in forms, texts and queries, and the memory they take.

use serde_json::{Value, json};

use super::*;
use crate::payload::encoding::tests::gzip;

#[test]
fn the_content_type_declares_a_form() {
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
fn a_form_becomes_an_object_of_its_fields_and_a_text_an_object_with_the_text() {
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

fn query_payload(form: &BodyForm, query: &str) -> Result<Value, UnreadableForm> {
    let headers = mark_as_query(Headers::new([("content-type", FORM)]));
    let payload = form.payload(&headers, &Bytes::copy_from_slice(query.as_bytes()))?;
    Ok(serde_json::from_slice(&payload.unwrap()).unwrap())
}

#[test]
fn a_query_becomes_an_object_or_contains_the_payload_in_a_parameter() {
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
        assert_eq!(query_payload(&all, query), Ok(expected), "{query}");
    }
    assert_eq!(query_payload(&all, ""), Err(UnreadableForm::Missing));
    assert_eq!(
        query_payload(&all, &"a=1&".repeat(1_001)),
        Err(UnreadableForm::TooMany)
    );
    let one = BodyForm {
        query: Some("payload".to_owned()),
        form: Some("other".to_owned()),
        ..BodyForm::default()
    };
    assert_eq!(
        query_payload(&one, "other=2&payload=%7B%22a%22:1%7D"),
        Ok(json!({"a": 1}))
    );
    assert_eq!(query_payload(&one, "other=2"), Err(UnreadableForm::Missing));
    assert_eq!(
        query_payload(&one, "payload=1&payload=2"),
        Err(UnreadableForm::Twice)
    );
}

#[test]
fn fields_of_a_form_can_contain_json() {
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

#[test]
fn the_memory_of_a_payload_is_the_same_in_any_encoding() {
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
    // Measured: such JSON takes 25 to 45 bytes of memory per byte.
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

#[test]
fn json_in_a_text_of_a_json_object_is_parsed_where_the_kind_names_the_field() {
    let form = BodyForm {
        json: vec!["Message".to_owned()],
        ..BodyForm::default()
    };
    for (body, payload) in [
        (
            r#"{"Message": "{\"a\": [1]}", "b": "{}"}"#,
            Some(r#"{"Message":{"a":[1]},"b":"{}"}"#),
        ),
        (r#"{"Message": "[]"}"#, Some(r#"{"Message":[]}"#)),
        (r#"{"Message": "Hello"}"#, None),
        (r#"{"Message": "42"}"#, None),
        (r#"{"Message": "null"}"#, None),
        (r#"{"Message": {"a": 1}}"#, None),
        (r#"{"Other": "{}"}"#, None),
        (r#"["{}"]"#, None),
        ("Hello", None),
    ] {
        let found = form.payload(&Headers::default(), &Bytes::from(body));
        assert_eq!(found.unwrap().as_deref(), payload.map(str::as_bytes), "{body}");
    }
}
