//! A relay in front of a homeserver. It records the exchanges, and can lose answers after the homeserver has carried out the
//! requests.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use twake_bridge::clock::Clock;

/// How an answer is lost.
#[derive(Clone, Copy)]
pub(super) enum Loss {
    /// The connection is closed instead.
    Cut,
    /// No answer comes until the client gives up.
    Withheld,
}

/// A request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    /// Method and path.
    pub(super) line: String,
    pub(super) status: u16,
    /// When the relay had the request, on a monotonic clock.
    pub(super) begun: Duration,
    /// When the relay had the answer.
    pub(super) ended: Duration,
    /// The answer's body.
    pub(super) body: Vec<u8>,
}

/// A relay with threads of its own, which end with the process.
pub(super) struct Relay {
    pub(super) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// Host and port of the homeserver.
    homeserver: String,
    /// What happens to the answers to the next messages.
    losses: Mutex<VecDeque<Loss>>,
    exchanges: Mutex<Vec<Exchange>>,
    clock: Clock,
}

impl Relay {
    pub(super) fn to(homeserver: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            homeserver: homeserver.replace("http://", ""),
            losses: Mutex::default(),
            exchanges: Mutex::default(),
            clock: Clock::system(),
        });
        let relay = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&relay);
                // A connection that breaks is for its client to notice.
                std::thread::spawn(move || shared.serve(client));
            }
        });
        Self { url, shared }
    }

    /// Loses the answers to the next messages, one after the other.
    pub(super) fn lose(&self, losses: &[Loss]) {
        self.shared.losses.lock().unwrap().extend(losses);
    }

    /// The exchanges about messages so far, in the order of their answers.
    pub(super) fn messages(&self) -> Vec<Exchange> {
        let exchanges = self.shared.exchanges.lock().unwrap();
        let messages = exchanges.iter().filter(|exchange| exchange.is_message());
        messages.cloned().collect()
    }
}

impl Exchange {
    fn is_message(&self) -> bool {
        self.line.contains("/send/")
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let mut homeserver = TcpStream::connect(&self.homeserver)?;
        let mut requests = BufReader::new(client.try_clone()?);
        let mut answers = BufReader::new(homeserver.try_clone()?);
        while let Some((request, _)) = read(&mut requests)? {
            let begun = self.clock.monotonic();
            homeserver.write_all(&request)?;
            let Some((answer, body)) = read(&mut answers)? else {
                return Ok(());
            };
            let (line, status) = (words(&request), words(&answer));
            let exchange = Exchange {
                line: line[..2].join(" "),
                status: status[1].parse().unwrap(),
                begun,
                ended: self.clock.monotonic(),
                body,
            };
            let is_message = exchange.is_message();
            self.exchanges.lock().unwrap().push(exchange);
            let loss = is_message.then(|| self.losses.lock().unwrap().pop_front());
            match loss.flatten() {
                None => client.write_all(&answer)?,
                Some(Loss::Cut) => return Ok(()),
                Some(Loss::Withheld) => return read(&mut requests).map(|_| ()),
            }
        }
        Ok(())
    }
}

/// The words of the first line.
fn words(message: &[u8]) -> Vec<String> {
    let line = message.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.split(' ').map(str::to_owned).collect()
}

/// Reads a request or an answer; returns all of it, and its body alone. `None`: the peer has closed the connection.
fn read(stream: &mut impl BufRead) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let (mut message, mut body) = (Vec::new(), Vec::new());
    let (mut length, mut chunked) = (0, false);
    loop {
        let line = next_line(stream, &mut message)?.to_ascii_lowercase();
        match line.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap(),
            Some(("transfer-encoding", _)) => chunked = true,
            _ if line.is_empty() => return Ok(None),
            _ if line.trim().is_empty() => break,
            _ => {}
        }
    }
    loop {
        if chunked {
            let size = next_line(stream, &mut message)?;
            length = usize::from_str_radix(size.trim(), 16).unwrap();
        }
        let mut part = vec![0; length];
        stream.read_exact(&mut part)?;
        message.extend(&part);
        body.extend(&part);
        if chunked {
            next_line(stream, &mut message)?;
        }
        if !chunked || length == 0 {
            return Ok(Some((message, body)));
        }
    }
}

/// Appends a line to `message` and returns it; it is empty at the end of the stream.
fn next_line(stream: &mut impl BufRead, message: &mut Vec<u8>) -> io::Result<String> {
    let begin = message.len();
    stream.read_until(b'\n', message)?;
    Ok(String::from_utf8_lossy(&message[begin..]).into_owned())
}
