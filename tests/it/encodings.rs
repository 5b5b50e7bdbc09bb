//! Compressed bodies and bodies in other charsets: posted, stored, replayed and previewed.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::harness::{TestSetup, client, github_signature, push};
use crate::preview::run_in;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const SOURCES: &str = r#"
[sources.backup]
kind = "generic"
secrets = [{ file = "backup" }]
channels = ["ops"]
[limits]
body = "2MiB"
"#;

fn configured() -> TestSetup {
    let setup = TestSetup::new();
    std::fs::write(setup.path("backup"), TOKEN).unwrap();
    setup
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[actix_web::test]
async fn every_encoding_renders_the_same_when_posted_replayed_and_previewed() {
    let setup = configured();
    setup.write_config(SOURCES);
    let bridge = setup.bridge(SOURCES);
    let bearer = format!("Bearer {TOKEN}");
    let (json_type, form, text) = (
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
    );
    let payload = |title: &str| format!("{{\"title\": \"{title}\"}}");
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let table = [
        (
            json_type,
            "",
            format!("\u{feff}{}", payload("mark é")).into_bytes(),
            "mark é",
        ),
        (json_type, "", utf16(&payload("wide é")), "wide é"),
        (
            "application/json; charset=iso-8859-1",
            "",
            b"{\"title\": \"declared \xe9\"}".to_vec(),
            "declared é",
        ),
        (
            json_type,
            "",
            b"{\"title\": \"broken \xe9\"}".to_vec(),
            "broken \u{fffd}",
        ),
        (
            "text/plain; charset=ISO-8859-1",
            "",
            b"text \xe9".to_vec(),
            "backup: text é",
        ),
        (
            "application/x-www-form-urlencoded; charset=latin1",
            "",
            b"title=form+%E9".to_vec(),
            "form é",
        ),
        (text, "identity", b"identity".to_vec(), "backup: identity"),
        (text, "UTF-8", b"no encoding".to_vec(), "backup: no encoding"),
        (text, "", b"none".to_vec(), "backup: none"),
        // One uncompressed block (RFC 7932, section 9.2).
        (text, "br", b"\x50\x00\x10brotli\x03".to_vec(), "backup: brotli"),
        (json_type, "gzip", gzip(payload("gzip é").as_bytes()), "gzip é"),
        (form, "deflate", zlib(b"title=deflate+%C3%A9"), "deflate é"),
        (json_type, "gzip", payload("not gzip").into_bytes(), "not gzip"),
    ];
    let mut expected_texts = Vec::new();
    for (content_type, encoding, body, expected) in &table {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", content_type),
            ("content-encoding", encoding),
        ];
        let answer = bridge.post("/hooks/backup", &headers, body.clone()).await;
        assert_eq!(answer.status, 202, "{expected}: {}", answer.text);
        let id = answer.body["event"].as_str().unwrap();
        expected_texts.push(*expected);
        let stored = client()
            .get(format!("{}/api/events/{id}/body", bridge.operator))
            .send()
            .await
            .unwrap()
            .body()
            .await
            .unwrap();
        assert_eq!(stored, body, "the stored body differs");
        // A replay leaves out a channel in which the event still waits.
        bridge.idle().await;
        let mut replay = client()
            .post(format!("{}/api/events/{id}/replay", bridge.operator))
            .insert_header(("x-twake-bridge", "1"))
            .send_json(&json!({ "as_stored": false, "dry_run": true }))
            .await
            .unwrap();
        let replayed: Value = replay.json().await.unwrap();
        assert_eq!(replayed["messages"][0]["text"], *expected, "{replayed}");

        let headers = [
            format!("Content-Type: {content_type}"),
            format!("Content-Encoding: {encoding}"),
        ];
        let arguments = [
            "preview",
            "--source",
            "backup",
            "--header",
            &headers[0],
            "--header",
            &headers[1],
            "-",
        ];
        let output = run_in(setup.folder.path(), &arguments, body);
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains(*expected), "{expected}: {shown}");
    }
    assert_eq!(setup.posted("ch-ops", expected_texts.len()).await, expected_texts);
    bridge.finish().await;
}

#[actix_web::test]
async fn a_signature_covers_the_compressed_body_and_bombs_and_unknown_encodings_are_refused() {
    let setup = configured();
    let bridge = setup.bridge(SOURCES);
    let plain = push("main", "compressed");
    let packed = gzip(plain.as_bytes());
    let dense = gzip(&b"[0,0],".repeat(400_000));
    let bomb = gzip(&vec![b' '; 8 << 20]);
    assert!(bomb.len() < 20_000);
    let right = |body: &[u8]| github_signature(body);
    for (case, encoding, body, signature, status, code) in [
        (
            "over the plain body",
            "gzip",
            &packed,
            right(plain.as_bytes()),
            401,
            "not-authentic",
        ),
        (
            "a stranger's bomb",
            "gzip",
            &bomb,
            right(b"x"),
            401,
            "not-authentic",
        ),
        ("a bomb", "gzip", &bomb, right(&bomb), 413, "too-large"),
        ("over the limit", "gzip", &dense, right(&dense), 413, "too-large"),
        ("two", "gzip, br", &packed, right(&packed), 415, "encoded"),
        ("unknown", "zstd", &packed, right(&packed), 415, "encoded"),
        (
            "over the compressed body",
            "gzip",
            &packed,
            right(&packed),
            202,
            "",
        ),
    ] {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", encoding),
            ("x-github-event", "push"),
            ("x-github-delivery", case),
            ("x-hub-signature-256", signature.as_str()),
        ];
        let answer = bridge.post("/hooks/github", &headers, body.clone()).await;
        assert_eq!(answer.status, status, "{case}: {}", answer.text);
        if !code.is_empty() {
            assert_eq!(answer.body["code"], code, "{case}");
        }
    }
    assert!(setup.posted("ch-dev", 1).await[0].contains("compressed"));
    bridge.finish().await;
}

#[actix_web::test]
async fn the_memory_of_a_decoded_payload_is_limited_in_every_encoding() {
    let setup = configured();
    let sources = SOURCES.replace("body = \"2MiB\"", "body = \"2MiB\"\nbodies = \"2MiB\"");
    let bridge = setup.bridge(&sources);
    let json = b"[0,0],".repeat(60_000);
    let percent = percent_encoding::percent_encode(&json, percent_encoding::NON_ALPHANUMERIC).to_string();
    let bearer = format!("Bearer {TOKEN}");
    for (content_type, encoding, body) in [
        ("application/json", "", json.clone()),
        (
            "application/x-www-form-urlencoded",
            "",
            format!("title={percent}").into_bytes(),
        ),
        ("application/json", "gzip", gzip(&json)),
    ] {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", content_type),
            ("content-encoding", encoding),
        ];
        let answer = bridge.post("/hooks/backup", &headers, body).await;
        assert_eq!(
            answer.body["code"], "too-many-values",
            "{content_type} {encoding}: {}",
            answer.text
        );
    }
    let headers = [("authorization", bearer.as_str()), ("content-encoding", "br")];
    let answer = bridge
        .post("/hooks/backup", &headers, b"\x50\x00\x10brotli\x03".to_vec())
        .await;
    assert_eq!(
        answer.status, 202,
        "a small budget has room for the window: {}",
        answer.text
    );
    bridge.finish().await;
}
