use actix_web::error::PayloadError;
use actix_web::{FromRequest, dev, test};
use futures_util::{FutureExt as _, Stream, stream};
use jiff::Timestamp;
use std::pin::Pin;

use super::*;

fn clock() -> Clock {
    Clock::manual(Timestamp::UNIX_EPOCH)
}

async fn payload(chunks: impl Stream<Item = Result<Bytes, PayloadError>> + 'static) -> Payload {
    let stream: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(chunks);
    let mut inner = dev::Payload::from(stream);
    Payload::from_request(&test::TestRequest::default().to_http_request(), &mut inner)
        .await
        .unwrap()
}

fn chunks(count: usize, size: usize) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    stream::iter((0..count).map(move |_| Ok(Bytes::from(vec![b' '; size]))))
}

#[actix_web::test]
async fn a_body_comes_whole_whether_its_length_is_announced_or_not() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    for announced in [Some(3 * 1000), None] {
        let mut body = payload(chunks(3, 1000)).await;
        let held = budget.read(&mut body, announced, 10_000, &clock).await.unwrap();
        assert_eq!(held.bytes.len(), 3000);
    }
}

#[actix_web::test]
async fn a_body_over_the_limit_is_too_large_before_or_while_it_is_read() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    for announced in [Some(10_001), None, Some(5)] {
        let mut body = payload(chunks(11, 1000)).await;
        assert_eq!(
            budget.read(&mut body, announced, 10_000, &clock).await.err(),
            Some(Problem::TooLarge)
        );
    }
}

#[actix_web::test]
async fn what_bodies_become_is_bounded_and_takes_turns() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    let needed = 2 << 20;
    let first = budget.room_for_values(needed, &clock).await.unwrap();
    let mut second = Box::pin(budget.room_for_values(needed, &clock));
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    drop(second.await.unwrap());
    let never = budget.room_for_values((3 << 20) + 1, &clock).await;
    assert_eq!(never.err(), Some(Problem::TooManyValues));
}

/// Ends once others have had so many chances to get on, moving the clock by a second each time.
async fn seconds(clock: &Clock, count: u64) {
    for _ in 0..count {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(1));
    }
}

/// Sends so much, then nothing more.
async fn stalling(size: usize) -> Payload {
    payload(chunks(1, size).chain(stream::pending())).await
}

impl Budget {
    fn taken(&self) -> usize {
        let pools = [&self.small, &self.middling, &self.threshold, &self.large];
        let taken = pools.map(|pool| pool.size - pool.room.available_permits());
        taken.iter().sum()
    }
}

#[actix_web::test]
async fn a_sender_that_stops_writing_is_too_slow_and_gives_its_room_back() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    for announced in [SMALL, MIDDLING, 600_000] {
        let mut body = stalling(announced - 1).await;
        let read = budget.read(&mut body, Some(announced), announced, &clock);
        let (read, ()) = tokio::join!(read, seconds(&clock, 60));
        assert_eq!(read.err(), Some(Problem::TooSlow));
        assert_eq!(budget.taken(), 0);
    }
}

#[actix_web::test]
async fn the_pools_are_together_what_was_allowed() {
    for size in [1 << 20, 10_000_000, 64 << 20, 1 << 30] {
        let budget = Budget::new(size);
        let pools = [&budget.small, &budget.middling, &budget.threshold, &budget.large];
        assert_eq!(pools.iter().map(|pool| pool.size).sum::<usize>(), size);
    }
}

#[actix_web::test]
async fn large_bodies_wait_for_room_and_then_are_refused_while_others_pass() {
    let (budget, clock) = (Budget::new(8 << 20), clock());
    let limit = 4 << 20;
    let mut first = payload(chunks(4, 1 << 20)).await;
    let held = budget.read(&mut first, Some(limit), limit, &clock).await.unwrap();
    let refused = async {
        let mut all = Vec::new();
        for _ in 0..20 {
            all.push(payload(chunks(4, 1 << 20)).await);
        }
        let all = all
            .iter_mut()
            .map(|body| budget.read(body, Some(limit), limit, &clock));
        futures_util::future::join_all(all).await
    };
    let meanwhile = async {
        for _ in 0..4 {
            seconds(&clock, 1).await;
            for length in [SMALL, MIDDLING] {
                let mut ordinary = payload(chunks(1, length)).await;
                let read = budget.read(&mut ordinary, Some(length), limit, &clock);
                let begun = clock.monotonic();
                assert!(read.await.is_ok(), "{length}");
                assert_eq!(clock.monotonic(), begun, "it never waits");
            }
        }
        seconds(&clock, 2).await;
    };
    let (refused, ()) = tokio::join!(refused, meanwhile);
    assert!(
        refused
            .iter()
            .all(|read| read.as_ref().err() == Some(&Problem::Full))
    );
    drop(held);
    let mut third = payload(chunks(4, 1 << 20)).await;
    let read = budget.read(&mut third, Some(limit), limit, &clock).await;
    assert!(read.is_ok(), "its room is free again");
}

#[actix_web::test]
async fn whoever_only_announces_a_large_body_keeps_no_room_from_one_who_sends() {
    let (budget, clock) = (Budget::new(8 << 20), clock());
    let limit = 4 << 20;
    let slow = async {
        let mut all = Vec::new();
        for _ in 0..30 {
            all.push(stalling(1000).await);
        }
        let all = all
            .iter_mut()
            .map(|body| budget.read(body, Some(limit), limit, &clock));
        futures_util::future::join_all(all).await
    };
    let good = async {
        seconds(&clock, 1).await;
        let mut body = payload(chunks(4, 1 << 20)).await;
        let begun = clock.monotonic();
        assert!(budget.read(&mut body, Some(limit), limit, &clock).await.is_ok());
        assert_eq!(clock.monotonic(), begun);
        seconds(&clock, 12).await;
    };
    let (slow, ()) = tokio::join!(slow, good);
    assert!(
        slow.iter()
            .all(|read| read.as_ref().err() == Some(&Problem::TooSlow))
    );
}

#[actix_web::test]
async fn who_stalls_goes_as_soon_as_another_needs_the_room() {
    let (budget, clock) = (Budget::new(8 << 20), clock());
    let limit = 4 << 20;
    let mut stalled = stalling(3 << 20).await;
    let stalled = budget.read(&mut stalled, Some(limit), limit, &clock);
    let good = async {
        seconds(&clock, 9).await;
        // It has sent enough to be left alone for a minute, but not while another waits.
        let mut body = payload(chunks(4, 1 << 20)).await;
        let read = budget.read(&mut body, Some(limit), limit, &clock);
        let (read, ()) = tokio::join!(read, seconds(&clock, 1));
        assert!(read.is_ok());
    };
    let (stalled, ()) = tokio::join!(stalled, good);
    assert_eq!(stalled.err(), Some(Problem::Full));
    assert_eq!(budget.taken(), 0);
}

#[actix_web::test]
async fn a_body_of_unknown_length_goes_up_as_it_grows() {
    let (budget, clock) = (Budget::new(8 << 20), clock());
    let mut body = payload(chunks(20, MIDDLING / 10)).await;
    let held = budget.read(&mut body, None, 4 << 20, &clock).await.unwrap();
    assert_eq!(held.bytes.len(), 20 * (MIDDLING / 10));
    assert_eq!(budget.taken(), 4 << 20, "its room is among the large alone");
    let mut second = payload(chunks(20, MIDDLING / 10)).await;
    let refused = budget.read(&mut second, None, 4 << 20, &clock).await;
    assert_eq!(refused.err(), Some(Problem::Full), "at once");
}
