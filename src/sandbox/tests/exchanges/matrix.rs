//! Synapse 1.163.2.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Replay, recorded};
use crate::sandbox::tests::{settings, with};
use crate::sandbox::{Api, Application, Era, PERSON_TOKEN, RateLimit};
use crate::secret::Secret;

/// Exchanges that the sandbox cannot answer, and why it need not.
const NOT_REPLAYED: [(&str, &str); 5] = [
    ("a007", "capabilities: a bridge does not ask for them"),
    ("a011", "sync: a bridge does not use it"),
    ("b010", "registration: the sandbox's accounts are in its settings"),
    ("b024", "sync"),
    ("b025", "sync"),
];

/// Who sent an exchange, where it was not the bridge of that session.
const SENDERS: [(&str, &str); 32] = [
    ("a008", "ann"),
    ("a021", "again"),
    ("a023", "a002-login-password-answer"),
    ("a035", "ann"),
    ("a036", "ann"),
    ("a037", "ann"),
    ("a038", "ann"),
    ("a039", "ann"),
    ("a040", "ann"),
    ("a042", "ann"),
    ("a083", "ann"),
    ("a092", "ann"),
    ("b001", "ann"),
    ("b005", "ann"),
    ("b008", "ann"),
    ("b009", "b008-admin-minted-token"),
    ("b011", "asbridge"),
    ("b012", "asbridge"),
    ("b014", "b008-admin-minted-token"),
    ("b015", "asbridge"),
    ("b017", "b008-admin-minted-token"),
    ("b018", "asbridge"),
    ("b019", "ann"),
    ("b021", "ann"),
    ("c001", "ann"),
    ("c003", "ann"),
    ("c005", "ann"),
    ("d002", "d001-login-with-refresh-token"),
    ("d003", "d001-login-with-refresh-token refresh"),
    ("d004", "d003-refresh"),
    ("d005", "d001-login-with-refresh-token refresh"),
    ("d007", "ann"),
];

/// What happened before an exchange and was not recorded.
enum Before {
    /// Who, the method and path, the body, and what the recording names the id or token in the answer.
    Call(&'static str, String, Value, Option<&'static str>),
    /// Seconds passed.
    Wait(u64),
    /// The homeserver was restarted.
    Restart,
}

fn call(who: &'static str, line: &str, body: Value) -> Before {
    Before::Call(who, line.replacen(' ', " /_matrix/client/v3/", 1), body, None)
}

fn giving(before: Before, id: &'static str) -> Before {
    match before {
        Before::Call(who, line, body, _) => Before::Call(who, line, body, Some(id)),
        other => other,
    }
}

/// Ann makes a room with the bridge in it.
fn room(id: &'static str, bridge: &'static str, mut body: Value) -> Vec<Before> {
    body["invite"] = json!([format!("@{bridge}:bridge.test")]);
    vec![
        giving(call("ann", "POST createRoom", body), id),
        call(bridge, &format!("POST join/{}", encoded(id)), json!({})),
    ]
}

fn encoded(id: &str) -> String {
    id.replace('!', "%21").replace('$', "%24").replace('@', "%40")
}

fn message(who: &'static str, room: &str, txn: &str, body: Value) -> Before {
    let line = format!("PUT rooms/{}/send/m.room.message/{txn}", encoded(room));
    call(who, &line, body)
}

fn admin(line: &str, body: Value) -> Before {
    Before::Call("ann", line.replacen(' ', " /_synapse/admin/", 1), body, None)
}

const DEV: &str = "!qAYK6iUEt7Oc3yf19UZOgnOhNirod5boAT2v1oKvA9U";
const WITHOUT_POWER: &str = "!DtensQSC-iEUYIVfD8mUnHflzMEGAY6lQlxocYSTt1k";
const FLOODED: &str = "!BYTFmbYgXCiUu_QJVgAZ1CB8ctarjV4YW-izKP-FbQs";
const LEFT: &str = "!XklSNSJohyVFfScjq5e2Bcf5yg0p6CJat8BbyxII4Ck";
const T: &str = "!CgtmuyllJFKx6M2uvodi_qYa9MyNJ1LeaXPJcIoOWGE";
const REFRESHED: &str = "!BMFpXLKUIMWYSLYXPwhWefMWGzkxPrrO66bMxcYAzgc";
const DELETED: &str = "!5domw7d373oX5fMlXHABAryWC33-vSgnBdl_ZmCu6zA";

/// The unrecorded calls, here those of session a.
fn before(name: &str) -> Vec<Before> {
    let notice = |text: &str| json!({ "msgtype": "m.notice", "body": text });
    let text = |text: &str| json!({ "msgtype": "m.text", "body": text });
    match name {
        "a001" => ["bridge66508", "bridge66760", "bridge68995"]
            .map(|user| {
                let line = format!("POST v1/users/%40{user}%3Abridge.test/override_ratelimit");
                admin(&line, json!({ "messages_per_second": 0, "burst_count": 0 }))
            })
            .into(),
        "a021" => {
            let identifier = json!({ "type": "m.id.user", "user": "bridge66508" });
            let body = json!({
                "type": "m.login.password", "identifier": identifier, "password": "pw-bridge66508",
                "device_id": "TWAKEBRIDGE",
            });
            vec![giving(call("ann", "POST login", body), "again")]
        }
        "a032" => {
            let id = "$slDlwKUVFh6Sr8xVkiZN4mkZMe80a8HPOw0fQkIDIRE";
            vec![giving(message("ann", DEV, "ann-1", text("hello from ann")), id)]
        }
        "a042" => {
            let mut body = notice("x");
            body["format"] = json!("org.matrix.custom.html");
            body["formatted_body"] = json!(
                "<script>alert(1)</script><b onclick=x>b</b> <a href=\"javascript:x\">l</a> <img src=https://x/y.png>"
            );
            let id = "$3ngM04TXr2ZcNFmMLW9C5zESskru9L-7ky6ccLi1HcA";
            vec![giving(message("bridge66508", DEV, "html", body), id)]
        }
        "a056" => {
            let id = "!2fKUe_OkQpAYbHzc7to2No9STAV5734rpkpozzLbXAI";
            vec![giving(
                call("ann", "POST createRoom", json!({ "preset": "private_chat" })),
                id,
            )]
        }
        "a079" => {
            let levels = json!({ "power_level_content_override": { "events_default": 50 } });
            room(WITHOUT_POWER, "bridge66508", levels)
        }
        "a080" | "a082" => {
            let change = if name == "a080" { "kick" } else { "ban" };
            let line = format!("POST rooms/{}/{change}", encoded(WITHOUT_POWER));
            vec![call(
                "ann",
                &line,
                json!({ "user_id": "@bridge66508:bridge.test" }),
            )]
        }
        "a083" => {
            let id = "$oKMAiAOYf8Y41SxZJawNGnTp0Ba_BWyOEK2lc59uzDs";
            vec![giving(message("bridge66508", DEV, "op2", notice("x")), id)]
        }
        "a089" => {
            let content = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
            let body = json!({ "initial_state": [{ "type": "m.room.encryption", "state_key": "", "content": content }] });
            room(
                "!fwUUtF6eTWFmgfXH55GxyFm-OAdwtFxim0Y9PBl3Z1g",
                "bridge66508",
                body,
            )
        }
        "a100" => vec![call("bridge66508", "POST logout", json!({}))],
        "a101" => {
            let line = "PUT v2/users/%40bridge66508%3Abridge.test";
            vec![admin(line, json!({ "deactivated": true }))]
        }
        _ if name.starts_with('b') => before_b(name),
        _ => before_later(name),
    }
}

/// Those of session b.
fn before_b(name: &str) -> Vec<Before> {
    let notice = json!({ "msgtype": "m.notice", "body": "x" });
    match name {
        "b002" => {
            let mut before = room(FLOODED, "bridge66668", json!({}));
            let flood = |n: u32| message("bridge66668", FLOODED, &format!("flood-{n}"), notice.clone());
            before.push(giving(flood(0), "$h948oHhXomSZ7lNhgzKBuBy_dy--5Nag7nJt-fiuIgA"));
            before.extend((1..9).map(flood));
            before
        }
        "b004" => vec![Before::Wait(5)],
        "b012" => {
            let line = format!("POST rooms/{}/invite", encoded(FLOODED));
            vec![call("ann", &line, json!({ "user_id": "@asbridge:bridge.test" }))]
        }
        "b016" => vec![Before::Restart],
        "b022" => {
            let id = "!eGH3aVt9sPKPqBFR45l4kWEJpTSufOKzBJP68QuhFck";
            vec![giving(
                call("ann", "POST createRoom", json!({ "preset": "public_chat" })),
                id,
            )]
        }
        "b023" => {
            let line = "POST rooms/%21eGH3aVt9sPKPqBFR45l4kWEJpTSufOKzBJP68QuhFck/upgrade";
            let upgraded = call("ann", line, json!({ "new_version": "12" }));
            vec![giving(upgraded, "!sXXm0Rcvd5RZf9VFqW3AfldquJCRT0yQ562Pkj5Z9PU")]
        }
        "b026" => room(LEFT, "bridge66668", json!({})),
        "b027" => vec![call(
            "bridge66668",
            &format!("POST rooms/{}/leave", encoded(LEFT)),
            json!({}),
        )],
        "b028" => {
            let line = format!("POST rooms/{}/invite", encoded(LEFT));
            vec![call(
                "ann",
                &line,
                json!({ "user_id": "@bridge66668:bridge.test" }),
            )]
        }
        _ => Vec::new(),
    }
}

/// Those of sessions c and d.
fn before_later(name: &str) -> Vec<Before> {
    let notice = json!({ "msgtype": "m.notice", "body": "x" });
    let powered = |version: &str, users: Value| json!({ "room_version": version, "power_level_content_override": { "users": users } });
    let user = "v2/users/%40bridge68995%3Abridge.test";
    match name {
        "c001" | "c003" => {
            let (id, version) = match name {
                "c001" => ("!IUDpjATIpuvMVLAfTS:bridge.test", "10"),
                _ => ("!wqiKzZggkgbavxodUg:bridge.test", "11"),
            };
            let users = json!({ "@ann66760:bridge.test": 100, "@bridge66760:bridge.test": 50 });
            room(id, "bridge66760", powered(version, users))
        }
        "c005" => {
            let users = json!({ "@bridge66760:bridge.test": 50 });
            let id = "!5ra_paE8s9VbPLIavYkOc-0x_h3T-vQpK2wH2RdjFok";
            room(id, "bridge66760", powered("12", users))
        }
        "c007" => {
            let mut before = room(T, "bridge66760", json!({ "name": "T" }));
            let id = "$X-YjgJFctKMIXMOcEn8mUs-DpbiKuQREPU3J2NWiAXc";
            before.push(giving(message("bridge66760", T, "m-1", notice), id));
            before
        }
        "c012" => {
            let id = "$dHF5VGZXb1Wy3JdctziMYrTM3XC786Xi43G3O10THoE";
            vec![giving(message("ann", T, "ann-2", notice), id)]
        }
        "c015" => {
            let other = giving(call("ann", "POST createRoom", json!({})), "!another room");
            let id = "$YyFG0Aa6pOvVOV9RYsDOYxiJDEfBBgPjUHbNdcwAY9I";
            vec![
                other,
                giving(message("ann", "!another room", "ann-3", notice), id),
            ]
        }
        "d002" => {
            let mut before = room(REFRESHED, "bridge68995", json!({}));
            let sent = message("d001-login-with-refresh-token", REFRESHED, "rt-1", notice);
            before.push(giving(sent, "$08MO9bahPHxlVRSRUamVlZ6SA_ERegSC4L9watD3zmc"));
            before.push(Before::Wait(300));
            before
        }
        "d009" => vec![
            admin(
                "PUT v1/suspend/%40bridge68995%3Abridge.test",
                json!({ "suspend": false }),
            ),
            admin(&format!("PUT {user}"), json!({ "locked": true })),
        ],
        "d010" => {
            let mut before = vec![admin(&format!("PUT {user}"), json!({ "locked": false }))];
            before.extend(room(DELETED, "bridge68995", json!({})));
            before.push(admin(
                &format!("DELETE v2/rooms/{}", encoded(DELETED)),
                json!({ "block": true }),
            ));
            before
        }
        _ => Vec::new(),
    }
}

#[actix_web::test]
async fn the_sandbox_answers_like_synapse() {
    let mut settings = settings(Era::A2021);
    settings.api = Api::Matrix;
    settings.rate_limit = Some(RateLimit::SYNAPSE);
    settings.channels.clear();
    let bridges = ["bridge66508", "bridge66668", "bridge66760", "bridge68995"];
    let keys = bridges.map(|name| format!("pw-{name}"));
    settings.applications = bridges
        .iter()
        .zip(&keys)
        .map(|(name, key)| Application::new(name, name, Secret::new(key), "group"))
        .collect();
    settings.applications.push(Application {
        device: None,
        ..Application::new("asbridge", "asbridge", Secret::new("as"), "group")
    });
    let server = with(settings);
    let mut tokens = vec![("ann", PERSON_TOKEN), ("asbridge", "as")];
    tokens.extend(bridges.iter().zip(&keys).map(|(name, key)| (*name, key.as_str())));
    let names = [
        ("ann66508", "ann"),
        ("ann66668", "ann"),
        ("ann66760", "ann"),
        ("bridge.test", "sandbox.test"),
    ];
    let mut replay = Replay::new(&server, &names, &tokens);
    for exchange in recorded("matrix") {
        let short = exchange.name.get(..4).expect("a number");
        if NOT_REPLAYED.iter().any(|(name, _)| *name == short) {
            continue;
        }
        for step in before(short) {
            match step {
                Before::Call(who, line, body, id) => replay.unrecorded(who, &line, &body, id).await,
                Before::Wait(seconds) => server.clock.advance(Duration::from_secs(seconds)),
                Before::Restart => server.handle.restart_homeserver(),
            }
        }
        let session = usize::from(exchange.name.as_bytes()[0] - b'a');
        let who = SENDERS.iter().find(|(name, _)| *name == short);
        replay
            .replay(&exchange, who.map_or(bridges[session], |(_, who)| *who))
            .await;
    }
    replay.finish();
    server.stop().await;
}
