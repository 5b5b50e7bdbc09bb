//! What every page has around its content.

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use maud::{DOCTYPE, Markup, html};

use super::notice::Notice;
use super::{HOME, LOGIN, assets};
use crate::operator::OperatorService;

/// The sections of the console, in the order of the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Now,
    Events,
    Channels,
    Sources,
    Templates,
    Audit,
}

impl Section {
    const ALL: [(Self, &str, &str); 6] = [
        (Self::Now, HOME, "Now"),
        (Self::Events, "/console/events", "Events"),
        (Self::Channels, "/console/channels", "Channels"),
        (Self::Sources, "/console/sources", "Sources"),
        (Self::Templates, "/console/templates", "Templates"),
        (Self::Audit, "/console/audit", "Audit"),
    ];
}

/// A page in its frame.
pub(super) struct Page {
    /// The title of the tab.
    pub(super) title: String,
    /// The current section; `None` on a page of an error.
    pub(super) section: Option<Section>,
    /// Whether parts of it are refreshed: the elements with an `id` and `data-live`.
    pub(super) is_live: bool,
    /// What the last action did.
    pub(super) notice: Option<Notice>,
    /// The content.
    pub(super) content: Markup,
}

impl Page {
    /// The page as a response.
    pub(super) fn response(self, service: &OperatorService) -> HttpResponse {
        let has_login = service.serving.load().operator.token.is_some();
        html_response(StatusCode::OK, self.render(has_login))
    }

    pub(super) fn render(self, has_login: bool) -> Markup {
        let body = html! {
            a.skip href="#main" { "Skip to the content" }
            header.top {
                a.brand href=(HOME) { "twake-bridge" }
                nav aria-label="Console" {
                    ul {
                        @for (section, address, name) in Section::ALL {
                            li {
                                a href=(address) aria-current=[(self.section == Some(section)).then_some("page")] { (name) }
                            }
                        }
                    }
                }
                @if self.is_live {
                    button.plain #pause type="button" hidden aria-pressed="false" { "Pause refreshing" }
                }
                @if has_login {
                    form method="post" action="/console/logout" { button.plain type="submit" { "Log out" } }
                }
            }
            main #main tabindex="-1" {
                @if let Some(notice) = self.notice { (notice.markup()) }
                (self.content)
            }
        };
        document(&self.title, self.is_live, None, &body)
    }
}

/// The page of the login. `next`: the path of the page after it. `is_wrong`: the last token was.
pub fn login(next: &str, is_wrong: bool) -> String {
    let body = html! {
        main #main.login {
            h1 { "twake-bridge" }
            form method="post" action=(LOGIN) {
                input type="hidden" name="next" value=(next);
                label for="token" { "Operator token" }
                input #token type="password" name="token" required autofocus autocomplete="current-password"
                    aria-describedby=[is_wrong.then_some("wrong")];
                @if is_wrong { p.wrong #wrong role="alert" { "This token is wrong." } }
                button.primary type="submit" { "Log in" }
            }
            p.hint { "The token is the one of " code { "[operator] token" } " in " code { "bridge.toml" } "." }
        }
    };
    document("Log in", false, None, &body).into_string()
}

/// The page that opens a path of the console once more, after a link from another site.
pub fn again(next: &str) -> String {
    let body = html! {
        main #main.login { p { a href=(next) { "Open the console" } } }
    };
    document("twake-bridge", false, Some(next), &body).into_string()
}

/// A whole document. `refresh`: the path that it opens at once.
fn document(title: &str, is_live: bool, refresh: Option<&str>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(path) = refresh { meta http-equiv="refresh" content={ "0; url=" (path) }; }
                title { (title) @if title != "twake-bridge" { " – twake-bridge" } }
                link rel="icon" href=(assets::ICON);
                link rel="stylesheet" href=(assets::style());
                script src=(assets::script()) defer {}
            }
            body data-live=[is_live.then_some("on")] { (body) }
        }
    }
}

/// A page as a response that no cache keeps.
pub(super) fn html_response(status: StatusCode, page: Markup) -> HttpResponse {
    HttpResponseBuilder::new(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(page.into_string())
}
