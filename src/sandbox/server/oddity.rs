//! Twake's own response in a form on the wire that some clients cannot read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::{Compression, read::GzEncoder};
use std::io::{Read as _, Write as _};

use super::Connection;
use crate::sandbox::response::Response;

/// The form.
pub(super) enum Oddity {
    /// After an interim response 103.
    Interim,
    /// Without a length: it ends with its connection.
    NoLength,
    /// Compressed.
    Gzip,
    /// With this text before the JSON.
    Before(&'static str),
}

impl Oddity {
    pub(super) fn response(self, request: &HttpRequest, mut answer: Response) -> HttpResponse {
        match self {
            Self::Interim => {
                write(
                    request,
                    "HTTP/1.1 103 Early Hints\r\nlink: </>; rel=preload\r\n\r\n",
                );
                response(&answer)
            }
            Self::NoLength => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
                write(request, &format!("{head}{}", answer.body));
                broken_off()
            }
            Self::Gzip => {
                let mut body = Vec::new();
                let mut encoder = GzEncoder::new(answer.body.as_bytes(), Compression::fast());
                // Reading from memory into memory cannot fail.
                let _ = encoder.read_to_end(&mut body);
                HttpResponse::Ok()
                    .insert_header(("content-type", "application/json"))
                    .insert_header(("content-encoding", "gzip"))
                    .body(body)
            }
            Self::Before(noise) => {
                answer.body.insert_str(0, noise);
                response(&answer)
            }
        }
    }
}

/// Writes to the connection itself. The server has written nothing of a response yet.
fn write(request: &HttpRequest, text: &str) {
    let connection = request.conn_data::<Connection>();
    if let Some(Err(error)) = connection.map(|connection| (&connection.0).write_all(text.as_bytes())) {
        log::warn!(error:% = error; "cannot write to a connection");
    }
}

/// The response in its ordinary form.
pub(super) fn response(answer: &Response) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        response.insert_header((*name, value.as_str()));
    }
    response.body(answer.body.clone())
}

/// A body that fails immediately: actix closes the connection before it has sent a byte of the response.
pub(super) fn broken_off() -> HttpResponse {
    let failure = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    HttpResponse::Ok().streaming(futures_util::stream::once(async { Err::<Bytes, _>(failure) }))
}
