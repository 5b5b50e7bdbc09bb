//! What a lane does in the quiet hours of its channel, and at their end.

use super::*;
use crate::message::{Conversation, ConversationField, FollowUp, Quiet, Slot, Urgency};
use std::collections::BTreeMap;

/// A channel `dev` that is quiet at the start of the clock (10:00) until noon. Less than a warning waits.
fn quiet(peer: &Peer) -> Destination {
    let at = |hour| jiff::civil::time(hour, 0, 0, 0);
    Destination {
        readers: Readers {
            quiet: Some(Quiet {
                from: at(9),
                to: at(12),
                days: [true; 7],
                below: Urgency::Warning,
                zone: jiff::tz::TimeZone::UTC,
            }),
            ..Readers::default()
        },
        ..destination(&peer.url, "main", "dev")
    }
}

fn message(text: &str, urgency: Urgency) -> StoredMessage {
    let line = Block::Paragraph(vec![Inline::Text(text.to_owned())]);
    StoredMessage {
        urgency,
        ..StoredMessage::new(Document { blocks: vec![line] })
    }
}

/// An alert that fires or is resolved, in a conversation as the built-in templates have it.
fn alert(text: &str, urgency: Urgency, fires: bool) -> StoredMessage {
    let both = FollowUp {
        reply: true,
        update: true,
    };
    let conversation = Conversation {
        key: "grafana | disk".to_owned(),
        slot: Some(Slot::Opener),
        unchanged: FollowUp { reply: false, ..both },
        changed: both,
        opens: fires,
        closes: !fires,
        also_in_channel: false,
        expires: 30 * 86_400,
        version: None,
        state: Some(if fires { "firing" } else { "resolved" }.to_owned()),
        first: BTreeMap::new(),
        reply: None,
        update: None,
        item: None,
        level: None,
    };
    StoredMessage {
        conversation: Some(Box::new(conversation)),
        ..message(text, urgency)
    }
}

impl Bench {
    async fn until_settled(&self, event: Uuid) -> DeliveryRecord {
        self.until(event, |delivery| delivery.state != State::Waiting)
            .await
    }

    async fn is_waiting(&self, event: Uuid) -> bool {
        let record = self.queue.event(event).await.unwrap().unwrap();
        record.deliveries[0].state == State::Waiting
    }
}

const SECOND: Duration = Duration::from_secs(1);
const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

#[actix_web::test]
async fn in_quiet_hours_only_what_is_urgent_passes_and_at_their_end_one_digest_takes_the_place_of_the_rest() {
    for restart in [false, true] {
        let peer = Peer::start();
        let mut bench = Bench::started([quiet(&peer)]);
        let mut held = Vec::new();
        for (text, urgency) in [
            ("push", Urgency::None),
            ("note", Urgency::Info),
            ("tag", Urgency::None),
        ] {
            held.push(bench.enqueue_message(message(text, urgency), &["dev"]).await);
        }
        for (text, urgency) in [("warning", Urgency::Warning), ("urgent", Urgency::Urgent)] {
            let passes = bench.enqueue_message(message(text, urgency), &["dev"]).await;
            bench.until_delivered(passes).await;
        }
        assert_eq!(peer.texts("dev"), ["warning", "urgent"]);
        if restart {
            bench.stop().await;
            bench.clock.advance(TWO_HOURS);
            bench.start();
        } else {
            bench.clock.advance(TWO_HOURS);
        }
        bench.until_delivered(held[0]).await;
        let texts = peer.texts("dev");
        assert_eq!(texts.len(), 3, "{texts:?}");
        let digest = "📦 3 events since 1 Mar 10:00 UTC\ngithub: 3 push\n• push\n• note\n• tag";
        assert_eq!(texts[2], digest);
        for event in &held[1..] {
            let record = bench.queue.event(*event).await.unwrap().unwrap();
            assert_eq!(record.deliveries[0].carried_by, Some(held[0]));
        }
        // By day, each message is posted by itself.
        let by_day = bench.enqueue("by day", &["dev"]).await;
        bench.until_delivered(by_day).await;
        assert_eq!(peer.texts("dev")[3], "by day");
    }
}

#[actix_web::test]
async fn one_held_message_is_posted_by_itself_and_other_channels_are_not_quiet() {
    let peer = Peer::start();
    let bench = Bench::started([quiet(&peer), destination(&peer.url, "main", "ops")]);
    let both = bench.enqueue("push", &["ops", "dev"]).await;
    bench.until_delivered(both).await;
    let urgent = bench
        .enqueue_message(message("urgent", Urgency::Urgent), &["dev"])
        .await;
    bench.until_delivered(urgent).await;
    assert_eq!(peer.texts("dev"), ["urgent"]);
    bench.clock.advance(TWO_HOURS);
    peer.until_requests(3).await;
    assert!(
        peer.texts("dev")[1].starts_with("push\n"),
        "{:?}",
        peer.texts("dev")
    );
}

#[actix_web::test]
async fn a_channel_that_is_not_quiet_any_more_after_a_reload_gets_what_was_held() {
    let peer = Peer::start();
    let bench = Bench::started([quiet(&peer)]);
    let held = bench.enqueue("push", &["dev"]).await;
    let urgent = bench
        .enqueue_message(message("urgent", Urgency::Urgent), &["dev"])
        .await;
    bench.until_delivered(urgent).await;
    bench
        .destinations
        .send_replace(destinations([destination(&peer.url, "main", "dev")]));
    bench.until_delivered(held).await;
    assert_eq!(peer.texts("dev"), ["urgent", "push"]);
}

#[actix_web::test]
async fn an_alert_that_fired_and_was_resolved_meanwhile_is_one_line() {
    let peer = Peer::start();
    let bench = Bench::started([quiet(&peer)]);
    let first = bench.enqueue("push", &["dev"]).await;
    let fired = alert("disk fires", Urgency::Info, true);
    bench.enqueue_message(fired, &["dev"]).await;
    // It is as urgent as what passes, and waits for what it resolves.
    let resolved = alert("disk is fine", Urgency::Urgent, false);
    let resolved = bench.enqueue_message(resolved, &["dev"]).await;
    let urgent = bench
        .enqueue_message(message("urgent", Urgency::Urgent), &["dev"])
        .await;
    bench.until_delivered(urgent).await;
    assert!(bench.is_waiting(resolved).await);
    bench.clock.advance(TWO_HOURS);
    bench.until_delivered(first).await;
    let texts = peer.texts("dev");
    assert!(texts[1].starts_with("📦 3 events"), "{texts:?}");
    let lines = "• push\n• disk is fine (2 events)";
    assert!(texts[1].ends_with(lines), "{texts:?}");
    // The digest has shown that it fired.
    let mut again = alert("disk fires", Urgency::Info, true);
    let field = ConversationField::Again {
        before: "it is ".to_owned(),
    };
    let line = Block::Paragraph(vec![Inline::Conversation(field)]);
    again.message.blocks.push(line);
    let again = bench.enqueue_message(again, &["dev"]).await;
    bench.until_delivered(again).await;
    let texts = peer.texts("dev");
    assert!(texts[2].ends_with("it is again, 2nd time in 24 h"), "{texts:?}");
}

#[actix_web::test]
async fn a_critical_alert_passes_its_opener_and_the_end_of_it_updates_it_after_the_digest() {
    let peer = Peer::start();
    let bench = Bench::started([quiet(&peer)]);
    let warned = bench
        .enqueue_message(alert("disk is filling", Urgency::Info, true), &["dev"])
        .await;
    bench.clock.advance(SECOND);
    let critical = bench
        .enqueue_message(alert("disk is full", Urgency::Urgent, true), &["dev"])
        .await;
    bench.until_delivered(critical).await;
    bench.clock.advance(SECOND);
    let push = bench.enqueue("push", &["dev"]).await;
    let resolved = bench
        .enqueue_message(alert("disk is fine", Urgency::Info, false), &["dev"])
        .await;
    assert!(bench.is_waiting(warned).await && bench.is_waiting(resolved).await);
    bench.clock.advance(TWO_HOURS);
    bench.until_delivered(resolved).await;
    let texts = peer.texts("dev");
    assert_eq!(texts[0], "disk is full");
    assert!(texts[1].starts_with("📦 2 events"), "{texts:?}");
    assert!(texts[1].ends_with("• disk is filling\n• push"), "{texts:?}");
    // An update of the first message, and a reply to it.
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(
        texts[2..].iter().all(|text| text.starts_with("disk is fine")),
        "{texts:?}"
    );
    assert_eq!(bench.until_settled(push).await.state, State::Skipped);
}

#[actix_web::test]
async fn a_flood_of_what_passes_becomes_a_digest_in_quiet_hours_and_what_is_held_is_no_flood() {
    let peer = Peer::start();
    let mut bench = Bench::new([quiet(&peer)]);
    bench.settings.digest_above = Some(3);
    let mut held = Vec::new();
    for number in 0..10 {
        held.push(bench.enqueue(&format!("push {number}"), &["dev"]).await);
    }
    let warning = |number| message(&format!("warning {number}"), Urgency::Warning);
    let one = bench.enqueue_message(warning(0), &["dev"]).await;
    bench.start();
    bench.until_delivered(one).await;
    assert_eq!(peer.texts("dev"), ["warning 0"]);
    bench.stop().await;
    let mut flood = Vec::new();
    for number in 1..=4 {
        flood.push(bench.enqueue_message(warning(number), &["dev"]).await);
    }
    bench.start();
    bench.until_delivered(flood[0]).await;
    let texts = peer.texts("dev");
    assert!(texts[1].starts_with("📦 4 events"), "{texts:?}");
    assert!(bench.is_waiting(held[0]).await);
}
