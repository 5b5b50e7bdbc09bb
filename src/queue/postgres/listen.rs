//! Hears of changes that other bridges make, on a connection of its own.
//!
//! A notification is only a hint to look: it is lost while there is no connection, and a pooler in transaction mode loses all of
//! them. So the receiver also looks from time to time, and after each subscription, because what was notified before it is gone.

use tokio::sync::watch;
use uuid::Uuid;

use super::address::Address;
use super::connection::{ConnectError, Heard, Session, connect_hearing, pause};
use super::statements::LISTEN;
use crate::clock::Clock;

/// Subscribes on the runtime that calls it, again and again. The number that it returns grows with each notification of
/// another bridge than `own`, and with each subscription: then the receiver looks. The subscription ends when every receiver is dropped.
pub(super) fn listen(address: Address, own: Uuid, clock: Clock) -> watch::Receiver<u64> {
    let (count, receiver) = watch::channel(0);
    let heard = Heard {
        count,
        own: own.to_string(),
    };
    tokio::spawn(async move {
        tokio::select! {
            () = subscribe(&address, &clock, &heard) => {}
            () = heard.count.closed() => {}
        }
    });
    receiver
}

/// Keeps a subscription, and opens it again when it ends. Logs once that there is none, and once that there is one again.
async fn subscribe(address: &Address, clock: &Clock, heard: &Heard) {
    let mut attempts = 0;
    loop {
        let why = match open(address, clock, heard).await {
            Ok(session) => {
                if attempts > 0 {
                    log::info!(
                        "changes of other bridges are notified again, by {}",
                        session.server
                    );
                    attempts = 0;
                }
                // The receiver looks now: it has not heard of what was notified before.
                heard.count.send_modify(|count| *count += 1);
                match session.ended.await {
                    Ok(Err(error)) => error.to_string(),
                    _ => "the connection was closed".to_owned(),
                }
            }
            Err(error) => error,
        };
        attempts += 1;
        if attempts == 1 {
            log::warn!(
                "changes of other bridges are found by looking every second, because no connection notifies of them: {why}"
            );
        }
        clock.sleep(pause(attempts)).await;
    }
}

async fn open(address: &Address, clock: &Clock, heard: &Heard) -> Result<Session, String> {
    let session = connect_hearing(address, clock, Some(heard.clone())).await;
    let session = session.map_err(|error: ConnectError| error.to_string())?;
    let listening = session.client.batch_execute(LISTEN).await;
    listening.map_err(|error| error.to_string())?;
    Ok(session)
}

#[cfg(test)]
mod tests;
