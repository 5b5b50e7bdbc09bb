//! Calls of Twake's API: the truth, or the fault that is set.

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
use crate::sandbox::messages_save::{self, Answer, Call, Refusal};
use crate::sandbox::world::Attempt;

/// Any other path or method: the router's error, which is a 500.
pub(super) async fn unknown(request: HttpRequest) -> HttpResponse {
    let text = format!("No route found for \"{} {}\"", request.method(), request.path());
    response(&Answer::bare_json(500, &json!({ "error": text })))
}

/// How a call is met.
enum Reaction {
    /// As Twake does.
    Truth,
    /// With another answer; nothing is stored.
    Instead(Answer),
    /// The message is stored, then the answer is another one.
    StoredThen(Answer),
    /// The message is stored; the answer comes after a while.
    StoredSlow(Duration),
    /// As Twake does, but in another form on the wire.
    Odd(Oddity),
    Hang,
    Reset,
}

/// `POST /api/v1/messages/save`.
pub(super) async fn save(request: HttpRequest, body: Payload, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let limit = sandbox.world().settings.limits.body;
    let body = match body.to_bytes_limited(limit).await {
        Ok(Ok(body)) => body,
        // The client broke off: whatever is answered, nobody hears it.
        Ok(Err(_)) => return HttpResponse::BadRequest().force_close().finish(),
        Err(_) => return response(&Answer::nginx(413, "Request Entity Too Large")),
    };
    let header = |name: HeaderName| {
        request
            .headers()
            .get(name)
            .map_or(&b""[..], |value| value.as_bytes())
    };
    let call = Call::read(header(AUTHORIZATION), header(CONTENT_TYPE), &body);
    let now = sandbox.clock().now();
    // One change: what is met, stored and recorded of one call is never seen in parts.
    let (reaction, truth) = sandbox.change(|world| {
        let fault = world.meet_fault(call.channel());
        let reaction = fault
            .as_ref()
            .map_or(Reaction::Truth, |fault| react(fault, &call, &sandbox));
        let fault = fault.filter(|_| !matches!(reaction, Reaction::Truth));
        let truth = match reaction {
            Reaction::Truth | Reaction::Odd(_) | Reaction::StoredThen(_) | Reaction::StoredSlow(_) => {
                Some(messages_save::answer(world, &call, now))
            }
            Reaction::Instead(_) | Reaction::Hang | Reaction::Reset => None,
        };
        let told = match &reaction {
            Reaction::Instead(answer) | Reaction::StoredThen(answer) => Some(answer),
            _ => truth.as_ref(),
        };
        world.record(Attempt {
            at: now,
            channel: call.channel().map(str::to_owned),
            fault: fault.as_ref().map(Fault::name),
            status: told.map(|answer| answer.status),
            error: told.and_then(|answer| answer.error.clone()),
            id: truth.as_ref().and_then(|answer| answer.id.clone()),
        });
        (reaction, truth)
    });
    match (reaction, truth) {
        (Reaction::Instead(answer) | Reaction::StoredThen(answer), _) | (Reaction::Truth, Some(answer)) => {
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

/// What a fault makes of a call.
fn react(fault: &Fault, call: &Call, sandbox: &SandboxHandle) -> Reaction {
    Reaction::Instead(match fault {
        Fault::Empty => Answer::plain(200, "text/html; charset=UTF-8", ""),
        Fault::ServerError => messages_save::fatal(),
        Fault::IdNull => Answer::object(&messages_save::null_object()),
        Fault::IdNullAfterStoring => {
            return Reaction::StoredThen(Answer::object(&messages_save::null_object()));
        }
        Fault::NotJson => Answer::plain(
            200,
            "text/html; charset=UTF-8",
            "<br />\n<b>Warning</b>:  something\n",
        ),
        Fault::SlowAfterStoring { delay } => return Reaction::StoredSlow(*delay),
        Fault::RefuseKey => Refusal::UnknownApplication.answer(),
        Fault::NoCapability => Refusal::Capability.answer(),
        Fault::NotInstalled => Refusal::Group(call.group().clone()).answer(),
        Fault::Misrouted => Answer::bare_json(404, &json!({ "error": "Not found" })),
        Fault::UnknownError => Refusal::Malformed.answer(),
        Fault::TooManyRequests { retry_after } => {
            Answer::nginx(429, "Too Many Requests").with("retry-after", retry_after.clone())
        }
        Fault::BadGateway => Answer::nginx(502, "Bad Gateway"),
        Fault::Unavailable { retry_after } => {
            Answer::nginx(503, "Service Temporarily Unavailable").with("retry-after", retry_after.clone())
        }
        Fault::Redirect { location } => {
            let location = location
                .clone()
                .unwrap_or_else(|| format!("{}moved", sandbox.url()));
            Answer::nginx(301, "Moved Permanently").with("location", Some(location))
        }
        Fault::TooLarge => Answer::nginx(413, "Request Entity Too Large"),
        Fault::Hang => return Reaction::Hang,
        Fault::Reset => return Reaction::Reset,
        Fault::BlockedText { word } if !call.says(word) => return Reaction::Truth,
        Fault::BlockedText { .. } => Answer::nginx(403, "Forbidden"),
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

/// Resets the connection: with a linger of nothing, closing sends RST in the place of FIN.
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
