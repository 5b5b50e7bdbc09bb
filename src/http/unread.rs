//! A refusal to a request whose body nobody reads.
//!
//! The server would go on draining a chunked body whose reader was dropped, however long the sender goes on. As long as
//! the reader lives while the answer is written, it closes the connection behind the answer instead. So the answer
//! holds the reader.

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::{Bytes, Payload};
use std::pin::Pin;
use std::task::{Context, Poll};

/// An answer's body that holds what is left of the request's.
struct Holding<U> {
    answer: BoxBody,
    _unread: U,
}

/// The same answer, behind which the connection is closed.
pub(super) fn closing(response: HttpResponse, unread: Payload) -> HttpResponse {
    response.map_body(|head, answer| {
        head.set_connection_type(actix_web::http::ConnectionType::Close);
        holding(answer, unread)
    })
}

/// The same answer's body, which holds `unread` as long as it is being written.
pub(super) fn holding(answer: BoxBody, unread: impl Unpin + 'static) -> BoxBody {
    BoxBody::new(Holding {
        answer,
        _unread: unread,
    })
}

impl<U: Unpin> MessageBody for Holding<U> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
