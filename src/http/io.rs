//! A connection as the server sees it: as much of it as it may have, and the answer to a head that is too long.

use actix_web::rt::net::TcpStream;
use bytes::{Buf, Bytes};
use futures_util::future::LocalBoxFuture;
use rustls::pki_types::CertificateDer;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::connections::Connection;
use super::flow::{ORDINARY, Room};
use super::problem::Problem;

/// How long it is waited for a sender to read why its head was refused.
const LINGER: Duration = Duration::from_secs(1);

/// A connection.
pub(super) struct Io {
    /// Gone once the connection is being refused.
    stream: Option<Stream>,
    /// What was read and not given yet.
    rest: Bytes,
    /// Whether the peer does not take what was written: then it is asked nothing more.
    blocked: bool,
    refusing: Option<LocalBoxFuture<'static, ()>>,
    pub(super) connection: Arc<Connection>,
}

/// With TLS or without.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    pub(super) fn new(stream: Stream, connection: Arc<Connection>) -> Self {
        Self {
            stream: Some(stream),
            rest: Bytes::new(),
            blocked: false,
            refusing: None,
            connection,
        }
    }

    /// The certificates the sender showed; the own one first.
    pub(super) fn shown(&self) -> &[CertificateDer<'static>] {
        match &self.stream {
            Some(Stream::Tls(stream)) => stream.get_ref().1.peer_certificates().unwrap_or_default(),
            _ => &[],
        }
    }

    /// Reads where everything read before was given.
    fn fill(&mut self, context: &mut Context<'_>, room: usize) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Ok(()));
        };
        if self.rest.is_empty() {
            let mut buffer = [0; ORDINARY];
            let mut buffer = ReadBuf::new(&mut buffer[..room.min(ORDINARY)]);
            ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
            self.rest = Bytes::copy_from_slice(buffer.filled());
        }
        Poll::Ready(Ok(()))
    }

    /// Answers instead of the server, which reads the end of the connection once the sender has had time for the answer.
    fn refuse(&mut self, problem: Problem) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        self.rest = Bytes::new();
        self.connection.refused(problem);
        let clock = self.connection.clock();
        self.refusing = Some(Box::pin(async move {
            let answered = async {
                stream.write_all(&problem.raw()).await?;
                stream.flush().await?;
                // A connection that is closed before everything was read is reset, and the answer with it.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                io::Result::Ok(())
            };
            // However it ends, the connection does.
            let _ = clock.timeout(LINGER, answered).await;
        }));
    }
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(refusing) = &mut this.refusing {
            return refusing.as_mut().poll(context).map(Ok);
        }
        if this.blocked {
            // `poll_write` wakes the task.
            return Poll::Pending;
        }
        match this.connection.room(context) {
            Room::Later => Poll::Pending,
            Room::Refused(problem) => {
                this.refuse(problem);
                Pin::new(this).poll_read(context, buffer)
            }
            Room::Bytes(room) => {
                let room = room.min(buffer.remaining());
                ready!(this.fill(context, room))?;
                let given = this.connection.give(&this.rest[..room.min(this.rest.len())]);
                buffer.put_slice(&this.rest[..given]);
                this.rest.advance(given);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(Ok(bytes.len()));
        };
        let written = Pin::new(stream).poll_write(context, bytes);
        if this.blocked && written.is_ready() {
            context.waker().wake_by_ref();
        }
        this.blocked = written.is_pending();
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Some(stream) => Pin::new(stream).poll_flush(context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Some(stream) => Pin::new(stream).poll_shutdown(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
