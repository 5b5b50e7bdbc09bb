//! The conversations of the built-in kinds: tables of events in the order in which a sender sends them, and what a channel shows.

mod alerts;
mod ci;
mod five_days;
mod forges;
mod github;
mod reviews;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use twake_bridge::config;
use twake_bridge::conversation::{self, Decided, Key, Known, Message, Thread, Turn};
use twake_bridge::decision;
use twake_bridge::message::{Document, StoredMessage, plain};
use twake_bridge::source::Source;
use twake_bridge::twake::{Act, RemoteId};

use crate::kinds;
use crate::recipes::changed;

/// When the first event is received. Each later one is received ten minutes after the one before it.
const FIRST: &str = "2026-11-22T14:05:00Z";
const STEP: SignedDuration = SignedDuration::from_mins(10);

/// Plays events of a kind into a channel. An event is a sample, with changes as in `recipes`. Returns what each shows: for each
/// act its name, the number of its message, and the first line without the addresses of links; or why it is skipped.
pub(crate) fn play(kind: &str, events: &[&str]) -> Vec<String> {
    play_source(&kinds::source(kind, None), kind, events, &mut Channel::default())
}

/// Plays events into a channel of a source that leaves out nothing.
pub(crate) fn play_all(kind: &str, events: &[&str]) -> Vec<String> {
    let source = kinds::source_with(kind, None, "", "calm = false");
    play_source(&source, kind, events, &mut Channel::default())
}

/// Compares what a channel shows with what it should: each event, and the acts that it causes.
pub(crate) fn assert_plays(what: &str, kind: &str, events: &[(&str, &str)]) {
    let sent: Vec<&str> = events.iter().map(|(event, _)| *event).collect();
    let expected: Vec<&str> = events.iter().map(|(_, shown)| *shown).collect();
    assert_eq!(play(kind, &sent), expected, "{kind}: {what}");
}

/// Plays events into a channel. Returns the whole text of each message at the end, without the addresses of links.
pub(crate) fn texts_after(source: &Source, kind: &str, events: &[&str]) -> Vec<String> {
    let mut channel = Channel::default();
    play_source(source, kind, events, &mut channel);
    let shown = channel.shown.into_iter();
    shown.map(|shown| without_addresses(shown.text.trim())).collect()
}

fn play_source(source: &Source, kind: &str, events: &[&str], channel: &mut Channel) -> Vec<String> {
    let (samples, _) = config::samples(kind, None);
    let mut received: Timestamp = FIRST.parse().unwrap();
    let mut shown = Vec::new();
    for event in events {
        let mut event = kinds::event(source, &changed(&samples, event));
        event.envelope.received = received;
        let mut decision = decision::decide(event, source);
        let mut decided = decision.messages.drain(..);
        let decided = decided.find(|message| message.variant.is_none()).unwrap();
        assert_eq!(decided.conversation_failed, None);
        shown.push(match decided.message {
            Some(message) => channel.receive(&message, received),
            None => "no message".to_owned(),
        });
        received = received.checked_add(STEP).unwrap();
    }
    shown
}

/// A channel that carries out what is decided, as a lane and a store do.
#[derive(Default)]
struct Channel {
    threads: BTreeMap<Key, Thread>,
    messages: BTreeMap<Key, Message>,
    /// The messages that it shows. The id of a message is its place in this list, from 1.
    shown: Vec<Shown>,
    /// How often a message was updated.
    updates: usize,
}

/// A message.
struct Shown {
    text: String,
    /// Whether it is a reply that stands in its thread only.
    is_in_thread: bool,
}

impl Channel {
    fn receive(&mut self, message: &StoredMessage, received: Timestamp) -> String {
        let conversation = message.conversation.as_deref();
        let thread_key = conversation.map(conversation::thread_key);
        let slot_key = conversation.and_then(conversation::slot_key);
        let known = Known {
            thread: thread_key.and_then(|key| self.threads.get(&key).cloned()),
            message: slot_key.and_then(|key| self.messages.get(&key).cloned()),
        };
        let turn = Turn {
            destination: "channel",
            received,
            is_replay: false,
            is_superseded: false,
        };
        let mut done = Vec::new();
        let mut shown = Vec::new();
        match conversation::decide(message, &known, &turn) {
            Decided::Skip(skip) => shown.push(skip.code().to_owned()),
            Decided::Act(acts) => {
                for act in acts {
                    let text = conversation::text(message, &act, &known, &turn);
                    let also = matches!(act, Act::Reply(_))
                        && conversation::is_also_in_channel(message, &known, &turn);
                    let (id, what) = self.carry_out(&act, &text, also);
                    let also = if also { " and channel" } else { "" };
                    shown.push(format!("{what}{also}: {}", first_line(&text)));
                    done.push((act, id));
                }
            }
        }
        let changes = conversation::after(message, &known, &turn, &done);
        if let (Some(key), Some(thread)) = (thread_key, changes.thread) {
            self.threads.insert(key, thread);
        }
        if let (Some(key), Some(message)) = (slot_key, changes.message) {
            self.messages.insert(key, message);
        }
        shown.join("\n")
    }

    fn carry_out(&mut self, act: &Act, text: &Document, also_in_channel: bool) -> (RemoteId, String) {
        let text = plain::text(text);
        let next = self.shown.len() + 1;
        let (thread, what) = match act {
            Act::Post => (None, format!("post {next}")),
            Act::Reply(to) => (Some(to.message.clone()), format!("reply to {}", to.message)),
            Act::Update(id) => {
                let place: usize = id.message.parse().unwrap();
                self.shown[place - 1].text = text;
                self.updates += 1;
                return (id.clone(), format!("update {place}"));
            }
        };
        self.shown.push(Shown {
            text,
            is_in_thread: thread.is_some() && !also_in_channel,
        });
        let message = next.to_string();
        (RemoteId { message, thread }, what)
    }
}

/// The first line of a text, without the addresses of its links.
fn first_line(document: &Document) -> String {
    let text = plain::text(document);
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    without_addresses(line)
}

fn without_addresses(text: &str) -> String {
    let mut parts = text.split(" <http");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(part.split_once('>').map_or("", |(_, rest)| rest));
    }
    shown
}
