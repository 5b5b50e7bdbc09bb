use super::*;
use serde_json::json;

fn condition(text: &str) -> Condition {
    Condition::compile(text).unwrap()
}

fn channels(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

fn when(text: &str, to: &[&str]) -> Route {
    Route {
        when: Some(condition(text)),
        to: RouteChannels::Channels(channels(to)),
        continues: false,
        variant: None,
    }
}

fn reached(routes: &Routes, names: &Value) -> (Vec<String>, Vec<RouteTrace>) {
    let (targets, traces) = routes.choose(names);
    (
        targets.iter().map(|target| target.channel.to_string()).collect(),
        traces,
    )
}

#[test]
fn the_first_route_that_holds_ends_the_search() {
    let routes = Routes::new(
        vec![when("bot", &[]), when("event == 'push'", &["dev"])],
        channels(&["all"]),
    );
    let (to, traces) = reached(&routes, &json!({"bot": true, "event": "push"}));
    assert!(to.is_empty());
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0].why, "bot holds: skipped on purpose");
    let (to, traces) = reached(&routes, &json!({"bot": false, "event": "push"}));
    assert_eq!(to, ["dev"]);
    assert_eq!(traces[0].why, "bot does not hold");
    assert!(!traces[0].held && traces[1].held);
    let (to, traces) = reached(&routes, &json!({"bot": false, "event": "issues"}));
    assert_eq!(to, ["all"]);
    assert_eq!(
        (traces[2].route, traces[2].why.as_str()),
        (2, "the source's own channels")
    );
}

#[test]
fn a_route_with_continue_adds_channels_and_the_first_route_of_a_channel_counts() {
    let mut first = when("true", &["ops", "dev"]);
    first.continues = true;
    first.variant = Some(Arc::from("short"));
    let routes = Routes::new(vec![first, when("true", &["dev", "qa"])], channels(&["all"]));
    let (targets, _) = routes.choose(&json!({}));
    let seen: Vec<_> = targets
        .iter()
        .map(|target| (&*target.channel, target.variant.as_deref(), target.route))
        .collect();
    assert_eq!(
        seen,
        [
            ("ops", Some("short"), 0),
            ("dev", Some("short"), 0),
            ("qa", None, 1)
        ]
    );
}

#[test]
fn a_route_that_cannot_be_evaluated_does_not_hold_and_its_trace_has_the_error() {
    let routes = Routes::new(
        vec![when("payload.x.y == 1", &["dev"]), when("payload", &["dev"])],
        channels(&["all"]),
    );
    let (to, traces) = reached(&routes, &json!({"payload": {}}));
    assert_eq!(to, ["all"]);
    assert!(traces[0].failed && !traces[0].held);
    assert_eq!(
        traces[0].why,
        "payload.x.y == 1 cannot be evaluated: there is no `x`"
    );
    assert_eq!(
        traces[1].why,
        "payload cannot be evaluated: the result is a map, not true or false"
    );
}

#[test]
fn a_lookup_uses_its_table() {
    let table = LookupTable::new([
        ("gate".to_owned(), channels(&["gate"])),
        ("shop-*".to_owned(), channels(&["shop"])),
    ]);
    let route = Route {
        when: Some(condition("event == 'push'")),
        to: RouteChannels::Lookup {
            by: condition("payload.repo"),
            table,
        },
        continues: false,
        variant: None,
    };
    let routes = Routes::new(vec![route], channels(&["all"]));
    let look = |repo: Value| {
        let (to, traces) = reached(&routes, &json!({"event": "push", "payload": {"repo": repo}}));
        (to.join(" "), traces[0].why.clone(), traces[0].failed)
    };
    let held = r#"event == 'push' holds; payload.repo is "shop-web", which matches shop-*"#;
    assert_eq!(
        look(json!("shop-web")),
        ("shop".to_owned(), held.to_owned(), false)
    );
    let missed = r#"payload.repo is "other", which no name or pattern matches"#;
    assert_eq!(look(json!("other")), ("all".to_owned(), missed.to_owned(), false));
    assert_eq!(
        look(json!(7)),
        ("all".to_owned(), "payload.repo is not a text".to_owned(), true)
    );
}

#[test]
fn a_lookup_without_a_table_names_the_channel() {
    let known = Arc::new(channels(&["dev", "gate"]).into_iter().collect());
    let route = Route {
        when: None,
        to: RouteChannels::Named {
            by: condition("payload.repo"),
            known,
        },
        continues: false,
        variant: None,
    };
    let routes = Routes::new(vec![route], channels(&["all"]));
    let (to, traces) = reached(&routes, &json!({"payload": {"repo": "gate"}}));
    assert_eq!(
        (to.join(" ").as_str(), traces[0].why.as_str()),
        ("gate", r#"payload.repo is "gate", the name of a channel"#)
    );
    let (to, traces) = reached(&routes, &json!({"payload": {"repo": "x\n\u{1b}[2J".repeat(100)}}));
    assert_eq!(to, ["all"]);
    assert!(
        !traces[0].why.contains(char::is_control) && traces[0].why.len() < 250,
        "{}",
        traces[0].why
    );
    assert!(!traces[0].failed);
}

#[test]
fn without_routes_and_channels_an_event_goes_nowhere() {
    assert_eq!(Routes::default().choose(&json!({})), (Vec::new(), Vec::new()));
}
