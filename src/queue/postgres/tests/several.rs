//! Several bridges on one database.

use std::time::Duration;
use uuid::Uuid;

use super::*;
use crate::queue::tests::{delivered, event, settlement};
use crate::queue::{Claim, Enqueued, Owner, Settled};

/// A bridge on a database.
struct Bridge {
    queue: Queue,
    clock: Clock,
    owner: Owner,
    _thread: StoreThread,
}

impl Bridge {
    fn on(bench: &Bench) -> Self {
        let clock = Clock::manual(at(0));
        let (queue, thread) = Queue::open(bench.address(), HISTORY, clock.clone()).unwrap();
        Self {
            queue,
            owner: Owner(clock.new_id()),
            clock,
            _thread: thread,
        }
    }

    async fn claim(&self, lane: &str) -> Option<Claim> {
        self.queue.claim(&lane.into(), self.owner, None).await.unwrap()
    }
}

/// Ends every lease, as time would.
fn end_leases(bench: &Bench) {
    let sql = "update lanes set until = clock_timestamp() - interval '1 second' where until is not null";
    super::sql(bench.address(), sql);
}

#[tokio::test]
async fn a_lane_has_one_owner_until_its_lease_ends() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let (one, other) = (Bridge::on(&bench), Bridge::on(&bench));
    let id = bench.store(event(1, 100, &["dev", "ops"])).await;
    let first = one.claim("dev").await.unwrap();
    assert!(other.claim("dev").await.is_none(), "it is owned");
    assert!(other.claim("ops").await.is_some(), "another lane is free");
    end_leases(&bench);
    let second = other.claim("dev").await.unwrap();
    assert!(second.fence > first.fence);
    assert_eq!(second.head.delivery, first.head.delivery);
    // The first owner was stopped, and does not know it.
    let late = one.queue.settle(settlement(&first, delivered(), 110)).await;
    assert_eq!(late.unwrap(), Settled::Fenced);
    let renewed = one.queue.renew(&"dev".into(), one.owner, first.fence).await;
    assert_eq!(renewed.unwrap(), None);
    assert!(one.claim("dev").await.is_none());
    let settled = other.queue.settle(settlement(&second, delivered(), 120)).await;
    assert_eq!(settled.unwrap(), Settled::Committed);
    let states = bench.states(id).await;
    assert_eq!(
        states,
        [crate::queue::State::Delivered, crate::queue::State::Waiting]
    );
}

#[tokio::test]
async fn a_released_lane_is_claimed_at_once_under_a_new_fence() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let (one, other) = (Bridge::on(&bench), Bridge::on(&bench));
    bench.store(event(1, 100, &["dev"])).await;
    let first = one.claim("dev").await.unwrap();
    one.queue.release(&"dev".into(), one.owner).await.unwrap();
    let second = other.claim("dev").await.unwrap();
    assert!(second.fence > first.fence);
    other.queue.release(&"dev".into(), one.owner).await.unwrap();
    assert!(one.claim("dev").await.is_none(), "only the owner can release");
}

#[tokio::test]
async fn a_lease_is_renewed_when_a_third_has_passed() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let one = Bridge::on(&bench);
    one.queue.set_longest_call(Duration::from_secs(5));
    bench.store(event(1, 100, &["dev"])).await;
    let lease = |claim: Option<Claim>| claim.unwrap().lease;
    // Three times five seconds for the call and five for the settlement.
    let first = lease(one.claim("dev").await);
    assert!(first.lasts(Duration::ZERO, Duration::from_secs(30)));
    assert!(!first.lasts(Duration::ZERO, Duration::from_secs(31)));
    one.clock.advance(Duration::from_secs(9));
    assert_eq!(lease(one.claim("dev").await), first);
    one.clock.advance(Duration::from_secs(1));
    let second = lease(one.claim("dev").await);
    assert!(second.lasts(one.clock.monotonic(), Duration::from_secs(30)));
}

#[tokio::test]
async fn an_event_that_two_bridges_get_is_stored_once() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let bridges = [Bridge::on(&bench), Bridge::on(&bench), Bridge::on(&bench)];
    for key in 0..20 {
        let same = bridges
            .iter()
            .map(|bridge| bridge.queue.enqueue(event(key, 100, &["dev"])));
        let answers = futures_util::future::try_join_all(same).await.unwrap();
        let stored = answers
            .iter()
            .filter(|answer| matches!(answer, Enqueued::Stored { .. }));
        assert_eq!(stored.count(), 1, "{answers:?}");
    }
    assert_eq!(bench.waiting().await, 20);
}

#[tokio::test]
async fn the_deliveries_of_a_lane_are_claimed_in_the_order_in_which_bridges_committed_them() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let bridges = [Bridge::on(&bench), Bridge::on(&bench)];
    let claimer = Bridge::on(&bench);
    let total: u8 = 120;
    let lanes: [[&str; 2]; 2] = [["dev", "ops"], ["ops", "dev"]];
    let store = async |number: usize| {
        let bridge = &bridges[number];
        for key in (0..total).filter(|key| usize::from(*key) % 2 == number) {
            bridge
                .queue
                .enqueue(event(key, 100, &lanes[number]))
                .await
                .unwrap();
        }
    };
    // What is claimed has a higher number each time, though others are committed meanwhile.
    let claim = async {
        let (mut last, mut count) = (None, 0);
        while count < total {
            let Some(claim) = claimer.claim("dev").await else {
                tokio::task::yield_now().await;
                continue;
            };
            assert!(Some(claim.head.delivery) > last);
            last = Some(claim.head.delivery);
            count += 1;
            let settled = claimer.queue.settle(settlement(&claim, delivered(), 200)).await;
            assert_eq!(settled.unwrap(), Settled::Committed);
        }
    };
    tokio::join!(store(0), store(1), claim);
    assert_eq!(bench.waiting().await, u64::from(total), "in the other lane");
}

#[tokio::test]
async fn a_bridge_learns_within_a_second_what_another_one_has_changed() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let (one, other) = (Bridge::on(&bench), Bridge::on(&bench));
    let mut arrivals = one.queue.arrivals();
    other.queue.enqueue(event(1, 100, &["dev"])).await.unwrap();
    one.clock.advance(Duration::from_secs(1));
    assert_eq!(&*arrivals.recv().await.unwrap(), "dev");
    // A lane that is owned and comes free.
    let claim = other.claim("dev").await.unwrap();
    one.clock.advance(Duration::from_secs(1));
    one.queue.lanes().await.unwrap();
    end_leases(&bench);
    one.clock.advance(Duration::from_secs(1));
    assert_eq!(&*arrivals.recv().await.unwrap(), "dev");
    assert!(one.claim("dev").await.unwrap().fence > claim.fence);
    assert_ne!(one.owner.0, Uuid::nil());
}
