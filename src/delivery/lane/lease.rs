//! The lease of a lane: looked at before each request to the chat, renewed, and ended with the lane.

use std::time::Duration;

use super::Lane;
use crate::logging::chain;
use crate::queue::{Fence, Lease, SETTLING};

impl Lane {
    /// Whether the lane is held for as long as a request and its settlement may take. Renews the lease if it does not last. The
    /// time is the monotonic clock's, so a bridge that was stopped past its lease finds that out here, before it posts.
    pub(super) async fn is_held(&self, fence: Fence, timeout: Duration) -> bool {
        let clock = &self.shared.clock;
        let needed = timeout + SETTLING;
        if self.lease.get().lasts(clock.monotonic(), needed) {
            return true;
        }
        match self
            .shared
            .queue
            .renew(&self.name, self.shared.owner, fence)
            .await
        {
            // The store may have taken long to answer.
            Ok(Some(lease)) => {
                self.lease.set(lease);
                lease.lasts(clock.monotonic(), needed)
            }
            Ok(None) => false,
            Err(error) => {
                log::warn!(channel = &*self.name; "cannot hold the channel for longer: {}", chain(&error));
                false
            }
        }
    }

    /// Ends the lease, so that another bridge can claim the lane at once. Without an answer it ends by itself.
    pub(super) async fn leave(&self) {
        if self.lease.replace(Lease::ENDLESS) == Lease::ENDLESS {
            return;
        }
        if let Err(error) = self.shared.queue.release(&self.name, self.shared.owner).await {
            log::debug!(channel = &*self.name; "cannot release the channel: {}", chain(&error));
        }
    }
}
