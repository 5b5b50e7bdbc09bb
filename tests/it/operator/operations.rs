//! Replay, discard, move.

use serde_json::{Value, json};
use twake_bridge::sandbox::Fault;

use super::{TestOperator, github, until};
use crate::harness::push;

#[actix_web::test]
async fn a_replayed_dead_letter_is_delivered() {
    let mut operator = TestOperator::new("");
    operator
        .setup
        .sandbox
        .set_fault(Some("ch-dev"), Some(Fault::TooLarge));
    let served = operator.serve();
    let mut events = Vec::new();
    for number in 0..3 {
        let body = push("main", &format!("change {number}."));
        events.push(github(&served, &format!("d-{number}"), &body).await);
    }
    until("three dead letters", || {
        (operator.ids(&["--state", "dead"]).len() == 3).then_some(())
    })
    .await;
    operator.setup.sandbox.set_fault(Some("ch-dev"), None);

    let dry = operator
        .run(&["events", "replay", "--state", "dead", "--dry-run"])
        .ok();
    assert!(dry.contains("→ dev") && dry.contains("change 1."), "{dry}");
    assert_eq!(operator.ids(&["--state", "dead"]).len(), 3);
    operator.run(&["events", "replay"]).refused("which events?");
    operator
        .run(&["events", "replay", "--state", "dead"])
        .refused("--yes");
    assert!(
        operator.setup.sandbox.messages("ch-dev").is_empty(),
        "a message was posted before the replay"
    );

    operator
        .run(&["events", "replay", "--state", "dead", "--as-stored", "--yes"])
        .ok();
    let posted = operator.setup.posted("ch-dev", 3).await;
    for (number, text) in posted.iter().enumerate() {
        assert!(
            text.contains(&format!("change {number}.")),
            "in order: {posted:?}"
        );
    }
    until("all delivered", || {
        (operator.ids(&["--state", "delivered"]).len() == 3).then_some(())
    })
    .await;
    let shown = operator.json(&["events", "show", &events[0]]);
    let states: Vec<&Value> = shown["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["state"])
        .collect();
    assert_eq!(
        states,
        ["dead", "delivered"],
        "the dead delivery stays in the history"
    );
    assert_eq!(
        shown["messages"].as_array().unwrap().len(),
        1,
        "equal messages are stored once"
    );

    // The dead deliveries are history. A replay skips channels that already have the event.
    let again = operator
        .run(&["events", "replay", "--state", "dead", "--yes"])
        .ok();
    assert!(again.contains("not dev: it was delivered there"), "{again}");
    // A replay by id posts it again.
    operator.run(&["events", "replay", &events[2]]).ok();
    assert!(operator.setup.posted("ch-dev", 4).await[3].contains("change 2."));
    operator.stop(served);
}

#[actix_web::test]
async fn a_replay_decides_again_with_the_current_routes_or_posts_the_stored_messages() {
    let mut operator = TestOperator::new("");
    let served = operator.serve();
    let event = github(&served, "d-1", &push("main", "posted twice")).await;
    operator.setup.posted("ch-dev", 1).await;
    operator.stop(served);
    operator.configure(|text| text.replace("channels = [\"dev\"]", "channels = [\"ops\"]"));

    let dry = operator.run(&["events", "replay", &event, "--dry-run"]).ok();
    assert!(dry.contains("→ ops"), "{dry}");
    let dry = operator
        .run(&["events", "replay", &event, "--dry-run", "--as-stored"])
        .ok();
    assert!(dry.contains("→ dev"), "{dry}");
    let dry = operator
        .run(&["events", "replay", &event, "--dry-run", "--channel", "dev"])
        .ok();
    assert!(dry.contains("→ no channel"), "{dry}");
    operator.run(&["events", "replay", &event]).ok();
    let again = operator.run(&["events", "replay", &event]).ok();
    assert!(again.contains("not ops: it already waits there"), "{again}");
    operator
        .run(&["events", "replay", &event, "--as-stored", "--channel", "dev"])
        .ok();

    let served = operator.serve();
    assert!(operator.setup.posted("ch-ops", 1).await[0].contains("posted twice"));
    assert!(operator.setup.posted("ch-dev", 2).await[1].contains("posted twice"));
    operator.stop(served);

    operator.configure(|text| text.replace("sources.github", "sources.gitea"));
    operator
        .run(&["events", "replay", &event])
        .refused("source github is not configured");
    let dry = operator
        .run(&["events", "replay", &event, "--as-stored", "--dry-run"])
        .ok();
    assert!(dry.contains("dev"), "{dry}");
}

#[actix_web::test]
async fn a_discarded_delivery_is_kept_not_posted_and_can_be_replayed() {
    let mut operator = TestOperator::new("");
    operator.setup.sandbox.set_fault(None, Some(Fault::RefuseKey));
    let served = operator.serve();
    let event = github(&served, "d-1", &push("main", "given up")).await;
    let channels = until("the halt", || {
        let channels = operator.json(&["channels", "list"]);
        (channels[0]["halted"] == true).then_some(channels)
    })
    .await;
    assert_eq!(
        (&channels[0]["channel"], &channels[0]["waiting"]),
        (&json!("dev"), &json!(1))
    );
    assert_eq!(channels[0]["reason"], "wrong_key");
    assert_eq!(
        (&channels[1]["channel"], &channels[1]["waiting"]),
        (&json!("ops"), &json!(0))
    );
    let table = operator.run(&["channels", "list"]).ok();
    assert!(
        table.contains("halted") && table.contains("dev: compare public_id"),
        "{table}"
    );

    operator.run(&["events", "discard", &event]).refused("--yes");
    assert_eq!(operator.ids(&["--state", "waiting"]), [event.as_str()]);
    let discarded = operator
        .run(&["events", "discard", "--channel", "dev", "--yes"])
        .ok();
    assert!(discarded.contains("discarded for dev"), "{discarded}");
    assert_eq!(operator.ids(&["--state", "waiting"]), [""; 0]);
    let shown = operator.json(&["events", "show", &event]);
    assert_eq!(shown["deliveries"][0]["state"], "dead");
    assert_eq!(shown["deliveries"][0]["reason"], "discarded");
    let none = operator.run(&["events", "discard", &event, "--yes"]).ok();
    assert!(none.contains("nothing waits"), "{none}");
    let none = operator.json(&["events", "discard", &event, "--yes"]);
    assert_eq!(none, json!({"event": event, "channels": []}));
    operator.stop(served);

    operator.setup.sandbox.set_fault(None, None);
    let lines = operator.run(&["events", "replay", "--json", "ffff", &event[..18]]);
    let lines: Vec<Value> = lines
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["event"], "ffff");
    assert!(
        lines[0]["error"].as_str().unwrap().contains("no event"),
        "{lines:?}"
    );
    assert_eq!(
        (&lines[1]["event"], &lines[1]["messages"][0]["channel"]),
        (&json!(event), &json!("dev"))
    );
    let served = operator.serve();
    assert!(operator.setup.posted("ch-dev", 1).await[0].contains("given up"));
    operator.stop(served);
}

#[actix_web::test]
async fn deliveries_of_a_removed_channel_are_moved_in_order() {
    let mut operator = TestOperator::new("");
    operator.setup.sandbox.set_fault(None, Some(Fault::RefuseKey));
    let served = operator.serve();
    for number in 0..3 {
        github(
            &served,
            &format!("d-{number}"),
            &push("main", &format!("moved {number}.")),
        )
        .await;
    }
    operator.stop(served);
    operator.setup.sandbox.set_fault(None, None);
    operator.configure(|text| {
        text.replace("dev = \"ch-dev\"\n", "")
            .replace("channels = [\"dev\"]", "channels = [\"ops\"]")
    });
    let channels = operator.run(&["channels", "list"]).ok();
    assert!(
        channels.contains("dev: this channel is not configured"),
        "{channels}"
    );
    operator
        .run(&["channels", "move", "dev", "opps", "--yes"])
        .refused("no channel opps");
    operator
        .run(&["channels", "move", "dex", "ops", "--yes"])
        .refused("no message was ever queued for a channel dex");
    operator
        .run(&["channels", "move", "ops", "ops", "--yes"])
        .refused("already wait for ops");
    operator.run(&["channels", "move", "dev", "ops"]).refused("--yes");
    let dry = operator
        .run(&["channels", "move", "dev", "ops", "--dry-run"])
        .ok();
    assert!(dry.contains("3 messages would move"), "{dry}");
    let dry = operator.json(&["channels", "move", "dev", "ops", "--dry-run"]);
    assert_eq!(
        dry,
        json!({"from": "dev", "to": "ops", "dry_run": true, "messages": 3})
    );

    let served = operator.serve();
    // The running bridge moves them and delivers them immediately.
    let moved = operator.run(&["channels", "move", "dev", "ops", "--yes"]).ok();
    assert!(
        moved.contains("3 messages moved from dev to the end of ops"),
        "{moved}"
    );
    let posted = operator.setup.posted("ch-ops", 3).await;
    for (number, text) in posted.iter().enumerate() {
        assert!(text.contains(&format!("moved {number}.")), "{posted:?}");
    }
    let channels = operator.json(&["channels", "list"]);
    assert_eq!(
        channels.as_array().unwrap().len(),
        1,
        "an empty queue of an unconfigured channel is not listed: {channels}"
    );
    operator.stop(served);
}
