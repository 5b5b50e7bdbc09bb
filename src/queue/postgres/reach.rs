//! Whether the server of a store can be reached.

use std::io;
use std::sync::Arc;
use tokio::runtime::Builder;

use super::address::Address;
use super::connection::connect;
use crate::clock::Clock;
use crate::queue::OpenError;

/// Connects to the server at `postgres://…` and changes nothing.
pub fn reach(address: &str) -> Result<(), OpenError> {
    let address = Address::parse(address).map_err(|error| OpenError::Server {
        source: Arc::new(error),
    })?;
    // The caller may be on a runtime, which cannot run another one.
    let reaching = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let connected = runtime
            .map_err(OpenError::Thread)?
            .block_on(connect(&address, &Clock::system()));
        connected.map(drop).map_err(|error| OpenError::Server {
            source: Arc::new(error),
        })
    });
    let reached = reaching.join();
    reached.unwrap_or_else(|_| Err(OpenError::Thread(io::Error::other("it panicked"))))
}
