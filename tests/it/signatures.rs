//! Signatures over more than the body, and by private keys, at a running bridge.

use jiff::Timestamp;
use twake_bridge::authentication::{RequestTarget, Scheme, Unsigned, sign_request};
use twake_bridge::headers::Headers;
use twake_bridge::secret::Secret;

use crate::harness::{TestBridge, TestSetup};

const ADDRESS: &str = "https://bridge.example.org/sub";

/// A scheme that covers everything of a request.
const SCHEME: &str = r#"
name = "signature"
method = "ed25519"
header = "X-Signature"
signed = "{method} {url}\n{body}"
"#;

async fn status(bridge: &TestBridge, path: &str, headers: &[(String, String)], body: &str) -> u16 {
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    bridge.post(path, &headers, body.to_owned()).await.status
}

#[actix_web::test]
async fn a_signature_over_the_public_url_is_checked_for_small_and_large_bodies() {
    let setup = TestSetup::new();
    let key = include_str!("../data/keys/ed25519.pub.pem").replace('\n', "\\n");
    let bridge = setup.bridge(&format!(
        "[public]\nurl = \"{ADDRESS}/\"\n[sources.signed]\nkind = \"generic\"\nchannels = [\"ops\"]\n\
         secrets = [{{ public_key = \"{key}\" }}]\n[[sources.signed.authentication]]{SCHEME}"
    ));
    let private = Secret::new(include_str!("../data/keys/ed25519.pem"));
    let scheme = Scheme::from_toml(SCHEME).unwrap();
    let large = format!("{{\"title\": \"large\", \"text\": \"{}\"}}", "x".repeat(300_000));
    for body in ["{\"title\": \"small\"}", &large] {
        let headers = sign_request(
            &scheme,
            &private,
            &Unsigned {
                id: "",
                now: Timestamp::UNIX_EPOCH,
                target: RequestTarget {
                    method: "POST",
                    path: "/hooks/signed",
                    query: "a=b",
                },
                address: ADDRESS,
                headers: &Headers::default(),
                body: body.as_bytes(),
            },
        );
        for (path, expected) in [
            ("/hooks/signed", 401),
            ("/hooks/signed?a=c", 401),
            ("/hooks/signed?a=b", 202),
        ] {
            assert_eq!(status(&bridge, path, &headers, body).await, expected, "{path}");
        }
        assert_eq!(status(&bridge, "/hooks/signed?a=b", &headers, "{}").await, 401);
    }
    assert_eq!(setup.posted("ch-ops", 2).await.len(), 2);
    bridge.finish().await;
}

#[actix_web::test]
async fn a_message_of_sns_needs_its_signature_and_the_secret_in_the_address() {
    let setup = TestSetup::new();
    let token = "6c1f0a9e77b2d355";
    let certificate = include_str!("../data/sns/certificate.pem");
    std::fs::write(setup.path("sns-token"), token).unwrap();
    std::fs::write(setup.path("sns.pem"), certificate).unwrap();
    let bridge = setup.bridge(
        "[sources.aws]\nkind = \"aws-sns\"\nchannels = [\"ops\"]\n\
         secrets = [{ file = \"sns-token\" }, { file = \"sns.pem\" }]",
    );
    let kind = [("x-amz-sns-message-type".to_owned(), "Notification".to_owned())];
    let message = include_str!("../data/sns/version-1.json");
    let with_secret = format!("/hooks/aws/{token}");
    for (path, headers, body, expected) in [
        ("/hooks/aws", &kind[..], message, 401),
        ("/hooks/aws/other", &kind[..], message, 401),
        (&with_secret, &[], message, 401),
        (&with_secret, &kind[..], &message.replace("world", "World"), 401),
        (&with_secret, &kind[..], message, 202),
        (&with_secret, &kind[..], message, 200),
    ] {
        assert_eq!(status(&bridge, path, headers, body).await, expected, "{path}");
    }
    let posted = setup.posted("ch-ops", 1).await;
    assert!(posted[0].contains("Hello world"), "{posted:?}");
    bridge.finish().await;
}
