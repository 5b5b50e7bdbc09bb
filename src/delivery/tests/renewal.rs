//! Tokens of a homeserver that expire, as the sandbox serves it.

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;
use crate::message::Readers;
use crate::sandbox::{Api, Application, Channel, Sandbox, SandboxHandle, SandboxSettings};
use crate::twake::http::Request;
use crate::twake::matrix::{self, Credentials, Notify, Room};
use crate::twake::{Reason, VerdictKind};

/// The life of a token.
const LIFE: Duration = Duration::from_secs(300);

/// A homeserver with the rooms `dev` and `ops`, and a bridge whose tokens live for five minutes.
struct Chat {
    sandbox: SandboxHandle,
    bench: Bench,
    /// The file of tokens.
    file: PathBuf,
}

impl Chat {
    fn new() -> Self {
        let bench = Bench::new([]);
        let mut settings = SandboxSettings::new("127.0.0.1:0");
        settings.api = Api::Matrix;
        settings.applications = vec![Application::new(
            "Bridge",
            "bridge",
            Secret::new("key"),
            "company",
        )];
        settings.channels = ["dev", "ops"]
            .map(|name| Channel {
                id: format!("!{name}"),
                name: name.to_owned(),
            })
            .into();
        let server = Sandbox::bind(settings, bench.clock.clone()).unwrap();
        let sandbox = server.handle();
        actix_web::rt::spawn(server.run(CancellationToken::new()));
        let file = bench.folder.path().join("matrix-chat.json");
        Self { sandbox, bench, file }
    }

    /// Logs in; returns an access token and its refresh token.
    async fn log_in(&self) -> [String; 2] {
        let login = json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": "bridge" }, "password": "key",
            "device_id": "TWAKEBRIDGE", "refresh_token": true,
        });
        let path = ["_matrix", "client", "v3", "login"];
        let body = Some(login.to_string().into_bytes());
        let request = Request::json(self.sandbox.url(), "POST", &path, Secret::new(""), body);
        let unknown = ["", ""].map(str::to_owned);
        let account = crate::twake::Account::Matrix(self.account(&unknown));
        let answer = ask(&account, request, SETTINGS.timeout, &self.bench.clock).await;
        let answer: Value = serde_json::from_slice(&answer.unwrap().unwrap().body).unwrap();
        ["access_token", "refresh_token"].map(|key| answer[key].as_str().unwrap().to_owned())
    }

    fn account(&self, [token, refresh]: &[String; 2]) -> Arc<matrix::Account> {
        let credentials = Credentials::Renewable {
            token: Secret::new(token),
            refresh: Secret::new(refresh),
            file: self.file.clone(),
        };
        let url = self.sandbox.url().clone();
        Arc::new(matrix::Account::new(
            "chat".to_owned(),
            url,
            credentials,
            Arc::default(),
        ))
    }

    /// Both rooms, in an account with these tokens, as the configuration gives them.
    fn rooms(&self, tokens: &[String; 2]) -> [(&'static str, crate::twake::Destination); 2] {
        let account = self.account(tokens);
        ["dev", "ops"].map(|name| {
            let destination = matrix::Destination {
                account: Arc::clone(&account),
                channel: name.to_owned(),
                room: Room::parse(&format!("#{name}:sandbox.test")).unwrap(),
                notify: Notify::Critical,
                allow_unencrypted: false,
                rate: None,
                readers: Readers::default(),
                conversations: true,
            };
            (name, destination.into())
        })
    }

    /// Replaces the configuration, as a reload does.
    fn reload(&self, tokens: &[String; 2]) {
        let channels = self
            .rooms(tokens)
            .map(|(name, destination)| (name.into(), destination));
        self.bench.destinations.send_replace(Arc::new(channels.into()));
    }

    async fn deliver(&self, text: &str) -> DeliveryRecord {
        let event = self.bench.enqueue(text, &["dev"]).await;
        self.bench.until_delivered(event).await
    }

    /// The number of calls that were answered so, and whose path ends so.
    fn calls(&self, end: &str, status: u16) -> usize {
        let calls = self.sandbox.all_attempts();
        let is_meant =
            |call: &&crate::sandbox::Attempt| call.request.ends_with(end) && call.status == Some(status);
        calls.iter().filter(is_meant).count()
    }

    fn renewals(&self) -> usize {
        self.calls("/refresh", 200)
    }

    fn texts(&self, room: &str) -> Vec<String> {
        let messages = self.sandbox.messages(room);
        messages
            .iter()
            .map(|message| message.notification().clone())
            .collect()
    }
}

#[actix_web::test]
async fn a_token_that_ends_while_a_thousand_messages_wait_is_renewed_once_for_all_lanes() {
    let mut chat = Chat::new();
    let tokens = chat.log_in().await;
    let mut last = Uuid::nil();
    for number in 0..500 {
        last = chat.bench.enqueue(&number.to_string(), &["dev", "ops"]).await;
    }
    chat.bench.clock.advance(LIFE);
    let rooms = chat.rooms(&tokens);
    chat.bench.start_with(rooms);
    chat.bench.until_delivered(last).await;
    chat.bench.until_ended(1_000).await;
    assert_eq!((chat.renewals(), chat.calls("/refresh", 403)), (1, 0));
    let expected: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(chat.texts("!dev"), expected);
    assert_eq!(chat.texts("!ops"), expected);
    // The file has the tokens, for its owner alone.
    let mode = fs::metadata(&chat.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(&chat.file).unwrap();
    assert!(text.contains("syt_") && text.contains("syr_") && !text.contains(&tokens[0]));

    // The next ones are renewed before their end, so nothing is refused.
    let refused = chat
        .sandbox
        .all_attempts()
        .iter()
        .filter(|call| call.status == Some(401))
        .count();
    for number in 0..3 {
        chat.bench.clock.advance(LIFE / 10 * 9);
        chat.deliver(&format!("later {number}")).await;
        assert_eq!(chat.renewals(), 2 + number);
    }
    let now = chat
        .sandbox
        .all_attempts()
        .iter()
        .filter(|call| call.status == Some(401))
        .count();
    assert_eq!(now, refused);
}

#[actix_web::test]
async fn after_a_reload_the_kept_tokens_are_used_and_newly_configured_ones_take_their_place() {
    let mut chat = Chat::new();
    let tokens = chat.log_in().await;
    let rooms = chat.rooms(&tokens);
    chat.bench.start_with(rooms);
    chat.bench.clock.advance(LIFE);
    chat.deliver("renewed").await;
    let kept = fs::read_to_string(&chat.file).unwrap();
    chat.reload(&tokens);
    chat.deliver("the kept token").await;
    assert_eq!((chat.renewals(), chat.calls("/refresh", 403)), (1, 0));

    let others = chat.log_in().await;
    chat.reload(&others);
    chat.deliver("the new token").await;
    assert_eq!(fs::read_to_string(&chat.file).unwrap(), kept, "no renewal so far");
    chat.bench.clock.advance(LIFE);
    chat.deliver("renewed again").await;
    assert_eq!(chat.renewals(), 2);
    assert_ne!(fs::read_to_string(&chat.file).unwrap(), kept);
}

/// As after a crash between the answer and the write, the refresh token is used again.
#[actix_web::test]
async fn tokens_that_cannot_be_kept_are_not_used_and_halt_the_account() {
    let mut chat = Chat::new();
    let folder = chat.bench.folder.path().join("state");
    chat.file = folder.join("matrix-chat.json");
    let tokens = chat.log_in().await;
    let rooms = chat.rooms(&tokens);
    chat.bench.start_with(rooms);
    chat.bench.clock.advance(LIFE);
    let event = chat.bench.enqueue("waits", &["dev"]).await;
    let waiting = chat.bench.until_attempts(event, 1).await;
    assert_eq!(
        (waiting.state, waiting.reason.as_deref()),
        (State::Waiting, Some("token_not_kept"))
    );
    assert_eq!(chat.bench.halts.all()[0].scope.to_string(), "account chat");
    fs::create_dir(&folder).unwrap();
    chat.bench.clock.advance(Duration::from_secs(120));
    chat.bench.until_delivered(event).await;
    assert_eq!((chat.renewals(), chat.calls("/refresh", 403)), (2, 0));
    assert!(chat.bench.halts.all().is_empty());
}

#[actix_web::test]
async fn a_command_beside_the_bridge_uses_the_kept_token_and_renews_none() {
    let mut chat = Chat::new();
    let tokens = chat.log_in().await;
    let rooms = chat.rooms(&tokens);
    chat.bench.start_with(rooms);
    chat.bench.clock.advance(LIFE);
    chat.deliver("renewed").await;
    let ask = async || {
        let [(_, dev), _] = chat.rooms(&tokens);
        probe(&dev, SETTINGS.timeout, &chat.bench.clock).await.unwrap().0
    };
    assert_eq!(ask().await.kind, VerdictKind::Accepted);
    chat.bench.clock.advance(LIFE);
    let verdict = ask().await;
    assert_eq!(verdict.reason, Reason::TokenExpired);
    assert!(matches!(verdict.kind, VerdictKind::Retry { .. }));
    assert_eq!(chat.renewals(), 1);
}
