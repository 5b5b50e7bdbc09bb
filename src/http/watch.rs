//! A request on its way to its answer: its connection is not silent meanwhile, gives as much of the body as its reader
//! waits for, and in a crowd ends with the answer.

use actix_web::body::{BoxBody, MessageBody};
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
use super::unread;

/// A request that is not answered; answered when dropped, also half way.
struct Asking {
    connection: Arc<Connection>,
    /// Whether the connection ends with it.
    ends: bool,
}

impl Asking {
    fn new(connection: Arc<Connection>, head: &RequestHead) -> Self {
        connection.asks(length(head));
        Self {
            connection,
            ends: true,
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.connection.answered(self.ends);
    }
}

/// The length of the body; the server has checked what the head says of it.
fn length(head: &RequestHead) -> Length {
    let has = |name| head.headers().contains_key(name);
    if has(header::TRANSFER_ENCODING) || has(header::UPGRADE) {
        return Length::Unknown;
    }
    let length = head.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse().ok());
    length.map_or(Length::Unknown, Length::Known)
}

/// A request's body.
struct Body {
    payload: Payload,
    /// Whether its end was seen.
    ended: bool,
    connection: Arc<Connection>,
}

/// What the handler reads it by.
struct Reader(Rc<RefCell<Body>>);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.borrow_mut();
        let next = Pin::new(&mut body.payload).poll_next(context);
        if next.is_pending() {
            body.connection.starves();
        }
        let next = ready!(next);
        body.ended = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}

/// The middleware of both listeners.
pub(super) async fn watched(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(connection) = request.conn_data::<Arc<Connection>>().map(Arc::clone) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let mut asking = Asking::new(Arc::clone(&connection), request.head());
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
    let mut answer = next.call(request).await?.map_into_boxed_body();
    let unread = body.filter(|body| !body.borrow().ended);
    let head = answer.response_mut().head_mut();
    if unread.is_some() || connection.ends() {
        head.set_connection_type(ConnectionType::Close);
    }
    asking.ends = !head.keep_alive();
    Ok(match unread {
        Some(unread) => answer.map_body(|_, answer| unread::holding(answer, unread)),
        None => answer,
    })
}
