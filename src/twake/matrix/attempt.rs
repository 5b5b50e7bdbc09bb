//! An attempt: the questions that come before a message, the message, and the questions after a refusal.

mod after;
mod renewal;
mod verdicts;

use std::time::Duration;

use super::account::{Destination, Identity, Room};
use super::calls;
use super::reading::Reading;
use super::tokens::Renewal;
use crate::secret::Secret;
use crate::twake::http::{Answer, Request};
use crate::twake::{Act, Reason, Step, Task, Verdict};

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
    /// The token of the last request.
    token: Secret,
    /// Whether the account has got another token in this attempt. One that is refused then is no old one.
    has_renewed: bool,
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
            token: account.token(),
            has_renewed: false,
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
        if let Some(step) = self.renew(&reading) {
            return step;
        }
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
            _ => Some(Verdict::stopped()),
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
        self.token = self.destination.account.token();
        if !self.has_renewed && self.destination.account.is_due(self.now) {
            return Step::Renew(self.token.clone());
        }
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

    /// The message to look at before a reply or an update.
    fn target(&self) -> Option<&str> {
        let Task::Deliver(job) = &self.task else {
            return None;
        };
        match &job.act {
            Act::Post => None,
            Act::Reply(to) => Some(to.thread_or_own()),
            Act::Update(of) => Some(&of.message),
        }
    }

    fn user(&self) -> Option<&str> {
        self.identity.as_ref().map(|identity| identity.user_id.as_str())
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
