//! The rest of a lane in the quiet hours of its channel.

use std::time::Duration;

use super::Lane;
use crate::message::Quiet;

/// The longest time between two looks at the wall clock, which a person may set. The monotonic clock, by which a lane waits, stands
/// still while the machine is suspended.
const LONGEST: Duration = Duration::from_secs(3600);

impl Lane {
    /// How the channel is quiet, if it is at this time.
    pub(super) fn quiet(&self) -> Option<&Quiet> {
        let quiet = self.destination.as_ref()?.readers().quiet.as_ref()?;
        quiet.until(self.shared.clock.now()).map(|_| quiet)
    }

    /// Waits for the end of the quiet hours, or for a delivery. False: the channel was not quiet at the last claim, so nothing
    /// waits.
    pub(super) async fn rest(&mut self) -> bool {
        if !self.was_quiet.take() {
            return false;
        }
        let (clock, stop) = (self.shared.clock.clone(), self.shared.stop.clone());
        while let Some(until) = self.quiet().and_then(|quiet| quiet.until(clock.now())) {
            let left = Duration::try_from(until.duration_since(clock.now())).unwrap_or_default();
            tokio::select! {
                () = stop.cancelled() => return true,
                () = self.signals.arrival.notified() => return true,
                Ok(()) = self.destinations.changed() => return true,
                () = clock.sleep(left.min(LONGEST)) => {}
            }
        }
        true
    }
}
