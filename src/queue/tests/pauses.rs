//! Pauses of channels and sources, and the audit.

use super::super::pruning::Pruning;
use super::*;

fn record(action: Action, target: &str) -> AuditRecord {
    AuditRecord {
        at: at(100),
        who: "ada".to_owned(),
        action,
        target: target.to_owned(),
        detail: String::new(),
    }
}

fn pause(why: &str) -> Pause {
    Pause {
        since: at(100),
        who: "ada".to_owned(),
        why: why.to_owned(),
        resuming: false,
    }
}

impl Bench {
    async fn pause(&self, target: &PauseTarget) -> PauseChanged {
        let change = PauseChange {
            target: target.clone(),
            pause: Some(pause("maintenance")),
            audit: record(Action::Pause, "it"),
        };
        self.queue.pause(change).await.unwrap()
    }

    async fn resume(&self, target: &PauseTarget) -> PauseChanged {
        let change = PauseChange {
            target: target.clone(),
            pause: None,
            audit: record(Action::Resume, "it"),
        };
        self.queue.pause(change).await.unwrap()
    }

    async fn hold(&self, event: NewEvent) -> Uuid {
        match self.queue.enqueue(event).await.unwrap() {
            Enqueued::Paused { event } => event,
            other => panic!("not held: {other:?}"),
        }
    }

    async fn held(&self) -> Vec<Uuid> {
        self.queue.held(&"github".into(), 100).await.unwrap()
    }

    async fn release(&self, event: Uuid, lanes: &[&str]) -> Vec<Arc<str>> {
        let replay = Replay {
            event,
            decided: Some(super::event(0, 0, &[]).decided),
            messages: vec![message("hello")],
            deliveries: deliveries(lanes),
            now: at(500),
            release: true,
            audit: None,
        };
        self.queue.replay(replay).await.unwrap().unwrap()
    }
}

fn changed(changed: bool, held: u64) -> PauseChanged {
    PauseChanged { changed, held }
}

pub(super) async fn a_paused_channel_is_not_claimed_until_it_is_resumed(bench: Bench) {
    let dev = PauseTarget::Channel("dev".into());
    let event = bench.store(event(1, 100, &["dev", "ops"])).await;
    let (mut arrivals, mut departures) = (bench.queue.arrivals(), bench.queue.departures());
    let removals = bench.queue.removals();
    assert_eq!(bench.pause(&dev).await, changed(true, 0));
    assert_eq!(bench.pause(&dev).await, changed(false, 0));
    assert_eq!(&*departures.recv().await.unwrap(), "dev");
    assert_eq!(
        bench.queue.removals(),
        removals + 1,
        "what is claimed ahead is out of date"
    );
    assert!(bench.claim("dev").await.is_none());
    assert!(bench.claim("ops").await.is_some());
    assert_eq!(
        bench.queue.pauses().borrow().channel("dev"),
        Some(&pause("maintenance"))
    );
    assert_eq!(bench.queue.pauses().borrow().source("dev"), None);
    assert_eq!(bench.resume(&dev).await, changed(true, 0));
    assert_eq!(bench.resume(&dev).await, changed(false, 0));
    assert_eq!(&*arrivals.recv().await.unwrap(), "dev");
    assert_eq!(bench.claim("dev").await.unwrap().head.event, event);
}

pub(super) async fn a_pause_survives_a_restart(bench: Bench) {
    let (dev, github) = (
        PauseTarget::Channel("dev".into()),
        PauseTarget::Source("github".into()),
    );
    bench.store(event(1, 100, &["dev"])).await;
    bench.pause(&dev).await;
    bench.pause(&github).await;
    let held = bench.hold(event(2, 110, &["ops"])).await;
    bench.resume(&github).await;
    let bench = bench.reopen(HISTORY, 120);
    assert!(bench.claim("dev").await.is_none());
    let resuming: Vec<Arc<str>> = bench.queue.pauses().borrow().resuming().cloned().collect();
    assert_eq!(resuming, ["github".into()]);
    assert_eq!(bench.held().await, [held]);
    bench.hold(event(3, 130, &["ops"])).await;
}

pub(super) async fn events_of_a_paused_source_are_held_and_released_in_order(bench: Bench) {
    let github = PauseTarget::Source("github".into());
    bench.store(event(1, 100, &["dev"])).await;
    bench.pause(&github).await;
    let first = bench.hold(event(2, 110, &["dev", "ops"])).await;
    let mut gitea = event(3, 115, &["dev"]);
    gitea.envelope.source = "gitea".into();
    bench.store(gitea).await;
    let second = bench.hold(event(4, 120, &["dev"])).await;
    assert_eq!(bench.waiting().await, 2);
    let record = bench.record(first).await;
    let skipped = record.decided.skipped.unwrap();
    assert!(
        skipped.contains("paused since") && skipped.contains(r#"["dev","ops"]"#),
        "{skipped}"
    );
    assert!(!record.had_deliveries);
    assert_eq!(bench.held().await, [first, second]);

    assert_eq!(bench.resume(&github).await, changed(true, 2));
    // A new event waits behind those that are held.
    let third = bench.hold(event(5, 130, &["dev"])).await;
    for event in [first, second] {
        assert_eq!(bench.release(event, &["dev"]).await, ["dev".into()]);
    }
    assert!(bench.queue.pauses().borrow().source("github").is_some());
    bench.release(third, &["dev"]).await;
    assert_eq!(bench.queue.pauses().borrow().source("github"), None);
    let fourth = bench.store(event(6, 140, &["dev"])).await;
    bench.settle("dev", delivered(), 600).await;
    bench.settle("dev", delivered(), 600).await;
    for event in [first, second, third, fourth] {
        let head = bench.head("dev").await.unwrap();
        assert!(!head.is_replay);
        assert_eq!(bench.settle("dev", delivered(), 600).await, event);
    }
    assert_eq!(bench.record(first).await.decided.skipped, None);
}

pub(super) async fn a_held_event_is_kept_deduplicated_and_released_once(bench: Bench) {
    let github = PauseTarget::Source("github".into());
    bench.pause(&github).await;
    let held = bench.hold(event(1, 100, &["dev"])).await;
    bench.assert_seen(event(1, 110, &["dev"]), held, &[]).await;
    let pruning = Pruning::new(&History { size: 0, ..HISTORY }, at(1_000_000));
    while bench.queue.prune(pruning).await.unwrap().more {}
    assert!(bench.holds(held).await, "what is held is never deleted");
    bench.resume(&github).await;
    // A pause stops what was begun.
    bench.pause(&github).await;
    assert_eq!(bench.queue.pauses().borrow().resuming().count(), 0);
    bench.resume(&github).await;
    assert_eq!(bench.release(held, &[]).await, [""; 0].map(Arc::from));
    assert_eq!(
        bench.release(held, &["dev"]).await,
        [""; 0].map(Arc::from),
        "it was decided before"
    );
    assert_eq!(bench.waiting().await, 0);
    while bench.queue.prune(pruning).await.unwrap().more {}
    assert!(!bench.holds(held).await);
}

pub(super) async fn what_operators_do_is_recorded_with_the_change(bench: Bench) {
    let dev = PauseTarget::Channel("dev".into());
    bench.pause(&dev).await;
    bench.pause(&dev).await;
    let event = bench.store(event(1, 100, &["dev", "ops"])).await;
    let discard = Discard {
        event,
        channel: None,
        now: at(110),
        audit: Some(record(Action::Discard, "event")),
    };
    bench.queue.discard(discard.clone()).await.unwrap();
    bench.queue.discard(discard).await.unwrap();
    bench
        .queue
        .record(record(Action::Reload, "configuration"))
        .await
        .unwrap();
    let page = |before, limit| bench.queue.audit(AuditListing { before, limit });
    let all = page(None, 10).await.unwrap();
    let of: Vec<_> = all
        .iter()
        .map(|entry| (entry.record.action, entry.record.detail.as_str()))
        .collect();
    let expected = [
        (Action::Reload, ""),
        (Action::Discard, "dev, ops"),
        (Action::Pause, ""),
    ];
    assert_eq!(of, expected, "only what changed something is recorded");
    assert_eq!(page(None, 1).await.unwrap(), all[..1]);
    assert_eq!(page(Some(all[0].number), 10).await.unwrap(), all[1..]);

    // They are as old as history is long.
    let pruning = Pruning::new(&HISTORY, at(1_000_000));
    while bench.queue.prune(pruning).await.unwrap().more {}
    assert_eq!(page(None, 10).await.unwrap(), []);
}
