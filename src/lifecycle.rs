//! How the program is asked to stop.

use log::info;
use tokio::signal::unix::{Signal, SignalKind, signal};
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

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
