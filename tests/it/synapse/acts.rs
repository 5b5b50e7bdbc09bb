//! Posts, replies and updates from a job to the homeserver, read back as clients see them.

use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use uuid::Uuid;

use super::Homeserver;
use super::people::{Person, Room};
use crate::conversations::{BOTH, HISTORY, conversation, message, new_event, run};
use crate::harness::in_time;
use twake_bridge::clock::Clock;
use twake_bridge::delivery;
use twake_bridge::message::{Block, Conversation, Document, Inline, Readers, Slot, StoredMessage};
use twake_bridge::queue::Queue;
use twake_bridge::secret::Secret;
use twake_bridge::twake::matrix::{self, Account, Credentials, Notify};
use twake_bridge::twake::{Act, Destination, Job, RemoteId, Verdict, VerdictKind};

/// A room, and jobs for it.
struct Chat<'a> {
    room: Room<'a>,
    destination: Destination,
}

impl<'a> Chat<'a> {
    fn new(bot: &Person, room: &Room<'a>) -> Self {
        let account = Account::new(
            "main".to_owned(),
            Url::parse(&bot.url).unwrap(),
            Credentials::AccessToken(Secret::new(&bot.token)),
            Arc::default(),
        );
        let destination = Destination::Matrix(matrix::Destination {
            account: Arc::new(account),
            channel: "dev".to_owned(),
            room: matrix::Room::parse(&room.id).unwrap(),
            notify: Notify::Never,
            allow_unencrypted: false,
            rate: None,
            readers: Readers::default(),
            conversations: true,
        });
        let room = room.clone();
        Self { room, destination }
    }

    async fn attempt(&self, text: &str, act: Act) -> Verdict {
        let paragraph = Block::Paragraph(vec![Inline::Text(text.to_owned())]);
        let message = StoredMessage::new(Document {
            blocks: vec![paragraph],
        });
        let job = Job {
            act,
            ..Job::post(Uuid::now_v7(), 1, &self.destination, &message)
        };
        delivery::deliver(job, Duration::from_secs(30), &Clock::system())
            .await
            .unwrap()
    }

    /// Delivers; the id of the message.
    async fn deliver(&self, text: &str, act: Act) -> RemoteId {
        match self.attempt(text, act).await {
            Verdict {
                kind: VerdictKind::Delivered(id),
                ..
            } => id,
            other => panic!("{text:.50}: {other:?}"),
        }
    }
}

/// What clients show of a message: its newest edit, or else what it was first.
fn shown(event: &Value) -> &str {
    let edit = event.pointer("/unsigned/m.relations/m.replace/content/m.new_content/body");
    let text = edit.or_else(|| event.pointer("/content/body"));
    text.and_then(Value::as_str).unwrap()
}

/// Whether an event stands in the thread of another one.
fn is_reply(event: &Value, opener: &str, to: &str) -> bool {
    let relation = &event["content"]["m.relates_to"];
    relation["rel_type"] == "m.thread"
        && relation["event_id"] == opener
        && relation["is_falling_back"] == true
        && relation["m.in_reply_to"]["event_id"] == to
}

#[actix_web::test]
async fn replies_stand_in_the_thread_of_the_opener_and_updates_replace_messages() {
    let homeserver = Homeserver::shared();
    let chat = Chat::new(&homeserver.bot(), &homeserver.admin.public_room("12"));
    let opener = chat.deliver("opened", Act::Post).await;
    let reply = chat.deliver("built", Act::Reply(opener.clone())).await;
    assert_eq!(reply.thread.as_ref(), Some(&opener.message));
    // A reply to a reply stands in the same thread. From the store the id comes back whole.
    let stored = RemoteId::from_stored(&reply.to_stored());
    let second = chat.deliver("tested", Act::Reply(stored.clone())).await;
    for (update, of) in [
        ("merging", &opener),
        ("merged", &opener),
        ("built again", &stored),
    ] {
        let updated = chat.deliver(update, Act::Update(of.clone())).await;
        assert_eq!(updated, *of, "later updates are of the first message");
    }

    let event = |id: &RemoteId| chat.room.event(&id.message);
    let (opened, built, tested) = (event(&opener), event(&reply), event(&second));
    assert_eq!(shown(&opened), "merged");
    assert_eq!(
        opened["unsigned"]["m.relations"]["m.thread"]["count"], 2,
        "{opened}"
    );
    assert!(is_reply(&built, &opener.message, &opener.message), "{built}");
    assert_eq!(shown(&built), "built again");
    assert!(is_reply(&tested, &opener.message, &reply.message), "{tested}");
    assert_eq!(shown(&tested), "tested");

    // A client that knows no edits shows them as messages.
    let read = chat.room.read_by_nio();
    let texts: Vec<&str> = read
        .iter()
        .map(|message| message["body"].as_str().unwrap())
        .collect();
    let expected = [
        "opened",
        "built",
        "tested",
        "* merging",
        "* merged",
        "* built again",
    ];
    assert_eq!(texts, expected);
}

/// From the store through a lane, as the bridge posts it.
#[actix_web::test]
async fn a_conversation_is_an_updated_opener_with_a_thread() {
    let homeserver = Homeserver::shared();
    let chat = Chat::new(&homeserver.bot(), &homeserver.admin.public_room("12"));
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::system());
    let address = format!("sqlite:{}", folder.path().join("queue.db").display());
    let (queue, _thread) = Queue::open(&address, HISTORY, clock.clone()).unwrap();
    let ends = Conversation {
        slot: Some(Slot::Opener),
        unchanged: BOTH,
        ..conversation("a key", "ended")
    };
    let mut last = Uuid::nil();
    for (name, conversation) in [
        ("opened", conversation("a key", "opened")),
        ("built", conversation("a key", "built")),
        ("ended", ends),
    ] {
        let event = new_event(&clock, message(name, conversation));
        last = event.envelope.id;
        queue.enqueue(event).await.unwrap();
    }
    let (stop, running) = run(&queue, &chat.destination, &clock);
    let mut changes = queue.changes();
    let delivered = async {
        loop {
            changes.borrow_and_update();
            let record = queue.event(last).await.unwrap().unwrap();
            if let Some(id) = &record.deliveries[0].twake_id {
                return RemoteId::from_stored(id);
            }
            changes.changed().await.unwrap();
        }
    };
    let reply = in_time("the last delivery", delivered).await;
    stop.cancel();
    running.await.unwrap();
    let opener = chat.room.event(reply.thread.as_ref().unwrap());
    assert_eq!(shown(&opener), "ended.update");
    assert_eq!(
        opener["unsigned"]["m.relations"]["m.thread"]["count"], 2,
        "{opener}"
    );
    let read: Vec<Value> = chat.room.read_by_nio();
    let texts: Vec<&str> = read
        .iter()
        .map(|message| message["body"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["opened", "built.reply", "* ended.update", "ended.reply"]);
}

#[actix_web::test]
async fn a_target_that_is_deleted_elsewhere_or_somebody_elses_is_gone() {
    let homeserver = Homeserver::shared();
    let (bot, somebody) = (homeserver.bot(), homeserver.bot());
    let (room, another) = (
        homeserver.admin.public_room("12"),
        homeserver.admin.public_room("12"),
    );
    let chat = Chat::new(&bot, &room);
    let deleted = chat.deliver("deleted", Act::Post).await;
    chat.room.redact(&deleted.message);
    let in_another_room = Chat::new(&bot, &another)
        .deliver("in another room", Act::Post)
        .await;
    let unknown = RemoteId {
        message: "$unknown".to_owned(),
        thread: None,
    };
    for target in [deleted, in_another_room, unknown] {
        for act in [Act::Reply(target.clone()), Act::Update(target.clone())] {
            let verdict = chat.attempt("news", act).await;
            assert_eq!(verdict.kind, VerdictKind::TargetGone);
        }
    }
    // Clients ignore an edit of somebody else's message.
    let theirs = Chat::new(&somebody, &room).deliver("theirs", Act::Post).await;
    let verdict = chat.attempt("ours", Act::Update(theirs.clone())).await;
    assert_eq!(verdict.kind, VerdictKind::TargetGone);
    assert_eq!(shown(&room.event(&theirs.message)), "theirs");
}

#[actix_web::test]
async fn a_message_of_any_size_is_taken() {
    let homeserver = Homeserver::shared();
    let chat = Chat::new(&homeserver.bot(), &homeserver.admin.public_room("12"));
    for text in ["x", "é", "\"", "\n", "<&>", "\u{1F980}"] {
        let long = format!("{}.", text.repeat(70_000));
        let posted = chat.deliver(&long, Act::Post).await;
        chat.deliver(&long, Act::Reply(posted.clone())).await;
        chat.deliver(&long, Act::Update(posted.clone())).await;
        let event = chat.room.event(&posted.message);
        assert!(shown(&event).len() > 1_000 || text == "\n", "{text:?}: {event}");
    }
}
