//! Servers that no HTTP library would be: each answers with bytes of its own, or with none.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a bare server behaves once a request has begun to come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bare {
    /// Says this, and closes.
    Says(&'static str),
    /// Says this, and resets the connection.
    SaysAndResets(&'static str),
    /// Says this, and then this again and again, for ever.
    Endless(&'static str, &'static str),
    /// Says this, and then a byte a second, by the clock.
    Drips(&'static str),
}

/// Starts a bare server; its address.
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

/// Ends when the client has gone.
async fn answer(mut stream: TcpStream, bare: Bare, clock: Clock) -> std::io::Result<()> {
    // All of the request: what is left unread would reset the connection when it is closed.
    let mut request = Vec::new();
    while !(request.ends_with(b"}}") || request.ends_with(b"\"company\"}")) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    match bare {
        Bare::Says(text) => stream.write_all(text.as_bytes()).await,
        Bare::SaysAndResets(text) => {
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
