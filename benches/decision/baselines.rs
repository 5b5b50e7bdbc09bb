//! What the bridge is compared with: servers that do less and less of its work.

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::Connection;
use sha2::Sha256;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};

/// A body on its way to the store, and who waits for it.
type Insert = (web::Bytes, oneshot::Sender<()>);

/// How much of the work is done.
#[derive(Clone)]
pub(crate) enum Work {
    /// (a) The body is read.
    Bare,
    /// (b) And its HMAC computed.
    Hmac,
    /// (c) And the raw body stored: one insert, grouped with whatever has gathered, fsynced.
    Durable(mpsc::Sender<Insert>),
}

/// Starts a server in this process, with as many workers as the bridge has; its address.
pub(crate) fn start(work: Work, workers: usize) -> String {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(work.clone()))
            .app_data(web::PayloadConfig::new(64 << 20))
            .default_service(web::to(accept))
    })
    .workers(workers)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let address = server.addrs()[0].to_string();
    actix_web::rt::spawn(server.run());
    address
}

async fn accept(request: HttpRequest, body: web::Bytes, work: web::Data<Work>) -> HttpResponse {
    if !matches!(**work, Work::Bare) {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"It's a Secret to Everybody").unwrap();
        mac.update(&body);
        let right = mac.verify_slice(request.head().uri.path().as_bytes()).is_ok();
        assert!(
            !right,
            "a path is no signature; it is only compared so that the work is not left out"
        );
    }
    if let Work::Durable(store) = &**work {
        let (done, committed) = oneshot::channel();
        store.send((body, done)).await.unwrap();
        committed.await.unwrap();
    }
    HttpResponse::Accepted().json(serde_json::json!({ "event": "01989898-9898-7898-8989-898989898989" }))
}

/// The store of (c): what has gathered is one transaction.
pub(crate) fn store(path: &Path) -> mpsc::Sender<Insert> {
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
                // Whoever waited may have gone with its connection.
                let _ = done.send(());
            }
        }
    });
    send
}
