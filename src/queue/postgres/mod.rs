//! The queue on PostgreSQL, which several bridges share. Each lane has one owner at a time, by a lease.

mod actor;
mod address;
mod audit;
mod connection;
mod deliveries;
mod enqueue;
mod events;
mod failure;
mod leases;
mod listen;
mod listing;
mod operations;
mod pauses;
mod prune;
mod query;
mod reach;
mod recent;
mod rows;
mod schema;
mod statements;
mod tally;
mod tls;
mod transaction;

pub(super) use actor::Actor;
pub use reach::reach;

#[cfg(test)]
pub(super) mod tests;
