//! Replies and updates from a job to the stand-in Twake: the chat that a person would see afterwards.

use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use crate::harness::TestSetup;
use twake_bridge::clock::Clock;
use twake_bridge::delivery;
use twake_bridge::message::{Block, Document, Inline, Readers, StoredMessage};
use twake_bridge::sandbox::{Era, Fault};
use twake_bridge::secret::Secret;
use twake_bridge::twake::messages_save::{self, Account};
use twake_bridge::twake::{Act, Destination, Job, Reason, RemoteId, Verdict, VerdictKind};

/// A channel of the stand-in Twake, and jobs for it.
struct Chat {
    setup: TestSetup,
    destination: Destination,
}

impl Chat {
    fn new(era: Era) -> Self {
        let setup = TestSetup::of_era(era);
        let account = Account {
            name: "main".to_owned(),
            url: setup.sandbox.url().clone(),
            public_id: "public".to_owned(),
            private_api_key: Secret::new("private"),
            outbound: Arc::default(),
        };
        let destination = Destination::MessagesSave(messages_save::Destination {
            account: Arc::new(account),
            group_id: "company".to_owned(),
            channel_id: "ch-dev".to_owned(),
            rate: None,
            readers: Readers::default(),
            conversations: true,
        });
        Self { setup, destination }
    }

    async fn attempt(&self, text: &str, act: Act, last: Option<(Reason, u32)>) -> Verdict {
        let paragraph = Block::Paragraph(vec![Inline::Text(text.to_owned())]);
        let message = StoredMessage::new(Document {
            blocks: vec![paragraph],
        });
        let job = Job {
            act,
            last,
            ..Job::post(Uuid::now_v7(), 1, &self.destination, &message)
        };
        let timeout = Duration::from_secs(30);
        delivery::deliver(job, timeout, &Clock::system()).await.unwrap()
    }

    /// Delivers; the id that Twake gave.
    async fn deliver(&self, text: &str, act: Act) -> RemoteId {
        match self.attempt(text, act, None).await.kind {
            VerdictKind::Delivered(id) => id,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// Text and parent of each message, in their order.
    fn messages(&self) -> Vec<(String, String)> {
        let messages = self.setup.sandbox.messages("ch-dev");
        let text = messages
            .iter()
            .map(|message| (message.notification(), message.parent.clone()));
        text.collect()
    }
}

fn unknown() -> RemoteId {
    RemoteId {
        message: "0e8f0000-0000-1000-8000-000000000000".to_owned(),
        thread: None,
    }
}

#[actix_web::test]
async fn a_reply_stands_in_the_thread_and_an_update_in_its_place() {
    for era in [Era::A2020, Era::A2021, Era::B] {
        let chat = Chat::new(era);
        let opener = chat.deliver("opened", Act::Post).await;
        assert_eq!(opener.thread, None, "{era:?}");
        let reply = chat.deliver("built", Act::Reply(opener.clone())).await;
        assert_eq!(reply.thread.as_ref(), Some(&opener.message), "{era:?}");
        let second = chat.deliver("tested", Act::Reply(reply.clone())).await;
        assert_eq!(second.thread.as_ref(), Some(&opener.message), "{era:?}");
        let update = chat.deliver("merged", Act::Update(opener.clone())).await;
        assert_eq!(update, opener, "{era:?}");
        // From the store the id comes back whole, with the thread that an update of a reply needs.
        let stored = RemoteId::from_stored(&reply.to_stored());
        let update = chat.deliver("built again", Act::Update(stored)).await;
        assert_eq!(update, reply, "{era:?}");
        let top = String::new();
        let expected = [
            ("merged".to_owned(), top),
            ("built again".to_owned(), opener.message.clone()),
            ("tested".to_owned(), opener.message),
        ];
        assert_eq!(chat.messages(), expected, "{era:?}");
    }
}

/// A reply of the first eras stands at top level, where it is found again.
#[actix_web::test]
async fn a_reply_to_nothing_becomes_an_opener_in_the_first_eras() {
    let chat = Chat::new(Era::A2021);
    let opener = chat.deliver("first", Act::Reply(unknown())).await;
    assert_eq!(opener.thread, None);
    chat.deliver("second", Act::Reply(opener.clone())).await;
    let expected = [
        ("first".to_owned(), String::new()),
        ("second".to_owned(), opener.message),
    ];
    assert_eq!(chat.messages(), expected);
}

#[actix_web::test]
async fn a_target_is_gone_if_three_attempts_do_not_find_it() {
    for (era, act) in [
        (Era::A2021, Act::Update(unknown())),
        (Era::B, Act::Update(unknown())),
        (Era::B, Act::Reply(unknown())),
    ] {
        let chat = Chat::new(era);
        let mut last = None;
        for times in 1..=2 {
            let verdict = chat.attempt("news", act.clone(), last).await;
            assert!(matches!(verdict.kind, VerdictKind::Retry { times: None, .. }));
            assert_eq!(verdict.reason, Reason::TargetMissing, "{era:?} {act:?}");
            last = Some((verdict.reason, times));
        }
        assert!(chat.messages().is_empty(), "{era:?} {act:?}");
        let verdict = chat.attempt("news", act.clone(), last).await;
        assert_eq!(verdict.kind, VerdictKind::TargetGone);
        // A slow server behind the shim may have stored an attempt after all.
        assert!(verdict.may_be_duplicate, "{era:?} {act:?}");
        assert!(chat.messages().is_empty(), "{era:?} {act:?}");
    }
}

/// Only a missing target makes a new message of a reply: another fault leaves it a reply.
#[actix_web::test]
async fn a_reply_that_meets_another_fault_is_not_posted() {
    let chat = Chat::new(Era::B);
    let opener = chat.deliver("opened", Act::Post).await;
    let fault = Fault::Unavailable { retry_after: None };
    chat.setup.sandbox.set_fault(Some("ch-dev"), Some(fault));
    let last = Some((Reason::Unavailable, 7));
    let verdict = chat.attempt("built", Act::Reply(opener), last).await;
    assert_eq!(verdict.reason, Reason::Unavailable);
    assert_eq!(chat.messages().len(), 1);
}
