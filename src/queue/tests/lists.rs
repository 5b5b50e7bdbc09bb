//! Lists of events.

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

type Narrow = fn(&mut Filter);

const DEAD: EventState = EventState::HasDelivery(State::Dead);

impl Bench {
    pub(super) async fn list(&self, filter: Filter) -> Vec<Uuid> {
        let page = self.queue.list(listing(filter)).await.unwrap();
        page.events.iter().map(|line| line.id).collect()
    }
}

pub(super) async fn every_filter_lists_its_events_newest_first(bench: Bench) {
    let skipped = bench.store(timed(1, 100, &[])).await;
    let both = bench.store(timed(2, 200, &["dev", "ops"])).await;
    let mut other = timed(3, 300, &["dev"]);
    other.decided.event_type = "ping".to_owned();
    other.envelope.source = "gitea".into();
    other.envelope.secret = "file:old".to_owned();
    other.decided.unreadable = Some("not JSON".to_owned());
    let other = bench.store(other).await;
    bench.settle("ops", Outcome::Rejected, 310).await;
    let cases: [(Narrow, &[Uuid]); 16] = [
        (|_| (), &[other, both, skipped]),
        (|filter| filter.source = Some("github".into()), &[both, skipped]),
        (|filter| filter.event_type = Some("ping".into()), &[other]),
        (|filter| filter.secret = Some("file:old".into()), &[other]),
        (|filter| filter.channel = Some("dev".into()), &[other, both]),
        (|filter| filter.channel = Some("nowhere".into()), &[]),
        (
            |filter| (filter.since, filter.until) = (Some(at(200)), Some(at(300))),
            &[both],
        ),
        (|filter| filter.state = Some(EventState::Skipped), &[skipped]),
        (|filter| filter.state = Some(EventState::Unreadable), &[other]),
        (
            |filter| filter.state = Some(EventState::HasDelivery(State::Waiting)),
            &[other, both],
        ),
        (
            |filter| filter.state = Some(EventState::HasDelivery(State::Delivered)),
            &[],
        ),
        (|filter| filter.state = Some(DEAD), &[both]),
        (
            |filter| (filter.state, filter.channel) = (Some(DEAD), Some("dev".into())),
            &[],
        ),
        (
            |filter| (filter.state, filter.channel) = (Some(DEAD), Some("ops".into())),
            &[both],
        ),
        (
            |filter| (filter.state, filter.channel) = (Some(EventState::Skipped), Some("ops".into())),
            &[],
        ),
        (
            |filter| (filter.source, filter.event_type) = (Some("gitea".into()), Some("push".into())),
            &[],
        ),
    ];
    for (narrow, expected) in cases {
        let mut filter = Filter::default();
        narrow(&mut filter);
        assert_eq!(bench.list(filter.clone()).await, expected, "{filter:?}");
    }
}

pub(super) async fn what_is_skipped_anywhere_is_listed_and_with_a_channel_what_is_skipped_there(
    bench: Bench,
) {
    let by_decision = |key, second, lanes: &[&str], reason: &str| {
        let mut event = timed(key, second, lanes);
        event.decided.skipped = Some(reason.to_owned());
        event
    };
    let nowhere = r#"[{"channels":[],"reason":"no route"}]"#;
    let not_in_ops = r#"[{"channels":["far","ops"],"reason":"`when` does not hold"}]"#;
    let everywhere = bench.store(by_decision(1, 100, &[], nowhere)).await;
    bench.store(timed(2, 200, &["dev"])).await;
    let in_part = bench.store(by_decision(3, 300, &["dev"], not_in_ops)).await;
    let in_turn = bench.store(timed(4, 400, &["dev", "ops"])).await;
    for outcome in [delivered(), delivered(), Outcome::Skipped { carried_by: None }] {
        bench.settle("dev", outcome, 500).await;
    }
    bench.settle("ops", delivered(), 500).await;
    // A digest carries the second one.
    bench.store(timed(5, 500, &["dev"])).await;
    let carried = bench.store(timed(6, 600, &["dev"])).await;
    let claim = bench.claim("dev").await.unwrap();
    let next = bench
        .claim_besides("dev", Some(claim.head.delivery))
        .await
        .unwrap();
    let settlement = Settlement {
        carries: vec![next.head.delivery],
        ..settlement(&claim, delivered(), 700)
    };
    assert_eq!(bench.queue.settle(settlement).await.unwrap(), Settled::Committed);
    let list = async |channel: Option<&str>| {
        let filter = Filter {
            state: Some(EventState::Skipped),
            channel: channel.map(str::to_owned),
            ..Filter::default()
        };
        bench.list(filter).await
    };
    assert_eq!(list(None).await, [carried, in_turn, in_part, everywhere]);
    assert_eq!(list(Some("dev")).await, [carried, in_turn]);
    assert_eq!(list(Some("ops")).await, [in_part]);
    assert_eq!(
        list(Some("far")).await,
        [in_part],
        "a channel that never had a delivery"
    );
    // A new decision posts it.
    let replay = Replay {
        event: everywhere,
        decided: Some(timed(1, 100, &["dev"]).decided),
        messages: vec![message("hello")],
        deliveries: deliveries(&["dev"]),
        now: at(800),
        release: false,
        audit: None,
    };
    bench.queue.replay(replay).await.unwrap();
    assert_eq!(list(None).await, [carried, in_turn, in_part]);
}

pub(super) async fn pages_are_consecutive_and_examine_a_bounded_number_of_events(bench: Bench) {
    let mut ids = Vec::new();
    for key in 0..20 {
        let lanes: &[&str] = if key == 0 { &["dev", "rare"] } else { &["dev"] };
        let event = timed(key, 100 + i64::from(key), lanes);
        ids.insert(0, bench.store(event).await);
    }
    let mut listing = listing(Filter {
        channel: Some("dev".to_owned()),
        ..Filter::default()
    });
    listing.limit = 7;
    let mut found = Vec::new();
    loop {
        let page = bench.queue.list(listing.clone()).await.unwrap();
        assert!(page.events.len() <= 7);
        found.extend(page.events.iter().map(|line| line.id));
        listing.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(found, ids);
    // The filter matches only the oldest event.
    listing.filter.channel = Some("rare".to_owned());
    (listing.after, listing.effort) = (None, 15);
    let page = bench.queue.list(listing.clone()).await.unwrap();
    assert_eq!((page.events.len(), page.next), (0, Some(ids[14])));
    listing.after = page.next;
    let page = bench.queue.list(listing).await.unwrap();
    assert_eq!((page.events[0].id, page.next), (ids[19], None));
}

pub(super) async fn a_list_of_many_sources_types_and_secrets_is_in_order(bench: Bench) {
    let mut stored: Vec<(Uuid, [String; 3])> = Vec::new();
    for number in 0..600_u16 {
        let (source, event_type) = match number {
            7 | 307 => ("rare", number % 97),
            _ if number % 3 == 0 => ("few", number % 4),
            _ => ("many", number % 97),
        };
        let mut event = timed(0, 100 + i64::from(number), &[]);
        event.key = IdempotencyKey(u128::from(number).to_be_bytes());
        event.envelope.source = source.into();
        event.decided.event_type = format!("type-{event_type}");
        event.envelope.secret = format!("file:{}", number % 5);
        let origin = [
            source.to_owned(),
            event.decided.event_type.clone(),
            event.envelope.secret.clone(),
        ];
        stored.insert(0, (bench.store(event).await, origin));
    }
    for wanted in [
        ["rare", "", ""],
        ["few", "", ""],
        ["many", "", ""],
        ["", "type-0", ""],
        ["", "", "file:0"],
        ["few", "type-0", "file:0"],
    ] {
        let [source, event_type, secret] =
            wanted.map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
        let filter = Filter {
            source,
            event_type,
            secret,
            ..Filter::default()
        };
        let matches = |origin: &[String; 3]| {
            let mut parts = origin.iter().zip(wanted);
            parts.all(|(part, wanted)| wanted.is_empty() || part == wanted)
        };
        let expected = stored.iter().filter(|(_, origin)| matches(origin));
        let expected: Vec<Uuid> = expected.map(|(id, _)| *id).take(100).collect();
        assert!(expected.len() > 1, "{wanted:?}");
        assert_eq!(bench.list(filter).await, expected, "{wanted:?}");
    }
}

pub(super) async fn a_line_shows_how_many_digits_make_its_id_unique(bench: Bench) {
    for id in [0x1234_5678_u128 << 96, 0x1234_5699 << 96, 0xf000_0000 << 96] {
        let mut event = event(id.to_be_bytes()[3], 100, &[]);
        event.envelope.id = Uuid::from_u128(id);
        bench.store(event).await;
    }
    let page = bench.queue.list(listing(Filter::default())).await.unwrap();
    let digits: Vec<usize> = page.events.iter().map(|line| line.digits).collect();
    assert_eq!(digits, [1, 7, 7]);
    let (from, to) = (Uuid::from_u128(0x1234 << 112), Uuid::from_u128(0x1235 << 112));
    assert_eq!(bench.queue.ids(from, to, 9).await.unwrap().len(), 2);
    assert_eq!(bench.queue.ids(from, to, 1).await.unwrap().len(), 1);
}
