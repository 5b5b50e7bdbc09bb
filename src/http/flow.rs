//! How many bytes of a connection the server may read now.
//!
//! The server by itself reads whatever comes, up to 128 KiB a connection, before it looks at any of it, and takes as many
//! requests out of that as there are. So it is given less: a head up to its end, then as much of the body as its reader
//! waits for, and the next head only after the answer. A head of ordinary length fits in the buffer that every
//! connection has anyway; longer ones are limited in length and in number.

use std::task::{Context, Waker};

use super::problem::Problem;
use super::unfinished::Slot;

/// Up to here a head is of ordinary length. So large is the buffer that the server makes for each connection.
pub(super) const ORDINARY: usize = 8 * 1024;

/// The longest head.
pub(super) const LONGEST: usize = 32 * 1024;

/// What is given at once of a body whose length is known. The reader takes all of it before it waits again.
const BODY: usize = 32 * 1024;

/// What is given at once of a body whose length is not known: what comes behind it may be given with its end.
const CHUNKS: usize = 2 * 1024;

/// Where a connection is, and how much of it was given.
#[derive(Default)]
pub(super) struct Flow {
    phase: Phase,
    /// Bytes of this head.
    given: usize,
    /// Where in a head the bytes given end.
    line: Line,
    /// Whether the server has to look at what it has before it is given more.
    look: bool,
    /// Its task, while it waits for more room.
    waiting: Option<Waker>,
    /// Its place among the long heads. It is kept until the connection ends, as the server keeps the buffer.
    place: Option<Slot>,
}

#[derive(Clone, Copy, Default)]
enum Phase {
    /// A head is expected or has begun.
    #[default]
    Head,
    /// A request is being answered. `left`: bytes of its body that were not given; `wanted`: those that may be given.
    Request { left: u64, step: usize, wanted: usize },
    /// Answered, and the connection ends: what still comes is read and thrown away by the server.
    Ended,
}

/// Of the head, the last line.
#[derive(Clone, Copy, Default)]
enum Line {
    /// Only empty lines have come, which may stand before a request.
    #[default]
    Nothing,
    Begun,
    Ended,
    /// A carriage return stands alone in a new line.
    Return,
}

/// What a request says of the length of its body.
#[derive(Clone, Copy)]
pub(super) enum Length {
    Known(u64),
    Unknown,
}

/// What the server may have now.
pub(super) enum Room {
    /// So many bytes.
    Bytes(usize),
    /// Nothing; its task will be woken.
    Later,
    /// Nothing any more: this is the answer.
    Refused(Problem),
}

impl Flow {
    /// How much may be given. `begin` takes a place for a long head.
    pub(super) fn room(&mut self, context: &Context<'_>, begin: impl FnOnce() -> Option<Slot>) -> Room {
        if std::mem::take(&mut self.look) {
            context.waker().wake_by_ref();
            return Room::Later;
        }
        match self.phase {
            Phase::Ended => Room::Bytes(ORDINARY),
            Phase::Request { wanted: 0, .. } => {
                self.waiting = Some(context.waker().clone());
                Room::Later
            }
            Phase::Request { wanted, .. } => Room::Bytes(wanted),
            Phase::Head if self.given < ORDINARY => Room::Bytes(ORDINARY - self.given),
            Phase::Head if self.given >= LONGEST => Room::Refused(Problem::HeadTooLarge),
            Phase::Head => {
                self.place = self.place.take().or_else(begin);
                match self.place {
                    Some(_) => Room::Bytes(LONGEST - self.given),
                    None => Room::Refused(Problem::Full),
                }
            }
        }
    }

    /// Gives of `bytes`, which are no more than there was room for; returns how many: of a head no byte behind its end.
    pub(super) fn give(&mut self, bytes: &[u8]) -> usize {
        match &mut self.phase {
            Phase::Ended => {
                self.look = true;
                bytes.len()
            }
            Phase::Request { left, wanted, .. } => {
                *wanted = wanted.saturating_sub(bytes.len());
                *left = left.saturating_sub(bytes.len() as u64);
                bytes.len()
            }
            Phase::Head => {
                let end = bytes.iter().position(|byte| self.line.ends_head(*byte));
                self.look = end.is_some();
                let given = end.map_or(bytes.len(), |end| end + 1);
                self.given += given;
                given
            }
        }
    }

    /// A request begins: its head has been read.
    pub(super) fn asked(&mut self, length: Length) {
        let (left, step) = match length {
            Length::Known(length) => (length, BODY),
            Length::Unknown => (u64::MAX, CHUNKS),
        };
        if let Some(place) = &mut self.place {
            place.finish();
        }
        self.phase = Phase::Request {
            left,
            step,
            wanted: 0,
        };
    }

    /// The reader of the body waits: all that was given of it has been read.
    pub(super) fn starves(&mut self) {
        if let Phase::Request { left, step, wanted } = &mut self.phase {
            *wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(*step);
            self.wake();
        }
    }

    /// The request is answered; `ends`: and the connection ends with the answer.
    pub(super) fn answered(&mut self, ends: bool) {
        self.phase = if ends { Phase::Ended } else { Phase::Head };
        self.given = 0;
        self.line = Line::default();
        self.look = false;
        self.wake();
    }

    /// Whether a head on this connection was longer than ordinary. It is the last one then: the server keeps the buffer.
    pub(super) fn was_long(&self) -> bool {
        self.place.is_some()
    }

    fn wake(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

impl Line {
    /// Whether a head ends with this byte: with an empty line. A parser that sees that elsewhere is given its bytes in
    /// other pieces, nothing else.
    fn ends_head(&mut self, byte: u8) -> bool {
        *self = match (*self, byte) {
            (Self::Nothing, b'\r' | b'\n') => Self::Nothing,
            (Self::Ended | Self::Return, b'\n') => {
                *self = Self::Nothing;
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
    use crate::http::unfinished::Unfinished;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    /// The lengths of the pieces that are given of `bytes`, and what comes then.
    fn given(flow: &mut Flow, mut bytes: &[u8], place: impl Fn() -> Option<Slot>) -> (Vec<usize>, Room) {
        let context = Context::from_waker(Waker::noop());
        let mut pieces = Vec::new();
        loop {
            match flow.room(&context, &place) {
                Room::Bytes(room) if !bytes.is_empty() => {
                    let given = flow.give(&bytes[..room.min(bytes.len())]);
                    pieces.push(given);
                    bytes = &bytes[given..];
                }
                end => return (pieces, end),
            }
        }
    }

    fn no_place() -> Option<Slot> {
        None
    }

    #[test]
    fn a_head_is_given_up_to_its_end_and_no_further() {
        for (bytes, expected) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1", 27),
            ("GET / HTTP/1.1\nhost: a\n\nbody\n\n", 24),
            ("GET / HTTP/1.1\nhost: a\n\r\nbody", 25),
            // Empty lines before a request are none of its ends.
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
                    let given = flow.give(bytes);
                    count += given;
                    if flow.look || given < bytes.len() {
                        break;
                    }
                }
                assert_eq!(count, expected, "{bytes:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_body_is_given_as_its_reader_waits_for_it_and_the_next_head_after_the_answer() {
        let body = vec![b' '; 100_000];
        for (length, steps) in [
            (Length::Known(0), vec![vec![], vec![]]),
            (Length::Known(40_000), vec![vec![32_768], vec![7_232], vec![]]),
            (Length::Unknown, vec![vec![2048], vec![2048], vec![2048]]),
        ] {
            let mut flow = Flow::default();
            flow.asked(length);
            let (pieces, room) = given(&mut flow, &body, no_place);
            assert!(pieces.is_empty() && matches!(room, Room::Later));
            for expected in steps {
                flow.starves();
                let (pieces, room) = given(&mut flow, &body, no_place);
                assert_eq!(pieces, expected);
                assert!(matches!(room, Room::Later));
            }
            flow.answered(false);
            let (pieces, _) = given(&mut flow, b"GET / HTTP/1.1\r\n\r\n", no_place);
            assert_eq!(pieces, [18]);
        }
    }

    #[test]
    fn a_long_head_needs_a_place_and_has_an_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let places = Unfinished::new(1);
        let head = vec![b'a'; 2 * LONGEST];

        let mut long = Flow::default();
        let (pieces, end) = given(&mut long, &head, || places.begin(&socket));
        assert_eq!(pieces, [ORDINARY, LONGEST - ORDINARY]);
        assert!(matches!(end, Room::Refused(Problem::HeadTooLarge)));
        assert!(long.was_long());

        long.asked(Length::Known(0));
        let mut other = Flow::default();
        let (pieces, end) = given(&mut other, &head, || places.begin(&socket));
        assert_eq!(pieces, [ORDINARY]);
        assert!(matches!(end, Room::Refused(Problem::Full)));
    }

    #[test]
    fn what_comes_behind_the_last_answer_is_given_without_an_end() {
        let mut flow = Flow::default();
        flow.asked(Length::Known(1_000_000));
        flow.answered(true);
        let context = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            assert!(matches!(flow.room(&context, no_place), Room::Bytes(ORDINARY)));
            assert_eq!(flow.give(&[b' '; ORDINARY]), ORDINARY);
            // The server throws away what it has.
            assert!(matches!(flow.room(&context, no_place), Room::Later));
        }
    }
}
