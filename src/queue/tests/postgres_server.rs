//! A PostgreSQL server for tests, without root, systemd or Debian's cluster: a cluster in a temporary folder, on a free port
//! of the loopback address, and one database for each test. The tests of the program (`tests/it`) use this file, too.
//!
//! A shell guards each server. It waits for the end of its standard input, which comes when the server is dropped and also
//! when the test process dies, stops the server, and removes the folder. So no server outlives its tests.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// `initdb` and `postgres` refuse to run as root. Where the tests run as root, their processes run as this user, `nobody`.
const UNPRIVILEGED: u32 = 65_534;

/// The user of the database whom the server trusts on the loopback address and on its socket.
pub(crate) const USER: &str = "bridge";

/// What the guard does. Its arguments are the folder of PostgreSQL's programs and the folder of the server.
const GUARD: &str = r#"
read -r _
for data in "$2"/*/; do
    if [ -e "$data/postmaster.pid" ]; then
        kill -s CONT -- "-$(head -n 1 "$data/postmaster.pid")"
        "$1/pg_ctl" -D "$data" -m immediate -w stop
    fi
done
rm -rf "$2"
"#;

/// A server with its folder. It is stopped and removed when it is dropped.
pub(crate) struct PostgresServer {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    guard: Child,
}

impl PostgresServer {
    /// The server that the tests of a process share. `None` where PostgreSQL is not installed, except in CI: there the test
    /// fails.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        programs().map(|programs| SHARED.get_or_init(|| Self::start_from(programs, "")))
    }

    /// Starts a server with these lines in its `postgresql.conf`. `None` as for [`Self::shared`].
    pub(crate) fn start(configuration: &str) -> Option<Self> {
        programs().map(|programs| Self::start_from(programs, configuration))
    }

    fn start_from(programs: PathBuf, configuration: &str) -> Self {
        let mut server = Self::unstarted(programs);
        // Durability against a crash of the machine is not tested, and each fsync takes time.
        run(server
            .program("initdb")
            .arg("-D")
            .arg(server.data())
            .args(["-U", USER, "--auth=trust", "--no-locale", "-E", "UTF8"])
            .args(["--no-sync", "--no-instructions"]));
        server.listen_and_start(&format!("max_connections = 100\nfsync = off\n{configuration}"));
        server
    }

    /// Starts a replica of the server, which follows it until it is promoted.
    pub(crate) fn standby(&self) -> Self {
        let mut standby = Self::unstarted(self.programs.clone());
        run(standby
            .program("pg_basebackup")
            .arg("-D")
            .arg(standby.data())
            .args(["-h", "127.0.0.1", "-U", USER, "-p", &self.port.to_string()])
            .args(["-R", "-X", "stream", "-c", "fast", "--no-sync"]));
        standby.listen_and_start("");
        standby
    }

    /// A folder and its guard, without a cluster.
    fn unstarted(programs: PathBuf) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            guard: guard(&programs, folder.path()),
            folder: folder.keep(),
            programs,
            port: 0,
        }
    }

    /// Adds lines to the configuration, and starts the server on a free port.
    fn listen_and_start(&mut self, configuration: &str) {
        let before = fs::read_to_string(self.data().join("postgresql.conf")).unwrap();
        let sockets = self.folder.display();
        // Another process may take the port between the choice and the start.
        for port in free_ports().take(20) {
            self.port = port;
            // The last line with a name counts.
            let own = format!(
                "{configuration}\nlisten_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{sockets}'\n"
            );
            self.write("postgresql.conf", &(before.clone() + &own));
            if self.control(&["-w", "-t", "60", "start"]).status.success() {
                return;
            }
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            assert!(log.contains("could not bind"), "PostgreSQL did not start: {log}");
        }
        panic!("no free port for PostgreSQL");
    }

    /// The address of one of its databases, over TCP and without TLS, as the bridge takes it.
    pub(crate) fn address(&self, database: &str) -> String {
        format!(
            "postgres://{USER}@127.0.0.1:{}/{database}?sslmode=disable",
            self.port
        )
    }

    /// Makes a database for a test: empty, or a copy of `template`. Nobody may be connected to the template.
    pub(crate) fn database(&self, template: Option<&str>) -> TestDatabase<'_> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let template = template.unwrap_or("template1");
        self.sql("postgres", &format!("create database {name} template {template}"));
        TestDatabase { server: self, name }
    }

    /// Runs SQL by `psql`, and returns what it prints: the rows, a line each, with `|` between columns.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let port = self.port.to_string();
        let mut psql = self.program("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", USER])
            .args(["-p", &port, "-d", database, "-c", sql]);
        let output = run(&mut psql);
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Writes a file into the folder of the cluster, readable only for the server.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.data().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let owner = fs::metadata(self.data()).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    /// Runs `pg_ctl` on the cluster.
    pub(crate) fn control(&self, arguments: &[&str]) -> Output {
        let mut control = self.program("pg_ctl");
        control.arg("-D").arg(self.data()).arg("-l").arg(self.log());
        control.args(arguments).output().unwrap()
    }

    /// A program of PostgreSQL, run as the user of the server.
    fn program(&self, name: &str) -> Command {
        unprivileged(self.programs.join(name), &self.folder)
    }

    /// The folder of the cluster.
    fn data(&self) -> PathBuf {
        self.folder.join("main")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("main.log")
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // This ends the guard's standard input.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// A database of a server. It is dropped with this value.
pub(crate) struct TestDatabase<'a> {
    server: &'a PostgresServer,
    name: String,
}

impl TestDatabase<'_> {
    /// Its address, as the bridge takes it.
    pub(crate) fn address(&self) -> String {
        self.server.address(&self.name)
    }

    /// Runs SQL in it, as [`PostgresServer::sql`] does.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql)
    }
}

impl Drop for TestDatabase<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let drop = format!("drop database {} with (force)", self.name);
            self.server.sql("postgres", &drop);
        }
    }
}

/// Runs a program that must succeed.
fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {printed}");
    output
}

/// The folder of PostgreSQL's programs as Debian installs them, of the latest version.
#[expect(
    clippy::disallowed_methods,
    reason = "only the bridge must not read the environment elsewhere"
)]
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let version = |path: PathBuf| Some((path.file_name()?.to_str()?.parse::<u32>().ok()?, path.join("bin")));
    let found = versions
        .filter_map(|entry| version(entry.ok()?.path()))
        .filter(|(_, programs)| programs.join("postgres").exists())
        .max();
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "PostgreSQL is not installed: run tests/tools"
        );
        eprintln!("SKIPPED, because PostgreSQL is not installed: run tests/tools");
    }
    found.map(|(_, programs)| programs)
}

/// Gives the folder to the user of the server, and starts its guard.
fn guard(programs: &Path, folder: &Path) -> Child {
    if fs::metadata(folder).unwrap().uid() == 0 {
        chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
    }
    let mut shell = unprivileged("/bin/sh".into(), folder);
    shell.args(["-c", GUARD, "guard"]).arg(programs).arg(folder);
    // A process group of its own: Ctrl-C ends the tests, and the guard afterwards stops the server.
    shell.process_group(0).stdin(Stdio::piped());
    shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A program with an empty environment, run as the owner of the folder.
fn unprivileged(program: PathBuf, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .current_dir("/");
    let owner = fs::metadata(folder).unwrap();
    if owner.uid() == UNPRIVILEGED {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// Ports outside the range of outgoing connections, from a random one on, that nobody listens at.
pub(crate) fn free_ports() -> impl Iterator<Item = u16> {
    let first = fastrand::u16(20_000..29_000);
    (first..30_000).filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
}
