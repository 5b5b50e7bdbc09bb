//! A true answer in a form on the wire that clients stumble over.

use actix_web::{HttpRequest, HttpResponse};
use flate2::{Compression, read::GzEncoder};
use std::io::{Read as _, Write as _};

use super::Connection;
use super::call::{broken_off, response};
use crate::sandbox::messages_save::Answer;

/// What is odd about it.
pub(super) enum Oddity {
    /// 103 comes first.
    Interim,
    /// It ends with its connection.
    NoLength,
    /// It is compressed.
    Gzip,
    /// This comes before the JSON.
    Before(&'static str),
}

impl Oddity {
    pub(super) fn response(self, request: &HttpRequest, mut answer: Answer) -> HttpResponse {
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

/// Writes to the connection itself, past the server, which has written nothing of an answer yet.
fn write(request: &HttpRequest, text: &str) {
    let connection = request.conn_data::<Connection>();
    if let Some(Err(error)) = connection.map(|connection| (&connection.0).write_all(text.as_bytes())) {
        log::warn!(error:% = error; "cannot write to a connection");
    }
}
