//! Which scheme decides, which secret authenticates, and which headers an event keeps.

use super::mechanisms::{DISCORD, ED25519, ED25519_PRIVATE, MESSAGE, TWILIO};
use super::senders::*;
use super::*;

#[test]
fn authorization_is_parsed_as_http_defines_it() {
    use Refusal::{Malformed, Mismatch, Missing};
    let secrets = vec![secret("token", "s3cret"), bound("pair", "zoë:pa:ss", "basic")];
    let authenticator = authenticator(&[BEARER, BASIC], secrets);
    let pair = sign(&scheme(BASIC), &Secret::new("zoë:pa:ss"), "", at(NOW), b"")
        .remove(0)
        .1;
    let table = [
        ("Bearer s3cret", Ok("token")),
        ("bearer s3cret", Ok("token")),
        ("BEARER   s3cret", Ok("token")),
        (pair.as_str(), Ok("pair")),
        ("basic em/Dqzpw", Err(Mismatch)),
        ("Basic em/Dqw==", Err(Malformed)),
        ("Basic em/Dqzo=", Err(Mismatch)),
        ("Basic !!", Err(Malformed)),
        ("Basic", Err(Missing)),
        ("Basic  ", Err(Missing)),
        ("Bearer", Err(Missing)),
        ("Bearer ", Err(Missing)),
        ("", Err(Missing)),
        ("Bearers3cret", Err(Malformed)),
        ("Bearer\ts3cret", Err(Malformed)),
        ("s3cret", Err(Malformed)),
        ("Digest s3cret", Err(Malformed)),
        ("Bearer s3cret s3cret", Err(Mismatch)),
        ("Bearer s3cre", Err(Mismatch)),
        ("Bearer S3CRET", Err(Mismatch)),
        ("Bearer zoë:pa:ss", Err(Mismatch)),
        ("é", Err(Malformed)),
    ];
    for (value, proved) in table {
        let found = prove(&authenticator, &[("Authorization", value)], "", NOW);
        assert_eq!(found.as_deref().map_err(|refusal| *refusal), proved, "{value}");
    }
    let twice = [
        ("Authorization", "Bearer s3cret"),
        ("authorization", "Bearer s3cret"),
    ];
    assert_eq!(prove(&authenticator, &twice, "", NOW), Err(Malformed));
}

#[test]
fn a_token_with_a_custom_prefix_is_matched_exactly() {
    let table = "name = \"t\"\nmethod = \"token\"\nheader = \"X-Auth\"\nprefix = \"Key \"";
    let authenticator = authenticator(&[table], vec![secret("x", "abc")]);
    let refusal = |value| prove(&authenticator, &[("x-auth", value)], "", NOW).err();
    assert_eq!(refusal("Key abc"), None);
    assert_eq!(refusal("key abc"), Some(Refusal::Malformed));
    assert_eq!(refusal("abc"), Some(Refusal::Malformed));
    assert_eq!(refusal("Key "), Some(Refusal::Missing));
    assert_eq!(refusal("Key  abc"), Some(Refusal::Mismatch));
}

#[test]
fn the_first_scheme_found_decides_alone() {
    let value = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let secrets = || {
        vec![
            bound("signing", value, "standard"),
            bound("plain", "t0ken", "token"),
        ]
    };
    let both = authenticator(&[STANDARD, GITLAB_TOKEN], secrets());
    assert_eq!(both.schemes(), ["standard", "token"]);
    let mut headers = sign(&scheme(STANDARD), &Secret::new(value), "msg_1", at(NOW), b"{}");
    headers.push(("X-Gitlab-Token".to_owned(), "t0ken".to_owned()));
    assert_eq!(prove_signed(&both, &headers, "{}", NOW).as_deref(), Ok("signing"));
    assert_eq!(
        prove_signed(&both, &headers, "{ }", NOW),
        Err(Refusal::Mismatch),
        "no way round by the token"
    );
    assert_eq!(
        prove_signed(&both, &headers, "{}", NOW + 3600),
        Err(Refusal::Stale),
        "no way round by the token"
    );
    assert_eq!(
        prove(&both, &[("X-Gitlab-Token", "t0ken")], "{ }", NOW).as_deref(),
        Ok("plain")
    );

    // A scheme without a secret is ignored.
    let token_only = authenticator(&[STANDARD, GITLAB_TOKEN], vec![bound("plain", "t0ken", "token")]);
    assert_eq!(token_only.schemes(), ["token"]);
    assert_eq!(
        prove_signed(&token_only, &headers, "{ }", NOW).as_deref(),
        Ok("plain")
    );
}

#[test]
fn each_of_several_secrets_authenticates_under_its_own_name() {
    let names = ["old", "new", "newer"];
    let secrets = names
        .iter()
        .map(|name| secret(name, &format!("secret of {name}")))
        .collect();
    let authenticator = authenticator(&[GITHUB], secrets);
    for name in names {
        let headers = sign(
            &scheme(GITHUB),
            &Secret::new(&format!("secret of {name}")),
            "",
            at(NOW),
            b"x",
        );
        assert_eq!(
            prove_signed(&authenticator, &headers, "x", NOW).as_deref(),
            Ok(name)
        );
    }
}

#[test]
fn events_keep_no_secret_header() {
    let value = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let custom = "name = \"custom\"\nmethod = \"token\"\nheader = \"X-Our-Door\"";
    let authenticator = authenticator(&[GITHUB, STANDARD, custom], vec![bound("x", value, "standard")]);
    let mut headers = sign(&scheme(STANDARD), &Secret::new(value), "msg_1", at(NOW), b"{}");
    for name in [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "X-Hub-Signature",
        "X-Hub-Signature-256",
        "X-Our-Door",
    ] {
        headers.push((name.to_owned(), "hush".to_owned()));
    }
    headers.push(("X-GitHub-Event".to_owned(), "push".to_owned()));
    let headers = Headers::new(headers);
    let pending = authenticator.begin(&headers, None).unwrap();
    let (kept, ..) = pending.finish(Bytes::from("{}"), at(NOW)).unwrap().into_parts();
    let names: Vec<_> = kept.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["webhook-id", "webhook-timestamp", "x-github-event"]);
}

#[test]
fn a_scheme_that_requires_another_is_refused_without_it() {
    let table = format!("{DISCORD}also = \"path\"\n");
    let made = |secrets| {
        let schemes = [table.as_str(), PATH].map(scheme).to_vec();
        Authenticator::new(schemes, secrets, BodyForm::default())
    };
    let key = || secret("key", ED25519);
    let alone = made(vec![key()]).err().unwrap();
    assert!(
        alone[0].contains("needs a secret of the scheme `path`"),
        "{alone:?}"
    );
    let both = made(vec![key(), secret("token", "0123456789abcdef")]).unwrap();
    let headers = sign(&scheme(&table), &Secret::new(ED25519_PRIVATE), "", at(NOW), b"{}");
    let signed = Headers::new(headers).with("x-original-uri", "/hooks/x/0123456789abcdef");
    let unsigned = Headers::default();
    let prove = |headers: &Headers, token| {
        let pending = both.begin(headers, token)?;
        let authentic = pending.finish(Bytes::from_static(b"{}"), at(NOW))?;
        Ok(authentic.into_parts())
    };
    let (kept, _, name, _) = prove(&signed, Some("0123456789abcdef")).unwrap();
    assert_eq!((name.as_str(), kept), ("key", Headers::default()));
    for (headers, token, refusal) in [
        (&signed, None, Refusal::Missing),
        (&signed, Some("other"), Refusal::Mismatch),
        (&unsigned, Some("0123456789abcdef"), Refusal::Missing),
    ] {
        assert_eq!(prove(headers, token).err(), Some(refusal));
    }
    // A source with the token alone needs no signature.
    let token = made(vec![secret("token", "0123456789abcdef")]).unwrap();
    assert!(token.begin(&unsigned, Some("0123456789abcdef")).is_ok());
}

#[test]
fn a_signature_over_the_url_needs_the_public_address() {
    for table in [TWILIO, MESSAGE] {
        let value = if table == MESSAGE { ED25519 } else { "12345" };
        let mut made = authenticator(&[table], vec![secret("x", value)]);
        let finding = made.set_address(None).unwrap_err();
        assert!(finding.contains("[public] url"), "{finding}");
        assert_eq!(made.set_address(Some("https://bridge.example.org")), Ok(()));
    }
}
