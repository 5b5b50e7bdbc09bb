//! An authentic request is never refused for its content: an unreadable body is stored, posted as it is, listed for the
//! operator and replayed.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{TOKEN, TestSetup, client};
use crate::preview::{folder, run_in};
use crate::program::program;

/// JSON of a handwritten template, with unescaped quotation marks.
const BROKEN: &str = r#"{"app":"shop","message":"cannot load "values.yaml": exit 1"}"#;
const WHY: &str = "not JSON (line 1, column 39: expected `,` or `}`)";

fn sources(kinds: &[&str]) -> String {
    let source = |kind: &&str| {
        format!(
            "[sources.{kind}]\nkind = \"{kind}\"\nsecrets = [{{ file = \"token\" }}]\nchannels = [\"ops\"]\n"
        )
    };
    kinds.iter().map(source).collect()
}

#[actix_web::test]
async fn json_with_an_unescaped_quotation_mark_is_posted_as_it_is() {
    let kinds = [
        ("argocd", "Argo CD", 202),
        ("healthchecks", "Healthchecks.io", 202),
        ("uptime-kuma", "Uptime Kuma", 202),
        ("generic", "Generic", 202),
        ("slack-compatible", "Slack-compatible", 200),
        ("zabbix", "Zabbix", 202),
        ("jenkins", "Jenkins", 202),
    ];
    let setup = TestSetup::new();
    // These kinds have no bearer token.
    let by_token: Vec<&str> = kinds
        .iter()
        .map(|(kind, ..)| *kind)
        .filter(|kind| *kind != "jenkins")
        .collect();
    let jenkins = "[sources.jenkins]\nkind = \"jenkins\"\nsecrets = [{ file = \"token\", scheme = \"path\" }]\nchannels = [\"ops\"]\n";
    let bridge = setup.bridge(&(sources(&by_token) + jenkins));
    let bearer = format!("Bearer {TOKEN}");
    for (kind, _, status) in kinds {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let (path, headers) = if kind == "jenkins" {
            (format!("/hooks/{kind}/{TOKEN}"), &headers[1..])
        } else {
            (format!("/hooks/{kind}"), &headers[..])
        };
        let answer = bridge.post(&path, headers, BROKEN).await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.text);
        if status == 202 {
            assert_eq!(answer.body["unreadable"], WHY, "{kind}");
        }
        let again = bridge.post(&path, headers, BROKEN).await;
        assert_eq!(again.status, 200, "{kind}: the same again is posted once");
        let other = BROKEN.replace("exit 1", "exit 2");
        let other = bridge.post(&path, headers, other).await;
        assert_eq!(other.status, status, "{kind}: another one is another event");
    }
    let posted = setup.posted("ch-ops", 2 * kinds.len()).await;
    for ((kind, title, _), posted) in kinds.iter().zip(posted.chunks(2)) {
        assert!(
            posted[0].starts_with(&format!("{title} ({kind}) sent something that is {WHY}:")),
            "{posted:?}"
        );
        assert!(
            posted[0].contains(BROKEN) && posted[1].contains("exit 2"),
            "{posted:?}"
        );
    }
    let metrics = bridge.metrics().await;
    assert!(
        metrics.contains("twake_bridge_unreadable_total{source=\"argocd\"} 2\n"),
        "{metrics}"
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn the_excerpt_of_an_unreadable_body_is_text_and_bounded() {
    let setup = TestSetup::new();
    let bridge = setup.bridge(&sources(&["argocd"]));
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let hostile = format!(
        "{{ ```\n**[x](http://evil.example)** @all\n\u{1b}[31m{}",
        "line\n".repeat(100_000)
    );
    let answer = bridge.post("/hooks/argocd", &headers, hostile).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let event = answer.body["event"].as_str().unwrap();
    let record = bridge
        .queue()
        .event(event.parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let message = serde_json::to_value(record.messages[0].as_ref().unwrap()).unwrap();
    let [paragraph, code] = &message["message"]["document"]["blocks"].as_array().unwrap()[..] else {
        panic!("{message}")
    };
    assert!(
        paragraph["paragraph"][1]["text"]
            .as_str()
            .unwrap()
            .contains("sent something that is not JSON (line 1, column 3: ")
    );
    let text = code["code"]["text"].as_str().unwrap();
    assert!(
        text.starts_with("{ ```\n**[x](http://evil.example)** @all\n [31mline\n") && text.ends_with('…'),
        "{text}"
    );
    assert!(
        text.lines().count() <= 20 && text.chars().count() <= 1_000,
        "{text}"
    );
    assert_eq!(
        record.decided.unreadable,
        answer.body["unreadable"].as_str().map(str::to_owned)
    );
    bridge.finish().await;
}

const OWN: &str = "title = \"Acme\"\n[[authentication]]\nname = \"bearer\"\nmethod = \"token\"\nheader = \"Authorization\"\nprefix = \"Bearer \"\n[event]\ntype = '\"note\"'\n";

#[actix_web::test]
async fn the_operator_lists_unreadable_events_and_a_replay_with_a_corrected_kind_parses_them() {
    let setup = TestSetup::new();
    let kind = setup.path("templates/acme");
    fs::create_dir_all(&kind).unwrap();
    fs::write(kind.join("source.toml"), OWN).unwrap();
    fs::write(kind.join("note.hbs"), "note: {{payload.text}}").unwrap();
    setup.write_config(&sources(&["acme"]));
    let bridge = setup.bridge(&sources(&["acme"]));
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let answer = bridge.post("/hooks/acme", &headers, "text=disk+full").await;
    let id = answer.body["event"].as_str().unwrap().to_owned();
    let readable = bridge.post("/hooks/acme", &headers, r#"{"text":"fine"}"#).await;
    assert_eq!(readable.status, 202);
    assert_eq!(setup.posted("ch-ops", 2).await[1], "note: fine");

    let ask = async |operator: &str, path: &str| -> Value {
        let mut answer = client()
            .get(format!("{operator}/api/{path}"))
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    };
    let ids = |list: &Value| -> Vec<String> {
        let events = list["events"].as_array().unwrap().iter();
        events
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let replay = async |operator: &str| {
        let replay = client().post(format!("{operator}/api/events/{id}/replay"));
        let replay = replay.insert_header(("x-twake-bridge", "1"));
        let replay = replay.send_json(&json!({ "as_stored": false })).await.unwrap();
        assert_eq!(replay.status().as_u16(), 200);
    };
    let list = ask(&bridge.operator, "events?state=unreadable").await;
    assert_eq!(ids(&list), [id.as_str()]);
    let why = "not JSON (line 1, column 2: expected ident)";
    assert_eq!(list["events"][0]["unreadable"], why);
    let list = ask(
        &bridge.operator,
        "events?state=unreadable&channel=ops&source=acme",
    )
    .await;
    assert_eq!(ids(&list), [id.as_str()]);
    let list = ask(&bridge.operator, "events?state=unreadable&channel=dev").await;
    assert!(ids(&list).is_empty(), "{list}");
    let shown = ask(&bridge.operator, &format!("events/{id}")).await;
    assert_eq!(shown["unreadable"], why);
    assert_eq!(
        ask(&bridge.operator, "events").await["events"][0]["unreadable"],
        Value::Null
    );

    // With the same kind, a replay posts it as it is again.
    replay(&bridge.operator).await;
    assert!(setup.posted("ch-ops", 3).await[2].contains("text=disk+full"));
    let list = ask(&bridge.operator, "events?state=unreadable").await;
    assert_eq!(ids(&list), [id.as_str()]);
    bridge.finish().await;

    let asked = |arguments: &[&str]| {
        let mut command = program();
        command
            .args(arguments)
            .arg("--config")
            .arg(setup.path("bridge.toml"));
        let output = command.env("TWAKE_BRIDGE_STORE", setup.store()).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let list = asked(&["events", "list", "--state", "unreadable"]);
    assert!(list.contains("ops delivered, unreadable"), "{list}");
    let shown = asked(&["events", "show", &id]);
    assert!(shown.contains(&format!("unreadable it is {why}\n")), "{shown}");

    fs::write(kind.join("source.toml"), format!("{OWN}[body]\nform = true\n")).unwrap();
    let bridge = setup.bridge(&sources(&["acme"]));
    replay(&bridge.operator).await;
    assert_eq!(setup.posted("ch-ops", 4).await[3], "note: disk full");
    let list = ask(&bridge.operator, "events?state=unreadable").await;
    assert!(ids(&list).is_empty(), "{list}");
    bridge.finish().await;
}

#[test]
fn preview_and_check_report_an_unreadable_body() {
    let folder =
        folder("[sources.acme]\nkind = \"acme\"\nsecrets = [{ file = \"secret\" }]\nchannels = [\"dev\"]\n");
    let kind = folder.path().join("templates/acme");
    fs::create_dir_all(kind.join("samples")).unwrap();
    fs::write(kind.join("source.toml"), OWN).unwrap();
    fs::write(kind.join("samples/note__broken.json"), BROKEN).unwrap();
    let run = |arguments: &[&str]| {
        let output = run_in(folder.path(), arguments, BROKEN.as_bytes());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), text)
    };
    for payload in [&["--sample", "note__broken"][..], &["-"][..]] {
        let (code, text) = run(&[&["preview", "--source", "acme"], payload].concat());
        assert_eq!(code, 1, "{text}");
        for part in [
            WHY,
            "Acme (acme) sent something that is not JSON",
            "values.yaml",
            "── dev ──",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    let (code, text) = run(&["preview", "--source", "acme", "--json", "-"]);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &shown["unreadable"], &shown["channels"]),
        (1, &json!(WHY), &json!(["dev"]))
    );
    let (code, text) = run(&["check"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains(
            "note__broken.json: is not JSON (line 1, column 39: expected `,` or `}`), so no condition"
        ),
        "{text}"
    );
}
