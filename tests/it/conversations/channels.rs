//! What a channel's settings and a chat's clients make of a conversation.

use super::*;
use twake_bridge::message::Level;
use twake_bridge::queue::Done;
use twake_bridge::sandbox::{ActiveFault, Fault};

#[actix_web::test]
async fn without_conversations_every_event_is_a_message_of_its_own() {
    for chat in CHATS {
        let mut bench = Bench::new(chat);
        match &mut bench.destination {
            Destination::MessagesSave(of) => of.conversations = false,
            Destination::Threads(of) => of.conversations = false,
            Destination::Matrix(of) => of.conversations = false,
        }
        bench.start();
        bench.post("1", |_| {}).await;
        bench
            .post("2", |it| (it.slot, it.unchanged) = (Some(Slot::Opener), UPDATE))
            .await;
        bench.post("3", |it| it.opens = false).await;
        assert_eq!(bench.seen(), ["1", "2", "3"], "{chat:?}");
    }
}

#[actix_web::test]
async fn a_reply_that_must_be_seen_in_the_channel_stands_outside_the_thread_of_matrix() {
    let bench = Bench::started((Api::Matrix, Era::B));
    let opener = bench.post("1", |_| {}).await.twake_id.unwrap();
    bench.post("2", |it| it.also_in_channel = true).await;
    bench.post("3", |_| {}).await;
    let messages = bench.sandbox.messages("!dev");
    let relations: Vec<_> = messages
        .iter()
        .map(|message| message.content()["m.relates_to"].clone())
        .collect();
    assert_eq!(relations[1]["m.in_reply_to"]["event_id"], *opener);
    assert_eq!(relations[1]["rel_type"], serde_json::Value::Null);
    assert_eq!(
        (&relations[2]["rel_type"], &relations[2]["event_id"]),
        (&"m.thread".into(), &opener.into())
    );
}

/// A server of the first generation shows a reply only under its opener.
#[actix_web::test]
async fn a_reply_that_must_be_seen_in_the_channel_has_a_line_there_in_the_first_generation_of_twake() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        bench.post("1", |_| {}).await;
        let long = |it: &mut Conversation| {
            it.also_in_channel = true;
            let mut reply = text("2.reply", None);
            reply.blocks.extend(text("more", None).blocks);
            it.reply = Some(reply);
        };
        let reply = bench.post("2", long).await;
        bench.post("3", |_| {}).await;
        let expected: &[&str] = match chat {
            (_, Era::A2021) => &["1", "1 > 2.reply", "2.reply…", "1 > 3.reply"],
            // It is not in the thread at all.
            (Api::Matrix, _) => &["1", "2.reply", "1 > 3.reply"],
            _ => &["1", "1 > 2.reply", "1 > 3.reply"],
        };
        assert_eq!(bench.seen(), expected, "{chat:?}");
        assert_eq!(reply.done, Some(Done::Reply));
        // What follows replies to the opener, not to the line.
        let level = |value| Level {
            value,
            also_in_channel: true,
        };
        bench.post("4", |it| it.level = Some(level(1.0))).await;
        bench.post("5", |it| it.level = Some(level(2.0))).await;
        let lines = bench.seen().iter().filter(|line| *line == "5.reply").count();
        let is_apart = chat.1 == Era::A2021 || chat.0 == Api::Matrix;
        assert_eq!(lines, usize::from(is_apart), "{chat:?}");
    }
}

/// A line in the channel that fails changes nothing: the reply is there.
#[actix_web::test]
async fn a_line_in_the_channel_that_fails_is_not_attempted_again() {
    let bench = Bench::started((Api::MessagesSave, Era::A2021));
    bench.post("1", |_| {}).await;
    let slow = Fault::SlowAfterStoring {
        delay: Duration::from_millis(300),
    };
    let once = |fault| ActiveFault {
        channel: None,
        fault,
        times: Some(1),
    };
    bench.sandbox.set_active_fault(once(slow));
    let event = bench.enqueue("2", |it| it.also_in_channel = true).await;
    let is_there = |all: &[twake_bridge::sandbox::SandboxMessage]| all.len() == 2;
    in_time("the reply", bench.sandbox.wait_for("ch-dev", is_there)).await;
    bench.sandbox.set_active_fault(once(Fault::BadGateway));
    let reply = bench.ended(event).await;
    assert_eq!((reply.attempts, reply.done), (1, Some(Done::Reply)));
    assert_eq!(bench.seen(), ["1", "1 > 2.reply"]);
}

/// The update is made again, which changes nothing.
#[actix_web::test]
async fn an_attempt_whose_reply_fails_after_its_update_is_repeated_as_a_whole() {
    for chat in CHATS {
        let bench = Bench::started(chat);
        bench.post("1", |_| {}).await;
        let made = |attempts: &[twake_bridge::sandbox::Attempt]| {
            attempts.iter().filter(|attempt| attempt.id.is_some()).count()
        };
        let gate = Fault::SlowAfterStoring {
            delay: Duration::from_millis(300),
        };
        let once = |fault| ActiveFault {
            channel: None,
            fault,
            times: Some(1),
        };
        // While the update is answered slowly, the fault of the reply is set.
        bench.sandbox.set_active_fault(once(gate));
        let both = |it: &mut Conversation| (it.slot, it.unchanged) = (Some(Slot::Opener), BOTH);
        let event = bench.enqueue("2", both).await;
        let id = channel(bench.api, "dev");
        let stored = bench
            .sandbox
            .wait_for(&id, |all| all.iter().any(|message| message.edited));
        in_time("the update", stored).await;
        bench.sandbox.set_active_fault(once(Fault::BadGateway));
        let delivery = bench.ended(event).await;
        assert_eq!(
            (delivery.attempts, delivery.done),
            (2, Some(Done::UpdateAndReply))
        );
        assert_eq!(bench.seen(), ["2.update", "2.update > 2.reply"], "{chat:?}");
        assert!(made(&bench.sandbox.attempts(&id)) <= 4, "{chat:?}");
    }
}
