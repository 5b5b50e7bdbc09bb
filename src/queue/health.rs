//! Whether a store works, for the log and for checks.

use super::QueueError;

/// Whether a store works. Logs once that it fails, and once that it works again.
#[derive(Default)]
pub(super) struct Health {
    /// The store failed, and nothing has shown since that it works again.
    failing: bool,
}

impl Health {
    /// The store has failed before: a check has to write as much as an event would.
    pub(super) fn is_failing(&self) -> bool {
        self.failing
    }

    /// Notes how a transaction ended. A full disk may have room for something small, so only a commit that `proves` it counts.
    pub(super) fn note(&mut self, result: &Result<(), QueueError>, proves: bool) {
        match result {
            Err(QueueError::Unavailable { doing, source }) if !self.failing => {
                log::error!("the store cannot {doing}: {source}; events are refused until it can");
            }
            Ok(()) if self.failing && proves => log::info!("the store works again"),
            _ => {}
        }
        self.failing = result.is_err() || (self.failing && !proves);
    }
}
