//! The servers under load, each in a process of its own, and what they use of the machine.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::chat::Chat;

pub(crate) const SECRET: &str = "It's a Secret to Everybody";
pub(crate) const BEARER: &str = "token";

/// A running server. It is killed when this value is dropped.
pub(crate) struct Server {
    child: Child,
    /// The address of its listener.
    pub(crate) address: String,
}

/// What a process has used since its start.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Processor time in seconds, of all threads.
    pub(crate) processor: f64,
    /// Bytes given to `write()`, those to sockets included.
    pub(crate) written: u64,
}

impl Server {
    /// Starts this program as a baseline, see [`crate::baselines`].
    pub(crate) fn baseline(work: &str, folder: &Path) -> Self {
        clear(folder);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["baseline", work]).arg(folder.join("naive.db"));
        Self::start(command)
    }

    /// Starts the release binary with a new store, one source of each kind, and channels of `chat`. With one channel, every
    /// event goes to it. With more, the header `x-channel` of a push names one.
    pub(crate) fn bridge(folder: &Path, chat: &Chat, channels: usize) -> Self {
        clear(folder);
        Self::bridge_again(folder, chat, channels)
    }

    /// Like [`Server::bridge`], with the store that is there.
    pub(crate) fn bridge_again(folder: &Path, chat: &Chat, channels: usize) -> Self {
        for (name, text) in [("twake", "private"), ("github", SECRET), ("token", BEARER)] {
            fs::write(folder.join(name), text).unwrap();
        }
        let route = match channels {
            1 => "channels = [\"c0\"]",
            _ => "routes = [{ by = 'headers[\"x-channel\"]' }]",
        };
        let mut config = format!(
            "[twake.chat]\nurl = \"{}\"\npublic_id = \"public\"\nprivate_api_key = {{ file = \"twake\" }}\ngroup_id = \"company\"\n\
             [sources.github]\nkind = \"github\"\nsecrets = [{{ file = \"github\" }}]\n{route}\n\
             [sources.alertmanager]\nkind = \"alertmanager\"\nsecrets = [{{ file = \"token\", scheme = \"bearer\" }}]\nchannels = [\"c0\"]\n\
             [delivery]\ndigest_above = 0\nrate = \"1000000/s\"\n[channels]\n",
            chat.url
        );
        for channel in 0..channels {
            writeln!(config, "c{channel} = \"id-{channel}\"").unwrap();
        }
        let path = folder.join("bridge.toml");
        fs::write(&path, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_twake-bridge"));
        let store = format!("sqlite:{}", folder.join("bridge.db").display());
        command
            .args(["serve", "--config"])
            .arg(&path)
            .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0")
            .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0")
            .env("TWAKE_BRIDGE_STORE", store)
            .env("RUST_LOG", "twake_bridge::cli=info,error");
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the server ended");
            if let Some((_, rest)) = line.split_once("address=") {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    pub(crate) fn usage(&self) -> Usage {
        let stat = self.proc("stat");
        // The fields after the name, which may contain blanks. Two of them count hundredths of a second.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks: f64 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(|field| field.parse::<f64>().unwrap())
            .sum();
        let written = number_after(&self.proc("io"), "wchar:");
        Usage {
            processor: ticks / 100.0,
            written,
        }
    }

    /// Resident memory in bytes: `VmRSS:` is the present one, `VmHWM:` the peak.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        number_after(&self.proc("status"), field) * 1024
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Removes the stores of earlier servers.
fn clear(folder: &Path) {
    for file in fs::read_dir(folder).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
