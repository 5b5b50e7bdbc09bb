//! The log: one line an occurrence on standard error, values as `key=value`, filtered by `RUST_LOG`.

use env_logger::fmt::{ConfigurableFormat, Formatter};
use env_logger::{Builder, Env, Target};
use log::{Level, Record};
use std::error::Error;
use std::io::{self, Write as _};

/// Starts the log at this level unless `RUST_LOG` says otherwise. Calling it again changes nothing.
///
/// `journal` is `JOURNAL_STREAM` of the environment: where standard error is that stream, the journal notes time and
/// level of each line itself, which are then told as it wants them ("<4>", see sd-daemon(3)), so that
/// `journalctl -p warning` shows warnings.
pub fn start(default: &str, journal: Option<&str>) {
    // The server's own lines about its threads say nothing to an operator.
    let default = format!("{default},actix_server=warn");
    let mut builder = Builder::from_env(Env::default().default_filter_or(default));
    builder
        .target(Target::Stderr)
        .format_target(false)
        .format_timestamp_millis();
    if journal.is_some_and(is_standard_error) {
        builder.format(for_the_journal());
    }
    // A second logger in one process (tests) is not an error.
    let _ = builder.try_init();
}

/// Whether standard error is this stream, "device:inode": a child's may have been sent elsewhere (systemd.exec(5)).
fn is_standard_error(stream: &str) -> bool {
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| stream == format!("{}:{}", stat.st_dev, stat.st_ino))
}

fn for_the_journal() -> impl Fn(&mut Formatter, &Record<'_>) -> io::Result<()> {
    let mut line = ConfigurableFormat::default();
    line.timestamp(None).level(false).target(false);
    move |out, record| {
        write!(out, "<{}>", priority(record.level()))?;
        line.format(out, record)
    }
}

/// A level as syslog(3) counts.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// An error and everything beneath it, in one line.
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
