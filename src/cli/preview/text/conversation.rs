//! The conversation of a message as text.

use jiff::Timestamp;
use std::fmt::Write as _;

use super::super::super::shown::visible_lines;
use super::{Out, shortened};
use crate::message::{Conversation, Document, Slot, StoredMessage};
use crate::preview::{Situation, situations};

impl Out {
    /// The texts of a message, each act's once.
    pub(super) fn texts(&mut self, stored: &StoredMessage, received: Timestamp, to: &str) {
        let paint = self.paint;
        let Some(conversation) = &stored.conversation else {
            let title = if stored.ephemeral {
                ", shown and forgotten"
            } else {
                ""
            };
            self.document(to, title, &stored.message);
            return;
        };
        let situations = situations(stored, received);
        self.conversation(conversation, &situations);
        let mut shown: Vec<Document> = Vec::new();
        for Situation { when, acts, .. } in situations {
            for (act, document) in acts {
                if !shown.contains(&document) {
                    self.document(to, &paint.dim(&format!(", {act} if {when}")), &document);
                    shown.push(document);
                }
            }
        }
    }

    fn document(&mut self, to: &str, title: &str, document: &Document) {
        let text = self.paint.document(&self.readers.view(document, true));
        let _ = writeln!(self.text, "\n── {}{title} ──\n{text}\n", self.paint.bold(to));
    }

    /// The conversation that a message belongs to, and what it does there.
    fn conversation(&mut self, conversation: &Conversation, situations: &[Situation]) {
        let mut shown = vec![self.paint.bold(&shortened(&visible_lines(&conversation.key)))];
        match &conversation.slot {
            Some(Slot::Opener) => shown.push("the event is its first message".to_owned()),
            Some(Slot::Key(key)) => {
                shown.push(format!(
                    "the event is its message {}",
                    shortened(&visible_lines(key))
                ));
            }
            None => {}
        }
        for situation in situations {
            let acts: Vec<&str> = situation.acts.iter().map(|(act, _)| *act).collect();
            let also = if conversation.also_in_channel && acts.contains(&"reply") {
                ", also in the channel"
            } else {
                ""
            };
            let what = situation
                .skipped
                .map_or_else(|| acts.join(" and "), |why| format!("skipped: {why}"));
            shown.push(format!("if {}: {what}{also}", situation.when));
        }
        if let Some(state) = &conversation.state {
            shown.push(format!("its state is then {}", shortened(&visible_lines(state))));
        }
        if conversation.closes {
            shown.push("the next event opens a new conversation".to_owned());
        }
        self.field("belongs to", &shown.join("\n"));
    }
}
