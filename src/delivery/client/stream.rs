//! Corrects two defects of awc's HTTP/1 decoder (against RFC 9112) in the bytes that it reads. awc takes an interim response
//! (100, 102, 103) for the final one, and a body without a length for an empty one. Because of either, a delivered message
//! would be posted again.

use actix_web::rt::net::{ActixStream, Ready};
use bytes::{Buf as _, BytesMut};
use httparse::{ParserConfig, Response, Status};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest head that is parsed here, in bytes. A longer one is left to awc, which refuses it.
const LONGEST_HEAD: usize = 128 * 1024;

/// As many headers as awc parses.
const MOST_HEADERS: usize = 96;

/// A connection's bytes, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

/// A connection on which awc sees only final responses, with a body whose end it finds.
pub(super) struct ResponseStream {
    wire: Box<dyn Wire>,
    /// The received part of the head of the next response. Unset: the head is complete, and the body passes unchanged.
    head: Option<BytesMut>,
    /// Bytes that were read but not yet passed to awc.
    pending: BytesMut,
}

impl ResponseStream {
    pub(super) fn new(wire: impl Wire + 'static) -> Self {
        Self {
            wire: Box::new(wire),
            head: None,
            pending: BytesMut::new(),
        }
    }
}

impl AsyncRead for ResponseStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.pending.is_empty() {
                let length = this.pending.len().min(buf.remaining());
                buf.put_slice(&this.pending[..length]);
                this.pending.advance(length);
                return Poll::Ready(Ok(()));
            }
            let Some(head) = &mut this.head else {
                return Pin::new(&mut this.wire).poll_read(cx, buf);
            };
            let mut chunk = [0; 4096];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.wire).poll_read(cx, &mut read))?;
            head.extend_from_slice(read.filled());
            let has_ended = read.filled().is_empty();
            if has_ended || is_final(head) {
                this.pending = this.head.take().unwrap_or_default();
            }
            if has_ended && this.pending.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Removes interim responses. If the body has no length, marks the response as HTTP/1.0, so that awc reads to the end of the
/// connection. Returns whether the head can be passed to awc.
fn is_final(head: &mut BytesMut) -> bool {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = Response::new(&mut headers);
        let parsed = ParserConfig::default()
            .allow_spaces_after_header_name_in_responses(true)
            .parse_response(&mut response, head);
        let end = match parsed {
            Ok(Status::Complete(end)) => end,
            Ok(Status::Partial) => return head.len() >= LONGEST_HEAD,
            // awc reports the error.
            Err(_) => return true,
        };
        // After 101 the connection no longer speaks HTTP, so it is the final response.
        if matches!(response.code, Some(100 | 102..=199)) {
            head.advance(end);
            continue;
        }
        if ends_with_connection(&response)
            && let Some(begin) = head.iter().position(|byte| *byte == b'H')
        {
            head[begin + "HTTP/1.".len()] = b'0';
        }
        return true;
    }
}

/// Whether the body ends with the connection (RFC 9112, section 6.3).
fn ends_with_connection(response: &Response<'_, '_>) -> bool {
    let has_body = !matches!(response.code, Some(101 | 204 | 304));
    has_body
        && !response.headers.iter().any(|header| {
            header.name.eq_ignore_ascii_case("content-length")
                || (header.name.eq_ignore_ascii_case("transfer-encoding")
                    && header.value.to_ascii_lowercase().ends_with(b"chunked"))
        })
}

impl AsyncWrite for ResponseStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // awc reads a response only after it has written the whole request.
        this.head.get_or_insert_default();
        Pin::new(&mut this.wire).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseStream").finish_non_exhaustive()
    }
}

/// awc requires the trait and calls none of it: it waits by reading.
impl ActixStream for ResponseStream {
    fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Ready(Ok(Ready::READABLE))
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Ready(Ok(Ready::WRITABLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed_on(bytes: &str) -> Option<String> {
        let mut head = BytesMut::from(bytes);
        is_final(&mut head).then(|| String::from_utf8(head.to_vec()).unwrap())
    }

    #[test]
    fn interim_responses_are_taken_away_and_nothing_else() {
        let last = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        for interim in [
            "",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 102 Processing\r\nx: y\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
        ] {
            let all = format!("{interim}{last}");
            let head = all.len() - 2;
            for length in 0..head {
                assert_eq!(handed_on(&all[..length]), None, "{interim} {length}");
            }
            assert_eq!(handed_on(&all).as_deref(), Some(last), "{interim}");
        }
        let switching = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
        assert_eq!(handed_on(switching).as_deref(), Some(switching));
        assert_eq!(handed_on("SSH-2.0\r\n").as_deref(), Some("SSH-2.0\r\n"));
    }

    #[test]
    fn a_body_without_a_length_ends_with_its_connection() {
        for (head, ends) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("\r\nHTTP/1.1 200 OK\r\nserver: x\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/1.1 204 No Content\r\n\r\n", false),
            ("HTTP/1.1 304 Not Modified\r\n\r\n", false),
        ] {
            let expected = if ends {
                head.replace("HTTP/1.1", "HTTP/1.0")
            } else {
                head.to_owned()
            };
            assert_eq!(handed_on(head), Some(expected));
        }
    }
}
