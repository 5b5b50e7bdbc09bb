//! Reserves memory for the parsed values of large and compressed bodies, before they are parsed.

use actix_web::{HttpRequest, web};
use bytes::Bytes;
use log::error;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

use super::Hooks;
use super::body::Budget;
use super::problem::Problem;
use crate::authentication::RequestTarget;
use crate::headers::Headers;
use crate::payload::UnreadableForm;
use crate::payload::encoding::Encoding;
use crate::source::Source;

/// A body and what is needed to authenticate it.
pub(super) struct Request {
    pub(super) headers: Headers,
    pub(super) line: RequestLine,
    pub(super) token: Option<String>,
    pub(super) body: Bytes,
}

/// A copy of a request line, for another thread.
#[derive(Clone)]
pub(super) struct RequestLine {
    method: String,
    path: String,
    query: String,
}

impl RequestLine {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let RequestTarget { method, path, query } = target(request);
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        }
    }

    pub(super) fn target(&self) -> RequestTarget<'_> {
        RequestTarget {
            method: &self.method,
            path: &self.path,
            query: &self.query,
        }
    }
}

/// Returns the parts of the request line that a signature may cover.
pub(super) fn target(request: &HttpRequest) -> RequestTarget<'_> {
    RequestTarget {
        method: request.method().as_str(),
        path: request.path(),
        query: request.query_string(),
    }
}

/// Authenticates a body, estimates the memory of its payload, and waits until that is reserved.
pub(super) async fn reserve(
    hooks: &Hooks,
    budget: &Budget,
    source: &Arc<Source>,
    request: Request,
    encoding: Option<Encoding>,
) -> Result<OwnedSemaphorePermit, Problem> {
    // The decoder needs its window while the body is measured. This memory is freed before the next reservation: a
    // request that waits for a pool holds none of its memory.
    let window = encoding.map_or(0, Encoding::window).min(budget.size());
    let window_memory = budget.reserve_values(window, &hooks.clock).await?;
    let (weighed, now) = (Arc::clone(source), hooks.clock.now());
    let memory = web::block(move || {
        let pending = weighed
            .authenticator
            .begin(&request.headers, request.token.as_deref())
            .map_err(Problem::from)?
            .with_target(request.line.target());
        // A body that is not authentic reserves no memory for values and takes no turn.
        pending.check(&request.body, now).map_err(Problem::from)?;
        let memory = pending.weigh(&request.body, weighed.body_limit);
        drop(window_memory);
        match memory {
            Ok(memory) => Ok(memory),
            Err(UnreadableForm::TooLarge) => Err(Problem::TooLarge),
            // It is stored as received, with the reason.
            Err(_) => Ok(request.body.len()),
        }
    })
    .await
    .map_err(|error| {
        error!(source:% = source.name, error:% = error; "measuring a body panicked");
        Problem::Internal
    })??;
    let memory = memory.max(window);
    budget.reserve_values(memory, &hooks.clock).await
}
