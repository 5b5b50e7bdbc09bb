//! Signatures by private keys, and over other values than the body: vectors of senders, of their libraries and of standards, and
//! what is refused.

use super::senders::ALL;
use super::*;
use crate::authentication::scheme::{Carrier, Method};

pub(super) const TWILIO: &str = r#"
name = "signature"
method = "hmac"
header = "X-Twilio-Signature"
algorithm = "sha1"
encoding = "base64"
signed = "{url}{form}"
"#;

const DRONE: &str = r#"
name = "signature"
method = "hmac"
header = "Signature"
encoding = "base64"
list = { separator = ",", prefix = "signature=\"", suffix = "\"" }
signed = "date: {timestamp}\ndigest: {header:digest}"
timestamp = { header = "Date", unit = "http" }
tolerance = "5m"
"#;

const SNS: &str = r#"
name = "signature"
method = "rsa"
algorithm = "sha1"
header = "X-Amz-Sns-Message-Type"
field = "Signature"
encoding = "base64"
signed = "{fields:Message,MessageId,Subject,SubscribeURL,Timestamp,Token,TopicArn,Type}"
"#;

const TRAVIS: &str = r#"
name = "signature"
method = "rsa"
algorithm = "sha1"
header = "Signature"
encoding = "base64"
signed = "{payload}"
"#;

pub(super) const DISCORD: &str = r#"
name = "signature"
method = "ed25519"
header = "X-Signature-Ed25519"
signed = "{timestamp}{body}"
timestamp = { header = "X-Signature-Timestamp" }
tolerance = "5m"
"#;

pub(super) const MESSAGE: &str = r#"
name = "signature"
method = "ed25519"
format = "http-message"
components = ["@method", "@target-uri", "content-digest"]
tolerance = "5m"
"#;

pub(super) const ED25519: &str = include_str!("../../../tests/data/keys/ed25519.pub.pem");
pub(super) const ED25519_PRIVATE: &str = include_str!("../../../tests/data/keys/ed25519.pem");
const RSA: &str = include_str!("../../../tests/data/keys/rsa.pub.pem");
const RSA_PRIVATE: &str = include_str!("../../../tests/data/keys/rsa.pem");

/// Authenticates a request with a request line, to a bridge with a public address.
pub(super) fn prove_at(
    (table, value): (&str, &str),
    address: &str,
    target: RequestTarget<'_>,
    headers: &[(&str, &str)],
    body: &str,
    now: i64,
) -> Result<String, Refusal> {
    let mut authenticator = authenticator(&[table], vec![secret("x", value)]);
    authenticator.set_address(Some(address)).unwrap();
    let headers = Headers::new(headers.iter().copied());
    let pending = authenticator.begin(&headers, None)?.with_target(target);
    let authentic = pending.finish(Bytes::copy_from_slice(body.as_bytes()), at(now))?;
    Ok(authentic.into_parts().2)
}

#[test]
fn hmac_with_sha_512_is_that_of_rfc_4231() {
    // RFC 4231, section 4.3. Terraform Cloud signs so.
    let table =
        "name = \"s\"\nmethod = \"hmac\"\nheader = \"X-TFE-Notification-Signature\"\nalgorithm = \"sha512\"";
    let right = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    let authenticator = authenticator(&[table], vec![secret("x", "Jefe")]);
    let headers = [("x-tfe-notification-signature", right)];
    let body = "what do ya want for nothing?";
    assert_eq!(prove(&authenticator, &headers, body, NOW).as_deref(), Ok("x"));
    assert_eq!(
        prove(&authenticator, &headers, "nothing", NOW),
        Err(Refusal::Mismatch)
    );
}

#[test]
fn a_signature_of_twilio_covers_the_public_address_and_the_sorted_form() {
    // The example of Twilio's documentation and libraries: twilio.com/docs/usage/security.
    let form =
        "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
    let headers = [
        ("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"),
    ];
    let target = RequestTarget {
        method: "POST",
        path: "/myapp.php",
        query: "foo=1&bar=2",
    };
    let prove = |address, target, headers: &[_], form: &str| {
        prove_at((TWILIO, "12345"), address, target, headers, form, NOW)
    };
    let address = "https://mycompany.com";
    assert_eq!(prove(address, target, &headers, form).as_deref(), Ok("x"));
    let behind = RequestTarget { path: "", ..target };
    assert_eq!(
        prove("https://mycompany.com/myapp.php", behind, &headers, form).as_deref(),
        Ok("x")
    );
    let other = RequestTarget {
        query: "foo=1",
        ..target
    };
    for refused in [
        prove("http://mycompany.com", target, &headers, form),
        prove(address, other, &headers, form),
        prove(address, RequestTarget::default(), &headers, form),
        prove(address, target, &headers, &form.replace("1234&", "1235&")),
        prove(address, target, &headers, &format!("{form}&More=1")),
        prove(address, target, &headers[..1], form),
    ] {
        assert_eq!(refused, Err(Refusal::Mismatch));
    }
}

#[test]
fn an_older_http_signature_is_a_list_with_quoted_items() {
    // Diesel-Net/drone-discord, test/repo_disabled.sh: a request of Drone 2.4 with the secret webhook-secret.
    let signature = r#"keyId="hmac-key",algorithm="hmac-sha256",signature="nMQOWQSyloFPh3ZB8Uoh/D9QyzCtnVf0tk/jemJm058=",headers="date digest""#;
    let headers = [
        ("signature", signature),
        ("date", "Fri, 12 Nov 2021 23:33:47 GMT"),
        ("digest", "SHA-256=kCit1zUa+1aDpnZhDSBCa0iVYPTeF6k2jCjHwE2lnQY="),
    ];
    // The body is not published with it. The kind computes the digest of the body in place of the header.
    let table = format!("{DRONE}\n").replace("{header:digest}", "{header:digest}{sha256:hex}");
    assert!(Scheme::from_toml(&table).is_ok());
    let mut scheme = scheme(&table);
    if let Method::Signed(signature) = &mut scheme.method
        && let Carrier::Text(text) = &mut signature.carrier
    {
        text.signed.pop();
    }
    let prove = |headers: &[(&str, &str)], now| {
        let authenticator = Authenticator::new(
            vec![scheme.clone()],
            vec![secret("x", "webhook-secret")],
            BodyForm::default(),
        );
        self::prove(&authenticator.unwrap(), headers, "", now)
    };
    let sent = 1_636_760_027;
    assert_eq!(prove(&headers, sent).as_deref(), Ok("x"));
    assert_eq!(prove(&headers, sent + 301), Err(Refusal::Stale));
    assert_eq!(prove(&headers[..2], sent), Err(Refusal::Mismatch));
    let unquoted = signature.replace("058=\"", "058=");
    let headers = [("signature", unquoted.as_str()), headers[1], headers[2]];
    assert_eq!(prove(&headers, sent), Err(Refusal::Malformed));
}

#[test]
fn messages_of_sns_are_authentic_by_its_certificate() {
    // aws-sdk-ruby, gems/aws-sdk-sns/spec/message_verifier_spec.rs: two real messages and the certificate of Amazon.
    let certificate = include_str!("../../../tests/data/sns/certificate.pem");
    let header = [("x-amz-sns-message-type", "Notification")];
    let of = |table: &str, body: &str| {
        let authenticator = authenticator(&[table], vec![secret("x", certificate)]);
        prove(&authenticator, &header, body, NOW)
    };
    let with_sha256 = SNS.replace("\"sha1\"", "\"sha256\"");
    let first = include_str!("../../../tests/data/sns/version-1.json");
    let second = include_str!("../../../tests/data/sns/version-2.json");
    assert_eq!(of(SNS, first).as_deref(), Ok("x"));
    assert_eq!(of(SNS, second).as_deref(), Ok("x"));
    assert_eq!(of(&with_sha256, second).as_deref(), Ok("x"));
    assert_eq!(of(&with_sha256, first), Err(Refusal::Mismatch), "SHA-1 is weaker");
    for (part, other) in [
        ("Hello world", "Hello World"),
        ("\"TopicArn\" :", "\"Token\": \"t\", \"TopicArn\" :"),
        ("\"Type\" :", "\"Message\": \"other\", \"Type\" :"),
        ("\"Type\" :", "\"\\u0054ype\": \"Notification\", \"Type\" :"),
        ("ghtf+deO", "ghtf+deP"),
        ("\"Signature\" :", "\"Signature\": \"\", \"Signature\" :"),
        ("}", ""),
        ("}", "}{}"),
    ] {
        assert!(first.contains(part));
        assert_eq!(
            of(SNS, &first.replace(part, other)),
            Err(Refusal::Mismatch),
            "{other}"
        );
    }
    assert_eq!(of(SNS, "Hello world"), Err(Refusal::Mismatch));
    assert_eq!(
        of(SNS, &first.replace("Unsubscribe", "Whatever")).as_deref(),
        Ok("x"),
        "SNS signs no such field"
    );
}

#[test]
fn a_form_of_travis_is_authentic_by_rsa_with_sha_1() {
    // Signed by pyca/cryptography as docs.travis-ci.com describes: the text of the form's field `payload`.
    let payload = r#"{"id":25418135,"state":"passed"}"#;
    let signature = "T00IYY05o4NRYZWqLZkRGJ0UthpmtfIm0zeF3okLWmPQM5Uj4Hiwj3ljyhsbprlwUJbttPDybXjKQMQ1o4p6PCpFsemHVlQf8215ycdk6SA7GZl1LwOWedJeUXDu9WrUmjj7QXBGfT4om5+Np00LqbLgTgFguJIkfUYBqeD6aGBR17WaQmlWhr3OC1Avk6INNu4HO/XGunKkNsV6om0Lm0qVobxKmrqPCeijLRGTkpINjT7XdbKiMUoJOa7wVxhLsFCfdt45nJArjtsxDg0x4CGholDv1jVfdwxre19pzmIkcIoOUMylkouK4U0jmOkJabiLeOuEU80P5dT+xdkhaw==";
    let form = BodyForm {
        form: Some("payload".to_owned()),
        ..BodyForm::default()
    };
    let prove = |table: &str, payload: &str| {
        let authenticator = Authenticator::new(vec![scheme(table)], vec![secret("x", RSA)], form.clone());
        let encoded: String = url::form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        let headers = [
            ("signature", signature),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self::prove(
            &authenticator.unwrap(),
            &headers,
            &format!("payload={encoded}"),
            NOW,
        )
    };
    assert_eq!(prove(TRAVIS, payload).as_deref(), Ok("x"));
    assert_eq!(
        prove(TRAVIS, &payload.replace("passed", "failed")),
        Err(Refusal::Mismatch)
    );
    let stronger = TRAVIS.replace("sha1", "sha256");
    assert_eq!(prove(&stronger, payload), Err(Refusal::Mismatch));
}

#[test]
fn an_ed25519_signature_covers_the_timestamp_and_the_body() {
    // RFC 8032, section 7.1, test 2: its key in hex, as Discord shows keys. Signed by pyca/cryptography.
    let key = public_key("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c").unwrap();
    let signature = "f469ecef789749220e905777fb1f6bc03b827ddd6097c3fc0a7924131c221ab14abed319656685a311beeb741a33ee88a5e14858e3aa0c3d1efc66804188b00e";
    let discord = authenticator(&[DISCORD], vec![secret("x", key.expose())]);
    let headers = [
        ("x-signature-ed25519", signature),
        ("x-signature-timestamp", "1700000000"),
    ];
    assert_eq!(
        prove(&discord, &headers, r#"{"type":1}"#, NOW).as_deref(),
        Ok("x")
    );
    assert_eq!(
        prove(&discord, &headers, r#"{"type":2}"#, NOW),
        Err(Refusal::Mismatch)
    );
    assert_eq!(
        prove(&discord, &headers, r#"{"type":1}"#, NOW + 301),
        Err(Refusal::Stale)
    );
    let other = [headers[0], ("x-signature-timestamp", "1700000001")];
    assert_eq!(
        prove(&discord, &other, r#"{"type":1}"#, NOW),
        Err(Refusal::Mismatch)
    );

    // The vector of the RFC itself: one byte, 0x72.
    let plain = authenticator(
        &["name = \"s\"\nmethod = \"ed25519\"\nheader = \"X\""],
        vec![secret("x", key.expose())],
    );
    let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
    assert_eq!(prove(&plain, &[("x", signature)], "r", NOW).as_deref(), Ok("x"));
    assert_eq!(
        prove(&plain, &[("x", signature)], "s", NOW),
        Err(Refusal::Mismatch)
    );
}

/// Schemes with a public key: table, public key, private key.
const PAIRS: [(&str, &str, &str); 4] = [
    (DISCORD, ED25519, ED25519_PRIVATE),
    (MESSAGE, ED25519, ED25519_PRIVATE),
    (TRAVIS, RSA, RSA_PRIVATE),
    (
        "name = \"s\"\nmethod = \"rsa\"\nformat = \"jws\"\nheader = \"X\"\nclaims = { sha256 = \"{sha256:base64}\" }",
        RSA,
        RSA_PRIVATE,
    ),
];

#[test]
fn what_a_private_key_signs_is_authentic_by_its_public_key() {
    let address = "https://bridge.example.org";
    let target = RequestTarget {
        method: "POST",
        path: "/hooks/x",
        query: "a=b",
    };
    for (table, public, private) in PAIRS {
        let unsigned = Unsigned {
            id: "",
            now: at(NOW),
            target,
            address,
            headers: &Headers::default(),
            body: b"body",
        };
        let headers = sign_request(&scheme(table), &Secret::new(private), &unsigned);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert!(!headers.is_empty(), "{table}");
        let prove = |body| prove_at((table, public), address, target, &headers, body, NOW);
        assert_eq!(prove("body").as_deref(), Ok("x"), "{table}");
        assert_eq!(prove("bodi"), Err(Refusal::Mismatch), "{table}");
        assert_eq!(
            sign(&scheme(table), &Secret::new(public), "", at(NOW), b""),
            [],
            "a public key signs nothing"
        );
    }
}

#[test]
fn a_list_of_signatures_by_a_private_key_is_short() {
    let table = "name = \"s\"\nmethod = \"ed25519\"\nheader = \"X\"\nencoding = \"base64\"\nlist = { separator = \" \", prefix = \"v1a,\" }";
    let authenticator = authenticator(&[table], vec![secret("x", ED25519)]);
    let headers = sign(&scheme(table), &Secret::new(ED25519_PRIVATE), "", at(NOW), b"{}");
    let right = headers[0].1.as_str();
    let wrong = format!("v1a,{} ", "A".repeat(86) + "==");
    for (others, result) in [(3, Ok("x".to_owned())), (4, Err(Refusal::Malformed))] {
        let value = wrong.repeat(others) + right;
        assert_eq!(
            prove(&authenticator, &[("x", &value)], "{}", NOW),
            result,
            "{others}"
        );
    }
}

#[test]
fn a_public_key_is_never_a_secret_and_a_secret_never_a_public_key() {
    let findings = |table: &str, value: &str| {
        let made = Authenticator::new(vec![scheme(table)], vec![secret("x", value)], BodyForm::default());
        made.err().map(|findings| findings.join("\n")).unwrap_or_default()
    };
    for (table, _) in ALL {
        for (_, public, _) in PAIRS {
            assert!(findings(table, public).contains("it is a key in PEM"), "{table}");
        }
    }
    for (table, _, private) in PAIRS {
        for other in [
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            private,
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        ] {
            assert!(!findings(table, other).is_empty(), "{table}\n{other}");
        }
    }
    assert!(findings(DISCORD, RSA).contains("it is no Ed25519 key"));
    assert!(findings(TRAVIS, ED25519).contains("it is no RSA key"));
    for wrong in ["", "3d40", "not a key", "-----BEGIN"] {
        assert!(public_key(wrong).is_err(), "{wrong}");
    }
    assert_eq!(findings(DISCORD, public_key(ED25519).unwrap().expose()), "");
}
