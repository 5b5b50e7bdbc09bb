//! The middleware of both listeners: connects a request to its [`Connection`].
//!
//! Until the response, the connection is not idle. It passes as much of the body as its reader waits for. The response
//! closes the connection if there are too many, or if a part of the body was not read.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, RequestHead, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{ConnectionType, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::Stream;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::connections::Connection;
use super::flow::Length;

/// A request without a response. Dropping it ends the request.
struct OpenRequest {
    connection: Arc<Connection>,
    /// Whether the connection closes with it.
    closes: bool,
}

impl OpenRequest {
    fn new(connection: Arc<Connection>, head: &RequestHead) -> Self {
        connection.begin_request(length(head));
        Self {
            connection,
            closes: true,
        }
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.connection.end_request(self.closes);
    }
}

/// The length of the body. The server has already validated these headers.
fn length(head: &RequestHead) -> Length {
    let has = |name| head.headers().contains_key(name);
    if has(header::TRANSFER_ENCODING) || has(header::UPGRADE) {
        return Length::Unknown;
    }
    let length = head.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse().ok());
    length.map_or(Length::Unknown, Length::Known)
}

/// The body of a request.
struct Body {
    payload: Payload,
    /// Whether it was read to its end.
    ended: bool,
    connection: Arc<Connection>,
}

/// The stream from which the handler reads the body.
struct Reader(Rc<RefCell<Body>>);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.borrow_mut();
        let next = Pin::new(&mut body.payload).poll_next(context);
        if next.is_pending() {
            body.connection.want_body();
        }
        let next = ready!(next);
        body.ended = next.is_none();
        Poll::Ready(next)
    }
}

/// The body of a response to a request whose own body was not read to its end.
///
/// The server would read the rest of a chunked body whose reader was dropped, without a limit. While the reader lives, the
/// server closes the connection after the response. So the response keeps the reader.
struct KeepUnread {
    response: BoxBody,
    _unread: Rc<RefCell<Body>>,
}

impl MessageBody for KeepUnread {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.response.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.response).poll_next(context)
    }
}

/// The middleware.
pub(super) async fn watched(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(connection) = request.conn_data::<Arc<Connection>>().map(Arc::clone) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let mut open = OpenRequest::new(Arc::clone(&connection), request.head());
    let body = match request.take_payload() {
        Payload::None => None,
        payload => Some(Rc::new(RefCell::new(Body {
            payload,
            ended: false,
            connection: Arc::clone(&connection),
        }))),
    };
    if let Some(body) = &body {
        let payload = Box::pin(Reader(Rc::clone(body)));
        request.set_payload(Payload::Stream { payload });
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    let unread = body.filter(|body| !body.borrow().ended);
    let head = response.response_mut().head_mut();
    if unread.is_some() || connection.closes() {
        head.set_connection_type(ConnectionType::Close);
    }
    open.closes = !head.keep_alive();
    Ok(match unread {
        Some(unread) => response.map_body(|_, response| {
            BoxBody::new(KeepUnread {
                response,
                _unread: unread,
            })
        }),
        None => response,
    })
}
