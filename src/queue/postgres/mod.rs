//! The store on PostgreSQL, which several bridges share.

mod connection;
