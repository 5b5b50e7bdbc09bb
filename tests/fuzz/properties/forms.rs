//! The fields that the bridge parses from a form are the fields that were written into it.
//!
//! The property writes forms itself, with every freedom of the formats, and the bridge must parse them exactly. A
//! field parsed from any other body must occur in that body. A second parser of multipart bodies, if there is one,
//! must agree.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use twake_bridge::authentication::Authenticator;
use twake_bridge::headers::Headers;
use twake_bridge::payload::charset::{self, Charset};
use twake_bridge::payload::{BodyForm, UnreadableForm};

use super::Input;

const FIELD: &str = "payload";
const FORM: &str = "application/x-www-form-urlencoded";

/// Another parser of multipart bodies. It returns every part with its name, or `None` if the body is invalid.
pub(crate) type Reader = fn(&str, &[u8]) -> Option<Vec<(String, Vec<u8>)>>;

pub(crate) fn check(data: &[u8], other: Option<Reader>) {
    let mut input = Input::new(data);
    match input.below(4) {
        0 => any_body(&mut input, other),
        1 => written_form(&mut input),
        _ => written_multipart(&mut input, other),
    }
}

fn payload(form: &BodyForm, content_type: &str, body: &[u8]) -> Result<Option<Bytes>, UnreadableForm> {
    let headers = Headers::new([("content-type", content_type)]);
    form.payload(&headers, &Bytes::copy_from_slice(body))
}

/// The payload as it was sent, whatever its charset.
fn sent(form: &BodyForm, content_type: &str, body: &[u8]) -> Result<Option<Bytes>, UnreadableForm> {
    let headers = Headers::new([("content-type", content_type)]);
    form.signed(&headers, &Bytes::copy_from_slice(body))
}

/// A text as it is read without a declared charset. A byte order mark or zeros in the text indicate a charset.
fn read(text: &[u8]) -> Bytes {
    charset::decode(&Bytes::copy_from_slice(text), Charset::UTF_8)
}

fn read_text(text: &str) -> String {
    String::from_utf8(read(text.as_bytes()).to_vec()).unwrap()
}

fn field() -> BodyForm {
    BodyForm {
        form: Some(FIELD.to_owned()),
        ..BodyForm::default()
    }
}

fn multipart() -> BodyForm {
    BodyForm {
        multipart: Some(FIELD.to_owned()),
        ..BodyForm::default()
    }
}

/// The payload of a request without a body, from its query.
fn payload_of_query(form: BodyForm, query: &str) -> Result<Bytes, UnreadableForm> {
    let authenticator = Authenticator::of_samples(form);
    let headers = Headers::default();
    let pending = authenticator.begin(&headers, None).unwrap().with_query(query);
    let authentic = pending.finish(Bytes::new(), Timestamp::UNIX_EPOCH).unwrap();
    authentic.into_parts().3.map(Option::unwrap)
}

fn any_body(input: &mut Input<'_>, other: Option<Reader>) {
    let content_type = match input.below(4) {
        0 => FORM.to_owned(),
        1 => "multipart/form-data; boundary=b".to_owned(),
        2 => format!("multipart/form-data;{}", input.text()),
        _ => input.text().into_owned(),
    };
    let body = input.rest();
    if let Ok(Some(found)) = sent(&field(), FORM, body) {
        let fields = fields(body);
        let values = fields.iter().filter(|(name, _)| name == FIELD);
        assert_eq!(values.map(|(_, value)| value).collect::<Vec<_>>(), [&found]);
        let declares = fields.iter().any(|(name, _)| name == "_charset_");
        if !declares && charset::decode_unicode(&Bytes::copy_from_slice(body)).is_none() {
            assert_eq!(payload(&field(), FORM, body), Ok(Some(read(&found))));
        }
    }
    parsed_part(&content_type, body, other);
    for (fields, text) in [(true, false), (false, true), (true, true)] {
        let form = BodyForm {
            fields,
            text,
            ..BodyForm::default()
        };
        match payload(&form, &content_type, body) {
            // A body in another charset is its own payload, which may be JSON or not.
            Ok(Some(_)) if read(body) != body || content_type.to_ascii_lowercase().contains("charset") => {}
            Ok(Some(made)) => assert!(serde_json::from_slice::<Value>(&made).unwrap().is_object()),
            Ok(None) => {}
            Err(error) => assert_eq!(error, UnreadableForm::TooMany),
        }
    }
}

/// A part parsed from a body that the property did not write stands between two delimiters, and the other parser
/// agrees.
fn parsed_part(content_type: &str, body: &[u8], other: Option<Reader>) {
    let Ok(Some(content)) = sent(&multipart(), content_type, body) else {
        return;
    };
    let after = body
        .windows(content.len() + 4)
        .any(|window| window.starts_with(&content) && window.ends_with(b"\r\n--"));
    let is_form = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("multipart/form-data");
    if !is_form {
        return;
    }
    assert!(after, "the parsed part is not in the body");
    if let Some(parts) = other.and_then(|read| read(content_type, body)) {
        let same: Vec<_> = parts
            .into_iter()
            .filter(|(name, _)| name == FIELD)
            .map(|(_, content)| content)
            .collect();
        assert_eq!(same, [content], "the two parsers disagree");
    }
}

/// Parses a form independently: names as they are read, values as they were sent.
fn fields(body: &[u8]) -> Vec<(String, Bytes)> {
    let decoded = |text: &[u8]| {
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            let hex = after.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
            let (byte, skip) = match (first, hex) {
                (b'%', Some(hex)) => (u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap(), 3),
                (b'+', _) => (b' ', 1),
                (other, _) => (*other, 1),
            };
            bytes.push(byte);
            rest = &rest[skip..];
        }
        Bytes::from(bytes)
    };
    let name = |text: &[u8]| String::from_utf8(read(&decoded(text)).to_vec()).unwrap();
    let pieces = body.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    let pairs = pieces.map(|piece| match piece.iter().position(|byte| *byte == b'=') {
        Some(at) => (name(&piece[..at]), decoded(&piece[at + 1..])),
        None => (name(piece), Bytes::new()),
    });
    pairs.collect()
}

fn written_form(input: &mut Input<'_>) {
    let mut body = String::new();
    let mut expected: Vec<(String, String)> = Vec::new();
    while !input.is_empty() && expected.len() < 20 {
        let name = if input.flag() {
            FIELD.to_owned()
        } else {
            input.text().into_owned()
        };
        let value = input.text().into_owned();
        let separator = if body.is_empty() {
            ""
        } else {
            input.pick(&["&", "&&"])
        };
        body.push_str(separator);
        write_encoded(input, &name, &mut body);
        body.push('=');
        write_encoded(input, &value, &mut body);
        expected.push((read_text(&name), read_text(&value)));
    }
    let values: Vec<&String> = expected
        .iter()
        .filter(|(name, _)| name == FIELD)
        .map(|(_, value)| value)
        .collect();
    let found = payload(
        &field(),
        "Application/X-WWW-Form-URLencoded ; charset=utf-8",
        body.as_bytes(),
    );
    let of_query = BodyForm {
        query: Some(FIELD.to_owned()),
        ..BodyForm::default()
    };
    let in_query = payload_of_query(of_query, &body);
    assert_eq!(in_query, found.clone().map(Option::unwrap));
    match values.as_slice() {
        [] => assert_eq!(found, Err(UnreadableForm::Missing)),
        [value] => assert_eq!(found.unwrap().unwrap(), value.as_bytes()),
        _ => assert_eq!(found, Err(UnreadableForm::Twice)),
    }
    let json = vec![FIELD.to_owned()];
    let form = BodyForm {
        fields: true,
        parameters: true,
        json,
        ..BodyForm::default()
    };
    let Some(made) = payload(&form, FORM, body.as_bytes()).unwrap() else {
        return;
    };
    if !body.is_empty() {
        assert_eq!(payload_of_query(form, &body).unwrap(), made);
    }
    let Ok(made) = serde_json::from_slice::<Value>(&made) else {
        // JSON in a field may nest so deeply that the surrounding object would exceed the depth limit.
        return assert!(values.iter().any(|value| value.len() > 100));
    };
    for (name, _) in &expected {
        let of_name = expected.iter().filter(|(known, _)| known == name);
        let values: Vec<Value> = of_name.map(|(_, value)| as_meant(name, value)).collect();
        match values.as_slice() {
            [value] => assert_eq!(made[name], *value),
            values => assert_eq!(made[name], Value::from(values.to_vec())),
        }
    }
}

fn as_meant(name: &str, value: &str) -> Value {
    let json: Option<Value> = (name == FIELD)
        .then(|| serde_json::from_str(value).ok())
        .flatten();
    // Serializes and parses the number again, because the last digit of a long fraction may change.
    json.map_or_else(
        || value.into(),
        |json| serde_json::from_str(&json.to_string()).unwrap_or(json),
    )
}

/// Writes each byte unchanged or as `%XX`, in upper or lower case.
fn write_encoded(input: &mut Input<'_>, text: &str, body: &mut String) {
    let (plain, plus, lower) = (input.flag(), input.flag(), input.flag());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' if plain => body.push(char::from(byte)),
            b' ' if plus => body.push('+'),
            _ => {
                let hex = hex::encode([byte]);
                body.push('%');
                body.push_str(&if lower { hex } else { hex.to_ascii_uppercase() });
            }
        }
    }
}

fn written_multipart(input: &mut Input<'_>, other: Option<Reader>) {
    let boundary = input.pick(&[
        "b",
        "----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "a'()+_,-./:=?",
        "-",
        "--",
    ]);
    let content_type = match input.below(3) {
        0 => format!("multipart/form-data; boundary=\"{boundary}\""),
        1 if !boundary.contains([',', '(', '/', ':', '=', '?']) => {
            format!("multipart/form-data; boundary={boundary}")
        }
        _ => format!("Multipart/Form-Data;charset=utf-8 ; Boundary=\"{boundary}\""),
    };
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let preamble = input.pick(&["", "preamble", "\r\n"]).as_bytes();
    let mut body = preamble.to_vec();
    body.extend(if body.is_empty() && input.flag() {
        &delimiter[2..]
    } else {
        &delimiter[..]
    });
    let mut contents = Vec::new();
    for _ in 0..input.below(6) {
        let (name, is_named) = if input.flag() {
            (FIELD.to_owned(), true)
        } else {
            let name = input.text().replace(['\r', '\n'], "");
            let is_named = name == FIELD;
            (name, is_named)
        };
        let content = input.bytes();
        // Skips content with a delimiter in it: a sender would choose another boundary.
        let around = [b"\r\n", content, &delimiter].concat();
        let ends = around
            .windows(delimiter.len())
            .position(|window| window == delimiter);
        if ends != Some(content.len() + 2) {
            continue;
        }
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let before = input.pick(&[
            "",
            "Content-Type: application/json\r\n",
            "X-A: name=\"payload\"\r\n",
        ]);
        let file = input.pick(&["", "; filename=\"a.json\"", "; filename=\"; name=b\""]);
        let padding = input.pick(&["", " ", "\t"]);
        body.extend(
            format!("{padding}\r\n{before}content-disposition: form-data; name=\"{quoted}\"{file}\r\n\r\n")
                .bytes(),
        );
        body.extend(content);
        body.extend(&delimiter);
        contents.extend(is_named.then_some(content));
    }
    body.extend(b"--");
    body.extend(input.rest());
    let found = payload(&multipart(), &content_type, &body);
    match contents.as_slice() {
        [] => assert_eq!(found, Err(UnreadableForm::Missing)),
        [content] => assert_eq!(found.unwrap().unwrap(), read(content)),
        _ => assert_eq!(found, Err(UnreadableForm::Twice)),
    }
    parsed_part(&content_type, &body, other);
}
