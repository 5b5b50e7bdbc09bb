//! The durable queue between HTTP and delivery, and the only module that knows a database.
//!
//! [`Queue`] is a cheap handle that sends commands to a store. The store is chosen once, by the address that
//! [`Queue::open`] gets. It is an actor on a thread of its own: it takes the commands that have gathered, carries them out
//! in one transaction, commits, and then answers all of them. So no transaction is open over an await or a call to Twake,
//! and under load many events share one fsync without a timer.
//!
//! # The contract of a store
//!
//! A store is a folder of this module (`sqlite`, `postgres`). It opens an address, and carries out the commands of `command.rs`. Its
//! library, its SQL and its errors stay in its folder. The suite in `tests/` is the contract in full: it runs on every
//! store.
//!
//! - **Durability.** A change is answered after its commit. What was answered survives a crash.
//! - **Atomicity.** A change is made completely or not at all. A change that fails does not affect the others of its
//!   transaction.
//! - **Order.** The deliveries of a lane are claimed in the order of their commit. A retry and a delivery that is put back
//!   keep their place; a replay and a move go to the end.
//! - **One owner.** A lane has at most one owner at a time, until its [`Lease`] ends or is released. A claim by another owner,
//!   possible from then on, raises the lane's [`Fence`]. A settlement with an earlier fence changes nothing and is answered with
//!   [`Settled::Fenced`]. The fence of a store that only one process can open is constant.
//! - **Deduplication.** While an idempotency key is remembered, an event with that key is not stored again
//!   ([`Enqueued`]).
//! - **Conversations.** What a settlement keeps of a conversation is written with it, and a later claim in the lane has it
//!   until it expires.
//! - **Retention.** What waits is never deleted. What is settled is deleted only by housekeeping, as [`History`] says.
//! - **Pauses.** A paused lane is not claimed. An event of a paused source is stored without deliveries, and is held: it is not
//!   deleted until it is released. The event that a release decides is the oldest, and the pause ends with the last one.
//! - **Search.** A list with a text finds every event whose line has it and that was committed before the query.
//! - **Audit.** What is recorded of a change is committed with it.
//! - **Notification.** After a commit, receivers learn which lanes got deliveries ([`Queue::arrivals`]) and from which an
//!   operator took some ([`Queue::departures`]).
//! - **Cost.** The cost of an event does not grow with backlog, channels or history. A list reads a bounded number of
//!   events.

mod activity;
mod audit;
mod claim;
mod clamped_clock;
mod command;
mod decided;
mod encoding;
mod error;
mod handle;
mod health;
mod housekeeping;
mod listing;
mod operations;
mod packed;
mod pauses;
mod postgres;
mod pruning;
mod records;
mod repetition;
mod settling;
mod sqlite;
mod store;
mod wake;
mod words;

pub use activity::{Accepted, Bucket};
pub use audit::{Action, AuditListing, AuditRecord, NumberedRecord};
pub use claim::{
    Claim, DeliveryId, Done, Fence, Head, Kept, Lease, Outcome, Owner, SETTLING, Settled, Settlement,
    WaitingDelivery,
};
pub use decided::{Decided, Enqueued, NewDelivery, NewEvent, to_stored};
pub use error::{OpenError, QueueError};
pub use handle::Queue;
pub use listing::{EventPage, EventState, Filter, ListedEvent, Listing};
pub use operations::{Discard, Move, Moved, Replay};
pub use pauses::{Pause, PauseChange, PauseChanged, PauseTarget, Pauses};
pub use postgres::reach;
pub use pruning::History;
pub use records::{Attempt, DeliveryRecord, EventRecord, LaneState, State};
pub use sqlite::{Copied, CopyError, backup, locate, restore};
pub use store::{StoreThread, is_shared};

#[cfg(test)]
pub(crate) mod tests;
