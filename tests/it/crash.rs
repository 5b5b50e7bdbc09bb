//! The real binary under load, killed with SIGKILL at random moments. Every event answered 2xx is at Twake or among the
//! dead letters, in order of their first appearance. Only the two messages of a channel that were being posted or
//! settled at a kill can be there twice.
//!
//! `CRASH_KILLS` sets the number of kills (25); `CRASH_SEED` repeats the random choices of a run. Both are printed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use twake_bridge::clock::Clock;
use twake_bridge::sandbox::{ActiveFault, Fault, Limits, SandboxMessage};

use crate::harness::{TOKEN, TestSetup, alert, client, github_signature, in_time, push, stored_message};
use crate::program::{Served, serve};

/// The senders and the channels of their routes. A channel has one sequential sender, so that the order of acceptance is
/// known.
const SENDERS: &[(&str, Sort, &[&str])] = &[
    ("one", Sort::Push, &["c0"]),
    ("both", Sort::Push, &["c1", "c2"]),
    ("three", Sort::Push, &["c3"]),
    ("disks", Sort::Alert, &["c4"]),
    ("memory", Sort::Alert, &["c5"]),
];
const CHANNELS: &[&str] = &["c0", "c1", "c2", "c3", "c4", "c5"];

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Push,
    Alert,
}

/// The numbers of a sender's events, by their outcome.
#[derive(Default)]
struct Ledger {
    accepted: BTreeSet<u64>,
    /// Sent without a response and not repeated: posted or not.
    given_up: BTreeSet<u64>,
}

struct Senders {
    address: String,
    /// The number of the running bridge; `None`: none runs.
    up: watch::Sender<Option<u64>>,
    answers: watch::Sender<u64>,
    last: Cell<bool>,
    ledgers: RefCell<BTreeMap<&'static str, Ledger>>,
}

#[actix_web::test]
async fn after_repeated_kills_no_accepted_event_is_lost_or_out_of_order() {
    let kills = number("CRASH_KILLS").unwrap_or(25);
    let seed = number("CRASH_SEED").unwrap_or_else(|| fastrand::u64(..));
    eprintln!("CRASH_KILLS={kills} CRASH_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let limits = Limits {
        messages: usize::MAX,
        ids: 1,
        ..Limits::default()
    };
    let setup = TestSetup::with(CHANNELS, limits);
    let config = setup.path("bridge.toml");
    std::fs::write(&config, configuration(&setup)).unwrap();
    let listen = format!("127.0.0.1:{}", free_port());
    let start = || serve(&config, &setup.store(), &listen);
    let senders = Rc::new(Senders {
        address: format!("http://{listen}"),
        up: watch::Sender::new(None),
        answers: watch::Sender::new(0),
        last: Cell::new(false),
        ledgers: RefCell::default(),
    });
    let sending: Vec<_> = SENDERS
        .iter()
        .map(|(name, sort, _)| {
            let random = random.fork();
            actix_web::rt::spawn(senders.clone().run(name, *sort, random))
        })
        .collect();

    let mut in_flight: BTreeMap<(String, u64), u64> = BTreeMap::new();
    let mut while_starting = 0;
    for kill in 0..kills {
        let channel = Some(format!("ch-{}", CHANNELS[random.usize(..CHANNELS.len())]));
        let fault = match random.u8(..4) {
            0 => Some(Fault::TooLarge),
            1 => Some(Fault::Unavailable { retry_after: None }),
            _ => None,
        };
        if let Some(fault) = fault {
            setup.sandbox.set_active_fault(ActiveFault {
                channel,
                fault,
                times: Some(1),
            });
        }
        let mut served = if random.u8(..6) == 0 {
            while_starting += 1;
            let served = Served::spawn(start());
            // A random moment of the start, not a wait for a state.
            Clock::system()
                .sleep(Duration::from_millis(random.u64(..150)))
                .await;
            served
        } else {
            let served = Served::listening(start());
            senders.up.send_replace(Some(kill));
            senders.answered(random.u64(1..=60)).await;
            senders.up.send_replace(None);
            served
        };
        served.signal("KILL");
        served.end();
        for head in heads(&setup) {
            *in_flight.entry(head).or_default() += 1;
        }
    }

    setup.sandbox.clear_faults();
    let mut served = Served::listening(start());
    senders.up.send_replace(Some(kills));
    senders.answered(20).await;
    senders.last.set(true);
    for sender in sending {
        in_time("a sender's end", sender).await.unwrap();
    }
    let mut posted = BTreeMap::new();
    for (name, _, channels) in SENDERS {
        let last = *senders.ledgers.borrow()[name].accepted.last().unwrap();
        for channel in *channels {
            let id = format!("ch-{channel}");
            let arrived = setup.sandbox.wait_for(&id, |messages| {
                messages.last().is_some_and(|message| mark(message) == last)
            });
            let arrived = in_time(&format!("the last message in {channel}"), arrived).await;
            posted.insert(*channel, arrived.iter().map(mark).collect::<Vec<u64>>());
        }
    }
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);

    let store = Connection::open(setup.path("bridge.db")).unwrap();
    let dead = letters(&store, "SELECT id FROM deliveries WHERE state = 2");
    let waiting = letters(&store, "SELECT id FROM deliveries WHERE state = 0");
    assert_eq!(waiting, [], "everything has arrived or is dead");
    let mut twice = 0;
    let ledgers = senders.ledgers.borrow();
    for (name, _, channels) in SENDERS {
        let ledger = &ledgers[name];
        for channel in *channels {
            twice += examine(channel, &posted[channel], ledger, &dead, &in_flight);
        }
    }
    let sum = |of: fn(&Ledger) -> usize| ledgers.values().map(of).sum::<usize>();
    eprintln!(
        "killed {kills} times ({while_starting} while starting): {} events answered 2xx, {} unanswered and not repeated, \
         {} messages posted, {} dead letters, {twice} posted twice ({} possible duplicates at the kills)",
        sum(|ledger| ledger.accepted.len()),
        sum(|ledger| ledger.given_up.len()),
        posted.values().map(Vec::len).sum::<usize>(),
        dead.len(),
        in_flight.values().sum::<u64>(),
    );
}

/// Checks one channel; returns the number of duplicate messages.
fn examine(
    channel: &str,
    posted: &[u64],
    ledger: &Ledger,
    dead: &[(String, u64)],
    in_flight: &BTreeMap<(String, u64), u64>,
) -> u64 {
    let mut known = BTreeSet::new();
    let mut in_order = posted.to_vec();
    in_order.retain(|mark| known.insert(*mark));
    assert!(
        in_order.is_sorted_by(|one, next| one < next),
        "{channel} is out of order: {posted:?}"
    );
    let dead: BTreeSet<u64> = dead
        .iter()
        .filter(|letter| letter.0 == channel)
        .map(|letter| letter.1)
        .collect();
    let there: BTreeSet<u64> = in_order.iter().copied().chain(dead).collect();
    let lost: Vec<_> = ledger.accepted.difference(&there).collect();
    assert!(lost.is_empty(), "{channel} has lost {lost:?}");
    let sent: BTreeSet<u64> = ledger.accepted.union(&ledger.given_up).copied().collect();
    let invented: Vec<_> = there.difference(&sent).collect();
    assert!(
        invented.is_empty(),
        "{channel} has {invented:?}, which no sender sent"
    );
    let mut twice = 0;
    for mark in in_order {
        let more = posted.iter().filter(|posted| **posted == mark).count() as u64 - 1;
        let possible = in_flight
            .get(&(channel.to_owned(), mark))
            .copied()
            .unwrap_or_default();
        assert!(
            more <= possible,
            "{channel} has {more} duplicates of {mark}; kills explain {possible}"
        );
        twice += more;
    }
    twice
}

impl Senders {
    /// Waits until `more` further events were answered 2xx.
    async fn answered(&self, more: u64) {
        let mut answers = self.answers.subscribe();
        let until = *answers.borrow() + more;
        let enough = answers.wait_for(|answers| *answers >= until);
        in_time("answers", enough).await.unwrap();
    }

    /// One sender, one event after another. If the bridge dies before its response, the sender repeats half of these
    /// events at the next bridge, like "Redeliver". The other half it gives up, as GitHub does.
    async fn run(self: Rc<Self>, name: &'static str, sort: Sort, mut random: fastrand::Rng) {
        let mut up = self.up.subscribe();
        // A kept connection to a dead bridge would fail once more.
        let mut known = (u64::MAX, client());
        for number in 1.. {
            let last = self.last.get();
            loop {
                let bridge = up.wait_for(Option::is_some).await.unwrap().unwrap();
                if known.0 != bridge {
                    known = (bridge, client());
                }
                let status = self.post(&known.1, name, sort, number).await;
                if let Some(status) = status {
                    assert!(status == 202 || status == 200, "{name} {number}: {status}");
                    self.ledger(name, |ledger| &mut ledger.accepted).insert(number);
                    self.answers.send_modify(|answers| *answers += 1);
                    break;
                }
                if !last && random.bool() {
                    self.ledger(name, |ledger| &mut ledger.given_up).insert(number);
                    break;
                }
                up.wait_for(|now| now.is_some_and(|now| now != bridge))
                    .await
                    .unwrap();
            }
            if last {
                return;
            }
        }
    }

    fn ledger(
        &self,
        name: &'static str,
        part: impl Fn(&mut Ledger) -> &mut BTreeSet<u64>,
    ) -> std::cell::RefMut<'_, BTreeSet<u64>> {
        std::cell::RefMut::map(self.ledgers.borrow_mut(), |all| {
            part(all.entry(name).or_default())
        })
    }

    async fn post(&self, client: &awc::Client, name: &str, sort: Sort, number: u64) -> Option<u16> {
        let request = match sort {
            Sort::Push => {
                let body = push(name, &format!("mark-{number}-"));
                client
                    .post(format!("{}/hooks/github", self.address))
                    .insert_header(("content-type", "application/json"))
                    .insert_header(("x-github-event", "push"))
                    .insert_header(("x-github-delivery", format!("{name}-{number}")))
                    .insert_header(("x-hub-signature-256", github_signature(body.as_bytes())))
                    .send_body(body)
            }
            Sort::Alert => {
                let mut body: serde_json::Value =
                    serde_json::from_str(&alert("firing", &format!("mark-{number}-"))).unwrap();
                body["receiver"] = name.into();
                client
                    .post(format!("{}/hooks/monitoring", self.address))
                    .insert_header(("content-type", "application/json"))
                    .insert_header(("authorization", format!("Bearer {TOKEN}")))
                    .send_body(body.to_string())
            }
        };
        Some(request.await.ok()?.status().as_u16())
    }
}

/// Two sources, six channels. The history is so short that every start deletes a part of it.
fn configuration(setup: &TestSetup) -> String {
    let head = setup.config_text("");
    let head = head.split("[channels]").next().unwrap();
    let channels = CHANNELS
        .iter()
        .map(|name| format!("{name} = \"ch-{name}\""))
        .collect::<Vec<_>>()
        .join("\n");
    let table = |sort: Sort| {
        SENDERS
            .iter()
            .filter(|sender| sender.1 == sort)
            .map(|(name, _, channels)| format!("{name} = {channels:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!(
        r#"{head}[channels]
{channels}
[delivery]
digest_above = 0
rate = "1000000/s"
[history]
keep = "2s"
[sources.github]
kind = "github"
secrets = [{{ file = "github" }}]
[[sources.github.routes]]
by = "branch"
channels = {{ {} }}
[sources.monitoring]
kind = "alertmanager"
secrets = [{{ file = "token", scheme = "bearer" }}]
[[sources.monitoring.routes]]
by = "payload.receiver"
channels = {{ {} }}
"#,
        table(Sort::Push),
        table(Sort::Alert)
    )
}

/// The number in the text of a message.
fn mark(message: &SandboxMessage) -> u64 {
    number_of(&message.notification())
}

/// The number in a text with `mark-NUMBER-`.
pub(crate) fn number_of(text: &str) -> u64 {
    let number = text.split("mark-").nth(1).and_then(|rest| rest.split('-').next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no mark in {text:?}"))
}

/// The first two waiting deliveries of each channel: a killed bridge can have posted them without storing that. Read from a
/// copy, so that the next bridge finds the files as the kill left them.
fn heads(setup: &TestSetup) -> Vec<(String, u64)> {
    let copy = tempfile::tempdir().unwrap();
    for name in ["bridge.db", "bridge.db-wal"] {
        if setup.path(name).exists() {
            std::fs::copy(setup.path(name), copy.path().join(name)).unwrap();
        }
    }
    let store = Connection::open(copy.path().join("bridge.db")).unwrap();
    let made: i64 = store
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    if made == 0 {
        return Vec::new();
    }
    letters(
        &store,
        "SELECT w.id FROM deliveries w WHERE w.state = 0 AND 2 >
            (SELECT count(*) FROM deliveries b WHERE b.lane = w.lane AND b.state = 0 AND b.id < w.id)",
    )
}

/// Channel and mark of these deliveries.
fn letters(store: &Connection, deliveries: &str) -> Vec<(String, u64)> {
    let mut statement = store
        .prepare(&format!(
            "SELECT l.name, e.message FROM deliveries d JOIN lanes l ON l.id = d.lane
             JOIN events e ON e.id = d.event WHERE d.id IN ({deliveries})"
        ))
        .unwrap();
    let rows = statement
        .query_map([], |row| {
            Ok((row.get(0)?, stored_message(&row.get::<_, Vec<u8>>(1)?)))
        })
        .unwrap();
    rows.map(|row| row.map(|(lane, json)| (lane, number_of(&json))).unwrap())
        .collect()
}

/// A port for all restarts. It is outside the range of outgoing connections, so that none of them uses it meanwhile.
fn free_port() -> u16 {
    (20_000..30_000)
        .map(|port| 20_000 + (port + u16::try_from(std::process::id() % 9_000).unwrap()) % 10_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment of a test run sets its length"
)]
fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap())
}
