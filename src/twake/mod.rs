//! The delivery contract: between a lane, which delivers messages in order, and a dialect, which knows the API of one chat.
//! Pure: the client in [`crate::delivery`] does the I/O.
//!
//! ```text
//! lane: Task ─► Attempt::begin ─► Step::Send(request) ─► client ─► Answer ─► Attempt::next ─► … ─► Step::Done(verdict)
//! ```
//!
//! A login, a look at the opener of a thread or a probe of the account is one more [`Step::Send`]. A dialect is one file
//! with an account, a destination, an attempt and a table of its own answers. Facts of HTTP itself are judged in [`http`]
//! for all of them. A dialect that needs a session, such as what it learned of rooms, keeps it in its account, behind a
//! lock: all lanes of the account share it, and a reload loses it.

mod api;
mod destination;
mod generation;
pub mod http;
pub mod matrix;
pub mod messages_save;
pub mod outbound;
mod redaction;
pub mod threads;
mod verdict;

pub use api::Api;
pub use destination::{Account, Destination};
pub use generation::Generation;
pub use outbound::Outbound;
pub use verdict::{AnswerRow, Ends, Extent, HaltScope, RETRIES_WHEN_UNSURE, Reason, Verdict, VerdictKind};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::time::Duration;
use uuid::Uuid;

use crate::message::{Block, Document, StoredMessage};
use crate::secret::Secret;
use http::{Answer, Request};

/// A message as the chat named it. It is kept with the delivery, and a later message may reply to it or update it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteId {
    /// The message.
    pub message: String,
    /// The message that it replies to, if it does not stand in the channel by itself.
    pub thread: Option<String>,
}

impl RemoteId {
    /// The form in which the store keeps it: the bare id of a message in the channel itself, JSON for a message in a
    /// thread.
    pub fn to_stored(&self) -> String {
        match &self.thread {
            None if !self.message.starts_with('{') => self.message.clone(),
            // A struct of strings always has a JSON form.
            _ => serde_json::to_string(self).unwrap_or_default(),
        }
    }

    /// The thread that it is in, or that replies to it open.
    fn thread_or_own(&self) -> &str {
        self.thread.as_ref().unwrap_or(&self.message)
    }

    /// The id that [`Self::to_stored`] was made of.
    pub fn from_stored(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|_| Self {
            message: text.to_owned(),
            thread: None,
        })
    }
}

/// Whether a text in a chat's answer may be an id. Matrix limits ids to 255 bytes; those of Twake have at most 36.
fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.contains(char::is_control)
}

/// What a job does with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Posts it at the end of the channel.
    Post,
    /// Posts it in the thread of an earlier message.
    Reply(RemoteId),
    /// Replaces the content of an earlier message.
    Update(RemoteId),
}

/// A delivery to attempt.
#[derive(Clone)]
pub struct Job<'a> {
    /// The event that the message is about.
    pub event: Uuid,
    /// The number of the delivery in its store. Together with the event it is unique for ever, also after the store was
    /// replaced: a dialect with transaction ids makes them of both and of the text.
    pub delivery: i64,
    /// Where the message goes.
    pub destination: &'a Destination,
    /// What is done with the message.
    pub act: Act,
    /// The message. Its document is what is sent, whatever its conversation is.
    pub message: &'a StoredMessage,
    /// Whether a reply has to be visible in the channel itself, where clients show threads apart.
    pub also_in_channel: bool,
    /// A last line about how late the message is. It differs from attempt to attempt, so it is no part of what the message
    /// is: no transaction id depends on it.
    pub late: Option<Block>,
    /// How long the delivery has waited.
    pub waited: Duration,
    /// Why the last attempt of this delivery failed, and how many attempts in a row failed for that reason.
    pub last: Option<(Reason, u32)>,
    /// Whether an earlier attempt may have reached the chat.
    pub may_be_duplicate: bool,
}

impl<'a> Job<'a> {
    /// A post without an earlier attempt.
    pub fn post(
        event: Uuid,
        delivery: i64,
        destination: &'a Destination,
        message: &'a StoredMessage,
    ) -> Self {
        Self {
            event,
            delivery,
            destination,
            act: Act::Post,
            message,
            also_in_channel: false,
            late: None,
            waited: Duration::ZERO,
            last: None,
            may_be_duplicate: false,
        }
    }

    /// What is posted: the message as the readers see it, and that it is late.
    pub fn document(&self) -> Cow<'a, Document> {
        let readers = self.destination.readers();
        // An edit notifies nobody, whatever it mentions.
        let notifies = !matches!(self.act, Act::Update(_));
        let mut document = readers.view(&self.message.message, notifies);
        if let Some(late) = &self.late {
            let late = Document {
                blocks: vec![late.clone()],
            };
            document
                .to_mut()
                .blocks
                .extend(readers.view(&late, notifies).into_owned().blocks);
        }
        document
    }
}

/// What an attempt is to find out.
#[derive(Clone)]
pub enum Task<'a> {
    /// Whether the chat takes this message.
    Deliver(Job<'a>),
    /// Whether the chat would take messages for this destination. Nothing is posted.
    Probe(&'a Destination),
}

impl<'a> Task<'a> {
    /// The destination.
    pub fn destination(&self) -> &'a Destination {
        match self {
            Self::Deliver(job) => job.destination,
            Self::Probe(destination) => destination,
        }
    }

    /// How many attempts before this one failed in a row for this reason.
    fn failed_before(&self, reason: Reason) -> u32 {
        match self {
            Self::Deliver(job) => {
                let last = job.last.filter(|(last, _)| *last == reason);
                last.map_or(0, |(_, times)| times)
            }
            Self::Probe(_) => 0,
        }
    }
}

/// What an attempt needs next.
pub enum Step {
    /// The answer to this request; it goes to [`Attempt::next`].
    Send(Request),
    /// Another token than this one, which has expired or is about to. The client renews it, once for all lanes of the account,
    /// and keeps it; how that ended goes to [`Attempt::renewed`].
    Renew(Secret),
    /// Nothing: it has ended.
    Done(Verdict),
}

/// An attempt under way: a machine of the destination's dialect.
pub enum Attempt<'a> {
    /// See [`messages_save`].
    MessagesSave(messages_save::Attempt<'a>),
    /// See [`threads`].
    Threads(threads::Attempt<'a>),
    /// See [`matrix`].
    Matrix(matrix::Attempt<'a>),
}

impl<'a> Attempt<'a> {
    /// Begins an attempt. `now`: the monotonic time, by which a session grows old.
    pub fn begin(task: Task<'a>, now: Duration) -> (Self, Step) {
        match task.destination() {
            Destination::MessagesSave(destination) => {
                let (attempt, step) = messages_save::Attempt::begin(task, destination);
                (Self::MessagesSave(attempt), step)
            }
            Destination::Threads(destination) => {
                let (attempt, step) = threads::Attempt::begin(task, destination, now);
                (Self::Threads(attempt), step)
            }
            Destination::Matrix(destination) => {
                let (attempt, step) = matrix::Attempt::begin(task, destination, now);
                (Self::Matrix(attempt), step)
            }
        }
    }

    /// Goes on with the answer to the request that was sent. A verdict shows none of the account's credentials.
    pub fn next(&mut self, answer: &Answer) -> Step {
        match self {
            Self::MessagesSave(attempt) => attempt.next(answer),
            Self::Threads(attempt) => attempt.next(answer),
            Self::Matrix(attempt) => attempt.next(answer),
        }
    }

    /// Goes on after [`Step::Renew`], which Matrix alone asks for.
    pub fn renewed(&mut self, renewal: matrix::Renewal) -> Step {
        match self {
            Self::Matrix(attempt) => attempt.renewed(renewal),
            Self::MessagesSave(_) | Self::Threads(_) => Step::Done(Verdict::stopped()),
        }
    }

    /// How an attempt to deliver ends if the bridge stops before the next answer. `None`: the request under way may post
    /// the message, so its answer has to be awaited. Always `None` for a probe alone, which the caller may drop.
    pub fn interrupted(&self) -> Option<Verdict> {
        match self {
            Self::MessagesSave(attempt) => attempt.interrupted(),
            Self::Threads(attempt) => attempt.interrupted(),
            Self::Matrix(attempt) => attempt.interrupted(),
        }
    }
}

/// The request that carries the job's message, as a preview shows it.
pub fn request(job: &Job<'_>) -> Request {
    match job.destination {
        Destination::MessagesSave(destination) => messages_save::request(destination, job),
        Destination::Threads(destination) => threads::request(destination, job),
        Destination::Matrix(destination) => matrix::request(destination, job),
    }
}

/// The table of a dialect's answers, followed by those that HTTP gives and the dialect does not judge otherwise.
pub fn answers(api: Api) -> impl Iterator<Item = &'static AnswerRow> {
    let own = match api {
        Api::MessagesSave => messages_save::ANSWERS,
        Api::Threads => threads::ANSWERS,
        Api::Matrix => matrix::ANSWERS,
    };
    let is_own = |reason| own.iter().any(|row| row.reason == reason);
    own.iter()
        .chain(http::ANSWERS.iter().filter(move |row| !is_own(row.reason)))
}

/// The row of a dialect's table. Every reason that a dialect gives has one.
fn row(api: Api, reason: Reason) -> &'static AnswerRow {
    let found = answers(api).find(|row| row.reason == reason);
    found.unwrap_or(&http::ANSWERS[0])
}

#[cfg(test)]
mod tests;
