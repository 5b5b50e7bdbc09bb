//! Tables of addresses.

use std::error::Error as _;

use super::*;

/// `name mode` of each host.
fn hosts(address: &str) -> Vec<String> {
    let parsed = Address::parse(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    let shown = |server: &Server| format!("{} {:?}", server.name, server.config.get_ssl_mode());
    parsed.servers.iter().map(shown).collect()
}

/// The error with its causes.
fn error(address: &str) -> String {
    let error = Address::parse(address).unwrap_err();
    match error.source().and_then(std::error::Error::source) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[test]
fn only_hosts_of_this_machine_are_reached_without_tls_unless_the_address_says_so() {
    let cases: &[(&str, &[&str])] = &[
        ("postgres://bridge@db/bridge", &["db:5432 Require"]),
        ("postgresql://bridge@db:5433/bridge", &["db:5433 Require"]),
        ("postgres://bridge@localhost/bridge", &["localhost:5432 Disable"]),
        ("postgres://bridge@127.0.0.1:1/x", &["127.0.0.1:1 Disable"]),
        ("postgres://bridge@[::1]:1/x", &["[::1]:1 Disable"]),
        ("postgres://bridge@10.0.0.1/x", &["10.0.0.1:5432 Require"]),
        (
            "postgres://b@localhost/x?sslmode=verify-full",
            &["localhost:5432 Require"],
        ),
        ("postgres://b@db/x?sslmode=require", &["db:5432 Require"]),
        ("postgres://b@db/x?sslmode=disable", &["db:5432 Disable"]),
        (
            "postgres://b@one:1,two,127.0.0.1:3/x",
            &["one:1 Require", "two:5432 Require", "127.0.0.1:3 Disable"],
        ),
        (
            "postgres://b@/x?host=/run/postgresql",
            &["/run/postgresql Disable"],
        ),
        (
            "postgres://b@%2Frun%2Fpostgresql/x?sslmode=verify-full",
            &["/run/postgresql Disable"],
        ),
        ("postgres://b@db/x?hostaddr=127.0.0.1", &["db:5432 Require"]),
    ];
    for (address, expected) in cases {
        assert_eq!(hosts(address), *expected, "{address}");
    }
}

#[test]
fn the_options_of_an_address_are_kept_and_the_others_have_the_bridges_defaults() {
    let address = "postgres://bridge@db/store?password_file=/run/credentials/a%20b&sslrootcert=/etc/ca.pem&connect_timeout=9\
                   &keepalives_idle=60&application_name=one&options=-c%20geqo%3Doff";
    let Address {
        servers,
        authorities,
        password,
    } = Address::parse(address).unwrap();
    assert_eq!(authorities, Some("/etc/ca.pem".into()));
    assert_eq!(password, Some("/run/credentials/a b".into()));
    let config = &servers[0].config;
    assert_eq!(
        (config.get_user(), config.get_dbname()),
        (Some("bridge"), Some("store"))
    );
    assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(9)));
    assert_eq!(config.get_keepalives_idle(), Duration::from_secs(60));
    assert_eq!(config.get_keepalives_interval(), Some(QUESTION));
    assert_eq!(config.get_tcp_user_timeout(), Some(&UNACKNOWLEDGED));
    assert_eq!(config.get_application_name(), Some("one"));
    assert_eq!(config.get_options(), Some("-c geqo=off"));
    assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);

    let defaults = Address::parse("postgres://bridge@db/store?sslrootcert=system").unwrap();
    let config = &defaults.servers[0].config;
    assert_eq!((defaults.authorities, defaults.password), (None, None));
    assert_eq!(config.get_connect_timeout(), Some(&CONNECT));
    assert_eq!(config.get_keepalives_idle(), SILENCE);
    assert_eq!(config.get_application_name(), Some("twake-bridge"));
}

#[test]
fn an_address_that_cannot_be_used_is_refused_with_what_to_do() {
    for (address, expected) in [
        ("sqlite:x.db", "postgres://USER@HOST"),
        ("postgres:bridge@db/x", "postgres://USER@HOST"),
        ("postgres:///x", "?host=/run/postgresql"),
        ("postgres://bridge@/x", "no host"),
        ("postgres://b@db/x?sslmode=prefer", "\"prefer\" cannot be used"),
        ("postgres://b@db/x?sslmode=verify-ca", "write verify-full"),
        ("postgres://b@db/x?sslmode=disable&sslmode=require", "given twice"),
        (
            "postgres://b@db/x?target_session_attrs=read-only",
            "a bridge writes",
        ),
        ("postgres://b@db/x?channel_binding=require", "leave it out"),
        ("postgres://b@db:x/x", "`port`"),
        ("postgres://b@db/x?tiemout=1", "unknown option `tiemout`"),
    ] {
        let shown = error(address);
        assert!(shown.contains(expected), "{address}: {shown}");
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_not_shown() {
    for address in [
        "postgres://bridge:hush@db/x",
        "postgres://bridge:hush?hush@db/x",
        "postgres://bridge:hu/sh@db/x",
        "postgres://bridge@db/x?password=hush",
        "postgres://bridge@db/x?%70assword=hush",
        "postgres://:hush@db/x",
        "postgres://bridge:@db/x",
    ] {
        let error = Address::parse(address).unwrap_err();
        assert!(matches!(error, AddressError::Password), "{address}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hush"));
    }
}
