//! Commands and pages that show events, channels and metrics, and `send`.

use std::io::Write as _;
use std::process::Stdio;
use twake_bridge::clock::Clock;
use twake_bridge::message::DAYS;
use twake_bridge::sandbox::Fault;

use super::{CommandOutput, TestOperator, github, monitoring, until};
use crate::harness::{TestSetup, client, push};
use crate::program::program;

const QUIET: &str = "[[sources.github.routes]]\nwhen = 'branch == \"quiet\"'\nchannels = []\n";

#[actix_web::test]
async fn events_are_listed_and_shown_through_a_running_bridge_and_from_its_store() {
    let mut operator = TestOperator::new(QUIET);
    let served = operator.serve();
    let first = github(&served, "d-1", &push("main", "first")).await;
    let second = github(&served, "d-2", &push("main", "second")).await;
    let skipped = github(&served, "d-3", &push("quiet", "third")).await;
    operator
        .setup
        .sandbox
        .set_fault(Some("ch-ops"), Some(Fault::TooLarge));
    let dead = monitoring(&served, "DiskFull").await;
    operator.setup.posted("ch-dev", 2).await;
    until("the dead letter", || {
        (operator.ids(&["--state", "dead"]) == [dead.as_str()]).then_some(())
    })
    .await;
    until("what was delivered", || {
        (operator.ids(&["--state", "delivered"]).len() == 2).then_some(())
    })
    .await;
    let mut served = Some(served);
    loop {
        let all = [&dead, &skipped, &second, &first].map(String::clone);
        assert_eq!(operator.ids(&[]), all);
        assert_eq!(operator.ids(&["--source", "github"]), all[1..]);
        assert_eq!(operator.ids(&["--source", "gitlab"]), [""; 0]);
        assert_eq!(operator.ids(&["--type", "push"]), all[1..]);
        assert_eq!(operator.ids(&["--channel", "dev"]), all[2..]);
        assert_eq!(operator.ids(&["--channel", "ops", "--state", "dead"]), all[..1]);
        assert_eq!(operator.ids(&["--channel", "dev", "--state", "dead"]), [""; 0]);
        assert_eq!(operator.ids(&["--state", "skipped"]), all[1..2]);
        assert_eq!(operator.ids(&["--state", "waiting"]), [""; 0]);
        assert_eq!(operator.ids(&["--secret", "file:token"]), all[..1]);
        assert_eq!(
            operator.ids(&["--secret", "file:github", "--state", "skipped"]),
            all[1..2]
        );
        assert_eq!(operator.ids(&["--since", "1h"]), all);
        assert_eq!(operator.ids(&["--until", "1h"]), [""; 0]);
        assert_eq!(operator.ids(&["--since", "2999-01-01T00:00Z"]), [""; 0]);

        let page = operator.json(&["events", "list", "--limit", "3"]);
        assert_eq!(page["events"].as_array().unwrap().len(), 3);
        assert_eq!(
            operator.ids(&["--after", page["next"].as_str().unwrap()]),
            all[3..]
        );

        let table = operator.run(&["events", "list"]).ok();
        let line = table.lines().find(|line| line.contains("monitoring")).unwrap();
        assert!(
            line.contains("DiskFull on db-1") && line.contains("ops dead"),
            "{table}"
        );
        assert!(
            table.contains("dev delivered") && table.contains("skipped: route 0 names no channel"),
            "{table}"
        );
        let why = "route 0 names no channel (branch == \"quiet\" holds: skipped on purpose)";
        let shown = operator.run(&["events", "show", &skipped]).ok();
        assert!(shown.contains(&format!("skipped: {why}")), "{shown}");
        let shown = operator.json(&["events", "show", &skipped]);
        assert_eq!(
            shown["skipped"],
            serde_json::json!([{"channels": [], "reason": why}])
        );
        let explained = operator.json(&["events", "show", &skipped, "--explain"]);
        assert_eq!(explained["as_stored"], true);
        assert_eq!(
            explained["routes"][0]["values"],
            serde_json::json!([["branch", "\"quiet\""]])
        );
        let explained = operator.run(&["events", "show", &skipped, "--explain"]).ok();
        assert!(
            explained.contains("by the present configuration, which decides as")
                && explained.contains("branch is \"quiet\""),
            "{explained}"
        );
        let listed = operator.json(&["events", "list", "--state", "skipped"]);
        assert_eq!(listed["events"][0]["skip_reason"], why);
        // The beginning of an id, as the table shows it, identifies the event.
        let beginning = line.split_whitespace().nth(2).unwrap();
        assert!(dead.starts_with(beginning) && beginning.len() < 36);
        let shown = operator.run(&["events", "show", beginning]).ok();
        for text in [
            dead.as_str(),
            "too_large",
            "what to do",
            "file:token",
            "DiskFull",
            "route",
        ] {
            assert!(shown.contains(text), "{text} in {shown}");
        }
        let shown = operator.json(&["events", "show", &first]);
        assert_eq!(shown["deliveries"][0]["state"], "delivered");
        assert_eq!(shown["skipped"], serde_json::json!([]));
        assert!(shown["deliveries"][0]["twake_id"].is_string());
        assert!(shown["messages"][0].as_str().unwrap().contains("first"));
        assert_eq!(
            operator.run(&["events", "show", &first, "--body"]).ok(),
            push("main", "first")
        );

        operator
            .run(&["events", "show", "ffffffff"])
            .refused("there is no event ffffffff");
        operator.run(&["events", "show", "abc"]).refused("is no event id");
        operator
            .run(&["events", "show", &first[..4]])
            .refused("several events begin with");
        match served.take() {
            Some(running) => operator.stop(running),
            None => break,
        }
    }
}

#[actix_web::test]
async fn a_skipped_channel_is_listed_with_the_template_that_skipped_it() {
    let short = "[[sources.github.routes]]\nwhen = 'true'\nchannels = [\"ops\"]\nvariant = \"short\"\ncontinue = true\n";
    let mut operator = TestOperator::new(short);
    let templates = operator.setup.path("templates/github");
    std::fs::create_dir_all(&templates).unwrap();
    std::fs::write(
        templates.join("push.short.hbs"),
        "+++\nwhen = 'branch == \"main\"'\n+++\npushed\n",
    )
    .unwrap();
    let served = operator.serve();
    let everywhere = github(&served, "d-1", &push("main", "posted everywhere")).await;
    let partly = github(&served, "d-2", &push("side", "posted in dev")).await;
    operator.setup.posted("ch-dev", 2).await;
    let shown = operator.run(&["events", "show", &everywhere]).ok();
    assert!(!shown.contains("skipped in"), "{shown}");
    let shown = operator.run(&["events", "show", &partly]).ok();
    let why = "push.short.hbs: its `when` does not hold";
    assert!(shown.contains(&format!("\nskipped in ops: {why}\n")), "{shown}");
    let shown = operator.json(&["events", "show", &partly]);
    assert_eq!(
        shown["skipped"],
        serde_json::json!([{"channels": ["ops"], "reason": why}])
    );
    operator.stop(served);
}

#[actix_web::test]
async fn a_store_in_use_is_read_only_through_its_bridge() {
    let mut operator = TestOperator::new("[operator]\ntoken = { file = \"operator\" }\n");
    std::fs::write(operator.setup.path("operator"), "operator-token").unwrap();
    let served = operator.serve();
    let event = github(&served, "d-1", &push("main", "there")).await;
    let list = |listen: &str| {
        let mut command = program();
        command.args(["events", "list", "--config"]).arg(&operator.config);
        command.env("TWAKE_BRIDGE_STORE", operator.setup.store());
        command.env("TWAKE_BRIDGE_OPERATOR_LISTEN", listen);
        CommandOutput::of(&command.output().unwrap())
    };
    let address = operator.address.clone().unwrap();
    assert!(list(&address).ok().contains(&event[..13]));
    let nowhere = list("127.0.0.1:1");
    assert!(nowhere.err.contains("--operator URL"), "{}", nowhere.err);
    nowhere.refused("in use by another process");

    // Without the token the command is refused.
    let mut command = program();
    command.args(["events", "list", "--operator", &address]);
    command
        .current_dir(operator.setup.folder.path().join(".."))
        .env("TWAKE_BRIDGE_CONFIG", "/nowhere.toml");
    CommandOutput::of(&command.output().unwrap()).refused("send the operator token");
    operator.stop(served);

    let mut command = program();
    command.args(["events", "list", "--config"]).arg(&operator.config);
    command.env("TWAKE_BRIDGE_STORE", "sqlite:/nowhere/bridge.db");
    CommandOutput::of(&command.output().unwrap()).refused("there is no store at /nowhere/bridge.db");
}

#[actix_web::test]
async fn requests_of_a_foreign_web_page_are_refused() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let id = bridge.github("push", "d-1", &push("main", "once")).await.body["event"].clone();
    setup.posted("ch-dev", 1).await;
    let list = format!("{}/api/events", bridge.operator);
    let replay = format!("{list}/{}/replay", id.as_str().unwrap());
    let json = ("content-type", "application/json");
    for (headers, status) in [
        (vec![], 200),
        (vec![("sec-fetch-site", "none")], 200),
        (vec![("host", "evil.example:8081")], 421),
        (vec![("origin", "http://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
    ] {
        let mut request = client().get(&list);
        for header in &headers {
            request = request.insert_header(*header);
        }
        assert_eq!(
            request.send().await.unwrap().status().as_u16(),
            status,
            "{headers:?}"
        );
        let mut order = client()
            .post(&replay)
            .insert_header(json)
            .insert_header(("x-twake-bridge", "1"));
        for header in &headers {
            order = order.insert_header(*header);
        }
        let dry = "{\"dry_run\": true}";
        assert_eq!(
            order.send_body(dry).await.unwrap().status().as_u16(),
            status,
            "{headers:?}"
        );
    }
    for (content_type, body, status) in [
        ("text/plain", "{}".to_owned(), 415),
        ("application/x-www-form-urlencoded", "a=b".to_owned(), 415),
        ("application/json", "{".to_owned(), 400),
        ("application/json", "{\"as_sorted\": true}".to_owned(), 400),
        ("application/json", " ".repeat(20_000), 413),
    ] {
        let order = client()
            .post(&replay)
            .insert_header(("x-twake-bridge", "1"))
            .insert_header(("content-type", content_type));
        assert_eq!(
            order.send_body(body).await.unwrap().status().as_u16(),
            status,
            "{content_type}"
        );
    }
    let get = client().get(&replay).send().await.unwrap();
    assert_eq!(get.status().as_u16(), 404, "an order is posted");
    let wrong = client().get(format!("{list}?state=lost")).send().await.unwrap();
    assert_eq!(wrong.status().as_u16(), 400);
    assert_eq!(
        setup.sandbox.messages("ch-dev").len(),
        1,
        "a message was posted again"
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn accepted_events_are_counted_by_the_secret_that_authenticated_them() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    bridge.github("push", "d-1", &push("main", "once")).await;
    let metrics = bridge.metrics().await;
    let line = "twake_bridge_accepted_total{source=\"github\",secret=\"file:github\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    bridge.finish().await;
}

#[actix_web::test]
async fn send_posts_a_literal_text_and_prints_twakes_response() {
    let operator = TestOperator::new("");
    let sandbox = &operator.setup.sandbox;
    // The sandbox's listener is bound, but the sandbox runs only when this thread yields.
    client().get(sandbox.url().as_str()).send().await.unwrap();
    let sent = operator.run(&["send", "dev", "**up** at @all"]).ok();
    assert!(sent.contains("dev: delivered; Twake's id is "), "{sent}");
    let mut child = program()
        .args(["send", "dev", "-", "--config"])
        .arg(&operator.config)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"from a pipe\n").unwrap();
    assert!(child.wait().unwrap().success());
    let posted = operator.setup.posted("ch-dev", 2).await;
    assert!(posted[0].contains("**up** at @\u{2060}all"), "{posted:?}");
    assert!(posted[1].contains("from a pipe"), "{posted:?}");

    sandbox.set_fault(None, Some(Fault::RefuseKey));
    let refused = operator.run(&["send", "dev", "x"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("wrong_key"), "{}", refused.out);
    assert!(
        refused.out.contains("what to do: compare public_id"),
        "{}",
        refused.out
    );
    let word = "UNION SELECT".to_owned();
    sandbox.set_fault(None, Some(Fault::BlockedText { word }));
    let refused = operator.run(&["send", "dev", "1 UNION SELECT 2"]);
    assert_eq!(refused.code, 1);
    for part in ["forbidden", "so it is this message", "the bridge would try again"] {
        assert!(refused.out.contains(part), "{}", refused.out);
    }
    assert!(operator.run(&["send", "dev", "fine"]).ok().contains("delivered"));
    operator
        .run(&["send", "devs", "x"])
        .refused("the channels are: dev, ops");
    operator.run(&["send", "dev", " "]).refused("the text is empty");
}

#[actix_web::test]
async fn channels_and_events_show_until_when_a_channel_is_quiet() {
    let mut operator = TestOperator::new("");
    // Always, but for a day that is three days ago.
    let past = Clock::system().now() - jiff::SignedDuration::from_hours(72);
    let past = past.strftime("%a").to_string().to_lowercase();
    let days: Vec<&str> = DAYS.into_iter().filter(|day| *day != past).collect();
    let quiet = format!("{{ from = \"00:00\", to = \"00:00\", days = {days:?} }}");
    let dev = format!("dev = {{ channel_id = \"ch-dev\", time_zone = \"Asia/Tokyo\", quiet = {quiet} }}");
    operator.configure(|text| text.replace("dev = \"ch-dev\"", &dev));
    let served = operator.serve();
    let held = github(&served, "d-1", &push("main", "first")).await;
    let mut served = Some(served);
    loop {
        assert_eq!(operator.ids(&["--state", "waiting"]), [held.as_str()]);
        let channels = operator.run(&["channels", "list"]).ok();
        assert!(channels.contains("dev: quiet until 20"), "{channels}");
        assert!(!channels.contains("ops: quiet"), "{channels}");
        let event = operator.run(&["events", "show", &held]).ok();
        assert!(event.contains("quiet until   20"), "{event}");
        match served.take() {
            Some(running) => operator.stop(running),
            None => break,
        }
    }
    assert_eq!(operator.setup.messages("ch-dev", 0).await.len(), 0);
}
