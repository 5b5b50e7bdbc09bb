//! Requests for a reload: from a signal or the operator API to the task that reloads.

use tokio::sync::{mpsc, oneshot};

use super::view::Reloaded;

/// Requests reloads of one bridge. Clones send to the same task.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<PendingReload>);

/// A request for a reload. It takes the result.
pub type PendingReload = oneshot::Sender<Reloaded>;

/// How many requests wait for the task at most. A further caller waits until there is room.
const WAITING: usize = 8;

impl Reloads {
    /// Returns the sender of requests, and the receiver for the task that reloads.
    pub fn channel() -> (Self, mpsc::Receiver<PendingReload>) {
        let (requests, pending) = mpsc::channel(WAITING);
        (Self(requests), pending)
    }

    /// Requests a reload and waits for its result. Returns `None` when the bridge is stopping.
    pub async fn ask(&self) -> Option<Reloaded> {
        let (request, result) = oneshot::channel();
        self.0.send(request).await.ok()?;
        result.await.ok()
    }
}
