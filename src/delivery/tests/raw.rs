//! Servers without an HTTP library: each sends bytes of its own, or none.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a bare server sends after a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bare {
    /// These bytes, then the end of the connection.
    Sends(&'static str),
    /// These bytes, then a reset of the connection.
    SendsAndResets(&'static str),
    /// The first text, then the second without an end.
    Endless(&'static str, &'static str),
    /// These bytes, then one byte a second by the clock.
    Drips(&'static str),
}

/// Starts a bare server. Returns its address.
pub(super) async fn start(bare: Bare, clock: &Clock) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = clock.clone();
    actix_web::rt::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            actix_web::rt::spawn(answer(stream, bare, clock.clone()));
        }
    });
    url
}

/// Ends when the client closes the connection.
async fn answer(mut stream: TcpStream, bare: Bare, clock: Clock) -> std::io::Result<()> {
    // Reads the whole request: bytes left unread would reset the connection when it is closed.
    let mut request = Vec::new();
    while !(request.ends_with(b"}}") || request.ends_with(b"\"company\"}")) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    match bare {
        Bare::Sends(text) => stream.write_all(text.as_bytes()).await,
        Bare::SendsAndResets(text) => {
            stream.write_all(text.as_bytes()).await?;
            stream.set_zero_linger()
        }
        Bare::Endless(text, more) => {
            stream.write_all(text.as_bytes()).await?;
            let more = more.repeat(10_000);
            loop {
                stream.write_all(more.as_bytes()).await?;
            }
        }
        Bare::Drips(text) => {
            stream.write_all(text.as_bytes()).await?;
            loop {
                stream.write_all(b" ").await?;
                clock.sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
