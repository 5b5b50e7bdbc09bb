//! Subscriptions at a real server.

use std::time::Duration;

use super::*;
use crate::queue::postgres::statements::CHANNEL;
use crate::queue::tests::postgres_server::{PostgresServer, TestDatabase};

const OWN: Uuid = Uuid::from_u128(7);

/// Waits until the receiver has heard so often.
async fn heard(receiver: &mut watch::Receiver<u64>, times: u64) {
    let clock = Clock::system();
    let waited = clock
        .timeout(
            Duration::from_secs(60),
            receiver.wait_for(|count| *count >= times),
        )
        .await;
    waited.expect("not heard in time").unwrap();
}

fn notify(database: &TestDatabase) {
    database.sql(&format!("notify {CHANNEL}"));
}

/// How many sessions are connected to the database, besides the one that asks.
fn sessions(database: &TestDatabase) -> String {
    database.sql(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    )
}

#[tokio::test]
async fn notifications_are_heard_also_after_the_server_has_ended_the_connection() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let database = server.database(None);
    let address = Address::parse(&database.address()).unwrap();
    let mut receiver = listen(address, OWN, Clock::system());
    // The first subscription counts, so that the receiver looks at what was there before.
    heard(&mut receiver, 1).await;
    notify(&database);
    heard(&mut receiver, 2).await;
    database.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    heard(&mut receiver, 3).await;
    notify(&database);
    heard(&mut receiver, 4).await;
    // Its own notifications tell a bridge nothing. They arrive in order, so the later one shows it.
    database.sql(&format!("select pg_notify('{CHANNEL}', '{OWN}')"));
    notify(&database);
    heard(&mut receiver, 5).await;
    assert_eq!(*receiver.borrow(), 5, "each was heard once");
}

#[tokio::test]
async fn a_server_that_restarts_is_subscribed_to_again() {
    let Some(server) = PostgresServer::start("") else {
        return;
    };
    let database = server.database(None);
    let address = Address::parse(&database.address()).unwrap();
    let mut receiver = listen(address, OWN, Clock::system());
    heard(&mut receiver, 1).await;
    assert!(server.control(&["-m", "immediate", "stop"]).status.success());
    assert!(server.control(&["-w", "start"]).status.success());
    heard(&mut receiver, 2).await;
    notify(&database);
    heard(&mut receiver, 3).await;
}

#[tokio::test]
async fn the_subscription_ends_with_its_last_receiver() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let database = server.database(None);
    let address = Address::parse(&database.address()).unwrap();
    let mut receiver = listen(address, OWN, Clock::system());
    heard(&mut receiver, 1).await;
    assert_eq!(sessions(&database), "1");
    let sender_gone = receiver.clone();
    drop((receiver, sender_gone));
    let clock = Clock::system();
    let ended = clock
        .timeout(Duration::from_secs(60), async {
            while sessions(&database) != "0" {
                tokio::task::yield_now().await;
            }
        })
        .await;
    ended.expect("the session stays");
}
