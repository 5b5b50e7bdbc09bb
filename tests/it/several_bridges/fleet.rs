//! Bridges behind nginx, senders, and what the channels must have in the end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use actix_web::rt::{self, task::JoinHandle};
use tokio::sync::watch;
use twake_bridge::clock::Clock;
use twake_bridge::sandbox::{Limits, SandboxMessage};

use crate::crash::number_of;
use crate::harness::{TestSetup, client, github_signature, in_time, push};
use crate::postgres_server::free_ports;
use crate::program::{Served, serve};
use crate::tls_and_proxies::proxies::{Proxy, nginx};

/// Each channel has one sequential sender, so that the order of acceptance is known.
const CHANNELS: &[&str] = &["c0", "c1", "c2", "c3"];

/// How long a sender pauses between two events, and before it repeats one. Not a wait for a state.
const SENDERS_PAUSE: Duration = Duration::from_millis(40);

/// A killed or stopped bridge keeps its lanes for three times as long as a call to Twake and its settlement take at most.
const DELIVERY: &str = "[delivery]\ndigest_above = 0\nrate = \"1000000/s\"\ntimeout = \"1s\"\n";

/// Bridges that run or were killed, and senders that send to nginx before them.
pub(super) struct Fleet {
    setup: TestSetup,
    config: PathBuf,
    /// The address of the store, and the port for webhooks, of each bridge.
    places: Vec<(String, u16)>,
    bridges: Vec<Option<Served>>,
    _proxy: Proxy,
    senders: Rc<Senders>,
    sending: Vec<JoinHandle<()>>,
}

struct Senders {
    url: String,
    /// Each sender stops after its present event.
    stopping: Cell<bool>,
    answers: watch::Sender<u64>,
    /// The last event of each channel that was answered 2xx. All before it were, too.
    accepted: RefCell<BTreeMap<&'static str, u64>>,
}

impl Fleet {
    /// Starts a bridge for each address of the store, nginx, and the senders.
    pub(super) fn start(stores: &[String]) -> Self {
        let limits = Limits {
            messages: usize::MAX,
            ids: 1,
            ..Limits::default()
        };
        let setup = TestSetup::with(CHANNELS, limits);
        let config = setup.path("bridge.toml");
        std::fs::write(&config, configuration(&setup)).unwrap();
        let mut ports = free_ports();
        let places: Vec<(String, u16)> = stores.iter().cloned().zip(&mut ports).collect();
        let front = ports.next().unwrap();
        let server =
            |(_, port): &(String, u16)| format!("server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;\n");
        let upstream = places.iter().map(server).collect::<Vec<_>>().concat();
        // A stopped bridge takes connections and does not answer.
        let proxy = nginx(
            &setup,
            &format!(
                "access_log off;\nupstream bridges {{\n{upstream}}}\nserver {{\nlisten 127.0.0.1:{front};\nlocation / {{\n\
                 proxy_pass http://bridges;\nproxy_connect_timeout 1s;\nproxy_read_timeout 4s;\n}}\n}}"
            ),
        );
        let senders = Rc::new(Senders {
            url: format!("http://127.0.0.1:{front}/hooks/github"),
            stopping: Cell::new(false),
            answers: watch::Sender::new(0),
            accepted: RefCell::default(),
        });
        let mut fleet = Self {
            bridges: places.iter().map(|_| None).collect(),
            setup,
            config,
            places,
            _proxy: proxy,
            sending: Vec::new(),
            senders,
        };
        (0..stores.len()).for_each(|number| fleet.start_bridge(number));
        let run = |channel: &&'static str| rt::spawn(Rc::clone(&fleet.senders).run(channel));
        fleet.sending = CHANNELS.iter().map(run).collect();
        fleet
    }

    pub(super) fn start_bridge(&mut self, number: usize) {
        let (store, port) = &self.places[number];
        let command = serve(&self.config, store, &format!("127.0.0.1:{port}"));
        self.bridges[number] = Some(Served::listening(command));
    }

    /// Kills a bridge.
    pub(super) fn kill(&mut self, number: usize) {
        let mut killed = self.bridges[number].take().unwrap();
        killed.signal("KILL");
        killed.end();
    }

    /// Sends a signal to a bridge.
    pub(super) fn signal(&self, number: usize, name: &str) {
        self.bridges[number].as_ref().unwrap().signal(name);
    }

    /// Waits until the senders got so many further answers.
    pub(super) async fn answered(&self, more: u64) {
        let mut answers = self.senders.answers.subscribe();
        let until = *answers.borrow() + more;
        let enough = answers.wait_for(|answers| *answers >= until);
        in_time("answers", enough).await.unwrap();
    }

    /// Waits until each channel has a message of an event that was accepted after this call.
    pub(super) async fn all_channels_go_on(&self) {
        for channel in CHANNELS {
            let last = self.senders.last(channel);
            self.arrived(channel, last + 1).await;
        }
    }

    /// Waits until an event, or a later one, is posted in a channel. Returns what is there.
    async fn arrived(&self, channel: &str, event: u64) -> Vec<u64> {
        let id = format!("ch-{channel}");
        let there = |messages: &[SandboxMessage]| messages.last().is_some_and(|last| mark(last) >= event);
        let messages = self.setup.sandbox.wait_for(&id, there);
        let messages = in_time(&format!("event {event} in {channel}"), messages).await;
        messages.iter().map(mark).collect()
    }

    /// Stops the senders, waits until everything is posted, and stops the bridges. Checks that each channel has every event, in
    /// order, and at most `duplicates` messages more than events.
    pub(super) async fn finish(mut self, duplicates: usize) {
        self.senders.stopping.set(true);
        for sender in std::mem::take(&mut self.sending) {
            in_time("a sender's end", sender).await.unwrap();
        }
        let mut summary = Vec::new();
        for channel in CHANNELS {
            let last = self.senders.last(channel);
            let mut posted = self.arrived(channel, last).await;
            let messages = posted.len();
            let mut known = std::collections::BTreeSet::new();
            posted.retain(|mark| known.insert(*mark));
            let expected: Vec<u64> = (1..=last).collect();
            assert_eq!(posted, expected, "{channel}: every event once, in order");
            let twice = messages - expected.len();
            assert!(
                twice <= duplicates,
                "{channel}: {twice} duplicates, explained are {duplicates}"
            );
            summary.push(format!("{channel}: {last} events, {twice} posted twice"));
        }
        eprintln!("{}", summary.join("; "));
        for bridge in self.bridges.iter_mut().flatten() {
            bridge.signal("TERM");
            assert_eq!(bridge.end().code(), Some(0), "{:#?}", bridge.lines);
        }
    }
}

impl Senders {
    /// Sends events of one channel, one after another. One that is not answered 2xx is sent again.
    async fn run(self: Rc<Self>, channel: &'static str) {
        let clock = Clock::system();
        for number in 1.. {
            let body = push(channel, &format!("mark-{number}-"));
            let signature = github_signature(body.as_bytes());
            loop {
                let sent = client()
                    .post(&self.url)
                    .insert_header(("content-type", "application/json"))
                    .insert_header(("x-github-event", "push"))
                    .insert_header(("x-github-delivery", format!("{channel}-{number}")))
                    .insert_header(("x-hub-signature-256", signature.as_str()))
                    .send_body(body.clone())
                    .await;
                clock.sleep(SENDERS_PAUSE).await;
                match sent.map(|answer| answer.status().as_u16()) {
                    Ok(200 | 202) => break,
                    Ok(500..) | Err(_) => {}
                    Ok(status) => panic!("{channel} {number}: {status}"),
                }
            }
            self.accepted.borrow_mut().insert(channel, number);
            self.answers.send_modify(|answers| *answers += 1);
            if self.stopping.get() {
                return;
            }
        }
    }

    fn last(&self, channel: &str) -> u64 {
        self.accepted.borrow().get(channel).copied().unwrap_or_default()
    }
}

/// The number of the event in a message.
fn mark(message: &SandboxMessage) -> u64 {
    number_of(&message.notification())
}

fn configuration(setup: &TestSetup) -> String {
    let head = setup.config_text("");
    let head = head.split("[channels]").next().unwrap();
    let list = |line: fn(&str) -> String, between: &str| {
        let lines: Vec<String> = CHANNELS.iter().map(|name| line(name)).collect();
        lines.join(between)
    };
    format!(
        "{head}[channels]\n{}\n{DELIVERY}[sources.github]\nkind = \"github\"\nsecrets = [{{ file = \"github\" }}]\n\
         [[sources.github.routes]]\nby = \"branch\"\nchannels = {{ {} }}\n",
        list(|name| format!("{name} = \"ch-{name}\""), "\n"),
        list(|name| format!("{name} = [\"{name}\"]"), ", "),
    )
}
