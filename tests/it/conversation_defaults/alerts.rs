//! Alerts, incidents, and issues of errors.

use super::{assert_plays, play};

#[test]
fn a_group_of_alerts_is_one_message_until_all_are_resolved() {
    assert_plays(
        "a group fires, changes, is repeated, becomes worse, is resolved, and fires again",
        "alertmanager",
        &[
            ("resolved__several", "not_open"),
            (
                "firing__several",
                "post 1: 🔴 page | HighLatency: 3 alerts firing – High latency on multi",
            ),
            (
                "firing__some-resolved",
                "update 1: 🔴 page | HighLatency: 2 alerts firing, 1 resolved (2 notifications since 14:15 UTC) – High latency on multi\n\
                 reply to 1: 🔴 page | HighLatency: 2 alerts firing, 1 resolved – High latency on multi",
            ),
            (
                "firing__some-resolved",
                "update 1: 🔴 page | HighLatency: 2 alerts firing, 1 resolved (3 notifications since 14:15 UTC) – High latency on multi",
            ),
            (
                "firing__some-resolved /commonLabels/severity=critical",
                "update 1: 🔴 critical | HighLatency: 2 alerts firing, 1 resolved (4 notifications since 14:15 UTC) – High latency on multi\n\
                 reply to 1: 🔴 critical | HighLatency: 2 alerts firing, 1 resolved – High latency on multi",
            ),
            (
                "resolved__several",
                "update 1: ✅ Resolved after 40 min: page | HighLatency, 3 alerts – was: High latency on multi\n\
                 reply to 1 and channel: ✅ HighLatency: 3 alerts resolved after 40 min (was: High latency on multi)",
            ),
            ("resolved__several", "not_open"),
            (
                "firing__several",
                "post 5: 🔴 page | HighLatency: 3 alerts firing, again, 2nd time in 24 h – High latency on multi",
            ),
            (
                "resolved__several",
                "update 5: ✅ Resolved after 10 min: page | HighLatency, 3 alerts – was: High latency on multi\n\
                 reply to 5 and channel: ✅ HighLatency: 3 alerts resolved after 10 min (was: High latency on multi)",
            ),
            (
                "firing__several",
                "post 7: 🔴 page | HighLatency: 3 alerts firing, again, 3rd time in 24 h – High latency on multi",
            ),
            (
                "firing__several",
                "update 7: 🔴 page | HighLatency: 3 alerts firing, again, 3rd time in 24 h (2 notifications since 15:35 UTC) – High latency on multi",
            ),
            (
                "firing__basic",
                "post 8: 🔴 page | HighLatency – High latency on basic",
            ),
        ],
    );
}

#[test]
fn a_higher_severity_of_a_group_is_also_shown_in_the_channel() {
    for (kind, sample, name) in [
        ("alertmanager", "firing__basic", "HighLatency"),
        ("grafana", "firing__value-and-panel", "Disk almost full"),
    ] {
        let fire = |severity: &str| format!("{sample} /commonLabels/severity={severity}");
        let severities = ["info", "warning", "critical", "page", "warning", "error"];
        let events = severities.map(fire);
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let shown = play(kind, &events);
        let replies: Vec<&str> = shown[1..]
            .iter()
            .map(|shown| shown.lines().last().unwrap_or_default())
            .collect();
        let expected = [
            ("🟠 warning", true),
            ("🔴 critical", true),
            ("🔴 page", false),
            ("🟠 warning", false),
            ("🔴 error", true),
        ];
        for (reply, (severity, is_raised)) in replies.into_iter().zip(expected) {
            let also = if is_raised { " and channel" } else { "" };
            let start = format!("reply to 1{also}: {severity} | {name}");
            assert!(reply.starts_with(&start), "{kind}: {reply}");
        }
    }
}

#[test]
fn monitors_and_checks_that_are_down_again_show_how_often() {
    for (kind, down, up, time) in [
        (
            "uptime-kuma",
            "down__port",
            "up__long-down",
            "/heartbeat/time=2026-11-22T10:00:0",
        ),
        (
            "healthchecks",
            "down__late",
            "up__again",
            "/now=2026-11-22T10:00:0",
        ),
        (
            "netdata",
            "critical__agent-test",
            "clear__agent-test",
            "/when=176380000",
        ),
        ("netdata", "unreachable__cloud", "reachable__cloud", ""),
    ] {
        let at = |(number, event): (usize, &str)| match time {
            "" => event.to_owned(),
            time => format!("{event} {time}{number}"),
        };
        let events: Vec<String> = (0..).zip([down, up, down, up, down]).map(at).collect();
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        let shown = play(kind, &events);
        assert!(!shown[0].contains("again, "), "{shown:?}");
        assert!(shown[2].contains(", again, 2nd time in 24 h"), "{shown:?}");
        assert!(shown[4].contains(", again, 3rd time in 24 h"), "{shown:?}");
    }
}

#[test]
fn the_end_of_an_alert_shows_what_it_showed_first() {
    assert_plays(
        "an alert fires, is repeated with another summary, and is resolved",
        "grafana",
        &[
            (
                "firing__value-and-panel",
                "post 1: 🟠 warning | Disk almost full – db-2 has less than 5 % of its disk left",
            ),
            (
                "firing__value-and-panel /commonAnnotations/summary=full",
                "update 1: 🟠 warning | Disk almost full still firing (2 notifications since 14:05 UTC) – full",
            ),
            (
                "resolved__one",
                "update 1: ✅ Resolved after 1 h 21 min: warning | Disk almost full – was: db-2 has less than 5 % of its disk left\n\
                 reply to 1 and channel: ✅ Disk almost full resolved after 1 h 21 min (was: db-2 has less than 5 % of its disk left)",
            ),
            ("firing__no-data", "post 3: ⚠️ Backup age: no data"),
            (
                "resolved__no-data",
                "update 3: ✅ Backup age: data again after 30 min\n\
                 reply to 3 and channel: ✅ Backup age: data again after 30 min",
            ),
        ],
    );
    assert_plays(
        "a monitor goes down, is up again, and a late event comes",
        "uptime-kuma",
        &[
            (
                "down__port",
                "post 1: 🔴 Orders database on db.example.org:5432 is down: Connection failed",
            ),
            (
                "down__port /heartbeat/msg=timeout",
                "update 1: 🔴 Orders database on db.example.org:5432 is still down (2 notifications since 14:05 UTC): timeout",
            ),
            (
                "up__long-down",
                "update 1: ✅ Up again after 1 h 23 min: Orders database on db.example.org:5432 – was: Connection failed\n\
                 reply to 1 and channel: ✅ Orders database on db.example.org:5432 is up again after 1 h 23 min",
            ),
            ("down__port", "older"),
            ("up__long-down", "not_open"),
        ],
    );
    assert_plays(
        "a check goes down and is up again",
        "healthchecks",
        &[
            (
                "down__late",
                "post 1: 🔴 Nightly backup is down, last ping 21 Nov 02:14 UTC",
            ),
            (
                "up__again",
                "update 1: ✅ Up again after 10 min: Nightly backup – was: no ping in time\n\
                 reply to 1 and channel: ✅ Nightly backup is up again after 10 min",
            ),
            ("up__again", "not_open"),
        ],
    );
    assert_plays(
        "an alert becomes critical and is clear",
        "netdata",
        &[
            (
                "warning__agent-test",
                "post 1: 🟠 warning | test_alarm = new value on web-3",
            ),
            (
                "critical__agent-test",
                "update 1: 🔴 critical | test_alarm = new value on web-3 (2 notifications since 14:05 UTC)\n\
                 reply to 1 and channel: 🔴 critical | test_alarm = new value on web-3",
            ),
            (
                "clear__agent-test",
                "update 1: ✅ Cleared after 3 s: test_alarm on web-3 – was: new value (now new value)\n\
                 reply to 1 and channel: ✅ test_alarm on web-3 cleared after 3 s (now new value)",
            ),
            ("unreachable__cloud", "post 4: 🔴 web-3 is unreachable"),
            (
                "reachable__cloud",
                "update 4: ✅ Reachable again after 10 min: web-3\n\
                 reply to 4 and channel: ✅ web-3 is reachable again after 10 min",
            ),
            ("clear__cloud", "post 6: ✅ disk_space_usage cleared after 1h 30m"),
        ],
    );
}

#[test]
fn an_incident_is_one_conversation_whose_first_message_shows_its_newest_state() {
    assert_plays(
        "an incident is acknowledged, noted, escalated late, resolved, and reopened",
        "pagerduty",
        &[
            (
                "incident.triggered__by-a-service",
                "post 1: 🔴 #1842 Checkout answers 5xx to more than 10 % of requests on Shop API (P1, high urgency)",
            ),
            (
                "incident.acknowledged__by-a-person",
                "update 1: 🔴 Acknowledged: #1842 Checkout answers 5xx to more than 10 % of requests on Shop API (P1, high urgency)\n\
                 reply to 1: Ana Ruiz acknowledged #1842 Checkout answers 5xx to more than 10 % of requests on Shop API",
            ),
            (
                "incident.annotated__note",
                "reply to 1: Ana Ruiz added a note to Checkout answers 5xx to more than 10 % of requests",
            ),
            (
                "incident.escalated__to-the-second-level /event/occurred_at=2026-11-22T09:20:00.000Z",
                "reply to 1 and channel: ⚠️ #1842 Checkout answers 5xx to more than 10 % of requests on Shop API (P1, high urgency) was escalated to Ben Okafor, Clara Weiß (Shop on call)",
            ),
            (
                "incident.resolved__by-a-person",
                "update 1: ✅ Resolved by Ana Ruiz after 21 min: #1842 Checkout answers 5xx to more than 10 % of requests on Shop API (P1, high urgency)\n\
                 reply to 1 and channel: ✅ Ana Ruiz resolved #1842 Checkout answers 5xx to more than 10 % of requests on Shop API after 21 min",
            ),
            (
                "incident.reopened__by-a-person",
                "update 1: 🔴 #1842 Checkout answers 5xx to more than 10 % of requests on Shop API (P1, high urgency)\n\
                 reply to 1 and channel: 🔴 Ben Okafor reopened #1842 Checkout answers 5xx to more than 10 % of requests on Shop API (P1, high urgency)",
            ),
        ],
    );
    assert_plays(
        "a problem is acknowledged, escalated, becomes worse, is resolved, and a late operation comes",
        "zabbix",
        &[
            (
                "problem__high",
                "post 1: 🔴 High | High CPU utilization (over 90% for 5m) on web-3",
            ),
            (
                "update__acknowledged",
                "update 1: 🔴 High | High CPU utilization (over 90% for 5m) on web-3, acknowledged by Ana Ruiz\n\
                 reply to 1: Ana Ruiz acknowledged, commented: High CPU utilization (over 90% for 5m) on web-3 (High)",
            ),
            (
                "problem__high",
                "update 1: 🔴 High | High CPU utilization (over 90% for 5m) on web-3 (3 notifications since 14:05 UTC), acknowledged by Ana Ruiz",
            ),
            (
                "update__severity",
                "update 1: 🔴 Disaster | High CPU utilization (over 90% for 5m) on web-3, acknowledged by Ana Ruiz\n\
                 reply to 1 and channel: Ana Ruiz changed severity from High to Disaster: High CPU utilization (over 90% for 5m) on web-3 (Disaster)",
            ),
            (
                "resolved__high",
                "update 1: ✅ Resolved after 1h 20m 5s: High | High CPU utilization (over 90% for 5m) on web-3\n\
                 reply to 1 and channel: ✅ High CPU utilization (over 90% for 5m) on web-3 resolved after 1h 20m 5s",
            ),
            ("problem__high", "older"),
        ],
    );
}

#[test]
fn an_issue_of_an_error_is_one_conversation_and_a_metric_alert_one_message() {
    assert_plays(
        "an issue is assigned, resolved, and regresses",
        "sentry",
        &[
            (
                "issue__created",
                "post 1: 🔴 New issue SHOP-API-4KQ ConnectionError: could not connect to payments:8443 in shop-api (error)",
            ),
            (
                "issue__assigned",
                "update 1: ❌ SHOP-API-4KQ ConnectionError: could not connect to payments:8443 in shop-api (error), assigned to Ben Okafor\n\
                 reply to 1: Ana Ruiz assigned SHOP-API-4KQ ConnectionError: could not connect to payments:8443 in shop-api to Ben Okafor",
            ),
            (
                "comment__created",
                "reply to 1: Ana Ruiz commented on issue 6712345678 in shop-api",
            ),
            (
                "issue__resolved-by-a-person",
                "update 1: ✅ Resolved by Ana Ruiz: SHOP-API-4KQ ConnectionError: could not connect to payments:8443 in shop-api (error)\n\
                 reply to 1: ✅ Ana Ruiz resolved SHOP-API-4KQ ConnectionError: could not connect to payments:8443 in shop-api",
            ),
            (
                "issue__regressed",
                "update 1: 🔴 Regressed: SHOP-API-4KQ ConnectionError: could not connect to payments:8443 in shop-api (error)\n\
                 reply to 1 and channel: 🔴 SHOP-API-4KQ ConnectionError: could not connect to payments:8443 in shop-api regressed (error)",
            ),
        ],
    );
    assert_plays(
        "a metric alert becomes critical and is resolved",
        "sentry",
        &[
            (
                "metric_alert__warning",
                "post 1: 🟠 warning | Too many errors in the shop in shop-api · production",
            ),
            (
                "metric_alert__critical",
                "update 1: 🔴 critical | Too many errors in the shop in shop-api · production\n\
                 reply to 1 and channel: 🔴 critical | Too many errors in the shop in shop-api · production",
            ),
            (
                "metric_alert__resolved",
                "update 1: ✅ Resolved after 32 min: Too many errors in the shop in shop-api · production – was: 1000 events in the last 10 minutes\n\
                 reply to 1 and channel: ✅ Too many errors in the shop in shop-api resolved after 32 min · production",
            ),
            ("metric_alert__resolved", "not_open"),
        ],
    );
}

#[test]
fn an_alarm_of_cloudwatch_is_one_message_until_it_is_over() {
    let over = "✅ api-jideola domain alarm is OK again after 20 min";
    assert_plays(
        "an alarm that begins, repeats and ends",
        "aws-sns",
        &[
            ("alarm__ok", "not_open"),
            ("alarm__alarm", "post 1: 🔴 api-jideola domain alarm"),
            ("alarm__insufficient-data", "no message"),
            (
                "alarm__ok",
                &format!("update 1: {over}\nreply to 1 and channel: {over}"),
            ),
            ("alarm__ok", "not_open"),
        ],
    );
}
