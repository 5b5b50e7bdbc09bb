//! Slots for a phase of a connection that may never end: a TLS handshake or a long head.
//!
//! A new connection gets a slot even if all are taken: the oldest unfinished connection is closed. So connections that
//! never finish block no other connection, and their number is limited.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A limited number of slots. Clones share them.
#[derive(Clone)]
pub(super) struct Slots {
    limit: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    /// The number of the newest slot. Lower numbers are older.
    last: u64,
    unfinished: BTreeMap<u64, Arc<TcpStream>>,
    /// Finished ones that keep their slot.
    finished: usize,
}

/// One slot. Dropping it frees it.
pub(super) struct Slot {
    slots: Slots,
    number: u64,
    finished: bool,
}

impl Slots {
    /// Creates `limit` slots, at least one.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            taken: Arc::default(),
        }
    }

    /// Takes a slot. If none is free, closes the connection of the oldest unfinished one and takes its slot. Returns `None`
    /// if finished ones keep all slots.
    pub(super) fn take(&self, socket: &Arc<TcpStream>) -> Option<Slot> {
        let mut taken = self.lock();
        if taken.unfinished.len() + taken.finished >= self.limit {
            let (_, oldest) = taken.unfinished.pop_first()?;
            // Fails if it is already closed.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        taken.last += 1;
        let number = taken.last;
        taken.unfinished.insert(number, Arc::clone(socket));
        Some(Slot {
            slots: self.clone(),
            number,
            finished: false,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // No holder of the lock panics in the middle of a change.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Marks the phase as finished. The slot is kept, and its connection is no longer closed for a new one.
    pub(super) fn finish(&mut self) {
        let mut taken = self.slots.lock();
        if taken.unfinished.remove(&self.number).is_some() {
            taken.finished += 1;
            self.finished = true;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
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

    /// The two ends of a connection.
    fn connection() -> (Arc<TcpStream>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_nonblocking(true).unwrap();
        (Arc::new(listener.accept().unwrap().0), peer)
    }

    /// Whether the other end was closed. Loopback shows this without delay.
    fn closed(mut peer: &TcpStream) -> bool {
        matches!(peer.read(&mut [0]), Ok(0))
    }

    #[test]
    fn only_the_oldest_unfinished_connection_is_closed_for_a_new_one() {
        let slots = Slots::new(2);
        let ends: Vec<_> = (0..5).map(|_| connection()).collect();
        let mut first = slots.take(&ends[0].0).unwrap();
        first.finish();
        let second = slots.take(&ends[1].0).unwrap();
        let mut third = slots.take(&ends[2].0).unwrap();
        let open: Vec<bool> = ends.iter().map(|(_, peer)| !closed(peer)).collect();
        assert_eq!(open, [true, false, true, true, true]);

        // Its slot has already been taken, so dropping it frees nothing.
        drop(second);
        third.finish();
        assert!(slots.take(&ends[3].0).is_none());
        drop(first);
        let fourth = slots.take(&ends[3].0).unwrap();
        drop(fourth);
        let _fifth = slots.take(&ends[4].0).unwrap();
        assert!(!closed(&ends[3].1) && !closed(&ends[2].1));
    }
}
