//! The search for texts.

use super::super::pruning::Pruning;
use super::*;

fn titled(key: u8, second: i64, of: EventLine) -> NewEvent {
    let mut event = event(key, second, &["dev"]);
    event.decided.line = Some(of);
    event
}

fn with(text: &str) -> Filter {
    Filter {
        text: Some(text.to_owned()),
        ..Filter::default()
    }
}

pub(super) async fn every_word_begins_a_word_of_the_line(bench: Bench) {
    let login = bench
        .store(titled(1, 100, line("Fix the Login page", "acme/app", "ada")))
        .await;
    let umlaut = bench
        .store(titled(
            2,
            200,
            line("Über \"quotes\" AND more", "acme/website", "grace"),
        ))
        .await;
    let mut large = titled(3, 300, line("A large body", "acme/app", ""));
    large.envelope.body = std::iter::repeat_with(|| fastrand::u8(..))
        .take(200_000)
        .collect();
    let large = bench.store(large).await;
    for (text, found) in [
        ("login", &[login][..]),
        ("LOG pag", &[login]),
        ("acme", &[large, umlaut, login]),
        ("acme/app", &[large, login]),
        ("acme/web grace", &[umlaut]),
        ("uber", &[umlaut]),
        ("\"quotes\" and", &[umlaut]),
        ("ogin", &[]),
        ("login grace", &[]),
        ("large OR login", &[]),
        ("-", &[]),
        ("line:login", &[]),
        ("login*", &[login]),
        ("a\0b\"c'--;", &[]),
    ] {
        assert_eq!(bench.list(with(text)).await, found, "{text:?}");
    }
    let page = bench.queue.list(listing_of("large")).await.unwrap();
    assert_eq!(page.events[0].line, Some(line("A large body", "acme/app", "")));
    assert_eq!(bench.record(large).await.decided.line, page.events[0].line);
    let both = Filter {
        channel: Some("dev".to_owned()),
        since: Some(at(150)),
        until: Some(at(250)),
        ..with("acme")
    };
    assert_eq!(bench.list(both.clone()).await, [umlaut]);
    let elsewhere = Filter {
        source: Some("gitea".to_owned()),
        ..both
    };
    assert!(bench.list(elsewhere).await.is_empty());
}

fn listing_of(text: &str) -> Listing {
    Listing {
        filter: with(text),
        after: None,
        limit: 100,
        effort: 1_000,
    }
}

pub(super) async fn a_text_is_found_in_every_committed_event_and_in_no_deleted_one(bench: Bench) {
    let first = bench.store(titled(1, 100, line("one", "", ""))).await;
    assert_eq!(bench.list(with("one")).await, [first]);
    let second = bench.store(titled(2, 200, line("one more", "", ""))).await;
    assert_eq!(bench.list(with("one")).await, [second, first]);

    // A new decision has another line.
    let mut replay = Replay {
        event: first,
        decided: Some(Decided {
            line: Some(line("renamed", "", "")),
            ..event(1, 100, &[]).decided
        }),
        messages: Vec::new(),
        deliveries: Vec::new(),
        now: at(300),
        release: false,
        audit: None,
    };
    bench.queue.replay(replay.clone()).await.unwrap();
    assert_eq!(bench.list(with("one")).await, [second]);
    assert_eq!(bench.list(with("renamed")).await, [first]);
    replay.decided = Some(Decided {
        line: None,
        ..event(1, 100, &[]).decided
    });
    bench.queue.replay(replay).await.unwrap();
    assert!(bench.list(with("renamed")).await.is_empty());

    bench.settle("dev", delivered(), 310).await;
    bench.settle("dev", delivered(), 310).await;
    // It is deleted before it is in the index.
    bench.store(titled(3, 320, line("one of three", "", ""))).await;
    bench.settle("dev", delivered(), 330).await;
    let pruning = Pruning::new(&HISTORY, at(100_000));
    while bench.queue.prune(pruning).await.unwrap().more {}
    assert!(bench.list(with("one")).await.is_empty());
    let last = bench.store(titled(4, 100_000, line("one", "", ""))).await;
    assert_eq!(bench.list(with("one")).await, [last]);
}

pub(super) async fn pages_of_a_text_are_consecutive(bench: Bench) {
    let mut ids = Vec::new();
    for key in 0..40 {
        let title = if key % 2 == 0 { "even" } else { "odd" };
        let id = bench
            .store(titled(key, 100 + i64::from(key), line(title, "acme/app", "")))
            .await;
        ids.push(id);
    }
    // An event that was received before the last one, and is committed after it.
    let mut late = titled(100, 139, line("even", "", ""));
    late.envelope.id = Uuid::from_u128(ids[39].as_u128() - 1);
    ids.push(bench.store(late).await);
    let mut listing = Listing {
        limit: 3,
        effort: 5,
        ..listing_of("even")
    };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = bench.queue.list(listing.clone()).await.unwrap();
        found.extend(page.events.iter().map(|event| event.id));
        pages += 1;
        listing.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    let even: Vec<Uuid> = ids.iter().step_by(2).rev().copied().collect();
    assert_eq!(found, even);
    assert_eq!(pages, 8);
    let since = Filter {
        since: Some(at(120)),
        ..with("even")
    };
    assert_eq!(bench.list(since).await, even[..11]);
}
