//! A session with the server.

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls};

/// A session with the server. The task that reads and writes its connection runs on the runtime that opened it.
pub(super) struct Session {
    /// Sends statements. Statements that are sent before the first is awaited are pipelined.
    pub(super) client: Client,
    /// Ends with the connection: without an error when the client was dropped.
    pub(super) ended: JoinHandle<Result<(), Error>>,
}

/// Opens a session with the server at an address (`postgres://user@host:port/database`).
pub(super) async fn connect(address: &str) -> Result<Session, Error> {
    let config: Config = address.parse()?;
    let (client, connection) = config.connect(NoTls).await?;
    let ended = tokio::spawn(connection);
    Ok(Session { client, ended })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::postgres_server::PostgresServer;

    #[tokio::test]
    async fn a_session_runs_statements_until_its_client_is_dropped() {
        let Some(server) = PostgresServer::shared() else {
            return;
        };
        let database = server.database(None);
        database.sql("create table numbers as select generate_series(1, 3) n");
        let session = connect(&database.address()).await.unwrap();
        let row = session
            .client
            .query_one("select sum(n) from numbers", &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, i64>(0), 6);
        drop(session.client);
        session.ended.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_session_ends_with_an_error_when_the_server_stops() {
        let Some(server) = PostgresServer::start("") else {
            return;
        };
        let session = connect(&server.address("postgres")).await.unwrap();
        assert!(server.control(&["-m", "immediate", "stop"]).status.success());
        session.ended.await.unwrap().unwrap_err();
        assert!(session.client.is_closed());
    }
}
