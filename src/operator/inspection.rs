//! What a person sees of an event who looks for a cause: besides what is stored, how the bridge reads and decides it now.

use serde_json::Value;

use super::view::EventDetails;
use super::{OperatorError, OperatorService};
use crate::decision::{self, Decision};
use crate::event::Event;
use crate::message::StoredMessage;
use crate::source::Source;
use crate::twake::Destination;

/// Bytes of a body that are shown of an event whose source is not configured.
const SHOWN: usize = 64 * 1024;

/// An event in full.
pub struct Inspection {
    /// What is stored.
    pub event: EventDetails,
    /// The stored messages; `None`: in a form that this version cannot read.
    pub messages: Vec<Option<StoredMessage>>,
    /// The payload as the source reads it now. `None`: its source is not configured, or the body cannot be parsed.
    pub payload: Option<Value>,
    /// The decision as it would be made now, with its facts. `None`: its source is not configured.
    pub now: Option<Decision>,
    /// The start of the body as text, if there is no payload.
    pub body: Option<String>,
}

impl OperatorService {
    /// Returns everything about an event. `id` may be a prefix that no other event's id has.
    pub async fn inspect(&self, id: &str) -> Result<Inspection, OperatorError> {
        let event = self.event(id).await?;
        let record = self.record(&event.id.to_string()).await?;
        let start = record.envelope.body.get(..SHOWN).unwrap_or(&record.envelope.body);
        let body = String::from_utf8_lossy(start).into_owned();
        let source = self.serving.load().sources.get(&record.envelope.source).cloned();
        let messages = record.messages;
        let decided = match source {
            None => None,
            // All facts of a body may take long, so this never runs on a thread of the runtime.
            Some(source) => {
                let decide = move || decide(Event::stored(record.envelope, &source.kind.body), &source);
                let decided = tokio::task::spawn_blocking(decide).await;
                Some(decided.map_err(|_| OperatorError::Broken)?)
            }
        };
        let (now, payload) = decided.unzip();
        let payload = payload.flatten();
        Ok(Inspection {
            event,
            messages,
            body: payload.is_none().then_some(body),
            payload,
            now,
        })
    }

    /// Returns where a configured channel points.
    pub fn destination(&self, channel: &str) -> Option<Destination> {
        self.serving.load().channels.get(channel).cloned()
    }
}

fn decide(event: Event, source: &Source) -> (Decision, Option<Value>) {
    let (decision, names) = decision::decide_whole(event, source);
    let payload = names
        .data()
        .get("payload")
        .filter(|_| decision.unreadable.is_none());
    (decision, payload.cloned())
}
