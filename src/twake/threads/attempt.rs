//! An attempt: the login and the questions that come before a message, the message, and a question after an odd answer.

mod verdicts;

use serde_json::Value;
use std::time::Duration;

use super::account::Destination;
use super::calls;
use super::reading::{Reading, id_of};
use crate::secret::Secret;
use crate::twake::http::Answer;
use crate::twake::verdict::Finding;
use crate::twake::{Act, Api, Ends, Job, Reason, RemoteId, Step, Task, Verdict, row};

/// The questions before a message and the message, in their order.
const ORDER: [Stage; 5] = [
    Stage::Channel,
    Stage::Name,
    Stage::Target,
    Stage::Search,
    Stage::Message,
];

/// What a request asks for.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Login,
    /// Whether the channel exists.
    Channel,
    /// What people call the application.
    Name,
    /// Whether the message to reply to or to update is there.
    Target,
    /// Whether the channel has the message from an earlier attempt.
    Search,
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
    token: Option<Secret>,
    /// Whether this attempt has logged in. A token that is refused then is no old one.
    has_logged_in: bool,
    /// Whether the message was looked for, so that a duplicate is ruled out.
    looked_up: bool,
    /// The verdict on the message, while [`Stage::Account`] is asked.
    first: Option<Verdict>,
    /// The channel's name in Twake.
    name: String,
    /// The application's name in Twake.
    application: Option<String>,
}

impl<'a> Attempt<'a> {
    pub(in crate::twake) fn begin(
        task: Task<'a>,
        destination: &'a Destination,
        now: Duration,
    ) -> (Self, Step) {
        let mut attempt = Self {
            destination,
            task,
            now,
            stage: Stage::Login,
            done: Vec::new(),
            token: destination.account.token(now),
            has_logged_in: false,
            looked_up: false,
            first: None,
            name: String::new(),
            application: None,
        };
        let step = attempt.ask();
        (attempt, step)
    }

    pub(in crate::twake) fn next(&mut self, answer: &Answer) -> Step {
        let reading = Reading::of(answer);
        if reading.is_unauthorized()
            && let Some(refused) = self.token.take()
        {
            self.destination.account.forget(&refused);
            if !self.has_logged_in {
                return self.ask();
            }
        }
        match self.stage {
            Stage::Login => self.after_login(&reading),
            Stage::Channel => self.after_channel(&reading),
            Stage::Name => self.after_name(&reading),
            Stage::Target => self.after_target(&reading),
            Stage::Search => self.after_search(&reading),
            Stage::Message => self.after_message(&reading),
            Stage::Account => self.after_account(&reading),
        }
    }

    pub(in crate::twake) fn interrupted(&self) -> Option<Verdict> {
        match (self.stage, &self.task) {
            (Stage::Message, _) | (_, Task::Probe(_)) => None,
            _ => Some(self.first.clone().unwrap_or_else(Verdict::stopped)),
        }
    }

    /// The next request, or the end of a probe.
    fn ask(&mut self) -> Step {
        let open = |stage: &Stage| !self.done.contains(stage) && self.needs(*stage);
        let next = match &self.first {
            Some(_) => Some(Stage::Account),
            None => ORDER.into_iter().find(open),
        };
        let Some(stage) = next else {
            return Step::Done(self.accepted());
        };
        let of = self.destination;
        let Some(token) = &self.token else {
            self.stage = Stage::Login;
            return Step::Send(calls::login(&of.account));
        };
        self.stage = stage;
        Step::Send(match (stage, &self.task, self.target()) {
            (Stage::Name, ..) => calls::me(of, token),
            (Stage::Target, _, Some((target, id))) => calls::message(of, token, target.thread_or_own(), id),
            (Stage::Search, Task::Deliver(job), _) => calls::newest(of, token, replies_to(job)),
            (Stage::Message, Task::Deliver(job), _) => calls::send(of, token, job),
            _ => calls::channel(of, token),
        })
    }

    fn needs(&self, stage: Stage) -> bool {
        match (stage, &self.task) {
            (Stage::Channel, Task::Deliver(_)) => !self.destination.account.knows(self.destination),
            (Stage::Channel | Stage::Name, Task::Probe(_)) | (Stage::Message, Task::Deliver(_)) => true,
            (Stage::Target, _) => self.target().is_some(),
            // The same update twice is one.
            (Stage::Search, Task::Deliver(job)) => job.may_be_duplicate && !matches!(job.act, Act::Update(_)),
            _ => false,
        }
    }

    /// Goes on to the next question.
    fn answered(&mut self) -> Step {
        self.done.push(self.stage);
        self.ask()
    }

    fn after_login(&mut self, reading: &Reading) -> Step {
        let token = reading
            .resource()
            .and_then(|resource| resource.get("access_token"));
        let text = |key: &str| token?.get(key)?.as_str();
        // What a header can hold.
        let value = text("value").filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return self.end(reading);
        };
        let time = |key: &str| token.and_then(|token| token.get(key)?.as_u64()).unwrap_or(0);
        // The difference of two times of the server does not depend on the clock of this machine.
        let life = Duration::from_secs(time("expiration").saturating_sub(time("time")));
        let value = Secret::new(value);
        self.destination.account.logged_in(&value, life, self.now);
        (self.token, self.has_logged_in) = (Some(value), true);
        self.ask()
    }

    fn after_channel(&mut self, reading: &Reading) -> Step {
        let Some(channel) = reading.resource().filter(|channel| id_of(channel).is_some()) else {
            return self.end(reading);
        };
        let name = channel.get("name").and_then(Value::as_str);
        name.unwrap_or_default().clone_into(&mut self.name);
        self.destination.account.found(self.destination);
        self.answered()
    }

    /// Nothing depends on the name, and not every version has it.
    fn after_name(&mut self, reading: &Reading) -> Step {
        let identity = reading
            .resource()
            .and_then(|application| application.get("identity"));
        let name = identity.and_then(|identity| identity.get("name")?.as_str());
        self.application = name.filter(|name| !name.is_empty()).map(str::to_owned);
        self.answered()
    }

    fn after_target(&mut self, reading: &Reading) -> Step {
        let Some(message) = reading.resource() else {
            return self.end(reading);
        };
        // A deleted opener with replies is there, without an id.
        if id_of(message).is_none() || message.get("subtype").is_some_and(|word| word == "deleted") {
            return self.finish(
                Finding::new(Reason::TargetMissing, "the message was deleted"),
                reading,
            );
        }
        self.answered()
    }

    fn after_search(&mut self, reading: &Reading) -> Step {
        let Task::Deliver(job) = &self.task else {
            return self.answered();
        };
        // A server that does not show the messages may take them.
        let hides = [
            Reason::Misrouted,
            Reason::UnknownError,
            Reason::CompanyWithoutApplication,
        ];
        let messages = match reading.resources() {
            Some(messages) => messages,
            None if hides.contains(&reading.finding.reason) => return self.answered(),
            None => return self.end(reading),
        };
        let found = messages.iter().find(|message| calls::is_of(message, job));
        // A message that is not on a full page may be on the next one.
        self.looked_up = found.is_some() || messages.len() < calls::PAGE;
        match found.and_then(id_of).map(str::to_owned) {
            Some(id) => self.delivered(&id),
            None => self.answered(),
        }
    }

    fn after_message(&mut self, reading: &Reading) -> Step {
        let resource = reading.resource();
        let is_post = self.target().is_none();
        // A post is answered with its thread.
        let is_whole =
            |thread: &&Value| !is_post || thread.get("message").is_some_and(|of| id_of(of).is_some());
        if let Some(id) = resource.filter(is_whole).and_then(id_of) {
            return self.delivered(id);
        }
        if matches!(row(Api::Threads, reading.finding.reason).ends, Ends::Probe(_)) {
            self.first = Some(self.judge(reading.finding.clone(), reading.after));
            return self.ask();
        }
        self.end(reading)
    }

    fn after_account(&mut self, reading: &Reading) -> Step {
        let probe = match reading.resource().and_then(id_of) {
            Some(_) => self.accepted(),
            None => self.judge(self.meaning(reading), reading.after),
        };
        Step::Done(
            self.first
                .take()
                .map_or(probe.clone(), |first| first.after_probe(probe)),
        )
    }

    /// The message to reply to or to update, and the one to look at before.
    fn target(&self) -> Option<(&RemoteId, &str)> {
        let Task::Deliver(job) = &self.task else {
            return None;
        };
        match &job.act {
            Act::Post => None,
            Act::Reply(to) => Some((to, to.thread_or_own())),
            Act::Update(of) => Some((of, &of.message)),
        }
    }
}

/// The thread that a job replies in.
fn replies_to<'a>(job: &'a Job<'_>) -> Option<&'a str> {
    match &job.act {
        Act::Reply(to) => Some(to.thread_or_own()),
        Act::Post | Act::Update(_) => None,
    }
}
