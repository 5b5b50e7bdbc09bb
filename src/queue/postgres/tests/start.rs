//! Starts: the schema is made once, however many bridges start at the same time.

use super::*;

#[tokio::test]
async fn ten_bridges_that_start_at_once_make_one_schema() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let database = server.database(None);
    let address = database.address();
    let starts: Vec<_> = (0..10)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || open(&address).map(drop))
        })
        .collect();
    for start in starts {
        start.join().unwrap().unwrap();
    }
    assert_eq!(database.sql("select version from twake_bridge"), "1");
    assert_eq!(database.sql("select count(*) from bridges"), "10");
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    if !is_available() {
        return;
    }
    let server = PostgresServer::shared().unwrap();
    let database = server.database(None);
    drop(open(&database.address()).unwrap());
    database.sql("update twake_bridge set version = 1000");
    let Err(error) = open(&database.address()) else {
        panic!("it was opened");
    };
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("schema 1000"), "{cause}");
}
