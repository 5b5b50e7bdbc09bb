//! The sandbox from inside the process, for tests and the demo.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::fault::{ActiveFault, Fault};
use super::settings::{Presentation, SandboxSettings};
use super::state::{Arrivals, Attempt, SandboxMessage, SandboxState};
use crate::clock::Clock;

/// A cheap handle on a sandbox. It stays valid when the sandbox ends.
#[derive(Clone)]
pub struct SandboxHandle(Arc<Shared>);

struct Shared {
    state: Mutex<SandboxState>,
    /// Counts the changes of the state.
    version: watch::Sender<u64>,
    clock: Clock,
    /// Ends hanging and slow responses, and pages that wait for changes.
    stopped: CancellationToken,
    url: Url,
}

impl SandboxHandle {
    pub(super) fn new(settings: SandboxSettings, clock: Clock, url: Url) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(SandboxState::new(settings)),
            version: watch::Sender::new(0),
            clock,
            stopped: CancellationToken::new(),
            url,
        }))
    }

    /// The address of its page, which is also the base address of its API.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Shows more on the page than the chat.
    pub fn present(&self, presentation: Presentation) {
        self.change(|state| state.presentation = Some(presentation));
    }

    /// A channel's messages in the order of their arrival, as far as they are kept. Also of channels that do not exist,
    /// because Twake accepts messages for those.
    pub fn messages(&self, channel: &str) -> Vec<SandboxMessage> {
        self.state().messages(channel).to_vec()
    }

    /// How many messages arrived in a channel, and in which order.
    pub fn arrivals(&self, channel: &str) -> Arrivals {
        self.state().arrivals(channel)
    }

    /// The calls for a channel, the oldest first, including refused ones and those with a fault.
    pub fn attempts(&self, channel: &str) -> Vec<Attempt> {
        self.state().attempts(Some(channel))
    }

    /// The same for all channels, including calls that named none.
    pub fn all_attempts(&self) -> Vec<Attempt> {
        self.state().attempts(None)
    }

    /// Waits until a channel's messages are as wanted, and returns them. The caller sets a limit of time. `wanted` runs under
    /// the sandbox's lock and must not call this handle.
    pub async fn wait_for(
        &self,
        channel: &str,
        mut wanted: impl FnMut(&[SandboxMessage]) -> bool,
    ) -> Vec<SandboxMessage> {
        self.wait(|state| {
            let messages = state.messages(channel);
            wanted(messages).then(|| messages.to_vec())
        })
        .await
    }

    /// Waits until the calls for a channel are as wanted; otherwise like [`SandboxHandle::wait_for`].
    pub async fn wait_for_attempts(
        &self,
        channel: &str,
        mut wanted: impl FnMut(&[Attempt]) -> bool,
    ) -> Vec<Attempt> {
        self.wait(|state| {
            let attempts = state.attempts(Some(channel));
            wanted(&attempts).then_some(attempts)
        })
        .await
    }

    /// Sets or, with `None`, removes the fault of a channel. Without a channel: the fault of all channels that have none of their
    /// own.
    pub fn set_fault(&self, channel: Option<&str>, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.set_active_fault(ActiveFault {
                channel: channel.map(str::to_owned),
                fault,
                times: None,
            }),
            None => self.change(|state| state.clear_fault(channel)),
        }
    }

    /// The same for a number of calls.
    pub fn set_active_fault(&self, fault: ActiveFault) {
        self.change(|state| state.set_fault(fault));
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.change(SandboxState::clear_faults);
    }

    /// Matrix: what a restart of the homeserver does. Transaction ids of tokens without a device are forgotten.
    pub fn restart_homeserver(&self) {
        self.change(|state| state.homeserver.restart());
    }

    /// `messages/save`: what a person does who deletes a message.
    pub fn delete(&self, channel: &str, id: &str) {
        self.change(|state| state.take(channel, id));
    }

    /// The faults that are set.
    pub fn faults(&self) -> Vec<ActiveFault> {
        self.state().faults().to_vec()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn stopped(&self) -> &CancellationToken {
        &self.0.stopped
    }

    pub(super) fn version(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// Changes the state, and wakes those who wait for a change.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut SandboxState) -> T) -> T {
        let result = change(&mut self.state());
        self.0.version.send_modify(|version| *version += 1);
        result
    }

    /// The state, locked. Under the lock only a caller's own condition can panic, and it changes nothing.
    pub(super) fn state(&self) -> MutexGuard<'_, SandboxState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait<T>(&self, mut look: impl FnMut(&mut SandboxState) -> Option<T>) -> T {
        // Subscribed before the first look, so that no change is missed.
        let mut version = self.version();
        loop {
            version.mark_unchanged();
            if let Some(found) = look(&mut self.state()) {
                return found;
            }
            // The sender lives in `self`, so the wait cannot fail.
            let _ = version.changed().await;
        }
    }
}
