//! The claim of a lane, and the settlement of an attempt under it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

use crate::conversation::{Changes, Key, Known, Thread};
use crate::message::{StoredMessage, Urgency};

/// The number of a delivery in its store. The deliveries of a lane are attempted in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

impl std::fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The dispatcher that claims a lane. Each run of a bridge is another owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub Uuid);

/// How long a settlement takes at most, if the store works.
pub const SETTLING: Duration = Duration::from_secs(5);

/// Orders the claims of one lane by different owners: a later owner has a higher fence. A settlement carries the fence of
/// its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub(super) i64);

/// The right to attempt the head of a lane, until another owner claims the lane.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The settlement of the attempt carries it.
    pub fence: Fence,
    /// How long the lane is held without a renewal.
    pub lease: Lease,
    /// The delivery to attempt.
    pub head: Head,
}

/// Until when a lane is held. Another owner may claim it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease(Option<Duration>);

impl Lease {
    /// No other process can claim the lane.
    pub const ENDLESS: Self = Self(None);

    /// A lease that ends at a time of the monotonic clock.
    pub(super) fn until(end: Duration) -> Self {
        Self(Some(end))
    }

    /// Whether the lane is held for so long from `now` on, a time of the monotonic clock.
    pub fn lasts(self, now: Duration, length: Duration) -> bool {
        self.0.is_none_or(|end| end >= now.saturating_add(length))
    }

    /// For how long a lane is held: three times as long as the longest call to the chat with its settlement. It is renewed when a
    /// third has passed, so a call that begins always ends in time.
    pub(super) fn length(longest_call: Duration) -> Duration {
        3 * (longest_call + SETTLING)
    }
}

/// The delivery that is next in its lane.
#[derive(Clone, Debug)]
pub struct Head {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its event.
    pub event: Uuid,
    /// The event's source.
    pub source: String,
    /// When the event was received.
    pub received: Timestamp,
    /// Since when the delivery waits. Later than `received` when it was put back.
    pub since: Timestamp,
    /// The earliest time of the next attempt; unset: now.
    pub due: Option<Timestamp>,
    /// How many attempts there were.
    pub attempts: u32,
    /// The code of the reason why the last attempt failed.
    pub reason: Option<String>,
    /// How many attempts in a row ended with that reason.
    pub repeated: u32,
    /// Since when every attempt in this lane has failed; unset after an attempt that succeeded, was rejected or halted.
    pub failing_since: Option<Timestamp>,
    /// An earlier attempt may have reached Twake.
    pub may_be_duplicate: bool,
    /// Whether a person has replayed the event.
    pub is_replay: bool,
    /// What the store knows of its conversation in this lane.
    pub known: Known,
    /// A later delivery of the lane that will update the same message, with nothing older.
    pub superseded_by: Option<DeliveryId>,
    /// The message; `None` when its form is not known to this version.
    pub message: Option<StoredMessage>,
    /// How many deliveries wait in the lane, with this one.
    pub waiting: u64,
}

impl Head {
    /// How urgent its message is.
    pub fn urgency(&self) -> Urgency {
        self.message
            .as_ref()
            .map_or(Urgency::None, |message| message.urgency)
    }
}

/// A delivery that waits and that a digest may carry.
#[derive(Clone, Debug)]
pub struct WaitingDelivery {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The source of its event.
    pub source: String,
    /// The type of its event.
    pub event_type: String,
    /// When the event was received.
    pub received: Timestamp,
    /// What the store knows of its conversation in this lane.
    pub thread: Option<Thread>,
    /// The message; `None` when its form is not known to this version.
    pub message: Option<StoredMessage>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The fence of the claim under which the attempt was made.
    pub fence: Fence,
    /// The delivery.
    pub delivery: DeliveryId,
    /// What happens to it.
    pub outcome: Outcome,
    /// The code of the reason.
    pub reason: &'static str,
    /// Further text from Twake; may be empty.
    pub detail: String,
    /// The attempt failed, but may have reached Twake.
    pub may_be_duplicate: bool,
    /// What the store keeps of the delivery's conversation from now on. Unset: what it has stays.
    pub kept: Option<Kept>,
    /// The deliveries that this one carries in a digest. They are skipped if it is delivered.
    pub carries: Vec<DeliveryId>,
    /// What the store keeps of the conversations that the digest has ended, by their keys.
    pub ended: Box<[(Key, Kept)]>,
    /// No earlier attempt has made a duplicate: the attempt has looked.
    pub looked_up: bool,
    /// How long the attempt took.
    pub took: Duration,
    /// The HTTP status of its last response, if there was one.
    pub status: Option<u16>,
    /// When the attempt ended.
    pub now: Timestamp,
}

/// What the store keeps of a conversation from now on, in its form.
#[derive(Clone, Debug)]
pub struct Kept {
    /// A [`crate::conversation::Thread`] as JSON.
    pub(super) thread: Option<String>,
    /// A [`crate::conversation::Message`] as JSON.
    pub(super) message: Option<String>,
    /// When it may be forgotten.
    pub(super) expires: Timestamp,
}

impl Kept {
    /// These changes, until a time.
    pub fn new(changes: &Changes, expires: Timestamp) -> Self {
        // Their keys are texts, so they always have a JSON form.
        let Changes { thread, message } = changes;
        Self {
            thread: thread
                .as_ref()
                .and_then(|thread| serde_json::to_string(thread).ok()),
            message: message
                .as_ref()
                .and_then(|message| serde_json::to_string(message).ok()),
            expires,
        }
    }
}

/// What happens to a delivery after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is delivered.
    Delivered {
        /// Twake's id of the message.
        id: String,
        /// What it did.
        done: Done,
    },
    /// It waits for another attempt.
    Retry {
        /// The earliest time of that attempt.
        due: Timestamp,
    },
    /// It waits until a person acts.
    Halted,
    /// It is a dead letter, because Twake refuses it.
    Rejected,
    /// It is a dead letter, because it waited longer than its horizon.
    Expired,
    /// Nothing is posted for it. There was no attempt.
    Skipped {
        /// The delivery that stands for it, if that is why.
        carried_by: Option<DeliveryId>,
    },
}

/// What a delivery did in its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// It posted a message in the channel.
    Post,
    /// It replied to the opener of its conversation.
    Reply,
    /// It updated a message of its conversation.
    Update,
    /// It updated a message, and then replied to the opener.
    UpdateAndReply,
}

impl Done {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Post, Self::Reply, Self::Update, Self::UpdateAndReply];

    /// The word that the store keeps.
    pub fn code(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Reply => "reply",
            Self::Update => "update",
            Self::UpdateAndReply => "update_and_reply",
        }
    }
}

/// What a store did with a settlement.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The settlement is committed, or the delivery was settled before.
    Committed,
    /// Another owner has claimed the lane. Nothing has changed, and the lane must stop.
    Fenced,
}
