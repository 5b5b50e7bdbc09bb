//! The log: one line an occurrence on standard error, values as `key=value`, filtered by `RUST_LOG`.

use env_logger::{Builder, Env, Target};
use std::error::Error;

/// Starts the log at this level unless `RUST_LOG` says otherwise. Calling it again changes nothing.
pub fn start(default: &str) {
    // The server's own lines about its threads say nothing to an operator.
    let default = format!("{default},actix_server=warn");
    let mut builder = Builder::from_env(Env::default().default_filter_or(default));
    // A second logger in one process (tests) is not an error.
    let _ = builder
        .target(Target::Stderr)
        .format_target(false)
        .format_timestamp_millis()
        .try_init();
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
