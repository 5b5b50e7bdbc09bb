//! What only PostgreSQL's store does: several bridges on one database. The contract that it shares with every store is tested in
//! `queue/tests`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::address::Address;
use super::connection::{Session, connect};
use crate::clock::Clock;
use crate::queue::tests::postgres_server::PostgresServer;
use crate::queue::tests::{Bench, HISTORY, Home, at};
use crate::queue::{OpenError, Queue, StoreThread};

mod plans;
mod several;
mod start;
mod transaction;

/// Whether PostgreSQL is installed.
pub(in crate::queue) fn is_available() -> bool {
    PostgresServer::shared().is_some()
}

/// A database with an empty store. It is dropped with this value.
struct Database {
    name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let drop = format!("drop database {} with (force)", self.name);
            sql(&server().address("postgres"), &drop);
        }
    }
}

/// An empty store in a database of its own.
pub(in crate::queue) fn home() -> Home {
    static TEMPLATE: OnceLock<()> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let postgres = server().address("postgres");
    TEMPLATE.get_or_init(|| {
        sql(&postgres, "create database template_store");
        let (queue, thread) = open(&server().address("template_store")).unwrap();
        drop(queue);
        assert!(thread.close());
    });
    let name = format!("store_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    sql(
        &postgres,
        &format!("create database {name} template template_store"),
    );
    Home::new(server().address(&name), Database { name })
}

fn server() -> &'static PostgresServer {
    PostgresServer::shared().unwrap()
}

/// Runs SQL, without a process of its own: a child that begins has the files of this process open for a moment, and with them the
/// locks of the stores on SQLite.
fn sql(address: &str, sql: &str) {
    let (address, sql) = (address.to_owned(), sql.to_owned());
    let run = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let session = connected(&address).await;
            session.client.batch_execute(&sql).await.unwrap();
        });
    });
    run.join().unwrap();
}

/// A session besides that of a bridge.
async fn connected(address: &str) -> Session {
    connect(&Address::parse(address).unwrap(), &Clock::system())
        .await
        .unwrap()
}

fn open(address: &str) -> Result<(Queue, StoreThread), OpenError> {
    Queue::open(address, HISTORY, Clock::manual(at(0)))
}
