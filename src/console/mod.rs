//! The console: pages for a person who asks why a message is not there, on the operator's listener under `/console`.
//!
//! The server renders everything, with `maud`. Pages work without the script (`console.js`), which only refreshes the live parts,
//! asks before an action, copies, submits the filter, and shows an edited
//! template. Every page is a list or one thing; its address is its state. `GET`
//! changes nothing; every action is a form that is posted, and answers with a redirect to a page with a notice.
//!
//! Everything goes through [`OperatorService`](crate::operator::OperatorService), as for the API. Access control comes before: the
//! listener's middleware. What comes from outside (payloads, headers, messages) is shown as text; a link from outside goes
//! through `link::web`.

mod actions;
mod assets;
mod audit;
mod bulk;
mod channels;
mod chart;
mod event;
mod events;
mod failure;
mod filter;
mod frame;
mod kinds;
mod link;
mod message;
mod notice;
mod now;
mod parts;
mod payload;
mod source_test;
mod sources;
mod trial;

use actix_web::HttpResponse;
use actix_web::guard::Post;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};

pub use assets::ASSETS;
pub use frame::{again, login};

/// The path under which every page of the console is.
pub const ROOT: &str = "/console";
/// The first page.
pub const HOME: &str = "/console";
/// The page of the login. The listener's access control serves it.
pub const LOGIN: &str = "/console/login";

/// The longest form of an action, in bytes.
const LONGEST_FORM: usize = 16 * 1024;

/// Adds the pages. Their handlers need an `OperatorService` in the data of the application, and in the extensions of a request who
/// asks.
pub fn pages(service: &mut ServiceConfig) {
    service
        .app_data(failure::forms(LONGEST_FORM))
        .route("/", web::get().to(home))
        .route("/console", web::get().to(now::show))
        .route("/console/", web::get().to(home))
        .route("/console/events", web::get().to(events::show))
        .route("/console/events/bulk", web::get().to(bulk::show))
        .route("/console/events/bulk", web::post().to(bulk::act))
        .route("/console/events/{id}", web::get().to(event::show))
        .route("/console/events/{id}/replay", web::post().to(actions::replay))
        .route("/console/events/{id}/discard", web::post().to(actions::discard))
        .route("/console/channels", web::get().to(channels::show))
        .route("/console/channels/move", web::post().to(actions::move_waiting))
        .route("/console/channels/test", web::post().to(actions::test))
        .route("/console/pause", web::post().to(actions::pause))
        .route("/console/resume", web::post().to(actions::resume))
        .route("/console/sources", web::get().to(sources::show))
        .route("/console/sources/{source}/test", web::get().to(source_test::show))
        .route(
            "/console/sources/{source}/test",
            web::post().to(source_test::send),
        )
        .service(
            web::resource("/console/templates")
                .app_data(failure::forms(trial::LONGEST_FORM))
                .route(web::get().to(trial::show))
                .route(web::post().to(trial::edited)),
        )
        .service(
            web::resource("/console/templates/download")
                .guard(Post())
                .app_data(failure::forms(trial::LONGEST_FORM))
                .route(web::post().to(trial::download)),
        )
        .route("/console/audit", web::get().to(audit::show))
        .route("/console/assets/{name}", web::get().to(assets::serve))
        .route("/console/{rest}*", web::get().to(failure::no_such_page));
}

async fn home() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, HOME))
        .finish()
}
