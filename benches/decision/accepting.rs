//! How fast events are accepted, compared with the baselines, and what an event costs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use twake_bridge::clock::Clock;

use crate::bodies::{self, Content};
use crate::chat::{Chat, Mode};
use crate::load::{LoadRequest, Measured, run_load};
use crate::server::Server;

const CONNECTIONS: usize = 64;
/// Requests before a measurement.
const WARM_UP: u64 = 128;

/// A server to measure.
#[derive(Clone, Copy)]
enum Candidate {
    Baseline(&'static str),
    /// The bridge, while its chat does not respond.
    Paused,
    /// The bridge, while it delivers.
    Delivering,
}

use Candidate::{Baseline, Delivering, Paused};

/// The letter and the name of each server, in the order of their work.
const CANDIDATES: [(&str, Candidate); 5] = [
    ("(a) bare", Baseline("bare")),
    ("(b) + HMAC", Baseline("hmac")),
    ("(c) + insert", Baseline("durable")),
    ("(d) bridge, paused", Paused),
    ("(e) bridge, delivering", Delivering),
];

/// One cell of the tables.
struct Cell {
    load: Measured,
    /// Processor time an event, in microseconds.
    processor: f64,
    /// Kilobytes given to `write()` an event.
    written: f64,
    /// Resident memory in MiB before the load.
    idle: f64,
}

async fn measure(
    candidate: Candidate,
    requests: &Arc<Vec<LoadRequest>>,
    span: Duration,
    folder: &Path,
    clock: &Clock,
) -> Cell {
    let server = match candidate {
        Baseline(work) => Server::baseline(work, folder),
        Paused => Server::bridge(folder, &Chat::start(Mode::Hang, clock), 1),
        Delivering => Server::bridge(folder, &Chat::start(Mode::After(Duration::ZERO), clock), 1),
    };
    #[expect(clippy::cast_precision_loss, reason = "less than 2^52")]
    let float = |count: u64| count as f64;
    let idle = float(server.memory("VmRSS:")) / 1_048_576.0;
    run_load(
        &server.address,
        requests,
        CONNECTIONS,
        Duration::MAX,
        WARM_UP,
        clock,
    )
    .await;
    let before = server.usage();
    let load = run_load(&server.address, requests, CONNECTIONS, span, u64::MAX, clock).await;
    let after = server.usage();
    let events = float(load.accepted);
    Cell {
        processor: (after.processor - before.processor) * 1e6 / events,
        written: float(after.written - before.written) / 1_000.0 / events,
        idle,
        load,
    }
}

/// Prints a row for each size, content and server.
pub(crate) async fn print_sizes(folder: &Path, clock: &Clock) {
    println!("### Accepting, {CONNECTIONS} connections\n");
    println!(
        "| body | content | server | events/s | processor µs/event | written kB/event | p50 ms | p99 ms | p99.9 ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (name, sample) in bodies::SIZES {
        for content in Content::BOTH {
            let requests = Arc::new(bodies::requests(sample, content));
            for (title, candidate) in CANDIDATES {
                let cell = measure(candidate, &requests, Duration::from_millis(1_500), folder, clock).await;
                let Measured {
                    per_second,
                    p50,
                    p99,
                    p999,
                    refused,
                    ..
                } = cell.load;
                let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
                let refused = if refused > 0 {
                    format!(" ({refused} refused)")
                } else {
                    String::new()
                };
                println!(
                    "| {name} | {} | {title} | {per_second:.0}{refused} | {:.0} | {:.1} | {} | {} | {} |",
                    content.name(),
                    cell.processor,
                    cell.written,
                    ms(p50),
                    ms(p99),
                    ms(p999)
                );
            }
        }
    }
    println!();
}

/// The rounds of which the bars take the median.
const ROUNDS: usize = 3;

/// The servers of a round: (b), (c), (d).
const ROUND: [Candidate; 3] = [Baseline("hmac"), Baseline("durable"), Paused];

/// A row of the bars: its name, the bars for repetitive and for realistic bodies, and its value in a round.
type Row = (&'static str, &'static str, &'static str, fn(&[Cell; 3]) -> f64);

const ROWS: [Row; 7] = [
    ("events/s, (d) / (c)", "≥ 0.9", "≥ 0.6", |[_, c, d]| {
        d.load.per_second / c.load.per_second
    }),
    ("events/s, (d) / (b)", "≥ 0.28", "≥ 0.2", |[b, _, d]| {
        d.load.per_second / b.load.per_second
    }),
    ("p99, (d) / (c)", "≤ 2.5", "≤ 2.5", |[_, c, d]| {
        d.load.p99.as_secs_f64() / c.load.p99.as_secs_f64()
    }),
    ("written kB/event (d)", "≤ 12", "≤ 12", |[_, _, d]| d.written),
    ("processor µs/event (d)", "", "", |[_, _, d]| d.processor),
    ("events/s (d)", "", "", |[_, _, d]| d.load.per_second),
    ("idle resident memory MiB, this build", "", "", |[_, _, d]| d.idle),
];

/// Prints the ratios of the 8 kB push, with the bars.
pub(crate) async fn print_bars(folder: &Path, clock: &Clock) {
    let mut columns = Vec::new();
    for content in Content::BOTH {
        let requests = Arc::new(bodies::requests(bodies::PUSH, content));
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            let mut cells = [None, None, None];
            let mut order = [0, 1, 2];
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let cell = measure(ROUND[index], &requests, Duration::from_secs(2), folder, clock).await;
                cells[index] = Some(cell);
            }
            rounds.push(cells.map(Option::unwrap));
        }
        columns.push(ROWS.map(|(_, _, _, value)| {
            let mut values: Vec<f64> = rounds.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[ROUNDS / 2]
        }));
    }
    println!(
        "### Bars: push, 8 kB, signed, one route, one channel, {CONNECTIONS} connections; median of {ROUNDS} alternating rounds\n"
    );
    println!("| | repetitive | bar | realistic | bar |\n| --- | --- | --- | --- | --- |");
    for (index, (name, repetitive, realistic, _)) in ROWS.iter().enumerate() {
        println!(
            "| {name} | {:.2} | {repetitive} | {:.2} | {realistic} |",
            columns[0][index], columns[1][index]
        );
    }
    println!("\nThe bar of 15 MiB idle is for the shipped program: `tests/footprint`.\n");
}
