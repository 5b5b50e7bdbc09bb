//! What an operator asks of the store, and does to it.

use super::*;

/// An event with the id that its time gives it.
fn timed(key: u8, second: i64, lanes: &[&str]) -> NewEvent {
    let mut event = event(key, second, lanes);
    let milliseconds = u128::try_from(second * 1_000).unwrap();
    event.envelope.id = Uuid::from_u128((milliseconds << 80) | u128::from(key));
    event
}

fn listing(filter: Filter) -> Listing {
    Listing {
        filter,
        after: None,
        limit: 100,
        effort: 1_000,
    }
}

async fn listed(queue: &Queue, filter: Filter) -> Vec<Uuid> {
    let page = queue.list(listing(filter)).await.unwrap();
    page.events.iter().map(|line| line.id).collect()
}

fn replay_to(event: Uuid, lanes: &[&str], second: i64) -> NewReplay {
    NewReplay {
        event,
        decided: None,
        messages: vec![said("hello")],
        deliveries: lanes
            .iter()
            .map(|lane| NewDelivery {
                lane: (*lane).into(),
                message: 0,
            })
            .collect(),
        now: at(second),
    }
}

#[tokio::test]
async fn a_list_is_what_every_filter_holds_of_newest_first() {
    let kept = fresh();
    let silent = stored(&kept.queue, timed(1, 100, &[])).await;
    let both = stored(&kept.queue, timed(2, 200, &["dev", "ops"])).await;
    let mut other = timed(3, 300, &["dev"]);
    other.decided.event_type = "ping".to_owned();
    other.envelope.source = "gitea".into();
    other.envelope.secret = "file:old".to_owned();
    other.decided.unreadable = Some("not JSON".to_owned());
    let other = stored(&kept.queue, other).await;
    settle(&kept.queue, "ops", Outcome::Rejected, 310).await;
    let standing = |state| Filter {
        state: Some(state),
        ..Filter::default()
    };
    let text = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (Filter::default(), vec![other, both, silent]),
        (
            Filter {
                source: text("github"),
                ..Filter::default()
            },
            vec![both, silent],
        ),
        (
            Filter {
                event_type: text("ping"),
                ..Filter::default()
            },
            vec![other],
        ),
        (
            Filter {
                secret: text("file:old"),
                ..Filter::default()
            },
            vec![other],
        ),
        (
            Filter {
                channel: text("dev"),
                ..Filter::default()
            },
            vec![other, both],
        ),
        (
            Filter {
                channel: text("nowhere"),
                ..Filter::default()
            },
            vec![],
        ),
        (
            Filter {
                since: Some(at(200)),
                until: Some(at(300)),
                ..Filter::default()
            },
            vec![both],
        ),
        (standing(Standing::Skipped), vec![silent]),
        (standing(Standing::Unreadable), vec![other]),
        (standing(Standing::Has(State::Waiting)), vec![other, both]),
        (standing(Standing::Has(State::Delivered)), vec![]),
        (standing(Standing::Has(State::Dead)), vec![both]),
        (
            Filter {
                channel: text("dev"),
                ..standing(Standing::Has(State::Dead))
            },
            vec![],
        ),
        (
            Filter {
                channel: text("ops"),
                ..standing(Standing::Has(State::Dead))
            },
            vec![both],
        ),
        (
            Filter {
                channel: text("ops"),
                ..standing(Standing::Skipped)
            },
            vec![],
        ),
        (
            Filter {
                source: text("gitea"),
                event_type: text("push"),
                ..Filter::default()
            },
            vec![],
        ),
    ] {
        assert_eq!(listed(&kept.queue, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_none_looks_at_more_than_its_effort() {
    let kept = fresh();
    let mut ids = Vec::new();
    for key in 0..20 {
        let mut event = timed(key, 100 + i64::from(key), &["dev"]);
        event.envelope.source = if key == 0 { "rare" } else { "github" }.into();
        ids.insert(0, stored(&kept.queue, event).await);
    }
    let mut listing = listing(Filter {
        channel: Some("dev".to_owned()),
        ..Filter::default()
    });
    listing.limit = 7;
    let mut found = Vec::new();
    loop {
        let page = kept.queue.list(listing.clone()).await.unwrap();
        assert!(page.events.len() <= 7);
        found.extend(page.events.iter().map(|line| line.id));
        listing.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(found, ids);
    // Walks all events of a type, of which the last alone is of the source.
    listing.filter.event_type = Some("push".to_owned());
    listing.filter.source = Some("rare".to_owned());
    (listing.after, listing.effort) = (None, 15);
    let page = kept.queue.list(listing.clone()).await.unwrap();
    assert_eq!((page.events.len(), page.next), (0, Some(ids[14])));
    listing.after = page.next;
    let page = kept.queue.list(listing).await.unwrap();
    assert_eq!((page.events[0].id, page.next), (ids[19], None));
}

#[tokio::test]
async fn a_line_says_how_much_of_its_id_tells_it_from_all_others() {
    let kept = fresh();
    for id in [0x1234_5678_u128 << 96, 0x1234_5699 << 96, 0xf000_0000 << 96] {
        let mut event = event(id.to_be_bytes()[3], 100, &[]);
        event.envelope.id = Uuid::from_u128(id);
        stored(&kept.queue, event).await;
    }
    let page = kept.queue.list(listing(Filter::default())).await.unwrap();
    let digits: Vec<usize> = page.events.iter().map(|line| line.digits).collect();
    assert_eq!(digits, [1, 7, 7]);
    let (from, to) = (Uuid::from_u128(0x1234 << 112), Uuid::from_u128(0x1235 << 112));
    assert_eq!(kept.queue.ids(from, to, 9).await.unwrap().len(), 2);
    assert_eq!(kept.queue.ids(from, to, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_replay_wakes_its_lanes_whatever_its_key_and_once_while_it_waits() {
    let kept = fresh();
    let id = stored(&kept.queue, event(1, 100, &["dev"])).await;
    settle(&kept.queue, "dev", delivered(), 110).await;
    let mut arrivals = kept.queue.arrivals();
    let lanes = kept
        .queue
        .replay(replay_to(id, &["dev", "ops"], 120))
        .await
        .unwrap();
    assert_eq!(lanes.unwrap(), ["dev".into(), "ops".into()]);
    assert_eq!(&*arrivals.recv().await.unwrap(), "dev");
    let again = kept
        .queue
        .replay(replay_to(id, &["dev", "ops"], 121))
        .await
        .unwrap();
    assert_eq!(again.unwrap(), []);
    let head = head(&kept.queue, "dev").await.unwrap();
    assert_eq!((head.event, head.since, head.attempts), (id, at(120), 0));
    let record = kept.queue.event(id).await.unwrap().unwrap();
    assert_eq!(record.messages.len(), 1, "the same words are kept once");
    assert_eq!(
        states(&kept.queue, id).await,
        [State::Delivered, State::Waiting, State::Waiting]
    );
    let nobody = kept
        .queue
        .replay(replay_to(Uuid::nil(), &["dev"], 122))
        .await
        .unwrap();
    assert!(nobody.is_none());
}

#[tokio::test]
async fn what_was_decided_anew_takes_the_place_of_the_old_decision() {
    let kept = fresh();
    let mut silent = event(1, 100, &[]);
    silent.decided.skipped = Some(serde_json::json!([{"channels": [], "reason": "quiet"}]));
    silent.decided.unreadable = Some("not JSON".to_owned());
    let id = stored(&kept.queue, silent).await;
    let mut replay = replay_to(id, &["dev"], 120);
    replay.messages = vec![said("anew")];
    replay.decided = Some(Decided {
        event_type: "renamed".to_owned(),
        routes: serde_json::json!([{"route": 7}]),
        skipped: None,
        unreadable: None,
    });
    let before = kept.queue.event(id).await.unwrap().unwrap();
    assert_eq!(before.decided.skipped.unwrap()[0]["reason"], "quiet");
    assert_eq!(before.decided.unreadable.as_deref(), Some("not JSON"));
    assert!(!before.had_deliveries);
    let again = replay.clone();
    kept.queue.replay(replay).await.unwrap();
    let record = kept.queue.event(id).await.unwrap().unwrap();
    assert!(record.decided.skipped.is_none() && record.decided.unreadable.is_none() && record.had_deliveries);
    assert_eq!(
        (
            record.decided.event_type.as_str(),
            &record.decided.routes[0]["route"]
        ),
        ("renamed", &7.into())
    );
    assert_eq!(record.messages, [Some(said("hello")), Some(said("anew"))]);
    assert_eq!(
        head(&kept.queue, "dev").await.unwrap().message,
        Some(said("anew"))
    );
    for why in ["one", "another"] {
        let mut silent = again.clone();
        silent.deliveries = Vec::new();
        let skipped = Some(serde_json::json!([{"channels": ["dev"], "reason": why}]));
        silent.decided.as_mut().unwrap().skipped.clone_from(&skipped);
        kept.queue.replay(silent).await.unwrap();
        let record = kept.queue.event(id).await.unwrap().unwrap();
        assert_eq!(record.decided.skipped, skipped);
    }
}

#[tokio::test]
async fn what_is_dropped_is_dead_unless_its_attempt_was_on_its_way_and_succeeds() {
    let kept = fresh();
    let id = stored(&kept.queue, event(1, 100, &["dev", "ops"])).await;
    let on_its_way = head(&kept.queue, "dev").await.unwrap().delivery;
    let dropping = |channel: Option<&str>| Dropping {
        event: id,
        channel: channel.map(Arc::from),
        now: at(110),
    };
    let none = kept.queue.drop_waiting(dropping(Some("other"))).await.unwrap();
    assert_eq!(none.unwrap(), [""; 0]);
    let one = kept.queue.drop_waiting(dropping(Some("dev"))).await.unwrap();
    assert_eq!(one.unwrap(), ["dev"]);
    let rest = kept.queue.drop_waiting(dropping(None)).await.unwrap();
    assert_eq!(rest.unwrap(), ["ops"]);
    assert_eq!(states(&kept.queue, id).await, [State::Dead, State::Dead]);
    assert!(
        kept.queue
            .lanes()
            .await
            .unwrap()
            .iter()
            .all(|lane| lane.waiting == 0)
    );
    let record = kept.queue.event(id).await.unwrap().unwrap();
    assert_eq!(record.deliveries[1].reason.as_deref(), Some("discarded"));

    kept.queue
        .settle(settlement(on_its_way, Outcome::Rejected, 111))
        .await
        .unwrap();
    assert_eq!(states(&kept.queue, id).await, [State::Dead, State::Dead]);
    kept.queue
        .settle(settlement(on_its_way, delivered(), 112))
        .await
        .unwrap();
    assert_eq!(states(&kept.queue, id).await, [State::Delivered, State::Dead]);
    let dead = Filter {
        state: Some(Standing::Has(State::Dead)),
        ..Filter::default()
    };
    assert_eq!(
        listed(&kept.queue, dead).await,
        [id],
        "one of the two is still dead"
    );
}

#[tokio::test]
async fn what_is_moved_goes_to_the_end_in_order_step_by_step() {
    let kept = fresh();
    let mut expected = Vec::new();
    for key in 1..=5 {
        expected.push(stored(&kept.queue, event(key, 100, &["old"])).await);
    }
    let first = stored(&kept.queue, event(9, 100, &["new"])).await;
    expected.insert(0, first);
    let mut arrivals = kept.queue.arrivals();
    let moving = Moving {
        from: "old".into(),
        to: "new".into(),
        limit: 3,
        in_flight: true,
        now: at(110),
    };
    let mut steps = Vec::new();
    for _ in 0..3 {
        let step = kept.queue.move_lane(moving.clone()).await.unwrap();
        steps.push((step.moved, step.left));
    }
    assert_eq!(steps, [(3, 2), (2, 0), (0, 0)]);
    assert_eq!(&*arrivals.recv().await.unwrap(), "new");
    let mut got = Vec::new();
    let mut twice = Vec::new();
    while let Some(head) = head(&kept.queue, "new").await {
        twice.push(head.may_be_duplicate);
        got.push(settle(&kept.queue, "new", delivered(), 200).await);
    }
    assert_eq!(got, expected);
    // The first of each step may have been on its way.
    assert_eq!(twice, [false, true, false, false, true, false]);
    assert!(
        kept.queue
            .lanes()
            .await
            .unwrap()
            .iter()
            .all(|lane| lane.waiting == 0)
    );
}
