//! How the program is asked to stop and to reload, and what it tells the supervisor that started it.

mod sockets;
mod supervisor;

pub use sockets::{Sockets, SocketsError};
pub use supervisor::Supervisor;

use log::info;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Two wishes: to stop in order, and to stop at once.
#[derive(Clone, Default)]
pub struct Stop {
    /// Finish what is in flight, begin nothing new.
    pub gently: CancellationToken,
    /// Drop everything: what is stored is safe.
    pub at_once: CancellationToken,
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
            stop.gently.cancel();
            next(&mut terminate, &mut interrupt).await;
            stop.at_once.cancel();
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

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
