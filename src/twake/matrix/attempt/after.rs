//! What follows from the answer to each question.

use super::{Attempt, Stage};
use crate::twake::matrix::account::{Identity, Room};
use crate::twake::matrix::reading::Reading;
use crate::twake::matrix::room_state;
use crate::twake::verdict::Finding;
use crate::twake::{Act, Api, Ends, Reason, Step, Task, VerdictKind, row};

/// How many replacements of a room are followed in one attempt.
const MOST_REPLACEMENTS: usize = 4;

impl Attempt<'_> {
    pub(super) fn after_whoami(&mut self, reading: &Reading) -> Step {
        let Some(user) = reading.id("user_id") else {
            // An application service may not post as this user.
            let is_foreign = reading.is_forbidden();
            return if is_foreign {
                self.halt(Reason::AccountBarred, reading)
            } else {
                self.end(reading)
            };
        };
        let identity = Identity {
            user_id: user.to_owned(),
            has_device: reading.id("device_id").is_some(),
        };
        self.destination.account.identified(&identity);
        self.identity = Some(identity);
        self.answered()
    }

    pub(super) fn after_alias(&mut self, reading: &Reading) -> Step {
        if let Some(room) = reading.id("room_id") {
            self.room = Some(room.to_owned());
            return self.answered();
        }
        if reading.is_unknown_room() {
            return self.halt(Reason::UnknownRoom, reading);
        }
        self.end(reading)
    }

    pub(super) fn after_replaced(&mut self, reading: &Reading) -> Step {
        if reading.is_missing() {
            return self.answered();
        }
        if reading.is_forbidden() {
            return self.enter(reading);
        }
        if !reading.is_success() {
            return self.end(reading);
        }
        // The alias has moved with the room.
        if matches!(self.destination.room, Room::Alias(_)) && !self.done.contains(&Stage::Alias) {
            self.room = None;
            return self.ask();
        }
        match reading.id("replacement_room") {
            Some(room) if self.replacements < MOST_REPLACEMENTS => {
                self.room = Some(room.to_owned());
                self.replacements += 1;
                self.done.retain(|stage| *stage != Stage::Join);
                self.send(Stage::Join)
            }
            _ => self.halt(Reason::RoomReplaced, reading),
        }
    }

    pub(super) fn after_join(&mut self, reading: &Reading) -> Step {
        if let Some(room) = reading.id("room_id") {
            if self.replacements > 0 {
                self.notice = Some(format!(
                    "the room {} was replaced: messages go to {room} now; write that, or better an alias, into bridge.toml",
                    self.destination.room
                ));
                // The new room may be replaced, too.
                self.done.retain(|stage| *stage != Stage::Replaced);
            }
            self.room = Some(room.to_owned());
            return self.answered();
        }
        let is_replaced = self.replacements > 0;
        let reason = if reading.is_forbidden() {
            Reason::NotInRoom
        } else if reading.is(403, "M_BAD_STATE") {
            Reason::Banned
        } else if reading.is(403, "M_UNKNOWN") {
            Reason::RoomBlocked
        } else if reading.is_unknown_room() {
            Reason::UnknownRoom
        } else {
            return self.end(reading);
        };
        self.halt(if is_replaced { Reason::RoomReplaced } else { reason }, reading)
    }

    pub(super) fn after_encrypted(&mut self, reading: &Reading) -> Step {
        if reading.is_missing() {
            self.answered()
        } else if reading.is_forbidden() {
            self.enter(reading)
        } else if reading.is_success() {
            self.halt(Reason::RoomEncrypted, reading)
        } else {
            self.end(reading)
        }
    }

    pub(super) fn after_power(&mut self, reading: &Reading) -> Step {
        // Without this event everybody may post.
        if reading.is_missing() {
            self.answered()
        } else if reading.is_forbidden() {
            self.enter(reading)
        } else if !reading.is_success() {
            self.end(reading)
        } else if room_state::may_post(&reading.json, self.user()) {
            self.answered()
        } else {
            self.done.push(Stage::Power);
            self.send(Stage::Creator)
        }
    }

    pub(super) fn after_creator(&mut self, reading: &Reading) -> Step {
        if reading.is_success() && room_state::has_created(&reading.json, self.user()) {
            self.answered()
        } else if reading.is_success() || reading.is_missing() || reading.is_forbidden() {
            self.halt(Reason::MissingPower, reading)
        } else {
            self.end(reading)
        }
    }

    pub(super) fn after_target(&mut self, reading: &Reading) -> Step {
        if reading.is_success() && self.is_there(&reading.json) {
            self.answered()
        } else if reading.is_success() || reading.is_missing() {
            self.finish(
                Finding::new(Reason::TargetMissing, "the message was deleted"),
                reading,
            )
        } else if reading.is_forbidden() {
            self.enter(reading)
        } else {
            self.end(reading)
        }
    }

    pub(super) fn after_message(&mut self, reading: &Reading) -> Step {
        if let Some(id) = reading.id("event_id") {
            return self.delivered(id);
        }
        if reading.is_success() {
            return self.finish(Finding::new(Reason::NoMessageId, ""), reading);
        }
        if reading.is_forbidden() {
            return self.explain(reading);
        }
        if reading.is(400, "M_UNKNOWN") && self.target().is_some() {
            return self.finish(
                Finding::new(Reason::TargetMissing, &reading.finding.detail),
                reading,
            );
        }
        if !matches!(row(Api::Matrix, reading.finding.reason).ends, Ends::Probe(_)) {
            return self.end(reading);
        }
        self.first = Some(self.judge(reading.finding.clone(), reading.after));
        self.send(Stage::Account)
    }

    pub(super) fn after_account(&mut self, reading: &Reading) -> Step {
        let mut probe = self.judge(reading.finding.clone(), reading.after);
        if reading.id("user_id").is_some() {
            probe.kind = VerdictKind::Accepted;
        }
        let first = self.first.take();
        Step::Done(first.map_or(probe.clone(), |first| first.after_probe(probe)))
    }

    /// Whether the message to reply to or to update is there. The server would take an edit of another user's message, and
    /// clients would ignore it.
    fn is_there(&self, event: &serde_json::Value) -> bool {
        let is_update = matches!(&self.task, Task::Deliver(job) if matches!(job.act, Act::Update(_)));
        room_state::is_shown(event) && (!is_update || room_state::sender(event) == self.user())
    }
}
