//! The `twake-bridge` program: arguments to a command to an exit code.

fn main() -> std::process::ExitCode {
    twake_bridge::cli::run()
}
