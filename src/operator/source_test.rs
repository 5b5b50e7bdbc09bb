//! The test of a source: a sample becomes an event as a webhook does, signed with the source's own secret. Only the listener is
//! left out.

use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

use super::view::TestMessage;
use super::{OperatorError, OperatorService, Who};
use crate::authentication::{Scheme, sign};
use crate::decision;
use crate::event::{Event, IdempotencyKey};
use crate::headers::Headers;
use crate::queue::{Action, NewEvent};
use crate::secret::{Secret, SourceSecret};
use crate::source::Source;

/// A sample of a kind.
pub struct TestSample {
    /// Its name, for the audit.
    pub name: String,
    /// The event type, which some senders put into a header.
    pub event_type: String,
    /// The body.
    pub body: Bytes,
}

impl OperatorService {
    /// Stores a sample as an event of a source, and queues its messages. The sample is signed with a secret of the source, and
    /// authenticated, decided and stored as a webhook is. It is never a duplicate, so that a test can be repeated.
    ///
    /// # Errors
    /// There is no such source, no secret of it authenticates the sample, or the sample is a challenge.
    pub async fn test_source(
        &self,
        source: &str,
        sample: TestSample,
        who: &Who,
    ) -> Result<TestMessage, OperatorError> {
        let serving = self.serving.load_full();
        let configured = serving.sources.get(source).cloned();
        let configured = configured.ok_or_else(|| OperatorError::NoSuchSource(source.to_owned()))?;
        let secrets = serving.secrets.get(source).cloned().unwrap_or_default();
        let (id, now) = (self.clock.new_id(), self.clock.now());
        let detail = format!("{}, event {id}", sample.name);
        let decide = move || -> Result<NewEvent, OperatorError> {
            let event = event(id, now, &configured, &secrets, sample)?;
            let envelope = event.envelope.clone();
            let decision = decision::decide(event, &configured);
            Ok(NewEvent {
                key: IdempotencyKey(*id.as_bytes()),
                remember: Duration::ZERO,
                ..NewEvent::new(envelope, &decision)
            })
        };
        let decided = tokio::task::spawn_blocking(decide).await;
        let event = decided.map_err(|_| OperatorError::Broken)??;
        self.queue.enqueue(event).await.map_err(OperatorError::Queue)?;
        let record = self.record_of(who, Action::Test, &format!("source {source}"), &detail);
        self.queue.record(record).await.map_err(OperatorError::Queue)?;
        log::info!(event:% = id, source, who:%; "an operator tested a source");
        Ok(TestMessage { event: id })
    }
}

/// Signs a sample as its sender would, and authenticates it.
fn event(
    id: uuid::Uuid,
    now: jiff::Timestamp,
    source: &Source,
    secrets: &[SourceSecret],
    sample: TestSample,
) -> Result<Event, OperatorError> {
    let credential = source.authenticator.credential(secrets);
    let (scheme, secret) = match credential {
        Some((scheme, secret)) => (scheme.clone(), secret.value.clone()),
        None => (Scheme::none(), Secret::new("")),
    };
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    for (name, value) in &source.kind.sample_headers {
        let value = value.replace("{event}", &sample.event_type);
        headers.push((name.clone(), value.replace("{id}", &id.to_string())));
    }
    headers.extend(sign(&scheme, &secret, &id.to_string(), now, &sample.body));
    let headers = Headers::new(headers);
    if decision::answer_unsigned_challenge(&headers, source).is_some() {
        return Err(OperatorError::Challenge);
    }
    let token = scheme.is_in_path().then(|| secret.expose());
    let authentic = source
        .authenticator
        .begin(&headers, token)
        .and_then(|pending| pending.finish(sample.body, now))
        .map_err(|refusal| OperatorError::Unsigned(refusal.to_string()))?;
    let event = Event::select(id, Arc::clone(&source.name), now, authentic, &source.selection);
    decision::answer_challenge(event, source).map_err(|_| OperatorError::Challenge)
}
