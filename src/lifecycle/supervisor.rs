//! What systemd is told (sd_notify(3), `Type=notify`): when the bridge is ready, that it reloads, that it stops, and
//! again and again that it lives. Without systemd nothing is told to anybody.

use log::{debug, warn};
use sd_notify::NotifyState;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// The supervisor of this process, if it has one that wants to know.
#[derive(Clone, Copy, Debug, Default)]
pub struct Supervisor;

impl Supervisor {
    /// Everything listens and the store is open; `status` is what `systemctl status` shows.
    pub fn ready(self, status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// A reload has begun; [`Supervisor::ready`] ends it, also where the old configuration stays.
    pub fn reloading(self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => debug!(error:%; "the supervisor is not told of the reload"),
        }
    }

    /// The bridge has begun to stop.
    pub fn stopping(self) {
        tell(&[NotifyState::Stopping]);
    }

    /// Tells twice in every `WatchdogSec=` that the thread which delivers is alive, until `stop`. A store or a Twake
    /// that is slow does not end it: a restart would mend neither.
    pub async fn watch(self, clock: Clock, stop: CancellationToken) {
        let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| *limit > Duration::ZERO) else {
            return;
        };
        let pause = limit / 2;
        loop {
            tell(&[NotifyState::Watchdog]);
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(pause) => {}
            }
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(error:%; "the supervisor cannot be told how the bridge is");
    }
}
