//! The queue of lines for standard error. A pipe that nobody reads blocks its writer forever. So one thread writes, and all
//! others only append to a bounded buffer.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Maximum size of the buffer, in bytes: some seconds of a busy log.
const CAPACITY: usize = 1 << 20;

/// Lines waiting for the writing thread.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Whether the writer has taken lines that it has not written yet.
    writing: bool,
    /// Whether a flush timed out. The next one does not wait.
    given_up: bool,
    /// Lines dropped, and how many of these were reported.
    dropped: u64,
    reported: u64,
}

/// Starts the thread that writes to standard error. `report` logs how many lines were dropped.
///
/// # Errors
/// The descriptor cannot be duplicated or the thread cannot be started.
pub(super) fn start(report: impl Fn(u64) + Send + 'static) -> io::Result<Arc<Queue>> {
    // A separate descriptor, so that direct writers to standard error do not wait for the lock of `io::stderr()`.
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let queue = Arc::new(Queue::default());
    let lines = Arc::clone(&queue);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || lines.write_to(stderr, report))?;
    Ok(queue)
}

impl Queue {
    /// Adds a line, or drops it if there is no room.
    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > CAPACITY {
            state.dropped += 1;
        } else {
            state.waiting.extend_from_slice(line);
        }
        self.changed.notify_all();
    }

    /// Writes lines. Never returns.
    fn write_to(&self, mut output: impl Write, report: impl Fn(u64)) {
        let mut lines = Vec::new();
        loop {
            let dropped = self.take(&mut lines);
            if output.write_all(&lines).is_err() {
                // Standard error is closed, or its disk is full. Only the metric can report this.
                let lost = lines.split_inclusive(|byte| *byte == b'\n').count() as u64;
                let mut state = self.lock();
                state.dropped += lost;
                state.reported += lost;
            }
            lines.clear();
            if dropped > 0 {
                report(dropped);
            }
        }
    }

    /// Waits for lines and takes all of them. Returns how many were dropped after them.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        state.writing = false;
        self.changed.notify_all();
        while state.waiting.is_empty() && state.dropped == state.reported {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        state.writing = true;
        std::mem::swap(&mut state.waiting, lines);
        let dropped = state.dropped - state.reported;
        state.reported = state.dropped;
        dropped
    }

    /// Waits until everything is written, at most for `limit`. Returns whether it is.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let pending = |state: &mut State| state.writing || !state.waiting.is_empty();
        let state = self.lock();
        let limit = if state.given_up { Duration::ZERO } else { limit };
        let waited = self.changed.wait_timeout_while(state, limit, pending);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.given_up = pending(&mut state);
        !state.given_up
    }

    /// How many lines were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No holder of the lock panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adapts the queue to env_logger: each write is one line.
pub(super) struct Lines(pub(super) Arc<Queue>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A pipe. A write blocks until somebody reads.
    struct Pipe(mpsc::SyncSender<Vec<u8>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.send(bytes.to_vec()) {
                Ok(()) => Ok(bytes.len()),
                Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A queue, the reader of its pipe, and its reports of dropped lines.
    fn queue() -> (Arc<Queue>, mpsc::Receiver<Vec<u8>>, mpsc::Receiver<u64>) {
        let queue = Arc::new(Queue::default());
        let (pipe, read) = mpsc::sync_channel(0);
        let (report, reported) = mpsc::channel();
        let writer = Arc::clone(&queue);
        std::thread::spawn(move || writer.write_to(Pipe(pipe), move |dropped| report.send(dropped).unwrap()));
        (queue, read, reported)
    }

    #[test]
    fn an_unread_pipe_blocks_nobody_and_dropped_lines_are_reported_when_it_is_read() {
        let (queue, read, reported) = queue();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        // The writer holds at most one more buffer.
        for _ in 0..3 * CAPACITY / line.len() {
            queue.push(&line);
        }
        let dropped = queue.dropped();
        assert!(dropped >= (CAPACITY / line.len()) as u64, "{dropped}");
        assert!(!queue.flush(Duration::ZERO), "nobody has read");
        let mut bytes = 0;
        while bytes < (3 * CAPACITY) - usize::try_from(dropped).unwrap() * line.len() {
            bytes += read.recv().unwrap().len();
        }
        // One report, or two if the writer took lines when some had already been dropped.
        let mut sum = 0;
        while sum < dropped {
            sum += reported.recv().unwrap();
        }
        assert_eq!(sum, dropped);
        // After a flush that gave up, the next ones do not wait for the writer.
        while !queue.flush(Duration::ZERO) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_closed_pipe_stops_neither_queue_nor_count() {
        let (queue, read, reported) = queue();
        drop(read);
        for number in 1..=3 {
            queue.push(b"a\nb\n");
            assert!(queue.flush(Duration::from_secs(60)));
            assert_eq!(queue.dropped(), 2 * number);
        }
        assert!(reported.try_recv().is_err(), "there is nobody to report to");
    }

    #[test]
    fn a_line_over_the_capacity_is_counted_also_if_it_is_the_only_one() {
        let (queue, _read, reported) = queue();
        queue.push(&vec![b'x'; CAPACITY + 1]);
        assert_eq!((reported.recv().unwrap(), queue.dropped()), (1, 1));
    }
}
