//! Sources, the last hours, what operators have done, and test messages.

use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

use super::view::{AuditList, AuditQuery, LARGEST_PAGE, Overview, Reloaded, SourceDetails, TestMessage};
use super::{OperatorError, OperatorService, Reloads, Who};
use crate::decision::{EventLine, one_line};
use crate::event::{Envelope, IdempotencyKey};
use crate::headers::Headers;
use crate::message::{Block, Document, Inline, StoredMessage};
use crate::queue::{Action, AuditListing, AuditRecord, Decided, Filter, Listing, NewDelivery, NewEvent};

/// Records on a page if the query sets no limit.
const PAGE: u32 = 50;
/// Up to how many held events are counted.
const MOST_HELD: u32 = 1_000;
/// The source and the type of the event of a test message.
const TEST_SOURCE: &str = "operator";
const TEST_TYPE: &str = "test";

impl OperatorService {
    /// Returns what was accepted and delivered in the last hours.
    pub fn overview(&self) -> Overview {
        Overview {
            buckets: self.queue.activity(),
        }
    }

    /// Returns the configured sources, by name.
    pub async fn sources(&self) -> Result<Vec<SourceDetails>, OperatorError> {
        let sources: Vec<_> = self.serving.load().sources.values().cloned().collect();
        let all_pauses = Arc::clone(&self.queue.pauses().borrow());
        let mut found = Vec::with_capacity(sources.len());
        for source in sources {
            let accepted = self.queue.accepted(&source.name);
            let paused = all_pauses.source(&source.name).cloned();
            let held = match &paused {
                Some(_) => self.queue.held(&source.name, MOST_HELD).await,
                None => Ok(Vec::new()),
            };
            let last = match accepted {
                Some(accepted) => Some(accepted.last),
                None => self.last_event(&source.name).await?,
            };
            let schemes = source.authenticator.schemes().into_iter();
            found.push(SourceDetails {
                source: source.name.to_string(),
                kind: source.kind.name.clone(),
                title: source.kind.title.clone(),
                path: format!("/hooks/{}", source.name),
                schemes: schemes.map(str::to_owned).collect(),
                secrets: source.authenticator.secret_count(),
                last_event: last,
                accepted: accepted.map_or(0, |accepted| accepted.events),
                paused,
                held: held.map_err(OperatorError::Queue)?.len() as u64,
            });
        }
        Ok(found)
    }

    /// When the last stored event of a source was received.
    async fn last_event(&self, source: &str) -> Result<Option<jiff::Timestamp>, OperatorError> {
        let listing = Listing {
            filter: Filter {
                source: Some(source.to_owned()),
                ..Filter::default()
            },
            after: None,
            limit: 1,
            effort: 1,
        };
        let page = self.queue.list(listing).await.map_err(OperatorError::Queue)?;
        Ok(page.events.first().map(|event| event.received))
    }

    /// Returns a page of what operators have done, newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditList, OperatorError> {
        let limit = query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
        let listing = AuditListing {
            before: query.before,
            limit,
        };
        let records = self.queue.audit(listing).await.map_err(OperatorError::Queue)?;
        let is_full = records.len() >= limit as usize;
        let next = records.last().map(|last| last.number).filter(|_| is_full);
        Ok(AuditList { records, next })
    }

    /// A record of what is done now.
    pub(super) fn record_of(&self, who: &Who, action: Action, target: &str, detail: &str) -> AuditRecord {
        AuditRecord {
            at: self.clock.now(),
            who: who.to_string(),
            action,
            target: one_line(target),
            detail: one_line(detail),
        }
    }

    /// Asks the bridge to read its configuration again.
    pub async fn reload(&self, reloads: &Reloads, who: &Who) -> Result<Reloaded, OperatorError> {
        let reloaded = reloads.ask().await.ok_or(OperatorError::NotReloadable)?;
        let detail = if reloaded.applied { "applied" } else { "refused" };
        let record = self.record_of(who, Action::Reload, "configuration", detail);
        if let Err(error) = self.queue.record(record).await {
            // The configuration is in use all the same.
            log::warn!(error:% = error; "a reload could not be recorded");
        }
        Ok(reloaded)
    }

    /// Queues a test message for a channel, as an event of its own. It takes the way of every message: behind what waits, and
    /// its attempts are shown with its event.
    pub async fn test_message(&self, channel: &str, who: &Who) -> Result<TestMessage, OperatorError> {
        if !self.is_channel(channel) {
            return Err(OperatorError::NoSuchChannel(channel.to_owned()));
        }
        let (id, now) = (self.clock.new_id(), self.clock.now());
        let text = format!("A test message of twake-bridge for {channel}, sent by: {who}");
        let body = serde_json::json!({ "title": text }).to_string();
        let event = NewEvent {
            envelope: Envelope {
                id,
                source: TEST_SOURCE.into(),
                received: now,
                headers: Headers::default(),
                body: Bytes::from(body),
                secret: String::new(),
            },
            key: IdempotencyKey(*id.as_bytes()),
            remember: Duration::ZERO,
            decided: Decided {
                event_type: TEST_TYPE.to_owned(),
                routes: "[]".to_owned(),
                skipped: None,
                unreadable: None,
                line: Some(EventLine {
                    title: one_line(&text),
                    actor: who.to_string(),
                    ..EventLine::default()
                }),
            },
            messages: vec![StoredMessage::new(Document {
                blocks: vec![Block::Paragraph(vec![Inline::Text(text)])],
            })],
            deliveries: vec![NewDelivery {
                lane: channel.into(),
                message: 0,
            }],
            memory: None,
        };
        self.queue.enqueue(event).await.map_err(OperatorError::Queue)?;
        let record = self.record_of(
            who,
            Action::Test,
            &format!("channel {channel}"),
            &format!("event {id}"),
        );
        self.queue.record(record).await.map_err(OperatorError::Queue)?;
        log::info!(event:% = id, channel, who:%; "an operator sent a test message");
        Ok(TestMessage { event: id })
    }
}
