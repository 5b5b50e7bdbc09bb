//! Signatures over forms, queries and compressed bodies.

use super::senders::*;
use super::*;
use crate::payload::UnreadableForm;
use crate::payload::encoding::tests::gzip;

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn an_authentic_body_without_the_payload_is_unreadable_and_not_a_mismatch() {
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
fn a_query_in_place_of_a_body_reads_the_same_from_the_store() {
    let form = BodyForm {
        parameters: true,
        ..BodyForm::default()
    };
    let secrets = vec![secret("x", "s3cret")];
    let authenticator = Authenticator::new(vec![scheme(GITLAB_TOKEN)], secrets, form.clone()).unwrap();
    let headers = Headers::new([("x-gitlab-token", "s3cret"), ("content-type", "text/plain")]);
    for (query, expected) in [
        ("a=1&b=x+y", Ok(Some(Bytes::from(r#"{"a":"1","b":"x y"}"#)))),
        ("", Err(UnreadableForm::Missing)),
    ] {
        let pending = authenticator.begin(&headers, None).unwrap().with_query(query);
        let authentic = pending.finish(Bytes::new(), at(NOW)).unwrap();
        let (kept, body, _, payload) = authentic.into_parts();
        assert_eq!(body, query);
        assert_eq!(payload, expected, "{query}");
        assert_eq!(form.payload(&kept, &body), expected, "{query}");
    }
}

#[test]
fn a_signature_covers_the_compressed_bytes_and_a_forged_body_is_not_decompressed() {
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
