//! The threads API, as the sandbox serves it: logins, doubtful messages, channels and openers that are not there.

use serde_json::{Value, json};

use super::*;
use crate::sandbox::{
    ActiveFault, Api, Application, Channel, Fault, Sandbox, SandboxHandle, SandboxSettings,
};
use crate::twake::http::Request;
use crate::twake::{Act, RemoteId, VerdictKind, threads};

/// A Twake with the channel `dev`, and a bridge that posts to it and to the channel `gone`, which does not exist.
struct Twake {
    sandbox: SandboxHandle,
    bench: Bench,
    account: Arc<threads::Account>,
}

impl Twake {
    fn start() -> Self {
        let mut bench = Bench::new([]);
        let mut settings = SandboxSettings::new("127.0.0.1:0");
        settings.api = Api::Threads;
        settings.applications = vec![Application::new("Bridge", "app", Secret::new("key"), "company")];
        settings.channels = vec![Channel {
            id: "dev".to_owned(),
            name: "dev".to_owned(),
        }];
        let server = Sandbox::bind(settings, bench.clock.clone()).unwrap();
        let sandbox = server.handle();
        actix_web::rt::spawn(server.run(CancellationToken::new()));
        let account = Arc::new(threads::Account::new(
            "old".to_owned(),
            sandbox.url().clone(),
            "app".to_owned(),
            Secret::new("key"),
            Arc::default(),
        ));
        let of = Arc::clone(&account);
        bench.start_with(["dev", "gone"].map(|name| (name, destination(&of, name))));
        Self {
            sandbox,
            bench,
            account,
        }
    }

    /// A fault for the next calls of `dev`.
    fn fault(&self, fault: Fault, times: Option<u32>) {
        self.sandbox.set_active_fault(ActiveFault {
            channel: Some("dev".to_owned()),
            fault,
            times,
        });
    }

    async fn deliver(&self, text: &str) -> DeliveryRecord {
        let event = self.bench.enqueue(text, &["dev"]).await;
        self.bench.until_delivered(event).await
    }

    /// How many calls were made whose path ends so.
    fn calls(&self, end: &str) -> usize {
        let calls = self.sandbox.all_attempts();
        calls.iter().filter(|call| call.request.ends_with(end)).count()
    }

    fn texts(&self) -> Vec<String> {
        let messages = self.sandbox.messages("dev");
        let text = |object: &Value| object["text"].as_str().unwrap().to_owned();
        messages.iter().map(|message| text(&message.object)).collect()
    }

    /// A call of the API, as the application makes it.
    async fn call(&self, path: &[&str], token: &str, body: Value) -> Value {
        let authorization = Secret::new(&format!("Bearer {token}"));
        let body = body.to_string().into_bytes();
        let request = Request::json(&self.account.url, "POST", path, authorization, Some(body));
        let account = crate::twake::Account::Threads(Arc::clone(&self.account));
        let answer = ask(&account, request, SETTINGS.timeout, &self.bench.clock).await;
        serde_json::from_slice(&answer.unwrap().unwrap().body).unwrap()
    }

    /// Deletes an opener.
    async fn delete(&self, id: &str) {
        let login = ["api", "console", "v1", "login"];
        let credentials = json!({ "id": "app", "secret": "key" });
        let answer = self.call(&login, "", credentials).await;
        let token = answer["resource"]["access_token"]["value"].as_str().unwrap();
        let message = ["threads", id, "messages", id, "delete"];
        let path = [&["api", "messages", "v1", "companies", "company"], &message[..]].concat();
        assert_eq!(self.call(&path, token, json!({})).await["status"], "success");
    }
}

fn destination(account: &Arc<threads::Account>, name: &str) -> crate::twake::Destination {
    crate::twake::Destination::Threads(threads::Destination {
        account: Arc::clone(account),
        channel: name.to_owned(),
        group_id: "company".to_owned(),
        workspace_id: "workspace".to_owned(),
        channel_id: name.to_owned(),
        rate: None,
        readers: crate::message::Readers::default(),
        conversations: true,
    })
}

#[actix_web::test]
async fn a_login_that_ends_in_the_middle_of_deliveries_is_renewed() {
    let twake = Twake::start();
    twake.deliver("0").await;
    twake.deliver("1").await;
    assert_eq!(twake.calls("login"), 1);
    // A minute before the server ends the token.
    twake.bench.clock.advance(Duration::from_secs(3540));
    twake.deliver("2").await;
    assert_eq!(twake.calls("login"), 2);
    // The server has ended it before its time.
    twake.fault(Fault::RefuseKey, Some(1));
    let delivered = twake.deliver("3").await;
    assert_eq!((delivered.attempts, twake.calls("login")), (1, 3));
    assert_eq!(twake.texts(), ["0", "1", "2", "3"]);
    assert_eq!(twake.calls("channels/dev"), 1, "asked at the first message alone");
}

#[actix_web::test]
async fn a_new_token_that_is_refused_halts_the_account_until_a_probe_passes() {
    let twake = Twake::start();
    twake.fault(Fault::RefuseKey, None);
    let event = twake.bench.enqueue("waits", &["dev"]).await;
    let waiting = twake.bench.until_attempts(event, 1).await;
    assert_eq!(
        (waiting.state, waiting.reason.as_deref()),
        (State::Waiting, Some("missing_token"))
    );
    let halts = twake.bench.halts.all();
    assert_eq!(halts[0].scope.to_string(), "account old");
    assert_eq!(halts[0].lanes, ["dev".into(), "gone".into()]);
    twake.sandbox.clear_faults();
    twake.bench.clock.advance(Duration::from_secs(120));
    twake.bench.until_delivered(event).await;
    assert!(twake.bench.halts.all().is_empty());
}

#[actix_web::test]
async fn a_channel_that_does_not_exist_halts_alone() {
    let twake = Twake::start();
    let lost = twake.bench.enqueue("nobody would see it", &["gone"]).await;
    let waiting = twake.bench.until_attempts(lost, 1).await;
    assert_eq!(
        (waiting.state, waiting.reason.as_deref()),
        (State::Waiting, Some("unknown_channel"))
    );
    twake.deliver("seen").await;
    let halts = twake.bench.halts.all();
    assert_eq!(halts.len(), 1);
    assert_eq!(halts[0].scope.to_string(), "channel gone of account old");
    assert!(twake.sandbox.messages("gone").is_empty());
}

/// The fault of the first attempt at a message, its reason, and how many calls post it.
#[actix_web::test]
async fn a_message_whose_answer_was_lost_is_there_once() {
    for (fault, reason, posts) in [
        (Fault::ResetAfterStoring, "connection_broken", 1),
        (Fault::IdNullAfterStoring, "ambiguous_error", 1),
        (Fault::Reset, "connection_broken", 2),
        (Fault::UnknownError, "ambiguous_error", 2),
        (Fault::BadGateway, "server_error", 2),
    ] {
        let twake = Twake::start();
        twake.deliver("before").await;
        twake.fault(fault, Some(1));
        let event = twake.bench.enqueue("once", &["dev"]).await;
        let lost = twake.bench.until_attempts(event, 1).await;
        assert_eq!(lost.reason.as_deref(), Some(reason));
        assert!(lost.may_be_duplicate);
        // The look is refused at first. Another reason does not make it forgotten.
        twake.fault(Fault::Unavailable { retry_after: None }, Some(1));
        twake.bench.advance_to_due("dev").await;
        let refused = twake.bench.until_attempts(event, 2).await;
        assert_eq!(refused.reason.as_deref(), Some("unavailable"));
        twake.bench.advance_to_due("dev").await;
        let delivered = twake.bench.until_delivered(event).await;
        assert_eq!(twake.texts(), ["before", "once"], "{reason}");
        let message = &twake.sandbox.messages("dev")[1];
        assert_eq!(delivered.twake_id.as_ref(), Some(&message.id));
        assert!(!delivered.may_be_duplicate, "{reason}");
        assert_eq!(twake.calls("/threads"), 1 + posts, "{reason}");
        // Another event with the same text is another message.
        twake.deliver("once").await;
        assert_eq!(twake.texts().len(), 3);
    }
}

/// The lane then posts the message anew.
#[actix_web::test]
async fn the_target_of_a_reply_or_an_update_is_gone_after_its_deletion() {
    let twake = Twake::start();
    let message = StoredMessage::new(Document {
        blocks: vec![Block::Paragraph(vec![Inline::Text("follow-up".to_owned())])],
    });
    let to = destination(&twake.account, "dev");
    let attempt = async |act: Act| {
        let job = Job {
            act,
            ..Job::post(Uuid::now_v7(), 1, &to, &message)
        };
        let verdict = deliver(job, SETTINGS.timeout, &twake.bench.clock).await.unwrap();
        verdict.kind
    };
    let delivered = async |act: Act| match attempt(act).await {
        VerdictKind::Delivered(id) => id,
        kind => panic!("{kind:?}"),
    };
    let opener = RemoteId::from_stored(&twake.deliver("opener").await.twake_id.unwrap());
    let reply = delivered(Act::Reply(opener.clone())).await;
    assert_eq!(reply.thread.as_ref(), Some(&opener.message));
    let update = delivered(Act::Update(reply.clone())).await;
    assert_eq!(update, reply);
    twake.delete(&opener.message).await;
    let before = twake.sandbox.messages("dev").len();
    for act in [
        Act::Reply(opener.clone()),
        Act::Reply(reply),
        Act::Update(opener.clone()),
    ] {
        assert_eq!(attempt(act.clone()).await, VerdictKind::TargetGone, "{act:?}");
    }
    assert_eq!(twake.sandbox.messages("dev").len(), before);
}
