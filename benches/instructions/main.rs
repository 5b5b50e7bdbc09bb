//! Counts the instructions that an event takes, in parts: authenticate, parse, decide, store, deliver.
//!
//! This program runs itself under callgrind (Debian's package `valgrind`), for each body and each part once with `n` and once
//! with `2 n` events; the difference is what `n` events take. Two runs differ by about one per cent, also on a machine
//! where times differ much more.
//!
//! - `cargo bench --bench instructions` prints the counts beside those in `figures.md`, as a report: it never fails on them.
//!   `-- push`, or a part of another body's name, counts only that.
//! - `cargo bench --bench instructions -- --write` replaces `figures.md`. Do that with a change that moves them.
//! - `cargo bench --bench instructions -- flat` shows that they do not grow with what is stored, see [`flat`]. It takes some
//!   ten minutes and 3 GB of disk. `-- conversations` shows it for open conversations only.

#![expect(clippy::unwrap_used, reason = "a failed measurement may panic")]

mod events;
mod figures;
mod flat;
mod work;

use std::env;
use std::process::Command;
use work::{Part, Work};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|given| given != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => figures::print_changes(""),
        [only] if figures::has(only) => figures::print_changes(only),
        ["--write"] => figures::write(),
        ["flat"] => flat::print(),
        ["conversations"] => flat::print_conversations(),
        ["work", ..] => Work::from_arguments(&arguments[1..]).run(),
        _ => {
            eprintln!(
                "unknown arguments {arguments:?}; there are: --write, flat, conversations, and the names of bodies"
            );
            std::process::exit(2);
        }
    }
}

/// What a number of events takes.
struct Cost {
    instructions: u64,
    /// Bytes given to `write()`.
    written: u64,
}

/// Counts what `count` events take, as the difference of two processes. The second process finds what the first one
/// stored, if `work` names a store.
fn count(mut work: Work, count: usize) -> Cost {
    work.count = count;
    let once = run_counted(&work);
    work.first += count;
    work.count = 2 * count;
    let twice = run_counted(&work);
    Cost {
        instructions: twice.instructions.saturating_sub(once.instructions),
        written: twice.written.saturating_sub(once.written),
    }
}

fn run_counted(work: &Work) -> Cost {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command
        .arg(env::current_exe().unwrap())
        .arg("work")
        .args(work.to_arguments());
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run valgrind (Debian's package valgrind): {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let (_, collected) = text.rsplit_once("Collected : ").unwrap();
    Cost {
        instructions: collected.split_whitespace().next().unwrap().parse().unwrap(),
        written: String::from_utf8(output.stdout).unwrap().trim().parse().unwrap(),
    }
}
