//! The address of the store: `postgres://user@host:port,host2/database?option=value`, as libpq reads it.
//!
//! The client parses it. Different from libpq are only the options that decide about security:
//!
//! | option | means |
//! | --- | --- |
//! | `sslmode=verify-full` | TLS; the server's certificate must be of its name and of a known authority |
//! | `sslmode=require` | the same: TLS to a server that nobody has checked would protect from nobody who can redirect it |
//! | `sslmode=disable` | no TLS |
//! | no `sslmode` | `disable` for a host of this machine, otherwise `verify-full`; never "TLS if the server offers it" |
//! | `sslrootcert=PATH` | the authorities in this file, in place of those of the machine |
//! | `password_file=PATH` | the password; it is read again for each connection |
//!
//! A password in the address itself is refused: the environment of a process is no place for it.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, Host, SslMode, TargetSessionAttrs};

/// How long the connection to one address of a host takes at most.
const CONNECT: Duration = Duration::from_secs(3);
/// How long sent data waits for the acknowledgment of the other side, before the connection is given up.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
/// After how much silence the other side is asked whether it is still there. A lost network is noticed some ten seconds later.
const SILENCE: Duration = Duration::from_secs(5);
/// How long after an unanswered question the next is asked.
const QUESTION: Duration = Duration::from_secs(2);
/// How many questions may stay unanswered.
const QUESTIONS: u32 = 3;
/// The client's own default for silence.
const DEFAULT_SILENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// Where the server is, and how it is reached. It contains no password.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// One for each host, in the order in which they are tried.
    pub(super) servers: Vec<Server>,
    /// The authorities that are trusted in place of those of the machine.
    pub(super) authorities: Option<PathBuf>,
    /// The file of the password.
    pub(super) password: Option<PathBuf>,
}

/// One host of an address.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// How the client connects to it, without a password.
    pub(super) config: Config,
    /// Its name in logs and errors: `host:port`.
    pub(super) name: String,
}

/// Why an address cannot be used. No error contains a part of the address that may be a password.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddressError {
    /// Another scheme.
    #[error("the address of PostgreSQL is postgres://USER@HOST:PORT/DATABASE")]
    Scheme,
    /// A password.
    #[error(
        "the address has a password, and others may see the environment of a process: write it into a file, and add \
         ?password_file=PATH (or ?password_credential=NAME for a credential of systemd)"
    )]
    Password,
    /// No host.
    #[error(
        "the address has no host: write postgres://USER@HOST/DATABASE, or ?host=/run/postgresql for a socket of this machine"
    )]
    Host,
    /// An option that the bridge sets.
    #[error("target_session_attrs is always read-write, because a bridge writes: leave it out")]
    Target,
    /// Not supported.
    #[error(
        "channel_binding cannot be required: leave it out. With sslmode=verify-full no other server gets the password"
    )]
    Binding,
    /// Another `sslmode`.
    #[error("sslmode={0:?} cannot be used: write verify-full, or disable where the network is trusted")]
    SslMode(String),
    /// An option is given twice.
    #[error("the option {0} is given twice")]
    Twice(&'static str),
    /// The client does not understand it.
    #[error("the address of PostgreSQL cannot be read")]
    Unreadable(#[source] tokio_postgres::Error),
}

impl Address {
    /// Parses an address.
    pub(super) fn parse(address: &str) -> Result<Self, AddressError> {
        let rest = address
            .strip_prefix("postgres://")
            .or_else(|| address.strip_prefix("postgresql://"))
            .ok_or(AddressError::Scheme)?;
        // The client reads everything up to the first @ as the user and the password.
        if rest.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
            return Err(AddressError::Password);
        }
        let (location, options) = rest.split_once('?').unwrap_or((rest, ""));
        let mut own = OwnOptions::default();
        let mut others = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            if !own.take(option)? {
                others.push(option);
            }
        }
        let parsed: Config = format!("postgres://{location}?{}", others.join("&"))
            .parse()
            .map_err(AddressError::Unreadable)?;
        if parsed.get_password().is_some() {
            return Err(AddressError::Password);
        }
        if parsed.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
            return Err(AddressError::Target);
        }
        if parsed.get_channel_binding() == ChannelBinding::Require {
            return Err(AddressError::Binding);
        }
        let tls = Tls::of(own.sslmode)?;
        let servers = servers(&parsed, tls);
        if servers.is_empty() {
            return Err(AddressError::Host);
        }
        Ok(Self {
            servers,
            // libpq's word for the authorities of the machine.
            authorities: own.sslrootcert.filter(|path| path != "system").map(PathBuf::from),
            password: own.password_file.map(PathBuf::from),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.servers.iter().map(|server| server.name.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}

/// The options that the client does not know, or that mean something else to it.
#[derive(Default)]
struct OwnOptions {
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    password_file: Option<String>,
}

impl OwnOptions {
    /// Takes `name=value`, if it is one of these options.
    fn take(&mut self, option: &str) -> Result<bool, AddressError> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let (name, place) = match name {
            "sslmode" => ("sslmode", &mut self.sslmode),
            "sslrootcert" => ("sslrootcert", &mut self.sslrootcert),
            "password_file" => ("password_file", &mut self.password_file),
            "password" => return Err(AddressError::Password),
            _ => return Ok(false),
        };
        let value = percent_decode_str(value).decode_utf8_lossy();
        match place.replace(Cow::into_owned(value)) {
            None => Ok(true),
            Some(_) => Err(AddressError::Twice(name)),
        }
    }
}

/// Which hosts are reached by TLS.
#[derive(Clone, Copy)]
enum Tls {
    All,
    /// Those that are not this machine.
    Others,
    None,
}

impl Tls {
    fn of(sslmode: Option<String>) -> Result<Self, AddressError> {
        match sslmode.as_deref() {
            None => Ok(Self::Others),
            Some("verify-full" | "require") => Ok(Self::All),
            Some("disable") => Ok(Self::None),
            Some(_) => Err(AddressError::SslMode(sslmode.unwrap_or_default())),
        }
    }

    /// Sockets have no TLS.
    fn mode(self, host: &Host) -> SslMode {
        let plain = match (self, host) {
            (_, Host::Unix(_)) | (Self::None, _) => true,
            (Self::All, _) => false,
            (Self::Others, Host::Tcp(name)) => {
                name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            }
        };
        if plain { SslMode::Disable } else { SslMode::Require }
    }
}

/// One configuration for each host, so that each has its own limit of time and its own error.
fn servers(parsed: &Config, tls: Tls) -> Vec<Server> {
    let (hosts, addresses, ports) = (parsed.get_hosts(), parsed.get_hostaddrs(), parsed.get_ports());
    let server = |number: usize| {
        let host = hosts.get(number).cloned();
        let host = host.or_else(|| Some(Host::Tcp(addresses.get(number)?.to_string())))?;
        let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
        let mut config = Config::new();
        let name = match &host {
            Host::Tcp(name) if name.is_empty() => return None,
            Host::Tcp(name) => {
                config.host(name);
                if name.contains(':') {
                    format!("[{name}]:{port}")
                } else {
                    format!("{name}:{port}")
                }
            }
            Host::Unix(path) => {
                config.host_path(path);
                path.display().to_string()
            }
        };
        if let Some(address) = addresses.get(number) {
            config.hostaddr(*address);
        }
        config.port(port).ssl_mode(tls.mode(&host));
        keep(&mut config, parsed);
        Some(Server { config, name })
    };
    (0..hosts.len().max(addresses.len())).filter_map(server).collect()
}

/// Copies what all hosts have in common, and fills in the bridge's own defaults.
fn keep(config: &mut Config, parsed: &Config) {
    if let Some(user) = parsed.get_user() {
        config.user(user);
    }
    if let Some(database) = parsed.get_dbname() {
        config.dbname(database);
    }
    if let Some(options) = parsed.get_options() {
        config.options(options);
    }
    let silence = Some(parsed.get_keepalives_idle()).filter(|silence| *silence != DEFAULT_SILENCE);
    config
        .application_name(parsed.get_application_name().unwrap_or("twake-bridge"))
        .ssl_negotiation(parsed.get_ssl_negotiation())
        .channel_binding(parsed.get_channel_binding())
        .load_balance_hosts(parsed.get_load_balance_hosts())
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .connect_timeout(parsed.get_connect_timeout().copied().unwrap_or(CONNECT))
        .tcp_user_timeout(parsed.get_tcp_user_timeout().copied().unwrap_or(UNACKNOWLEDGED))
        .keepalives(parsed.get_keepalives())
        .keepalives_idle(silence.unwrap_or(SILENCE))
        .keepalives_interval(parsed.get_keepalives_interval().unwrap_or(QUESTION))
        .keepalives_retries(parsed.get_keepalives_retries().unwrap_or(QUESTIONS));
}

#[cfg(test)]
mod tests;
