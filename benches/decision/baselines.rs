//! Baseline servers that do only parts of the bridge's work.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::Connection;
use sha2::Sha256;
use tokio::sync::{mpsc, oneshot};

use crate::server::SECRET;

/// A body to store, and the sender that reports the commit.
type Insert = (web::Bytes, oneshot::Sender<()>);

/// The work that a baseline does per request.
#[derive(Clone)]
enum Work {
    /// (a) Read the body.
    Bare,
    /// (b) Also compute the HMAC.
    Hmac,
    /// (c) Also store the body: one insert, in a transaction with all waiting inserts, fsynced.
    Durable(mpsc::Sender<Insert>),
}

/// Runs a server with two workers, as the bridge has on two cores, and reports its address on standard error.
pub(crate) async fn run(work: &str, store: &str) {
    let work = match work {
        "bare" => Work::Bare,
        "hmac" => Work::Hmac,
        _ => Work::Durable(open(store)),
    };
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(work.clone()))
            .app_data(web::PayloadConfig::new(64 << 20))
            .default_service(web::to(accept))
    })
    .workers(2)
    .bind("127.0.0.1:0")
    .unwrap();
    eprintln!("address={}", server.addrs()[0]);
    server.run().await.unwrap();
}

async fn accept(request: HttpRequest, body: web::Bytes, work: web::Data<Work>) -> HttpResponse {
    if !matches!(**work, Work::Bare) {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&body);
        let right = mac.verify_slice(request.head().uri.path().as_bytes()).is_ok();
        assert!(
            !right,
            "a path is not a signature; the comparison prevents the compiler from removing the HMAC"
        );
    }
    if let Work::Durable(store) = &**work {
        let (done, committed) = oneshot::channel();
        store.send((body, done)).await.unwrap();
        committed.await.unwrap();
    }
    HttpResponse::Accepted().json(serde_json::json!({ "event": "01989898-9898-7898-8989-898989898989" }))
}

/// Opens the store of (c). All waiting inserts share one transaction.
fn open(path: &str) -> mpsc::Sender<Insert> {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.pragma_update(None, "synchronous", "full").unwrap();
    connection
        .execute_batch("CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        .unwrap();
    let (send, mut receive) = mpsc::channel::<Insert>(1024);
    std::thread::spawn(move || {
        let mut batch = Vec::new();
        while receive.blocking_recv_many(&mut batch, 256) > 0 {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            for (body, _) in &batch {
                let mut insert = connection
                    .prepare_cached("INSERT INTO bodies (body) VALUES (?1)")
                    .unwrap();
                insert.execute([&body[..]]).unwrap();
            }
            connection.execute_batch("COMMIT").unwrap();
            for (_, done) in batch.drain(..) {
                // The receiver is gone if its connection was closed.
                let _ = done.send(());
            }
        }
    });
    send
}
