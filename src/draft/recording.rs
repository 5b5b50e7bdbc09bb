//! Reads what a sender sent from the content of files.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A request that a sender sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The name of its file without the extension, with a number if the file has several.
    pub name: String,
    /// The headers, names in lower case. Empty if the file has only the body.
    pub headers: Vec<(String, String)>,
    /// The body as it was sent.
    pub body: Vec<u8>,
    /// The parsed body, an object.
    pub payload: Value,
}

/// Headers: names in lower case, values.
type Pairs = Vec<(String, String)>;

/// A recorded request as JSON.
#[derive(Deserialize)]
struct Request {
    headers: Headers,
    #[serde(alias = "payload")]
    body: Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    Pairs(Vec<(String, String)>),
    Object(Map<String, Value>),
}

/// A header that every recorded request has, and no payload.
const CONTENT_TYPE: &str = "content-type";

/// Reads a file: the JSON of a payload, one JSON object a line, `{"headers": …, "body": …}` or a list of these, or a request as HTTP
/// writes it. `name` is that of the file without its extension.
///
/// # Errors
/// Says why it is none of these.
pub fn recordings(name: &str, content: &[u8]) -> Result<Vec<Recording>, String> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    if content.trim_ascii().is_empty() {
        return Err("is empty".to_owned());
    }
    if let Some((headers, body)) = http_request(content) {
        return Ok(vec![recording(name, headers, body)?]);
    }
    match serde_json::from_slice::<Value>(content) {
        Ok(Value::Array(items)) if items.iter().all(|item| request(item).is_some()) && !items.is_empty() => {
            numbered(name, items.iter().map(|item| of_value(name, item)))
        }
        Ok(value) if request(&value).is_some() => Ok(vec![of_value(name, &value)?]),
        Ok(_) => Ok(vec![recording(name, Vec::new(), content)?]),
        Err(error) => {
            let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
            let values: Result<Vec<Value>, _> =
                lines.iter().map(|line| serde_json::from_slice(line)).collect();
            match values {
                Ok(values) if values.len() > 1 => {
                    let pairs = values.iter().zip(&lines);
                    numbered(
                        name,
                        pairs.map(|(value, line)| match request(value) {
                            Some(_) => of_value(name, value),
                            None => recording(name, Vec::new(), line),
                        }),
                    )
                }
                _ => Err(format!(
                    "is neither JSON, JSON lines, nor a recorded request: {error}; for a sender that posts forms, copy a kind with [body] form"
                )),
            }
        }
    }
}

fn numbered(
    name: &str,
    found: impl Iterator<Item = Result<Recording, String>>,
) -> Result<Vec<Recording>, String> {
    let mut all = found.collect::<Result<Vec<_>, _>>()?;
    if all.len() > 1 {
        for (number, recording) in (1..).zip(&mut all) {
            recording.name = format!("{name}-{number}");
        }
    }
    Ok(all)
}

/// A recorded request, if the value is one.
fn request(value: &Value) -> Option<Request> {
    let request = Request::deserialize(value).ok()?;
    let headers = pairs(&request);
    headers
        .iter()
        .any(|(name, _)| name == CONTENT_TYPE)
        .then_some(request)
}

fn pairs(request: &Request) -> Vec<(String, String)> {
    let lower = |(name, value): (&String, &str)| (name.to_ascii_lowercase(), value.to_owned());
    match &request.headers {
        Headers::Pairs(pairs) => pairs.iter().map(|(name, value)| lower((name, value))).collect(),
        Headers::Object(object) => {
            let text = |value: &'_ Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Array(items) => items.first().and_then(Value::as_str).map(str::to_owned),
                _ => None,
            };
            let headers = object
                .iter()
                .filter_map(|(name, value)| Some((name, text(value)?)));
            headers.map(|(name, value)| lower((name, &value))).collect()
        }
    }
}

fn of_value(name: &str, value: &Value) -> Result<Recording, String> {
    let request = request(value).ok_or("is no recorded request")?;
    let body = match &request.body {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    recording(name, pairs(&request), body.as_bytes())
}

fn recording(name: &str, headers: Vec<(String, String)>, body: &[u8]) -> Result<Recording, String> {
    let payload: Value =
        serde_json::from_slice(body).map_err(|error| format!("has a body that is not JSON: {error}"))?;
    if !payload.is_object() {
        return Err("has a payload that is no JSON object".to_owned());
    }
    Ok(Recording {
        name: name.to_owned(),
        headers,
        body: body.to_vec(),
        payload,
    })
}

/// The headers and the body of a request such as `curl -v` or a proxy writes it: `POST /path HTTP/1.1`, headers, a blank line, the body.
fn http_request(content: &[u8]) -> Option<(Pairs, &[u8])> {
    let mut rest = content;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at(end);
        rest = after.get(1..)?;
        std::str::from_utf8(line).ok().map(str::trim_end)
    };
    if !line()?.split(' ').nth(2)?.starts_with("HTTP/") {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some((headers, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_lines_and_recorded_requests_are_read() {
        let names = |content: &str| -> Vec<(String, usize, String)> {
            let found = recordings("a", content.as_bytes()).unwrap();
            let shown = |of: &Recording| (of.name.clone(), of.headers.len(), of.payload["k"].to_string());
            found.iter().map(shown).collect()
        };
        let of = |name: &str, headers: usize, value: &str| (name.to_owned(), headers, value.to_owned());
        assert_eq!(names(r#"{"k": 1}"#), [of("a", 0, "1")]);
        assert_eq!(
            names("{\"k\": 1}\n\n{\"k\": 2}\n"),
            [of("a-1", 0, "1"), of("a-2", 0, "2")]
        );
        let object =
            r#"{"headers": {"Content-Type": ["application/json"], "X-Event": "a"}, "body": "{\"k\": 3}"}"#;
        assert_eq!(names(object), [of("a", 2, "3")]);
        let pairs = r#"[{"headers": [["content-type", "application/json"]], "body": {"k": 4}}]"#;
        assert_eq!(names(pairs), [of("a", 1, "4")]);
        assert_eq!(
            names("POST /hooks/a HTTP/1.1\r\nX-Event: b\r\n\r\n{\"k\": 5}"),
            [of("a", 1, "5")]
        );
        // A mail, whose payload has headers and a body of its own.
        assert_eq!(
            names(r#"{"headers": {"to": "a@b"}, "body": "hi", "k": 6}"#),
            [of("a", 0, "6")]
        );
    }

    #[test]
    fn what_is_no_object_is_refused_with_the_reason() {
        for (content, why) in [
            ("", "is empty"),
            ("[1]", "no JSON object"),
            ("a=b&c=d", "[body] form"),
            ("{\"a\"", "neither JSON"),
        ] {
            let error = recordings("a", content.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{content}: {error}");
        }
    }
}
