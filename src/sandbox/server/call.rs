//! Calls of Twake's API: Twake's own response, or that of the fault that is set.

use std::time::Duration;

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::Connection;
use super::oddity::{Oddity, broken_off, response};
use crate::sandbox::fault::Fault;
use crate::sandbox::handle::SandboxHandle;
use crate::sandbox::messages_save::{self, Call, Refusal, Response};
use crate::sandbox::state::Attempt;

/// Any other path or method: the router's error, which is a 500.
pub(super) async fn unknown(request: HttpRequest) -> HttpResponse {
    let text = format!("No route found for \"{} {}\"", request.method(), request.path());
    response(&Response::bare_json(500, &json!({ "error": text })))
}

/// How the sandbox reacts to a call.
enum Reaction {
    /// Responds as Twake does.
    Twake,
    /// Sends another response and stores nothing.
    Instead(Response),
    /// Stores the message, then sends another response.
    StoredThen(Response),
    /// Stores the message, and sends the response after a while.
    StoredSlow(Duration),
    /// Responds as Twake does, in another form on the wire.
    Odd(Oddity),
    /// Sends nothing.
    Hang,
    /// Resets the connection.
    Reset,
}

/// `POST /api/v1/messages/save`.
pub(super) async fn save(request: HttpRequest, body: Payload, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let limit = sandbox.state().settings.limits.body;
    let body = match body.to_bytes_limited(limit).await {
        Ok(Ok(body)) => body,
        // The client has closed the connection and will not read the response.
        Ok(Err(_)) => return HttpResponse::BadRequest().force_close().finish(),
        Err(_) => return response(&Response::nginx(413, "Request Entity Too Large")),
    };
    let header = |name: HeaderName| {
        request
            .headers()
            .get(name)
            .map_or(&b""[..], |value| value.as_bytes())
    };
    let call = Call::parse(header(AUTHORIZATION), header(CONTENT_TYPE), &body);
    let now = sandbox.clock().now();
    // One change, so that no reader sees a partial state.
    let (reaction, own) = sandbox.change(|state| {
        let fault = state.next_fault(call.channel());
        let reaction = fault
            .as_ref()
            .map_or(Reaction::Twake, |fault| react(fault, &call, &sandbox));
        let fault = fault.filter(|_| !matches!(reaction, Reaction::Twake));
        let own = match reaction {
            Reaction::Twake | Reaction::Odd(_) | Reaction::StoredThen(_) | Reaction::StoredSlow(_) => {
                Some(messages_save::respond(state, &call, now))
            }
            Reaction::Instead(_) | Reaction::Hang | Reaction::Reset => None,
        };
        let sent = match &reaction {
            Reaction::Instead(response) | Reaction::StoredThen(response) => Some(response),
            _ => own.as_ref(),
        };
        state.record(Attempt {
            at: now,
            channel: call.channel().map(str::to_owned),
            fault: fault.as_ref().map(Fault::name),
            status: sent.map(|response| response.status),
            error: sent.and_then(|response| response.error.clone()),
            id: own.as_ref().and_then(|response| response.id.clone()),
        });
        (reaction, own)
    });
    match (reaction, own) {
        (Reaction::Instead(answer) | Reaction::StoredThen(answer), _) | (Reaction::Twake, Some(answer)) => {
            response(&answer)
        }
        (Reaction::StoredSlow(delay), Some(answer)) => {
            tokio::select! {
                () = sandbox.clock().sleep(delay) => response(&answer),
                () = sandbox.stopped().cancelled() => broken_off(),
            }
        }
        (Reaction::Odd(oddity), Some(answer)) => oddity.response(&request, answer),
        (Reaction::Reset, _) => reset(&request),
        _ => {
            sandbox.stopped().cancelled().await;
            broken_off()
        }
    }
}

/// The reaction of a fault to a call.
fn react(fault: &Fault, call: &Call, sandbox: &SandboxHandle) -> Reaction {
    Reaction::Instead(match fault {
        Fault::Empty => Response::plain(200, "text/html; charset=UTF-8", ""),
        Fault::ServerError => messages_save::fatal(),
        Fault::IdNull => Response::object(&messages_save::null_object()),
        Fault::IdNullAfterStoring => {
            return Reaction::StoredThen(Response::object(&messages_save::null_object()));
        }
        Fault::NotJson => Response::plain(
            200,
            "text/html; charset=UTF-8",
            "<br />\n<b>Warning</b>:  something\n",
        ),
        Fault::SlowAfterStoring { delay } => return Reaction::StoredSlow(*delay),
        Fault::RefuseKey => Refusal::UnknownApplication.response(),
        Fault::NoCapability => Refusal::Capability.response(),
        Fault::NotInstalled => Refusal::Group(call.group().clone()).response(),
        Fault::Misrouted => Response::bare_json(404, &json!({ "error": "Not found" })),
        Fault::UnknownError => Refusal::Malformed.response(),
        Fault::TooManyRequests { retry_after } => {
            Response::nginx(429, "Too Many Requests").with("retry-after", retry_after.clone())
        }
        Fault::BadGateway => Response::nginx(502, "Bad Gateway"),
        Fault::Unavailable { retry_after } => {
            Response::nginx(503, "Service Temporarily Unavailable").with("retry-after", retry_after.clone())
        }
        Fault::Redirect { location } => {
            let location = location
                .clone()
                .unwrap_or_else(|| format!("{}moved", sandbox.url()));
            Response::nginx(301, "Moved Permanently").with("location", Some(location))
        }
        Fault::TooLarge => Response::nginx(413, "Request Entity Too Large"),
        Fault::Hang => return Reaction::Hang,
        Fault::Reset => return Reaction::Reset,
        Fault::BlockedText { word } if !call.contains(word) => return Reaction::Twake,
        Fault::BlockedText { .. } => Response::nginx(403, "Forbidden"),
        Fault::Interim => return Reaction::Odd(Oddity::Interim),
        Fault::NoLength => return Reaction::Odd(Oddity::NoLength),
        Fault::Gzip => return Reaction::Odd(Oddity::Gzip),
        Fault::ByteOrderMark => return Reaction::Odd(Oddity::Before("\u{feff}")),
        Fault::Notice => {
            return Reaction::Odd(Oddity::Before(
                "<br />\n<b>Notice</b>:  Undefined index: sender in <b>/var/www/Message.php</b> on line <b>12</b><br />\n",
            ));
        }
    })
}

/// Resets the connection: with a linger of zero, closing sends RST instead of FIN.
fn reset(request: &HttpRequest) -> HttpResponse {
    if let Some(connection) = request.conn_data::<Connection>()
        && let Ok(own) = connection.0.try_clone()
        && let Ok(own) = TcpStream::from_std(own)
        && let Err(error) = own.set_zero_linger()
    {
        log::warn!(error:% = error; "cannot reset a connection, closing it");
    }
    broken_off()
}
