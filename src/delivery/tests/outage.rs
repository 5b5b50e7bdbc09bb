//! Twake is down for six hours while thousands of messages come.

use super::*;
use jiff::Timestamp;

const LANES: usize = 10;
const EACH: usize = 400;
const OUTAGE: Duration = Duration::from_secs(6 * 3600);

/// The memory of this process in KiB; 0 if the system does not show it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Moves the clock to the next attempt of any lane, and waits until all that are due have been made.
async fn next_attempts(bench: &Bench, names: &[String]) {
    let mut changes = bench.queue.changes();
    let mut earliest: Option<Timestamp> = None;
    loop {
        changes.borrow_and_update();
        let mut open = false;
        let mut next = Timestamp::MAX;
        for name in names {
            let head = bench.queue.head(&name.as_str().into()).await.unwrap().unwrap();
            let due = head.due.unwrap_or(Timestamp::MIN);
            open |= due < bench.clock.now();
            next = next.min(due);
        }
        if open {
            changes.changed().await.unwrap();
        } else if earliest.is_some() {
            return;
        } else {
            earliest = Some(next);
            let wait = Duration::try_from(next.duration_since(bench.clock.now())).unwrap_or_default();
            bench.clock.advance(wait + Duration::from_millis(2));
        }
    }
}

#[actix_web::test]
async fn after_six_hours_without_twake_everything_arrives_in_order_at_each_lanes_rate() {
    let peer = Peer::start();
    let names: Vec<String> = (0..LANES).map(|number| format!("lane-{number}")).collect();
    let of = |rate| {
        let destination = |name: &String| Destination {
            rate,
            readers: Readers::default(),
            ..destination(&peer.url, "main", name)
        };
        destinations(names.iter().map(destination))
    };
    for name in &names {
        peer.play(name, Play::Status(503, None));
    }
    let mut bench = Bench::new([]);
    bench.destinations.send_replace(of(None));
    bench.settings.horizon = Duration::from_secs(3 * 24 * 3600);
    let lanes: Vec<&str> = names.iter().map(String::as_str).collect();
    let begun = bench.clock.now();
    let mut last = bench.enqueue("0", &lanes).await;
    bench.start();
    let at_first = resident();
    let gone = |bench: &Bench| Duration::try_from(bench.clock.now().duration_since(begun)).unwrap();
    let mut sent = 1;
    while gone(&bench) < OUTAGE {
        next_attempts(&bench, &names).await;
        // Messages come all the time.
        while sent < EACH && gone(&bench).as_secs() >= sent as u64 * OUTAGE.as_secs() / EACH as u64 {
            last = bench.enqueue(&sent.to_string(), &lanes).await;
            sent += 1;
        }
    }
    assert_eq!(sent, EACH);
    let tries = peer.count();
    let waiting: u64 = bench
        .queue
        .lanes()
        .await
        .unwrap()
        .iter()
        .map(|lane| lane.waiting)
        .sum();
    assert_eq!(waiting, (LANES * EACH) as u64);

    for name in &names {
        peer.play(name, Play::Fine);
    }
    bench
        .destinations
        .send_replace(of(Some(Rate::even(60, Duration::from_secs(60)))));
    bench.clock.advance(crate::retry::LONGEST);
    for second in 1..=EACH {
        peer.until_requests(tries + second * LANES).await;
        // A post above the rate would show here, or in the next round.
        assert_eq!(peer.count(), tries + second * LANES, "after {second} s");
        bench.clock.advance(Duration::from_secs(1));
    }
    bench.until_delivered(last).await;
    for name in &names {
        let texts = peer.texts(name);
        let posted = &texts[texts.len() - EACH..];
        let numbers = posted.iter().map(|text| text.lines().next().unwrap());
        assert!(numbers.eq((0..EACH).map(|number| number.to_string())), "{name}");
        assert!(posted[0].contains("posted 6 h"), "{}", posted[0]);
        assert!(posted[EACH / 2].contains("late"), "{}", posted[EACH / 2]);
    }
    eprintln!(
        "{} messages in {LANES} lanes, {tries} attempts in six hours; memory {at_first} KiB at first, {} KiB in the end",
        LANES * EACH,
        resident()
    );
}
