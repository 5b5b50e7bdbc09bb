//! The command line against a homeserver that answers as Synapse was recorded.

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

use crate::program::{output_of, output_text, program};

/// A part of a path, and the recorded exchange with the answer to it (of Matrix, if it names no folder). The first that fits
/// counts.
type Answers = &'static [(&'static str, &'static str)];

const INVITED: Answers = &[
    ("/account/whoami", "a004"),
    ("/directory/room/", "a012"),
    ("/m.room.tombstone/", "a088"),
    ("/m.room.encryption/", "a088"),
    ("/join/", "a015"),
    ("/m.room.power_levels/", "a050"),
    ("/send/m.room.message/", "a018"),
];

fn recorded(name: &str) -> (StatusCode, String) {
    let (folder, name) = name.split_once('/').unwrap_or(("matrix", name));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/exchanges")
        .join(folder);
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_wanted = |file: &PathBuf| {
        let name = format!("{name}-");
        file.file_name().unwrap().to_str().unwrap().starts_with(&name)
    };
    let file = files
        .find(is_wanted)
        .unwrap_or_else(|| panic!("no exchange {name}"));
    let exchange: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let answer = &exchange["answer"];
    let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
    let body = match &answer["body"] {
        Value::String(page) => page.clone(),
        json => json.to_string(),
    };
    (StatusCode::from_u16(status).unwrap(), body)
}

/// Starts a server with these answers, and with 404 for everything else. Returns its address.
fn start(answers: Answers) -> String {
    let answer = move |request: HttpRequest| async move {
        let path = request.path().to_owned();
        let known = answers.iter().find(|(part, _)| path.contains(part));
        let (status, body) = recorded(known.map_or("a078", |(_, name)| name));
        HttpResponse::build(status).body(body)
    };
    let server = HttpServer::new(move || App::new().default_service(web::to(answer)));
    let server = server
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    actix_web::rt::spawn(server.run());
    url
}

/// A folder with this account and the channel `dev`.
fn configured(account: &str, room: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{account}[channels]\ndev = {room}\n");
    fs::write(folder.path().join("bridge.toml"), text).unwrap();
    let secret = folder.path().join("token");
    fs::write(&secret, "syt_YnJpZGdl_0123456789").unwrap();
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn chat(url: &str) -> TempDir {
    let account =
        format!("[twake.chat]\napi = \"matrix\"\nurl = \"{url}\"\naccess_token = {{ file = \"token\" }}\n");
    configured(&account, "\"#dev66508:bridge.test\"")
}

async fn run(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let mut command = program();
    command
        .args(arguments)
        .current_dir(folder.path())
        .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0")
        .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0");
    let output = output_of(command).await;
    (output.status.code().unwrap(), output_text(&output))
}

#[actix_web::test]
async fn check_live_names_the_account_and_what_keeps_it_from_each_room() {
    let with = |answers: &[(&'static str, &'static str)]| -> Answers {
        let all: Vec<_> = answers.iter().chain(INVITED).copied().collect();
        Vec::leak(all)
    };
    for (answers, code, expected) in [
        (INVITED, 0, "channels.dev: http"),
        (
            INVITED,
            0,
            "@bridge66508:bridge.test may post in #dev66508:bridge.test",
        ),
        (with(&[("/whoami", "b009")]), 0, "the token belongs to no device"),
        (with(&[("/whoami", "a005")]), 78, "twake.chat: http"),
        (
            with(&[("/whoami", "a005")]),
            78,
            "log in again with the same device_id",
        ),
        (with(&[("/join/", "a057")]), 78, "invite the account to the room"),
        (with(&[("/directory/", "a013")]), 78, "unknown_room"),
        (
            with(&[("/m.room.encryption/", "a089")]),
            78,
            "make a room without encryption",
        ),
        (
            with(&[("/m.room.tombstone/", "a094"), ("/join/", "a097")]),
            78,
            "invite the account to the new one",
        ),
        (&[], 78, "url is not the address of a homeserver"),
    ] {
        let folder = chat(&start(answers));
        let (status, output) = run(&folder, &["check", "--live"]).await;
        assert!(output.contains(expected), "{expected}: {output}");
        assert_eq!(status, code, "{output}");
        assert!(!output.contains("syt_"), "{output}");
    }
}

#[actix_web::test]
async fn check_live_names_the_generation_that_answers_instead_of_messages_save() {
    let account = |url: &str| {
        format!(
            "[twake.main]\nurl = \"{url}\"\npublic_id = \"p\"\nprivate_api_key = {{ file = \"token\" }}\ngroup_id = \"g\"\n"
        )
    };
    for (answers, expected) in [
        (
            &[("/_matrix/client/versions", "a001")] as Answers,
            "set api = \"matrix\"",
        ),
        (
            &[("/api/v1/messages/save", "threads/46")],
            "set api = \"threads\" and workspace_id",
        ),
        (&[], "there is no messages/save at this address"),
    ] {
        let folder = configured(&account(&start(answers)), "\"c\"");
        let (code, output) = run(&folder, &["check", "--live"]).await;
        assert!(output.contains(expected), "{expected}: {output}");
        assert_eq!(code, 78, "{output}");
    }
}

#[actix_web::test]
async fn send_posts_to_a_room() {
    let folder = chat(&start(INVITED));
    let (code, output) = run(&folder, &["send", "dev", "hello"]).await;
    assert!(
        output.contains("delivered; Twake's id is $VsFjv4QSKCrUpsA6A50ALB62ZR_S7R93TdNWYT0i4-k"),
        "{output}"
    );
    assert_eq!(code, 0);
}

#[actix_web::test]
async fn the_registration_of_an_application_service_is_printed() {
    let account = "[twake.chat]\napi = \"matrix\"\nurl = \"https://h\"\nas_token = { file = \"token\" }\n\
                   user_id = \"@bridge:example.org\"\n";
    let folder = configured(account, "\"#dev:example.org\"");
    let (code, output) = run(&folder, &["matrix", "registration"]).await;
    assert_eq!(code, 0, "{output}");
    for line in [
        "as_token: \"syt_YnJpZGdl_0123456789\"",
        "sender_localpart: \"bridge\"",
        "rate_limited: false",
        "regex: \"^@bridge:example\\\\.org$\"",
    ] {
        assert!(output.contains(line), "{line}: {output}");
    }
    let (_, output) = run(&folder, &["matrix", "registration", "--json"]).await;
    let registration: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(
        registration["namespaces"]["users"][0]["regex"],
        "^@bridge:example\\.org$"
    );
    let (code, output) = run(&chat("https://h"), &["matrix", "registration"]).await;
    assert_eq!(code, 1);
    assert!(
        output.contains("no channel is in an account with `as_token`"),
        "{output}"
    );
}
