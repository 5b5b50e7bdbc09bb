//! Metrics of the process, with the names that Prometheus' client libraries use. They are read from `/proc` at each scrape.
//! A value that cannot be read is left out; so outside Linux all are.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::fs;

/// `USER_HZ`: the unit of times in `/proc/self/stat`, per second. It is 100 on every architecture of Linux that Rust's
/// standard library supports.
const TICKS: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut write = |name: &str, unit: Option<Unit>, help: &str, value: Option<f64>, counts: bool| {
            let Some(value) = value else {
                return Ok(());
            };
            let metric: &dyn EncodeMetric = if counts {
                &ConstCounter::new(value)
            } else {
                &ConstGauge::new(value)
            };
            metric.encode(encoder.encode_descriptor(name, help, unit.as_ref(), metric.metric_type())?)
        };
        let (bytes, seconds) = (|| Some(Unit::Bytes), || Some(Unit::Seconds));
        let Times { cpu, start } = Times::read();
        write(
            "process_cpu",
            seconds(),
            "CPU time, of user and system",
            cpu,
            true,
        )?;
        let help = "When the process was started, since 1970";
        write("process_start_time", seconds(), help, start, false)?;
        let memory = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = kibibytes(&memory, "VmRSS:");
        write(
            "process_resident_memory",
            bytes(),
            "Resident memory",
            resident,
            false,
        )?;
        let virtual_memory = kibibytes(&memory, "VmSize:");
        write(
            "process_virtual_memory",
            bytes(),
            "Virtual memory",
            virtual_memory,
            false,
        )?;
        let open = fs::read_dir("/proc/self/fd").ok();
        // One of them is that of the folder.
        let open = open.and_then(|files| u32::try_from(files.count()).ok()?.checked_sub(1));
        write(
            "process_open_fds",
            None,
            "Open file descriptors",
            open.map(f64::from),
            false,
        )?;
        let help = "Limit of open file descriptors";
        write("process_max_fds", None, help, file_limit(), false)
    }
}

/// Times of the process, in seconds.
struct Times {
    cpu: Option<f64>,
    /// Since 1970.
    start: Option<f64>,
}

impl Times {
    fn read() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The second field is the name of the program in parentheses, and may contain spaces.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
        // The number of a field in proc(5). The rest begins with a space before the third field.
        let seconds = |number: usize| Some(fields.get(number - 2)?.parse::<f64>().ok()? / TICKS);
        let system = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot = system.lines().find_map(|line| line.strip_prefix("btime "));
        let boot = boot.and_then(|time| time.trim().parse::<f64>().ok());
        Self {
            cpu: seconds(14).zip(seconds(15)).map(|(user, system)| user + system),
            start: boot.zip(seconds(22)).map(|(boot, start)| boot + start),
        }
    }
}

/// A value of `/proc/self/status` in bytes.
fn kibibytes(status: &str, key: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(value.trim().strip_suffix(" kB")?.parse::<f64>().ok()? * 1024.0)
}

fn file_limit() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_process_is_read() {
        let Times { cpu, start } = Times::read();
        assert!(cpu.unwrap() >= 0.0);
        // After 2020 and before 2100.
        assert!((1.577e9..4.1e9).contains(&start.unwrap()), "{start:?}");
        let status = fs::read_to_string("/proc/self/status").unwrap();
        assert!(kibibytes(&status, "VmRSS:").unwrap() > 1024.0);
        assert!(kibibytes(&status, "VmSize:").unwrap() > 1024.0);
        assert!(file_limit().unwrap() > 0.0);
    }
}
