//! The counts of each body and part, and the file in which they are kept.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use crate::{Part, Work, count};

/// Name, sample, and number of counted events.
const BODIES: [(&str, &str, usize); 4] = [
    ("alert, 0.9 kB", "alertmanager/firing__basic", 64),
    ("push, 8 kB", "github/push__branch-created", 64),
    ("pull request, 25 kB", "github/pull_request__opened", 64),
    ("1,000 alerts, 500 kB", "alertmanager/firing__1000-alerts", 4),
];

/// Thousands of instructions for one event: a row a body, a column a part.
type Figures = [[i64; Part::COUNTED.len()]; BODIES.len()];

/// Returns whether the name of a body contains `only`.
pub(crate) fn has(only: &str) -> bool {
    BODIES.iter().any(|(name, _, _)| name.contains(only))
}

/// Prints what is counted now, what is kept, and the change, for bodies whose names contain `only`.
pub(crate) fn print_changes(only: &str) {
    let (now, kept) = (measure(only), read());
    println!("Thousands of instructions for one event; kept: benches/instructions/figures.md\n");
    println!("| body | part | now | kept | change |\n| --- | --- | ---: | ---: | ---: |");
    for (body, (name, _, _)) in BODIES
        .iter()
        .enumerate()
        .filter(|(_, (name, _, _))| name.contains(only))
    {
        for (part, (_, title)) in Part::COUNTED.iter().enumerate() {
            let now = now[body][part];
            let (kept, change) = match kept.as_ref().map(|kept| kept[body][part]) {
                Some(kept) => (kept.to_string(), per_cent(now, kept)),
                None => ("–".to_owned(), "–".to_owned()),
            };
            println!("| {name} | {title} | {now} | {kept} | {change} |");
        }
    }
}

/// The change from `before` to `now` in per cent.
pub(crate) fn per_cent(now: i64, before: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "less than 2^52")]
    let change = (now - before) as f64 * 100.0 / before.max(1) as f64;
    format!("{change:+.1} %")
}

/// Replaces the kept figures.
pub(crate) fn write() {
    let mut text = String::from(
        "# Instructions of one event\n\nIn thousands, counted by callgrind. `cargo bench --bench instructions -- --write` replaces this file.\n\n| body |",
    );
    for (_, title) in Part::COUNTED {
        write!(text, " {title} |").unwrap();
    }
    writeln!(text, "\n| --- |{}", " ---: |".repeat(Part::COUNTED.len())).unwrap();
    for ((name, _, _), row) in BODIES.iter().zip(measure("")) {
        let cells: Vec<String> = row.iter().map(i64::to_string).collect();
        writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
    }
    fs::write(file(), &text).unwrap();
    print!("{text}");
}

/// Returns the kept figures. `None`: the file is of other bodies or parts.
fn read() -> Option<Figures> {
    let text = fs::read_to_string(file()).ok()?;
    let mut figures = Figures::default();
    for ((name, _, _), row) in BODIES.iter().zip(&mut figures) {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("| {name} |")))?;
        let cells: Result<Vec<i64>, _> = line
            .trim_end_matches('|')
            .split('|')
            .map(|cell| cell.trim().parse())
            .collect();
        *row = cells.ok()?.try_into().ok()?;
    }
    Some(figures)
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/figures.md")
}

/// Counts every part of the bodies whose names contain `only`, on all cores: counts do not depend on the load.
fn measure(only: &str) -> Figures {
    let mut cells = Vec::new();
    for body in (0..BODIES.len()).filter(|body| BODIES[*body].0.contains(only)) {
        cells.extend((0..Part::COUNTED.len()).map(|part| (body, part)));
    }
    let cells = Mutex::new(cells);
    let cumulative = Mutex::new(Figures::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while let Some((body, part)) = { cells.lock().unwrap().pop() } {
                    let (_, sample, events) = BODIES[body];
                    let work = Work {
                        part: Part::COUNTED[part].0,
                        sample: sample.to_owned(),
                        first: 0,
                        count: events,
                        channels: 1,
                        folder: String::new(),
                    };
                    let all = i64::try_from(count(work, events).instructions / 1_000).unwrap();
                    cumulative.lock().unwrap()[body][part] = all / i64::try_from(events).unwrap();
                }
            });
        }
    });
    let cumulative = cumulative.into_inner().unwrap();
    cumulative.map(|row| {
        std::array::from_fn(|part| row[part] - part.checked_sub(1).map_or(0, |before| row[before]))
    })
}
