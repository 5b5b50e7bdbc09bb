//! Events in the form in which they are stored. The caller's thread packs them, decompresses bodies and parses messages, so
//! that the one thread of the store does not have to.

use jiff::{SignedDuration, Timestamp};
use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::get_frame_content_size;

use super::{Claim, Decided, DeliveryId, EventRecord, NewDelivery, NewEvent, QueueError, WaitingDelivery};
use crate::conversation::{Key, Known, slot_key, supersedes, thread_key};
use crate::decision::{EventLine, Skipped};
use crate::message::{StoredMessage, Urgency};

/// The first message and the line of an event are stored in its row if the compressed body is not larger. To read them, a store may have
/// to read past the body.
const SMALL_BODY: usize = 64 * 1024;

/// An event as it is stored.
pub(super) struct PackedEvent {
    pub(super) id: Uuid,
    pub(super) source: Arc<str>,
    pub(super) received: Timestamp,
    /// JSON.
    pub(super) headers: String,
    pub(super) secret: String,
    /// Compressed with zstd.
    pub(super) body: Vec<u8>,
    /// Bytes of the body before it was compressed.
    pub(super) body_size: usize,
    pub(super) key: [u8; 16],
    /// Until when the key is remembered.
    pub(super) until: Timestamp,
    pub(super) decided: Decided,
    /// The first message, if it is stored in the event's row: JSON, compressed with zstd.
    pub(super) message_in_row: Option<Vec<u8>>,
    /// The line, if it is stored in the event's row.
    pub(super) line_in_row: Option<String>,
    /// The line, otherwise.
    pub(super) line: Option<String>,
    /// The other messages as JSON. Each message is of one variant.
    pub(super) messages: Vec<String>,
    pub(super) deliveries: Vec<PackedDelivery>,
    /// The memory that is reserved for the body.
    pub(super) _memory: Option<OwnedSemaphorePermit>,
}

/// A delivery as it is stored.
pub(super) struct PackedDelivery {
    pub(super) lane: Arc<str>,
    pub(super) message: usize,
    /// Unset: its message belongs to no conversation.
    pub(super) part: Option<Part>,
    pub(super) urgency: Urgency,
}

/// The part of a delivery in its conversation.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) thread: Key,
    /// Which message of the conversation it is or updates. The key of the opener is that of the conversation.
    pub(super) slot: Option<Key>,
    pub(super) closes: bool,
}

/// A stored event whose body is still compressed.
pub(super) struct PackedRecord {
    pub(super) record: EventRecord,
    /// Bytes of the body before it was compressed.
    pub(super) body_size: usize,
}

/// A claim whose message and conversation are not parsed yet.
pub(super) struct PackedClaim {
    pub(super) claim: Claim,
    pub(super) message: Option<PackedMessage>,
    /// What is kept of the conversation, and of the message in it: JSON.
    pub(super) thread: Option<String>,
    pub(super) slot: Option<String>,
    /// The next delivery that waits and is, or updates, the same message.
    pub(super) later: Option<PackedLater>,
}

/// A waiting delivery whose message and conversation are not parsed yet.
pub(super) struct PackedWaiting {
    pub(super) delivery: WaitingDelivery,
    pub(super) message: Option<PackedMessage>,
    /// What is kept of the conversation: JSON.
    pub(super) thread: Option<String>,
}

impl PackedWaiting {
    pub(super) fn unpack(self) -> WaitingDelivery {
        WaitingDelivery {
            message: self.message.and_then(PackedMessage::unpack),
            thread: self.thread.and_then(|json| serde_json::from_str(&json).ok()),
            ..self.delivery
        }
    }
}

/// A later delivery of the same slot.
pub(super) struct PackedLater {
    pub(super) delivery: DeliveryId,
    pub(super) received: Timestamp,
    pub(super) message: Option<PackedMessage>,
}

/// A message as it is stored.
pub(super) enum PackedMessage {
    /// JSON.
    Json(String),
    /// JSON, compressed with zstd.
    Compressed(Vec<u8>),
}

pub(super) fn pack(event: NewEvent) -> Result<PackedEvent, QueueError> {
    let NewEvent { envelope, .. } = event;
    let body = compress(&envelope.body).map_err(unpackable)?;
    let mut messages = pack_messages(&event.messages, &event.deliveries)?;
    let message_in_row = if messages.is_empty() || body.len() > SMALL_BODY {
        None
    } else {
        Some(compress(messages.remove(0).as_bytes()).map_err(unpackable)?)
    };
    let line = event.decided.line.as_ref().map(line_text);
    let (line_in_row, line) = if body.len() > SMALL_BODY {
        (None, line)
    } else {
        (line, None)
    };
    let remember = SignedDuration::try_from(event.remember).unwrap_or(SignedDuration::MAX);
    let deliveries = event.deliveries.into_iter();
    let deliveries = deliveries.map(|delivery| PackedDelivery::of(delivery, &event.messages));
    Ok(PackedEvent {
        deliveries: deliveries.collect(),
        message_in_row,
        line_in_row,
        line,
        messages,
        id: envelope.id,
        source: envelope.source,
        received: envelope.received,
        headers: serde_json::to_string(&envelope.headers).map_err(unpackable)?,
        secret: envelope.secret,
        body,
        body_size: envelope.body.len(),
        key: event.key.0,
        until: envelope.received.checked_add(remember).unwrap_or(Timestamp::MAX),
        decided: event.decided,
        _memory: event.memory,
    })
}

/// The messages as JSON. Every delivery must name one of them.
pub(super) fn pack_messages(
    messages: &[StoredMessage],
    deliveries: &[NewDelivery],
) -> Result<Vec<String>, QueueError> {
    let mut named = deliveries.iter().map(|delivery| delivery.message);
    if let Some(wrong) = named.find(|number| *number >= messages.len()) {
        return Err(QueueError::NoSuchMessage(wrong));
    }
    let messages = messages.iter().map(serde_json::to_string);
    messages.collect::<Result<_, _>>().map_err(unpackable)
}

pub(super) fn unpack(packed: PackedRecord) -> Result<EventRecord, QueueError> {
    let mut record = packed.record;
    let body = decompress(&record.envelope.body, packed.body_size);
    let body = body.map_err(|error| QueueError::Corrupt {
        doing: "look up an event",
        source: Arc::new(error),
    })?;
    record.envelope.body = body.into();
    Ok(record)
}

pub(super) fn unpack_claim(packed: PackedClaim) -> Claim {
    let mut claim = packed.claim;
    let head = &mut claim.head;
    head.message = packed.message.and_then(PackedMessage::unpack);
    // What another version kept in a form of its own is not known.
    head.known = Known {
        thread: packed.thread.and_then(|json| serde_json::from_str(&json).ok()),
        message: packed.slot.and_then(|json| serde_json::from_str(&json).ok()),
    };
    head.superseded_by = packed.later.and_then(|later| {
        let (message, earlier) = (later.message?.unpack()?, head.message.as_ref()?);
        let is_superseded = supersedes((&message, later.received), (earlier, head.received));
        is_superseded.then_some(later.delivery)
    });
    claim
}

/// A line as it is stored: its parts, separated by line feeds, which they do not have.
pub(super) fn line_text(line: &EventLine) -> String {
    [&*line.title, &*line.repository, &*line.actor].join("\n")
}

/// A line from its stored form.
pub(super) fn unpack_line(text: &str) -> EventLine {
    let mut parts = text.split('\n').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    EventLine {
        title: next(),
        repository: next(),
        actor: next(),
    }
}

/// A stored message; `None` when its form is not known to this version.
pub(super) fn unpack_message(json: &str) -> Option<StoredMessage> {
    serde_json::from_str(json)
        .ok()
        .filter(|stored: &StoredMessage| stored.v == 1)
}

impl PackedDelivery {
    /// A delivery of one of these messages.
    pub(super) fn of(delivery: NewDelivery, messages: &[StoredMessage]) -> Self {
        let message = messages.get(delivery.message);
        Self {
            part: message.and_then(Part::of),
            urgency: message.map_or(Urgency::None, |message| message.urgency),
            lane: delivery.lane,
            message: delivery.message,
        }
    }
}

impl Part {
    /// The part of a message; `None`: it belongs to no conversation.
    pub(super) fn of(message: &StoredMessage) -> Option<Self> {
        let conversation = message.conversation.as_deref()?;
        let thread = thread_key(conversation);
        let slot = conversation.slot.as_ref();
        Some(Self {
            thread,
            slot: slot.map(|_| slot_key(conversation).unwrap_or(thread)),
            closes: conversation.closes,
        })
    }
}

impl PackedMessage {
    fn unpack(self) -> Option<StoredMessage> {
        unpack_message(&self.into_json().ok()?)
    }

    pub(super) fn into_json(self) -> io::Result<String> {
        match self {
            Self::Json(json) => Ok(json),
            Self::Compressed(bytes) => {
                let size = get_frame_content_size(&bytes).ok().flatten().unwrap_or_default();
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                String::from_utf8(decompress(&bytes, size)?).map_err(io::Error::other)
            }
        }
    }
}

impl PackedEvent {
    /// Why it has no deliveries, as JSON, if its source is paused since then.
    pub(super) fn held_reason(&self, since: Timestamp) -> Option<String> {
        let mut channels: Vec<String> = Vec::new();
        for delivery in &self.deliveries {
            if !channels.iter().any(|known| **known == *delivery.lane) {
                channels.push(delivery.lane.to_string());
            }
        }
        let reason =
            format!("the source is paused since {since:.0}: the event is decided again when it is resumed");
        serde_json::to_string(&[Skipped { channels, reason }]).ok()
    }

    /// About how many bytes it takes in the store: its content, and a share for rows and indexes.
    pub(super) fn size(&self) -> usize {
        const EVENT: usize = 200;
        const DELIVERY: usize = 64;
        let others: usize = self.messages.iter().map(String::len).sum();
        let messages = others + self.message_in_row.as_ref().map_or(0, Vec::len);
        let Decided { routes, skipped, .. } = &self.decided;
        let decided = routes.len() + skipped.as_ref().map_or(0, String::len);
        // It is in the index of texts, too.
        let line = self
            .line_in_row
            .iter()
            .chain(&self.line)
            .map(|line| 2 * line.len());
        let content = self.body.len() + self.headers.len() + decided + messages + line.sum::<usize>();
        content + EVENT + DELIVERY * self.deliveries.len()
    }
}

/// Compresses with the compressor of this thread: to make one takes longer than to use it.
fn compress(body: &[u8]) -> io::Result<Vec<u8>> {
    /// The fastest of zstd's usual levels. JSON is a few per cent larger than at level 3.
    const LEVEL: i32 = 1;
    thread_local! {
        static KEPT: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(body)
    })
}

/// Decompresses `size` bytes with the decompressor of this thread.
fn decompress(bytes: &[u8], size: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        static KEPT: RefCell<Decompressor<'static>> = RefCell::default();
    }
    let mut content = Vec::new();
    // A corrupt store may claim any size.
    content.try_reserve_exact(size)?;
    KEPT.with_borrow_mut(|kept| kept.decompress_to_buffer(bytes, &mut content))?;
    Ok(content)
}

fn unpackable(error: impl Into<io::Error>) -> QueueError {
    QueueError::Unpackable(Arc::new(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrupt_message_is_an_error_and_the_next_one_is_read() {
        let compressed = compress(b"{}").unwrap();
        // The header of a frame that claims 2^60 bytes (RFC 8878, section 3.1.1.1), and one that ends early.
        let huge = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x10].to_vec();
        let short = compressed[..compressed.len() - 1].to_vec();
        for corrupt in [b"{}".to_vec(), huge, short] {
            assert!(
                PackedMessage::Compressed(corrupt.clone()).into_json().is_err(),
                "{corrupt:?}"
            );
            let json = PackedMessage::Compressed(compressed.clone()).into_json();
            assert_eq!(json.unwrap(), "{}");
        }
    }
}
