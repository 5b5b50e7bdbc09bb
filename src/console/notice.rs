//! What the last action did, in the address of the page after it: a word and a number, never a text. So a link from outside cannot
//! make the console show its own sentences.

use maud::{Markup, html};
use serde::Deserialize;

/// The result of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Replayed,
    Discarded,
    Moved,
    Paused,
    Resumed,
    Sent,
    Tested,
}

impl Done {
    const ALL: [Self; 7] = [
        Self::Replayed,
        Self::Discarded,
        Self::Moved,
        Self::Paused,
        Self::Resumed,
        Self::Sent,
        Self::Tested,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::Moved => "moved",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Sent => "sent",
            Self::Tested => "tested",
        }
    }
}

/// An action and how many messages it concerned, as in `?done=replayed&count=3`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notice {
    done: Done,
    count: u64,
    /// Events for which it was refused.
    failed: u64,
}

/// The notice in the query of a page.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NoticeQuery {
    done: String,
    count: u64,
    failed: u64,
}

impl NoticeQuery {
    /// The notice, if it is one.
    pub(super) fn notice(&self) -> Option<Notice> {
        let done = Done::ALL.into_iter().find(|done| done.word() == self.done)?;
        Some(Notice::new(done, self.count).with_failed(self.failed))
    }
}

impl Notice {
    pub(super) fn new(done: Done, count: u64) -> Self {
        Self {
            done,
            count,
            failed: 0,
        }
    }

    /// Adds the number of events for which it was refused.
    pub(super) fn with_failed(self, failed: u64) -> Self {
        Self { failed, ..self }
    }

    /// Adds the notice to the address of a page.
    pub(super) fn on(self, address: &str) -> String {
        let separator = if address.contains('?') { '&' } else { '?' };
        let failed = match self.failed {
            0 => String::new(),
            failed => format!("&failed={failed}"),
        };
        let (done, count) = (self.done.word(), self.count);
        format!("{address}{separator}done={done}&count={count}{failed}")
    }

    pub(super) fn markup(self) -> Markup {
        let messages = match self.count {
            1 => "1 message".to_owned(),
            count => format!("{count} messages"),
        };
        let text = match (self.done, self.count) {
            (Done::Replayed, 0) => {
                "Nothing was put back: it already waits or nothing is posted for it.".to_owned()
            }
            (Done::Replayed, _) => format!("{messages} put back into the queue."),
            (Done::Discarded, 0) => "Nothing was discarded: no message of it waits.".to_owned(),
            (Done::Discarded, _) => format!("{messages} discarded. A replay posts them."),
            (Done::Moved, _) => format!("{messages} moved to the end of the other queue."),
            (Done::Paused, _) => "Paused. What arrives is kept and waits.".to_owned(),
            (Done::Resumed, _) => "Resumed.".to_owned(),
            (Done::Sent, _) => "A test message waits in the queue of the channel.".to_owned(),
            (Done::Tested, _) => "This sample was stored as an event of the source.".to_owned(),
        };
        html! {
            p.notice role="status" { (text) }
            @if self.failed > 0 { p.wrong role="alert" { (self.failed) " events were left out. The log has the reasons." } }
        }
    }
}
