//! Warnings about accepted secrets, and errors about others.

use super::senders::{BASIC, BEARER, GITHUB, PATH, STANDARD};
use super::*;

const GOOD: &str = "4c1f0a9e77b2d35586aa0b1c";

/// Returns all findings as `error: …`, `warning: …` or `note: …`.
fn found(tables: &[&str], value: &str) -> Vec<String> {
    let schemes = tables.iter().map(|table| scheme(table)).collect();
    match Authenticator::new(schemes, vec![secret("x", value)], BodyForm::default()) {
        Err(findings) => findings.iter().map(|what| format!("error: {what}")).collect(),
        Ok(authenticator) => {
            let level = |warning: &SecretWarning| if warning.serious { "warning" } else { "note" };
            let warnings = authenticator.warnings().iter();
            warnings
                .map(|warning| format!("{}: {}", level(warning), warning.what))
                .collect()
        }
    }
}

#[test]
fn each_form_of_a_secret_has_its_finding_under_each_scheme() {
    let pair = |password: &str| format!("user:{password}");
    let slash = format!("{GOOD}/x");
    let blank = format!("{GOOD} ");
    let inner = format!("{GOOD} x");
    let wide = format!("{GOOD}é");
    let whsec = |key: &str| secret_for(&scheme(STANDARD), key).expose().to_owned();
    let cases: Vec<(&[&str], String, &[&str])> = vec![
        (&[GITHUB], GOOD.to_owned(), &[]),
        (&[BEARER], GOOD.to_owned(), &[]),
        (&[PATH], GOOD.to_owned(), &[]),
        (&[BASIC], pair(GOOD), &[]),
        (&[STANDARD], whsec(GOOD), &[]),
        (&[GITHUB, BEARER, PATH], GOOD.to_owned(), &[]),
        // No request can contain these.
        (
            &[PATH],
            slash.clone(),
            &["error", "contains a `/`", "openssl rand"],
        ),
        (&[BEARER], blank.clone(), &["error", "starts or ends with"]),
        (&[BASIC], pair(&blank), &["error", "starts or ends with"]),
        (&[BASIC], GOOD.to_owned(), &["error", "it has no colon"]),
        // Accepted, but probably mistakes.
        (
            &[GITHUB],
            blank.clone(),
            &["warning", "scheme `signature`: it starts or ends"],
        ),
        (
            &[BEARER],
            inner.clone(),
            &["warning", "scheme `bearer`", "beyond ASCII"],
        ),
        (
            &[BEARER],
            wide.clone(),
            &["warning", "scheme `bearer`", "beyond ASCII"],
        ),
        (
            &[PATH],
            inner.clone(),
            &["warning", "scheme `path`", "percent-encode"],
        ),
        (&[BASIC], pair(&wide), &["warning", "scheme `basic`", "UTF-8"]),
        // Accepted without a warning by another scheme.
        (&[GITHUB, PATH], slash, &["note", "scheme `path`", "`/`"]),
        (&[GITHUB, BEARER, PATH], inner, &[]),
        // Easy to guess. Only the key or password counts, without prefix and user name.
        (
            &[GITHUB],
            "abc".to_owned(),
            &["warning", "shorter than 8", "openssl rand"],
        ),
        (&[PATH], "abcdefg".to_owned(), &["warning", "shorter than 8"]),
        (&[BEARER], "abcdefgh".to_owned(), &["warning", "shorter than 16"]),
        (
            &[BASIC],
            "a-long-user-name:abc".to_owned(),
            &["warning", "shorter than 8"],
        ),
        (&[STANDARD], whsec("abcdefg"), &["warning", "shorter than 8"]),
        (
            &[STANDARD],
            whsec("abcdefghijklmno"),
            &["warning", "shorter than 16"],
        ),
        (
            &[GITHUB],
            "Your secret here".to_owned(),
            &["warning", "placeholder"],
        ),
        (&[BEARER], "changeme".to_owned(), &["warning", "placeholder"]),
        (&[BASIC], pair("PASSWORD"), &["warning", "placeholder"]),
        (
            &[PATH],
            "xxxxxxxxxxxxxxxxxxxx".to_owned(),
            &["warning", "placeholder"],
        ),
    ];
    for (tables, value, expected) in cases {
        let found = found(tables, &value);
        assert_eq!(
            found.len(),
            usize::from(!expected.is_empty()),
            "{value:?}: {found:?}"
        );
        for (found, expected) in found
            .iter()
            .flat_map(|found| expected.iter().map(move |part| (found, part)))
        {
            assert!(
                found.contains(expected),
                "{value:?}: {expected} is not in {found}"
            );
        }
        assert!(
            !found.join("").contains(value.trim()),
            "{found:?} shows the secret"
        );
    }
}
