use actix_web::error::PayloadError;
use actix_web::{FromRequest, dev, test};
use futures_util::{Stream, stream};
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
async fn a_sender_that_stops_writing_is_too_slow_and_gives_its_room_back() {
    let (budget, clock) = (Budget::new(1 << 20), clock());
    let mut body = payload(stream::pending()).await;
    let read = budget.read(&mut body, Some(SMALL), SMALL, &clock);
    let ticking = async {
        for _ in 0..60 {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        }
    };
    let (read, ()) = tokio::join!(read, ticking);
    assert_eq!(read.err(), Some(Problem::TooSlow));
    let mut next = payload(chunks(1, SMALL)).await;
    assert!(budget.read(&mut next, Some(SMALL), SMALL, &clock).await.is_ok());
}

#[actix_web::test]
async fn large_bodies_wait_for_room_and_then_are_refused_while_small_ones_pass() {
    let (budget, clock) = (Budget::new(4 << 20), clock());
    let limit = 3 << 20;
    let mut first = payload(chunks(3, 1 << 20)).await;
    let held = budget.read(&mut first, Some(limit), limit, &clock).await.unwrap();
    let mut second = payload(chunks(3, 1 << 20)).await;
    let waiting = budget.read(&mut second, Some(limit), limit, &clock);
    let meanwhile = async {
        let mut small = payload(chunks(1, 8_000)).await;
        assert!(
            budget.read(&mut small, Some(8_000), limit, &clock).await.is_ok(),
            "a small body never waits"
        );
        tokio::task::yield_now().await;
        clock.advance(WAIT);
    };
    let (waiting, ()) = tokio::join!(waiting, meanwhile);
    assert_eq!(waiting.err(), Some(Problem::Full));
    drop(held);
    let mut third = payload(chunks(3, 1 << 20)).await;
    assert!(
        budget.read(&mut third, Some(limit), limit, &clock).await.is_ok(),
        "its room is free again"
    );
}

#[actix_web::test]
async fn a_body_of_unknown_length_that_grows_takes_room_among_the_large() {
    let (budget, clock) = (Budget::new(4 << 20), clock());
    let mut body = payload(chunks(20, SMALL / 10)).await;
    let held = budget.read(&mut body, None, 3 << 20, &clock).await.unwrap();
    assert_eq!(held.bytes.len(), 20 * (SMALL / 10));
    assert!(budget.large.available_permits() < budget.large_size);
    assert_eq!(
        budget.small.available_permits(),
        1 << 20,
        "its room among the small is free again"
    );
}
