//! How the program is asked to stop and to reload, what it tells the supervisor that started it, and what the system
//! lets it have.

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

/// Two wishes: to stop in order, and to stop at once.
#[derive(Clone, Default)]
pub struct Stop {
    /// Finish what is in flight, begin nothing new.
    pub graceful: CancellationToken,
    /// Drop everything: what is stored is safe.
    pub immediate: CancellationToken,
}

impl Stop {
    /// Listens to SIGTERM and SIGINT: the first asks to stop gently, the second at once.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = self.clone();
        actix_web::rt::spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            info!("stopping: finishing requests and attempts in flight (a second signal stops at once)");
            stop.graceful.cancel();
            next(&mut terminate, &mut interrupt).await;
            stop.immediate.cancel();
        });
        Ok(())
    }
}

/// A wish to reload, each time SIGHUP comes. Two that come while a reload is under way are one.
///
/// # Errors
/// The process cannot listen to the signal.
pub fn on_reload() -> std::io::Result<Arc<Notify>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let wish = Arc::new(Notify::new());
    let told = Arc::clone(&wish);
    actix_web::rt::spawn(async move {
        while hangup.recv().await.is_some() {
            told.notify_one();
        }
    });
    Ok(wish)
}

/// Descriptors beside those of connections: the store, calls to Twake, the runtime.
const OTHERS: u64 = 256;

/// Sees to it that so many connections can be open, each with two descriptors, and everything else besides: where the
/// descriptors are used up, the store and the calls to Twake fail, too. Says so when the system does not allow it.
pub fn allow(connections: usize) {
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
            "limits.connections are more than this process may have descriptors for: raise LimitNOFILE (ulimit -n), or \
             take fewer"
        );
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
