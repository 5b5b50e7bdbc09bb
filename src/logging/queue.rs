//! The lines on their way to standard error. A pipe that nobody reads blocks its writer for ever, so one thread writes, and
//! everybody else only puts lines into a bounded buffer.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of lines that may wait: some seconds of a busy log.
const ROOM: usize = 1 << 20;

/// Lines that wait for the thread that writes them.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Whether the writer has lines that it took and has not written yet.
    writing: bool,
    /// Whether a wait for the writer was in vain: the next one does not wait again.
    given_up: bool,
    /// Lines dropped, and how many of these were reported.
    dropped: u64,
    reported: u64,
}

/// Starts the thread that writes to standard error. `report` logs how many lines were dropped.
///
/// # Errors
/// The system gives no descriptor or no thread.
pub(super) fn start(report: impl Fn(u64) + Send + 'static) -> io::Result<Arc<Queue>> {
    // A descriptor of its own: whoever writes to standard error itself does not wait for the lock of `io::stderr()`.
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
        if state.waiting.len() + line.len() > ROOM {
            state.dropped += 1;
        } else {
            state.waiting.extend_from_slice(line);
        }
        self.changed.notify_all();
    }

    /// Writes what comes, for ever.
    fn write_to(&self, mut output: impl Write, report: impl Fn(u64)) {
        let mut lines = Vec::new();
        loop {
            let dropped = self.take(&mut lines);
            if output.write_all(&lines).is_err() {
                // Closed, or the disk is full: nobody can be told. A metric counts it.
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

    /// Waits until everything is written, `limit` at the most. Returns whether it is.
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
        // Nothing in here panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue as env_logger wants it: each write is one line.
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

    /// A pipe: takes what it is given when somebody reads.
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

    /// A queue, what is read of it, and what it reports of dropped lines.
    fn queue() -> (Arc<Queue>, mpsc::Receiver<Vec<u8>>, mpsc::Receiver<u64>) {
        let queue = Arc::new(Queue::default());
        let (pipe, read) = mpsc::sync_channel(0);
        let (report, reported) = mpsc::channel();
        let writer = Arc::clone(&queue);
        std::thread::spawn(move || writer.write_to(Pipe(pipe), move |dropped| report.send(dropped).unwrap()));
        (queue, read, reported)
    }

    #[test]
    fn nobody_waits_for_an_unread_pipe_and_what_did_not_fit_is_counted_when_it_is_read() {
        let (queue, read, reported) = queue();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        // The writer holds at most one more buffer.
        for _ in 0..3 * ROOM / line.len() {
            queue.push(&line);
        }
        let dropped = queue.dropped();
        assert!(dropped >= (ROOM / line.len()) as u64, "{dropped}");
        assert!(!queue.flush(Duration::ZERO), "nobody has read");
        let mut bytes = 0;
        while bytes < (3 * ROOM) - usize::try_from(dropped).unwrap() * line.len() {
            bytes += read.recv().unwrap().len();
        }
        // One report, or two if the writer took its lines when some had been dropped already.
        let mut told = 0;
        while told < dropped {
            told += reported.recv().unwrap();
        }
        assert_eq!(told, dropped);
        assert!(queue.flush(Duration::from_secs(60)));
    }

    #[test]
    fn a_closed_pipe_ends_nothing() {
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
    fn a_line_without_room_is_counted_also_when_it_is_the_only_one() {
        let (queue, _read, reported) = queue();
        queue.push(&vec![b'x'; ROOM + 1]);
        assert_eq!((reported.recv().unwrap(), queue.dropped()), (1, 1));
    }
}
