//! The load generator. Each connection is kept alive and sends one raw request after the other, so that the generator
//! itself takes little time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use twake_bridge::clock::Clock;

/// Twelve characters in every request that its number replaces.
pub(crate) const NUMBER_PLACEHOLDER: &str = "000000000000";

/// A request with a placeholder for its number, which makes every request a new event.
pub(crate) struct LoadRequest {
    bytes: Vec<u8>,
    placeholder: usize,
}

impl LoadRequest {
    pub(crate) fn new(path: &str, headers: &str, body: &str) -> Self {
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        let placeholder = text.find(NUMBER_PLACEHOLDER).unwrap();
        Self {
            bytes: text.into_bytes(),
            placeholder,
        }
    }

    /// The length of the request in bytes.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }
}

/// What the load did.
pub(crate) struct Measured {
    /// Accepted requests.
    pub(crate) accepted: u64,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    /// Number of responses 503. They occur when the bodies of all connections exceed `limits.bodies`.
    pub(crate) refused: u64,
}

/// The number of the next request.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Sends requests to `host`, in turn, over several connections, until `span` has passed or `most` were sent.
pub(crate) async fn run_load(
    host: &str,
    requests: &Arc<Vec<LoadRequest>>,
    connections: usize,
    span: Duration,
    most: u64,
    clock: &Clock,
) -> Measured {
    let begun = clock.monotonic();
    let end = NUMBER.load(Ordering::Relaxed).saturating_add(most);
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (host, requests, clock) = (host.to_owned(), Arc::clone(requests), clock.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut connection = LoadConnection::new(&host, requests).await;
            let (mut times, mut refused) = (Vec::new(), 0);
            loop {
                let start = clock.monotonic();
                let number = NUMBER.load(Ordering::Relaxed);
                if start.saturating_sub(begun) >= span || number >= end {
                    return (times, refused);
                }
                NUMBER.store(number + 1, Ordering::Relaxed);
                match connection.send(number).await {
                    200..300 => times.push(clock.monotonic().saturating_sub(start)),
                    // The server closes the connection.
                    503 => {
                        refused += 1;
                        connection = LoadConnection::new(&host, connection.requests).await;
                    }
                    _ => panic!("{}", String::from_utf8_lossy(&connection.response)),
                }
            }
        }));
    }
    let (mut times, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (more, lost) = task.await.unwrap();
        times.extend(more);
        refused += lost;
    }
    let took = clock.monotonic().saturating_sub(begun);
    times.sort_unstable();
    let at = |permille: usize| times.get((times.len().max(1) - 1) * permille / 1_000).copied();
    let quantile = |permille| at(permille).unwrap_or_default();
    Measured {
        accepted: times.len() as u64,
        per_second: f64::from(u32::try_from(times.len()).unwrap()) / took.as_secs_f64(),
        p50: quantile(500),
        p99: quantile(990),
        p999: quantile(999),
        refused,
    }
}

/// Sends one request over a connection of its own. Returns the status of the response.
pub(crate) async fn send_one(host: &str, requests: &Arc<Vec<LoadRequest>>) -> u16 {
    let mut connection = LoadConnection::new(host, Arc::clone(requests)).await;
    connection.send(NUMBER.fetch_add(1, Ordering::Relaxed)).await
}

/// A connection with its requests.
struct LoadConnection {
    stream: TcpStream,
    requests: Arc<Vec<LoadRequest>>,
    /// The present request with its number, and its index.
    request: Vec<u8>,
    index: Option<usize>,
    response: Vec<u8>,
}

impl LoadConnection {
    async fn new(host: &str, requests: Arc<Vec<LoadRequest>>) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            requests,
            request: Vec::new(),
            index: None,
            response: vec![0; 16 * 1024],
        }
    }

    /// Sends the request with this number and reads the response. Returns its status.
    async fn send(&mut self, number: u64) -> u16 {
        let index = usize::try_from(number).unwrap() % self.requests.len();
        let LoadRequest { bytes, placeholder } = &self.requests[index];
        if self.index.replace(index) != Some(index) {
            self.request.clone_from(bytes);
        }
        let number = format!("{number:012}");
        self.request[*placeholder..placeholder + number.len()].copy_from_slice(number.as_bytes());
        self.stream.write_all(&self.request).await.unwrap();
        let mut length = 0;
        while !is_complete(&self.response[..length]) {
            let read = self.stream.read(&mut self.response[length..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            length += read;
        }
        let status = std::str::from_utf8(&self.response[9..12]);
        status.unwrap().parse().unwrap()
    }
}

/// Returns whether a response is complete: the head, and as much body as it declares.
fn is_complete(response: &[u8]) -> bool {
    let text = String::from_utf8_lossy(response);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let declared = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= declared.map_or(0, |length| length.parse().unwrap())
}
