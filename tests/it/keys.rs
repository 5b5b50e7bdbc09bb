//! Idempotency keys of every built-in kind: the sender's id of the event, or the body if the id is absent, null or empty.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use twake_bridge::config::{self, builtin};
use twake_bridge::decision;
use twake_bridge::event::IdempotencyKey;
use twake_bridge::headers::Headers;
use twake_bridge::source::Source;

use crate::harness::{TOKEN, TestSetup};
use crate::kinds::{event, source};

/// A kind, one of its samples, and each part of the key: a header or a JSON pointer into the payload.
const KEYS: &[(&str, &str, &[&str])] = &[
    (
        "alertmanager",
        "firing__several",
        &[
            "/receiver",
            "/groupKey",
            "/status",
            "/alerts",
            "/alerts/0/fingerprint",
            "/alerts/0/startsAt",
            "/alerts/1/status",
        ],
    ),
    ("argocd", "deployed__chart", &[]),
    ("aws-sns", "alarm__alarm", &["/MessageId"]),
    ("drone", "build__failure", &[]),
    ("netlify", "deploy_failed__build-script", &["/id", "/updated_at"]),
    (
        "terraform-cloud",
        "run_errored__errored",
        &["/run_id", "/notifications/0/run_status"],
    ),
    (
        "terraform-cloud",
        "assessment__drifted",
        &["/details/new_assessment_result/id"],
    ),
    ("travis", "finished__failed", &["/id", "/state"]),
    ("azure-devops", "git_push__one-commit", &["/eventType", "/id"]),
    (
        "checkmk",
        "problem__host-down",
        &["/HOSTNAME", "/NOTIFICATIONTYPE", "/MICROTIME"],
    ),
    (
        "cloudevents",
        "com.example.someevent__structured",
        &["/id", "/source"],
    ),
    ("datadog", "triggered__metric", &["/id", "/title"]),
    (
        "docker-hub",
        "push__tag",
        &["/repository/repo_name", "/push_data/pushed_at"],
    ),
    (
        "flux",
        "kustomization__failed",
        &[
            "/involvedObject/kind",
            "/involvedObject/name",
            "/reason",
            "/timestamp",
            "/severity",
        ],
    ),
    ("harbor", "push_artifact__cloud-event", &["/id"]),
    ("harbor", "push_artifact__tag", &[]),
    (
        "jira",
        "issue_created__story",
        &["x-atlassian-webhook-identifier"],
    ),
    ("librenms", "alert__port-down", &["/uid", "/state", "/timestamp"]),
    ("linear", "Issue__created", &["linear-delivery"]),
    ("new-relic", "open__activated", &["/id", "/state", "/updatedAt"]),
    (
        "openproject",
        "work_package__created",
        &["/work_package/id", "/work_package/updatedAt"],
    ),
    (
        "opsgenie",
        "Create__by-hand",
        &["/alert/alertId", "/action", "/alert/updatedAt"],
    ),
    (
        "pingdom",
        "down__http",
        &["/check_id", "/current_state", "/state_changed_timestamp"],
    ),
    ("redmine", "issue__created", &[]),
    (
        "semaphore",
        "pipeline_done__failed",
        &["/pipeline/id", "/pipeline/state", "/pipeline/result"],
    ),
    ("sonarqube", "quality_gate__failed", &["/project/key"]),
    (
        "statuspage",
        "incident__created",
        &["/page/id", "/incident/id", "/incident/incident_updates/0/id"],
    ),
    (
        "statuspage",
        "component__degraded",
        &["/page/id", "/component_update/id"],
    ),
    ("stripe", "invoice.paid__subscription", &["/id"]),
    (
        "teamcity",
        "build_finished__failed",
        &["/eventType", "/payload/id"],
    ),
    (
        "uptimerobot",
        "down__web",
        &["/monitorID", "/alertType", "/alertDateTime"],
    ),
    ("vercel", "deployment__error", &["/id"]),
    ("bitbucket-cloud", "issue_created__bug", &["x-request-uuid"]),
    ("buildkite", "agent_lost__idle", &["/event", "/agent/id"]),
    (
        "buildkite",
        "build_finished__passed",
        &["/event", "/build/id", "/build/state"],
    ),
    (
        "buildkite",
        "job_finished__failed",
        &["/event", "/job/id", "/job/state"],
    ),
    ("circleci", "job-completed__failed", &["/id"]),
    (
        "docker-registry",
        "push__several",
        &["/events", "/events/0/id", "/events/1/id"],
    ),
    (
        "forgejo",
        "action_run_failure__push",
        &["/run/id", "/run/status", "/run/stopped"],
    ),
    ("forgejo", "push__docs-only", &["x-forgejo-delivery"]),
    ("generic", "message__backup", &["idempotency-key"]),
    ("gitea", "issues__opened", &["x-gitea-delivery"]),
    ("github", "push__tag", &["x-github-delivery"]),
    ("gitlab", "issue__closed", &["idempotency-key"]),
    ("gogs", "issues__opened", &["x-gogs-delivery"]),
    (
        "grafana",
        "firing__several",
        &[
            "/receiver",
            "/groupKey",
            "/status",
            "/alerts",
            "/alerts/0/fingerprint",
            "/alerts/0/startsAt",
            "/alerts/1/status",
        ],
    ),
    ("healthchecks", "down__late", &["/status", "/now", "/code"]),
    (
        "jenkins",
        "finished__success",
        &["/build/full_url", "/build/queue_id", "/build/status"],
    ),
    (
        "jenkins",
        "started__notes-of-a-pipeline",
        &["/build/full_url", "/build/phase", "/build/timestamp"],
    ),
    (
        "netdata",
        "critical__agent-disk",
        &["/host", "/unique_id", "/when", "/status"],
    ),
    (
        "netdata",
        "critical__cloud",
        &["/alert", "/chart", "/alert_url", "/date", "/severity"],
    ),
    ("pagerduty", "incident.annotated__note", &["/event/id"]),
    ("sentry", "issue__created", &["request-id"]),
    ("slack-compatible", "message__from-slack", &["/event_id"]),
    ("slack-compatible", "message__gitea-push", &["x-gitea-delivery"]),
    ("slack-compatible", "message__text", &["idempotency-key"]),
    ("standard-webhooks", "invoice.paid__amount", &["webhook-id"]),
    ("standard-webhooks", "ping__svix", &["svix-id"]),
    (
        "uptime-kuma",
        "down__web",
        &["/monitor/id", "/heartbeat/time", "/heartbeat/status"],
    ),
    ("zabbix", "problem__high", &["/event_id", "/event_value"]),
    (
        "zabbix",
        "update__acknowledged",
        &[
            "/event_id",
            "/event_update_date",
            "/event_update_time",
            "/event_update_action",
        ],
    ),
];

/// Kinds whose id several events can share, so that the key is the id together with the body: kind, sample, header.
const WITH_THE_BODY: &[(&str, &str, &str)] = &[
    ("bitbucket-datacenter", "pr_opened__basic", "x-request-id"),
    ("generic", "message__backup", "x-request-id"),
];

/// A request made of a sample; of the headers in the kind's keys it has only `id`. Tests clone it, since compiling a kind
/// is slow.
#[derive(Clone)]
struct Request {
    source: Arc<Source>,
    sample: builtin::Sample,
    id: Option<(&'static str, String)>,
    payload: Value,
}

impl Request {
    fn new(kind: &str, sample: &str, id: Option<&'static str>) -> Self {
        let (samples, _) = config::samples(kind, None);
        let sample = samples.into_iter().find(|known| known.name == sample).unwrap();
        Self {
            source: source(kind, None),
            payload: serde_json::from_slice(&sample.body).unwrap(),
            sample,
            id: id.map(|name| (name, "5f3c".to_owned())),
        }
    }

    /// The request of another event: the payload has one field more.
    fn other(mut self) -> Self {
        self.payload["of another event"] = json!(true);
        self
    }

    fn without(mut self, pointer: &str) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.payload.pointer_mut(parent).unwrap();
        match parent {
            Value::Object(members) => drop(members.remove(name).unwrap()),
            other => panic!("{other} has no members"),
        }
        self
    }

    fn with(mut self, pointer: &str, value: &Value) -> Self {
        *self.payload.pointer_mut(pointer).unwrap() = value.clone();
        self
    }

    fn with_id(mut self, id: Option<&str>) -> Self {
        self.id = self.id.and_then(|(name, _)| Some((name, id?.to_owned())));
        self
    }

    fn key(self) -> (IdempotencyKey, Duration) {
        let ids: BTreeSet<String> = (self.source.kind.sample_headers.iter())
            .filter(|(_, value)| value.contains("{id}"))
            .map(|(name, _)| name.clone())
            .collect();
        let mut sample = self.sample;
        sample.body = self.payload.to_string().into_bytes();
        let mut event = event(&self.source, &sample);
        let headers = event.envelope.headers.without(|name, _| ids.contains(name));
        let id = (self.id.iter()).map(|(name, value)| (*name, value.as_str()));
        event.envelope.headers = Headers::new(headers.iter().chain(id));
        let reading = decision::read(event, &self.source);
        (reading.key, reading.remember)
    }
}

#[test]
fn the_table_has_every_kind() {
    let known: BTreeSet<&str> = (KEYS.iter().map(|(kind, ..)| *kind))
        .chain(WITH_THE_BODY.iter().map(|(kind, ..)| *kind))
        .collect();
    assert_eq!(known, builtin::kinds().into_iter().collect());
}

#[test]
fn the_key_is_the_senders_event_id_or_the_body_if_the_id_is_absent_null_or_empty() {
    let empty = [json!(null), json!(""), json!(" \t\n"), json!([]), json!({})];
    for (kind, sample, parts) in KEYS {
        let header = parts.iter().find(|part| !part.starts_with('/')).copied();
        let made = Request::new(kind, sample, header);
        let remember = (made.source.kind.remember, made.source.kind.remember_body);
        let request = || made.clone();
        let name = format!("{kind}: {sample}");
        let same = request().key();
        assert_eq!(request().key(), same, "{name}");
        if parts.is_empty() {
            assert_ne!(request().other().key(), same, "{name}: the body is the key");
            continue;
        }
        assert_eq!(request().other().key(), same, "{name}: the sender names it");
        assert_eq!(same.1, remember.0, "{name}");
        let two_events = |what: &str, made: &dyn Fn() -> Request| {
            let (one, remembered) = made().key();
            assert_ne!(made().other().key().0, one, "{name}, {what}");
            assert_eq!(made().key().0, one, "{name}, {what}: the same again");
            assert_eq!(remembered, remember.1, "{name}, {what}");
        };
        for part in *parts {
            if !part.starts_with('/') {
                for id in [None, Some(""), Some("  ")] {
                    two_events(&format!("{part}: {id:?}"), &|| request().with_id(id));
                }
                continue;
            }
            for value in &empty {
                two_events(&format!("{part}: {value}"), &|| request().with(part, value));
            }
            // The field is absent in events of this type.
            let may_be_missing = ["/build/queue_id", "/event_value"].contains(part);
            // The key falls back on the other URL of the run and on its phase.
            let has_another = ["/build/full_url", "/build/status"].contains(part);
            if !may_be_missing && !has_another {
                two_events(&format!("{part} is absent"), &|| request().without(part));
            }
        }
    }
}

#[test]
fn an_id_shared_by_several_events_is_combined_with_the_body() {
    for (kind, sample, header) in WITH_THE_BODY {
        let made = Request::new(kind, sample, Some(header));
        let kept = (made.source.kind.remember, made.source.kind.remember_body);
        let request = || made.clone();
        let (one, remember) = request().key();
        assert_eq!(request().key().0, one, "{kind}: the same again");
        assert_eq!(remember, kept.0, "{kind}");
        assert_ne!(request().other().key().0, one, "{kind}: one id, two events");
        assert_ne!(request().with_id(Some("other")).key().0, one, "{kind}: two ids");
        for id in [None, Some(""), Some(" ")] {
            let (key, remember) = request().with_id(id).key();
            assert_ne!(request().other().with_id(id).key().0, key, "{kind}, {id:?}");
            assert_eq!(remember, kept.1, "{kind}, {id:?}");
        }
    }
}

#[test]
fn a_header_sent_twice_without_a_value_is_empty() {
    let source = source("github", None);
    let sample = &builtin::samples("github")[0];
    let key = |values: &[&str]| {
        let mut event = event(&source, sample);
        let sent = event
            .envelope
            .headers
            .without(|name, _| name == "x-github-delivery");
        let ids = values.iter().map(|value| ("x-github-delivery", *value));
        event.envelope.headers = Headers::new(sent.iter().chain(ids));
        decision::read(event, &source).key
    };
    assert_eq!(key(&["", " "]), key(&[]));
    assert_eq!(key(&["", "a"]), key(&["a"]));
    assert_eq!(key(&["a", ""]), key(&["a"]));
    assert_ne!(key(&["a", "b"]), key(&["a"]));
}

#[actix_web::test]
async fn two_events_with_an_empty_key_are_both_posted() {
    let setup = TestSetup::new();
    let bridge = setup.bridge(
        "[sources.backup]\nkind = \"generic\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"ops\"]",
    );
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "")];
    for (text, status) in [
        ("disk full on db-1", 202),
        ("payment service is down", 202),
        ("disk full on db-1", 200),
    ] {
        let answer = bridge.post("/hooks/backup", &headers, text).await;
        assert_eq!(answer.status, status, "{text}: {}", answer.text);
    }
    assert_eq!(
        setup.posted("ch-ops", 2).await,
        ["backup: disk full on db-1", "backup: payment service is down"]
    );
    bridge.finish().await;
}
