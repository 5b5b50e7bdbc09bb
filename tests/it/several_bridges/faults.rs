//! What happens to bridges and to their database.

use twake_bridge::sandbox::SandboxMessage;

use super::fleet::Fleet;
use super::relay::Relay;
use crate::harness::{TestSetup, in_time, post_push, wished};
use crate::postgres_server::PostgresServer;
use crate::program::Served;

/// How many attempts a bridge has in flight, or posted and not yet settled, in a channel.
const IN_FLIGHT: usize = 2;

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A bridge is killed, and another is stopped until its lanes belong to a third; then it goes on.
    KilledAndStopped,
    /// The server of the database dies and starts again.
    Restarted,
    /// The database is cut off from one bridge until its lanes belong to others.
    CutOff,
}

const FAULTS: [Fault; 3] = [Fault::KilledAndStopped, Fault::Restarted, Fault::CutOff];

/// The address of the store through a relay.
fn through(relay: &Relay, address: &str) -> String {
    let (start, rest) = address.split_once("127.0.0.1:").unwrap();
    let (_, database) = rest.split_once('/').unwrap();
    format!("{start}127.0.0.1:{}/{database}", relay.port)
}

/// The port in the address of the store.
fn port(address: &str) -> u16 {
    let (_, rest) = address.split_once("127.0.0.1:").unwrap();
    rest.split_once('/').unwrap().0.parse().unwrap()
}

#[actix_web::test]
async fn no_accepted_event_is_lost_or_out_of_order_when_bridges_and_the_database_fail() {
    let rounds = wished("SEVERAL_ROUNDS", 3);
    let seed = wished("SEVERAL_SEED", fastrand::u32(..));
    eprintln!("SEVERAL_ROUNDS={rounds} SEVERAL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(u64::from(seed));
    let Some(server) = PostgresServer::start("") else {
        return;
    };
    let address = server.address("postgres");
    let relay = Relay::start(port(&address));
    let mut fleet = Fleet::start(&[through(&relay, &address), address.clone(), address]);
    let mut victims = 0;
    for round in 0..rounds {
        fleet.answered(40).await;
        let fault = match FAULTS.get(round as usize) {
            Some(fault) => *fault,
            None => FAULTS[random.usize(..FAULTS.len())],
        };
        let first = random.usize(..3);
        eprintln!("{fault:?} {first}");
        match fault {
            Fault::KilledAndStopped => {
                let second = (first + random.usize(1..3)) % 3;
                fleet.kill(first);
                fleet.signal(second, "STOP");
                fleet.all_channels_go_on().await;
                fleet.signal(second, "CONT");
                fleet.start_bridge(first);
                victims += 2;
            }
            Fault::Restarted => {
                assert!(server.control(&["-m", "immediate", "stop"]).status.success());
                assert!(server.control(&["-w", "start"]).status.success());
                fleet.all_channels_go_on().await;
                victims += 3;
            }
            Fault::CutOff => {
                relay.cut(true);
                fleet.all_channels_go_on().await;
                relay.cut(false);
                victims += 1;
            }
        }
    }
    fleet.all_channels_go_on().await;
    fleet.finish(victims * IN_FLIGHT).await;
}

#[actix_web::test]
async fn no_accepted_event_is_lost_when_a_synchronous_replica_takes_over() {
    let Some(primary) = PostgresServer::start("") else {
        return;
    };
    let replica = primary.standby();
    // Set after the copy, so that the replica does not wait for a replica of its own.
    primary.sql("postgres", "alter system set synchronous_standby_names = '*'");
    assert!(primary.control(&["reload"]).status.success());
    in_time("the replica", async {
        while primary.sql("postgres", "select sync_state from pg_stat_replication") != "sync" {
            actix_web::rt::task::yield_now().await;
        }
    })
    .await;
    let both = primary.address("postgres").replace(
        "/postgres",
        &format!(",127.0.0.1:{}/postgres", port(&replica.address("postgres"))),
    );
    let fleet = Fleet::start(&[both.clone(), both]);
    fleet.answered(60).await;
    assert!(primary.control(&["-m", "immediate", "stop"]).status.success());
    assert!(replica.control(&["-w", "promote"]).status.success());
    fleet.all_channels_go_on().await;
    fleet.finish(2 * IN_FLIGHT).await;
}

#[actix_web::test]
async fn a_commit_whose_answer_is_lost_is_neither_lost_nor_made_twice() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let database = server.database(None);
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let relay = Relay::start(port(&database.address()));
    let mut served = Served::start(&config, &through(&relay, &database.address()));
    let hook = format!("{}/hooks/github", served.url);
    for number in 1..=5 {
        relay.lose_next_answer();
        let (status, _) = post_push(&hook, &format!("d-{number}"), &format!("mark-{number}-")).await;
        assert_eq!(status, 202, "{number}: {:#?}", served.log());
        in_time("a lost answer", relay.lost(number)).await;
        // A settlement whose answer is lost, too: that of the event before, or of this one.
        setup.posted("ch-dev", number as usize).await;
    }
    let marks: Vec<u64> = setup.sandbox.messages("ch-dev").iter().map(mark).collect();
    assert_eq!(marks, [1, 2, 3, 4, 5]);
    assert_eq!(database.sql("select count(*) from events"), "5");
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);
    assert_eq!(setup.sandbox.messages("ch-dev").len(), 5, "nothing twice");
}

fn mark(message: &SandboxMessage) -> u64 {
    crate::crash::number_of(&message.notification())
}
