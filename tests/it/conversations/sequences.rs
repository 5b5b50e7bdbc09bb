//! Sequences of events, and what the channel shows afterwards.

use super::*;
use twake_bridge::message::Version;
use twake_bridge::queue::{Done, Enqueued};
use twake_bridge::sandbox::{ActiveFault, Fault};

const OPENER: Option<Slot> = Some(Slot::Opener);

#[actix_web::test]
async fn the_first_event_opens_and_later_ones_reply_update_or_do_both() {
    for chat in CHATS {
        let mut bench = Bench::new(chat);
        // All of them wait when the lane starts, so each is claimed while the one before is in flight.
        let opener = bench.enqueue("1", |_| {}).await;
        let reply = bench.enqueue("2", |_| {}).await;
        bench
            .enqueue("3", |it| (it.slot, it.unchanged) = (Some(slot("review")), UPDATE))
            .await;
        let review = bench
            .enqueue("4", |it| (it.slot, it.unchanged) = (Some(slot("review")), UPDATE))
            .await;
        let both = bench
            .enqueue("5", |it| (it.slot, it.unchanged) = (OPENER, BOTH))
            .await;
        bench.start();
        bench.ended(both).await;
        assert_eq!(
            bench.seen(),
            [
                "5.update",
                "5.update > 2.reply",
                "5.update > 4.update",
                "5.update > 5.reply"
            ],
            "{chat:?}"
        );
        for (event, done) in [
            (opener, Done::Post),
            (reply, Done::Reply),
            (review, Done::Update),
            (both, Done::UpdateAndReply),
        ] {
            assert_eq!(bench.last_delivery(event).await.done, Some(done), "{chat:?}");
        }
    }
}

#[actix_web::test]
async fn conversations_with_other_keys_are_apart_and_a_closed_one_opens_anew() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        bench.post("1", |_| {}).await;
        bench.post("a", |it| it.key = "other".to_owned()).await;
        bench.post("2", |it| it.closes = true).await;
        bench.post("b", |it| it.key = "other".to_owned()).await;
        bench.post("3", |_| {}).await;
        bench.post("4", |_| {}).await;
        let not_open = bench
            .post("5", |it| (it.opens, it.key) = (false, "none".to_owned()))
            .await;
        assert_eq!(
            (not_open.state, not_open.reason.as_deref(), not_open.attempts),
            (State::Skipped, Some("not_open"), 0)
        );
        let expected = ["1", "a", "1 > 2.reply", "a > b.reply", "3", "3 > 4.reply"];
        assert_eq!(bench.seen(), expected, "{chat:?}");
    }
}

#[actix_web::test]
async fn the_store_keeps_a_conversation_until_it_expires() {
    for chat in CHATS {
        let mut bench = Bench::started(chat);
        bench.post("1", |_| {}).await;
        bench.restart().await;
        bench.post("2", |_| {}).await;
        bench.clock.advance(Duration::from_secs(3_599));
        bench.post("3", |_| {}).await;
        bench.clock.advance(Duration::from_secs(3_601));
        bench.post("4", |_| {}).await;
        assert_eq!(bench.seen(), ["1", "1 > 2.reply", "1 > 3.reply", "4"], "{chat:?}");
    }
}

/// A server of the first eras posts a reply to nothing as it is.
#[actix_web::test]
async fn after_the_deletion_of_an_opener_the_next_message_opens_anew() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        let opener = bench.post("1", |_| {}).await;
        bench.delete(&opener).await;
        let second = bench.post("2", |_| {}).await;
        bench.post("3", |_| {}).await;
        let text = if chat.1 == Era::A2021 { "2.reply" } else { "2" };
        assert_eq!(
            bench.seen(),
            [text.to_owned(), format!("{text} > 3.reply")],
            "{chat:?}"
        );
        assert_eq!(second.done, Some(Done::Post));

        // An update, and an update with a reply, become one new message.
        bench.delete(&second).await;
        let third = bench
            .post("4", |it| (it.slot, it.unchanged) = (OPENER, BOTH))
            .await;
        assert_eq!(third.done, Some(Done::Post));
        bench.post("5", |_| {}).await;
        let seen = bench.seen();
        assert_eq!(seen[seen.len() - 2..], ["4", "4 > 5.reply"], "{chat:?}");
    }
}

#[actix_web::test]
async fn after_the_rejection_of_an_opener_the_next_message_opens_and_the_first_follows_it() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        bench.sandbox.set_active_fault(ActiveFault {
            channel: None,
            fault: Fault::TooLarge,
            times: Some(1),
        });
        let opens = new_event(
            &bench.clock,
            message(
                "1",
                Conversation {
                    slot: OPENER,
                    unchanged: UPDATE,
                    ..conversation("key", "1")
                },
            ),
        );
        let (key, first) = (opens.key, opens.envelope.id);
        bench.queue().enqueue(opens).await.unwrap();
        assert_eq!(bench.ended(first).await.state, State::Dead, "{chat:?}");
        bench.post("2", |_| {}).await;
        bench.post("3", |_| {}).await;
        // The sender sends it again: it keeps its place, and is older than what is shown.
        let again = NewEvent {
            key,
            ..new_event(&bench.clock, message("1", conversation("key", "1")))
        };
        let put_back = bench.queue().enqueue(again).await.unwrap();
        assert!(matches!(put_back, Enqueued::PutBack { .. }), "{put_back:?}");
        let older = bench.ended(first).await;
        assert_eq!(
            (older.state, older.reason.as_deref()),
            (State::Skipped, Some("older"))
        );
        assert_eq!(bench.seen(), ["2", "2 > 3.reply"], "{chat:?}");
    }
}

#[actix_web::test]
async fn in_another_destination_a_conversation_opens_anew() {
    for chat in CHATS {
        let mut bench = Bench::started(chat);
        bench.post("1", |_| {}).await;
        bench.stop().await;
        let dev = bench.destination.clone();
        bench.destination = destination(bench.api, &bench.sandbox, "ops");
        bench.start();
        bench.post("2", |_| {}).await;
        bench.post("3", |_| {}).await;
        let ops = seen(&bench.sandbox, &channel(bench.api, "ops"));
        assert_eq!(ops, ["2", "2 > 3.reply"], "{chat:?}");
        bench.stop().await;
        bench.destination = dev;
        bench.start();
        bench.post("4", |_| {}).await;
        assert_eq!(bench.seen(), ["1", "4"], "{chat:?}");
    }
}

#[actix_web::test]
async fn a_replay_is_a_reply_and_never_an_update() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        let update = |it: &mut Conversation| (it.slot, it.unchanged) = (OPENER, UPDATE);
        bench.post("1", update).await;
        let second = bench.enqueue("2", update).await;
        bench.ended(second).await;
        bench.post("3", update).await;
        let replayed = bench.replay(second).await;
        assert!(replayed.is_replay);
        assert_eq!(bench.seen(), ["3.update", "3.update > 2.reply"], "{chat:?}");
    }
}

/// Only an update that nothing between could need is left out.
#[actix_web::test]
async fn an_update_is_skipped_if_a_later_one_of_the_same_message_waits() {
    for chat in CHATS {
        let mut bench = Bench::started(chat);
        let update = |it: &mut Conversation| (it.slot, it.unchanged, it.changed) = (OPENER, UPDATE, UPDATE);
        bench.post("1", |_| {}).await;
        bench.stop().await;
        let first = bench.enqueue("2", update).await;
        let other = bench.enqueue("3", |_| {}).await;
        let second = bench.enqueue("4", update).await;
        let closing = |it: &mut Conversation| {
            update(it);
            it.closes = true;
        };
        let last = bench.enqueue("5", closing).await;
        let anew = bench.enqueue("6", update).await;
        bench.start();
        bench.ended(anew).await;
        for (event, carried_by) in [(first, second), (second, last)] {
            let skipped = bench.last_delivery(event).await;
            assert_eq!((skipped.state, skipped.attempts), (State::Skipped, 0), "{chat:?}");
            assert_eq!(skipped.reason.as_deref(), Some("superseded"));
            assert_eq!(skipped.carried_by, Some(carried_by));
        }
        assert_eq!(bench.last_delivery(other).await.done, Some(Done::Reply));
        assert_eq!(bench.last_delivery(last).await.done, Some(Done::Update));
        assert_eq!(bench.seen(), ["5.update", "5.update > 3.reply", "6"], "{chat:?}");
    }
}

#[actix_web::test]
async fn an_update_is_not_skipped_for_an_older_one_that_waits() {
    for chat in CHATS {
        let mut bench = Bench::started(chat);
        let update = |version: f64| {
            move |it: &mut Conversation| {
                (it.slot, it.unchanged, it.changed) = (OPENER, UPDATE, UPDATE);
                it.version = Some(Version::Number(version));
            }
        };
        bench.post("1", update(1.0)).await;
        bench.stop().await;
        bench.enqueue("2", update(3.0)).await;
        let older = bench.enqueue("3", update(2.0)).await;
        bench.start();
        let older = bench.ended(older).await;
        assert_eq!(older.reason.as_deref(), Some("older"), "{chat:?}");
        assert_eq!(bench.seen(), ["2.update"], "{chat:?}");
    }
}

#[actix_web::test]
async fn values_of_the_conversation_are_those_at_the_claim() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        let counted = |it: &mut Conversation| {
            (it.slot, it.unchanged) = (OPENER, BOTH);
            it.update = Some(text("failed ", Some(ConversationField::Count)));
            it.reply = Some(text("again after ", Some(ConversationField::Duration)));
        };
        bench.post("1", counted).await;
        bench.clock.advance(Duration::from_secs(120));
        bench.post("2", counted).await;
        bench.post("3", counted).await;
        let expected = [
            "failed 3",
            "failed 3 > again after 2 min",
            "failed 3 > again after 2 min",
        ];
        assert_eq!(bench.seen(), expected, "{chat:?}");
    }
}
