//! A message that several events make: a review and its comments, in each API. Dead letters, a digest, replays, restarts.

use super::*;
use twake_bridge::message::{Item, Version};
use twake_bridge::sandbox::{ActiveFault, Fault};

/// A text with the items of its message below it.
fn with_items(name: &str) -> Document {
    let mut document = text(name, None);
    let place = Inline::Conversation(ConversationField::Items);
    document.blocks.push(Block::Paragraph(vec![place]));
    document
}

fn review(it: &mut Conversation) {
    (it.slot, it.unchanged, it.changed) = (Some(slot("review")), UPDATE, UPDATE);
    it.version = Some(Version::Number(1.0));
    it.update = Some(with_items("approved"));
}

fn comment(name: &str) -> impl FnOnce(&mut Conversation) + use<> {
    let item = Item {
        key: name.to_owned(),
        text: text(name, None),
    };
    move |it| {
        review(it);
        it.version = Some(Version::Number(0.0));
        it.update = Some(with_items("reviewed"));
        it.item = Some(item);
    }
}

/// The whole text of each message, in one line.
fn whole(bench: &Bench) -> Vec<String> {
    let messages = bench.sandbox.messages(&channel(bench.api, "dev"));
    let text = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    messages
        .iter()
        .map(|message| text(message.notification()))
        .collect()
}

#[actix_web::test]
async fn a_review_and_its_comments_are_one_message_whichever_comes_first_also_over_a_restart() {
    for chat in CHATS {
        for order in [["r", "a", "b"], ["a", "r", "b"], ["a", "b", "r"]] {
            let mut bench = Bench::started(chat);
            bench.post("1", |_| {}).await;
            for name in order {
                match name {
                    "r" => bench.post("r", review).await,
                    name => bench.post(name, comment(name)).await,
                };
                bench.restart().await;
            }
            assert_eq!(whole(&bench), ["1", "approved • a • b"], "{chat:?} {order:?}");
        }
    }
}

#[actix_web::test]
async fn a_comment_whose_delivery_is_dead_is_missing_until_it_is_replayed() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        bench.post("1", |_| {}).await;
        bench.post("a", comment("a")).await;
        bench.sandbox.set_active_fault(ActiveFault {
            channel: None,
            fault: Fault::TooLarge,
            times: Some(1),
        });
        let dead = bench.enqueue("b", comment("b")).await;
        assert_eq!(bench.ended(dead).await.state, State::Dead, "{chat:?}");
        bench.post("r", review).await;
        bench.post("c", comment("c")).await;
        assert_eq!(whole(&bench), ["1", "approved • a • c"], "{chat:?}");
        bench.replay(dead).await;
        assert_eq!(whole(&bench), ["1", "approved • a • c", "b.reply"], "{chat:?}");
    }
}

#[actix_web::test]
async fn comments_that_wait_together_are_all_in_the_message() {
    for chat in CHATS {
        let mut bench = Bench::new(chat);
        bench.enqueue("1", |_| {}).await;
        for name in ["a", "b", "c", "b"] {
            bench.enqueue(name, comment(name)).await;
        }
        let last = bench.enqueue("r", review).await;
        bench.start();
        bench.ended(last).await;
        assert_eq!(whole(&bench), ["1", "approved • a • b • c"], "{chat:?}");
    }
}

#[actix_web::test]
async fn without_conversations_each_of_them_is_a_message_with_its_own_text() {
    for chat in CHATS {
        let mut bench = Bench::new(chat);
        match &mut bench.destination {
            Destination::MessagesSave(of) => of.conversations = false,
            Destination::Threads(of) => of.conversations = false,
            Destination::Matrix(of) => of.conversations = false,
        }
        bench.start();
        bench.post("a", comment("a")).await;
        bench.post("r", review).await;
        bench.post("b", comment("b")).await;
        assert_eq!(whole(&bench), ["a", "r", "b"], "{chat:?}");
    }
}

/// Nothing is kept of what a digest carries. The message that comes after it has its own text.
#[actix_web::test]
async fn a_review_after_a_digest_of_its_comments_is_posted_with_its_own_text() {
    for chat in CHATS {
        let mut bench = Bench::new(chat);
        for name in ["1", "a", "b", "c"] {
            match name {
                "1" => bench.enqueue("1", |_| {}).await,
                name => bench.enqueue(name, comment(name)).await,
            };
        }
        bench.digest_above = Some(2);
        bench.start();
        let waits = |all: &[twake_bridge::sandbox::SandboxMessage]| !all.is_empty();
        let id = channel(bench.api, "dev");
        in_time("the digest", bench.sandbox.wait_for(&id, waits)).await;
        bench.post("r", review).await;
        bench.post("d", comment("d")).await;
        let whole = whole(&bench);
        assert!(whole[0].contains("4 events"), "{whole:?}");
        assert_eq!(whole[1..], ["approved • d"], "{chat:?}");
    }
}

/// The update stands, and what it shows is kept: an older event does not change it.
#[actix_web::test]
async fn an_update_whose_reply_is_rejected_is_kept() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        let numbered = |number: f64, follow_up| {
            move |it: &mut Conversation| {
                (it.slot, it.unchanged, it.changed) = (Some(Slot::Opener), follow_up, follow_up);
                it.version = Some(Version::Number(number));
            }
        };
        bench.post("1", numbered(1.0, UPDATE)).await;
        let slow = Fault::SlowAfterStoring {
            delay: Duration::from_millis(300),
        };
        let once = |fault| ActiveFault {
            channel: None,
            fault,
            times: Some(1),
        };
        bench.sandbox.set_active_fault(once(slow));
        let event = bench.enqueue("3", numbered(3.0, BOTH)).await;
        let id = channel(bench.api, "dev");
        let is_updated = |all: &[twake_bridge::sandbox::SandboxMessage]| all.iter().any(|it| it.edited);
        in_time("the update", bench.sandbox.wait_for(&id, is_updated)).await;
        bench.sandbox.set_active_fault(once(Fault::TooLarge));
        assert_eq!(bench.ended(event).await.state, State::Dead, "{chat:?}");
        let older = bench.post("2", numbered(2.0, UPDATE)).await;
        assert_eq!(older.reason.as_deref(), Some("older"), "{chat:?}");
        assert_eq!(bench.seen(), ["3.update"], "{chat:?}");
    }
}
