//! Conversations through the real store and lane to the stand-in chats: what a person sees there afterwards.

use actix_web::rt::task::JoinHandle;
use bytes::Bytes;
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
use twake_bridge::sandbox::{Api, Application, Channel, Era, Sandbox, SandboxHandle, SandboxSettings};
use twake_bridge::secret::Secret;
use twake_bridge::twake::{Destination, matrix, messages_save};

mod channels;
mod kills;
mod sequences;

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

/// The stand-in chats, each with a generation of the server.
const CHATS: [(Api, Era); 3] = [
    (Api::MessagesSave, Era::A2021),
    (Api::MessagesSave, Era::B),
    (Api::Matrix, Era::B),
];

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
        self.running = Some(run(self.queue(), &self.destination, &self.clock));
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
        if self.api == Api::Matrix {
            let url = format!(
                "{}_matrix/client/v3/rooms/%21dev/redact/{id}/t",
                self.sandbox.url()
            );
            let request = crate::harness::client().put(url);
            let token = format!("Bearer {}", twake_bridge::sandbox::PERSON_TOKEN);
            let answer = request
                .insert_header(("authorization", token))
                .send_body("{}")
                .await;
            assert_eq!(answer.unwrap().status(), 200);
        } else {
            self.sandbox.delete(&channel(self.api, "dev"), id);
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.chat.graceful.cancel();
    }
}

/// A dispatcher, and what ends it.
type Running = (CancellationToken, JoinHandle<()>);

/// Runs a dispatcher with the channel `dev`.
pub(crate) fn run(queue: &Queue, dev: &Destination, clock: &Clock) -> Running {
    let settings = DeliverySettings {
        timeout: Duration::from_secs(30),
        horizon: Duration::from_secs(3_600),
        late: Duration::from_secs(86_400),
        digest_above: None,
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

/// The id of a channel.
pub(crate) fn channel(api: Api, name: &str) -> String {
    match api {
        Api::Matrix => format!("!{name}"),
        Api::MessagesSave | Api::Threads => format!("ch-{name}"),
    }
}

/// A stand-in chat with the channels `dev` and `ops`, and its end.
fn start_chat(api: Api, era: Era) -> (SandboxHandle, Stop) {
    let mut settings = SandboxSettings::new("127.0.0.1:0");
    (settings.api, settings.era) = (api, era);
    (settings.limits.messages, settings.limits.attempts) = (usize::MAX, usize::MAX);
    let key = Secret::new("private");
    settings.applications = vec![Application::new("bridge", "public", key, "company")];
    let named = |name: &str| Channel {
        id: channel(api, name),
        name: name.to_owned(),
    };
    settings.channels = ["dev", "ops"].map(named).into();
    let sandbox = Sandbox::bind(settings, Clock::system()).unwrap();
    let (handle, chat) = (sandbox.handle(), Stop::default());
    actix_web::rt::spawn(sandbox.run(chat.graceful.clone()));
    (handle, chat)
}

fn destination(api: Api, sandbox: &SandboxHandle, name: &str) -> Destination {
    let url = sandbox.url().clone();
    if api == Api::Matrix {
        let token = matrix::Credentials::AccessToken(Secret::new("private"));
        let account = matrix::Account::new("main".to_owned(), url, token, Arc::default());
        return Destination::Matrix(matrix::Destination {
            account: Arc::new(account),
            channel: name.to_owned(),
            room: matrix::Room::parse(&format!("#{name}:sandbox.test")).unwrap(),
            notify: matrix::Notify::Never,
            allow_unencrypted: false,
            rate: None,
            readers: twake_bridge::message::Readers::default(),
            conversations: true,
        });
    }
    let account = messages_save::Account {
        name: "main".to_owned(),
        url,
        public_id: "public".to_owned(),
        private_api_key: Secret::new("private"),
        outbound: Arc::default(),
    };
    Destination::MessagesSave(messages_save::Destination {
        account: Arc::new(account),
        group_id: "company".to_owned(),
        channel_id: channel(api, name),
        rate: None,
        readers: twake_bridge::message::Readers::default(),
        conversations: true,
    })
}

/// The messages of a channel as a person sees them.
fn seen(sandbox: &SandboxHandle, channel: &str) -> Vec<String> {
    let mut messages = sandbox.messages(channel);
    messages.retain(|message| !message.deleted);
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let line = |id: &str| {
        let found = messages.iter().find(|message| message.id == id);
        found.map(|message| first_line(message.notification()))
    };
    let shown = messages.iter().map(|message| {
        let own = first_line(message.notification());
        match line(&message.parent) {
            Some(opener) => format!("{opener} > {own}"),
            None if message.parent.is_empty() => own,
            None => format!("nothing > {own}"),
        }
    });
    shown.collect()
}

/// A slot of its own.
fn slot(key: &str) -> Slot {
    Slot::Key(key.to_owned())
}
