//! Events keep no header that repeats the secret of the request.

use super::senders::{BASIC, BEARER, GITLAB_TOKEN, PATH};
use super::*;

/// Returns the names of the headers that the event keeps.
fn kept(table: &str, value: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let authenticator = authenticator(&[table], vec![secret("x", value)]);
    let headers = Headers::new(headers.iter().copied());
    let token = table.contains("\"path\"").then_some(value);
    let pending = authenticator.begin(&headers, token).unwrap();
    let (kept, ..) = pending.finish(Bytes::from("{}"), at(NOW)).unwrap().into_parts();
    kept.iter().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn no_kept_header_contains_a_path_token() {
    let address = "https://bridge.example/hooks/kuma/tok-0123%25x~abc?x=1";
    let forwarded = format!("for=192.0.2.1;host=b;path=\"{address}\"");
    let in_an_address =
        "https://login.example/?next=https%3A%2F%2Fbridge.example%2Fhooks%2Fkuma%2Ftok-0123%2525x%7Eabc";
    let mut headers = vec![
        ("forwarded", forwarded.as_str()),
        ("x-auth-request-redirect", in_an_address),
        ("x-plain", "tok-0123%x~abc"),
        ("x-github-event", "push"),
        ("referer-policy", "tok-0123"),
    ];
    for name in [
        "referer",
        "x-original-uri",
        "x-original-url",
        "x-forwarded-uri",
        "x-forwarded-path",
        "x-rewrite-url",
        "x-envoy-original-path",
        "x-request-uri",
        "x-anything",
    ] {
        headers.push((name, address));
    }
    assert_eq!(
        kept(PATH, "tok-0123%x~abc", &headers),
        ["x-github-event", "referer-policy"]
    );
}

#[test]
fn no_kept_header_contains_the_token_or_password() {
    let pair = "amUtbmtpbnM6czNjcmV0LXdvcmQ="; // je-nkins:s3cret-word
    for (table, value, authorization) in [
        (BASIC, "je-nkins:s3cret-word", format!("Basic {pair}")),
        (BEARER, "s3cret-word", "Bearer s3cret-word".to_owned()),
    ] {
        let mut headers = vec![
            ("authorization", authorization.as_str()),
            ("x-forwarded-user", "je-nkins"),
            ("x-upstream", "http://je-nkins:s3cret-word@bridge/hooks/x"),
            ("x-debug", "password is s3cret%2Dword"),
        ];
        if table == BASIC {
            headers.push(("x-original-auth", pair));
            headers.push(("x-unpadded", pair.trim_end_matches('=')));
            headers.push(("x-encoded", "amUtbmtpbnM6czNjcmV0LXdvcmQ%3D"));
        }
        assert_eq!(kept(table, value, &headers), ["x-forwarded-user"], "{table}");
    }
    let headers = [("x-gitlab-token", "s3cret-word"), ("x-copy", "as3cret-wordb")];
    assert!(kept(GITLAB_TOKEN, "s3cret-word", &headers).is_empty());
}

#[test]
fn a_signed_request_contains_no_secret_and_keeps_its_other_headers() {
    let value = "It's a Secret to Everybody";
    let authenticator = authenticator(&[senders::GITHUB], vec![secret("x", value)]);
    let mut headers = sign(&scheme(senders::GITHUB), &Secret::new(value), "", at(NOW), b"{}");
    headers.push((
        "Referer".to_owned(),
        "https://bridge.example/hooks/github".to_owned(),
    ));
    let headers = Headers::new(headers);
    let pending = authenticator.begin(&headers, None).unwrap();
    let (kept, ..) = pending.finish(Bytes::from("{}"), at(NOW)).unwrap().into_parts();
    assert_eq!(kept.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["referer"]);
}
