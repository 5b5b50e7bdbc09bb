//! A stand-in chat that takes as little time as possible: it accepts every message, counts it, and reads nothing of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use twake_bridge::clock::Clock;

/// What `messages/save` returns for a new message.
const RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 56\r\n\r\n\
    {\"object\":{\"id\":\"01989898-9898-1898-8989-898989898989\"}}";

/// How the chat responds.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Never. The first delivery of each channel stays in flight, the others wait.
    Hang,
    /// After this time.
    After(Duration),
}

/// A running chat. Each connection has a thread.
#[derive(Clone)]
pub(crate) struct Chat {
    pub(crate) url: String,
    /// The number of messages.
    arrived: watch::Sender<u64>,
    /// The nanoseconds between a request and its response, in all.
    busy: Arc<AtomicU64>,
}

impl Chat {
    pub(crate) fn start(mode: Mode, clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let chat = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            arrived: watch::Sender::new(0),
            busy: Arc::default(),
        };
        let (shared, clock) = (chat.clone(), clock.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (chat, clock) = (shared.clone(), clock.clone());
                std::thread::spawn(move || chat.serve(&stream.unwrap(), mode, &clock));
            }
        });
        chat
    }

    pub(crate) fn arrived(&self) -> u64 {
        *self.arrived.borrow()
    }

    /// Waits until so many messages have arrived.
    pub(crate) async fn wait_for(&self, wanted: u64) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|arrived| *arrived >= wanted).await.unwrap();
    }

    /// How long requests waited for their responses, in all.
    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy.load(Ordering::Relaxed))
    }

    /// Serves a connection until it is closed.
    fn serve(&self, mut stream: &TcpStream, mode: Mode, clock: &Clock) {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(()) = read_request(&mut reader) {
            let Mode::After(delay) = mode else { continue };
            let begun = clock.monotonic();
            if !delay.is_zero() {
                std::thread::sleep(delay);
            }
            self.arrived.send_modify(|arrived| *arrived += 1);
            if stream.write_all(RESPONSE.as_bytes()).is_err() {
                return;
            }
            let busy = clock.monotonic().saturating_sub(begun);
            self.busy
                .fetch_add(u64::try_from(busy.as_nanos()).unwrap(), Ordering::Relaxed);
        }
    }
}

/// Reads a request and forgets it. `None`: the connection is closed.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
            return Some(());
        }
        if let Some(declared) = line.strip_prefix("content-length:") {
            length = declared.trim().parse().unwrap();
        }
    }
}
