//! The forms that are posted. Each answers with a redirect to the page that shows the result.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Form, Path, ReqData};
use serde::Deserialize;

use super::failure::Failure;
use super::filter::Filter;
use super::link;
use super::notice::{Done, Notice};
use crate::operator::view::{DiscardRequest, MoveRequest, PauseRequest, ReplayRequest, StateWord};
use crate::operator::{OperatorService, Who};

/// Events that one request puts back at most. A further request goes on after them.
const REPLAYED: u32 = 100;
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

/// `POST /console/events/replay`: the dead letters that match a filter, newest first. The page after it goes on with the next ones.
pub(super) async fn replay_matching(
    filter: Form<Filter>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Response {
    let mut query = filter.query(service.clock.now())?;
    query.state = Some(StateWord::Dead);
    query.limit = Some(REPLAYED);
    let request = ReplayRequest {
        channel: query.channel.clone(),
        undelivered: true,
        ..ReplayRequest::default()
    };
    let list = service.events(&query).await?;
    let mut messages = 0;
    for event in &list.events {
        let replayed = service.replay(&event.id.to_string(), &request, &who).await?;
        messages += replayed.messages.len();
    }
    let address = match list.next {
        Some(next) => filter.page_after(next),
        None => link::events(&filter.fields()),
    };
    Ok(see(&address, Done::Replayed, messages))
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

fn see(address: &str, done: Done, count: usize) -> HttpResponse {
    let notice = Notice::new(done, u64::try_from(count).unwrap_or(u64::MAX));
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, notice.on(address)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
