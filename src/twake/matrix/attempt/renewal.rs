//! A token that has expired: it is renewed, and the request is sent again.

use super::{Attempt, Renewal, Stage};
use crate::twake::matrix::reading::Reading;
use crate::twake::verdict::Finding;
use crate::twake::{Api, Ends, Reason, Step, row};

impl Attempt<'_> {
    /// The step after an answer that refuses the token, if another token may pass.
    pub(super) fn renew(&mut self, reading: &Reading) -> Option<Step> {
        if self.has_renewed || reading.finding.reason != Reason::WrongKey {
            return None;
        }
        let account = &self.destination.account;
        let current = account.token();
        if !current.matches(self.token.expose()) {
            // Another lane has renewed it since the request was sent.
            self.has_renewed = true;
            return Some(self.send(self.stage));
        }
        let renews = account.token_file().is_some() && reading.has_expired();
        renews.then_some(Step::Renew(current))
    }

    /// Goes on after a renewal.
    pub(in crate::twake) fn renewed(&mut self, renewal: Renewal) -> Step {
        self.has_renewed = true;
        let (finding, after) = match renewal {
            Renewal::Renewed => return self.send(self.stage),
            Renewal::Refused(answer) => {
                let reading = Reading::of(&answer);
                (refusal(&reading), reading.after)
            }
            Renewal::NotKept(why) => (Finding::new(Reason::TokenNotKept, &why), None),
            Renewal::NotHere => (Finding::new(Reason::TokenExpired, ""), None),
        };
        // The server has refused the request, so nothing was sent.
        self.stage = Stage::WhoAmI;
        let verdict = self.judge(finding, after);
        let first = self.first.take();
        Step::Done(match first {
            Some(first) => first.after_probe(verdict),
            None => verdict,
        })
    }
}

/// What an answer without tokens to a renewal means. It is never about a message, so none is rejected because of it. A body
/// with status 200 is not shown: it may hold tokens.
fn refusal(reading: &Reading) -> Finding {
    let reason = reading.finding.reason;
    match (reason, row(Api::Matrix, reason).ends) {
        (Reason::AnswerCut, _) => Finding::new(Reason::Broken, "the answer to the renewal of the token"),
        (Reason::Delivered | Reason::EmptyAnswer | Reason::NotJson, _) => Finding::new(
            Reason::NotJson,
            "no tokens in the answer to the renewal of the token",
        ),
        (_, Ends::Reject | Ends::RetryTimes(_)) | (Reason::Forbidden, _) => {
            Finding::new(Reason::WrongKey, "the refresh token is refused").with(&reading.finding.detail)
        }
        _ => reading.finding.clone(),
    }
}
