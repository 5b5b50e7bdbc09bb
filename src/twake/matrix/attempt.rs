//! An attempt: the questions that come before a message, the message, and the questions after a refusal.

use serde_json::Value;
use std::time::Duration;

use super::account::{Destination, Identity, Room};
use super::calls;
use super::reading::Reading;
use crate::twake::http::{Answer, Request};
use crate::twake::redaction::redact;
use crate::twake::verdict::Finding;
use crate::twake::{Act, Api, Ends, Job, Reason, RemoteId, Step, Task, Verdict, VerdictKind, row};

/// How long a server remembers a transaction id of a device.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// How many replacements of a room are followed in one attempt.
const MOST_REPLACEMENTS: usize = 4;

/// The questions, in their order.
const ORDER: [Stage; 8] = [
    Stage::WhoAmI,
    Stage::Alias,
    Stage::Replaced,
    Stage::Join,
    Stage::Encrypted,
    Stage::Power,
    Stage::Target,
    Stage::Message,
];

/// What a request asks for.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    WhoAmI,
    Alias,
    Replaced,
    Join,
    Encrypted,
    Power,
    /// Whether the account has created the room: of room version 12, a creator has every power.
    Creator,
    Target,
    Message,
    /// Whether the account is accepted, after an answer to a message that may be about the account.
    Account,
}

/// An attempt under way.
pub struct Attempt<'a> {
    destination: &'a Destination,
    task: Task<'a>,
    now: Duration,
    stage: Stage,
    /// The questions that need not be asked (again).
    done: Vec<Stage>,
    /// Whether nothing is believed without asking: in a probe, and after a refusal.
    thorough: bool,
    identity: Option<Identity>,
    /// The room's id, where it is known.
    room: Option<String>,
    /// How many replacements were followed.
    replacements: usize,
    /// The verdict on the message, while [`Stage::Account`] is asked.
    first: Option<Verdict>,
    notice: Option<String>,
}

impl<'a> Attempt<'a> {
    pub(in crate::twake) fn begin(
        task: Task<'a>,
        destination: &'a Destination,
        now: Duration,
    ) -> (Self, Step) {
        let is_probe = matches!(task, Task::Probe(_));
        let account = &destination.account;
        let mut attempt = Self {
            destination,
            task,
            now,
            stage: Stage::WhoAmI,
            done: Vec::new(),
            thorough: is_probe,
            identity: account.identity(),
            room: match &destination.room {
                Room::Id(id) => Some(id.clone()),
                Room::Alias(_) => None,
            },
            replacements: 0,
            first: None,
            notice: None,
        };
        if !is_probe {
            if attempt.identity.is_some() {
                attempt.done.push(Stage::WhoAmI);
            }
            if let Some((id, is_fresh)) = account.room(&destination.channel, now) {
                attempt.room = Some(id);
                if is_fresh {
                    attempt.done.extend([Stage::Replaced, Stage::Encrypted]);
                }
            }
        }
        let step = attempt.ask();
        (attempt, step)
    }

    pub(in crate::twake) fn next(&mut self, answer: &Answer) -> Step {
        let reading = Reading::of(answer);
        match self.stage {
            Stage::WhoAmI => self.after_whoami(&reading),
            Stage::Alias => self.after_alias(&reading),
            Stage::Replaced => self.after_replaced(&reading),
            Stage::Join => self.after_join(&reading),
            Stage::Encrypted => self.after_encrypted(&reading),
            Stage::Power => self.after_power(&reading),
            Stage::Creator => self.after_creator(&reading),
            Stage::Target => self.after_target(&reading),
            Stage::Message => self.after_message(&reading),
            Stage::Account => self.after_account(&reading),
        }
    }

    pub(in crate::twake) fn interrupted(&self) -> Option<Verdict> {
        match (self.stage, &self.task) {
            (Stage::Message, _) | (_, Task::Probe(_)) => None,
            (Stage::Account, _) => self.first.clone(),
            _ => Some(Verdict {
                kind: VerdictKind::Retry {
                    after: None,
                    times: None,
                    pause: None,
                },
                reason: Reason::Stopped,
                may_be_duplicate: false,
                hint: "nothing: the bridge posts the message when it runs again",
                detail: String::new(),
                notice: None,
            }),
        }
    }

    /// The next question, or the end of a probe.
    fn ask(&mut self) -> Step {
        let open = |stage: &Stage| !self.done.contains(stage) && self.needs(*stage);
        let Some(stage) = ORDER.into_iter().find(open) else {
            self.remember();
            return self.accepted();
        };
        if matches!(stage, Stage::Target | Stage::Message) {
            self.remember();
        }
        self.send(stage)
    }

    fn needs(&self, stage: Stage) -> bool {
        match stage {
            Stage::WhoAmI | Stage::Replaced => true,
            Stage::Alias => self.room.is_none(),
            Stage::Join | Stage::Power => self.thorough,
            Stage::Encrypted => !self.destination.allow_unencrypted,
            Stage::Target => self.target().is_some(),
            Stage::Message => matches!(self.task, Task::Deliver(_)),
            Stage::Creator | Stage::Account => false,
        }
    }

    fn send(&mut self, stage: Stage) -> Step {
        self.stage = stage;
        Step::Send(self.request(stage))
    }

    fn request(&self, stage: Stage) -> Request {
        let account = &self.destination.account;
        let configured = self.destination.room.text();
        let room = self.room.as_deref().unwrap_or(configured);
        match (stage, &self.task) {
            (Stage::Alias, _) => calls::resolve(account, configured),
            (Stage::Replaced, _) => calls::state(account, room, "m.room.tombstone"),
            // Servers that are in the room are known by its alias alone.
            (Stage::Join, _) if self.replacements == 0 => calls::join(account, configured),
            (Stage::Join, _) => calls::join(account, room),
            (Stage::Encrypted, _) => calls::state(account, room, "m.room.encryption"),
            (Stage::Power, _) => calls::state(account, room, "m.room.power_levels"),
            (Stage::Creator, _) => calls::creation(account, room),
            (Stage::Target, _) => calls::event(account, room, self.target().unwrap_or_default()),
            (Stage::Message, Task::Deliver(job)) => calls::send(self.destination, room, job),
            (Stage::WhoAmI | Stage::Account | Stage::Message, _) => calls::whoami(account),
        }
    }

    /// Goes on to the next question.
    fn answered(&mut self) -> Step {
        self.done.push(self.stage);
        self.ask()
    }

    fn after_whoami(&mut self, reading: &Reading) -> Step {
        let Some(user) = reading.text("user_id") else {
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
            has_device: reading.text("device_id").is_some(),
        };
        self.destination.account.identified(&identity);
        self.identity = Some(identity);
        self.answered()
    }

    fn after_alias(&mut self, reading: &Reading) -> Step {
        if let Some(room) = reading.text("room_id") {
            self.room = Some(room.to_owned());
            return self.answered();
        }
        match reading.error_status() {
            Some(400 | 404) => self.halt(Reason::UnknownRoom, reading),
            _ => self.end(reading),
        }
    }

    fn after_replaced(&mut self, reading: &Reading) -> Step {
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
        match reading.text("replacement_room") {
            Some(room) if self.replacements < MOST_REPLACEMENTS => {
                self.room = Some(room.to_owned());
                self.replacements += 1;
                self.done.retain(|stage| *stage != Stage::Join);
                self.send(Stage::Join)
            }
            _ => self.halt(Reason::RoomReplaced, reading),
        }
    }

    fn after_join(&mut self, reading: &Reading) -> Step {
        if let Some(room) = reading.text("room_id") {
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
        match reading.error_status() {
            Some(403) if self.replacements > 0 => self.halt(Reason::RoomReplaced, reading),
            Some(403) if reading.is_forbidden() => self.halt(Reason::NotInRoom, reading),
            Some(403) if reading.is(403, "M_BAD_STATE") => self.halt(Reason::Banned, reading),
            Some(403) if reading.is(403, "M_UNKNOWN") => self.halt(Reason::RoomBlocked, reading),
            Some(400 | 404) if !reading.is(404, "M_UNRECOGNIZED") => self.halt(Reason::UnknownRoom, reading),
            _ => self.end(reading),
        }
    }

    fn after_encrypted(&mut self, reading: &Reading) -> Step {
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

    fn after_power(&mut self, reading: &Reading) -> Step {
        // Without this event everybody may post.
        if reading.is_missing() {
            self.answered()
        } else if reading.is_forbidden() {
            self.enter(reading)
        } else if !reading.is_success() {
            self.end(reading)
        } else if self.may_post(&reading.json) {
            self.answered()
        } else {
            self.done.push(Stage::Power);
            self.send(Stage::Creator)
        }
    }

    fn after_creator(&mut self, reading: &Reading) -> Step {
        if reading.is_success() && self.has_created(&reading.json) {
            self.answered()
        } else if reading.is_success() || reading.is_missing() || reading.is_forbidden() {
            self.halt(Reason::MissingPower, reading)
        } else {
            self.end(reading)
        }
    }

    fn after_target(&mut self, reading: &Reading) -> Step {
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

    fn after_message(&mut self, reading: &Reading) -> Step {
        if let Some(id) = reading.text("event_id") {
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

    fn after_account(&mut self, reading: &Reading) -> Step {
        let mut probe = self.judge(reading.finding.clone(), reading.after);
        if reading.text("user_id").is_some() {
            probe.kind = VerdictKind::Accepted;
        }
        let first = self.first.take();
        Step::Done(first.map_or(probe.clone(), |first| first.after_probe(probe)))
    }

    /// Joins the room whose state may not be read.
    fn enter(&mut self, reading: &Reading) -> Step {
        if self.done.contains(&Stage::Join) {
            return self.halt(Reason::NotInRoom, reading);
        }
        self.send(Stage::Join)
    }

    /// Asks everything again after a refusal, and sends the message once more.
    fn explain(&mut self, reading: &Reading) -> Step {
        if self.thorough {
            let refused = self.judge(reading.finding.clone(), None);
            let why = "the account is in the room and may post there, so it is this message";
            return Step::Done(refused.of_this_message(why));
        }
        self.thorough = true;
        self.done
            .retain(|stage| matches!(stage, Stage::WhoAmI | Stage::Target));
        self.room = match &self.destination.room {
            Room::Id(id) => Some(id.clone()),
            Room::Alias(_) => None,
        };
        self.ask()
    }

    /// Ends with what an answer means to any question.
    fn end(&self, reading: &Reading) -> Step {
        let finding = match reading.finding.reason {
            // JSON of something else.
            Reason::Delivered => Finding::new(Reason::NotJson, &reading.json.to_string()),
            _ => reading.finding.clone(),
        };
        self.finish(finding, reading)
    }

    fn halt(&self, reason: Reason, reading: &Reading) -> Step {
        let detail = match reading.finding.reason {
            Reason::Delivered => String::new(),
            _ => reading.finding.detail.clone(),
        };
        let mut finding = Finding::new(reason, &detail);
        if let Some(identity) = &self.identity {
            let who = format!("{} in {}", identity.user_id, self.destination.room);
            finding = Finding::new(reason, &who);
            if !detail.is_empty() {
                finding = finding.with(&detail);
            }
        }
        self.finish(finding, reading)
    }

    fn finish(&self, finding: Finding, reading: &Reading) -> Step {
        Step::Done(self.judge(finding, reading.after))
    }

    fn judge(&self, finding: Finding, after: Option<Duration>) -> Verdict {
        let row = row(Api::Matrix, finding.reason);
        let in_a_row = self.task.failed_before(finding.reason);
        let scope = |extent| self.destination.scope(extent);
        let mut verdict = row.verdict(finding, None, after, in_a_row, scope);
        verdict.may_be_duplicate = self.may_be_duplicate(verdict.may_be_duplicate, &verdict.kind);
        self.without_secrets(verdict)
    }

    fn delivered(&self, id: &str) -> Step {
        let id = RemoteId {
            message: id.to_owned(),
            thread: None,
        };
        let id = match &self.task {
            Task::Deliver(Job {
                act: Act::Reply(to), ..
            }) => RemoteId {
                thread: Some(to.thread.clone().unwrap_or_else(|| to.message.clone())),
                ..id
            },
            // Later edits are of the message as it was first sent.
            Task::Deliver(Job {
                act: Act::Update(of), ..
            }) => of.clone(),
            _ => id,
        };
        let mut verdict = self.judge(Finding::new(Reason::Delivered, ""), None);
        verdict.kind = VerdictKind::Delivered(id);
        verdict.notice.clone_from(&self.notice);
        Step::Done(self.without_secrets(verdict))
    }

    fn accepted(&self) -> Step {
        let identity = self.identity.as_ref();
        let user = identity.map_or("", |identity| identity.user_id.as_str());
        let room = self.room.as_deref().unwrap_or_default();
        let detail = format!("{user} may post in {} ({room})", self.destination.room);
        let mut verdict = self.judge(Finding::new(Reason::Delivered, &detail), None);
        verdict.kind = VerdictKind::Accepted;
        verdict.notice.clone_from(&self.notice);
        if identity.is_some_and(|identity| !identity.has_device) {
            verdict.notice = Some(NO_DEVICE.to_owned());
        }
        Step::Done(self.without_secrets(verdict))
    }

    fn without_secrets(&self, verdict: Verdict) -> Verdict {
        let account = &self.destination.account;
        redact(verdict, std::slice::from_ref(account.token()), &account.outbound)
    }

    /// Whether the message may be posted twice. `unclear`: the server may have it although this attempt failed. It then
    /// answers the next attempt with the event that it has, as long as it remembers the transaction.
    fn may_be_duplicate(&self, unclear: bool, kind: &VerdictKind) -> bool {
        let Task::Deliver(job) = &self.task else {
            return false;
        };
        let was_unclear = job
            .last
            .is_some_and(|(reason, _)| row(Api::Matrix, reason).may_be_duplicate);
        let forgets = self
            .identity
            .as_ref()
            .is_some_and(|identity| !identity.has_device);
        let is_too_late = job.last.is_some() && job.waited > REMEMBERED;
        // A post instead of a reply has another transaction.
        (unclear && forgets) || is_too_late || (was_unclear && *kind == VerdictKind::TargetGone)
    }

    /// The message to look at before a reply or an update.
    fn target(&self) -> Option<&str> {
        let Task::Deliver(job) = &self.task else {
            return None;
        };
        match &job.act {
            Act::Post => None,
            Act::Reply(to) => Some(to.thread.as_ref().unwrap_or(&to.message)),
            Act::Update(of) => Some(&of.message),
        }
    }

    /// Whether an event is shown, and for an update, is the account's own. The server would take an edit of another one's, and
    /// clients would ignore it.
    fn is_there(&self, event: &Value) -> bool {
        let content = event.get("content").and_then(Value::as_object);
        let is_own = || event.get("sender").and_then(Value::as_str) == self.user();
        let is_update = matches!(
            &self.task,
            Task::Deliver(Job {
                act: Act::Update(_),
                ..
            })
        );
        content.is_some_and(|content| !content.is_empty()) && (!is_update || is_own())
    }

    fn user(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.user_id.as_str())
    }

    /// Whether the power levels of a room let the account post.
    fn may_post(&self, levels: &Value) -> bool {
        let number = |value: Option<&Value>| {
            // Old rooms have texts of numbers.
            value.and_then(|value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()))
        };
        let of = |table: &str, key: &str| number(levels.get(table).and_then(|table| table.get(key)));
        let own = self.user().and_then(|user| of("users", user));
        let own = own.or_else(|| number(levels.get("users_default"))).unwrap_or(0);
        let needed = of("events", "m.room.message");
        let needed = needed
            .or_else(|| number(levels.get("events_default")))
            .unwrap_or(0);
        own >= needed
    }

    /// Whether the account has created a room of version 12 or later.
    fn has_created(&self, event: &Value) -> bool {
        let content = event.get("content");
        let version = content.and_then(|content| content.get("room_version")?.as_str()?.parse::<u32>().ok());
        let more = content.and_then(|content| content.get("additional_creators")?.as_array());
        let sender = event.get("sender").and_then(Value::as_str);
        let mut creators = sender
            .into_iter()
            .chain(more.into_iter().flatten().filter_map(Value::as_str));
        version >= Some(12) && creators.any(|creator| Some(creator) == self.user())
    }

    /// Notes that the room takes messages, if its state was looked at in this attempt.
    fn remember(&self) {
        let was_asked = [Stage::Replaced, Stage::Join].contains(&self.stage)
            || [Stage::Encrypted, Stage::Power, Stage::Creator].contains(&self.stage);
        if let Some(room) = self.room.as_deref().filter(|_| was_asked) {
            let account = &self.destination.account;
            account.looked_at(&self.destination.channel, room, self.now);
        }
    }
}

/// The notice about a token without a device.
const NO_DEVICE: &str = "the token belongs to no device, so the homeserver forgets at a restart what it has: a message whose \
                         answer is lost may be posted twice, and is marked; log in with a device_id to get a token with one";
