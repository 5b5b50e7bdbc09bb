//! The queue (stub until the store lands).
use crate::clock::Clock;
use crate::event::{Envelope, IdempotencyKey};
use crate::message::StoredMessage;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
/// Handle.
#[derive(Clone)]
pub struct Queue;
/// New.
pub struct NewEvent {
    pub envelope: Envelope,
    pub event_type: String,
    pub key: IdempotencyKey,
    pub remember: Duration,
    pub routes: serde_json::Value,
    pub messages: Vec<StoredMessage>,
    pub deliveries: Vec<NewDelivery>,
}
/// New.
pub struct NewDelivery {
    pub lane: Arc<str>,
    pub message: usize,
}
/// What became.
pub enum Enqueued {
    Stored { event: Uuid },
    SeenBefore { event: Uuid, lanes: Vec<String> },
    PutBack { event: Uuid, lanes: Vec<String> },
}
/// Error.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the store cannot be written")]
    Unavailable,
}
impl Queue {
    /// Enqueue.
    pub async fn enqueue(&self, _event: NewEvent) -> Result<Enqueued, QueueError> {
        unimplemented!()
    }
}
/// open
pub fn open(_store: &str, _clock: Clock) -> Result<Queue, QueueError> {
    unimplemented!()
}
/// How a lane stands.
pub struct LaneDepth {
    pub lane: String,
    pub depth: u64,
    pub oldest: jiff::Timestamp,
}
impl Queue {
    /// Lanes with something waiting.
    pub async fn lanes(&self) -> Result<Vec<LaneDepth>, QueueError> {
        unimplemented!()
    }
    /// Whether the store can be written.
    pub async fn check(&self) -> Result<(), QueueError> {
        unimplemented!()
    }
}
