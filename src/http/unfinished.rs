//! Places for what has begun on a connection and may never end: a TLS handshake, a long head.
//!
//! Who begins finds a place: when all are taken, the connection that has been unfinished for longest is closed. So those
//! that never finish keep nobody out, and there are never more of them than there are places.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places; a cheap clone.
#[derive(Clone)]
pub(super) struct Unfinished {
    limit: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    /// The number given last: a lower one began earlier.
    last: u64,
    unfinished: BTreeMap<u64, Arc<TcpStream>>,
    /// Finished ones that keep their place.
    finished: usize,
}

/// One place; free again when dropped.
pub(super) struct Slot {
    of: Unfinished,
    number: u64,
    finished: bool,
}

impl Unfinished {
    /// At most `limit` at once, one in any case.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            taken: Arc::default(),
        }
    }

    /// Takes a place, if need be that of the oldest unfinished one, whose connection is closed. `None`: all places are
    /// taken by finished ones.
    pub(super) fn begin(&self, socket: &Arc<TcpStream>) -> Option<Slot> {
        let mut taken = self.lock();
        if taken.unfinished.len() + taken.finished >= self.limit {
            let (_, oldest) = taken.unfinished.pop_first()?;
            // It may be closed already.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        taken.last += 1;
        let number = taken.last;
        taken.unfinished.insert(number, Arc::clone(socket));
        Some(Slot {
            of: self.clone(),
            number,
            finished: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing in here panics half way through a change.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Keeps the place: its connection is not closed any more for the sake of others.
    pub(super) fn finish(&mut self) {
        let mut taken = self.of.lock();
        if taken.unfinished.remove(&self.number).is_some() {
            taken.finished += 1;
            self.finished = true;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        if self.finished {
            taken.finished -= 1;
        } else {
            taken.unfinished.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::net::TcpListener;

    /// A connection's two ends.
    fn connection() -> (Arc<TcpStream>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_nonblocking(true).unwrap();
        (Arc::new(listener.accept().unwrap().0), peer)
    }

    /// Whether the other end was closed. On loopback that is seen at once.
    fn closed(mut peer: &TcpStream) -> bool {
        matches!(peer.read(&mut [0]), Ok(0))
    }

    #[test]
    fn the_oldest_unfinished_one_makes_room_and_no_finished_one() {
        let places = Unfinished::new(2);
        let ends: Vec<_> = (0..5).map(|_| connection()).collect();
        let mut first = places.begin(&ends[0].0).unwrap();
        first.finish();
        let second = places.begin(&ends[1].0).unwrap();
        let mut third = places.begin(&ends[2].0).unwrap();
        let open: Vec<bool> = ends.iter().map(|(_, peer)| !closed(peer)).collect();
        assert_eq!(open, [true, false, true, true, true]);

        // Its place is another's already: giving it back changes nothing.
        drop(second);
        third.finish();
        assert!(places.begin(&ends[3].0).is_none());
        drop(first);
        let fourth = places.begin(&ends[3].0).unwrap();
        drop(fourth);
        let _fifth = places.begin(&ends[4].0).unwrap();
        assert!(!closed(&ends[3].1) && !closed(&ends[2].1));
    }
}
