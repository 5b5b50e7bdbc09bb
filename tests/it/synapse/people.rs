//! Accounts of the homeserver and their rooms, over the client API and Synapse's administration.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use ureq::http;
use url::form_urlencoded::byte_serialize;

use crate::harness::PATIENCE;
use crate::senders::{data, tool};

/// The password of every account.
const PASSWORD: &str = "secret";

/// An account with an access token.
pub(super) struct Person {
    /// The address of its homeserver.
    pub(super) url: String,
    /// `@name:bridge.test`.
    pub(super) id: String,
    pub(super) token: String,
    /// Renews the token; empty: it does not expire.
    pub(super) refresh: String,
}

/// A room, and the person who made it.
#[derive(Clone)]
pub(super) struct Room<'a> {
    owner: &'a Person,
    pub(super) id: String,
}

/// An id as a part of a path.
pub(super) fn encoded(id: &str) -> String {
    byte_serialize(id.as_bytes()).collect()
}

impl Person {
    /// Makes an account with the secret that only the homeserver's administrator knows.
    pub(super) fn register(url: &str, name: &str, admin: bool) -> Self {
        let path = "/_synapse/admin/v1/register";
        let nobody = Self::nobody(url);
        let nonce = nobody.ask("GET", path, &Value::Null);
        let nonce = nonce["nonce"].as_str().unwrap();
        let role = if admin { "admin" } else { "notadmin" };
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"only-for-tests").unwrap();
        mac.update([nonce, name, PASSWORD, role].join("\0").as_bytes());
        let mac = hex::encode(mac.finalize().into_bytes());
        let account =
            json!({ "nonce": nonce, "username": name, "password": PASSWORD, "admin": admin, "mac": mac });
        Self::of(url, &nobody.ask("POST", path, &account))
    }

    /// Logs in with the device `TWAKEBRIDGE`. `expires`: whether the token has to be renewed.
    pub(super) fn log_in(url: &str, name: &str, expires: bool) -> Self {
        let nobody = Self::nobody(url);
        let login = json!({
            "type": "m.login.password", "identifier": { "type": "m.id.user", "user": name },
            "password": PASSWORD, "device_id": "TWAKEBRIDGE", "refresh_token": expires,
        });
        Self::of(url, &nobody.client("POST", "login", &login))
    }

    /// A client without an account.
    fn nobody(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            id: String::new(),
            token: String::new(),
            refresh: String::new(),
        }
    }

    fn of(url: &str, login: &Value) -> Self {
        let text = |key: &str| login[key].as_str().unwrap().to_owned();
        Self {
            url: url.to_owned(),
            id: text("user_id"),
            token: text("access_token"),
            refresh: login["refresh_token"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The response to a request, which succeeds.
    pub(super) fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent();
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("content-type", "application/json");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let response = if body.is_null() {
            agent.run(request.body(()).unwrap())
        } else {
            agent.run(request.body(body.to_string()).unwrap())
        };
        let mut response = response.unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        assert_eq!(response.status().as_u16(), 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The same for a path of the client API.
    pub(super) fn client(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, &format!("/_matrix/client/v3/{path}"), body)
    }

    /// A room of this version that nobody joins without an invitation.
    pub(super) fn private_room(&self, version: &str) -> Room<'_> {
        self.room(&json!({ "room_version": version, "preset": "private_chat" }))
    }

    /// A room of this version that everybody may join.
    pub(super) fn public_room(&self, version: &str) -> Room<'_> {
        self.room(&json!({ "room_version": version, "preset": "public_chat" }))
    }

    /// A private room with the alias `#{alias}:bridge.test`.
    pub(super) fn room_with_alias(&self, version: &str, alias: &str) -> Room<'_> {
        self.room(&json!({ "room_version": version, "preset": "private_chat", "room_alias_name": alias }))
    }

    /// A room with these properties.
    pub(super) fn room(&self, properties: &Value) -> Room<'_> {
        let made = self.client("POST", "createRoom", properties);
        let id = made["room_id"].as_str().unwrap().to_owned();
        Room { owner: self, id }
    }

    pub(super) fn join(&self, room: &Room<'_>) {
        self.client("POST", &format!("join/{}", encoded(&room.id)), &json!({}));
    }
}

impl<'a> Room<'a> {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("rooms/{}/{path}", encoded(&self.id));
        self.owner.client(method, &path, body)
    }

    /// `action`: `invite`, `kick`, `ban` or `unban`.
    pub(super) fn member(&self, action: &str, person: &Person) {
        self.ask("POST", action, &json!({ "user_id": person.id }));
    }

    /// Invites an account, which joins.
    pub(super) fn admit(&self, person: &Person) {
        self.member("invite", person);
        person.join(self);
    }

    /// Sets the power that a member needs to post a message.
    pub(super) fn require_power(&self, power: u32) {
        let mut levels = self.state("m.room.power_levels");
        levels["events_default"] = power.into();
        self.set_state("m.room.power_levels", &levels);
    }

    /// Sets a member's power.
    pub(super) fn set_power(&self, person: &Person, power: u32) {
        let mut levels = self.state("m.room.power_levels");
        levels["users"][&person.id] = power.into();
        self.set_state("m.room.power_levels", &levels);
    }

    fn state(&self, kind: &str) -> Value {
        self.ask("GET", &format!("state/{kind}/"), &Value::Null)
    }

    fn set_state(&self, kind: &str, content: &Value) {
        self.ask("PUT", &format!("state/{kind}/"), content);
    }

    /// Encrypts the room. Nobody can undo this.
    pub(super) fn encrypt(&self) {
        self.set_state(
            "m.room.encryption",
            &json!({ "algorithm": "m.megolm.v1.aes-sha2" }),
        );
    }

    /// Replaces the room by one of this version, which gets its aliases.
    pub(super) fn upgrade(&self, version: &str) -> Room<'a> {
        self.ask("POST", "upgrade", &json!({ "new_version": version }));
        self.replacement()
    }

    /// The room that has replaced this one.
    pub(super) fn replacement(&self) -> Room<'a> {
        let tombstone = self.state("m.room.tombstone");
        let id = tombstone["replacement_room"].as_str().unwrap().to_owned();
        let owner = self.owner;
        Room { owner, id }
    }

    pub(super) fn redact(&self, event: &str) {
        let path = format!("redact/{}/redaction", encoded(event));
        self.ask("PUT", &path, &json!({}));
    }

    /// A message as the homeserver keeps it, with its relations.
    pub(super) fn event(&self, event: &str) -> Value {
        self.ask("GET", &format!("event/{}", encoded(event)), &Value::Null)
    }

    /// Every message, oldest first, edits included.
    pub(super) fn messages(&self) -> Vec<Value> {
        let filter = encoded(&json!({ "types": ["m.room.message"] }).to_string());
        let (mut messages, mut from) = (Vec::new(), String::new());
        loop {
            let path = format!("messages?dir=f&limit=500&filter={filter}{from}");
            let mut page = self.ask("GET", &path, &Value::Null);
            match page["chunk"].take() {
                Value::Array(chunk) if !chunk.is_empty() => messages.extend(chunk),
                _ => return messages,
            }
            let Some(end) = page["end"].as_str() else {
                return messages;
            };
            from = format!("&from={}", encoded(end));
        }
    }

    /// The texts of all messages, oldest first.
    pub(super) fn texts(&self) -> Vec<String> {
        let messages = self.messages();
        let text = |message: &Value| message["content"]["body"].as_str().unwrap_or_default().to_owned();
        messages.iter().map(text).collect()
    }

    /// Every message, oldest first, as matrix-nio reads it.
    pub(super) fn read_by_nio(&self) -> Vec<Value> {
        let mut command = Command::new(tool("synapse/bin/python"));
        command
            .arg(data("homeserver/read.py"))
            .args([&self.owner.url, &self.owner.id, &self.id])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut reader = command.spawn().unwrap();
        let mut input = reader.stdin.take().unwrap();
        input.write_all(self.owner.token.as_bytes()).unwrap();
        drop(input);
        let output = reader.wait_with_output().unwrap();
        assert!(output.status.success(), "matrix-nio cannot read the room");
        let lines = String::from_utf8(output.stdout).unwrap();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}
