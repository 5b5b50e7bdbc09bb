//! Opens the addresses by which senders ask for a confirmation, one after the other.

use bytes::Bytes;
use log::{info, warn};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

use super::client::{Client, ClientError, Tls};
use crate::clock::Clock;
use crate::confirmation::ToConfirm;
use crate::secret::Secret;
use crate::twake::Outbound;
use crate::twake::http::Request;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most addresses that wait. Each is of an authentic request that was stored.
pub const WAITING: usize = 16;

/// Opens each address once, with the certificate authorities of the machine, without credentials or redirects, and reads a bounded
/// answer. A failure is logged: the message in the channel has the link.
///
/// # Errors
/// TLS cannot be set up.
pub fn confirmations(
    mut requests: mpsc::Receiver<ToConfirm>,
    clock: &Clock,
) -> Result<impl Future<Output = ()> + use<>, ClientError> {
    let client = Client::new(&Tls::new()?, clock.clone(), TIMEOUT);
    let outbound = Arc::new(Outbound::default());
    Ok(async move {
        while let Some(ToConfirm { source, url }) = requests.recv().await {
            let host = url.host_str().unwrap_or_default().to_owned();
            let request = Request {
                method: "GET",
                url,
                headers: Vec::new(),
                authorization: Secret::new(""),
                body: Bytes::new(),
            };
            match client.send_on(&outbound, request).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    info!(source:%, host:%, status = answer.status; "confirmed what the sender asked for");
                }
                Ok(answer) => {
                    warn!(source:%, host:%, status = answer.status; "the sender's address did not confirm; open the link in the channel");
                }
                Err(error) => {
                    warn!(source:%, host:%, error:% = error.detail, fault:? = error.fault; "the sender's address cannot be opened; open the link in the channel");
                }
            }
        }
    })
}
