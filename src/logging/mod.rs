//! The log: one line per record on standard error, values as `key=value` or the line as JSON, filtered by `RUST_LOG`.
//!
//! Logging never blocks: a thread writes the lines, and lines are dropped while standard error is not read (`queue`). Text from
//! outside cannot forge a line or a value (`escape`). Records that anybody can cause are limited (`limiter`).

mod escape;
mod json;
mod limiter;
mod queue;

use anstream::AutoStream;
use env_logger::fmt::{ConfigurableFormat, Formatter, TimestampPrecision};
use env_logger::{Builder, Env, Target};
use log::{Level, Log, Metadata, Record};
use std::error::Error;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::Clock;
use crate::panics;
use limiter::Limiter;
use queue::Queue;

/// The target of records that anybody can cause without authentication. At most ten per second and level are written.
pub const STRANGER: &str = "twake_bridge/stranger";

/// How long the process waits at its end if standard error is not read.
const LAST_LINES: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();
static LIMITED: AtomicU64 = AtomicU64::new(0);

/// The format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Time, level, message, values as `key=value`.
    Text,
    /// A JSON object.
    Json,
}

/// Starts the log at this level unless `RUST_LOG` selects another one. Further calls do nothing.
///
/// `journal` is `JOURNAL_STREAM` of the environment. If standard error is that stream, the journal records the time of each
/// line, and takes its level from a prefix ("<4>", see sd-daemon(3)), so that `journalctl -p warning` shows warnings.
pub fn start(default: &str, lines: Format, journal: Option<&str>) {
    // A second logger in one process (tests) is not an error.
    if QUEUE.get().is_some() {
        return;
    }
    // The server's records about its threads do not help an operator.
    let default = format!("{default},actix_server=warn");
    let mut builder = Builder::new();
    builder
        .write_style(AutoStream::choice(&io::stderr()).into())
        .parse_env(Env::default().default_filter_or(default))
        .format(format(lines, journal.is_some_and(is_standard_error)));
    match queue::start(|dropped| log::warn!("{dropped} log lines were dropped: standard error was not read"))
    {
        Ok(queue) => {
            builder.target(Target::Pipe(Box::new(queue::Lines(Arc::clone(&queue)))));
            let _ = QUEUE.set(queue);
        }
        // The thread could not be started. A log that may block is better than none.
        Err(_) => drop(builder.target(Target::Stderr)),
    }
    let inner = builder.build();
    let level = inner.filter();
    if log::set_boxed_logger(Box::new(Limited::new(inner, Clock::system()))).is_ok() {
        log::set_max_level(level);
        panics::report_to_the_log();
    }
}

/// Waits until all lines are written, at most a second. Returns whether they are. If not, nobody reads standard error.
pub fn flush() -> bool {
    log::logger().flush();
    QUEUE.get().is_none_or(|queue| queue.flush(LAST_LINES))
}

/// Lines missing from the log since the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Dropped, because standard error was not read or could not be written.
    pub dropped: u64,
    /// Not written because of the limit for records that anybody can cause.
    pub limited: u64,
}

/// How many lines are missing from the log.
pub fn missing() -> Missing {
    Missing {
        dropped: QUEUE.get().map_or(0, |queue| queue.dropped()),
        limited: LIMITED.load(Ordering::Relaxed),
    }
}

/// Whether standard error is this stream, "device:inode". It may have been redirected (systemd.exec(5)).
fn is_standard_error(stream: &str) -> bool {
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

/// Formats a record as one line, with everything escaped.
fn format(lines: Format, for_the_journal: bool) -> impl Fn(&mut Formatter, &Record<'_>) -> io::Result<()> {
    let clock = Clock::system();
    let mut line = ConfigurableFormat::default();
    line.target(false).indent(None).key_values(escape::key_values);
    if for_the_journal {
        line.timestamp(None).level(false);
    } else {
        line.timestamp(Some(TimestampPrecision::Millis));
    }
    move |out, record| {
        if for_the_journal {
            write!(out, "<{}>", priority(record.level()))?;
        }
        if lines == Format::Json {
            return writeln!(out, "{}", json::line(record, clock.now()));
        }
        let message = escape::Escaped(record.args());
        line.format(out, &record.to_builder().args(format_args!("{message}")).build())
    }
}

/// The priority of syslog(3) for a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Limits records that anybody can cause: those with the target [`STRANGER`], and what libraries log about connections.
struct Limited<L> {
    inner: L,
    limiter: Limiter,
    clock: Clock,
}

impl<L: Log> Limited<L> {
    fn new(inner: L, clock: Clock) -> Self {
        Self {
            inner,
            limiter: Limiter::default(),
            clock,
        }
    }

    fn log_omitted(&self, level: Level, number: u64) {
        if number > 0 {
            let mut record = Record::builder();
            record.level(level).target(STRANGER);
            self.inner.log(
                &record
                    .args(format_args!("{number} more like this were not logged"))
                    .build(),
            );
        }
    }
}

impl<L: Log> Log for Limited<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let record = &lowered(record);
        let metadata = record.metadata();
        if !is_limited(metadata) {
            return self.inner.log(record);
        }
        if !self.inner.enabled(metadata) {
            return;
        }
        match self.limiter.admit(record.level(), self.clock.monotonic()) {
            Some(omitted) => {
                self.log_omitted(record.level(), omitted);
                self.inner.log(record);
            }
            None => drop(LIMITED.fetch_add(1, Ordering::Relaxed)),
        }
    }

    fn flush(&self) {
        for level in Level::iter() {
            self.log_omitted(level, self.limiter.take_omitted(level));
        }
        self.inner.flush();
    }
}

/// Lowers errors of the HTTP server to debug: it logs each malformed request as an error, without the address of the peer.
fn lowered<'a>(record: &'a Record<'a>) -> Record<'a> {
    let mut copy = record.to_builder();
    if record.target().starts_with("actix_http") && record.level() < Level::Debug {
        copy.level(Level::Debug);
    }
    copy.build()
}

fn is_limited(metadata: &Metadata<'_>) -> bool {
    let own = metadata.target().starts_with("twake_bridge");
    metadata.target() == STRANGER || (!own && metadata.level() < Level::Debug)
}

/// An error and its sources in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests;
