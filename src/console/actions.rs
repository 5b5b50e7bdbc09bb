//! The forms that are posted. Each answers with a redirect to the page that shows the result.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Form, Path, ReqData};
use serde::Deserialize;

use super::failure::Failure;
use super::link;
use super::notice::{Done, Notice};
use crate::operator::view::{DiscardRequest, MoveRequest, PauseRequest, ReplayRequest};
use crate::operator::{OperatorService, Who};

/// Steps of moving in one request.
const STEPS: u32 = 50;

type Response = Result<HttpResponse, Failure>;

/// The form of a replay. Without `as_stored` the event is decided anew.
#[derive(Deserialize)]
pub(super) struct ReplayForm {
    #[serde(default)]
    as_stored: bool,
    channel: Option<String>,
}

/// `POST /console/events/{id}/replay`
pub(super) async fn replay(
    id: Path<String>,
    form: Form<ReplayForm>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Response {
    let form = form.into_inner();
    let request = ReplayRequest {
        as_stored: form.as_stored,
        channel: form.channel,
        ..ReplayRequest::default()
    };
    let replayed = service.replay(&id, &request, &who).await?;
    Ok(see(
        &link::event(replayed.event),
        Done::Replayed,
        replayed.messages.len(),
    ))
}

/// `POST /console/events/{id}/discard`
pub(super) async fn discard(id: Path<String>, who: ReqData<Who>, service: Data<OperatorService>) -> Response {
    let discarded = service.discard(&id, &DiscardRequest::default(), &who).await?;
    Ok(see(
        &link::event(discarded.event),
        Done::Discarded,
        discarded.channels.len(),
    ))
}

/// `POST /console/channels/move`
pub(super) async fn move_waiting(
    form: Form<MoveRequest>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Response {
    let mut moved = 0;
    for _ in 0..STEPS {
        let step = service.move_waiting(&form, &who).await?;
        moved += step.moved as usize;
        if step.left == 0 || step.moved == 0 {
            break;
        }
    }
    Ok(see("/console/channels", Done::Moved, moved))
}

/// The channel of a form.
#[derive(Deserialize)]
pub(super) struct ChannelForm {
    channel: String,
}

/// `POST /console/channels/test`
pub(super) async fn test(
    form: Form<ChannelForm>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Response {
    let sent = service.test_message(&form.channel, &who).await?;
    Ok(see(&link::event(sent.event), Done::Sent, 1))
}

/// `POST /console/pause`
pub(super) async fn pause(
    form: Form<PauseRequest>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Response {
    service.pause(&form, &who).await?;
    Ok(see(section(&form), Done::Paused, 0))
}

/// `POST /console/resume`
pub(super) async fn resume(
    form: Form<PauseRequest>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Response {
    service.resume(&form, &who).await?;
    Ok(see(section(&form), Done::Resumed, 0))
}

fn section(request: &PauseRequest) -> &'static str {
    if request.source.is_some() {
        "/console/sources"
    } else {
        "/console/channels"
    }
}

/// The redirect to a page with what was done, and of how many messages.
pub(super) fn see(address: &str, done: Done, count: usize) -> HttpResponse {
    see_all(
        address,
        Notice::new(done, u64::try_from(count).unwrap_or(u64::MAX)),
    )
}

/// The redirect to a page with a notice.
pub(super) fn see_all(address: &str, notice: Notice) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, notice.on(address)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
