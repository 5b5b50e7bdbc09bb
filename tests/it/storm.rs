//! Ten times the load that the bridge sustains, with a polite sender among it.
//!
//! `OVERLOAD_SECONDS=60 cargo test --test it ten_times -- --nocapture` is the long run; the default is a short one.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, TOKEN, TestSetup, alert, github_signature, in_time, push, wished};
use crate::program::Served;
use twake_bridge::clock::Clock;

/// The memory limit of the bridge, in MB.
const MEMORY: u64 = 300;

/// Connections of the storm: near `limits.connections` (1,024), so that idle connections are closed, and within the usual
/// limit of file descriptors.
const STORM: usize = 850;

/// Sequential senders that measure the sustained rate.
const CLOSED_LOOP: usize = 16;

/// The time of that measurement.
const MEASURING: Duration = Duration::from_secs(3);

/// The timeout of a sender of the storm, as at GitHub.
const LIMIT: Duration = Duration::from_secs(10);

/// The outcomes of requests.
#[derive(Default)]
struct Answers {
    /// The numbers of the requests by status: 202 or 503.
    by_status: BTreeMap<u16, Vec<usize>>,
    /// Requests without a response in time, or whose connection ended without one.
    unknown: usize,
    /// Requests that were not sent, because every connection of the storm was waiting.
    held_back: usize,
    /// The times of the responses.
    times: Vec<Duration>,
}

/// A sender that keeps its connection as long as the bridge does.
struct Sender {
    host: String,
    connection: Option<TcpStream>,
    /// The timeout of a request.
    limit: Duration,
    clock: Clock,
}

impl Sender {
    fn new(host: &str, limit: Duration) -> Self {
        Self {
            host: host.to_owned(),
            connection: None,
            limit,
            clock: Clock::system(),
        }
    }

    /// Sends a request; returns the status and the time of the response.
    async fn send(&mut self, request: &[u8]) -> Option<(u16, Duration)> {
        let begun = self.clock.monotonic();
        let clock = self.clock.clone();
        let status = clock.timeout(self.limit, self.exchange(request)).await?;
        Some((status.ok()?, clock.monotonic().saturating_sub(begun)))
    }

    async fn exchange(&mut self, request: &[u8]) -> std::io::Result<u16> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => TcpStream::connect(&self.host).await?,
        };
        connection.write_all(request).await?;
        let mut response = Vec::with_capacity(1024);
        let (head, length) = loop {
            if connection.read_buf(&mut response).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let text = String::from_utf8_lossy(&response);
            let Some((head, _)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.lines().next().unwrap().parse().unwrap();
            if response.len() >= head.len() + 4 + length {
                break (head, length);
            }
        };
        assert_eq!(
            response.len(),
            head.len() + 4 + length,
            "one response to one request"
        );
        if !head.contains("connection: close") {
            self.connection = Some(connection);
        }
        Ok(head.split(' ').nth(1).unwrap().parse().unwrap())
    }
}

/// Signed pushes with consecutive numbers.
struct Pushes {
    host: String,
    body: String,
    signature: String,
    number: AtomicUsize,
}

impl Pushes {
    fn new(host: &str) -> Self {
        let body = push("main", "in the storm");
        Self {
            host: host.to_owned(),
            signature: github_signature(body.as_bytes()),
            body,
            number: AtomicUsize::new(0),
        }
    }

    fn next(&self) -> (usize, Vec<u8>) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let Self {
            host,
            body,
            signature,
            ..
        } = self;
        let request = format!(
            "POST /hooks/github HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nx-github-event: push\r\n\
             x-github-delivery: storm-{number}\r\nx-hub-signature-256: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        (number, request.into_bytes())
    }
}

impl Answers {
    fn note(&mut self, number: usize, answer: Option<(u16, Duration)>) {
        match answer {
            Some((status, took)) => {
                self.by_status.entry(status).or_default().push(number);
                self.times.push(took);
            }
            None => self.unknown += 1,
        }
    }

    fn add(&mut self, other: Self) {
        for (status, numbers) in other.by_status {
            self.by_status.entry(status).or_default().extend(numbers);
        }
        self.times.extend(other.times);
        self.unknown += other.unknown;
        self.held_back += other.held_back;
    }

    fn count(&self, status: u16) -> usize {
        self.by_status.get(&status).map_or(0, Vec::len)
    }

    fn all(&self) -> usize {
        self.by_status.values().map(Vec::len).sum::<usize>() + self.unknown + self.held_back
    }

    /// Asserts that every response is 202 or 503.
    fn assert_only_202_and_503(&self) {
        let wrong: Vec<_> = self
            .by_status
            .keys()
            .filter(|status| ![202, 503].contains(*status))
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    fn summary(&self) -> String {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = |part: usize| {
            times
                .get((times.len() * part / 1000).min(times.len().saturating_sub(1)))
                .map_or(0, Duration::as_millis)
        };
        format!(
            "{} answered 202, {} answered 503, {} never answered, {} held back; p50 {} ms, p99 {} ms, longest {} ms",
            self.count(202),
            self.count(503),
            self.unknown,
            self.held_back,
            at(500),
            at(990),
            at(1000),
        )
    }
}

/// Sends the next request after each response, to measure the sustained rate.
async fn sustained(pushes: &Arc<Pushes>) -> Answers {
    let clock = Clock::system();
    let begun = clock.monotonic();
    let senders = (0..CLOSED_LOOP).map(|_| async {
        let (mut sender, mut answers) = (Sender::new(&pushes.host, PATIENCE), Answers::default());
        while clock.monotonic().saturating_sub(begun) < MEASURING {
            let (number, request) = pushes.next();
            answers.note(number, sender.send(&request).await);
        }
        answers
    });
    let mut all = Answers::default();
    for answers in futures_util::future::join_all(senders).await {
        all.add(answers);
    }
    all
}

/// Sends `rate` requests a second without waiting for responses, as long as a connection is free.
async fn storm(pushes: Arc<Pushes>, rate: f64, span: Duration) -> Answers {
    let clock = Clock::system();
    let begun = clock.monotonic();
    let mut all = Answers::default();
    let mut free: Vec<Sender> = (0..STORM).map(|_| Sender::new(&pushes.host, LIMIT)).collect();
    let mut under_way = tokio::task::JoinSet::new();
    let mut offered = 0.0;
    loop {
        let passed = clock.monotonic().saturating_sub(begun);
        while offered < rate * passed.min(span).as_secs_f64() {
            offered += 1.0;
            let Some(mut sender) = free.pop() else {
                all.held_back += 1;
                continue;
            };
            let (number, request) = pushes.next();
            under_way.spawn_local(async move {
                let answer = sender.send(&request).await;
                (sender, number, answer)
            });
        }
        if passed >= span && under_way.is_empty() {
            return all;
        }
        tokio::select! {
            Some(ended) = under_way.join_next() => {
                let (sender, number, answer) = ended.unwrap();
                all.note(number, answer);
                free.push(sender);
            }
            () = clock.sleep(Duration::from_millis(2)) => {}
        }
    }
}

/// Runs work on another thread, so that it delays neither the sandbox nor the polite sender.
fn aside<T: Send + 'static, F: Future<Output = T>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(move || actix_web::rt::System::new().block_on(work()))
}

/// The numbers of the storm's events in the store.
fn stored(setup: &TestSetup) -> HashSet<usize> {
    let store = rusqlite::Connection::open(setup.path("bridge.db")).unwrap();
    let mut statement = store.prepare("SELECT headers FROM events").unwrap();
    let headers = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let number = |headers: String| {
        let (_, number) = headers.split_once("storm-")?;
        let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap();
        number[..digits].parse().ok()
    };
    headers.filter_map(|headers| number(headers.unwrap())).collect()
}

#[actix_web::test]
async fn at_ten_times_the_sustained_rate_every_response_is_true_and_a_polite_sender_is_served() {
    let seconds = wished("OVERLOAD_SECONDS", 5);
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut served = Served::start(&config, &setup.store());
    let host = served.url.strip_prefix("http://").unwrap().to_owned();
    let pushes = Arc::new(Pushes::new(&host));

    let measured = {
        let pushes = Arc::clone(&pushes);
        aside(|| async move { sustained(&pushes).await })
    };
    let mut all = measured.await.unwrap();
    let rate = f64::from(u32::try_from(all.count(202)).unwrap()) / MEASURING.as_secs_f64();
    println!("sustained: {rate:.0} a second; {}", all.summary());
    assert_eq!(all.count(202), all.all(), "what is sustained is taken");

    let storming = {
        let pushes = Arc::clone(&pushes);
        aside(move || storm(pushes, 10.0 * rate, Duration::from_secs(seconds.into())))
    };
    // At most ten requests a second, each over its own connection, as GitHub sends them.
    let clock = Clock::system();
    let mut polite = Answers::default();
    let mut number = 0;
    while !storming.is_finished() {
        number += 1;
        let body = alert("firing", &format!("Polite{number}"));
        let request = format!(
            "POST /hooks/monitoring HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut sender = Sender::new(&host, PATIENCE);
        polite.note(number, sender.send(request.as_bytes()).await);
        clock.sleep(Duration::from_millis(100)).await;
    }
    let stormed = storming.await.unwrap();
    println!(
        "storm: {} offered in {seconds} s; {}",
        stormed.all(),
        stormed.summary()
    );
    println!("polite sender: {}", polite.summary());
    let peak = served.peak_memory();
    println!("peak memory: {peak} MB");
    stormed.assert_only_202_and_503();
    assert!(
        stormed.count(503) > 0,
        "what cannot be completed soon is refused, and does not wait until its sender gives up"
    );
    polite.assert_only_202_and_503();
    assert_eq!(polite.unknown, 0, "a polite sender is always answered");
    assert!(polite.count(202) > 0);
    assert!(peak < MEMORY, "{peak} MB");

    all.add(stormed);
    let stored = stored(&setup);
    let taken = all.by_status.get(&202).unwrap();
    let missing = taken.iter().filter(|number| !stored.contains(number)).count();
    assert_eq!(missing, 0, "what was answered 202 is stored");
    let refused = all.by_status.get(&503).map_or(&[][..], Vec::as_slice);
    let kept = refused.iter().filter(|number| stored.contains(number)).count();
    assert_eq!(kept, 0, "what was answered 503 is not");
    assert!(stored.len() <= taken.len() + all.unknown);
    // The accepted events of the polite sender are posted, even if the other channel has waiting deliveries.
    let posted = setup
        .sandbox
        .wait_for("ch-ops", |messages| messages.len() >= polite.count(202));
    in_time("the polite sender's alerts", posted).await;
    assert_eq!(setup.sandbox.arrivals("ch-ops").total, polite.count(202) as u64);
    served.signal("TERM");

    assert_eq!(served.end().code(), Some(0));
}
