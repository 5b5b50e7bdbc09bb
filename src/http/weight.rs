//! Room for what large and compressed payloads become, before anything is made of them.

use actix_web::web;
use bytes::Bytes;
use log::error;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

use super::Hooks;
use super::body::Budget;
use super::problem::Problem;
use crate::headers::Headers;
use crate::payload::UnreadableForm;
use crate::payload::encoding::Encoding;
use crate::source::Source;

/// A body, with what is needed to authenticate it.
pub(super) struct Request {
    pub(super) headers: Headers,
    pub(super) token: Option<String>,
    pub(super) body: Bytes,
}

/// Waits for the room that the payload of an authentic body takes.
pub(super) async fn room(
    hooks: &Hooks,
    budget: &Budget,
    source: &Arc<Source>,
    request: Request,
    encoding: Option<Encoding>,
) -> Result<OwnedSemaphorePermit, Problem> {
    // A decoder looks back while the body is measured. This room is free again before the next is waited for: nobody
    // waits for room while holding room of the same pool.
    let window = encoding.map_or(0, Encoding::window).min(budget.size());
    let looking_back = budget.room_for_values(window, &hooks.clock).await?;
    let (weighed, now) = (Arc::clone(source), hooks.clock.now());
    let memory = web::block(move || {
        let pending = weighed
            .authenticator
            .begin(&request.headers, request.token.as_deref())
            .map_err(Problem::from)?;
        // Whoever cannot authenticate a body takes neither room nor a turn.
        pending.check(&request.body, now).map_err(Problem::from)?;
        let memory = pending.weigh(&request.body, weighed.body_limit);
        drop(looking_back);
        match memory {
            Ok(memory) => Ok(memory),
            Err(UnreadableForm::TooLarge) => Err(Problem::TooLarge),
            // It is kept as it came, with the reason.
            Err(_) => Ok(request.body.len()),
        }
    })
    .await
    .map_err(|error| {
        error!(source:% = source.name, error:% = error; "measuring a body broke");
        Problem::Internal
    })??;
    let memory = memory.max(window);
    budget.room_for_values(memory, &hooks.clock).await
}
