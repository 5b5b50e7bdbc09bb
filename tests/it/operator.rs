//! Looking into a bridge that runs and one that does not, and mending what went wrong: the real binary, asked as an
//! operator would.

use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use twake_bridge::sandbox::Fault;

use crate::harness::{BASIC, GITHUB_SECRET, TOKEN, World, alert, client, push};
use crate::program::{Served, program};

/// What an operator has at hand.
struct Operator {
    world: World,
    config: PathBuf,
    /// The running bridge's operator listener; unset: none runs.
    address: Option<String>,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let said = Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        for secret in [GITHUB_SECRET, TOKEN, BASIC, "operator-token"] {
            assert!(
                !said.out.contains(secret) && !said.err.contains(secret),
                "{secret} was shown"
            );
        }
        said
    }

    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    fn refused(self, why: &str) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        assert!(self.err.contains(why), "{why} in {}", self.err);
    }
}

impl Operator {
    fn new(more: &str) -> Self {
        let world = World::new();
        let config = world.path("bridge.toml");
        std::fs::write(&config, world.config_text(more)).unwrap();
        Self {
            world,
            config,
            address: None,
        }
    }

    fn configure(&self, change: impl FnOnce(String) -> String) {
        std::fs::write(&self.config, change(self.world.config_text(""))).unwrap();
    }

    fn serve(&mut self) -> Served {
        let served = Served::start(&self.config, &self.world.store());
        let line = served
            .lines
            .iter()
            .find(|line| line.contains("operator="))
            .unwrap();
        let address = line.split("operator=").nth(1).unwrap();
        self.address = Some(address.split_whitespace().next().unwrap().to_owned());
        served
    }

    fn stop(&mut self, mut served: Served) {
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);
        self.address = None;
    }

    fn say(&self, arguments: &[&str]) -> Said {
        let mut command = program();
        command.args(arguments).arg("--config").arg(&self.config);
        command.env("TWAKE_BRIDGE_STORE", self.world.store());
        if let Some(address) = &self.address {
            command.args(["--operator", &format!("http://{address}")]);
        }
        Said::of(&command.stdin(Stdio::null()).output().unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.say(&arguments).ok()).unwrap()
    }

    /// The ids that a list with these filters has.
    fn ids(&self, filters: &[&str]) -> Vec<String> {
        let arguments: Vec<&str> = ["events", "list"].iter().chain(filters).copied().collect();
        let list = self.json(&arguments);
        let events = list["events"].as_array().unwrap().iter();
        events
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn post(served: &Served, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = client().post(format!("{}{path}", served.url));
    for (name, value) in headers {
        request = request.append_header((*name, *value));
    }
    let mut answer = request.send_body(body.to_owned()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let answer: Value = answer.json().await.unwrap();
    answer["event"].as_str().unwrap().to_owned()
}

async fn github(served: &Served, delivery: &str, body: &str) -> String {
    let signature = crate::harness::github_signature(body.as_bytes());
    let headers = [
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", delivery),
        ("x-hub-signature-256", signature.as_str()),
    ];
    post(served, "/hooks/github", &headers, body).await
}

async fn monitoring(served: &Served, name: &str) -> String {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    post(served, "/hooks/monitoring", &headers, &alert("firing", name)).await
}

/// Asks until the answer is as wanted; what is asked about happens by itself.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    crate::harness::in_time(what, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

const QUIET: &str = "[[sources.github.routes]]\nwhen = 'branch == \"quiet\"'\nchannels = []\n";

#[actix_web::test]
async fn events_are_listed_and_shown_by_a_bridge_that_runs_and_from_its_store_when_none_does() {
    let mut operator = Operator::new(QUIET);
    let served = operator.serve();
    let first = github(&served, "d-1", &push("main", "first")).await;
    let second = github(&served, "d-2", &push("main", "second")).await;
    let silent = github(&served, "d-3", &push("quiet", "third")).await;
    operator
        .world
        .sandbox
        .set_fault(Some("ch-ops"), Some(Fault::TooLarge));
    let dead = monitoring(&served, "DiskFull").await;
    operator.world.told("ch-dev", 2).await;
    until("the dead letter", || {
        (operator.ids(&["--state", "dead"]) == [dead.clone()]).then_some(())
    })
    .await;
    until("what was delivered", || {
        (operator.ids(&["--state", "delivered"]).len() == 2).then_some(())
    })
    .await;
    let mut served = Some(served);
    loop {
        let all = [&dead, &silent, &second, &first].map(String::clone);
        assert_eq!(operator.ids(&[]), all);
        assert_eq!(operator.ids(&["--source", "github"]), all[1..]);
        assert_eq!(operator.ids(&["--source", "gitlab"]), [""; 0]);
        assert_eq!(operator.ids(&["--type", "push"]), all[1..]);
        assert_eq!(operator.ids(&["--channel", "dev"]), all[2..]);
        assert_eq!(operator.ids(&["--channel", "ops", "--state", "dead"]), all[..1]);
        assert_eq!(operator.ids(&["--channel", "dev", "--state", "dead"]), [""; 0]);
        assert_eq!(operator.ids(&["--state", "silent"]), all[1..2]);
        assert_eq!(operator.ids(&["--state", "waiting"]), [""; 0]);
        assert_eq!(operator.ids(&["--secret", "file:token"]), all[..1]);
        assert_eq!(
            operator.ids(&["--secret", "file:github", "--state", "silent"]),
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

        let table = operator.say(&["events", "list"]).ok();
        let line = table.lines().find(|line| line.contains("monitoring")).unwrap();
        assert!(
            line.contains("file:token") && line.contains("ops dead"),
            "{table}"
        );
        assert!(
            table.contains("dev delivered") && table.contains("silent"),
            "{table}"
        );
        // The beginning that the table shows is enough to name it.
        let beginning = line.split_whitespace().nth(2).unwrap();
        assert!(dead.starts_with(beginning) && beginning.len() < 36);
        let shown = operator.say(&["events", "show", beginning]).ok();
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
        assert!(shown["deliveries"][0]["twake_id"].is_string());
        assert!(shown["messages"][0].as_str().unwrap().contains("first"));
        assert_eq!(
            operator.say(&["events", "show", &first, "--body"]).ok(),
            push("main", "first")
        );

        operator
            .say(&["events", "show", "ffffffff"])
            .refused("there is no event ffffffff");
        operator.say(&["events", "show", "abc"]).refused("is no event id");
        operator
            .say(&["events", "show", &first[..4]])
            .refused("the beginning of several events");
        match served.take() {
            Some(running) => operator.stop(running),
            None => break,
        }
    }
}

#[actix_web::test]
async fn a_dead_letter_that_is_replayed_arrives() {
    let mut operator = Operator::new("");
    operator
        .world
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
    operator.world.sandbox.set_fault(Some("ch-dev"), None);

    let dry = operator
        .say(&["events", "replay", "--state", "dead", "--dry-run"])
        .ok();
    assert!(dry.contains("→ dev") && dry.contains("change 1."), "{dry}");
    assert_eq!(operator.ids(&["--state", "dead"]).len(), 3);
    operator.say(&["events", "replay"]).refused("which events?");
    operator
        .say(&["events", "replay", "--state", "dead"])
        .refused("--yes");
    assert!(
        operator.world.sandbox.messages("ch-dev").is_empty(),
        "nothing went out yet"
    );

    operator
        .say(&["events", "replay", "--state", "dead", "--as-stored", "--yes"])
        .ok();
    let told = operator.world.told("ch-dev", 3).await;
    for (number, text) in told.iter().enumerate() {
        assert!(text.contains(&format!("change {number}.")), "in order: {told:?}");
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
    assert_eq!(states, ["dead", "delivered"], "what was stays");
    assert_eq!(
        shown["messages"].as_array().unwrap().len(),
        1,
        "the same words are kept once"
    );

    // The dead ones are history: what has it is left out.
    let again = operator
        .say(&["events", "replay", "--state", "dead", "--yes"])
        .ok();
    assert!(again.contains("not dev: it was delivered there"), "{again}");
    // Asked for by name it is told again.
    operator.say(&["events", "replay", &events[2]]).ok();
    assert!(operator.world.told("ch-dev", 4).await[3].contains("change 2."));
    operator.stop(served);
}

#[actix_web::test]
async fn a_replay_decides_again_with_todays_routes_or_tells_what_was_stored() {
    let mut operator = Operator::new("");
    let served = operator.serve();
    let event = github(&served, "d-1", &push("main", "told twice")).await;
    operator.world.told("ch-dev", 1).await;
    operator.stop(served);
    operator.configure(|text| text.replace("channels = [\"dev\"]", "channels = [\"ops\"]"));

    let dry = operator.say(&["events", "replay", &event, "--dry-run"]).ok();
    assert!(dry.contains("→ ops"), "{dry}");
    let dry = operator
        .say(&["events", "replay", &event, "--dry-run", "--as-stored"])
        .ok();
    assert!(dry.contains("→ dev"), "{dry}");
    let dry = operator
        .say(&["events", "replay", &event, "--dry-run", "--channel", "dev"])
        .ok();
    assert!(dry.contains("→ nowhere"), "{dry}");
    operator.say(&["events", "replay", &event]).ok();
    let again = operator.say(&["events", "replay", &event]).ok();
    assert!(again.contains("not ops: it waits there already"), "{again}");
    operator
        .say(&["events", "replay", &event, "--as-stored", "--channel", "dev"])
        .ok();

    let served = operator.serve();
    assert!(operator.world.told("ch-ops", 1).await[0].contains("told twice"));
    assert!(operator.world.told("ch-dev", 2).await[1].contains("told twice"));
    operator.stop(served);

    operator.configure(|text| text.replace("sources.github", "sources.gitea"));
    operator
        .say(&["events", "replay", &event])
        .refused("source github is not configured");
    let dry = operator
        .say(&["events", "replay", &event, "--as-stored", "--dry-run"])
        .ok();
    assert!(dry.contains("dev"), "{dry}");
}

#[actix_web::test]
async fn what_is_dropped_is_not_told_but_kept_and_can_be_replayed() {
    let mut operator = Operator::new("");
    operator.world.sandbox.set_fault(None, Some(Fault::RefuseKey));
    let served = operator.serve();
    let event = github(&served, "d-1", &push("main", "given up")).await;
    let lanes = until("the halt", || {
        let lanes = operator.json(&["lanes", "list"]);
        (lanes[0]["halted"] == true).then_some(lanes)
    })
    .await;
    assert_eq!(
        (&lanes[0]["lane"], &lanes[0]["waiting"]),
        (&json!("dev"), &json!(1))
    );
    assert_eq!(lanes[0]["reason"], "wrong_key");
    assert_eq!(
        (&lanes[1]["lane"], &lanes[1]["waiting"]),
        (&json!("ops"), &json!(0))
    );
    let table = operator.say(&["lanes", "list"]).ok();
    assert!(
        table.contains("halted") && table.contains("dev: compare public_id"),
        "{table}"
    );

    operator.say(&["events", "drop", &event]).refused("--yes");
    assert_eq!(operator.ids(&["--state", "waiting"]), [event.clone()]);
    let dropped = operator
        .say(&["events", "drop", "--channel", "dev", "--yes"])
        .ok();
    assert!(dropped.contains("dropped for dev"), "{dropped}");
    assert_eq!(operator.ids(&["--state", "waiting"]), [""; 0]);
    let shown = operator.json(&["events", "show", &event]);
    assert_eq!(shown["deliveries"][0]["state"], "dead");
    assert_eq!(shown["deliveries"][0]["reason"], "dropped");
    let none = operator.say(&["events", "drop", &event, "--yes"]).ok();
    assert!(none.contains("nothing waits"), "{none}");
    operator.stop(served);

    operator.world.sandbox.set_fault(None, None);
    operator.say(&["events", "replay", &event[..18]]).ok();
    let served = operator.serve();
    assert!(operator.world.told("ch-dev", 1).await[0].contains("given up"));
    operator.stop(served);
}

#[actix_web::test]
async fn what_waits_for_a_channel_that_is_gone_is_moved_in_order() {
    let mut operator = Operator::new("");
    operator.world.sandbox.set_fault(None, Some(Fault::RefuseKey));
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
    operator.world.sandbox.set_fault(None, None);
    operator.configure(|text| {
        text.replace("dev = \"ch-dev\"\n", "")
            .replace("channels = [\"dev\"]", "channels = [\"ops\"]")
    });
    let lanes = operator.say(&["lanes", "list"]).ok();
    assert!(lanes.contains("dev: no such channel is configured"), "{lanes}");
    operator
        .say(&["lanes", "move", "dev", "opps", "--yes"])
        .refused("no channel opps");
    operator
        .say(&["lanes", "move", "dex", "ops", "--yes"])
        .refused("no lane dex");
    operator
        .say(&["lanes", "move", "ops", "ops", "--yes"])
        .refused("where they are");
    operator.say(&["lanes", "move", "dev", "ops"]).refused("--yes");
    let dry = operator.say(&["lanes", "move", "dev", "ops", "--dry-run"]).ok();
    assert!(dry.contains("3 messages would move"), "{dry}");

    let served = operator.serve();
    // By the running bridge, whose lane is woken by it.
    let moved = operator.say(&["lanes", "move", "dev", "ops", "--yes"]).ok();
    assert!(
        moved.contains("3 messages moved from dev to the end of ops"),
        "{moved}"
    );
    let told = operator.world.told("ch-ops", 3).await;
    for (number, text) in told.iter().enumerate() {
        assert!(text.contains(&format!("moved {number}.")), "{told:?}");
    }
    let lanes = operator.json(&["lanes", "list"]);
    assert_eq!(
        lanes.as_array().unwrap().len(),
        1,
        "an empty lane of no channel is not listed: {lanes}"
    );
    operator.stop(served);
}

#[actix_web::test]
async fn a_store_that_a_bridge_has_is_asked_for_through_that_bridge() {
    let mut operator = Operator::new("[operator]\ntoken = { file = \"operator\" }\n");
    std::fs::write(operator.world.path("operator"), "operator-token").unwrap();
    let served = operator.serve();
    let event = github(&served, "d-1", &push("main", "there")).await;
    let list = |listen: &str| {
        let mut command = program();
        command.args(["events", "list", "--config"]).arg(&operator.config);
        command.env("TWAKE_BRIDGE_STORE", operator.world.store());
        command.env("TWAKE_BRIDGE_OPERATOR_LISTEN", listen);
        Said::of(&command.output().unwrap())
    };
    let address = operator.address.clone().unwrap();
    assert!(list(&address).ok().contains(&event[..13]));
    let nowhere = list("127.0.0.1:1");
    assert!(nowhere.err.contains("--operator URL"), "{}", nowhere.err);
    nowhere.refused("in use by another process");

    // Without the token nothing is said.
    let mut command = program();
    command.args(["events", "list", "--operator", &address]);
    command
        .current_dir(operator.world.folder.path().join(".."))
        .env("TWAKE_BRIDGE_CONFIG", "/nowhere.toml");
    Said::of(&command.output().unwrap()).refused("send the operator token");
    operator.stop(served);

    let mut command = program();
    command.args(["events", "list", "--config"]).arg(&operator.config);
    command.env("TWAKE_BRIDGE_STORE", "sqlite:/nowhere/bridge.db");
    Said::of(&command.output().unwrap()).refused("there is no store at /nowhere/bridge.db");
}

#[actix_web::test]
async fn a_page_of_elsewhere_is_told_nothing_and_orders_nothing() {
    let world = World::new();
    let bridge = world.bridge("");
    let id = bridge.github("push", "d-1", &push("main", "once")).await.body["event"].clone();
    world.told("ch-dev", 1).await;
    let list = format!("{}/api/events", bridge.operator);
    let replay = format!("{list}/{}/replay", id.as_str().unwrap());
    let json = ("content-type", "application/json");
    for (headers, status) in [
        (vec![], 200),
        (vec![("sec-fetch-site", "none")], 200),
        (vec![("host", "evil.example:8081")], 403),
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
        let mut order = client().post(&replay).insert_header(json);
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
        world.sandbox.messages("ch-dev").len(),
        1,
        "nothing was told again"
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn accepted_events_are_counted_by_the_secret_that_authenticated_them() {
    let world = World::new();
    let bridge = world.bridge("");
    bridge.github("push", "d-1", &push("main", "once")).await;
    let metrics = bridge.metrics().await;
    let line = "twake_bridge_accepted_total{source=\"github\",secret=\"file:github\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    bridge.finish().await;
}

#[actix_web::test]
async fn send_says_a_text_literally_and_what_twake_says_to_it() {
    let operator = Operator::new("");
    let sandbox = &operator.world.sandbox;
    // Its listener is bound, but nobody is at it before this thread lets it begin.
    client().get(sandbox.url().as_str()).send().await.unwrap();
    let sent = operator.say(&["send", "dev", "**up** at @all"]).ok();
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
    let told = operator.world.told("ch-dev", 2).await;
    assert!(told[0].contains("**up** at @\u{2060}all"), "{told:?}");
    assert!(told[1].contains("from a pipe"), "{told:?}");

    sandbox.set_fault(None, Some(Fault::RefuseKey));
    let refused = operator.say(&["send", "dev", "x"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("wrong_key"), "{}", refused.out);
    assert!(
        refused.out.contains("what to do: compare public_id"),
        "{}",
        refused.out
    );
    operator
        .say(&["send", "devs", "x"])
        .refused("there are: dev, ops");
    operator.say(&["send", "dev", " "]).refused("nothing to say");
}
