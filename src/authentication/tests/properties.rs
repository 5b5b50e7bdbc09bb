//! Properties of authentication for any request.

use proptest::prelude::*;

use super::senders::*;
use super::*;

/// A scheme with signatures, and a secret that it accepts.
fn any_signature() -> impl Strategy<Value = (&'static str, &'static str)> {
    let signatures: Vec<_> = ALL
        .into_iter()
        .filter(|(table, _)| table.contains("hmac"))
        .collect();
    prop::sample::select(signatures)
}

fn any_scheme() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(ALL.into_iter().chain(TOKENS).collect::<Vec<_>>())
}

fn finish(
    authenticator: &Authenticator,
    headers: &Headers,
    body: Vec<u8>,
    now: Timestamp,
) -> Result<Authentic, Refusal> {
    authenticator.begin(headers, None)?.finish(Bytes::from(body), now)
}

/// Any text, also text that no header can contain.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        "(v1|v0|t|timestamp|signature|sha256|Bearer|Basic|v1a)?[=, ]?[0-9a-fA-F]{0,70}[=, ;.]?(v1|t)?[=,]?[A-Za-z0-9+/=]{0,50}",
    ]
}

proptest! {
    #[test]
    fn a_signed_request_is_authentic(
        (table, value) in any_scheme(),
        body in prop::collection::vec(any::<u8>(), 0..200),
        id in "[a-zA-Z0-9_-]{1,40}",
        now in 0_i64..4_000_000_000,
    ) {
        let authenticator = authenticator(&[table], vec![secret("x", value)]);
        let headers = Headers::new(sign(&scheme(table), &Secret::new(value), &id, at(now), &body));
        let authentic = finish(&authenticator, &headers, body.clone(), at(now));
        let (kept, proved, name, _) = authentic.map_err(|refusal| TestCaseError::fail(format!("{refusal:?}")))?.into_parts();
        prop_assert_eq!(proved, body);
        prop_assert_eq!(name, "x");
        prop_assert!(kept.get(scheme(table).header().unwrap()).is_none());
    }

    #[test]
    fn one_changed_byte_of_the_body_is_a_mismatch(
        (table, value) in any_signature(),
        body in prop::collection::vec(any::<u8>(), 1..200),
        at_byte in any::<prop::sample::Index>(),
        change in 1..=255_u8,
    ) {
        let authenticator = authenticator(&[table], vec![secret("x", value)]);
        let headers = Headers::new(sign(&scheme(table), &Secret::new(value), "i", at(NOW), &body));
        let mut changed = body.clone();
        changed[at_byte.index(body.len())] ^= change;
        prop_assert_eq!(finish(&authenticator, &headers, changed, at(NOW)).err(), Some(Refusal::Mismatch));
        let mut longer = body;
        longer.push(change);
        prop_assert_eq!(finish(&authenticator, &headers, longer, at(NOW)).err(), Some(Refusal::Mismatch));
    }

    #[test]
    fn one_changed_character_of_a_header_is_never_authentic(
        (table, value) in any_scheme(),
        which in any::<prop::sample::Index>(),
        at_byte in any::<prop::sample::Index>(),
        other in prop::char::range('!', '~'),
    ) {
        let authenticator = authenticator(&[table], vec![secret("x", value)]);
        let mut headers = sign(&scheme(table), &Secret::new(value), "i", at(NOW), b"{}");
        let which = which.index(headers.len());
        let text = &mut headers[which].1;
        let position = at_byte.index(text.len());
        prop_assume!(text.is_char_boundary(position) && text.is_char_boundary(position + 1));
        // Hex and the first word of `Authorization` are case-insensitive.
        prop_assume!(!text[position..=position].eq_ignore_ascii_case(&other.to_string()));
        text.replace_range(position..=position, &other.to_string());
        let changed = text.clone();
        prop_assert!(finish(&authenticator, &Headers::new(headers), b"{}".to_vec(), at(NOW)).is_err(), "{}", changed);
    }

    #[test]
    fn one_changed_byte_of_the_secret_is_a_mismatch(
        (table, value) in prop::sample::select(vec![(GITHUB, "some secret"), (SLACK, "8f74"), (STRIPE, "whsec_x"), (BEARER, "t"), (GITLAB_TOKEN, "abc")]),
        at_byte in any::<prop::sample::Index>(),
        other in prop::char::range('!', '~'),
    ) {
        let position = at_byte.index(value.len());
        let mut wrong = value.to_owned();
        wrong.replace_range(position..=position, &other.to_string());
        prop_assume!(wrong != value);
        let authenticator = authenticator(&[table], vec![secret("x", value)]);
        let headers = Headers::new(sign(&scheme(table), &Secret::new(&wrong), "i", at(NOW), b"{}"));
        prop_assert_eq!(finish(&authenticator, &headers, b"{}".to_vec(), at(NOW)).err(), Some(Refusal::Mismatch));
    }

    #[test]
    fn no_header_causes_a_panic_or_authenticates(
        (table, value) in any_scheme(),
        values in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 0..6),
        path_token in prop::option::of(any_value()),
    ) {
        let authenticator = authenticator(&[table, PATH], vec![secret("x", value)]);
        let names: Vec<String> = sign(&scheme(table), &Secret::new(value), "i", at(NOW), b"")
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let headers = Headers::new(values.into_iter().map(|(index, value)| (index.get(&names).clone(), value)));
        if let Ok(pending) = authenticator.begin(&headers, path_token.as_deref()) {
            let refused = pending.finish(Bytes::from_static(b"{}"), at(NOW)).is_err();
            prop_assert!(refused);
        }
    }

    #[test]
    fn no_table_causes_a_panic(signed in "[{}a-z.]{0,20}|(\\{(body|id|timestamp|payload)\\}|[.:]){0,5}", tolerance in "[0-9]{0,30}(ms|[smhd])?", separator in ".?", prefix in ".{0,3}") {
        let text = |value: &str| toml::Value::from(value).to_string();
        let table = format!(
            "name = \"s\"\nmethod = \"hmac\"\nheader = \"X\"\nsigned = {}\ntolerance = {}\nlist = {{ separator = {}, prefix = {} }}\ntimestamp = {{ prefix = {} }}\nid = {{ header = \"Y\" }}",
            text(&signed), text(&tolerance), text(&separator), text(&prefix), text(&prefix),
        );
        let _ = Scheme::from_toml(&table);
    }
}
