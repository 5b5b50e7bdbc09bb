//! A digest in place of many messages: when more wait in a lane than people would read, and when quiet hours have ended.

use super::{Lane, Shared};
use crate::conversation::{Changes, Key};
use crate::digest::{self, Carried};
use crate::logging::chain;
use crate::message::{StoredMessage, Urgency};
use crate::queue::{Claim, DeliveryId, Head, Kept, Outcome};
use crate::twake::{Act, Destination};

/// The most deliveries of one digest.
const MOST: u32 = 500;

/// What becomes of a claim when the lane has looked at how many deliveries wait.
pub(super) enum Relieved {
    /// This delivery is next: the one that was claimed, or one that passes before it.
    Deliver(Box<Claim>),
    /// A digest was attempted, and how it ended is stored. Or another bridge may have claimed the lane, and nothing was attempted.
    Digested,
    /// The lane stops: another bridge has claimed it, or the queue is closed.
    Stop,
}

/// What a digest is to carry.
struct Load {
    /// The least urgent messages of it.
    least: Urgency,
    /// What is so urgent passes before the digest, except for what ends a conversation that the digest is about.
    passing: Urgency,
    /// It needs more deliveries than this.
    above: usize,
}

/// A digest that can be posted.
struct Gathered {
    digest: StoredMessage,
    /// The deliveries that it carries besides the claimed one.
    carries: Vec<DeliveryId>,
    /// What is kept of the conversations that it ends.
    ended: Box<[(Key, Kept)]>,
}

impl Lane {
    /// Posts a digest if more deliveries wait than the settings allow, or if some have waited for the end of quiet hours. More
    /// urgent deliveries pass before it, each by itself.
    pub(super) async fn relieve(&mut self, destination: &Destination, claim: Claim) -> Relieved {
        let head = &claim.head;
        let load = self
            .load(destination, head)
            .filter(|load| self.alone != Some(head.delivery) && head.urgency() < load.passing);
        let Some(load) = load else {
            return Relieved::Deliver(Box::new(claim));
        };
        // What is delivered and not settled would be in the digest, too.
        if !self.catch_up().await {
            return Relieved::Stop;
        }
        let Shared { queue, owner, .. } = &*self.shared;
        match queue.claim_passing(&self.name, *owner, load.passing, None).await {
            Ok(Some(urgent)) => return Relieved::Deliver(Box::new(urgent)),
            Ok(None) => {}
            Err(error) => {
                log::warn!(channel = &*self.name; "cannot read urgent deliveries: {}", chain(&error));
                return Relieved::Deliver(Box::new(claim));
            }
        }
        match self.gather(destination, &claim, &load).await {
            Some(gathered) => self.post_digest(destination, claim, gathered).await,
            None => Relieved::Deliver(Box::new(claim)),
        }
    }

    /// `None`: each delivery is posted by itself.
    fn load(&self, destination: &Destination, head: &Head) -> Option<Load> {
        let above = self.settings.borrow().digest_above;
        let above = above.filter(|above| head.waiting > u64::from(*above));
        let flood = above.map(|_| Load {
            least: Urgency::None,
            passing: Urgency::Urgent,
            above: 1,
        });
        let Some(quiet) = &destination.readers().quiet else {
            return flood;
        };
        let now = self.shared.clock.now();
        if quiet.until(now).is_some() {
            // Those that wait for the end of the quiet hours are no flood.
            return above.map(|above| Load {
                least: quiet.below,
                passing: Urgency::Urgent,
                above: usize::try_from(above).unwrap_or(usize::MAX),
            });
        }
        let after_quiet = quiet.ended_between(head.since, now).then_some(Load {
            least: Urgency::None,
            passing: quiet.below,
            above: 1,
        });
        after_quiet.or(flood)
    }

    /// The digest of the claimed delivery and those behind it. `None`: they are too few, or cannot be read.
    async fn gather(&self, destination: &Destination, claim: &Claim, load: &Load) -> Option<Gathered> {
        let head = claim.head.delivery;
        let queue = &self.shared.queue;
        let waiting = match queue.digestible(&self.name, head, load.least, MOST).await {
            Ok(waiting) => waiting,
            Err(error) => {
                log::warn!(channel = &*self.name; "cannot read what waits: {}", chain(&error));
                return None;
            }
        };
        let all: Vec<Carried<'_>> = waiting
            .iter()
            .map(|delivery| Carried {
                source: &delivery.source,
                event_type: &delivery.event_type,
                received: delivery.received,
                thread: delivery.thread.as_ref(),
                message: delivery.message.as_ref(),
            })
            .collect();
        let fingerprint = destination.conversations().then(|| destination.fingerprint());
        let chosen = digest::choose(&all, fingerprint.as_deref());
        let ids: Vec<DeliveryId> = chosen
            .iter()
            .filter_map(|index| Some(waiting.get(*index)?.delivery))
            .collect();
        if ids.first() != Some(&head) || ids.len() <= load.above {
            return None;
        }
        let parts: Vec<Carried<'_>> = chosen
            .iter()
            .filter_map(|index| all.get(*index).copied())
            .collect();
        let ended =
            fingerprint.map(|destination| digest::ended(&parts, &destination, self.shared.clock.now()));
        let ended = ended.into_iter().flatten().map(|(key, thread, expires)| {
            let changes = Changes {
                thread: Some(thread),
                message: None,
            };
            (key, Kept::new(&changes, expires))
        });
        Some(Gathered {
            digest: StoredMessage::new(digest::document(&parts)),
            carries: ids.into_iter().skip(1).collect(),
            ended: ended.collect(),
        })
    }

    /// Posts a digest with the delivery that was claimed, and stores how that ended. If the chat refuses the digest, the
    /// delivery is posted by itself.
    async fn post_digest(&mut self, destination: &Destination, claim: Claim, gathered: Gathered) -> Relieved {
        let delivery = claim.head.delivery;
        let head = Head {
            message: Some(gathered.digest),
            superseded_by: None,
            // A digest has the times of what it carries in its text, and is not late itself.
            received: self.shared.clock.now(),
            ..claim.head
        };
        let claim = Claim { head, ..claim };
        let ended = self.attempt(destination, &claim, vec![Act::Post]).await;
        if ended.is_lost {
            return Relieved::Digested;
        }
        let mut attempted = self.judge(destination, claim, &ended);
        match attempted.outcome() {
            Outcome::Rejected => {
                self.alone = Some(delivery);
                return Relieved::Digested;
            }
            Outcome::Delivered { .. } => attempted.carry(gathered.carries, gathered.ended),
            _ => {}
        }
        if self.settle(Some(attempted)).await {
            Relieved::Digested
        } else {
            Relieved::Stop
        }
    }
}
