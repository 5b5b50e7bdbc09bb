//! The Matrix dialect and a real homeserver: Synapse, as `tests/tools` installs it, and the program in front of it.

mod acts;
mod answers;
mod bridge;
mod limits;
mod once;
mod people;
mod relay;
mod rooms;
mod tokens;

use serde_json::Value;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;

use crate::program::Served;
use crate::senders::tool;
use people::Person;

/// `homeserver.yaml`. Nothing leaves the machine. The limits are raised for everything that the tests do, messages excepted.
const CONFIGURATION: &str = r#"
server_name: "bridge.test"
pid_file: homeserver.pid
database: { name: sqlite3, args: { database: homeserver.db } }
log_config: log.yaml
media_store_path: media
signing_key_path: signing.key
registration_shared_secret: "only-for-tests"
macaroon_secret_key: "only-for-tests-too"
form_secret: "only-for-tests-three"
report_stats: false
trusted_key_servers: []
federation_domain_whitelist: []
presence: { enabled: false }
rc_registration: { per_second: 10000, burst_count: 10000 }
rc_login:
  address: { per_second: 10000, burst_count: 10000 }
  account: { per_second: 10000, burst_count: 10000 }
rc_joins: { local: { per_second: 10000, burst_count: 10000 } }
rc_joins_per_room: { per_second: 10000, burst_count: 10000 }
rc_invites:
  per_room: { per_second: 10000, burst_count: 10000 }
  per_user: { per_second: 10000, burst_count: 10000 }
  per_issuer: { per_second: 10000, burst_count: 10000 }
rc_room_creation: { per_second: 10000, burst_count: 10000 }
"#;

/// No limit of messages.
const UNLIMITED: &str = "rc_message: { per_second: 10000, burst_count: 10000 }\n";

/// The log: warnings, and what the program reports of its start.
const LOG: &str = "
version: 1
handlers: { console: { class: logging.StreamHandler } }
loggers: { synapse.app: { level: INFO } }
root: { level: WARNING, handlers: [console] }
";

/// A key of the homeserver's own, so that it need not make one.
const SIGNING_KEY: &str = "ed25519 a_test a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s\n";

/// A running homeserver, stopped when dropped.
struct Homeserver {
    folder: TempDir,
    process: Mutex<Served>,
    /// Its address.
    url: String,
    /// The account that owns the rooms of the tests and administrates the homeserver.
    admin: Person,
    accounts: AtomicU32,
}

impl Homeserver {
    /// The homeserver that tests share. It limits nothing, and stops when the last test that uses it ends.
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Homeserver>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let homeserver = Arc::new(Self::start(UNLIMITED));
            *shared = Arc::downgrade(&homeserver);
            homeserver
        })
    }

    /// A homeserver of its own, with `more` in its configuration.
    fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let configuration = format!("{CONFIGURATION}{more}");
        for (name, text) in [
            ("log.yaml", LOG),
            ("signing.key", SIGNING_KEY),
            ("limits.yaml", &configuration),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let (process, port) = run(&folder, 0);
        let url = format!("http://127.0.0.1:{port}");
        let admin = Person::register(&url, "admin", true);
        Self {
            folder,
            process: Mutex::new(process),
            url,
            admin,
            accounts: AtomicU32::new(0),
        }
    }

    /// Ends it with this signal, and starts it again at the same address with the same database.
    fn restart(&self, signal: &str) {
        let mut process = self.process.lock().unwrap();
        process.signal(signal);
        process.end();
        let (_, port) = self.url.rsplit_once(':').unwrap();
        (*process, _) = run(&self.folder, port.parse().unwrap());
    }

    /// A new account, logged in with the device `TWAKEBRIDGE`.
    fn bot(&self) -> Person {
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        let name = format!("bridge{number}");
        Person::register(&self.url, &name, false);
        Person::log_in(&self.url, &name, false)
    }

    /// The same, with a token that expires.
    fn renewable_bot(&self) -> Person {
        let bot = self.bot();
        let name = bot
            .id
            .trim_start_matches('@')
            .split(':')
            .next()
            .unwrap()
            .to_owned();
        Person::log_in(&self.url, &name, true)
    }

    /// Asks Synapse's API for administrators.
    fn administrate(&self, method: &str, path: &str, body: &Value) -> Value {
        self.admin.ask(method, &format!("/_synapse/admin/{path}"), body)
    }
}

impl Drop for Homeserver {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        process.signal("TERM");
        process.end();
    }
}

/// Starts Synapse at this port (0: at a free one) and waits until it listens; returns it with its port.
fn run(folder: &TempDir, port: u16) -> (Served, u16) {
    let listeners = format!(
        "listeners: [{{ port: {port}, bind_addresses: [127.0.0.1], type: http, resources: [{{ names: [client] }}] }}]\n"
    );
    fs::write(folder.path().join("listeners.yaml"), listeners).unwrap();
    let mut command = Command::new(tool("synapse/bin/python"));
    command
        .args(["-m", "synapse.app.homeserver"])
        .args(["-c", "limits.yaml", "-c", "listeners.yaml"])
        .current_dir(folder.path());
    let mut process = Served::spawn(command);
    let line = process.wait_for("now listening on TCP port ");
    let port = line.rsplit(' ').next().unwrap().parse().unwrap();
    (process, port)
}
