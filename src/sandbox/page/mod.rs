//! The page in a browser: the channels at the left, the messages of one channel as the chat would show them, and under
//! each message its notification on a phone and the people who are notified.
//!
//! The server renders everything. The script only waits for changes and replaces the parts of the page with new ones,
//! so the page works without it. Every value from outside is escaped by `maud` or, in HTML of a Matrix message, by `formatted`; the
//! target of a link is an `Href`.

mod emoji;
mod formatted;
mod href;
mod message;
pub(super) mod notification;
pub(super) mod notified;
mod presentation;
mod twacode;

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

use self::href::Href;
use super::fault::ActiveFault;
use super::handle::SandboxHandle;
use super::settings::{Api, Channel, SandboxSettings};
use super::state::{SandboxMessage, SandboxState};

/// The content security policy: the page loads styles and its script from this server, and sends requests only to it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The icon of the browser's tab, inline, so that the browser requests none.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect \
                    width='16' height='16' rx='4' fill='%234b5bdc'/%3E%3Cpath d='M4 5h8v5H8l-3 2v-2H4z' \
                    fill='white'/%3E%3C/svg%3E";

/// `?channel=`, `?samples`.
#[derive(Deserialize)]
pub(super) struct Shown {
    channel: Option<String>,
    samples: Option<String>,
}

/// `GET /`, `?channel=…` for another channel than the first, `?samples` for the list of the channels with samples.
pub(super) async fn show(query: Query<Shown>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    // Read before the state, so that a change between the two is fetched again and not missed.
    let version = *sandbox.version().borrow();
    let page = render(&mut sandbox.state(), sandbox.url().as_str(), version, &query);
    asset("text/html; charset=utf-8", page.into_string())
}

/// `GET /sandbox/style.css`.
pub(super) async fn style() -> HttpResponse {
    asset("text/css; charset=utf-8", include_str!("style.css").to_owned())
}

/// `GET /sandbox/page.js`.
pub(super) async fn script() -> HttpResponse {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("page.js").to_owned(),
    )
}

fn asset(content_type: &'static str, body: String) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("content-type", content_type))
        .insert_header(("content-security-policy", POLICY))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("referrer-policy", "no-referrer"))
        .insert_header(("cache-control", "no-store"))
        .body(body)
}

/// The whole page.
fn render(state: &mut SandboxState, url: &str, version: u64, wanted: &Shown) -> Markup {
    let channels = state.settings.channels.clone();
    let lists_samples = wanted.samples.is_some() && state.presentation.is_some();
    let shown = channels
        .iter()
        .find(|channel| wanted.channel.as_ref() == Some(&channel.id))
        .or(channels.first())
        .filter(|_| !lists_samples);
    let title = state
        .presentation
        .as_ref()
        .map_or_else(|| "Sandbox".to_owned(), |of| of.title.clone());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title {
                    @if let Some(channel) = shown { "#" (channel.name) " – " }
                    (title)
                }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href="/sandbox/style.css";
                script src="/sandbox/page.js" defer {}
            }
            body data-version=(version) {
                (sidebar(state, &title, &channels, shown))
                main #main {
                    @if let Some(channel) = shown {
                        (conversation(state, channel, url))
                    } @else if lists_samples {
                        (presentation::samples(state, &channels))
                    } @else {
                        p.empty { "This sandbox has no channel: start it with one." }
                    }
                }
            }
        }
    }
}

fn sidebar(state: &SandboxState, title: &str, channels: &[Channel], shown: Option<&Channel>) -> Markup {
    let chat = chat(&state.settings);
    html! {
        nav #channels aria-label="Channels" {
            div.brand {
                div {
                    strong.name { (title) }
                    small.era { "a stand-in for " (chat) }
                }
            }
            @if let Some(of) = &state.presentation {
                (presentation::sidebar(state, of, channels, shown))
            } @else {
                ul {
                    @for channel in channels {
                        li { (channel_link(state, channel, shown)) }
                    }
                }
            }
        }
    }
}

/// The name of the imitated chat.
fn chat(settings: &SandboxSettings) -> &'static str {
    match settings.api {
        Api::MessagesSave => settings.era.title(),
        Api::Threads => "Twake of 2023",
        Api::Matrix => "Twake Chat (Matrix)",
    }
}

fn channel_link(state: &SandboxState, channel: &Channel, shown: Option<&Channel>) -> Markup {
    let is_shown = shown.is_some_and(|shown| shown.id == channel.id);
    let has_fault = state
        .faults()
        .iter()
        .any(|fault| fault.channel.as_deref() == Some(&channel.id));
    let total = state.total(&channel.id);
    html! {
        a href=(Href::channel(&channel.id)) aria-current=(if is_shown { "page" } else { "false" }) {
            span.sign { "#" }
            span.label { (channel.name) }
            @if has_fault {
                span.ill title="a fault is set" { "!" }
            }
            @if total > 0 {
                span.count { (total) }
            }
        }
    }
}

fn conversation(state: &mut SandboxState, channel: &Channel, url: &str) -> Markup {
    html! {
        header {
            h1 { span.sign { "#" } (channel.name) }
            p {
                code.id { (channel.id) }
                @match state.total(&channel.id) {
                    0 => {}
                    1 => { " · 1 message" }
                    many => { " · " (many) " messages" }
                }
            }
        }
        @for fault in state.faults() {
            @if fault.channel.as_ref().is_none_or(|id| *id == channel.id) {
                (banner(fault))
            }
        }
        @if state.messages(&channel.id).is_empty() {
            (empty(state, channel, url))
        } @else {
            (messages(state, channel))
        }
    }
}

/// The messages, each with its replies; a line before the first one of each day. In the threads API a reply moves its whole thread
/// to the end.
fn messages(state: &mut SandboxState, channel: &Channel) -> Markup {
    let (total, era, api) = (state.total(&channel.id), state.settings.era, state.settings.api);
    let messages = state.messages(&channel.id).to_vec();
    let missing = total.saturating_sub(u64::try_from(messages.len()).unwrap_or(total));
    let replies = |top: &SandboxMessage| {
        let id = top.id.clone();
        messages
            .iter()
            .filter(move |reply| reply.parent == id && !reply.deleted)
    };
    let mut tops: Vec<_> = messages.iter().filter(|top| top.parent.is_empty()).collect();
    if api == Api::Threads {
        tops.sort_by_key(|top| replies(top).map(|reply| reply.number).max().unwrap_or(top.number));
    }
    let day = |message: &SandboxMessage| message.arrived.strftime("%A, %-d %B %Y, UTC").to_string();
    let one = |shown: &SandboxMessage| {
        let quoted = shown.object["content"]["m.relates_to"]["m.in_reply_to"]["event_id"].as_str();
        let quoted = quoted.filter(|_| shown.parent.is_empty());
        let quoted = messages
            .iter()
            .find(|message| Some(message.id.as_str()) == quoted);
        let sender = shown.object["sender"].as_str().unwrap_or("");
        message::message(
            shown,
            quoted,
            era,
            &state.homeserver.audience(&channel.id, sender),
        )
    };
    html! {
        ol #messages {
            @if missing > 0 {
                li.day { (missing) " earlier or replaced ones are not kept" }
            }
            @for same_day in tops.chunk_by(|one, next| day(one) == day(next)) {
                @if let Some(first) = same_day.first() {
                    li.day { span.date { (day(first)) } }
                }
                @for top in same_day {
                    @if top.deleted {
                        li.day { "a deleted message" (unseen(replies(top).count())) }
                    } @else {
                        (one(top))
                        @for reply in replies(top) {
                            (one(reply))
                        }
                    }
                }
            }
        }
    }
}

/// The replies to a deleted message: the server stores them, and no client shows them.
fn unseen(replies: usize) -> String {
    match replies {
        0 => String::new(),
        1 => " with a reply that no client shows".to_owned(),
        many => format!(" with {many} replies that no client shows"),
    }
}

fn banner(fault: &ActiveFault) -> Markup {
    html! {
        p.banner role="status" {
            @if fault.channel.is_some() { "This channel" } @else { "Every channel" }
            " now answers "
            code.fault { (fault.fault.name()) }
            @match fault.times {
                Some(1) => { ", once more." }
                Some(times) => { ", " (times) " more times." }
                None => { ", until the fault is removed." }
            }
        }
    }
}

/// What to do in a channel without messages.
fn empty(state: &SandboxState, channel: &Channel, url: &str) -> Markup {
    let (what, curl) = by_hand(&state.settings, channel, url);
    html! {
        div.empty {
            h2 { "No messages yet" }
            p {
                "Messages that the bridge posts to "
                code.id { (channel.id) }
                " appear here by themselves. Or post one by hand, " (what) ":"
            }
            pre { code.curl { (curl) } }
        }
    }
}

/// What a call by hand needs, and the call.
fn by_hand(settings: &SandboxSettings, channel: &Channel, url: &str) -> (&'static str, String) {
    let application = settings.applications.first();
    let id = application.map_or("PUBLIC_ID", |application| &application.public_id);
    let group = application
        .and_then(|application| application.groups.first())
        .map_or("GROUP_ID", |group| group);
    let call = |authorization: &str, body: &Value, path: &str| {
        format!(
            "curl {authorization} \\\n  -H 'Content-Type: application/json' \\\n  -d {} \\\n  {}",
            quoted(&body.to_string()),
            quoted(&format!("{url}{path}")),
        )
    };
    match settings.api {
        Api::MessagesSave => {
            let content = json!([{ "type": "bold", "content": "hello" }]);
            let message = json!({ "channel_id": channel.id, "content": content });
            let body = json!({ "group_id": group, "message": message });
            let credentials = format!("-u {}", quoted(&format!("{id}:PRIVATE_API_KEY")));
            let curl = call(&credentials, &body, "api/v1/messages/save");
            ("with the application's private key", curl)
        }
        Api::Threads => {
            let participant =
                json!({ "type": "channel", "id": channel.id, "company_id": group, "workspace_id": "any" });
            let message = json!({ "subtype": "application", "text": "hello" });
            let body =
                json!({ "resource": { "participants": [participant] }, "options": { "message": message } });
            let path = format!("api/messages/v1/companies/{group}/threads");
            let curl = call("-H 'Authorization: Bearer TOKEN'", &body, &path);
            ("with the token of a login at api/console/v1/login", curl)
        }
        Api::Matrix => {
            let body = json!({ "msgtype": "m.text", "body": "hello", "m.mentions": {} });
            let path = format!("_matrix/client/v3/rooms/{}/send/m.room.message/1", channel.id);
            let curl = call("-X PUT -H 'Authorization: Bearer ACCESS_TOKEN'", &body, &path);
            ("with the access token of an account that has joined", curl)
        }
    }
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
