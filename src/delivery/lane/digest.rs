//! A digest in place of many messages: when more wait in a lane than people would read.

use super::{Lane, Shared};
use crate::digest::{self, Carried};
use crate::logging::chain;
use crate::message::StoredMessage;
use crate::queue::{Claim, DeliveryId, Head, Outcome};
use crate::twake::{Act, Destination};

/// The most deliveries of one digest.
const MOST: u32 = 500;

/// What becomes of a claim when the lane has looked at how many deliveries wait.
pub(super) enum Relieved {
    /// This delivery is next: the one that was claimed, or an urgent one that passes before it.
    Deliver(Box<Claim>),
    /// A digest was attempted, and how it ended is stored.
    Digested,
    /// The lane stops: another bridge has claimed it, or the queue is closed.
    Stop,
}

impl Lane {
    /// Posts a digest if more deliveries wait than the settings allow. Urgent deliveries pass before it, each by itself.
    pub(super) async fn relieve(&mut self, destination: &Destination, claim: Claim) -> Relieved {
        let above = self.settings.borrow().digest_above;
        let is_flooded = above.is_some_and(|above| claim.head.waiting > u64::from(above));
        if !is_flooded || self.alone == Some(claim.head.delivery) || is_urgent(&claim.head) {
            return Relieved::Deliver(Box::new(claim));
        }
        // What is delivered and not settled would be in the digest, too.
        if !self.catch_up().await {
            return Relieved::Stop;
        }
        let Shared { queue, owner, .. } = &*self.shared;
        match queue.claim_urgent(&self.name, *owner).await {
            Ok(Some(urgent)) => return Relieved::Deliver(Box::new(urgent)),
            Ok(None) => {}
            Err(error) => {
                log::warn!(channel = &*self.name; "cannot read urgent deliveries: {}", chain(&error));
            }
        }
        match self.gather(&claim).await {
            Some((digest, carries)) => self.post_digest(destination, claim, digest, carries).await,
            None => Relieved::Deliver(Box::new(claim)),
        }
    }

    /// The digest of the claimed delivery and those behind it, and which these are. `None`: they are too few, or cannot be read.
    async fn gather(&self, claim: &Claim) -> Option<(StoredMessage, Vec<DeliveryId>)> {
        let head = claim.head.delivery;
        let waiting = match self.shared.queue.not_urgent(&self.name, head, MOST).await {
            Ok(waiting) => waiting,
            Err(error) => {
                log::warn!(channel = &*self.name; "cannot read what waits: {}", chain(&error));
                return None;
            }
        };
        let parts: Vec<Carried<'_>> = waiting
            .iter()
            .map(|delivery| Carried {
                source: &delivery.source,
                event_type: &delivery.event_type,
                received: delivery.received,
                message: delivery.message.as_ref(),
            })
            .collect();
        let digest = StoredMessage::new(digest::document(&parts));
        let all = waiting.iter().map(|delivery| delivery.delivery);
        let is_whole = waiting.first().is_some_and(|first| first.delivery == head);
        let carries: Vec<DeliveryId> = all.filter(|delivery| *delivery != head).collect();
        (is_whole && !carries.is_empty()).then_some((digest, carries))
    }

    /// Posts a digest with the delivery that was claimed, and stores how that ended. If the chat refuses the digest, the
    /// delivery is posted by itself.
    async fn post_digest(
        &mut self,
        destination: &Destination,
        claim: Claim,
        digest: StoredMessage,
        carries: Vec<DeliveryId>,
    ) -> Relieved {
        let delivery = claim.head.delivery;
        let head = Head {
            message: Some(digest),
            superseded_by: None,
            ..claim.head
        };
        let ended = self.attempt(destination, &head, vec![Act::Post]).await;
        let claim = Claim { head, ..claim };
        let mut attempted = self.judge(destination, claim, &ended);
        match attempted.outcome() {
            Outcome::Rejected => {
                self.alone = Some(delivery);
                return Relieved::Digested;
            }
            Outcome::Delivered { .. } => attempted.carry(carries),
            _ => {}
        }
        if self.settle(Some(attempted)).await {
            Relieved::Digested
        } else {
            Relieved::Stop
        }
    }
}

fn is_urgent(head: &Head) -> bool {
    head.message.as_ref().is_some_and(|message| message.urgent)
}
