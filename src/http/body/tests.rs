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
async fn a_body_is_read_whole_with_and_without_content_length() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    for content_length in [Some(3 * 1000), None] {
        let mut body = payload(chunks(3, 1000)).await;
        let read = budget
            .read(&mut body, content_length, 10_000, &clock)
            .await
            .unwrap();
        assert_eq!(read.bytes.len(), 3000);
    }
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused_before_or_while_it_is_read() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    for content_length in [Some(10_001), None, Some(5)] {
        let mut body = payload(chunks(11, 1000)).await;
        assert_eq!(
            budget.read(&mut body, content_length, 10_000, &clock).await.err(),
            Some(Problem::TooLarge)
        );
    }
}

#[actix_web::test]
async fn memory_for_values_is_bounded_and_is_reserved_in_turn() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    let needed = 2 << 20;
    let first = budget.reserve_values(needed, &clock).await.unwrap();
    let mut second = Box::pin(budget.reserve_values(needed, &clock));
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    drop(second.await.unwrap());
    let never = budget.reserve_values((3 << 20) + 1, &clock).await;
    assert_eq!(never.err(), Some(Problem::TooManyValues));
}

/// Advances the clock second by second, and lets other tasks run before each second.
async fn seconds(clock: &Clock, count: u64) {
    for _ in 0..count {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(1));
    }
}

/// A body that stalls after `size` bytes.
async fn stalling(size: usize) -> Payload {
    payload(chunks(1, size).chain(stream::pending())).await
}

impl Budget {
    fn reserved(&self) -> usize {
        let pools = [&self.small, &self.middling, &self.threshold, &self.large];
        let reserved = pools.map(|pool| pool.size - pool.free.available_permits());
        reserved.iter().sum()
    }
}

#[actix_web::test]
async fn a_stalled_body_is_refused_and_frees_its_memory() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    for length in [SMALL, MIDDLING, 600_000] {
        let mut body = stalling(length - 1).await;
        let read = budget.read(&mut body, Some(length), length, &clock);
        let (read, ()) = tokio::join!(read, seconds(&clock, 60));
        assert_eq!(read.err(), Some(Problem::TooSlow));
        assert_eq!(budget.reserved(), 0);
    }
}

#[actix_web::test]
async fn the_pools_add_up_to_the_budget() {
    for size in [1 << 20, 10_000_000, 64 << 20, 1 << 30] {
        let budget = Budget::new(size);
        let pools = [&budget.small, &budget.middling, &budget.threshold, &budget.large];
        assert_eq!(pools.iter().map(|pool| pool.size).sum::<usize>(), size);
    }
}

#[actix_web::test]
async fn large_bodies_wait_and_are_then_refused_while_ordinary_ones_never_wait() {
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
                let started = clock.monotonic();
                assert!(read.await.is_ok(), "{length}");
                assert_eq!(clock.monotonic(), started, "an ordinary body waits");
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
    assert!(read.is_ok(), "the memory of the first body was not freed");
}

#[actix_web::test]
async fn a_content_length_alone_reserves_no_memory() {
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
        let started = clock.monotonic();
        assert!(budget.read(&mut body, Some(limit), limit, &clock).await.is_ok());
        assert_eq!(clock.monotonic(), started);
        seconds(&clock, 12).await;
    };
    let (slow, ()) = tokio::join!(slow, good);
    assert!(
        slow.iter()
            .all(|read| read.as_ref().err() == Some(&Problem::TooSlow))
    );
}

#[actix_web::test]
async fn a_stalled_body_is_refused_when_another_request_needs_its_memory() {
    let (budget, clock) = (Budget::new(8 << 20), clock());
    let limit = 4 << 20;
    let mut stalled = stalling(3 << 20).await;
    let stalled = budget.read(&mut stalled, Some(limit), limit, &clock);
    let good = async {
        seconds(&clock, 9).await;
        // Its average speed would allow a pause of a minute if nobody waited.
        let mut body = payload(chunks(4, 1 << 20)).await;
        let read = budget.read(&mut body, Some(limit), limit, &clock);
        let (read, ()) = tokio::join!(read, seconds(&clock, 1));
        assert!(read.is_ok());
    };
    let (stalled, ()) = tokio::join!(stalled, good);
    assert_eq!(stalled.err(), Some(Problem::Full));
    assert_eq!(budget.reserved(), 0);
}

#[actix_web::test]
async fn a_body_without_content_length_changes_pools_as_it_grows() {
    let (budget, clock) = (Budget::new(8 << 20), clock());
    let mut body = payload(chunks(20, MIDDLING / 10)).await;
    let held = budget.read(&mut body, None, 4 << 20, &clock).await.unwrap();
    assert_eq!(held.bytes.len(), 20 * (MIDDLING / 10));
    assert_eq!(budget.reserved(), 4 << 20, "only in the pool for large bodies");
    let mut second = payload(chunks(20, MIDDLING / 10)).await;
    let refused = budget.read(&mut second, None, 4 << 20, &clock).await;
    assert_eq!(refused.err(), Some(Problem::Full), "refused without a wait");
}
