//! Conversations through the real store and lane to the stand-in chats: what a person sees there afterwards.

use actix_web::rt::task::JoinHandle;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::in_time;
use twake_bridge::clock::Clock;
use twake_bridge::delivery::{DeliverySettings, Destinations, Dispatcher};
use twake_bridge::event::{Envelope, IdempotencyKey};
use twake_bridge::headers::Headers;
use twake_bridge::lifecycle::Stop;
use twake_bridge::message::{
    Block, Conversation, ConversationField, Document, FollowUp, Inline, Slot, StoredMessage,
};
use twake_bridge::metrics::Metrics;
use twake_bridge::queue::{
    Decided, DeliveryRecord, History, NewDelivery, NewEvent, Queue, Replay, State, StoreThread,
};
use twake_bridge::sandbox::{Api, Era, SandboxHandle};
use twake_bridge::twake::Destination;

mod channels;
mod chat;
mod items;
mod kills;
mod sequences;

pub(crate) use chat::channel;
use chat::{CHATS, destination, seen, start_chat};

pub(crate) const REPLY: FollowUp = FollowUp {
    reply: true,
    update: false,
};
pub(crate) const UPDATE: FollowUp = FollowUp {
    reply: false,
    update: true,
};
pub(crate) const BOTH: FollowUp = FollowUp {
    reply: true,
    update: true,
};

/// A text, and a value of the conversation behind it.
fn text(text: &str, field: Option<ConversationField>) -> Document {
    let value = field.map(Inline::Conversation);
    let inlines = [Inline::Text(text.to_owned())].into_iter().chain(value);
    Document {
        blocks: vec![Block::Paragraph(inlines.collect())],
    }
}

/// The conversation `key` of an event `name`. A post is `name`, a reply `name.reply`, an update `name.update`.
pub(crate) fn conversation(key: &str, name: &str) -> Conversation {
    Conversation {
        key: key.to_owned(),
        slot: None,
        unchanged: REPLY,
        changed: REPLY,
        opens: true,
        closes: false,
        also_in_channel: false,
        level: None,
        item: None,
        expires: 3_600,
        version: None,
        state: None,
        first: BTreeMap::new(),
        reply: Some(text(&format!("{name}.reply"), None)),
        update: Some(text(&format!("{name}.update"), None)),
    }
}

pub(crate) fn message(name: &str, conversation: Conversation) -> StoredMessage {
    StoredMessage {
        conversation: Some(Box::new(conversation)),
        ..StoredMessage::new(text(name, None))
    }
}

/// An event with one message to the channel `dev`.
pub(crate) fn new_event(clock: &Clock, message: StoredMessage) -> NewEvent {
    let id = clock.new_id();
    NewEvent {
        envelope: Envelope {
            id,
            source: "github".into(),
            received: clock.now(),
            headers: Headers::default(),
            body: Bytes::from_static(b"{}"),
            secret: String::new(),
        },
        key: IdempotencyKey(id.into_bytes()),
        remember: Duration::from_secs(3_600),
        decided: Decided {
            event_type: "push".to_owned(),
            routes: "[]".to_owned(),
            skipped: None,
            unreadable: None,
            line: None,
        },
        messages: vec![message],
        deliveries: vec![NewDelivery {
            lane: "dev".into(),
            message: 0,
        }],
        memory: None,
    }
}

pub(crate) const HISTORY: History = History {
    keep: Duration::from_secs(90 * 24 * 3_600),
    size: u64::MAX,
    dead: Duration::from_secs(90 * 24 * 3_600),
};

/// A store and a dispatcher with the channel `dev` of a stand-in chat. Their clock stands until a test moves it.
struct Bench {
    api: Api,
    sandbox: SandboxHandle,
    chat: Stop,
    folder: TempDir,
    clock: Clock,
    store: Option<(Queue, StoreThread)>,
    destination: Destination,
    /// With more messages than this that wait, a digest takes their place.
    digest_above: Option<u32>,
    running: Option<Running>,
}

impl Bench {
    fn new((api, era): (Api, Era)) -> Self {
        let (sandbox, chat) = start_chat(api, era);
        let clock = Clock::manual("2026-03-01T10:00:00Z".parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Self {
            destination: destination(api, &sandbox, "dev"),
            api,
            sandbox,
            chat,
            folder,
            clock,
            digest_above: None,
            store: None,
            running: None,
        };
        bench.open();
        bench
    }

    fn started(chat: (Api, Era)) -> Self {
        let mut bench = Self::new(chat);
        bench.start();
        bench
    }

    fn open(&mut self) {
        let address = format!("sqlite:{}", self.folder.path().join("queue.db").display());
        self.store = Some(Queue::open(&address, HISTORY, self.clock.clone()).unwrap());
    }

    fn queue(&self) -> &Queue {
        &self.store.as_ref().unwrap().0
    }

    fn start(&mut self) {
        let running = run_with(self.queue(), &self.destination, &self.clock, self.digest_above);
        self.running = Some(running);
    }

    async fn stop(&mut self) {
        let (stop, running) = self.running.take().unwrap();
        stop.cancel();
        in_time("the dispatcher's end", running).await.unwrap();
    }

    /// Stops the dispatcher, closes the store, and opens and starts both again.
    async fn restart(&mut self) {
        self.stop().await;
        let (queue, thread) = self.store.take().unwrap();
        drop(queue);
        assert!(thread.close());
        self.open();
        self.start();
    }

    async fn enqueue(&self, name: &str, change: impl FnOnce(&mut Conversation)) -> Uuid {
        // Every event is received at another time.
        self.clock.advance(Duration::from_millis(1));
        let mut conversation = conversation("key", name);
        change(&mut conversation);
        let event = new_event(&self.clock, message(name, conversation));
        let id = event.envelope.id;
        self.queue().enqueue(event).await.unwrap();
        id
    }

    /// Posts an event, and waits until its delivery has ended.
    async fn post(&self, name: &str, change: impl FnOnce(&mut Conversation)) -> DeliveryRecord {
        let event = self.enqueue(name, change).await;
        self.ended(event).await
    }

    async fn last_delivery(&self, event: Uuid) -> DeliveryRecord {
        let mut record = self.queue().event(event).await.unwrap().unwrap();
        record.deliveries.pop().unwrap()
    }

    /// Waits until the last delivery of an event has ended. Moves the clock to each attempt.
    async fn ended(&self, event: Uuid) -> DeliveryRecord {
        let mut changes = self.queue().changes();
        let wait = async {
            loop {
                changes.borrow_and_update();
                let delivery = self.last_delivery(event).await;
                if delivery.state != State::Waiting {
                    return delivery;
                }
                for lane in self.queue().lanes().await.unwrap() {
                    let wait = lane.due.map(|due| due.duration_since(self.clock.now()));
                    if let Some(wait) = wait.and_then(|wait| Duration::try_from(wait).ok()) {
                        self.clock.advance(wait + Duration::from_millis(1));
                    }
                }
                changes.changed().await.unwrap();
            }
        };
        in_time("a delivery", wait).await
    }

    async fn replay(&self, event: Uuid) -> DeliveryRecord {
        let record = self.queue().event(event).await.unwrap().unwrap();
        let replay = Replay {
            event,
            decided: None,
            messages: record.messages.into_iter().flatten().collect(),
            deliveries: vec![NewDelivery {
                lane: "dev".into(),
                message: 0,
            }],
            now: self.clock.now(),
            release: false,
            audit: None,
        };
        self.queue().replay(replay).await.unwrap().unwrap();
        self.ended(event).await
    }

    /// What a person sees: the messages in the order of their arrival. A reply stands behind the text of its opener.
    fn seen(&self) -> Vec<String> {
        seen(&self.sandbox, &channel(self.api, "dev"))
    }

    /// Deletes the message that a delivery posted.
    async fn delete(&self, posted: &DeliveryRecord) {
        let id = posted.twake_id.as_deref().unwrap();
        let url = self.sandbox.url();
        match self.api {
            Api::MessagesSave => self.sandbox.delete(&channel(self.api, "dev"), id),
            Api::Matrix => {
                let request = format!("{url}_matrix/client/v3/rooms/%21dev/redact/{id}/t");
                let request = crate::harness::client().put(request);
                call(request, twake_bridge::sandbox::PERSON_TOKEN, json!({})).await;
            }
            // People cannot delete what an application has posted.
            Api::Threads => {
                let request = crate::harness::client().post(format!("{url}api/console/v1/login"));
                let login = call(request, "", json!({ "id": "public", "secret": "private" })).await;
                let token = login["resource"]["access_token"]["value"].as_str().unwrap();
                let message = format!("companies/company/threads/{id}/messages/{id}/delete");
                let request = crate::harness::client().post(format!("{url}api/messages/v1/{message}"));
                call(request, token, json!({})).await;
            }
        }
    }
}

/// The answer to a call of the chat, which succeeds.
async fn call(request: awc::ClientRequest, token: &str, body: Value) -> Value {
    let request = request.insert_header(("authorization", format!("Bearer {token}")));
    let mut answer = request.send_json(&body).await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&answer.body().await.unwrap()).unwrap()
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.chat.graceful.cancel();
    }
}

/// A dispatcher, and what ends it.
type Running = (CancellationToken, JoinHandle<()>);

/// Runs a dispatcher with the channel `dev`, without digests.
pub(crate) fn run(queue: &Queue, dev: &Destination, clock: &Clock) -> Running {
    run_with(queue, dev, clock, None)
}

fn run_with(queue: &Queue, dev: &Destination, clock: &Clock, digest_above: Option<u32>) -> Running {
    let settings = DeliverySettings {
        timeout: Duration::from_secs(30),
        horizon: Duration::from_secs(3_600),
        late: Duration::from_secs(86_400),
        digest_above,
    };
    let mut destinations = Destinations::new();
    destinations.insert("dev".into(), dev.clone());
    let metrics = Arc::new(Metrics::default());
    let dispatcher = Dispatcher::new(
        queue.clone(),
        Arc::new(destinations),
        settings,
        metrics,
        clock.clone(),
    );
    let stop = CancellationToken::new();
    let running = actix_web::rt::spawn(dispatcher.unwrap().run(stop.clone()));
    (stop, running)
}

/// A slot of its own.
fn slot(key: &str) -> Slot {
    Slot::Key(key.to_owned())
}
