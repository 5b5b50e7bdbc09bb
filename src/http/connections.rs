//! The open connections of a listener. Idle connections cannot keep new clients out.
//!
//! The server keeps an idle connection for more than a minute after a response. It keeps a connection forever if the next
//! request never gets past its first byte. That is fine while connections are few. When three quarters of
//! `limits.connections` are open, responses close their connections, and the longest idle connections are closed.
//!
//! A graceful stop also needs this list. When the server stops, it drops accepted connections that no worker has taken, and
//! waits for idle ones until its timeout. A sender that is cut off may never retry. So the bridge first stops accepting,
//! then waits until every accepted request has its response, and then stops the server.

use actix_web::rt::net::TcpStream;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Shutdown};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use super::flow::{Allowance, Flow, Length};
use super::problem::Problem;
use super::slots::{Slot, Slots};
use crate::clock::Clock;

/// How often idle connections are checked.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// How long an idle connection is kept. Most senders close theirs earlier.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long the head of a request may take.
pub(super) const HEAD: Duration = Duration::from_secs(5);

/// How long any connection may be idle.
const MAX_IDLE: Duration = KEEP_ALIVE.saturating_add(HEAD);

/// How long a connection may always be idle, however many others there are.
const MIN_IDLE: Duration = Duration::from_secs(1);

/// Maximum number of connections with a long head. Each takes 64 KiB, including the server's copy.
const LONG_HEADS: usize = 128;

/// If no connection was opened for this time, none is on its way to a worker. A worker takes a connection within
/// microseconds unless the machine is overloaded.
const ACCEPT_SETTLE: Duration = Duration::from_millis(100);

/// The connections of a listener. Clones share them.
#[derive(Clone)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
    limit: usize,
    /// Whether responses close their connections because the listener stops.
    stopping: Arc<AtomicBool>,
    /// Unfinished TLS handshakes.
    handshakes: Slots,
    long_heads: Slots,
    on_refusal: Arc<dyn Fn(Problem, Option<IpAddr>) + Send + Sync>,
    clock: Clock,
}

#[derive(Default)]
struct Open {
    count: usize,
    /// The number of the newest connection. Numbers make the keys of `idle` unique.
    last_number: u64,
    /// Connections that have not sent a request yet.
    fresh: usize,
    /// Requests without a response.
    requests: usize,
    /// Connections without a request, by the time since which they are idle, and their number.
    idle: BTreeMap<(Duration, u64), Arc<std::net::TcpStream>>,
}

/// One open connection.
pub(super) struct Connection {
    connections: Connections,
    /// A second handle, to close the connection.
    socket: Arc<std::net::TcpStream>,
    peer: Option<IpAddr>,
    number: u64,
    activity: Mutex<Activity>,
    flow: Mutex<Flow>,
}

/// The requests of a connection.
#[derive(Default)]
struct Activity {
    /// Requests without a response.
    requests: usize,
    /// Since when the connection is idle. `None` while it has a request.
    idle_since: Option<Duration>,
    /// Whether it ever had a request.
    used: bool,
}

impl Connections {
    /// Tracks the connections of a server that accepts at most `limit`. `on_refusal` is called with the problem and the peer
    /// when a connection is refused before it has a request.
    pub fn new(
        limit: usize,
        on_refusal: impl Fn(Problem, Option<IpAddr>) + Send + Sync + 'static,
        clock: Clock,
    ) -> Self {
        Self {
            open: Arc::default(),
            limit,
            stopping: Arc::default(),
            // Half of the limit: handshakes alone never make the listener crowded.
            handshakes: Slots::new(limit / 2),
            long_heads: Slots::new(LONG_HEADS.min(limit / 2)),
            on_refusal: Arc::new(on_refusal),
            clock,
        }
    }

    /// Waits until every accepted request has its response, for at most `limit`. From now on, responses close their
    /// connections. The listener must not accept connections any more.
    pub async fn drain(&self, limit: Duration) {
        self.stopping.store(true, Ordering::SeqCst);
        let begun = self.clock.monotonic();
        loop {
            let before = self.lock().last_number;
            self.clock.sleep(ACCEPT_SETTLE).await;
            let waited = self.clock.monotonic().saturating_sub(begun);
            let open = self.lock();
            let settled = open.last_number == before && (open.fresh == 0 || waited >= MIN_IDLE);
            if (settled && open.requests == 0) || waited >= limit {
                return;
            }
        }
    }

    /// The maximum number of connections.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The number of connections from which on idle ones are closed.
    fn crowded(&self) -> usize {
        self.limit - self.limit / 4
    }

    /// Tracks an accepted connection.
    ///
    /// # Errors
    /// The process has no file descriptor left.
    pub(super) fn track(&self, stream: &TcpStream) -> io::Result<Arc<Connection>> {
        let socket = second_handle(stream)?;
        let peer = stream.peer_addr().ok().map(|peer| peer.ip());
        Ok(self.track_socket(socket, peer))
    }

    fn track_socket(&self, socket: std::net::TcpStream, peer: Option<IpAddr>) -> Arc<Connection> {
        let number = {
            let mut open = self.lock();
            open.count += 1;
            open.fresh += 1;
            open.last_number += 1;
            open.last_number
        };
        let connection = Connection {
            connections: self.clone(),
            socket: Arc::new(socket),
            peer,
            number,
            activity: Mutex::default(),
            flow: Mutex::default(),
        };
        connection.set_idle(&mut connection.activity());
        Arc::new(connection)
    }

    /// Closes idle connections. Never returns.
    pub async fn sweep(&self) -> Infallible {
        loop {
            self.clock.sleep(SWEEP_INTERVAL).await;
            self.close_idle();
        }
    }

    fn close_idle(&self) {
        let now = self.clock.monotonic();
        let mut open = self.lock();
        let mut too_many = (open.count + 1).saturating_sub(self.crowded());
        let mut closed = Vec::new();
        for (key, socket) in &open.idle {
            let idle = now.saturating_sub(key.0);
            if idle < MAX_IDLE && (too_many == 0 || idle < MIN_IDLE) {
                break;
            }
            // A request has arrived and was not read yet: the bridge is late, not the sender.
            if matches!(socket.peek(&mut [0]), Ok(1..)) {
                continue;
            }
            // Fails if it is already closed.
            let _ = socket.shutdown(Shutdown::Both);
            closed.push(*key);
            too_many = too_many.saturating_sub(1);
        }
        for key in closed {
            open.idle.remove(&key);
        }
    }

    /// Whether responses close their connections now.
    fn closes(&self) -> bool {
        self.lock().count >= self.crowded() || self.stopping.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // No holder of the lock panics in the middle of a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// A request has begun, with a body of this length. Until its response, the connection is not idle.
    pub(super) fn begin_request(&self, length: Length) {
        let mut activity = self.activity();
        activity.requests += 1;
        self.set_used(&mut activity);
        self.connections.lock().requests += 1;
        self.flow().begin_request(length);
    }

    /// A request has its response or was dropped. `closes`: whether the connection closes after the response.
    pub(super) fn end_request(&self, closes: bool) {
        let mut activity = self.activity();
        activity.requests -= 1;
        self.connections.lock().requests -= 1;
        if activity.requests == 0 {
            self.set_idle(&mut activity);
        }
        self.flow().end_request(closes);
    }

    /// Whether the next response must close the connection.
    pub(super) fn closes(&self) -> bool {
        self.connections.closes() || self.flow().had_long_head()
    }

    /// Takes a slot for the TLS handshake.
    pub(super) fn begin_handshake(&self) -> Option<Slot> {
        self.connections.handshakes.take(&self.socket)
    }

    /// How many bytes the server may read now.
    pub(super) fn allowance(&self, context: &Context<'_>) -> Allowance {
        self.flow()
            .allowance(context, || self.connections.long_heads.take(&self.socket))
    }

    /// Counts bytes that the server reads. Returns how many of `bytes` it may read.
    pub(super) fn pass(&self, bytes: &[u8]) -> usize {
        self.flow().pass(bytes)
    }

    /// The reader of the body waits for more bytes.
    pub(super) fn want_body(&self) {
        self.flow().want_body();
    }

    /// Reports that the connection is refused before it has a request.
    pub(super) fn report_refusal(&self, problem: Problem) {
        (self.connections.on_refusal)(problem, self.peer);
    }

    pub(super) fn clock(&self) -> Clock {
        self.connections.clock.clone()
    }

    fn set_idle(&self, activity: &mut Activity) {
        let now = self.connections.clock.monotonic();
        let key = (now, self.number);
        self.connections.lock().idle.insert(key, Arc::clone(&self.socket));
        activity.idle_since = Some(now);
    }

    fn set_used(&self, activity: &mut Activity) {
        let mut open = self.connections.lock();
        if let Some(since) = activity.idle_since.take() {
            open.idle.remove(&(since, self.number));
        }
        if !std::mem::replace(&mut activity.used, true) {
            open.fresh -= 1;
        }
    }

    // No holder of these locks panics in the middle of a change. Lock order: `activity`, `flow`, `Open`.

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.set_used(&mut self.activity());
        self.connections.lock().count -= 1;
    }
}

fn second_handle(stream: &TcpStream) -> io::Result<std::net::TcpStream> {
    use std::os::fd::AsFd as _;
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_connection_is_idle_only_without_requests_also_if_they_overlap() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let connections = Connections::new(8, |_, _| {}, clock.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = listener.accept().unwrap().0;
        accepted.set_nonblocking(true).unwrap();
        let connection = connections.track_socket(accepted, None);
        let idle = || connections.lock().idle.len();
        assert_eq!(idle(), 1);

        // Each request begins before the response to the previous one.
        connection.begin_request(Length::Known(0));
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            connection.begin_request(Length::Known(0));
            connection.end_request(false);
            assert_eq!(idle(), 0);
        }
        clock.advance(Duration::from_secs(100));
        connections.close_idle();
        peer.set_nonblocking(true).unwrap();
        let open = |peer: &std::net::TcpStream| peer.peek(&mut [0]).is_err();
        assert!(open(&peer), "a request without response for 100 s");

        connection.end_request(false);
        assert_eq!(idle(), 1);
        clock.advance(Duration::from_secs(79));
        connections.close_idle();
        assert!(open(&peer), "idle for 79 s");
        clock.advance(Duration::from_secs(1));
        connections.close_idle();
        assert!(!open(&peer));
        drop(connection);
        let left = connections.lock();
        assert_eq!(
            (left.count, left.fresh, left.requests, left.idle.len()),
            (0, 0, 0, 0)
        );
    }
}
