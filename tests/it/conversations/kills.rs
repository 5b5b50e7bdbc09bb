//! The real binary with random conversations, killed with SIGKILL while it posts, replies and updates: between the opener and
//! its replies, and between an edit and its settlement. Afterwards the store and the chat agree about every message.
//!
//! `CRASH_KILLS` sets the number of kills for each chat (5); `CRASH_SEED` repeats the random choices of a run.

use std::fs;

use super::*;
use crate::harness::wished;
use crate::program::{Served, serve};
use twake_bridge::message::Version;
use twake_bridge::queue::Done;
use twake_bridge::sandbox::SandboxMessage;
use twake_bridge::twake::RemoteId;

/// Events for each kill.
const EVENTS: u32 = 20;

/// An event as it was sent.
struct Sent {
    id: Uuid,
    name: String,
    conversation: Conversation,
}

/// A message that the store says is there.
struct Posted {
    key: String,
    parent: Option<String>,
    text: String,
    /// The number of the event that it shows.
    shown: usize,
}

#[actix_web::test]
async fn after_kills_the_store_and_the_chat_agree_about_every_conversation() {
    let kills = wished("CRASH_KILLS", 5);
    let seed = wished("CRASH_SEED", fastrand::u32(..));
    eprintln!("CRASH_KILLS={kills} CRASH_SEED={seed}");
    for chat in [(Api::MessagesSave, Era::A2021), (Api::Matrix, Era::B)] {
        let mut random = fastrand::Rng::with_seed(seed.into());
        let (sandbox, end) = start_chat(chat.0, chat.1);
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let config = write_config(&folder, chat.0, &sandbox);
        let sent = fill(&store, kills * EVENTS + 20, &mut random).await;

        let dev = channel(chat.0, "dev");
        let start = || serve(&config, &store, "127.0.0.1:0");
        for _ in 0..kills {
            let more = random.usize(1..=6);
            let made = |attempts: &[twake_bridge::sandbox::Attempt]| {
                attempts.iter().filter(|attempt| attempt.id.is_some()).count()
            };
            let until = made(&sandbox.attempts(&dev)) + more;
            let mut served = Served::spawn(start());
            let enough = sandbox.wait_for_attempts(&dev, |all| made(all) >= until);
            in_time("calls", enough).await;
            served.signal("KILL");
            served.end();
        }
        let mut served = Served::spawn(start());
        let is_last =
            |all: &[SandboxMessage]| all.last().is_some_and(|last| last.notification() == "the last");
        in_time("the last message", sandbox.wait_for(&dev, is_last)).await;
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);

        let extra = examine(&store, &sent, &sandbox.messages(&dev)).await;
        eprintln!("{chat:?}: {} events, {extra} messages posted twice", sent.len());
        let most = if chat.0 == Api::Matrix {
            0
        } else {
            2 * kills as usize
        };
        assert!(extra <= most, "{chat:?}: {extra}");
        end.graceful.cancel();
    }
}

fn write_config(folder: &TempDir, api: Api, sandbox: &SandboxHandle) -> std::path::PathBuf {
    fs::write(folder.path().join("key"), "private").unwrap();
    let account = if api == Api::Matrix {
        "api = \"matrix\"\naccess_token = { file = \"key\" }"
    } else {
        "public_id = \"public\"\nprivate_api_key = { file = \"key\" }\ngroup_id = \"company\""
    };
    let dev = if api == Api::Matrix {
        "#dev:sandbox.test"
    } else {
        "ch-dev"
    };
    let url = sandbox.url();
    let text = format!(
        "[twake.chat]\nurl = \"{url}\"\n{account}\n[channels]\ndev = \"{dev}\"\n[sources.script]\nkind = \"generic\"\n\
         secrets = [{{ file = \"key\" }}]\nchannels = [\"dev\"]\n[delivery]\ndigest_above = 0\nrate = \"1000000/s\"\n"
    );
    let path = folder.path().join("bridge.toml");
    fs::write(&path, text).unwrap();
    path
}

/// Fills a store with events of three conversations, and one event of none at the end.
async fn fill(store: &str, count: u32, random: &mut fastrand::Rng) -> Vec<Sent> {
    let clock = Clock::manual(Clock::system().now());
    let (queue, thread) = Queue::open(store, HISTORY, clock.clone()).unwrap();
    let mut sent = Vec::new();
    for number in 0..count {
        clock.advance(Duration::from_millis(1));
        let name = format!("event {number}");
        let conversation = random_conversation(&name, random);
        let event = new_event(&clock, message(&name, conversation.clone()));
        sent.push(Sent {
            id: event.envelope.id,
            name,
            conversation,
        });
        queue.enqueue(event).await.unwrap();
    }
    let last = new_event(&clock, StoredMessage::new(text("the last", None)));
    queue.enqueue(last).await.unwrap();
    drop(queue);
    assert!(thread.close());
    sent
}

fn random_conversation(name: &str, random: &mut fastrand::Rng) -> Conversation {
    let slot = match random.u8(..4) {
        0 => None,
        1 => Some(slot("review")),
        _ => Some(Slot::Opener),
    };
    let follow_up = |random: &mut fastrand::Rng| [REPLY, UPDATE, BOTH][random.usize(..3)];
    Conversation {
        slot,
        unchanged: follow_up(random),
        changed: follow_up(random),
        opens: random.u8(..8) != 0,
        closes: random.u8(..8) == 0,
        state: random.bool().then(|| random.u8(..3).to_string()),
        version: random.bool().then(|| Version::Number(random.u8(..20).into())),
        ..conversation(&format!("key {}", random.u8(..3)), name)
    }
}

/// Compares what the store says of every event with the messages of the chat. Returns how many messages the store does not
/// know: those that were posted twice.
async fn examine(store: &str, sent: &[Sent], chat: &[SandboxMessage]) -> usize {
    let (queue, thread) = Queue::open(store, HISTORY, Clock::system()).unwrap();
    let mut posted: BTreeMap<String, Posted> = BTreeMap::new();
    // The message of the slot by its opener: there is one slot.
    let mut slots: BTreeMap<Option<String>, String> = BTreeMap::new();
    for (number, event) in sent.iter().enumerate() {
        let mut record = queue.event(event.id).await.unwrap().unwrap();
        let delivery = record.deliveries.pop().unwrap();
        if delivery.state == State::Skipped {
            assert!(
                delivery
                    .carried_by
                    .is_none_or(|by| sent[number + 1..].iter().any(|it| it.id == by))
            );
            continue;
        }
        assert_eq!(delivery.state, State::Delivered, "{}: {delivery:?}", event.name);
        let id = RemoteId::from_stored(delivery.twake_id.as_deref().unwrap());
        let is_update = delivery.done == Some(Done::Update);
        if let Some(opener) = &id.thread
            && !is_update
        {
            assert_eq!(
                posted[opener].key, event.conversation.key,
                "a thread mixes conversations"
            );
        }
        // With a reply, the store keeps the id of that.
        let updated = match delivery.done.unwrap() {
            Done::Update => Some(id.message.clone()),
            Done::UpdateAndReply => match event.conversation.slot.as_ref().unwrap() {
                Slot::Opener => id.thread.clone(),
                Slot::Key(_) => slots.get(&id.thread).cloned(),
            },
            Done::Post | Done::Reply => None,
        };
        if let Some(target) = updated {
            let target = posted.get_mut(&target).unwrap();
            assert_eq!(
                target.key, event.conversation.key,
                "an update of another conversation"
            );
            let before = &sent[target.shown].conversation.version;
            let is_older = event
                .conversation
                .version
                .partial_cmp(before)
                .is_some_and(std::cmp::Ordering::is_lt);
            let both = event.conversation.version.is_some() && before.is_some();
            assert!(!(both && is_older), "{} shows what is older", event.name);
            (target.text, target.shown) = (format!("{}.update", event.name), number);
        }
        if !is_update {
            let suffix = if delivery.done == Some(Done::Post) {
                ""
            } else {
                ".reply"
            };
            let new = Posted {
                key: event.conversation.key.clone(),
                parent: id.thread,
                text: format!("{}{suffix}", event.name),
                shown: number,
            };
            if matches!(event.conversation.slot, Some(Slot::Key(_))) {
                let opener = new.parent.clone().unwrap_or_else(|| id.message.clone());
                slots.entry(Some(opener)).or_insert_with(|| id.message.clone());
            }
            posted.insert(id.message, new);
        }
    }
    drop(queue);
    assert!(thread.close());
    for (id, posted) in &posted {
        let there = chat.iter().find(|message| message.id == *id).unwrap();
        assert_eq!(there.notification(), posted.text);
        assert_eq!(
            there.parent,
            posted.parent.clone().unwrap_or_default(),
            "{}",
            posted.text
        );
    }
    // And the last message.
    chat.len() - posted.len() - 1
}
