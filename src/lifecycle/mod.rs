//! The process: signals to stop and to reload, sockets and notifications of systemd, the limit of file descriptors.

mod sockets;
mod supervisor;

pub use sockets::{Sockets, SocketsError};
pub use supervisor::Supervisor;

use log::{info, warn};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The two ways to stop.
#[derive(Clone, Default)]
pub struct Stop {
    /// Finish requests and attempts in flight, begin nothing new.
    pub graceful: CancellationToken,
    /// Drop everything. Stored events are safe.
    pub immediate: CancellationToken,
}

impl Stop {
    /// Handles SIGTERM and SIGINT: the first signal stops gracefully, the second immediately.
    ///
    /// # Errors
    /// The process cannot handle a signal.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = self.clone();
        actix_web::rt::spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            info!("stopping: finishing requests and attempts in flight (a second signal stops immediately)");
            stop.graceful.cancel();
            next(&mut terminate, &mut interrupt).await;
            stop.immediate.cancel();
        });
        Ok(())
    }
}

/// Notifies of every SIGHUP. Signals that arrive during a reload notify once.
///
/// # Errors
/// The process cannot handle the signal.
pub fn on_reload() -> std::io::Result<Arc<Notify>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let requested = Arc::new(Notify::new());
    let sender = Arc::clone(&requested);
    actix_web::rt::spawn(async move {
        while hangup.recv().await.is_some() {
            sender.notify_one();
        }
    });
    Ok(requested)
}

/// File descriptors besides those of connections: the store, calls to Twake, the runtime.
const OTHERS: u64 = 256;

/// Raises the limit of file descriptors for this many connections, two for each. Without free descriptors, the store and the
/// calls to Twake would fail. Logs a warning if the system does not allow it.
pub fn raise_descriptor_limit(connections: usize) {
    let wanted = OTHERS.saturating_add(2 * connections as u64);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    limit.current = limit
        .maximum
        .map_or(Some(wanted), |maximum| Some(maximum.min(wanted)));
    let raised = setrlimit(Resource::Nofile, limit);
    let allowed = getrlimit(Resource::Nofile).current;
    if raised.is_err() || allowed.is_some_and(|allowed| allowed < wanted) {
        warn!(
            allowed = allowed.unwrap_or_default(), wanted;
            "this process may not have enough file descriptors for limits.connections: raise LimitNOFILE (ulimit -n), or \
             lower limits.connections"
        );
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
