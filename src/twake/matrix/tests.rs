use super::*;
use crate::message::{Block, Document, Inline, Readers, StoredMessage};
use crate::secret::Secret;
use crate::twake::http::{Answer, Response, TransportFault};
use crate::twake::tests::{FEW_TIMES, RETRY, failed, id, response};
use crate::twake::{
    self, Act, Api, Extent, HaltScope, Outbound, Reason, RemoteId, Step, Task, Verdict, VerdictKind,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use uuid::Uuid;

mod answers;
mod content;
mod renewal;
mod replaced;
mod rooms;
mod walks;

const ALIAS: &str = "#dev66508:bridge.test";
const ROOM: &str = "!qAYK6iUEt7Oc3yf19UZOgnOhNirod5boAT2v1oKvA9U";
const TOKEN: &str = "syt_YnJpZGdl_secret";
/// The answers to the questions before the first message in a room of an alias.
const FIRST: [&str; 4] = ["a004", "a012", "a088", "a088"];
/// The first and the second of these questions as they are shown in a walk.
const WHOAMI: &str = "GET account/whoami";

fn account(credentials: Credentials) -> Arc<Account> {
    let url: Url = "https://matrix.bridge.test".parse().unwrap();
    Arc::new(Account::new(
        "chat".to_owned(),
        url,
        credentials,
        Arc::new(Outbound::default()),
    ))
}

fn destination(room: &str) -> Destination {
    Destination {
        account: account(Credentials::AccessToken(Secret::new(TOKEN))),
        channel: "dev".to_owned(),
        room: Room::parse(room).unwrap(),
        notify: Notify::Critical,
        allow_unencrypted: false,
        rate: None,
        readers: Readers::default(),
        conversations: true,
    }
}

fn hello() -> StoredMessage {
    StoredMessage::new(twake::tests::hello())
}

fn recorded(name: &str) -> Answer {
    twake::tests::recorded("matrix", name)
}

/// Recorded answers by name.
fn all(names: &[&str]) -> Vec<Answer> {
    names.iter().map(|name| recorded(name)).collect()
}

/// What was asked, in the order of the requests, such as `GET directory/room/%23…`; and the verdict. The answers are used in
/// turn; each has to be.
fn drive(task: Task<'_>, now: Duration, answers: &[Answer]) -> (Vec<String>, Vec<Value>, Verdict) {
    let base = "https://matrix.bridge.test/_matrix/client/v3/";
    let (mut asked, bodies, verdict) = twake::tests::drive(task, now, base, answers);
    for line in &mut asked {
        // The transaction id is a hash.
        let end = line.find("/m.room.message/").unwrap_or(line.len());
        line.truncate(end);
    }
    (asked, bodies, verdict)
}

/// A path as it is asked for.
fn path(of: &str) -> String {
    of.replace("ALIAS", "%23dev66508%3Abridge.test")
        .replace("NEW", "%21noiWZcyamFrDNBwgyw%3Abridge.test")
        .replace("ROOM", "%21qAYK6iUEt7Oc3yf19UZOgnOhNirod5boAT2v1oKvA9U")
        .replace("TOMBSTONE", "state/m.room.tombstone/")
        .replace("ENCRYPTION", "state/m.room.encryption/")
        .replace("POWER", "state/m.room.power_levels/")
}

#[track_caller]
fn assert_asked(asked: &[String], expected: &[&str]) {
    let expected: Vec<String> = expected.iter().map(|line| path(line)).collect();
    assert_eq!(asked, expected);
}

/// Attempts a delivery.
fn attempt(destination: &Destination, act: Act, answers: &[Answer]) -> (Vec<String>, Vec<Value>, Verdict) {
    let (destination, message) = (destination.clone().into(), hello());
    let job = Job {
        act,
        ..Job::post(Uuid::nil(), 1, &destination, &message)
    };
    drive(Task::Deliver(job), Duration::ZERO, answers)
}

/// Attempts a first post to an alias: the answers to its questions, then these.
fn first_post(answers: &[Answer]) -> (Vec<String>, Verdict) {
    let answers = [all(&FIRST), answers.to_vec()].concat();
    let (asked, _, verdict) = attempt(&destination(ALIAS), Act::Post, &answers);
    (asked, verdict)
}

fn probe(destination: &Destination, answers: &[Answer]) -> Verdict {
    drive(Task::Probe(&destination.clone().into()), Duration::ZERO, answers).2
}

fn halt(extent: Extent) -> VerdictKind {
    VerdictKind::Halt(match extent {
        Extent::Channel => HaltScope::part("chat", "channel dev".to_owned()),
        _ => HaltScope::account("chat"),
    })
}
