//! A homeserver: halts of one channel, pauses of an account, and transactions of retries.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::*;
use crate::message::Readers;
use crate::twake::matrix::{self, Credentials, Notify, Room};

/// A homeserver with the rooms `!dev:h` and `!ops:h`. The account is in them, unless they are closed.
#[derive(Clone)]
struct Homeserver {
    url: String,
    /// The rooms that the account may neither read nor join.
    closed: Arc<Mutex<BTreeSet<String>>>,
    /// The type of a state event that the rooms have got.
    state: Arc<Mutex<Option<&'static str>>>,
    refusal: Arc<Mutex<Option<Refusal>>>,
    /// The messages that were sent: room, transaction and text.
    sent: watch::Sender<Vec<(String, String, String)>>,
    /// The events by transaction.
    events: Arc<Mutex<BTreeMap<String, String>>>,
}

#[derive(Clone, Copy)]
enum Refusal {
    /// 401 to every request: the token has ended.
    Token,
    /// 429 to every message, for so many milliseconds.
    Limit(u64),
    /// Every message is stored, and nothing is answered.
    Silence,
}

impl Homeserver {
    fn start() -> Self {
        let mut homeserver = Self {
            url: String::new(),
            closed: Arc::default(),
            state: Arc::default(),
            refusal: Arc::default(),
            sent: watch::Sender::new(Vec::new()),
            events: Arc::default(),
        };
        let state = homeserver.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(state.clone()))
                .default_service(web::to(answer))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        homeserver.url = format!("http://{}", server.addrs()[0]);
        actix_web::rt::spawn(server.run());
        homeserver
    }

    /// A dispatcher for both rooms.
    fn bench(&self) -> Bench {
        let token = Credentials::AccessToken(Secret::new("a token"));
        let url = self.url.parse().unwrap();
        let account = Arc::new(matrix::Account::new(
            "chat".to_owned(),
            url,
            token,
            Arc::default(),
        ));
        let room = |name: &'static str| {
            let destination = matrix::Destination {
                account: Arc::clone(&account),
                channel: name.to_owned(),
                room: Room::parse(&format!("!{name}:h")).unwrap(),
                notify: Notify::Critical,
                allow_unencrypted: false,
                rate: None,
                readers: Readers::default(),
                conversations: true,
            };
            (name, destination.into())
        };
        let mut bench = Bench::new([]);
        bench.start_with(["dev", "ops"].map(room));
        bench
    }

    fn refuse(&self, refusal: Option<Refusal>) {
        *self.refusal.lock().unwrap() = refusal;
    }

    fn sent(&self) -> Vec<(String, String, String)> {
        self.sent.borrow().clone()
    }

    async fn until_sent(&self, messages: usize) {
        let mut sent = self.sent.subscribe();
        in_time("messages", sent.wait_for(|sent| sent.len() >= messages))
            .await
            .unwrap();
    }
}

async fn answer(state: web::Data<Homeserver>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let path = request.path();
    let error = |code: &str| json!({ "errcode": code, "error": "" });
    let refusal = *state.refusal.lock().unwrap();
    if let Some(Refusal::Token) = refusal {
        return HttpResponse::Unauthorized().json(error("M_UNKNOWN_TOKEN"));
    }
    let room = ["dev", "ops"].into_iter().find(|name| path.contains(*name));
    let is_closed = room.is_some_and(|room| state.closed.lock().unwrap().contains(room));
    if path.ends_with("/account/whoami") {
        return HttpResponse::Ok().json(json!({ "user_id": "@bridge:h", "device_id": "BRIDGE" }));
    }
    if is_closed {
        return HttpResponse::Forbidden().json(error("M_FORBIDDEN"));
    }
    if path.contains("/join/") {
        return HttpResponse::Ok().json(json!({ "room_id": format!("!{}:h", room.unwrap()) }));
    }
    let state_event = *state.state.lock().unwrap();
    if state_event.is_some_and(|event| path.contains(event)) {
        return HttpResponse::Ok().json(json!({ "algorithm": "m.megolm.v1.aes-sha2" }));
    }
    let Some((_, transaction)) = path.split_once("/send/m.room.message/") else {
        return HttpResponse::NotFound().json(error("M_NOT_FOUND"));
    };
    let content: Value = serde_json::from_slice(&body).unwrap();
    let text = content["body"].as_str().unwrap().to_owned();
    let message = (room.unwrap().to_owned(), transaction.to_owned(), text);
    state.sent.send_modify(|sent| sent.push(message));
    if let Some(Refusal::Limit(milliseconds)) = refusal {
        let mut limit = error("M_LIMIT_EXCEEDED");
        limit["retry_after_ms"] = milliseconds.into();
        return HttpResponse::TooManyRequests().json(limit);
    }
    let event = {
        let mut events = state.events.lock().unwrap();
        let next = format!("${}", events.len());
        events.entry(transaction.to_owned()).or_insert(next).clone()
    };
    if let Some(Refusal::Silence) = refusal {
        return std::future::pending().await;
    }
    HttpResponse::Ok().json(json!({ "event_id": event }))
}

#[actix_web::test]
async fn a_room_that_the_account_may_not_post_in_halts_its_channel_alone() {
    let homeserver = Homeserver::start();
    homeserver.closed.lock().unwrap().insert("dev".to_owned());
    let bench = homeserver.bench();
    let (dev, ops) = (
        bench.enqueue("dev", &["dev"]).await,
        bench.enqueue("ops", &["ops"]).await,
    );
    bench.until_delivered(ops).await;
    let waiting = bench.until_attempts(dev, 1).await;
    assert_eq!(
        (waiting.state, waiting.reason.as_deref()),
        (State::Waiting, Some("not_in_room"))
    );
    let halts = bench.halts.all();
    assert_eq!(halts.len(), 1);
    assert_eq!(halts[0].scope.to_string(), "channel dev of account chat");
    assert_eq!(halts[0].lanes, ["dev".into()]);

    homeserver.closed.lock().unwrap().clear();
    bench.clock.advance(Duration::from_secs(120));
    bench.until_delivered(dev).await;
    assert!(bench.halts.all().is_empty());
}

#[actix_web::test]
async fn a_room_that_is_encrypted_or_replaced_halts_its_channel_after_ten_minutes_of_use() {
    for (event, reason) in [
        ("m.room.encryption", "room_encrypted"),
        ("m.room.tombstone", "room_replaced"),
    ] {
        let homeserver = Homeserver::start();
        let bench = homeserver.bench();
        let first = bench.enqueue("first", &["dev"]).await;
        bench.until_delivered(first).await;
        *homeserver.state.lock().unwrap() = Some(event);
        bench.clock.advance(Duration::from_secs(599));
        let second = bench.enqueue("not looked yet", &["dev"]).await;
        bench.until_delivered(second).await;
        bench.clock.advance(Duration::from_secs(1));
        let third = bench.enqueue("nobody would read it", &["dev"]).await;
        let waiting = bench.until_attempts(third, 1).await;
        assert_eq!(
            (waiting.state, waiting.reason.as_deref()),
            (State::Waiting, Some(reason))
        );
        assert_eq!(homeserver.sent().len(), 2);
    }
}

#[actix_web::test]
async fn a_token_that_ends_while_a_thousand_messages_wait_makes_no_dead_letter() {
    let homeserver = Homeserver::start();
    let bench = homeserver.bench();
    bench.enqueue("0", &["dev", "ops"]).await;
    bench.until_ended(2).await;
    homeserver.refuse(Some(Refusal::Token));
    let refused = bench.enqueue("1", &["dev"]).await;
    let waiting = bench.until_attempts(refused, 1).await;
    assert_eq!(
        (waiting.state, waiting.reason.as_deref()),
        (State::Waiting, Some("wrong_key"))
    );
    for number in 2..=500 {
        bench.enqueue(&number.to_string(), &["dev", "ops"]).await;
    }
    let halts = bench.halts.all();
    assert_eq!(halts.len(), 1);
    assert_eq!(halts[0].scope.to_string(), "account chat");
    assert_eq!(homeserver.sent().len(), 2);

    bench.clock.advance(2 * SETTINGS.horizon);
    // The probe is refused, too.
    bench.until_ended(4).await;
    homeserver.refuse(None);
    bench.clock.advance(Duration::from_secs(600));
    homeserver.until_sent(1_001).await;
    for channel in ["dev", "ops"] {
        let sent = homeserver.sent().into_iter().filter(|(room, ..)| room == channel);
        let texts: Vec<String> = sent
            .map(|(.., text)| text.lines().next().unwrap().to_owned())
            .collect();
        let numbers = (0..=500).filter(|number| channel == "dev" || *number != 1);
        let expected: Vec<String> = numbers.map(|number| number.to_string()).collect();
        assert_eq!(texts, expected, "{channel}");
    }
}

#[actix_web::test]
async fn a_rate_limit_pauses_every_channel_of_the_account() {
    let homeserver = Homeserver::start();
    homeserver.refuse(Some(Refusal::Limit(3_213)));
    let bench = homeserver.bench();
    let dev = bench.enqueue("dev", &["dev"]).await;
    bench.until_attempts(dev, 1).await;
    homeserver.refuse(None);
    let ops = bench.enqueue("ops", &["ops"]).await;
    bench.clock.advance(Duration::from_secs(3));
    bench.queue.lanes().await.unwrap();
    assert_eq!(homeserver.sent().len(), 1, "neither channel before the time");
    // The wait, and the second by which retries are spread.
    bench.clock.advance(Duration::from_secs(2));
    bench.until_delivered(dev).await;
    bench.until_delivered(ops).await;
    assert_eq!(homeserver.sent().len(), 3);
}

#[actix_web::test]
async fn a_message_whose_answer_was_lost_is_there_once_although_its_retry_says_that_it_is_late() {
    let homeserver = Homeserver::start();
    homeserver.refuse(Some(Refusal::Silence));
    let bench = homeserver.bench();
    let event = bench.enqueue("built", &["dev"]).await;
    homeserver.until_sent(1).await;
    bench.clock.advance(SETTINGS.timeout);
    let lost = bench.until_attempts(event, 1).await;
    assert_eq!(lost.reason.as_deref(), Some("timed_out"));
    homeserver.refuse(None);
    bench.clock.advance(SETTINGS.late);
    let delivered = bench.until_delivered(event).await;
    assert_eq!(delivered.twake_id.as_deref(), Some("$0"));
    assert!(!delivered.may_be_duplicate);
    let sent = homeserver.sent();
    assert_eq!((sent.len(), &sent[0].1), (2, &sent[1].1));
    assert!(
        !sent[0].2.contains("late") && sent[1].2.contains("late"),
        "{sent:?}"
    );
    assert_eq!(homeserver.events.lock().unwrap().len(), 1);

    // Another event with the same text is another message.
    let next = bench.enqueue("built", &["dev"]).await;
    let delivered = bench.until_delivered(next).await;
    assert_eq!(delivered.twake_id.as_deref(), Some("$1"));
}
