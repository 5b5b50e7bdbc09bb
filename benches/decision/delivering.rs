//! How fast events are delivered, how long one takes from the request to the channel, and the memory of a large one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use twake_bridge::clock::Clock;

use crate::bodies;
use crate::chat::{Chat, Mode};
use crate::load::{run_load, send_one};
use crate::server::Server;

/// The single events from which the latency is taken.
const SINGLE: usize = 200;
/// The delay of a chat, about as fast as a real one in the same room.
const DELAY: Duration = Duration::from_millis(1);

/// Prints the time from the request to the channel, while nothing else happens.
pub(crate) async fn print_latency(folder: &Path, clock: &Clock) {
    let chat = Chat::start(Mode::After(Duration::ZERO), clock);
    let bridge = Server::bridge(folder, &chat, 1);
    let requests = Arc::new(bodies::pushes_to(1));
    let mut times = Vec::new();
    for number in 1..=SINGLE {
        let begun = clock.monotonic();
        assert_eq!(send_one(&bridge.address, &requests).await, 202);
        chat.wait_for(number as u64).await;
        times.push(clock.monotonic().saturating_sub(begun));
    }
    times.sort_unstable();
    let ms = |permille: usize| times[(SINGLE - 1) * permille / 1_000].as_secs_f64() * 1_000.0;
    println!("### From the request to the channel, one at a time, each over a new connection\n");
    println!(
        "p50 {:.1} ms, p99 {:.1} ms over {SINGLE} pushes\n",
        ms(500),
        ms(990)
    );
}

/// Prints how fast a backlog is delivered, by the number of channels.
pub(crate) async fn print_lanes(folder: &Path, clock: &Clock) {
    println!("### Delivering a backlog of pushes\n");
    println!(
        "| channels | chat answers | deliveries/s | processor µs/delivery | written kB/delivery | chat busy |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for (channels, deliveries, delay) in [
        (1, 1_000, DELAY),
        (1, 4_000, Duration::ZERO),
        (10, 8_000, Duration::ZERO),
        (100, 8_000, Duration::ZERO),
        (1_000, 8_000, Duration::ZERO),
    ] {
        let requests = Arc::new(bodies::pushes_to(channels));
        let hanging = Chat::start(Mode::Hang, clock);
        let filling = Server::bridge(folder, &hanging, channels);
        let accepted = run_load(&filling.address, &requests, 64, Duration::MAX, deliveries, clock).await;
        assert_eq!(accepted.accepted, deliveries);
        drop(filling);

        let chat = Chat::start(Mode::After(delay), clock);
        let bridge = Server::bridge_again(folder, &chat, channels);
        let (arrived, busy) = (chat.arrived(), chat.busy());
        let (before, begun) = (bridge.usage(), clock.monotonic());
        chat.wait_for(deliveries).await;
        let (after, took) = (bridge.usage(), clock.monotonic().saturating_sub(begun));
        #[expect(clippy::cast_precision_loss, reason = "less than 2^52")]
        let (done, written) = (
            (deliveries - arrived) as f64,
            (after.written - before.written) as f64,
        );
        let share = chat.busy().saturating_sub(busy).as_secs_f64() / took.as_secs_f64();
        let (answers, share) = if delay.is_zero() {
            ("at once", "–".to_owned())
        } else {
            ("after 1 ms", format!("{:.0} % (bar: ≥ 90 %)", share * 100.0))
        };
        println!(
            "| {channels} | {answers} | {:.0} | {:.0} | {:.1} | {share} |",
            done / took.as_secs_f64(),
            (after.processor - before.processor) * 1e6 / done,
            written / 1_000.0 / done
        );
    }
    println!();
}

/// Prints how much memory one large body takes.
pub(crate) async fn print_memory(folder: &Path, clock: &Clock) {
    println!("### One large body (bar: peak ≤ 4 × its size)\n");
    println!("| body | status | (peak − idle) / size | peak − idle, MB |\n| --- | --- | --- | --- |");
    let bodies = [
        ("a push with one long text", bodies::long_text(24_000_000)),
        ("a notification of many alerts", bodies::many_values(24_000_000)),
        ("a notification of many alerts", bodies::many_values(6_000_000)),
    ];
    for (name, body) in bodies {
        let chat = Chat::start(Mode::After(Duration::ZERO), clock);
        let bridge = Server::bridge(folder, &chat, 1);
        let idle = bridge.memory("VmRSS:");
        let requests = Arc::new(vec![body]);
        let status = send_one(&bridge.address, &requests).await;
        if status == 202 {
            chat.wait_for(1).await;
        }
        #[expect(clippy::cast_precision_loss, reason = "less than 2^52")]
        let (size, more) = (
            requests[0].length() as f64,
            (bridge.memory("VmHWM:") - idle) as f64,
        );
        println!(
            "| {name}, {:.1} MB | {status} | {:.1} | {:.0} |",
            size / 1e6,
            more / size,
            more / 1e6
        );
    }
    println!();
}
