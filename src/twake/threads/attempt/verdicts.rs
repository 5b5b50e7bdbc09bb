//! How an attempt ends.

use std::time::Duration;

use super::{Attempt, Stage, replies_to};
use crate::secret::Secret;
use crate::twake::redaction::redact;
use crate::twake::threads::reading::Reading;
use crate::twake::verdict::Finding;
use crate::twake::{Api, Reason, RemoteId, Step, Task, Verdict, VerdictKind, row};

impl Attempt<'_> {
    /// Ends with what an answer means.
    pub(super) fn end(&self, reading: &Reading) -> Step {
        self.finish(self.meaning(reading), reading)
    }

    pub(super) fn finish(&self, finding: Finding, reading: &Reading) -> Step {
        Step::Done(self.judge(finding, reading.after))
    }

    /// What an answer means to the question that was asked.
    pub(super) fn meaning(&self, reading: &Reading) -> Finding {
        let of = &reading.finding;
        let reason = match (of.reason, self.stage) {
            (Reason::Delivered, Stage::Message) => Reason::NoMessageId,
            // JSON of something else.
            (Reason::Delivered, _) => Reason::NotJson,
            (Reason::Ambiguous, Stage::Message) => Reason::Ambiguous,
            // The question failed, not the message.
            (Reason::Ambiguous, _) => Reason::ServerError,
            (_, Stage::Channel | Stage::Account) if reading.is_refused(404) => Reason::UnknownChannel,
            (_, Stage::Target | Stage::Message) if reading.is_refused(404) && self.target().is_some() => {
                Reason::TargetMissing
            }
            (reason, _) => reason,
        };
        Finding::new(reason, &of.detail)
    }

    pub(super) fn judge(&self, finding: Finding, after: Option<Duration>) -> Verdict {
        let in_a_row = self.task.failed_before(finding.reason);
        let scope = |extent| self.destination.scope(extent);
        let row = row(Api::Threads, finding.reason);
        let mut verdict = row.verdict(finding, None, after, in_a_row, scope);
        verdict.may_be_duplicate &= matches!(self.stage, Stage::Message | Stage::Account);
        verdict.looked_up = self.looked_up;
        self.without_secrets(verdict)
    }

    pub(super) fn delivered(&self, id: &str) -> Step {
        let thread = match &self.task {
            Task::Deliver(job) => replies_to(job).map(str::to_owned),
            Task::Probe(_) => None,
        };
        let id = match self.target() {
            Some((target, _)) if thread.is_none() => target.clone(),
            _ => RemoteId {
                message: id.to_owned(),
                thread,
            },
        };
        let mut verdict = self.judge(Finding::new(Reason::Delivered, ""), None);
        verdict.kind = VerdictKind::Delivered(id);
        Step::Done(self.without_secrets(verdict))
    }

    pub(super) fn accepted(&self) -> Verdict {
        let account = &self.destination.account;
        let id = &account.public_id;
        let application = match &self.application {
            Some(name) => format!("{name} ({id})"),
            None => id.clone(),
        };
        let detail = format!("application {application} may post in {}", self.name);
        let mut verdict = self.judge(Finding::new(Reason::Delivered, &detail), None);
        verdict.kind = VerdictKind::Accepted;
        verdict
    }

    fn without_secrets(&self, verdict: Verdict) -> Verdict {
        let account = &self.destination.account;
        let key = Some(&account.private_api_key);
        let secrets: Vec<Secret> = key.into_iter().chain(&self.token).cloned().collect();
        redact(verdict, &secrets, &account.outbound)
    }
}
