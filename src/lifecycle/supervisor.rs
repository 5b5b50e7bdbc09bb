//! Notifications to systemd (sd_notify(3), `Type=notify`): ready, reloading, stopping, and the watchdog. Without systemd they
//! do nothing.

use log::{debug, warn};
use sd_notify::NotifyState;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// The supervisor of this process, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Supervisor;

impl Supervisor {
    /// Reports that the listeners are bound and the store is open. `systemctl status` shows `status`.
    pub fn ready(self, status: &str) {
        notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// Reports the begin of a reload. [`Supervisor::ready`] reports its end, also if it was refused.
    pub fn reloading(self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(error) => debug!(error:%; "the supervisor could not be notified of the reload"),
        }
    }

    /// Reports that the bridge is stopping.
    pub fn stopping(self) {
        notify(&[NotifyState::Stopping]);
    }

    /// Notifies the watchdog twice per `WatchdogSec=` that the delivering thread is alive, until `stop`. It does not depend on
    /// the store or on Twake, because a restart would repair neither.
    pub async fn watch(self, clock: Clock, stop: CancellationToken) {
        let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| *limit > Duration::ZERO) else {
            return;
        };
        let pause = limit / 2;
        loop {
            notify(&[NotifyState::Watchdog]);
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(pause) => {}
            }
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(error:%; "the supervisor could not be notified");
    }
}
