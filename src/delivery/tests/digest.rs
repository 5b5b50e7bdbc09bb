//! What a lane does when more messages wait in it than people would read.

use super::*;
use crate::message::Urgency;

/// A bench with so many messages to `dev`, of which these are urgent, that posts a digest above three.
async fn filled(peer: &Peer, count: usize, urgent: &[usize]) -> (Bench, Vec<Uuid>) {
    let mut bench = Bench::new([destination(&peer.url, "main", "dev")]);
    bench.settings.digest_above = Some(3);
    let mut events = Vec::new();
    for number in 0..count {
        let line = Block::Paragraph(vec![Inline::Text(format!("message {number}"))]);
        let message = StoredMessage {
            urgency: if urgent.contains(&number) {
                Urgency::Urgent
            } else {
                Urgency::Critical
            },
            ..StoredMessage::new(Document { blocks: vec![line] })
        };
        events.push(bench.enqueue_message(message, &["dev"]).await);
    }
    (bench, events)
}

/// The state of an event's delivery, and the event whose delivery carries it.
async fn carried(bench: &Bench, event: Uuid) -> (State, Option<Uuid>) {
    let record = bench.queue.event(event).await.unwrap().unwrap();
    (record.deliveries[0].state, record.deliveries[0].carried_by)
}

#[actix_web::test]
async fn many_messages_become_one_digest_and_urgent_ones_pass_before_it() {
    let peer = Peer::start();
    let (mut bench, events) = filled(&peer, 30, &[7, 20]).await;
    bench.start();
    bench.until_delivered(events[0]).await;
    let texts = peer.texts("dev");
    assert_eq!(texts[..2], ["message 7", "message 20"]);
    assert!(
        texts[2].starts_with("📦 28 events since 1 Mar 10:00 UTC\ngithub: 28 push\n"),
        "{}",
        texts[2]
    );
    assert!(
        texts[2].contains("message 0\n") && texts[2].ends_with("and 8 more"),
        "{}",
        texts[2]
    );
    assert_eq!(texts.len(), 3);
    for (number, event) in events.iter().enumerate() {
        let expected = match number {
            0 | 7 | 20 => (State::Delivered, None),
            _ => (State::Skipped, Some(events[0])),
        };
        assert_eq!(carried(&bench, *event).await, expected, "{number}");
    }
    let lanes = bench.queue.lanes().await.unwrap();
    assert_eq!(lanes[0].waiting, 0);
}

#[actix_web::test]
async fn few_messages_are_posted_each_by_itself_and_so_are_all_without_a_limit() {
    for (count, above) in [(3, Some(3)), (30, None)] {
        let peer = Peer::start();
        let (mut bench, events) = filled(&peer, count, &[]).await;
        bench.settings.digest_above = above;
        bench.start();
        bench.until_delivered(events[count - 1]).await;
        assert_eq!(peer.texts("dev").len(), count);
    }
}

#[actix_web::test]
async fn a_digest_that_fails_is_attempted_again_and_one_that_is_refused_is_posted_message_by_message() {
    let peer = Peer::start();
    let (mut bench, events) = filled(&peer, 5, &[]).await;
    peer.play("dev", Play::Status(503, None));
    bench.start();
    bench.until_attempts(events[0], 1).await;
    assert_eq!(carried(&bench, events[4]).await, (State::Waiting, None));
    peer.play("dev", Play::Fine);
    bench.advance_to_due("dev").await;
    bench.until_delivered(events[0]).await;
    assert_eq!(
        carried(&bench, events[4]).await,
        (State::Skipped, Some(events[0]))
    );

    let peer = Peer::start();
    let (mut bench, events) = filled(&peer, 4, &[]).await;
    peer.play("dev", Play::Status(413, None));
    bench.start();
    bench
        .until(events[0], |delivery| delivery.state == State::Dead)
        .await;
    peer.play("dev", Play::Fine);
    bench.until_delivered(events[3]).await;
    let texts = peer.texts("dev");
    assert!(texts[0].starts_with("📦 4 events"), "{texts:?}");
    assert_eq!(texts[1], "message 0");
}
