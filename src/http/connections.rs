//! The open connections of a listener: nobody keeps others out by holding connections that ask nothing.
//!
//! The server keeps a connection that is silent after an answer for more than a minute, and one whose next request never
//! gets further than its first byte for ever. While there is room for more, that is patience; when most of what
//! `limits.connections` allows is taken, answers end their connections, and those that have asked nothing for longest
//! are closed.
//!
//! And a stop waits for what is under way on them. The server drops connections that it has accepted and no worker has
//! looked at yet when it is told to stop, and waits for idle ones until its time is over; a sender that is cut off so may
//! never try again. So the bridge stops the accepting first, waits until what was accepted is answered, and then stops
//! what is left.

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;
use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// How often it is looked whether connections have to go.
const EVERY: Duration = Duration::from_millis(250);

/// So long every connection has for its request, however many others there are.
const FAIR: Duration = Duration::from_secs(1);

/// Nothing new for so long means that no connection is on its way to a worker any more: workers look within
/// microseconds unless the machine is overloaded.
const QUIET: Duration = Duration::from_millis(100);

/// The connections; a cheap clone.
#[derive(Clone)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
    limit: usize,
    /// No connection is kept that has asked nothing for so long.
    longest: Duration,
    /// Whether answers end their connections, because the listener stops.
    stopping: Arc<AtomicBool>,
    clock: Clock,
}

#[derive(Default)]
struct Open {
    count: usize,
    /// A number for each, so that no two have the same key; the last one given.
    number: u64,
    /// Those that have never asked anything.
    fresh: usize,
    /// Requests that are not answered.
    asking: usize,
    /// Those that wait for a request, by when they began to.
    silent: BTreeMap<(Duration, u64), Arc<std::net::TcpStream>>,
}

/// One connection, from its beginning to its end.
struct Connection {
    of: Connections,
    /// A second handle on it, to close it by.
    socket: Arc<std::net::TcpStream>,
    number: u64,
    /// Its key while it is silent.
    since: Mutex<Option<Duration>>,
    /// Whether it has asked anything.
    asked: AtomicBool,
}

impl Connections {
    /// At most `limit` at once, which the server sees to. None is kept that asked nothing for `longest`.
    pub fn new(limit: usize, longest: Duration, clock: Clock) -> Self {
        Self {
            open: Arc::default(),
            limit,
            longest,
            stopping: Arc::default(),
            clock,
        }
    }

    /// Waits until everything that was accepted is answered, `limit` at the most; from now on answers end their
    /// connections. The listener has to accept nothing more by then.
    pub async fn settle(&self, limit: Duration) {
        self.stopping.store(true, Ordering::SeqCst);
        let begun = self.clock.monotonic();
        loop {
            let before = self.lock().number;
            self.clock.sleep(QUIET).await;
            let waited = self.clock.monotonic().saturating_sub(begun);
            let open = self.lock();
            let heard = open.fresh == 0 || waited >= FAIR;
            if (open.number == before && heard && open.asking == 0) || waited >= limit {
                return;
            }
        }
    }

    /// How many there may be.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// From so many on it is crowded.
    fn crowded(&self) -> usize {
        self.limit - self.limit / 4
    }

    /// Takes note of a new connection, as [`actix_web::HttpServer::on_connect`] tells it.
    pub fn opened(&self, io: &dyn Any, kept: &mut Extensions) {
        super::tls::remember(io, kept);
        let of_tls = || Some(io.downcast_ref::<TlsStream<TcpStream>>()?.get_ref().0);
        let Some(stream) = io.downcast_ref::<TcpStream>().or_else(of_tls) else {
            return;
        };
        let Ok(socket) = second_handle(stream) else {
            // No descriptor is left: the server will find that out, too.
            return;
        };
        let number = {
            let mut open = self.lock();
            open.count += 1;
            open.fresh += 1;
            open.number += 1;
            open.number
        };
        let connection = Connection {
            of: self.clone(),
            socket: Arc::new(socket),
            number,
            since: Mutex::new(None),
            asked: AtomicBool::new(false),
        };
        connection.silent();
        kept.insert(Arc::new(connection));
    }

    /// Closes what has to go, until it is dropped.
    pub async fn tend(&self) -> Infallible {
        loop {
            self.clock.sleep(EVERY).await;
            self.close_silent();
        }
    }

    fn close_silent(&self) {
        let now = self.clock.monotonic();
        let mut open = self.lock();
        let mut too_many = (open.count + 1).saturating_sub(self.crowded());
        let mut closed = Vec::new();
        for (key, socket) in &open.silent {
            let silent = now.saturating_sub(key.0);
            if silent < self.longest && (too_many == 0 || silent < FAIR) {
                break;
            }
            // What has come and was not read yet: it is the bridge that is behind.
            if matches!(socket.peek(&mut [0]), Ok(1..)) {
                continue;
            }
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
            closed.push(*key);
            too_many = too_many.saturating_sub(1);
        }
        for key in closed {
            open.silent.remove(&key);
        }
    }

    fn is_crowded(&self) -> bool {
        self.lock().count >= self.crowded()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing in here panics half way through a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn silent(&self) {
        let now = self.of.clock.monotonic();
        self.of
            .lock()
            .silent
            .insert((now, self.number), Arc::clone(&self.socket));
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    fn asks(&self) {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut open = self.of.lock();
        if let Some(since) = since {
            open.silent.remove(&(since, self.number));
        }
        if !self.asked.swap(true, Ordering::SeqCst) {
            open.fresh -= 1;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.asks();
        self.of.lock().count -= 1;
    }
}

/// Silent again when dropped: also when the request is dropped half way.
struct Asking(Arc<Connection>);

impl Asking {
    fn new(connection: Arc<Connection>) -> Self {
        connection.asks();
        connection.of.lock().asking += 1;
        Self(connection)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.of.lock().asking -= 1;
        self.0.silent();
    }
}

/// A request on its way to its answer: its connection is not silent meanwhile, and in a crowd ends with the answer.
pub async fn watched(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(connection) = request.conn_data::<Arc<Connection>>().map(Arc::clone) else {
        return next.call(request).await;
    };
    let asking = Asking::new(connection);
    let mut answer = next.call(request).await?;
    let of = &asking.0.of;
    if of.is_crowded() || of.stopping.load(Ordering::SeqCst) {
        answer
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    Ok(answer)
}

fn second_handle(stream: &TcpStream) -> std::io::Result<std::net::TcpStream> {
    use std::os::fd::AsFd as _;
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}
