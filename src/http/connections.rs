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

use actix_web::rt::net::TcpStream;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Shutdown};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use super::flow::{Flow, Length, Room};
use super::problem::Problem;
use super::unfinished::{Slot, Unfinished};
use crate::clock::Clock;

/// How often it is looked whether connections have to go.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);

/// How long an idle connection is kept: longer than most senders keep theirs, so that they close first.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a request's head may take.
pub(super) const HEAD: Duration = Duration::from_secs(5);

/// No connection is kept that has asked nothing for so long.
const LONGEST_SILENCE: Duration = KEEP_ALIVE.saturating_add(HEAD);

/// So long every connection has for its request, however many others there are.
const MIN_IDLE: Duration = Duration::from_secs(1);

/// Connections at once with a head that is longer than ordinary: with what the server makes of them 64 KiB each.
const LONG_HEADS: usize = 128;

/// Nothing new for so long means that no connection is on its way to a worker any more: workers look within
/// microseconds unless the machine is overloaded.
const ACCEPT_SETTLE: Duration = Duration::from_millis(100);

/// The connections; a cheap clone.
#[derive(Clone)]
pub struct Connections {
    open: Arc<Mutex<Open>>,
    limit: usize,
    /// Whether answers end their connections, because the listener stops.
    stopping: Arc<AtomicBool>,
    /// TLS handshakes that have begun.
    handshakes: Unfinished,
    long_heads: Unfinished,
    refused: Arc<dyn Fn(Problem, Option<IpAddr>) + Send + Sync>,
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
pub(super) struct Connection {
    of: Connections,
    /// A second handle on it, to close it by.
    socket: Arc<std::net::TcpStream>,
    peer: Option<IpAddr>,
    number: u64,
    asking: Mutex<Asking>,
    flow: Mutex<Flow>,
}

/// What a connection asks.
#[derive(Default)]
struct Asking {
    /// Requests that are not answered.
    requests: usize,
    /// Its key while there are none.
    silent_since: Option<Duration>,
    /// Whether there ever was one.
    ever: bool,
}

impl Connections {
    /// At most `limit` at once, which the server sees to. `refused` is called with what a connection is refused for
    /// before there is a request, and its other end.
    pub fn new(
        limit: usize,
        refused: impl Fn(Problem, Option<IpAddr>) + Send + Sync + 'static,
        clock: Clock,
    ) -> Self {
        Self {
            open: Arc::default(),
            limit,
            stopping: Arc::default(),
            // Half of all: so a crowd of them alone is none to those whose handshake is done.
            handshakes: Unfinished::new(limit / 2),
            long_heads: Unfinished::new(LONG_HEADS.min(limit / 2)),
            refused: Arc::new(refused),
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
            self.clock.sleep(ACCEPT_SETTLE).await;
            let waited = self.clock.monotonic().saturating_sub(begun);
            let open = self.lock();
            let heard = open.fresh == 0 || waited >= MIN_IDLE;
            if (open.number == before && heard && open.asking == 0) || waited >= limit {
                return;
            }
        }
    }

    /// How many there may be.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// From so many on it is crowded.
    fn crowded(&self) -> usize {
        self.limit - self.limit / 4
    }

    /// Takes note of a connection that was accepted.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(super) fn opened(&self, stream: &TcpStream) -> io::Result<Arc<Connection>> {
        let socket = second_handle(stream)?;
        let peer = stream.peer_addr().ok().map(|peer| peer.ip());
        Ok(self.tracked(socket, peer))
    }

    fn tracked(&self, socket: std::net::TcpStream, peer: Option<IpAddr>) -> Arc<Connection> {
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
            peer,
            number,
            asking: Mutex::default(),
            flow: Mutex::default(),
        };
        connection.silent(&mut connection.asking());
        Arc::new(connection)
    }

    /// Closes what has to go, until it is dropped.
    pub async fn tend(&self) -> Infallible {
        loop {
            self.clock.sleep(SWEEP_INTERVAL).await;
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
            if silent < LONGEST_SILENCE && (too_many == 0 || silent < MIN_IDLE) {
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

    /// Whether answers end their connections now.
    fn ends(&self) -> bool {
        self.lock().count >= self.crowded() || self.stopping.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing in here panics half way through a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// A request begins: while there is one, the connection is not silent.
    pub(super) fn asks(&self, length: Length) {
        let mut asking = self.asking();
        asking.requests += 1;
        self.heard(&mut asking);
        self.of.lock().asking += 1;
        self.flow().asked(length);
    }

    /// A request is answered, or dropped; `ends`: and the connection ends behind the answer.
    pub(super) fn answered(&self, ends: bool) {
        let mut asking = self.asking();
        asking.requests -= 1;
        self.of.lock().asking -= 1;
        if asking.requests == 0 {
            self.silent(&mut asking);
        }
        self.flow().answered(ends);
    }

    /// Whether it has to end with the next answer.
    pub(super) fn ends(&self) -> bool {
        self.of.ends() || self.flow().was_long()
    }

    /// A place for its TLS handshake.
    pub(super) fn handshake(&self) -> Option<Slot> {
        self.of.handshakes.begin(&self.socket)
    }

    /// How many bytes the server may have now.
    pub(super) fn room(&self, context: &Context<'_>) -> Room {
        self.flow()
            .room(context, || self.of.long_heads.begin(&self.socket))
    }

    /// Gives bytes to the server; returns how many of these.
    pub(super) fn give(&self, bytes: &[u8]) -> usize {
        self.flow().give(bytes)
    }

    /// The reader of the request's body waits for more.
    pub(super) fn starves(&self) {
        self.flow().starves();
    }

    /// It is refused before there is a request.
    pub(super) fn refused(&self, problem: Problem) {
        (self.of.refused)(problem, self.peer);
    }

    pub(super) fn clock(&self) -> Clock {
        self.of.clock.clone()
    }

    fn silent(&self, asking: &mut Asking) {
        let now = self.of.clock.monotonic();
        let key = (now, self.number);
        self.of.lock().silent.insert(key, Arc::clone(&self.socket));
        asking.silent_since = Some(now);
    }

    fn heard(&self, asking: &mut Asking) {
        let mut open = self.of.lock();
        if let Some(since) = asking.silent_since.take() {
            open.silent.remove(&(since, self.number));
        }
        if !std::mem::replace(&mut asking.ever, true) {
            open.fresh -= 1;
        }
    }

    // Nothing in here panics half way through a change. Who locks several locks `asking` first, and `Open` last.

    fn asking(&self) -> MutexGuard<'_, Asking> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flow(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.heard(&mut self.asking());
        self.of.lock().count -= 1;
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
    fn only_a_connection_that_asks_nothing_is_silent_however_its_requests_overlap() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let connections = Connections::new(8, |_, _| {}, clock.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = listener.accept().unwrap().0;
        accepted.set_nonblocking(true).unwrap();
        let connection = connections.tracked(accepted, None);
        let silent = || connections.lock().silent.len();
        assert_eq!(silent(), 1);

        // Two at a time, each of them begun before the one before it is answered.
        connection.asks(Length::Known(0));
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            connection.asks(Length::Known(0));
            connection.answered(false);
            assert_eq!(silent(), 0);
        }
        clock.advance(Duration::from_secs(100));
        connections.close_silent();
        peer.set_nonblocking(true).unwrap();
        let open = |peer: &std::net::TcpStream| peer.peek(&mut [0]).is_err();
        assert!(open(&peer), "it is asking for 100 s");

        connection.answered(false);
        assert_eq!(silent(), 1);
        clock.advance(Duration::from_secs(79));
        connections.close_silent();
        assert!(open(&peer), "it is silent for 79 s");
        clock.advance(Duration::from_secs(1));
        connections.close_silent();
        assert!(!open(&peer));
        drop(connection);
        let left = connections.lock();
        assert_eq!(
            (left.count, left.fresh, left.asking, left.silent.len()),
            (0, 0, 0, 0)
        );
    }
}
