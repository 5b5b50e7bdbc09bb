//! A relay between a bridge and the server, which cuts connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The statement of a client that commits, and the answer of the server to it, in PostgreSQL's protocol.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// A relay. It has a thread of its own, because a test blocks its thread while a bridge starts; it ends with the process.
pub(super) struct Relay {
    pub(super) port: u16,
    state: Arc<State>,
}

struct State {
    /// Connections are refused, and those that there are have ended.
    is_cut: watch::Sender<bool>,
    /// The answer to the next commit is lost, and the connection with it.
    loses_next: AtomicBool,
    /// How many answers were lost.
    lost: watch::Sender<u32>,
}

impl Relay {
    /// Relays connections to a port of this machine.
    pub(super) fn start(server: u16) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            is_cut: watch::Sender::new(false),
            loses_next: AtomicBool::new(false),
            lost: watch::Sender::new(0),
        });
        let relay = Self {
            port,
            state: Arc::clone(&state),
        };
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (client, _) = listener.accept().await.unwrap();
                    if !*state.is_cut.borrow() {
                        tokio::spawn(relay_one(client, server, Arc::clone(&state)));
                    }
                }
            });
        });
        relay
    }

    /// Ends all connections and refuses new ones, or relays again.
    pub(super) fn cut(&self, is_cut: bool) {
        self.state.is_cut.send_replace(is_cut);
    }

    /// Passes the next commit on to the server, and ends the connection when the server has answered it.
    pub(super) fn lose_next_answer(&self) {
        self.state.loses_next.store(true, Ordering::Relaxed);
    }

    /// Waits until so many answers were lost.
    pub(super) async fn lost(&self, times: u32) {
        let mut lost = self.state.lost.subscribe();
        lost.wait_for(|lost| *lost >= times).await.unwrap();
    }
}

async fn relay_one(client: TcpStream, server: u16, state: Arc<State>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut is_cut = state.is_cut.subscribe();
    // Whether the answer to a commit of this connection is to be lost.
    let loses = AtomicBool::new(false);
    tokio::select! {
        () = statements(from_client, to_server, &state, &loses) => {}
        () = answers(from_server, to_client, &state, &loses) => {}
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
    }
}

async fn statements(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    state: &State,
    loses: &AtomicBool,
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count) = client.read(&mut buffer).await
        && count > 0
    {
        let part = &buffer[..count];
        if contains(part, COMMIT) && state.loses_next.swap(false, Ordering::Relaxed) {
            loses.store(true, Ordering::Relaxed);
        }
        if server.write_all(part).await.is_err() {
            return;
        }
    }
}

async fn answers(mut server: OwnedReadHalf, mut client: OwnedWriteHalf, state: &State, loses: &AtomicBool) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count) = server.read(&mut buffer).await
        && count > 0
    {
        let part = &buffer[..count];
        if loses.load(Ordering::Relaxed) && contains(part, COMMITTED) {
            state.lost.send_modify(|lost| *lost += 1);
            return;
        }
        if client.write_all(part).await.is_err() {
            return;
        }
    }
}

fn contains(bytes: &[u8], message: &[u8]) -> bool {
    bytes
        .windows(message.len())
        .any(|window| window.eq_ignore_ascii_case(message))
}
