//! Asking for a reload: whoever wants one (a signal, the command line) and the task that does it.

use tokio::sync::{mpsc, oneshot};

use super::view::Reloaded;

/// Where a reload is asked for. Clones ask the same bridge.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<PendingReload>);

/// One wish for a reload, with where its outcome goes.
pub type PendingReload = oneshot::Sender<Reloaded>;

/// How many may wait for their reload at once; more wait to be able to ask.
const WAITING: usize = 8;

impl Reloads {
    /// The asking side, and what the reloading task listens to.
    pub fn channel() -> (Self, mpsc::Receiver<PendingReload>) {
        let (wishes, heard) = mpsc::channel(WAITING);
        (Self(wishes), heard)
    }

    /// Asks for a reload and waits for its outcome; `None` when the bridge is stopping.
    pub async fn ask(&self) -> Option<Reloaded> {
        let (outcome, told) = oneshot::channel();
        self.0.send(outcome).await.ok()?;
        told.await.ok()
    }
}
