//! What an operator does: replay, discard, move.

use super::*;

fn replay_to(event: Uuid, lanes: &[&str], second: i64) -> Replay {
    Replay {
        event,
        decided: None,
        messages: vec![message("hello")],
        deliveries: deliveries(lanes),
        now: at(second),
        release: false,
        audit: None,
    }
}

pub(super) async fn a_replay_notifies_its_lanes_and_adds_one_delivery_while_it_waits(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev"])).await;
    bench.settle("dev", delivered(), 110).await;
    let mut arrivals = bench.queue.arrivals();
    let replay = async |event, second| {
        let replay = replay_to(event, &["dev", "ops"], second);
        bench.queue.replay(replay).await.unwrap()
    };
    assert_eq!(replay(id, 120).await.unwrap(), ["dev".into(), "ops".into()]);
    assert_eq!(&*arrivals.recv().await.unwrap(), "dev");
    assert_eq!(replay(id, 121).await.unwrap(), [], "it waits there already");
    assert!(replay(Uuid::nil(), 122).await.is_none());
    let head = bench.head("dev").await.unwrap();
    assert_eq!((head.event, head.since, head.attempts), (id, at(120), 0));
    let messages = bench.record(id).await.messages;
    assert_eq!(messages.len(), 1, "an equal message is stored once");
    assert_eq!(
        bench.states(id).await,
        [State::Delivered, State::Waiting, State::Waiting]
    );
}

pub(super) async fn a_new_decision_replaces_the_stored_one(bench: Bench) {
    let skipped = skipped_event(1, 100);
    let decided = skipped.decided.clone();
    let id = bench.store(skipped).await;
    let before = bench.record(id).await;
    assert_eq!((before.decided, before.had_deliveries), (decided.clone(), false));

    let mut replay = replay_to(id, &["dev"], 120);
    replay.messages = vec![message("new")];
    let renamed = Decided {
        event_type: "renamed".to_owned(),
        routes: r#"[{"route":7}]"#.to_owned(),
        skipped: None,
        unreadable: None,
        line: None,
    };
    replay.decided = Some(renamed.clone());
    bench.queue.replay(replay.clone()).await.unwrap();
    let record = bench.record(id).await;
    assert_eq!((record.decided, record.had_deliveries), (renamed, true));
    assert_eq!(record.messages, [Some(message("hello")), Some(message("new"))]);
    let head = bench.head("dev").await.unwrap();
    assert_eq!(head.message, Some(message("new")));

    replay.deliveries = Vec::new();
    for reason in ["one", "another"] {
        let skipped = Some(format!(r#"[{{"channels":["dev"],"reason":"{reason}"}}]"#));
        let decided = Decided {
            skipped,
            ..decided.clone()
        };
        replay.decided = Some(decided.clone());
        bench.queue.replay(replay.clone()).await.unwrap();
        assert_eq!(bench.record(id).await.decided, decided);
    }
}

pub(super) async fn a_discarded_delivery_is_dead_unless_its_attempt_succeeds(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev", "ops"])).await;
    let in_flight = bench.claim("dev").await.unwrap();
    for (channel, lanes) in [
        (Some("other"), &[][..]),
        (Some("dev"), &["dev"]),
        (None, &["ops"]),
    ] {
        let discard = Discard {
            event: id,
            channel: channel.map(Arc::from),
            now: at(110),
            audit: None,
        };
        assert_eq!(bench.queue.discard(discard).await.unwrap().unwrap(), lanes);
    }
    assert_eq!(bench.states(id).await, [State::Dead, State::Dead]);
    assert_eq!(bench.waiting().await, 0);
    let reason = bench.record(id).await.deliveries[1].reason.clone();
    assert_eq!(reason.as_deref(), Some("discarded"));

    bench.settle_claim(&in_flight, Outcome::Rejected, 111).await;
    assert_eq!(bench.states(id).await, [State::Dead, State::Dead]);
    bench.settle_claim(&in_flight, delivered(), 112).await;
    assert_eq!(bench.states(id).await, [State::Delivered, State::Dead]);
    let dead = Filter {
        state: Some(EventState::HasDelivery(State::Dead)),
        ..Filter::default()
    };
    assert_eq!(bench.list(dead).await, [id], "one delivery is still dead");
}

pub(super) async fn a_removal_is_counted_before_it_is_answered(bench: Bench) {
    for key in 1..=50 {
        let discard = Discard {
            event: bench.store(event(key, 100, &["dev"])).await,
            channel: None,
            now: at(110),
            audit: None,
        };
        let before = bench.queue.removals();
        bench.queue.discard(discard).await.unwrap();
        assert_eq!(bench.queue.removals(), before + 1);
    }
}

pub(super) async fn a_move_appends_to_the_new_lane_in_order(bench: Bench) {
    let mut expected = Vec::new();
    for key in 1..=5 {
        expected.push(bench.store(event(key, 100, &["old"])).await);
    }
    expected.insert(0, bench.store(event(9, 100, &["new"])).await);
    let mut arrivals = bench.queue.arrivals();
    let mut departures = bench.queue.departures();
    let step = Move {
        from: "old".into(),
        to: "new".into(),
        limit: 3,
        in_flight: true,
        now: at(110),
        audit: None,
    };
    let mut steps = Vec::new();
    for _ in 0..3 {
        let moved = bench.queue.move_lane(step.clone()).await.unwrap();
        steps.push((moved.moved, moved.left));
    }
    assert_eq!(steps, [(3, 2), (2, 0), (0, 0)]);
    assert_eq!(&*arrivals.recv().await.unwrap(), "new");
    assert_eq!(&*departures.recv().await.unwrap(), "old");
    let (mut claimed, mut duplicates) = (Vec::new(), Vec::new());
    while let Some(head) = bench.head("new").await {
        duplicates.push(head.may_be_duplicate);
        claimed.push(bench.settle("new", delivered(), 200).await);
    }
    assert_eq!(claimed, expected);
    // The first two deliveries of each step may have been in flight.
    assert_eq!(duplicates, [false, true, true, false, true, true]);
    assert_eq!(bench.waiting().await, 0);
}
