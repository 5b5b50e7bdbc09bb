//! The store on PostgreSQL, which several bridges share.

mod address;
mod connection;
mod listen;
mod tls;
