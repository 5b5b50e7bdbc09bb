//! What a delivery does in its channel: decided when it is claimed, and carried out act by act in one attempt.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use super::{Lane, lateness, unreadable};
use crate::conversation::{self, Changes, Decided, Known, Turn};
use crate::message::StoredMessage;
use crate::queue::{Done, Fence, Head, Kept, Settlement};
use crate::twake::{Act, Destination, Job, Reason, RemoteId, Task, Verdict, VerdictKind};

/// How an attempt ended.
pub(super) struct Carried {
    /// The verdict on its last act.
    pub(super) verdict: Verdict,
    /// The acts that were carried out, each with the id that the chat gave.
    pub(super) done: Vec<(Act, RemoteId)>,
    /// How long it took.
    pub(super) took: Duration,
    /// A request was not sent, because another bridge may have claimed the channel. Nothing is known of the delivery.
    pub(super) is_lost: bool,
}

impl From<Verdict> for Carried {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            done: Vec::new(),
            took: Duration::ZERO,
            is_lost: false,
        }
    }
}

impl Carried {
    /// What the delivery did, if all of it was carried out.
    pub(super) fn done(&self) -> Done {
        let has = |which: fn(&Act) -> bool| self.done.iter().any(|(act, _)| which(act));
        let stands_alone = |(act, id): &(Act, RemoteId)| conversation::stands_alone(act, id);
        match (
            has(|act| matches!(act, Act::Update(_))),
            has(|act| matches!(act, Act::Reply(_))),
        ) {
            _ if self.done.iter().any(stands_alone) => Done::Post,
            (true, true) => Done::UpdateAndReply,
            (true, false) => Done::Update,
            (false, true) => Done::Reply,
            (false, false) => Done::Post,
        }
    }
}

/// A delivery at its claim, for [`conversation`].
struct Claimed<'a> {
    message: &'a StoredMessage,
    head: &'a Head,
    destination: String,
}

impl<'a> Claimed<'a> {
    /// `None`: its message belongs to no conversation, or the channel has none.
    fn new(destination: &Destination, head: &'a Head) -> Option<Self> {
        let message = head.message.as_ref()?;
        let has_one = destination.conversations() && message.conversation.is_some();
        has_one.then(|| Self {
            message,
            head,
            destination: destination.fingerprint(),
        })
    }

    fn turn(&self) -> Turn<'_> {
        turn(&self.destination, self.head)
    }
}

fn turn<'a>(destination: &'a str, head: &Head) -> Turn<'a> {
    Turn {
        destination,
        received: head.received,
        is_replay: head.is_replay,
        is_superseded: head.superseded_by.is_some(),
    }
}

/// Decides what a delivery does.
pub(super) fn decide(destination: &Destination, head: &Head) -> Decided {
    match (Claimed::new(destination, head), &head.message) {
        (Some(claimed), _) => conversation::decide(claimed.message, &head.known, &claimed.turn()),
        (None, Some(message)) => conversation::decide_alone(message),
        (None, None) => Decided::Act(vec![Act::Post]),
    }
}

/// Whether the replies of a delivery must be visible in the channel itself.
fn is_also_in_channel(destination: &Destination, head: &Head) -> bool {
    Claimed::new(destination, head).is_some_and(|claimed| {
        conversation::is_also_in_channel(claimed.message, &head.known, &claimed.turn())
    })
}

/// What the store keeps of the conversation of a delivery that has ended. `done`: what it has carried out, which may be only a
/// part of what it should. `settled` is its settlement.
pub(super) fn kept(
    destination: &Destination,
    head: &Head,
    done: &[(Act, RemoteId)],
    settled: &Settlement,
) -> Option<Kept> {
    let claimed = Claimed::new(destination, head)?;
    let changes = conversation::after(claimed.message, &head.known, &claimed.turn(), done);
    let conversation = claimed.message.conversation.as_ref()?;
    let expires = conversation::expires(conversation, settled.now);
    (changes != Changes::default()).then(|| Kept::new(&changes, expires))
}

/// Whether two deliveries belong to the same conversation: the state that is known of one is out of date until the other one
/// is settled.
pub(super) fn share_conversation(one: &Head, other: &Head) -> bool {
    let key = |head: &Head| {
        let conversation = head.message.as_ref()?.conversation.as_ref()?;
        Some(conversation::thread_key(conversation))
    };
    key(one).is_some_and(|of_one| key(other) == Some(of_one))
}

/// The message of an act as it is sent: with its text, and without a conversation. It is the same at each attempt.
fn sent<'a>(
    destination: &Destination,
    head: &Head,
    message: &'a StoredMessage,
    act: &Act,
) -> Cow<'a, StoredMessage> {
    if message.conversation.is_none() {
        return Cow::Borrowed(message);
    }
    let nothing = Known::default();
    let claimed = Claimed::new(destination, head);
    let known = claimed.as_ref().map_or(&nothing, |_| &head.known);
    let of = claimed.as_ref().map_or("", |claimed| &claimed.destination);
    Cow::Owned(StoredMessage {
        v: message.v,
        message: conversation::text(message, act, known, &turn(of, head)).into_owned(),
        ephemeral: message.ephemeral,
        urgency: message.urgency,
        rest: message.rest.clone(),
        conversation: None,
        appearance: message.appearance.clone(),
    })
}

impl Lane {
    /// Carries out acts, until one fails. If the message that one is to reply to or to update is gone, the message is posted
    /// instead of all that is left. An attempt that was carried out in part is repeated as a whole: an update that is repeated
    /// changes nothing.
    pub(super) async fn carry_out(
        &self,
        destination: &Destination,
        head: &Head,
        fence: Fence,
        acts: Vec<Act>,
    ) -> Carried {
        let Some(message) = &head.message else {
            return unreadable().into();
        };
        let settings = *self.settings.borrow();
        let (clock, stop) = (&self.shared.clock, &self.shared.stop);
        let client = self.shared.client(settings.timeout);
        let (now, begun) = (clock.now(), clock.monotonic());
        let last = head.reason.as_deref().and_then(Reason::from_code);
        let mut carried = Carried::from(Verdict::stopped());
        let mut acts = VecDeque::from(acts);
        while let Some(act) = acts.pop_front() {
            if !carried.done.is_empty() && stop.is_cancelled() {
                carried.verdict = Verdict::stopped();
                break;
            }
            let message = sent(destination, head, message, &act);
            let job = Job {
                act: act.clone(),
                also_in_channel: is_also_in_channel(destination, head),
                last: last.map(|reason| (reason, head.repeated)),
                may_be_duplicate: head.may_be_duplicate,
                late: lateness::line(head.received, now, settings.late),
                waited: Duration::try_from(now.duration_since(head.since)).unwrap_or_default(),
                ..Job::post(head.event, head.delivery.0, destination, &message)
            };
            self.pace.posted(clock.monotonic(), destination.rate());
            let may_send = async || self.is_held(fence, settings.timeout).await;
            let performed = client.perform_while(Task::Deliver(job), stop, may_send).await;
            let Some((verdict, _)) = performed else {
                carried.is_lost = true;
                break;
            };
            carried.verdict = Verdict {
                may_be_duplicate: carried.verdict.may_be_duplicate || verdict.may_be_duplicate,
                notice: verdict.notice.or(carried.verdict.notice),
                ..verdict
            };
            match &carried.verdict.kind {
                VerdictKind::Delivered(id) => carried.done.push((act, id.clone())),
                VerdictKind::TargetGone if act != Act::Post => acts = VecDeque::from([Act::Post]),
                _ => break,
            }
        }
        carried.took = clock.monotonic().saturating_sub(begun);
        carried
    }
}
