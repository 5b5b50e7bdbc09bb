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
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl LoadRequest {
    /// Returns the bytes of a request to `host`, and the offset of the placeholder.
    fn bytes(&self, host: &str) -> (Vec<u8>, usize) {
        let text = format!(
            "POST {} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}\r\n{}",
            self.path,
            self.body.len(),
            self.headers,
            self.body
        );
        let placeholder = text.find(NUMBER_PLACEHOLDER).unwrap();
        (text.into_bytes(), placeholder)
    }
}

/// The measured values of one cell of the table.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Number of responses 503. They occur when the bodies of all connections exceed `limits.bodies`.
    pub(crate) refused: usize,
}

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Sends requests to `host` over several connections for a limited time.
pub(crate) async fn run_load(
    host: &str,
    request: &Arc<LoadRequest>,
    connections: usize,
    span: Duration,
    clock: &Clock,
) -> Measured {
    let begun = clock.monotonic();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (host, request, clock) = (host.to_owned(), Arc::clone(request), clock.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut connection = LoadConnection::new(&host, &request).await;
            let (mut times, mut refused) = (Vec::new(), 0);
            while clock.monotonic().saturating_sub(begun) < span {
                let start = clock.monotonic();
                if connection.send().await {
                    times.push(clock.monotonic().saturating_sub(start));
                } else {
                    refused += 1;
                    connection = LoadConnection::new(&host, &request).await;
                }
            }
            (times, refused)
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
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let count = f64::from(u32::try_from(times.len()).unwrap());
    Measured {
        per_second: count / took.as_secs_f64(),
        p50: at(50),
        p99: at(99),
        refused,
    }
}

/// A connection with its request.
pub(crate) struct LoadConnection {
    stream: TcpStream,
    request: Vec<u8>,
    placeholder: usize,
    response: Vec<u8>,
}

impl LoadConnection {
    pub(crate) async fn new(host: &str, request: &LoadRequest) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (request, placeholder) = request.bytes(host);
        Self {
            stream,
            request,
            placeholder,
            response: vec![0; 16 * 1024],
        }
    }

    /// Sends a request and reads the response. Returns whether it was accepted. The server closes the connection
    /// otherwise.
    pub(crate) async fn send(&mut self) -> bool {
        let number = format!("{:012}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.request[self.placeholder..self.placeholder + NUMBER_PLACEHOLDER.len()]
            .copy_from_slice(number.as_bytes());
        self.stream.write_all(&self.request).await.unwrap();
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.response[length..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            length += read;
            if is_complete(&self.response[..length]) {
                break;
            }
        }
        let status = &self.response[9..12];
        assert!(
            status.starts_with(b"2") || status == b"503",
            "{}",
            String::from_utf8_lossy(&self.response[..length])
        );
        status.starts_with(b"2")
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
