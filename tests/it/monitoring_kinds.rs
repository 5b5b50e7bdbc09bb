//! The kinds of monitoring systems and registries: which requests authenticate, and which requests are the same event.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use twake_bridge::authentication::{Authenticator, Refusal};
use twake_bridge::config::builtin;
use twake_bridge::decision::decide;
use twake_bridge::headers::Headers;
use twake_bridge::payload::BodyForm;
use twake_bridge::secret::{Secret, SourceSecret};

use crate::harness::{TOKEN, TestSetup};
use crate::kinds::{event, source};

/// The name of the secret that authenticates a request with these headers. Each secret is named after its value.
fn authenticate(
    kind: &str,
    secrets: &[(&str, Option<&str>)],
    headers: &[(&str, &str)],
    body: &str,
    now: i64,
) -> Result<String, Refusal> {
    let secrets = secrets.iter().map(|(secret, scheme)| SourceSecret {
        name: (*secret).to_owned(),
        scheme: scheme.map(str::to_owned),
        value: Secret::new(secret),
    });
    let schemes = source(kind, None).kind.schemes.clone();
    let authenticator = Authenticator::new(schemes, secrets.collect(), BodyForm::default()).unwrap();
    let headers = Headers::new(headers.iter().copied());
    let authentic = authenticator.begin(&headers, None)?.finish(
        Bytes::copy_from_slice(body.as_bytes()),
        Timestamp::from_second(now).unwrap(),
    )?;
    Ok(authentic.into_parts().2)
}

/// A signature from Grafana's own vectors in `tests/data`, of the body `test message` with the secret `secret`.
fn vector(which: &str) -> String {
    let file: Value = serde_json::from_str(include_str!("../data/signature-vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    let named = |vector: &&Value| {
        let scheme = vector["scheme"].as_str().unwrap();
        scheme.starts_with("grafana") && scheme.contains(which)
    };
    let vector = vectors.iter().find(named).unwrap();
    assert_eq!(
        (&vector["secret"], &vector["body"]),
        (&json!("secret"), &json!("test message"))
    );
    vector["header"]["X-Grafana-Alerting-Signature"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn grafana_signs_the_body_with_or_without_a_timestamp() {
    let (body, with_time) = (vector("no timestamp header"), vector("unix 0"));
    let with_time = [
        ("x-grafana-alerting-signature", &*with_time),
        ("x-grafana-alerting-timestamp", "0"),
    ];
    let without = [("x-grafana-alerting-signature", &*body)];
    let authenticated = |scheme, headers: &[_], now| {
        authenticate("grafana", &[("secret", scheme)], headers, "test message", now)
    };
    for scheme in [None, Some("signature-with-time")] {
        assert_eq!(authenticated(scheme, &with_time, 60), Ok("secret".to_owned()));
        assert_eq!(authenticated(scheme, &with_time, 301), Err(Refusal::Stale));
        assert_eq!(authenticated(scheme, &without, 0), Err(Refusal::Malformed));
    }
    assert_eq!(
        authenticated(Some("signature"), &without, 0),
        Ok("secret".to_owned())
    );
    assert_eq!(
        authenticated(Some("signature"), &with_time, 0),
        Err(Refusal::Mismatch)
    );
}

#[test]
fn pagerduty_signs_with_two_secrets_during_a_rotation() {
    let new = "v1=2c984a26b96792f49173390b114619a17f5699a0bb42f13aff472b980b3080b5";
    let old = "v1=2e1f8ac4275fbc9d5a4e7d438013ae65f819e6647583c7830bac68fc590a55db";
    let both = format!("{old},{new}");
    for (header, secret) in [(new, "secret"), (old, "old"), (&*both, "secret"), (&*both, "old")] {
        let headers = [("x-pagerduty-signature", header)];
        let authenticated = |body| authenticate("pagerduty", &[(secret, None)], &headers, body, 0);
        assert_eq!(authenticated(r#"{"event":{}}"#), Ok(secret.to_owned()));
        assert_eq!(authenticated(r#"{"event":{} }"#), Err(Refusal::Mismatch));
    }
}

#[test]
fn sentry_signs_the_body_and_needs_no_prefix() {
    let signature = "0031e94255b70a79704e0356204543768c078ca4f48b3ccc547edef03f4f338a";
    let headers = [("sentry-hook-signature", signature)];
    let authenticated = |body| authenticate("sentry", &[("secret", None)], &headers, body, 0);
    assert_eq!(authenticated(r#"{"action":"created"}"#), Ok("secret".to_owned()));
    assert_eq!(authenticated(r#"{"action":"deleted"}"#), Err(Refusal::Mismatch));
}

#[test]
fn a_wrong_signature_with_a_right_token_is_refused() {
    let wrong = "0".repeat(64);
    for (kind, header, value) in [
        ("grafana", "x-grafana-alerting-signature", wrong.clone()),
        ("pagerduty", "x-pagerduty-signature", format!("v1={wrong}")),
    ] {
        let headers = [
            (header, &*value),
            ("x-grafana-alerting-timestamp", "0"),
            ("authorization", "Bearer secret"),
        ];
        assert_eq!(
            authenticate(kind, &[("secret", None)], &headers, "{}", 0),
            Err(Refusal::Mismatch),
            "{kind}"
        );
    }
}

/// Whether a sample has the same key before and after a change.
fn same_event(kind: &str, sample: &str, change: impl Fn(&mut Value)) -> bool {
    let source = source(kind, None);
    let sample = builtin::samples(kind)
        .into_iter()
        .find(|known| known.name == sample)
        .unwrap();
    let mut payload: Value = serde_json::from_slice(&sample.body).unwrap();
    change(&mut payload);
    let mut changed = sample.clone();
    changed.body = payload.to_string().into_bytes();
    decide(event(&source, &sample), &source).key == decide(event(&source, &changed), &source).key
}

#[test]
fn measured_values_do_not_change_the_key_of_a_notification_of_grafana() {
    let same = |change: &dyn Fn(&mut Value)| same_event("grafana", "firing__several", change);
    assert!(same(&|payload| payload["alerts"][0]["values"]["B"] = json!(99.5)));
    assert!(same(
        &|payload| payload["externalURL"] = json!("http://other.example.org")
    ));
    assert!(same(&|payload| payload["message"] = json!("")));
    assert!(same(&|payload| payload["alerts"]
        .as_array_mut()
        .unwrap()
        .reverse()));
    assert!(!same(
        &|payload| payload["alerts"][0]["startsAt"] = json!("2026-11-22T10:30:00Z")
    ));
    assert!(!same(
        &|payload| payload["alerts"][0]["status"] = json!("resolved")
    ));
    assert!(!same(&|payload| payload["receiver"] = json!("other")));
    assert!(!same(&|payload| payload["truncatedAlerts"] = json!(3)));
}

#[test]
fn two_subscriptions_send_an_event_of_pagerduty_with_one_key() {
    let same =
        |change: &dyn Fn(&mut Value)| same_event("pagerduty", "incident.resolved__by-a-person", change);
    assert!(same(&|payload| payload["event"]["data"]["teams"] = json!([])));
    assert!(!same(&|payload| payload["event"]["id"] = json!("another")));
}

#[test]
fn a_retry_of_the_registry_has_the_same_key_in_any_order_of_its_events() {
    let same = |change: &dyn Fn(&mut Value)| same_event("docker-registry", "mixed__moved", change);
    assert!(same(&|payload| payload["events"]
        .as_array_mut()
        .unwrap()
        .reverse()));
    assert!(same(&|payload| payload["events"][0]["source"] = json!({})));
    assert!(!same(&|payload| payload["events"][0]["id"] = json!("another")));
    assert!(!same(&|payload| drop(
        payload["events"].as_array_mut().unwrap().pop()
    )));
}

#[test]
fn any_request_of_a_registry_is_accepted_because_it_retries_for_ever() {
    let source = source("docker-registry", None);
    let mut sample = builtin::samples("docker-registry").remove(0);
    for body in [
        json!({}),
        json!({"events": null}),
        json!({"events": []}),
        json!({"events": [{}]}),
        json!({"events": [{"id": "1", "action": "push"}, {"id": "2"}]}),
        json!({"events": [{"id": "1", "action": "delete", "target": {}}]}),
        json!([]),
    ] {
        sample.body = body.to_string().into_bytes();
        for decided in decide(event(&source, &sample), &source).messages {
            assert_eq!(decided.failed, [], "{body}");
        }
    }
}

#[actix_web::test]
async fn each_kind_accepts_a_request_as_its_sender_sends_it() {
    let setup = TestSetup::new();
    let of = |kind: &str| {
        format!(
            "[sources.{kind}]\nkind = \"{kind}\"\nsecrets = [{{ file = \"token\", scheme = \"bearer\" }}]\nchannels = [\"dev\"]\n"
        )
    };
    let bridge = setup.bridge(&["argocd", "grafana", "docker-registry"].map(of).concat());
    let bearer = format!("Bearer {TOKEN}");
    let sample = |kind, name| {
        let samples = builtin::samples(kind).into_iter();
        let body = samples
            .filter(|sample| sample.name == name)
            .map(|sample| sample.body)
            .next();
        String::from_utf8(body.unwrap()).unwrap()
    };
    let text = "Application shop has degraded.\nApplication details: https://argocd.example.org/applications/shop.\n";
    let events = "application/vnd.docker.distribution.events.v1+json";
    let table = [
        ("GET", "argocd", "", text.to_owned()),
        (
            "POST",
            "argocd",
            "application/json",
            sample("argocd", "deleted__gone"),
        ),
        (
            "PUT",
            "grafana",
            "application/json",
            sample("grafana", "test__of-the-contact-point"),
        ),
        (
            "POST",
            "docker-registry",
            events,
            sample("docker-registry", "push__tag"),
        ),
        (
            "POST",
            "docker-registry",
            events,
            sample("docker-registry", "pull__manifest"),
        ),
    ];
    for (method, source, content_type, body) in table {
        let headers = [("authorization", &*bearer), ("content-type", content_type)];
        let headers = &headers[..if content_type.is_empty() { 1 } else { 2 }];
        let answer = bridge
            .send(method, &format!("/hooks/{source}"), headers, body)
            .await;
        assert_eq!(answer.status, 202, "{method} {source}: {}", answer.text);
    }
    let expected = [
        "Application shop has degraded. Argo CD",
        "Application shop (web) was deleted",
        "✅ The contact point of Grafana reaches this channel – Notification test",
        "shop/web:1.4.2 was pushed to registry.example.org by ana",
    ];
    assert_eq!(setup.posted("ch-dev", expected.len()).await, expected);
    bridge.finish().await;
}

#[test]
fn the_argo_cd_templates_of_the_readme_are_json_and_each_event_has_a_template() {
    let readme = include_str!("../../templates/argocd/README.md");
    let bodies = readme
        .lines()
        .filter_map(|line| line.trim().strip_prefix("body: '")?.strip_suffix('\''));
    let mut names = Vec::new();
    for body in bodies {
        let mut parts = body.split("{{");
        let mut json = parts.next().unwrap().to_owned();
        for part in parts {
            json += "null";
            json += part.split_once("}}").unwrap().1;
        }
        let payload: Value = serde_json::from_str(&json).unwrap();
        assert!(
            payload["app"]["status"].is_null() && payload.get("argocdUrl").is_some(),
            "{json}"
        );
        names.push(format!("{}.hbs", payload["event"].as_str().unwrap()));
    }
    assert_eq!(names.len(), 4);
    let templates = builtin::templates("argocd");
    for name in names {
        assert!(templates.iter().any(|template| template.name == name), "{name}");
    }
}
