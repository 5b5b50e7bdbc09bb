//! Integration tests, one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod acts;
mod answers;
mod backup;
mod captured;
mod captures;
mod check;
mod circles;

mod clock;
mod connections;
mod crash;
mod disk;
mod documents;
mod encodings;
mod fuzz;
mod generic;
mod github;
mod gitlab;
mod guide;
mod harness;
mod hostile;
mod imports;
mod keys;
mod kinds;
mod lanes;
mod live;
mod log;
mod monitoring_kinds;
mod operator;
mod overload;
mod preview;
mod program;
mod published;
mod recipes;
mod reload;
mod requests;
mod senders;
mod store;
mod storm;
mod supervised;
mod tls_and_proxies;
mod unreadable;
mod upgrade;
mod variations;
