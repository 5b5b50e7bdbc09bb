//! The lanes that this bridge holds, as far as it knows.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::failure::Result;
use super::query::{Sql, params, value};
use super::statements::{CLAIM_LANE, RELEASE_LANE, RENEW_LANE};
use crate::clock::Clock;
use crate::queue::{Fence, Owner};

/// A lane that an owner holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) owner: Owner,
    pub(super) fence: Fence,
    /// The end of the lease on the monotonic clock of this machine. It is not later than the server has it: the lease begins
    /// when the server answers, and this time when it is asked.
    pub(super) until: Duration,
    /// A third of the lease has passed then.
    renew_at: Duration,
}

/// The lanes that this bridge holds.
#[derive(Default)]
pub(super) struct Leases {
    held: RefCell<HashMap<Arc<str>, Held>>,
    /// Who has claimed a lane last.
    owner: Cell<Option<Owner>>,
}

impl Leases {
    /// Holds a lane for an owner: with the lease that it has, until a third of it has passed, then with a new one. `None`: another
    /// owner holds the lane, or nothing waits in it.
    pub(super) async fn hold(
        &self,
        sql: &Sql,
        lane: &Arc<str>,
        owner: Owner,
        length: Duration,
        clock: &Clock,
    ) -> Result<Option<Held>> {
        self.owner.set(Some(owner));
        let now = clock.monotonic();
        let known = self.held.borrow().get(lane).copied();
        if let Some(held) = known.filter(|held| held.owner == owner && now < held.renew_at) {
            return Ok(Some(held));
        }
        let with = params![&**lane, owner.0, milliseconds(length)];
        let fence = sql.first(CLAIM_LANE, with, value).await?;
        Ok(self.note(lane, owner, fence, now, length))
    }

    /// Extends the lease of a lane. `None`: another owner holds the lane.
    pub(super) async fn renew(
        &self,
        sql: &Sql,
        lane: &Arc<str>,
        owner: Owner,
        fence: Fence,
        length: Duration,
        clock: &Clock,
    ) -> Result<Option<Duration>> {
        let now = clock.monotonic();
        let with = params![&**lane, owner.0, milliseconds(length)];
        let found: Option<i64> = sql.first(RENEW_LANE, with, value).await?;
        let found = found.filter(|found| *found == fence.0);
        Ok(self.note(lane, owner, found, now, length).map(|held| held.until))
    }

    fn note(
        &self,
        lane: &Arc<str>,
        owner: Owner,
        fence: Option<i64>,
        now: Duration,
        length: Duration,
    ) -> Option<Held> {
        let held = fence.map(|fence| Held {
            owner,
            fence: Fence(fence),
            until: now + length,
            renew_at: now + length / 3,
        });
        match held {
            Some(held) => self.held.borrow_mut().insert(Arc::clone(lane), held),
            None => self.held.borrow_mut().remove(lane),
        };
        held
    }

    /// Forgets that a lane is held: the next claim asks the server.
    pub(super) fn forget(&self, lane: &str) {
        self.held.borrow_mut().remove(lane);
    }

    /// Whether this bridge holds a lane, as far as it knows.
    pub(super) fn holds(&self, lane: &str) -> bool {
        self.held.borrow().contains_key(lane)
    }

    /// Ends the lease of a lane, so that another bridge can claim it at once.
    pub(super) async fn release(&self, sql: &Sql, lane: &str, owner: Owner) -> Result<()> {
        self.forget(lane);
        sql.execute(RELEASE_LANE, params![lane, owner.0]).await.map(drop)
    }

    /// Who has claimed a lane last.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner.get()
    }
}

fn milliseconds(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
