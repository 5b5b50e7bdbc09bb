//! The environment variables of the process: its settings, and secrets. Nothing else reads them.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::store_address::{checked, credential, on_server, option};
use crate::suggest::nearest;
use crate::toml_reader::Finding;

const PREFIX: &str = "TWAKE_BRIDGE_";

/// The names of the variables, without the prefix.
const KNOWN: &[&str] = &["CONFIG", "LISTEN", "LOG", "OPERATOR_LISTEN", "STORE"];

/// The settings of the process (`TWAKE_BRIDGE_…`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ProcessSettings {
    /// The path of `bridge.toml`.
    pub config: PathBuf,
    /// The address of the public listener, `host:port`.
    pub listen: String,
    /// The address of the operator's listener, `host:port`.
    pub operator_listen: String,
    /// The store of the queue: `sqlite:path`, or `postgres://…` without a password.
    pub store: String,
    /// The format of the log: `text` or `json`. [`logs_json`] reads it earlier.
    pub log: String,
}

impl Default for ProcessSettings {
    fn default() -> Self {
        Self {
            config: PathBuf::from("bridge.toml"),
            listen: "127.0.0.1:8080".to_owned(),
            operator_listen: "127.0.0.1:8081".to_owned(),
            store: "sqlite:twake-bridge.db".to_owned(),
            log: "text".to_owned(),
        }
    }
}

/// The environment of a configuration: variables and folders that its file refers to. Variables may be secrets, so it has
/// no `Debug`.
#[derive(Clone)]
pub struct Environment {
    /// The files that secrets were read from. `check --live` examines their permissions.
    secret_files: Arc<Mutex<BTreeSet<PathBuf>>>,
    variables: BTreeMap<String, String>,
    operator_listen: String,
}

/// The variables of the process, read and checked.
pub struct Variables {
    /// The settings of the process.
    pub settings: ProcessSettings,
    /// The environment of the configuration.
    pub environment: Environment,
    /// Whether `NO_COLOR` asks for plain output.
    pub no_color: bool,
    /// Variables that are probably misspelt.
    pub warnings: Vec<Finding>,
}

/// Reads the variables of the process. Ignores variables that are not UTF-8.
///
/// # Errors
/// All wrong settings.
pub fn read() -> Result<Variables, Vec<Finding>> {
    let variables = std::env::vars_os();
    of(variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))))
}

/// Reads `JOURNAL_STREAM`, by which systemd describes the journal's stream. It is read first, because the log needs it to
/// report mistakes in other variables.
pub fn journal() -> Option<String> {
    variable("JOURNAL_STREAM")
}

/// Whether `TWAKE_BRIDGE_LOG` selects JSON. It is read first, because the log reports mistakes in other variables.
pub fn logs_json() -> bool {
    variable("TWAKE_BRIDGE_LOG").is_some_and(|format| format == "json")
}

/// Reads `LISTEN_FDNAMES`, the names of the sockets that systemd passes, separated by colons. See sd_listen_fds(3).
pub fn socket_names() -> Option<String> {
    variable("LISTEN_FDNAMES")
}

fn variable(variable: &str) -> Option<String> {
    std::env::vars_os()
        .find(|(name, _)| name == variable)
        .and_then(|(_, value)| value.into_string().ok())
}

/// Checks any variables, as [`read`] does those of the process.
///
/// # Errors
/// All wrong settings.
pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Result<Variables, Vec<Finding>> {
    let variables: BTreeMap<String, String> = variables.into_iter().collect();
    let own = || {
        variables
            .iter()
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
    };
    let finding =
        |name: &str, what: String| Finding::error("environment", None, &format!("{PREFIX}{name}"), what);
    let mut settings: ProcessSettings = envy::prefixed(PREFIX)
        .from_iter(own().map(|(name, value)| (name.clone(), value.clone())))
        .map_err(|error| vec![finding("*", error.to_string())])?;

    let mut wrong = Vec::new();
    for (name, address) in [
        ("LISTEN", &settings.listen),
        ("OPERATOR_LISTEN", &settings.operator_listen),
    ] {
        if !is_address(address) {
            wrong.push(finding(
                name,
                format!("`{address}` is not an address; write host:port, such as 127.0.0.1:8080"),
            ));
        }
    }
    let credentials = variables.get("CREDENTIALS_DIRECTORY");
    match checked(&settings.store, credentials.map(Path::new)) {
        Ok(store) => settings.store = store,
        Err(why) => wrong.push(finding("STORE", why)),
    }
    if !["text", "json"].contains(&settings.log.as_str()) {
        wrong.push(finding(
            "LOG",
            format!("the log has no format `{}`; write text or json", settings.log),
        ));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let warnings = own()
        .filter_map(|(name, _)| {
            let rest = name.strip_prefix(PREFIX).filter(|rest| !KNOWN.contains(rest))?;
            let near = match nearest(rest, KNOWN.iter().copied()) {
                Some(near) => format!("no such setting, did you mean {PREFIX}{near}?"),
                None => format!(
                    "no such setting; known are {PREFIX}{}",
                    KNOWN.join(&format!(", {PREFIX}"))
                ),
            };
            Some(Finding::warning("environment", None, name, near))
        })
        .collect();
    let environment = Environment {
        secret_files: Arc::default(),
        operator_listen: settings.operator_listen.clone(),
        variables: variables.clone(),
    };
    if let Some(file) = option(&settings.store, "password_file") {
        environment.read_secret(Path::new(&*file));
    }
    Ok(Variables {
        no_color: variables.get("NO_COLOR").is_some_and(|value| !value.is_empty()),
        environment,
        settings,
        warnings,
    })
}

fn is_address(address: &str) -> bool {
    let parts = address.rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

impl Environment {
    /// Returns an empty environment, with the default address of the operator's listener.
    pub fn none() -> Self {
        Self {
            secret_files: Arc::default(),
            variables: BTreeMap::new(),
            operator_listen: ProcessSettings::default().operator_listen,
        }
    }

    /// Returns an environment with these variables. They may set the address of the operator's listener.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        let given = variables
            .get("TWAKE_BRIDGE_OPERATOR_LISTEN")
            .filter(|address| !address.is_empty());
        let operator_listen = given
            .cloned()
            .unwrap_or_else(|| ProcessSettings::default().operator_listen);
        Self {
            secret_files: Arc::default(),
            variables,
            operator_listen,
        }
    }

    /// Sets the address of the operator's listener, if it is bound already.
    #[must_use]
    pub fn with_operator_at(self, address: SocketAddr) -> Self {
        Self {
            operator_listen: address.to_string(),
            ..self
        }
    }

    /// Returns the files that secrets were read from so far.
    pub fn secret_files(&self) -> Vec<PathBuf> {
        self.files().iter().cloned().collect()
    }

    pub(super) fn read_secret(&self, file: &Path) {
        self.files().insert(file.to_owned());
    }

    fn files(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        // A panic cannot leave the set half changed.
        self.secret_files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Returns the file of a credential of systemd's.
    pub(super) fn credential(&self, name: &str) -> Result<PathBuf, String> {
        credential(name, self.variable("CREDENTIALS_DIRECTORY").map(Path::new))
    }

    /// Returns the folder where the bridge keeps what it has to remember: that of the store; with a store on a server, the
    /// folder that systemd gives to the service, or else the current one.
    pub(super) fn state_folder(&self) -> PathBuf {
        let default = ProcessSettings::default().store;
        let store = self
            .variable("TWAKE_BRIDGE_STORE")
            .filter(|store| !store.is_empty());
        let store = store.unwrap_or(&default);
        if on_server(store).is_some() {
            let folders = self.variable("STATE_DIRECTORY").unwrap_or_default();
            return folders.split(':').next().map(PathBuf::from).unwrap_or_default();
        }
        let path = Path::new(store.strip_prefix("sqlite:").unwrap_or(store));
        path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Returns the address of the operator's listener, and whether it is a loopback address.
    pub(super) fn operator_listen(&self) -> (&str, bool) {
        let address = self.operator_listen.as_str();
        let loopback = match address.parse::<SocketAddr>() {
            Ok(address) => address.ip().to_canonical().is_loopback(),
            Err(_) => address
                .rsplit_once(':')
                .is_some_and(|(host, _)| host == "localhost"),
        };
        (address, loopback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> Result<Variables, Vec<String>> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        of(pairs).map_err(|findings| findings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        for pairs in [&[][..], &[("TWAKE_BRIDGE_LISTEN", "")]] {
            let variables = given(pairs).unwrap();
            assert_eq!(variables.settings, ProcessSettings::default());
            assert!(variables.warnings.is_empty() && !variables.no_color);
        }
    }

    #[test]
    fn settings_are_taken_from_their_variables() {
        let variables = given(&[
            ("TWAKE_BRIDGE_CONFIG", "/etc/b.toml"),
            ("TWAKE_BRIDGE_LISTEN", "[::]:80"),
            ("TWAKE_BRIDGE_OPERATOR_LISTEN", "localhost:0"),
            ("TWAKE_BRIDGE_STORE", "sqlite:/var/x.db"),
            ("TWAKE_BRIDGE_LOG", "json"),
            ("NO_COLOR", "1"),
        ])
        .unwrap();
        let expected = ProcessSettings {
            config: PathBuf::from("/etc/b.toml"),
            listen: "[::]:80".to_owned(),
            operator_listen: "localhost:0".to_owned(),
            store: "sqlite:/var/x.db".to_owned(),
            log: "json".to_owned(),
        };
        assert_eq!(variables.settings, expected);
        assert!(variables.no_color);
        assert_eq!(variables.environment.operator_listen(), ("localhost:0", true));
    }

    #[test]
    fn an_unknown_variable_is_a_warning_with_the_nearest_name() {
        let variables = given(&[
            ("TWAKE_BRIDGE_LISTEM", "x"),
            ("TWAKE_BRIDGE_SERVICE_HOST", "10.0.0.1"),
        ])
        .unwrap();
        let warnings: Vec<String> = variables.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "environment: TWAKE_BRIDGE_LISTEM: no such setting, did you mean TWAKE_BRIDGE_LISTEN?",
                "environment: TWAKE_BRIDGE_SERVICE_HOST: no such setting; known are TWAKE_BRIDGE_CONFIG, \
                 TWAKE_BRIDGE_LISTEN, TWAKE_BRIDGE_LOG, TWAKE_BRIDGE_OPERATOR_LISTEN, TWAKE_BRIDGE_STORE",
            ]
        );
    }

    #[test]
    fn every_wrong_setting_is_found() {
        let findings = given(&[
            ("TWAKE_BRIDGE_LISTEN", "8080"),
            ("TWAKE_BRIDGE_OPERATOR_LISTEN", ":99999"),
            ("TWAKE_BRIDGE_STORE", "mysql://x"),
            ("TWAKE_BRIDGE_LOG", "jsno"),
        ])
        .err()
        .unwrap();
        assert_eq!(findings.len(), 4, "{findings:?}");
        assert!(findings[0].contains("TWAKE_BRIDGE_LISTEN: `8080` is not an address"));
    }

    #[test]
    fn the_address_of_a_server_names_a_credential_or_a_file_for_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = folder.path().join("a & b");
        std::fs::create_dir(&credentials).unwrap();
        let encoded = format!("{}/a%20%26%20b", folder.path().display());
        for (store, expected, file) in [
            ("postgres://b@db/x", "postgres://b@db/x".to_owned(), None),
            (
                "postgres://b@db/x?password_credential=pg&sslmode=require",
                format!("postgres://b@db/x?password_file={encoded}/pg&sslmode=require"),
                Some(credentials.join("pg")),
            ),
            (
                "postgresql://b@db/x?password_file=/etc/a%20b",
                "postgresql://b@db/x?password_file=/etc/a%20b".to_owned(),
                Some(PathBuf::from("/etc/a b")),
            ),
        ] {
            let variables = given(&[
                ("TWAKE_BRIDGE_STORE", store),
                ("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap()),
            ])
            .unwrap();
            assert_eq!(variables.settings.store, expected);
            assert_eq!(
                variables.environment.secret_files(),
                Vec::from_iter(file),
                "check --live examines it"
            );
        }
        let without = given(&[("TWAKE_BRIDGE_STORE", "postgres://b@db/x?password_credential=pg")]);
        assert!(without.err().unwrap()[0].contains("there is no $CREDENTIALS_DIRECTORY"));
    }

    #[test]
    fn with_a_store_on_a_server_the_bridge_remembers_in_the_folder_of_its_service() {
        let server = ("TWAKE_BRIDGE_STORE", "postgres://b@db/x");
        for (variables, expected) in [
            (
                vec![server, ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")],
                "/var/lib/a",
            ),
            (vec![server], ""),
            (
                vec![
                    ("TWAKE_BRIDGE_STORE", "sqlite:/srv/x.db"),
                    ("STATE_DIRECTORY", "/var/lib/a"),
                ],
                "/srv",
            ),
        ] {
            let variables = variables.into_iter();
            let environment =
                Environment::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
            assert_eq!(environment.state_folder(), Path::new(expected));
        }
    }
}
