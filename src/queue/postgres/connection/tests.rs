//! Sessions with a real server.

use std::fs;
use std::process::Command;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;
use crate::queue::tests::postgres_server::PostgresServer;

async fn session(address: &str) -> Result<Session, ConnectError> {
    connect(&Address::parse(address).unwrap(), &Clock::system()).await
}

async fn value(session: &Session, sql: &str) -> String {
    session.client.query_one(sql, &[]).await.unwrap().get(0)
}

/// The text of the error.
async fn error(address: &str) -> String {
    session(address).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_session_ends_when_its_client_is_dropped() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let database = server.database(None);
    database.sql("create table numbers as select generate_series(1, 3) n");
    let session = session(&database.address()).await.unwrap();
    assert_eq!(value(&session, "select sum(n)::text from numbers").await, "6");
    drop(session.client);
    session.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_session_ends_with_an_error_when_the_server_stops() {
    let Some(server) = PostgresServer::start("") else {
        return;
    };
    let session = session(&server.address("postgres")).await.unwrap();
    assert!(server.control(&["-m", "immediate", "stop"]).status.success());
    session.ended.await.unwrap().unwrap_err();
    assert!(session.client.is_closed());
}

#[tokio::test]
async fn a_session_limits_its_statements_and_commits_to_the_disk() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let database = server.database(None);
    for (default, expected) in [
        ("off", "on"),
        ("remote_apply", "remote_apply"),
        ("local", "local"),
    ] {
        let name = database.sql("select current_database()");
        database.sql(&format!(
            "alter database {name} set synchronous_commit = {default}"
        ));
        let session = session(&database.address()).await.unwrap();
        assert_eq!(value(&session, "show synchronous_commit").await, expected);
        assert_eq!(value(&session, "show statement_timeout").await, "15s");
        assert_eq!(
            value(&session, "show idle_in_transaction_session_timeout").await,
            "5s"
        );
        assert_eq!(value(&session, "show application_name").await, "twake-bridge");
    }
}

#[tokio::test]
async fn the_first_host_that_accepts_writes_is_used() {
    let Some(server) = PostgresServer::start("") else {
        return;
    };
    server.sql("postgres", "create database standby");
    server.sql(
        "postgres",
        "alter database standby set default_transaction_read_only = on",
    );
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let at = |database: &str| {
        let address = server.address(database);
        let (start, rest) = address.split_once('@').unwrap();
        format!("{start}@{closed},{rest}")
    };
    let session = session(&at("postgres")).await.unwrap();
    assert!(
        server.address("x").contains(&session.server),
        "{}",
        session.server
    );

    let text = error(&at("standby")).await;
    assert!(
        text.contains(&format!("{closed}: error connecting to server")),
        "{text}"
    );
    assert!(text.contains("database does not allow writes"), "{text}");
}

#[tokio::test]
async fn a_promoted_replica_is_found() {
    let Some(primary) = PostgresServer::start("") else {
        return;
    };
    let replica = primary.standby();
    let (primary_address, replica_address) = (primary.address("postgres"), replica.address("postgres"));
    let host = |address: &str| address.split(['@', '/']).nth(3).unwrap().to_owned();
    let both = replica_address.replace('@', &format!("@{},", host(&primary_address)));
    assert_eq!(session(&both).await.unwrap().server, host(&primary_address));
    assert!(primary.control(&["-m", "immediate", "stop"]).status.success());
    assert!(error(&both).await.contains("does not allow writes"));
    assert!(replica.control(&["-w", "promote"]).status.success());
    assert_eq!(session(&both).await.unwrap().server, host(&replica_address));
}

#[tokio::test]
async fn a_host_that_does_not_answer_does_not_hold_up_the_next() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let name = silent.local_addr().unwrap();
    let address = server.address("postgres").replace('@', &format!("@{name},"));
    let address = Address::parse(&address).unwrap();
    let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    let (session, _connection) = tokio::join!(connect(&address, &clock), async {
        let accepted = silent.accept().await.unwrap();
        clock.advance(HOST);
        accepted
    });
    assert_ne!(session.unwrap().server, name.to_string());
}

#[tokio::test]
async fn errors_say_which_host_refuses_and_what_to_do() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let good = server.address("postgres");
    for (address, expected) in [
        (
            server.address("nowhere"),
            "database \"nowhere\" does not exist (create the database",
        ),
        (
            good.replace("bridge@", "somebody@"),
            "role \"somebody\" does not exist (does the server know the user",
        ),
        (
            good.replace("sslmode=disable", "sslmode=verify-full"),
            "server does not support TLS (switch TLS on at the server, or write sslmode=disable",
        ),
        (
            format!("{good}&password_file=/nowhere/x"),
            "cannot read the password in /nowhere/x",
        ),
        (
            format!("{good}&sslrootcert=/nowhere/x").replace("disable", "require"),
            "/nowhere/x",
        ),
        (
            "postgres://bridge@127.0.0.1:1/x".to_owned(),
            "127.0.0.1:1: error connecting",
        ),
    ] {
        let text = error(&address).await;
        assert!(text.contains(expected), "{address}: {text}");
    }
}

/// A server with TLS by a certificate for `localhost`, which asks the user `secretive` for a password; and its authority.
struct Secured {
    server: PostgresServer,
    folder: TempDir,
}

impl Secured {
    fn start() -> Option<Self> {
        let server = PostgresServer::start("")?;
        let folder = tempfile::tempdir().unwrap();
        let openssl = |arguments: &str| {
            let mut command = Command::new("openssl");
            command
                .args(arguments.split_whitespace())
                .current_dir(folder.path());
            let output = command.output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
        for authority in ["ca", "other"] {
            openssl(&format!(
                "{new} -subj /CN={authority} -keyout {authority}.key -out {authority}.pem"
            ));
        }
        openssl(&format!(
            "{new} -subj /CN=db -CA ca.pem -CAkey ca.key -keyout server.key -out server.crt -addext subjectAltName=DNS:localhost \
             -addext basicConstraints=critical,CA:FALSE"
        ));
        for name in ["server.key", "server.crt"] {
            server.write(name, &fs::read_to_string(folder.path().join(name)).unwrap());
        }
        server.sql(
            "postgres",
            "create role secretive login password 'hush-hush-hush'",
        );
        server.sql("postgres", "alter system set ssl = on");
        server.write(
            "pg_hba.conf",
            "hostssl all secretive all scram-sha-256\nhost all bridge 127.0.0.1/32 trust\n",
        );
        assert!(server.control(&["-w", "restart"]).status.success());
        Some(Self { server, folder })
    }

    /// An address of the server by this name, with these options.
    fn address(&self, user: &str, host: &str, options: &str) -> String {
        let address = self.server.address("postgres");
        let address = address.replace("bridge@127.0.0.1", &format!("{user}@{host}"));
        let options = options.replace("FOLDER", self.folder.path().to_str().unwrap());
        address.replace("sslmode=disable", &options)
    }
}

#[tokio::test]
async fn with_tls_the_server_must_have_a_certificate_of_its_name_and_of_a_known_authority() {
    let Some(secured) = Secured::start() else {
        return;
    };
    for mode in ["verify-full", "require"] {
        let options = format!("sslmode={mode}&sslrootcert=FOLDER/ca.pem");
        let session = session(&secured.address("bridge", "localhost", &options))
            .await
            .unwrap();
        let version = "select version from pg_stat_ssl where pid = pg_backend_pid()";
        assert_eq!(value(&session, version).await, "TLSv1.3");
    }
    for (host, options, expected) in [
        (
            "127.0.0.1",
            "sslmode=verify-full&sslrootcert=FOLDER/ca.pem",
            "not valid for name",
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=FOLDER/other.pem",
            "UnknownIssuer",
        ),
        (
            "localhost",
            "sslmode=require&sslrootcert=FOLDER/other.pem",
            "sslrootcert=PATH",
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=FOLDER/ca.key",
            "no certificate",
        ),
    ] {
        let text = error(&secured.address("bridge", host, options)).await;
        assert!(text.contains(expected), "{host} {options}: {text}");
    }
}

#[tokio::test]
async fn the_password_is_read_from_its_file_for_each_session_and_never_shown() {
    let Some(secured) = Secured::start() else {
        return;
    };
    let file = secured.folder.path().join("password");
    let options = "sslmode=verify-full&sslrootcert=FOLDER/ca.pem&password_file=FOLDER/password";
    let address = secured.address("secretive", "localhost", options);
    for (text, expected) in [
        ("wrong-wrong-wrong\n", "is the password that of this user?"),
        ("", "is empty"),
        ("two\nlines\n", "has more than one line"),
    ] {
        fs::write(&file, text).unwrap();
        let failed = session(&address).await.unwrap_err();
        let shown = format!("{failed} {failed:?} {address:?}");
        assert!(failed.to_string().contains(expected), "{shown}");
        assert!(
            !shown.contains("wrong-wrong") && !shown.contains("lines\n"),
            "{shown}"
        );
    }
    fs::write(&file, "hush-hush-hush\n").unwrap();
    let session = session(&address).await.unwrap();
    assert_eq!(value(&session, "select current_user::text").await, "secretive");
    assert!(!format!("{session:?}").contains("hush"));
}

#[test]
fn attempts_to_connect_come_at_most_eight_seconds_apart() {
    for attempts in 1..100 {
        let wait = pause(attempts);
        assert!(
            wait >= retry::LEAST && wait <= Duration::from_secs(8),
            "{attempts}: {wait:?}"
        );
    }
}
