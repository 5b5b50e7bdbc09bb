//! The built-in kinds against the signatures that senders publish: a kind's own line of `source.toml` has to take them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use twake_bridge::authentication::Refusal;
use twake_bridge::config::{Config, Surroundings};
use twake_bridge::event::Headers;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    scheme: String,
    secret: String,
    body: Option<String>,
    header: BTreeMap<String, String>,
}

/// The kind that takes what is published of a scheme, the prefix its headers have there in the place of another, and when
/// it was signed.
fn kind(scheme: &str) -> Option<(&'static str, (&'static str, &'static str), i64)> {
    Some(match scheme {
        "standard-webhooks" => ("standard-webhooks", ("", ""), 1_649_367_553),
        "slack" => ("slack-compatible", ("", ""), 1_531_420_618),
        // Published under the names of Standard Webhooks; Svix's own are another scheme of the kind.
        other if other.contains("svix") => ("standard-webhooks", ("webhook-", "svix-"), 1_731_705_121),
        _ => return None,
    })
}

/// Proves a vector to its kind, at a time; the scheme that took it is not told, the refusal is.
fn prove(
    kind: &str,
    vector: &Vector,
    headers: &[(String, String)],
    body: &str,
    at: i64,
) -> Result<(), Refusal> {
    let text = format!("[sources.x]\nkind = \"{kind}\"\nsecrets = [{{ env = \"SECRET\" }}]\nchannels = []\n");
    let surroundings = Surroundings::of([("SECRET".to_owned(), vector.secret.clone())]);
    // Beside no folder of own templates: what is compiled in is meant.
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let config =
        Config::from_text(&text, &base, &surroundings).unwrap_or_else(|findings| panic!("{findings:#?}"));
    let headers = Headers::new(headers.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let now = Timestamp::from_second(at).unwrap();
    let pending = config.sources["x"].authenticator.begin(&headers, None)?;
    pending.finish(Bytes::from(body.to_owned()), now).map(|_| ())
}

#[test]
fn what_is_published_is_authentic_to_its_kind_for_five_minutes_and_with_its_body_alone() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/signature-vectors.json");
    let file: Vectors = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let mut tried = 0;
    for vector in &file.vectors {
        let (Some((kind, (from, to), at)), Some(body)) = (kind(&vector.scheme), &vector.body) else {
            continue;
        };
        let mut ways = vec![(from, from)];
        if from != to {
            ways.push((from, to));
        }
        for (from, to) in ways {
            let headers: Vec<_> = vector
                .header
                .iter()
                .map(|(name, value)| (name.to_lowercase().replacen(from, to, 1), value.clone()))
                .collect();
            let prove = |body: &str, at| prove(kind, vector, &headers, body, at);
            assert_eq!(prove(body, at), Ok(()), "{}", vector.scheme);
            assert_eq!(prove(body, at + 299), Ok(()), "{}", vector.scheme);
            assert_eq!(prove(body, at + 301), Err(Refusal::Stale), "{}", vector.scheme);
            assert_eq!(prove(body, at - 301), Err(Refusal::Stale), "{}", vector.scheme);
            assert_eq!(
                prove(&format!("{body} "), at),
                Err(Refusal::Mismatch),
                "{}",
                vector.scheme
            );
            tried += 1;
        }
    }
    assert_eq!(tried, 4);
}
