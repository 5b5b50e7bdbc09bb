//! JSON Web Signatures and HTTP Message Signatures: vectors, and what is refused.

use std::time::Duration;

use super::mechanisms::{ED25519, ED25519_PRIVATE, MESSAGE, prove_at};
use super::*;
use crate::authentication::cipher::{Cipher, KeyForm};
use crate::authentication::encoding::Encoding;
use crate::authentication::hash::Hash;
use crate::authentication::message_signature::MessageSignature;
use crate::authentication::public_key::KeyPair;
use crate::authentication::scheme::{Carrier, Method, Signature};

const NETLIFY: &str = r#"
name = "signature"
method = "hmac"
format = "jws"
header = "X-Webhook-Signature"
claims = { iss = "netlify", sha256 = "{sha256:hex}" }
"#;

#[test]
fn a_json_web_signature_states_the_issuer_and_the_hash_of_the_body() {
    // Made by the formula of docs.netlify.com (payload signature) with Python's hmac.
    let body = r#"{"state":"ready"}"#;
    let claims = "eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiY2JhNDZjMWQ3NGRmY2IwNWU1ODRlMGZmYjJhYzFiZDM5ZDVkMGRlMGM3YTNmZDJhZTczNTRiNDQwMWY0OGJhNiJ9";
    let right =
        format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.{claims}._690RUCD8VqGpeE2Ifv41-YIB8088COzKSge6D_yIlc");
    let of = |token: &str, body: &str| {
        let authenticator = authenticator(&[NETLIFY], vec![secret("x", "s3cret")]);
        prove(&authenticator, &[("x-webhook-signature", token)], body, NOW)
    };
    assert_eq!(of(&right, body).as_deref(), Ok("x"));
    assert_eq!(of(&right, r#"{"state":"error"}"#), Err(Refusal::Mismatch));
    for (token, refusal) in [
        // Signed with the same secret: another issuer, an expired token, an unknown extension, a claim that is there twice.
        (
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJvdGhlciIsInNoYTI1NiI6ImNiYTQ2YzFkNzRkZmNiMDVlNTg0ZTBmZmIyYWMxYmQzOWQ1ZDBkZTBjN2EzZmQyYWU3MzU0YjQ0MDFmNDhiYTYifQ.9PjySarcI9rjv7jX0_QWsqA_pw2CbwBGQgmgSUjr3tE",
            Refusal::Mismatch,
        ),
        (
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiY2JhNDZjMWQ3NGRmY2IwNWU1ODRlMGZmYjJhYzFiZDM5ZDVkMGRlMGM3YTNmZDJhZTczNTRiNDQwMWY0OGJhNiIsImV4cCI6MTcwMDAwMDAwMH0.sTvb5dgXxGNXqvhB0VCnsAeLQR6qGztcNPlOCEyClIE",
            Refusal::Stale,
        ),
        (
            "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYjY0Il0sImI2NCI6ZmFsc2V9.eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiY2JhNDZjMWQ3NGRmY2IwNWU1ODRlMGZmYjJhYzFiZDM5ZDVkMGRlMGM3YTNmZDJhZTczNTRiNDQwMWY0OGJhNiJ9.K-WwYnGvwNZ5V5dl82ucT6sypKuWbvcbQL7n2wabpqg",
            Refusal::Mismatch,
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiMDAiLCJzaGEyNTYiOiJjYmE0NmMxZDc0ZGZjYjA1ZTU4NGUwZmZiMmFjMWJkMzlkNWQwZGUwYzdhM2ZkMmFlNzM1NGI0NDAxZjQ4YmE2In0.2NKY5wbDS_lsK5hMlCqEZc0EW3NL-mbT-h1kCwIuAD0",
            Refusal::Mismatch,
        ),
        // `alg` none, without a signature.
        ("eyJhbGciOiJub25lIn0.eyJpc3MiOiJuZXRsaWZ5In0.", Refusal::Malformed),
        ("eyJhbGciOiJub25lIn0", Refusal::Malformed),
        ("", Refusal::Missing),
    ] {
        assert_eq!(of(token, body), Err(refusal), "{token}");
    }
}

/// The request of RFC 9421, appendix B.2.
const RFC_9421: [(&str, &str); 5] = [
    ("host", "example.com"),
    ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("content-type", "application/json"),
    (
        "content-digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    ),
    ("content-length", "18"),
];

#[test]
fn http_message_signatures_are_those_of_rfc_9421() {
    // Sections B.2.5 and B.2.6. They do not cover the body, so no kind could have them: the scheme is made here.
    let unbound = |cipher| Scheme {
        name: "s".to_owned(),
        method: Method::Signed(Box::new(Signature {
            cipher,
            carrier: Carrier::Message(MessageSignature {
                components: vec!["date".to_owned()],
                tolerance: Duration::from_secs(60),
            }),
            also: None,
        })),
    };
    let base64 = KeyForm {
        prefix: String::new(),
        encoding: Some(Encoding::Base64),
    };
    let shared = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    let target = RequestTarget {
        method: "POST",
        path: "/foo",
        query: "param=Value&Pet=dog",
    };
    let created = 1_618_884_473;
    let prove = |scheme: &Scheme, key: &str, headers: &[(&str, &str)], now| {
        let authenticator =
            Authenticator::new(vec![scheme.clone()], vec![secret("x", key)], BodyForm::default());
        let headers = Headers::new(RFC_9421.iter().chain(headers).copied());
        let authenticator = authenticator.unwrap();
        let pending = authenticator.begin(&headers, None)?.with_target(target);
        pending
            .finish(Bytes::from_static(br#"{"hello": "world"}"#), at(now))
            .map(|authentic| authentic.into_parts().2)
    };
    let of_hmac = [
        (
            "signature-input",
            r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
        ),
        (
            "signature",
            "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
        ),
    ];
    let of_ed25519 = [
        (
            "signature-input",
            r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
        ),
        (
            "signature",
            "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
        ),
    ];
    let hmac = unbound(Cipher::Hmac(Hash::Sha256, base64));
    let ed25519 = unbound(Cipher::Private(KeyPair::Ed25519));
    assert_eq!(prove(&hmac, shared, &of_hmac, created).as_deref(), Ok("x"));
    assert_eq!(prove(&ed25519, ED25519, &of_ed25519, created).as_deref(), Ok("x"));
    assert_eq!(
        prove(&ed25519, ED25519, &of_ed25519, created + 61),
        Err(Refusal::Stale)
    );
    assert_eq!(
        prove(&hmac, shared, &of_ed25519, created),
        Err(Refusal::Malformed),
        "64 bytes are no HMAC"
    );
    let changed = [
        ("signature-input", of_hmac[0].1.replace("4473", "4474")),
        ("signature", of_hmac[1].1.to_owned()),
    ];
    let changed = changed.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(prove(&hmac, shared, &changed, created), Err(Refusal::Mismatch));
}

#[test]
fn a_message_signature_covers_the_required_components_and_the_body() {
    let address = "https://bridge.example.org";
    let target = RequestTarget {
        method: "POST",
        path: "/hooks/x",
        query: "",
    };
    let unsigned = Unsigned {
        id: "",
        now: at(NOW),
        target,
        address,
        headers: &Headers::default(),
        body: b"{}",
    };
    let signed = sign_request(&scheme(MESSAGE), &Secret::new(ED25519_PRIVATE), &unsigned);
    let prove = |headers: &[(String, String)], target, body: &str, now| {
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        prove_at((MESSAGE, ED25519), address, target, &headers, body, now)
    };
    assert_eq!(prove(&signed, target, "{}", NOW).as_deref(), Ok("x"));
    assert_eq!(prove(&signed, target, "[]", NOW), Err(Refusal::Mismatch));
    assert_eq!(prove(&signed, target, "{}", NOW - 301), Err(Refusal::Stale));
    let put = RequestTarget {
        method: "PUT",
        ..target
    };
    assert_eq!(prove(&signed, put, "{}", NOW), Err(Refusal::Mismatch));
    let moved = RequestTarget {
        path: "/hooks/y",
        ..target
    };
    assert_eq!(prove(&signed, moved, "{}", NOW), Err(Refusal::Mismatch));
    let edited = |from: &str, to: &str| {
        let edit = |(name, value): &(String, String)| (name.clone(), value.replace(from, to));
        let edited: Vec<_> = signed.iter().map(edit).collect();
        assert_ne!(edited, signed, "{from}");
        prove(&edited, target, "{}", NOW)
    };
    assert_eq!(edited(" \"content-digest\"", ""), Err(Refusal::Malformed));
    assert_eq!(
        edited("\"content-digest\"", "\"content-digest\";req"),
        Err(Refusal::Malformed)
    );
    assert_eq!(edited("sig1=", "sig2="), Ok("x".to_owned()), "the label is any");
    assert_eq!(edited("sig1=:", "sig2=:"), Err(Refusal::Malformed));
    assert_eq!(edited(";created=1700000000", ""), Err(Refusal::Mismatch));
    assert_eq!(
        edited(";created", ";alg=\"rsa-v1_5-sha256\";created"),
        Err(Refusal::Malformed)
    );
    assert_eq!(edited("sha-256=", "sha-999="), Err(Refusal::Mismatch));
}
