//! The load: connections that are kept alive, each sending one request after the other, as raw bytes, so that as little
//! as possible of what is measured is the measuring.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use twake_bridge::clock::Clock;

/// What every request has twelve of where its number goes.
pub(crate) const HOLE: &str = "000000000000";

/// A request with a hole for its number, so that no two are the same event.
pub(crate) struct Shot {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Shot {
    /// The bytes of a request to `host`, and where the number goes.
    fn bytes(&self, host: &str) -> (Vec<u8>, usize) {
        let text = format!(
            "POST {} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}\r\n{}",
            self.path,
            self.body.len(),
            self.headers,
            self.body
        );
        let hole = text.find(HOLE).unwrap();
        (text.into_bytes(), hole)
    }
}

/// What a cell of the table is made of.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Answers 503: the bodies of so many connections do not fit into `limits.bodies` at once.
    pub(crate) refused: usize,
}

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// Fires at `host` over so many connections for so long.
pub(crate) async fn fire(
    host: &str,
    shot: &Arc<Shot>,
    connections: usize,
    span: Duration,
    clock: &Clock,
) -> Measured {
    let begun = clock.monotonic();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (host, shot, clock) = (host.to_owned(), Arc::clone(shot), clock.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut gun = Gun::new(&host, &shot).await;
            let (mut times, mut refused) = (Vec::new(), 0);
            while clock.monotonic().saturating_sub(begun) < span {
                let start = clock.monotonic();
                if gun.shoot().await {
                    times.push(clock.monotonic().saturating_sub(start));
                } else {
                    refused += 1;
                    gun = Gun::new(&host, &shot).await;
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

/// One connection.
pub(crate) struct Gun {
    stream: TcpStream,
    request: Vec<u8>,
    hole: usize,
    answer: Vec<u8>,
}

impl Gun {
    pub(crate) async fn new(host: &str, shot: &Shot) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (request, hole) = shot.bytes(host);
        Self {
            stream,
            request,
            hole,
            answer: vec![0; 16 * 1024],
        }
    }

    /// Sends a request and reads its answer: whether it was taken. Refused, the connection is closed.
    pub(crate) async fn shoot(&mut self) -> bool {
        let number = format!("{:012}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.request[self.hole..self.hole + HOLE.len()].copy_from_slice(number.as_bytes());
        self.stream.write_all(&self.request).await.unwrap();
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.answer[length..]).await.unwrap();
            assert!(read > 0, "the server closed the connection");
            length += read;
            if whole(&self.answer[..length]) {
                break;
            }
        }
        let status = &self.answer[9..12];
        assert!(
            status.starts_with(b"2") || status == b"503",
            "{}",
            String::from_utf8_lossy(&self.answer[..length])
        );
        status.starts_with(b"2")
    }
}

/// Whether an answer's head and as much body as it announces are there.
fn whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= announced.map_or(0, |length| length.parse().unwrap())
}
