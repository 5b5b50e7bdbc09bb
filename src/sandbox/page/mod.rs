//! What a browser sees: the channels at the left, one channel's messages as Twake would show them, and under each
//! message what a phone would say.
//!
//! Everything comes from the server; the script only asks for news and puts the new page's parts in the place of the
//! old ones, so that the page works without it.

mod emoji;
mod html;
mod message;
pub(super) mod notification;
mod twacode;

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use serde::Deserialize;

use self::html::{Href, Html};
use super::fault::ActiveFault;
use super::handle::SandboxHandle;
use super::settings::Channel;
use super::world::World;

/// Styles and script come from this server, nothing else does, and nothing is sent elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Nothing to fetch for the browser's tab.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect \
                    width='16' height='16' rx='4' fill='%234b5bdc'/%3E%3Cpath d='M4 5h8v5H8l-3 2v-2H4z' \
                    fill='white'/%3E%3C/svg%3E";

/// `?channel=`.
#[derive(Deserialize)]
pub(super) struct Shown {
    channel: Option<String>,
}

/// `GET /`, `?channel=…` for another channel than the first.
pub(super) async fn show(query: Query<Shown>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    // Read before the world is: a change between the two is fetched once more rather than missed.
    let version = *sandbox.version().borrow();
    let page = render(
        &mut sandbox.world(),
        sandbox.url().as_str(),
        version,
        query.channel.as_deref(),
    );
    asset("text/html; charset=utf-8", page)
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
fn render(world: &mut World, url: &str, version: u64, wanted: Option<&str>) -> String {
    let channels = world.settings.channels.clone();
    let shown = channels
        .iter()
        .find(|channel| wanted == Some(&channel.id))
        .or(channels.first());
    let mut html = Html::page();
    html.element("html", &[("lang", "en")], |html| {
        html.element("head", &[], |html| {
            html.open("meta", &[("charset", "utf-8")]);
            html.open(
                "meta",
                &[
                    ("name", "viewport"),
                    ("content", "width=device-width, initial-scale=1"),
                ],
            );
            html.open("meta", &[("name", "color-scheme"), ("content", "light dark")]);
            let title = shown.map_or("Sandbox".to_owned(), |channel| {
                format!("#{} – Sandbox", channel.name)
            });
            html.element("title", &[], |html| html.text(&title));
            html.open("link", &[("rel", "icon"), ("href", ICON)]);
            html.open("link", &[("rel", "stylesheet"), ("href", "/sandbox/style.css")]);
            html.element("script", &[("src", "/sandbox/page.js"), ("defer", "")], |_| {});
        });
        html.element("body", &[("data-version", &version.to_string())], |html| {
            sidebar(html, world, &channels, shown);
            html.element("main", &[("id", "main")], |html| match shown {
                Some(channel) => conversation(html, world, channel, url),
                None => html.words("p", "empty", "This sandbox has no channel: start it with one."),
            });
        });
    });
    html.finish()
}

fn sidebar(html: &mut Html, world: &World, channels: &[Channel], shown: Option<&Channel>) {
    html.element("nav", &[("id", "channels"), ("aria-label", "Channels")], |html| {
        html.element("div", &[("class", "brand")], |html| {
            html.element("div", &[], |html| {
                html.words("strong", "name", "Sandbox");
                html.words(
                    "small",
                    "era",
                    &format!("a stand-in for {}", world.settings.era.title()),
                );
            });
        });
        html.element("ul", &[], |html| {
            for channel in channels {
                let here = shown.is_some_and(|shown| shown.id == channel.id);
                html.element("li", &[], |html| {
                    let href = Href::channel(&channel.id);
                    let current = if here { "page" } else { "false" };
                    html.element(
                        "a",
                        &[("href", href.as_str()), ("aria-current", current)],
                        |html| {
                            html.words("span", "sign", "#");
                            html.words("span", "label", &channel.name);
                            if world
                                .faults()
                                .iter()
                                .any(|fault| fault.channel.as_deref() == Some(&channel.id))
                            {
                                html.element(
                                    "span",
                                    &[("class", "ill"), ("title", "a fault is set")],
                                    |html| {
                                        html.text("!");
                                    },
                                );
                            }
                            let total = world.total(&channel.id);
                            if total > 0 {
                                html.words("span", "count", &total.to_string());
                            }
                        },
                    );
                });
            }
        });
    });
}

fn conversation(html: &mut Html, world: &mut World, channel: &Channel, url: &str) {
    let total = world.total(&channel.id);
    html.element("header", &[], |html| {
        html.element("h1", &[], |html| {
            html.words("span", "sign", "#");
            html.text(&channel.name);
        });
        html.element("p", &[], |html| {
            html.words("code", "id", &channel.id);
            html.text(&match total {
                0 => String::new(),
                1 => " · 1 message".to_owned(),
                many => format!(" · {many} messages"),
            });
        });
    });
    for fault in world.faults() {
        if fault.channel.as_ref().is_none_or(|id| *id == channel.id) {
            banner(html, fault);
        }
    }
    let era = world.settings.era;
    let messages = world.messages(&channel.id);
    if messages.is_empty() {
        return empty(html, world, channel, url);
    }
    html.element("ol", &[("id", "messages")], |html| {
        let gone = total - u64::try_from(messages.len()).unwrap_or(total).min(total);
        if gone > 0 {
            html.words(
                "li",
                "day",
                &format!("{gone} earlier or deleted ones are not kept"),
            );
        }
        let mut day = String::new();
        for top in messages.iter().filter(|top| top.parent().is_empty()) {
            let its_day = top.arrived.strftime("%A, %-d %B %Y, UTC").to_string();
            if its_day != day {
                html.element("li", &[("class", "day")], |html| {
                    html.words("span", "date", &its_day);
                });
                day = its_day;
            }
            message::write(html, top, era);
            if top.object["responses_count"] != 0 {
                for reply in messages.iter().filter(|reply| reply.parent() == top.id()) {
                    message::write(html, reply, era);
                }
            }
        }
    });
}

fn banner(html: &mut Html, fault: &ActiveFault) {
    html.element("p", &[("class", "banner"), ("role", "status")], |html| {
        let whose = if fault.channel.is_some() {
            "This channel"
        } else {
            "Every channel"
        };
        html.text(&format!("{whose} now answers "));
        html.words("code", "fault", fault.fault.name());
        html.text(&match fault.times {
            Some(1) => ", once more.".to_owned(),
            Some(times) => format!(", {times} more times."),
            None => ", until the fault is taken away.".to_owned(),
        });
    });
}

/// What to do while nothing is there.
fn empty(html: &mut Html, world: &World, channel: &Channel, url: &str) {
    html.element("div", &[("class", "empty")], |html| {
        html.element("h2", &[], |html| html.text("Nothing has been said here yet"));
        html.element("p", &[], |html| {
            html.text("Messages that the bridge posts to ");
            html.words("code", "id", &channel.id);
            html.text(" appear here by themselves. Or post one by hand, with the application's private key:");
        });
        let application = world.settings.applications.first();
        let id = application.map_or("PUBLIC_ID", |application| &application.public_id);
        let group = application.and_then(|application| application.groups.first()).map_or("GROUP_ID", |group| group);
        let body = serde_json::json!({
            "group_id": group,
            "message": { "channel_id": channel.id, "content": [{ "type": "bold", "content": "hello" }] },
        });
        let curl = format!(
            "curl -u {} \\\n  -H 'Content-Type: application/json' \\\n  -d {} \\\n  {url}api/v1/messages/save",
            quoted(&format!("{id}:PRIVATE_API_KEY")),
            quoted(&body.to_string()),
        );
        html.element("pre", &[], |html| html.words("code", "curl", &curl));
    });
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
