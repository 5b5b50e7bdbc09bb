//! The real binary migrates a store of an earlier schema (tests/data/store): it posts what waits, shows the history and
//! loses nothing.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Output;

use twake_bridge::sandbox::Limits;

use crate::harness::{TOKEN, TestSetup, client};
use crate::program::{Served, output_of, output_text, program};

/// The rest of the store's configuration. The long history keeps its events in any year.
const MORE: &str = r#"
[[sources.github.routes]]
when = 'branch == "quiet"'
channels = []
[sources.script]
kind = "generic"
secrets = [{ file = "token" }]
channels = ["broken"]
[history]
keep = "36500d"
dead = "36500d"
"#;

/// The newest schema.
const SCHEMA: i64 = 7;

struct Upgrade {
    setup: TestSetup,
}

impl Upgrade {
    fn new() -> Self {
        let setup = TestSetup::with(&["dev", "ops", "broken"], Limits::default());
        let text = setup.config_text(MORE);
        let text = text.replace("[channels]\n", "[channels]\nbroken = \"ch-broken\"\n");
        // The stored pushes go to side branches.
        let text = text.replace("kind = \"github\"\n", "kind = \"github\"\ncalm = false\n");
        fs::write(setup.path("bridge.toml"), text).unwrap();
        Self { setup }
    }

    fn take(&self, schema: i64, name: &str) {
        let stores = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/store");
        let old = format!("{stores}/schema-{schema}.db");
        fs::copy(old, self.setup.path(name)).unwrap();
    }

    fn serve(&self) -> Served {
        Served::start(&self.setup.path("bridge.toml"), &self.setup.store())
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = program();
        command
            .args(arguments)
            .env("TWAKE_BRIDGE_STORE", self.setup.store());
        output_of(command).await
    }

    /// The output of a subcommand, on the bridge at `operator` or, without one, on the store.
    async fn query(&self, operator: Option<&str>, arguments: &[&str]) -> String {
        let config = self.setup.path("bridge.toml");
        let mut all = arguments.to_vec();
        all.extend(["--config", config.to_str().unwrap()]);
        if let Some(operator) = operator {
            all.extend(["--operator", operator]);
        }
        let output = self.run(&all).await;
        assert!(output.status.success(), "{}", output_text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn events(&self, operator: Option<&str>) -> Vec<Value> {
        let list = self.query(operator, &["events", "list", "--json"]).await;
        let list: Value = serde_json::from_str(&list).unwrap();
        list["events"].as_array().unwrap().clone()
    }
}

fn schema(path: &Path) -> i64 {
    let store = rusqlite::Connection::open(path).unwrap();
    store
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap()
}

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

#[actix_web::test]
async fn a_store_of_an_earlier_schema_is_migrated_with_all_its_events() {
    let upgrade = Upgrade::new();
    let setup = &upgrade.setup;
    upgrade.take(1, "bridge.db");
    let mut served = upgrade.serve();
    assert!(
        served
            .lines
            .iter()
            .any(|line| line.contains(&format!("has schema {SCHEMA} now, it had 1"))),
        "{:#?}",
        served.lines
    );
    // The messages that waited in a failed lane, in their order.
    let posted = setup.posted("ch-ops", 2).await;
    assert!(
        posted[0].contains("DiskFull") && posted[1].contains("DiskStillFull"),
        "{posted:?}"
    );

    // From the newest to the oldest. Only the states of those posted now have changed.
    let operator = served.operator.clone();
    let operator = Some(operator.as_str());
    let events = upgrade.events(operator).await;
    let types: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["firing", "firing", "message", "push", "push", "push"]);
    let [.., dead, skipped, _, first] = &events[..] else {
        panic!("{events:#?}")
    };
    assert_eq!(dead["deliveries"][0]["state"], "dead");
    let shown = upgrade.query(operator, &["events", "show", id(skipped)]).await;
    assert!(shown.contains("the reason was not recorded"), "{shown}");
    assert!(
        shown.contains("branch == \"quiet\" holds: dropped on purpose"),
        "{shown}"
    );
    let shown = upgrade.query(operator, &["events", "show", id(first)]).await;
    assert!(
        shown.contains("the first") && !shown.contains("skipped"),
        "{shown}"
    );

    // A replay decides again and stores the reason.
    upgrade.query(operator, &["events", "replay", id(first)]).await;
    assert!(setup.posted("ch-dev", 1).await[0].contains("the first"));
    upgrade.query(operator, &["events", "replay", id(dead)]).await;
    assert!(setup.posted("ch-broken", 1).await[0].contains("too large"));
    upgrade.query(operator, &["events", "replay", id(skipped)]).await;
    let shown = upgrade.query(operator, &["events", "show", id(skipped)]).await;
    assert!(shown.contains("skipped: route 0 names no channel"), "{shown}");

    // New events have their reason, too.
    let new = client()
        .post(format!("{}/hooks/script", served.url))
        .insert_header(("authorization", format!("Bearer {TOKEN}")))
        .send_body("{\"title\": \"New\", \"text\": \"to an old store\"}")
        .await
        .unwrap();
    assert_eq!(new.status().as_u16(), 202);
    assert!(setup.posted("ch-broken", 2).await[1].contains("to an old store"));
    served.signal("TERM");
    assert!(served.end().success(), "{:#?}", served.lines);
    assert_eq!(upgrade.events(None).await.len(), 7);
    assert_eq!(setup.sandbox.messages("ch-ops").len(), 2, "nothing twice");
}

#[actix_web::test]
async fn a_backup_of_an_earlier_schema_is_restored_and_migrated_at_the_next_start() {
    for earlier in 1..SCHEMA {
        let upgrade = Upgrade::new();
        let setup = &upgrade.setup;
        upgrade.take(earlier, "before.db");
        let before = setup.path("before.db");
        let restored = upgrade.run(&["restore", before.to_str().unwrap(), "--yes"]).await;
        assert!(restored.status.success(), "{}", output_text(&restored));
        assert!(
            output_text(&restored).contains("6 events"),
            "{}",
            output_text(&restored)
        );
        let store = setup.path("bridge.db");
        assert_eq!(schema(&store), earlier, "a copy is what was copied");

        // A backup of it has the earlier schema, too: the earlier version can still use both.
        let copy = setup.path("copy.db");
        let backup = upgrade.run(&["backup", copy.to_str().unwrap()]).await;
        assert!(backup.status.success(), "{}", output_text(&backup));
        assert_eq!(schema(&copy), earlier);

        let mut served = upgrade.serve();
        setup.posted("ch-ops", 2).await;
        served.signal("TERM");
        assert!(served.end().success(), "{:#?}", served.lines);
        assert_eq!(schema(&store), SCHEMA);
        assert_eq!(upgrade.events(None).await.len(), 6);
    }
}

/// An earlier version stored Twacode from a template in place of a document.
#[actix_web::test]
async fn a_stored_message_in_a_removed_format_becomes_a_dead_letter_and_a_replay_renders_it() {
    let upgrade = Upgrade::new();
    let setup = &upgrade.setup;
    upgrade.take(1, "bridge.db");
    let store = rusqlite::Connection::open(setup.path("bridge.db")).unwrap();
    let changed = store
        .execute(
            "UPDATE messages SET json = ?1 WHERE json LIKE '%DiskFull%'",
            [r#"{"v":1,"message":{"twacode":[{"type":"bold","content":"DiskFull"}]},"ephemeral":false}"#],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(store);

    let mut served = upgrade.serve();
    let posted = setup.posted("ch-ops", 1).await;
    assert!(
        posted[0].contains("DiskStillFull"),
        "the lane goes on: {posted:?}"
    );
    let operator = served.operator.clone();
    let operator = Some(operator.as_str());
    let events = upgrade.events(operator).await;
    let dead = events
        .iter()
        .find(|event| event["type"] == "firing" && event["deliveries"][0]["state"] == "dead")
        .unwrap();
    let shown = upgrade.query(operator, &["events", "show", id(dead)]).await;
    assert!(shown.contains("unreadable"), "{shown}");
    assert!(
        shown.contains("another version of the bridge; replay the event"),
        "{shown}"
    );
    upgrade.query(operator, &["events", "replay", id(dead)]).await;
    assert!(setup.posted("ch-ops", 2).await[1].contains("DiskFull"));
    served.signal("TERM");
    assert!(served.end().success(), "{:#?}", served.lines);
}
