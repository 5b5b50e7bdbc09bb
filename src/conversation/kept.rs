//! What the store keeps of a conversation.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Key, hash};
use crate::message::{Document, Item, Version};
use crate::twake::RemoteId;

/// What the store keeps of a conversation in one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// The destination of the channel. In another destination the conversation has no opener.
    pub destination: String,
    /// Its first message.
    pub opener: RemoteId,
    /// When its first event was received.
    pub began: Timestamp,
    /// How many events that may open it it has had.
    pub count: u64,
    /// Whether the next event opens a new conversation.
    pub closed: bool,
    /// Its state; empty if it has none.
    #[serde(default)]
    pub state: String,
    /// How severe its newest event is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// Facts of the first event.
    #[serde(default)]
    pub first: BTreeMap<String, String>,
    /// When conversations with its key have opened within `AGAIN` before it, and when it opened.
    #[serde(default)]
    pub openings: Openings,
    /// The newest event that it has had.
    pub newest: Order,
    /// The event that its first message shows.
    pub shown: Order,
}

impl Thread {
    /// Whether a message for this destination can follow it.
    pub fn is_open(&self, destination: &str) -> bool {
        !self.closed && self.destination == destination
    }
}

/// What the store keeps of a message in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The opener of its conversation. Another opener has no such message.
    pub opener: RemoteId,
    /// The message.
    pub id: RemoteId,
    /// The event that it shows.
    pub shown: Order,
    /// The text that it shows, if that lists its items. The values of the conversation are not in it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Document>,
    /// What its events have added.
    #[serde(default, skip_serializing_if = "Items::is_empty")]
    pub items: Items,
}

/// Where an event stands in the order of its conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// By the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// By arrival.
    pub received: Timestamp,
}

impl Order {
    /// Whether an event is older than what is shown.
    pub(super) fn is_before(&self, shown: &Self) -> bool {
        let by_sender = self.by_sender(shown);
        by_sender.unwrap_or_else(|| self.received.cmp(&shown.received)) == Ordering::Less
    }

    /// The order of the sender. `None`: it gave none, or one of another form.
    pub(super) fn by_sender(&self, other: &Self) -> Option<Ordering> {
        let (one, other) = self.version.as_ref().zip(other.version.as_ref())?;
        one.partial_cmp(other)
    }
}

/// The most items whose texts are kept and shown.
pub(super) const ITEMS: usize = 20;

/// The most items whose keys are kept. Later ones are counted each time.
const ITEM_KEYS: usize = 200;

/// The items of a message, in the order of their arrival.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Items {
    /// The start of the hash of each key.
    keys: Vec<u64>,
    /// The texts of the first `ITEMS`.
    pub texts: Vec<Document>,
    /// How many items there are.
    pub count: u64,
    /// How many of them have a text that is not kept.
    pub more: u64,
}

impl Items {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is an item with this key.
    pub(super) fn has(&self, item: &Item) -> bool {
        self.keys.contains(&short_hash(&item.key))
    }

    /// These, with another one. An item with a key that is known changes nothing.
    #[must_use]
    pub(super) fn with(&self, item: Option<&Item>) -> Self {
        let mut items = self.clone();
        let Some(item) = item.filter(|item| !items.has(item)) else {
            return items;
        };
        if items.keys.len() < ITEM_KEYS {
            items.keys.push(short_hash(&item.key));
        }
        items.count = items.count.saturating_add(1);
        if item.text.is_empty() {
            return items;
        }
        if items.texts.len() < ITEMS {
            items.texts.push(item.text.clone());
        } else {
            items.more = items.more.saturating_add(1);
        }
        items
    }
}

fn short_hash(key: &str) -> u64 {
    let mut start = [0; 8];
    let key: Key = hash(&["item", key]);
    start.copy_from_slice(&key[..8]);
    u64::from_be_bytes(start)
}

/// The time in which openings of conversations with the same key are counted.
pub(super) const AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// The most openings that are kept.
pub(super) const OPENINGS: usize = 100;

/// When conversations with one key have opened, each after the one before it was closed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Openings(Vec<Timestamp>);

impl Openings {
    /// Those within `AGAIN` before a time, and that time.
    #[must_use]
    pub(super) fn then(&self, now: Timestamp) -> Self {
        let is_recent = |at: &&Timestamp| now.duration_since(**at) < AGAIN;
        let mut recent: Vec<Timestamp> = self.0.iter().filter(is_recent).copied().collect();
        recent.push(now);
        recent.drain(..recent.len().saturating_sub(OPENINGS));
        Self(recent)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}
