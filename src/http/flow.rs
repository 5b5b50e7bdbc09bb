//! How many bytes of a connection the server may read now.
//!
//! Without this limit, the server reads up to 128 KiB per connection before it parses anything, and then parses every
//! request in it. With it, the server reads a head up to its end, then as much of the body as its reader waits for, and the
//! next head only after the response. A short head fits into the buffer that every connection has. Long heads are limited
//! in length and number.

use std::task::{Context, Waker};

use super::problem::Problem;
use super::slots::Slot;

/// Maximum length of a short head, in bytes: the size of the server's buffer for each connection.
pub(super) const SHORT_HEAD: usize = 8 * 1024;

/// Maximum length of any head, in bytes.
pub(super) const MAX_HEAD: usize = 32 * 1024;

/// Bytes of a body of known length that pass in one step. The reader consumes all of them before it waits again.
const KNOWN_STEP: usize = 32 * 1024;

/// Bytes of a chunked body that pass in one step. Bytes of the next request may pass with the end of the body.
const CHUNKED_STEP: usize = 2 * 1024;

/// The phase of a connection, and how many of its bytes the server has read.
#[derive(Default)]
pub(super) struct Flow {
    phase: Phase,
    /// Bytes of this head that the server has read.
    head: usize,
    /// The state at the end of these bytes.
    line: Line,
    /// Whether the server must parse what it has before it reads more.
    must_parse: bool,
    /// The task of the connection, while it waits for an allowance.
    waiting: Option<Waker>,
    /// The slot for a long head. Kept until the connection ends, because the server keeps its buffer.
    slot: Option<Slot>,
}

#[derive(Clone, Copy, Default)]
enum Phase {
    /// A head is expected or has begun.
    #[default]
    Head,
    /// A request has no response yet. `left`: bytes of its body that have not passed; `wanted`: bytes that may pass now.
    Request { left: u64, step: usize, wanted: usize },
    /// The last response was sent. The server discards what it still reads.
    Closing,
}

/// The last line of the head so far.
#[derive(Clone, Copy, Default)]
enum Line {
    /// Only empty lines, which may precede a request.
    #[default]
    Blank,
    Begun,
    Ended,
    /// A new line with only a carriage return.
    Return,
}

/// The length of a body, as the head specifies it.
#[derive(Clone, Copy)]
pub(super) enum Length {
    Known(u64),
    Unknown,
}

/// What the server may read now.
pub(super) enum Allowance {
    /// At most this many bytes.
    Bytes(usize),
    /// Nothing yet. The task will be woken.
    Later,
    /// Nothing any more: the connection is refused with this problem.
    Refused(Problem),
}

impl Flow {
    /// How much the server may read. `take_slot` takes a slot for a long head.
    pub(super) fn allowance(
        &mut self,
        context: &Context<'_>,
        take_slot: impl FnOnce() -> Option<Slot>,
    ) -> Allowance {
        if std::mem::take(&mut self.must_parse) {
            context.waker().wake_by_ref();
            return Allowance::Later;
        }
        match self.phase {
            Phase::Closing => Allowance::Bytes(SHORT_HEAD),
            Phase::Request { wanted: 0, .. } => {
                self.waiting = Some(context.waker().clone());
                Allowance::Later
            }
            Phase::Request { wanted, .. } => Allowance::Bytes(wanted),
            Phase::Head if self.head < SHORT_HEAD => Allowance::Bytes(SHORT_HEAD - self.head),
            Phase::Head if self.head >= MAX_HEAD => Allowance::Refused(Problem::HeadTooLarge),
            Phase::Head => {
                self.slot = self.slot.take().or_else(take_slot);
                match self.slot {
                    Some(_) => Allowance::Bytes(MAX_HEAD - self.head),
                    None => Allowance::Refused(Problem::Full),
                }
            }
        }
    }

    /// Counts bytes that the server reads, at most the allowance. Returns how many of `bytes` pass: of a head, none after its
    /// end.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> usize {
        match &mut self.phase {
            Phase::Closing => {
                self.must_parse = true;
                bytes.len()
            }
            Phase::Request { left, wanted, .. } => {
                *wanted = wanted.saturating_sub(bytes.len());
                *left = left.saturating_sub(bytes.len() as u64);
                bytes.len()
            }
            Phase::Head => {
                let end = bytes.iter().position(|byte| self.line.ends_head(*byte));
                self.must_parse = end.is_some();
                let passed = end.map_or(bytes.len(), |end| end + 1);
                self.head += passed;
                passed
            }
        }
    }

    /// The head of a request was parsed.
    pub(super) fn begin_request(&mut self, length: Length) {
        let (left, step) = match length {
            Length::Known(length) => (length, KNOWN_STEP),
            Length::Unknown => (u64::MAX, CHUNKED_STEP),
        };
        if let Some(slot) = &mut self.slot {
            slot.finish();
        }
        self.phase = Phase::Request {
            left,
            step,
            wanted: 0,
        };
    }

    /// The reader of the body has consumed everything and waits for more.
    pub(super) fn want_body(&mut self) {
        if let Phase::Request { left, step, wanted } = &mut self.phase {
            *wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(*step);
            self.wake();
        }
    }

    /// The request has its response. `closes`: whether the connection closes after it.
    pub(super) fn end_request(&mut self, closes: bool) {
        self.phase = if closes { Phase::Closing } else { Phase::Head };
        self.head = 0;
        self.line = Line::default();
        self.must_parse = false;
        self.wake();
    }

    /// Whether this connection had a long head. Its next response must close it, because the server keeps the buffer.
    pub(super) fn had_long_head(&self) -> bool {
        self.slot.is_some()
    }

    fn wake(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

impl Line {
    /// Whether this byte ends the head: the end of an empty line. If the parser disagrees, it only gets the bytes in other
    /// pieces.
    fn ends_head(&mut self, byte: u8) -> bool {
        *self = match (*self, byte) {
            (Self::Blank, b'\r' | b'\n') => Self::Blank,
            (Self::Ended | Self::Return, b'\n') => {
                *self = Self::Blank;
                return true;
            }
            (Self::Ended, b'\r') => Self::Return,
            (Self::Begun, b'\n') => Self::Ended,
            _ => Self::Begun,
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::slots::Slots;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    /// The lengths of the pieces in which `bytes` pass, and the allowance after them.
    fn passed(flow: &mut Flow, mut bytes: &[u8], slot: impl Fn() -> Option<Slot>) -> (Vec<usize>, Allowance) {
        let context = Context::from_waker(Waker::noop());
        let mut pieces = Vec::new();
        loop {
            match flow.allowance(&context, &slot) {
                Allowance::Bytes(most) if !bytes.is_empty() => {
                    let passed = flow.pass(&bytes[..most.min(bytes.len())]);
                    pieces.push(passed);
                    bytes = &bytes[passed..];
                }
                end => return (pieces, end),
            }
        }
    }

    fn no_slot() -> Option<Slot> {
        None
    }

    #[test]
    fn a_head_passes_up_to_its_end() {
        for (bytes, expected) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1", 27),
            ("GET / HTTP/1.1\nhost: a\n\nbody\n\n", 24),
            ("GET / HTTP/1.1\nhost: a\n\r\nbody", 25),
            // Empty lines before a request do not end its head.
            ("\r\n\r\n\n\nGET / HTTP/1.1\r\n\r\nbody", 24),
            ("\r\n\r\n", 4),
            ("GET / HTTP/1.1\r\nhost: a\r\n", 25),
            ("GET / HTTP/1.1\r\nhost: a\r\n\r", 26),
            ("GET / HTTP/1.1\r\n\rhost: a\r\n \r\n", 29),
        ] {
            for piece in [1, 2, 3, 1000] {
                let mut flow = Flow::default();
                let mut count = 0;
                for bytes in bytes.as_bytes().chunks(piece) {
                    let passed = flow.pass(bytes);
                    count += passed;
                    if flow.must_parse || passed < bytes.len() {
                        break;
                    }
                }
                assert_eq!(count, expected, "{bytes:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_body_passes_when_its_reader_waits_and_the_next_head_after_the_response() {
        let body = vec![b' '; 100_000];
        for (length, steps) in [
            (Length::Known(0), vec![vec![], vec![]]),
            (Length::Known(40_000), vec![vec![32_768], vec![7_232], vec![]]),
            (Length::Unknown, vec![vec![2048], vec![2048], vec![2048]]),
        ] {
            let mut flow = Flow::default();
            flow.begin_request(length);
            let (pieces, allowance) = passed(&mut flow, &body, no_slot);
            assert!(pieces.is_empty() && matches!(allowance, Allowance::Later));
            for expected in steps {
                flow.want_body();
                let (pieces, allowance) = passed(&mut flow, &body, no_slot);
                assert_eq!(pieces, expected);
                assert!(matches!(allowance, Allowance::Later));
            }
            flow.end_request(false);
            let (pieces, _) = passed(&mut flow, b"GET / HTTP/1.1\r\n\r\n", no_slot);
            assert_eq!(pieces, [18]);
        }
    }

    #[test]
    fn a_long_head_needs_a_slot_and_is_limited() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let slots = Slots::new(1);
        let head = vec![b'a'; 2 * MAX_HEAD];

        let mut long = Flow::default();
        let (pieces, end) = passed(&mut long, &head, || slots.take(&socket));
        assert_eq!(pieces, [SHORT_HEAD, MAX_HEAD - SHORT_HEAD]);
        assert!(matches!(end, Allowance::Refused(Problem::HeadTooLarge)));
        assert!(long.had_long_head());

        long.begin_request(Length::Known(0));
        let mut other = Flow::default();
        let (pieces, end) = passed(&mut other, &head, || slots.take(&socket));
        assert_eq!(pieces, [SHORT_HEAD]);
        assert!(matches!(end, Allowance::Refused(Problem::Full)));
    }

    #[test]
    fn bytes_after_the_last_response_pass_without_limit() {
        let mut flow = Flow::default();
        flow.begin_request(Length::Known(1_000_000));
        flow.end_request(true);
        let context = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            assert!(matches!(
                flow.allowance(&context, no_slot),
                Allowance::Bytes(SHORT_HEAD)
            ));
            assert_eq!(flow.pass(&[b' '; SHORT_HEAD]), SHORT_HEAD);
            // The server first discards what it has.
            assert!(matches!(flow.allowance(&context, no_slot), Allowance::Later));
        }
    }
}
