//! Calls of the imitated API: the chat's own response, or that of the fault that is set.

use std::time::Duration;

use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use actix_web::rt::net::TcpStream;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::Connection;
use super::oddity::{Oddity, broken_off, response};
use crate::sandbox::api;
use crate::sandbox::call::Call;
use crate::sandbox::fault::Fault;
use crate::sandbox::handle::SandboxHandle;
use crate::sandbox::response::Response;
use crate::sandbox::settings::Api;
use crate::sandbox::state::Attempt;

/// How the sandbox reacts to a call.
enum Reaction {
    /// Responds as the chat does.
    Chat,
    /// Sends another response and stores nothing.
    Instead(Response),
    /// Stores the message, then sends another response.
    StoredThen(Response),
    /// Stores the message, and sends the response after a while.
    StoredSlow(Duration),
    /// Stores the message, and resets the connection.
    StoredReset,
    /// Responds as the chat does, in another form on the wire.
    Odd(Oddity),
    /// Sends nothing.
    Hang,
    /// Resets the connection.
    Reset,
}

/// Any call of the API, also to a path that it does not have.
pub(super) async fn call(request: HttpRequest, body: Payload, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let (limit, chat) = {
        let settings = &sandbox.state().settings;
        (settings.limits.body, settings.api)
    };
    let body = match body.to_bytes_limited(limit).await {
        Ok(Ok(body)) => body,
        // The client has closed the connection and will not read the response.
        Ok(Err(_)) => return HttpResponse::BadRequest().force_close().finish(),
        Err(_) => return response(&Response::nginx(413, "Request Entity Too Large")),
    };
    let header = |name: HeaderName| {
        let value = request.headers().get(name);
        value.map_or_else(String::new, |value| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        })
    };
    let call = Call::new(
        request.method().to_string(),
        request.uri().to_string(),
        header(AUTHORIZATION),
        header(CONTENT_TYPE),
        body,
    );
    let now = sandbox.clock().now();
    // One change, so that no reader sees a partial state.
    let (reaction, own) = sandbox.change(|state| {
        let channel = api::channel(state, &call);
        let fault = state.next_fault(channel.as_deref(), api::stores(chat, &call));
        let reaction = fault
            .as_ref()
            .map_or(Reaction::Chat, |fault| react(fault, chat, &call, &sandbox));
        let fault = fault.filter(|_| !matches!(reaction, Reaction::Chat));
        let own = match reaction {
            Reaction::Chat
            | Reaction::Odd(_)
            | Reaction::StoredThen(_)
            | Reaction::StoredSlow(_)
            | Reaction::StoredReset => Some(api::respond(state, &call, now)),
            Reaction::Instead(_) | Reaction::Hang | Reaction::Reset => None,
        };
        let sent = match &reaction {
            Reaction::Instead(response) | Reaction::StoredThen(response) => Some(response),
            Reaction::StoredReset => None,
            _ => own.as_ref(),
        };
        state.record(Attempt {
            at: now,
            request: call.line(),
            channel,
            fault: fault.as_ref().map(Fault::name),
            status: sent.map(|response| response.status),
            error: sent.and_then(|response| response.error.clone()),
            id: own.as_ref().and_then(|response| response.id.clone()),
        });
        (reaction, own)
    });
    match (reaction, own) {
        (Reaction::Instead(answer) | Reaction::StoredThen(answer), _) | (Reaction::Chat, Some(answer)) => {
            response(&answer)
        }
        (Reaction::StoredSlow(delay), Some(answer)) => {
            tokio::select! {
                () = sandbox.clock().sleep(delay) => response(&answer),
                () = sandbox.stopped().cancelled() => broken_off(),
            }
        }
        (Reaction::Odd(oddity), Some(answer)) => oddity.response(&request, answer),
        (Reaction::Reset | Reaction::StoredReset, _) => reset(&request),
        _ => {
            sandbox.stopped().cancelled().await;
            broken_off()
        }
    }
}

/// The reaction of a fault to a call.
fn react(fault: &Fault, chat: Api, call: &Call, sandbox: &SandboxHandle) -> Reaction {
    if let Some(own) = api::fault(chat, fault, call) {
        return match fault {
            Fault::IdNullAfterStoring => Reaction::StoredThen(own),
            _ => Reaction::Instead(own),
        };
    }
    Reaction::Instead(match fault {
        Fault::Empty => Response::plain(200, "text/html; charset=UTF-8", ""),
        Fault::NotJson => Response::plain(
            200,
            "text/html; charset=UTF-8",
            "<br />\n<b>Warning</b>:  something\n",
        ),
        Fault::SlowAfterStoring { delay } => return Reaction::StoredSlow(*delay),
        Fault::ResetAfterStoring => return Reaction::StoredReset,
        Fault::Misrouted => Response::json(404, &json!({ "error": "Not found" })),
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
        Fault::BlockedText { word } if !call.contains(word) => return Reaction::Chat,
        Fault::BlockedText { .. } => Response::nginx(403, "Forbidden"),
        Fault::Interim => return Reaction::Odd(Oddity::Interim),
        Fault::NoLength => return Reaction::Odd(Oddity::NoLength),
        Fault::Gzip => return Reaction::Odd(Oddity::Gzip),
        Fault::ByteOrderMark => return Reaction::Odd(Oddity::Before("\u{feff}")),
        // The others are the chat's own.
        Fault::ServerError
        | Fault::IdNull
        | Fault::IdNullAfterStoring
        | Fault::RefuseKey
        | Fault::NoCapability
        | Fault::NotInstalled
        | Fault::UnknownError => return Reaction::Chat,
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
