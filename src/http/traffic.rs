//! What is under way on a listener, so that a stop can wait for it.
//!
//! The server drops connections that it has accepted and no worker has looked at yet when it is told to stop, and waits
//! for idle ones until its time is over. A sender that is cut off so may never try again. So the bridge stops the
//! accepting first, waits until what was accepted is answered, and then stops what is left: idle connections.

use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONNECTION, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// Nothing new for so long means that no connection is on its way to a worker any more: workers look within
/// microseconds unless the machine is overloaded.
const QUIET: Duration = Duration::from_millis(100);
/// A connection that has sent nothing yet is waited for so long, of the whole time.
const SILENT: Duration = Duration::from_secs(1);

/// Connections and requests of one listener; clones count together.
#[derive(Clone, Default)]
pub struct Traffic(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// Connections there ever were.
    opened: AtomicU64,
    /// Connections whose first request has not begun.
    silent: AtomicUsize,
    /// Requests without an answer.
    requests: AtomicUsize,
    stopping: AtomicBool,
}

/// A connection, until it is closed.
struct Connection {
    traffic: Traffic,
    /// Whether a request has begun on it.
    spoke: AtomicBool,
}

/// A request, until it is answered or given up.
struct Request(Traffic);

impl Traffic {
    /// Counts a connection that a worker has taken; for `HttpServer::on_connect`.
    pub fn connected(&self, stream: &dyn Any, connection: &mut Extensions) {
        super::tls::remember(stream, connection);
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        self.0.silent.fetch_add(1, Ordering::SeqCst);
        connection.insert(Connection {
            traffic: self.clone(),
            spoke: AtomicBool::new(false),
        });
    }

    /// Waits until all that was accepted is answered, `limit` at the most; from now on answers close their connection.
    /// The listener has to be paused before.
    pub async fn settle(&self, clock: &Clock, limit: Duration) {
        self.0.stopping.store(true, Ordering::SeqCst);
        let begun = clock.monotonic();
        loop {
            let opened = self.0.opened.load(Ordering::SeqCst);
            clock.sleep(QUIET).await;
            let waited = clock.monotonic().saturating_sub(begun);
            let heard = self.0.silent.load(Ordering::SeqCst) == 0 || waited >= SILENT;
            let quiet = opened == self.0.opened.load(Ordering::SeqCst);
            if (quiet && heard && self.0.requests.load(Ordering::SeqCst) == 0) || waited >= limit {
                return;
            }
        }
    }
}

impl Connection {
    fn speaks(&self) {
        if !self.spoke.swap(true, Ordering::SeqCst) {
            self.traffic.0.silent.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.speaks();
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.0.requests.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts a request while it is answered; for `App::wrap`. Wants a [`Traffic`] among the app's data.
pub async fn count(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let traffic = request
        .app_data::<web::Data<Traffic>>()
        .map(|data| Traffic::clone(data));
    let under_way = traffic.clone().map(|traffic| {
        traffic.0.requests.fetch_add(1, Ordering::SeqCst);
        Request(traffic)
    });
    if let Some(connection) = request.conn_data::<Connection>() {
        connection.speaks();
    }
    let mut response = next.call(request).await?;
    if traffic.is_some_and(|traffic| traffic.0.stopping.load(Ordering::SeqCst)) {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
            .response_mut()
            .head_mut()
            .set_connection_type(actix_web::http::ConnectionType::Close);
    }
    drop(under_way);
    Ok(response)
}
