//! How an attempt ends.

use std::time::Duration;

use super::{Attempt, Stage};
use crate::twake::matrix::reading::Reading;
use crate::twake::redaction::redact;
use crate::twake::verdict::Finding;
use crate::twake::{Act, Api, Job, Reason, RemoteId, Step, Task, Verdict, VerdictKind, row};

/// How long a server remembers a transaction id of a device.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The notice about a token without a device.
const NO_DEVICE: &str = "the token belongs to no device, so the homeserver forgets at a restart what it has: a message whose \
                         answer is lost may be posted twice, and is marked; log in with a device_id to get a token with one";

impl Attempt<'_> {
    /// Ends with what an answer means to any question.
    pub(super) fn end(&self, reading: &Reading) -> Step {
        let finding = match reading.finding.reason {
            // JSON of something else.
            Reason::Delivered => Finding::new(Reason::NotJson, &reading.json.to_string()),
            _ => reading.finding.clone(),
        };
        self.finish(finding, reading)
    }

    pub(super) fn halt(&self, reason: Reason, reading: &Reading) -> Step {
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

    pub(super) fn finish(&self, finding: Finding, reading: &Reading) -> Step {
        Step::Done(self.judge(finding, reading.after))
    }

    pub(super) fn judge(&self, finding: Finding, after: Option<Duration>) -> Verdict {
        let row = row(Api::Matrix, finding.reason);
        let in_a_row = self.task.failed_before(finding.reason);
        let scope = |extent| self.destination.scope(extent);
        let mut verdict = row.verdict(finding, None, after, in_a_row, scope);
        verdict.may_be_duplicate = self.may_be_duplicate(verdict.may_be_duplicate, &verdict.kind);
        verdict.notice.clone_from(&self.notice);
        self.without_secrets(verdict)
    }

    pub(super) fn delivered(&self, id: &str) -> Step {
        let id = RemoteId {
            message: id.to_owned(),
            thread: None,
        };
        let id = match &self.task {
            Task::Deliver(Job {
                act: Act::Reply(to), ..
            }) => RemoteId {
                thread: Some(to.thread_or_own().to_owned()),
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
        Step::Done(self.without_secrets(verdict))
    }

    pub(super) fn accepted(&self) -> Step {
        let identity = self.identity.as_ref();
        let user = identity.map_or("", |identity| identity.user_id.as_str());
        let room = self.room.as_deref().unwrap_or_default();
        let detail = format!("{user} may post in {} ({room})", self.destination.room);
        let mut verdict = self.judge(Finding::new(Reason::Delivered, &detail), None);
        verdict.kind = VerdictKind::Accepted;
        if identity.is_some_and(|identity| !identity.has_device) {
            verdict.notice = Some(NO_DEVICE.to_owned());
        }
        Step::Done(self.without_secrets(verdict))
    }

    pub(super) fn without_secrets(&self, verdict: Verdict) -> Verdict {
        let account = &self.destination.account;
        let mut secrets = account.secrets();
        secrets.push(self.token.clone());
        redact(verdict, &secrets, &account.outbound)
    }

    /// Whether the message may be posted twice. `unclear`: the server may have it although this attempt failed. It then
    /// answers the next attempt with the event that it has, as long as it remembers the transaction.
    pub(super) fn may_be_duplicate(&self, unclear: bool, kind: &VerdictKind) -> bool {
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
        let was_sent = matches!(self.stage, Stage::Message | Stage::Account);
        let is_too_late = job.last.is_some() && job.waited > REMEMBERED;
        // A post instead of a reply has another transaction.
        (unclear && was_sent && forgets) || is_too_late || (was_unclear && *kind == VerdictKind::TargetGone)
    }
}
