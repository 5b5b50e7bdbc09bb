//! Malformed and forged requests.

use super::senders::*;
use super::*;

const BODY: &str = "Hello, World!";
const RIGHT: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn github() -> Authenticator {
    authenticator(&[GITHUB], vec![secret("x", "It's a Secret to Everybody")])
}

#[test]
fn malformed_signatures_are_refused_before_the_body_is_read() {
    use Refusal::{Malformed, Missing};
    let authenticator = github();
    let half = &RIGHT[..32];
    let rest = &RIGHT[1..];
    let table = [
        (vec![], Missing),
        (vec![String::new()], Missing),
        (vec!["   ".to_owned()], Missing),
        (vec!["sha256=".to_owned()], Missing),
        (vec![String::new(), String::new()], Missing),
        (vec![RIGHT.to_owned()], Malformed),
        (vec![format!("sha1={RIGHT}")], Malformed),
        (vec![format!("SHA256={RIGHT}")], Malformed),
        (vec![format!("sha256:{RIGHT}")], Malformed),
        (vec![format!("sha256={half}")], Malformed),
        (vec![format!("sha256={rest}")], Malformed),
        (vec![format!("sha256={RIGHT}0")], Malformed),
        (vec![format!("sha256={RIGHT}00")], Malformed),
        (vec![format!("sha256={RIGHT}{RIGHT}")], Malformed),
        (vec![format!("sha256={RIGHT},sha256={RIGHT}")], Malformed),
        (vec![format!("sha256= {RIGHT}")], Malformed),
        (vec![format!("sha256=g{rest}")], Malformed),
        (vec![format!("sha256=é{}", &RIGHT[2..])], Malformed),
        (vec![format!("sha256=\u{0}{rest}")], Malformed),
        (vec![format!("sha256=0x{}", &RIGHT[2..])], Malformed),
        (vec![format!("sha256={}", "0".repeat(MAX_VALUE))], Malformed),
        (vec!["0".repeat(1 << 20)], Malformed),
        (
            vec![format!("sha256={RIGHT}"), format!("sha256={RIGHT}")],
            Malformed,
        ),
        (vec![format!("sha256={RIGHT}"), String::new()], Malformed),
        (vec![String::new(), format!("sha256={RIGHT}")], Malformed),
    ];
    for (values, refusal) in table {
        let headers = Headers::new(values.iter().map(|value| ("X-Hub-Signature-256", value.as_str())));
        assert_eq!(
            authenticator.begin(&headers, None).err(),
            Some(refusal),
            "{values:.80?}"
        );
    }
}

#[test]
fn a_well_formed_signature_is_right_or_wrong() {
    let authenticator = github();
    let signed = |value: &str| prove(&authenticator, &[("X-Hub-Signature-256", value)], BODY, NOW);
    assert_eq!(signed(&format!("sha256={RIGHT}")).as_deref(), Ok("x"));
    assert_eq!(
        signed(&format!("  sha256={} ", RIGHT.to_uppercase())).as_deref(),
        Ok("x")
    );
    assert_eq!(
        signed(&format!("sha256={}", "0".repeat(64))),
        Err(Refusal::Mismatch)
    );
    let empty_key = hex::encode(hmac_sha256(b"", BODY));
    assert_eq!(signed(&format!("sha256={empty_key}")), Err(Refusal::Mismatch));
}

fn hmac_sha256(key: &[u8], body: &str) -> Vec<u8> {
    use hmac::{Hmac, KeyInit, Mac};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(body).finalize().into_bytes().to_vec()
}

#[test]
fn one_right_signature_of_a_list_is_enough_unless_another_is_malformed() {
    use Refusal::{Malformed, Mismatch, Missing};
    let authenticator = authenticator(&[PAGERDUTY], vec![secret("x", "k")]);
    let right = hex::encode(hmac_sha256(b"k", BODY));
    let wrong = "0".repeat(64);
    let many = |count: usize| vec![format!("v1={wrong}"); count].join(",");
    let table = [
        (format!("v1={right}"), None),
        (format!("v1={wrong},v1={right}"), None),
        (format!("v1={right}, v1={wrong}"), None),
        (format!("v2=zz,v1={right},"), None),
        (format!("v1=,v1={right}"), None),
        (format!("{},v1={right}", many(MAX_SIGNATURES - 1)), None),
        (format!("{},v1={right}", many(MAX_SIGNATURES)), Some(Malformed)),
        (many(MAX_SIGNATURES), Some(Mismatch)),
        (",".repeat(1000), Some(Malformed)),
        (format!("v1={wrong},v1={wrong}"), Some(Mismatch)),
        (format!("v2={right}"), Some(Malformed)),
        (right.clone(), Some(Malformed)),
        (format!("v1={right},v1=zz"), Some(Malformed)),
        (format!("v1={right}v1={right}"), Some(Malformed)),
        (format!("v1={right};v1={right}"), Some(Malformed)),
        ("v1=".to_owned(), Some(Missing)),
        ("v1=,v1=".to_owned(), Some(Missing)),
    ];
    for (value, refusal) in table {
        let proved = prove(&authenticator, &[("X-PagerDuty-Signature", &value)], BODY, NOW);
        assert_eq!(proved.err(), refusal, "{value:.100}");
    }
    let long = |length: usize| format!("v0={},v1={right}", "0".repeat(length - right.len() - 7));
    let proved = |value: &str| prove(&authenticator, &[("X-PagerDuty-Signature", value)], BODY, NOW);
    assert_eq!(proved(&long(MAX_VALUE)).as_deref(), Ok("x"));
    assert_eq!(proved(&long(MAX_VALUE + 1)), Err(Malformed));
    let twice = format!("v1={right}");
    let headers = [
        ("X-PagerDuty-Signature", twice.as_str()),
        ("X-PagerDuty-Signature", twice.as_str()),
    ];
    assert_eq!(prove(&authenticator, &headers, BODY, NOW), Err(Malformed));
}

#[test]
fn only_a_right_signature_is_stale_outside_the_tolerance() {
    for table in [STANDARD, STRIPE, BUILDKITE, SLACK, GRAFANA_TIMESTAMP] {
        let value = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        let authenticator = authenticator(&[table], vec![secret("x", value)]);
        let headers = sign(&scheme(table), &Secret::new(value), "msg_1", at(NOW), b"{}");
        for (now, refusal) in [
            (NOW - 301, Some(Refusal::Stale)),
            (NOW - 300, None),
            (NOW + 300, None),
            (NOW + 301, Some(Refusal::Stale)),
            (NOW * 2, Some(Refusal::Stale)),
        ] {
            assert_eq!(
                prove_signed(&authenticator, &headers, "{}", now).err(),
                refusal,
                "{table}"
            );
            assert_eq!(
                prove_signed(&authenticator, &headers, "{ }", now),
                Err(Refusal::Mismatch),
                "{table}"
            );
        }
    }
}

#[test]
fn timestamps_and_ids_are_strict() {
    let authenticator = authenticator(
        &[STANDARD],
        vec![secret("x", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")],
    );
    let signature = format!("v1,{}", "A".repeat(43) + "=");
    let refusal = |id: &str, timestamp: &str| {
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature.as_str()),
        ];
        prove(&authenticator, &headers, "{}", NOW).err()
    };
    assert_eq!(refusal("msg_1", "1700000000"), Some(Refusal::Mismatch));
    for timestamp in [
        "",
        "-1",
        "+1700000000",
        "1700000000.0",
        "1e9",
        "0x65",
        "１７",
        "17 00",
        "99999999999999999999",
        "9223372036854775807",
    ] {
        assert_eq!(
            refusal("msg_1", timestamp),
            Some(Refusal::Malformed),
            "{timestamp}"
        );
    }
    assert_eq!(refusal("", "1700000000"), Some(Refusal::Malformed));
    // Otherwise different ids, timestamps and bodies would have the same signed text.
    assert_eq!(refusal("a.17", "1700000000"), Some(Refusal::Malformed));
    let headers = [("webhook-signature", signature.as_str())];
    assert_eq!(
        prove(&authenticator, &headers, "{}", NOW),
        Err(Refusal::Malformed)
    );
}

#[test]
fn a_list_contains_exactly_one_timestamp() {
    let authenticator = authenticator(&[STRIPE], vec![secret("x", "whsec_test_secret")]);
    let right = "v1=aecbc681fe3d2604c08ff8e880a0988d997a12367fcf9545e6a3b90c1dfc04b7";
    for (value, refusal) in [
        (format!("t=1700000000,{right}"), None),
        (format!("{right},t=1700000000"), None),
        (format!("t=1700000000,v0=00,{right},{right}"), None),
        (right.to_owned(), Some(Refusal::Malformed)),
        (format!("t=,{right}"), Some(Refusal::Malformed)),
        (
            format!("t=1700000000,t=1700000000,{right}"),
            Some(Refusal::Malformed),
        ),
        (format!("t=1700000001,{right}"), Some(Refusal::Mismatch)),
        ("t=1700000000".to_owned(), Some(Refusal::Malformed)),
        ("t=1700000000,v1=".to_owned(), Some(Refusal::Missing)),
    ] {
        let proved = prove(&authenticator, &[("Stripe-Signature", &value)], r#"{"a":1}"#, NOW);
        assert_eq!(proved.err(), refusal, "{value}");
    }
}
