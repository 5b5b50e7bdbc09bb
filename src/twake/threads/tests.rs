use super::*;
use crate::message::{Appearance, Block, Document, Inline, StoredMessage};
use crate::secret::Secret;
use crate::twake::http::{Answer, TransportFault};
use crate::twake::tests::{FEW_TIMES, RETRY, failed, id, response};
use crate::twake::{self, Act, Api, Extent, HaltScope, Outbound, Reason, Step, Task, Verdict, VerdictKind};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

mod answers;
mod content;
mod walks;

/// The opener and the reply of the recorded exchanges.
const OPENER: &str = "d1509290-eb22-11f1-8544-ef27208421cb";
const REPLY: &str = "d1637e50-eb22-11f1-8544-ef27208421cb";

const LOGIN: &str = "POST console/v1/login";
const CHANNEL: &str = "GET CHANNEL";
const POST: &str = "POST THREADS";

fn destination() -> Destination {
    let account = Account::new(
        "old".to_owned(),
        "https://twake.test/chat".parse().unwrap(),
        "APPLICATION".to_owned(),
        Secret::new("private-key"),
        Arc::new(Outbound::default()),
    );
    Destination {
        account: Arc::new(account),
        channel: "dev".to_owned(),
        group_id: "COMPANY".to_owned(),
        workspace_id: "WORKSPACE".to_owned(),
        channel_id: "CHANNEL".to_owned(),
        rate: None,
        readers: crate::message::Readers::default(),
        conversations: true,
    }
}

fn hello() -> StoredMessage {
    StoredMessage::new(twake::tests::hello())
}

fn recorded(name: &str) -> Answer {
    twake::tests::recorded("threads", name)
}

/// Recorded answers by name.
fn all(names: &[&str]) -> Vec<Answer> {
    names.iter().map(|name| recorded(name)).collect()
}

/// What was asked, with short names of the paths; the bodies; and the verdict.
fn drive(task: Task<'_>, now: Duration, answers: &[Answer]) -> (Vec<String>, Vec<Value>, Verdict) {
    let base = "https://twake.test/chat/api/";
    let (asked, bodies, verdict) = twake::tests::drive(task, now, base, answers);
    let short = |line: &String| {
        line.replace("messages/v1/companies/COMPANY/threads", "THREADS")
            .replace(
                "messages/v1/companies/COMPANY/workspaces/WORKSPACE/channels/CHANNEL/feed",
                "FEED",
            )
            .replace(
                "channels/v1/companies/COMPANY/workspaces/WORKSPACE/channels/CHANNEL",
                "CHANNEL",
            )
            .replace("limit=25&direction=history", "PAGE")
            .replace(OPENER, "OPENER")
            .replace(REPLY, "REPLY")
    };
    (asked.iter().map(short).collect(), bodies, verdict)
}

/// Attempts a delivery in a new session. `doubtful`: an earlier attempt may have reached Twake.
fn attempt(act: Act, doubtful: bool, answers: &[Answer]) -> (Vec<String>, Vec<Value>, Verdict) {
    let (destination, message) = (destination().into(), hello());
    let job = Job {
        act,
        may_be_duplicate: doubtful,
        ..Job::post(Uuid::nil(), 1, &destination, &message)
    };
    drive(Task::Deliver(job), Duration::ZERO, answers)
}

/// A first post: a login and the channel, then these answers.
fn first_post(answers: &[Answer]) -> (Vec<String>, Verdict) {
    let answers = [all(&["01", "70"]), answers.to_vec()].concat();
    let (asked, _, verdict) = attempt(Act::Post, false, &answers);
    (asked, verdict)
}

fn probe(answers: &[Answer]) -> Verdict {
    drive(Task::Probe(&destination().into()), Duration::ZERO, answers).2
}

fn halt(extent: Extent) -> VerdictKind {
    VerdictKind::Halt(match extent {
        Extent::Channel => HaltScope::part("old", "channel dev".to_owned()),
        Extent::Company => HaltScope::part("old", "company COMPANY".to_owned()),
        Extent::Account => HaltScope::account("old"),
    })
}
