//! The connection that the server reads: limits what it reads (see [`super::flow`]) and refuses long heads.

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
use super::flow::{Allowance, SHORT_HEAD};
use super::problem::Problem;

/// How long a sender may take to read the response that refuses its head.
const LINGER: Duration = Duration::from_secs(1);

/// A connection.
pub(super) struct Io {
    /// `None` once the connection is refused.
    stream: Option<Stream>,
    /// Bytes read from the stream that the server has not read.
    rest: Bytes,
    /// Whether the peer does not read the responses. Then nothing more is read from it.
    blocked: bool,
    refusing: Option<LocalBoxFuture<'static, ()>>,
    pub(super) connection: Arc<Connection>,
}

/// A stream with or without TLS.
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

    /// The certificate chain of the client, its own certificate first.
    pub(super) fn client_certificates(&self) -> &[CertificateDer<'static>] {
        match &self.stream {
            Some(Stream::Tls(stream)) => stream.get_ref().1.peer_certificates().unwrap_or_default(),
            _ => &[],
        }
    }

    /// Reads at most `limit` bytes into `rest` if it is empty.
    fn fill(&mut self, context: &mut Context<'_>, limit: usize) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Ok(()));
        };
        if self.rest.is_empty() {
            let mut buffer = [0; SHORT_HEAD];
            let mut buffer = ReadBuf::new(&mut buffer[..limit.min(SHORT_HEAD)]);
            ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
            self.rest = Bytes::copy_from_slice(buffer.filled());
        }
        Poll::Ready(Ok(()))
    }

    /// Sends the response instead of the server. The server then reads the end of the stream.
    fn refuse(&mut self, problem: Problem) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        self.rest = Bytes::new();
        self.connection.report_refusal(problem);
        let clock = self.connection.clock();
        self.refusing = Some(Box::pin(async move {
            let response = async {
                stream.write_all(&problem.raw()).await?;
                stream.flush().await?;
                // Closing with unread bytes would reset the connection, and the sender would lose the response.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                io::Result::Ok(())
            };
            // The connection is closed in any case.
            let _ = clock.timeout(LINGER, response).await;
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
        match this.connection.allowance(context) {
            Allowance::Later => Poll::Pending,
            Allowance::Refused(problem) => {
                this.refuse(problem);
                Pin::new(this).poll_read(context, buffer)
            }
            Allowance::Bytes(limit) => {
                let limit = limit.min(buffer.remaining());
                ready!(this.fill(context, limit))?;
                let passed = this.connection.pass(&this.rest[..limit.min(this.rest.len())]);
                buffer.put_slice(&this.rest[..passed]);
                this.rest.advance(passed);
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
