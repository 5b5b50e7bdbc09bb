//! Runs the statements of [`super::statements`] on one session. Each is prepared when the session begins.

use futures_util::future::try_join_all;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use tokio_postgres::types::{FromSqlOwned, ToSql};
use tokio_postgres::{Client, Row, Statement};

use super::failure::{Failure, Result};
use super::statements::{ALL, CONFIGURE};

/// The values of a statement's parameters.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &(dyn tokio_postgres::types::ToSql + Sync)),*]
    };
}
pub(super) use params;

/// A session whose statements are prepared. A statement is sent when its future is first polled, so futures that are joined
/// share a round trip, and the server carries them out in their order.
pub(super) struct Sql {
    client: Client,
    prepared: HashMap<&'static str, Statement>,
    traffic: Traffic,
}

/// Counts statements and round trips. A statement that is sent while no other waits for its answer begins a round trip.
#[derive(Default)]
struct Traffic {
    statements: Cell<u64>,
    trips: Cell<u64>,
    waiting: Cell<u64>,
}

/// A statement whose answer is awaited.
struct Sent<'a>(&'a Traffic);

impl<'a> Sent<'a> {
    fn new(traffic: &'a Traffic) -> Self {
        let waiting = traffic.waiting.get();
        traffic.statements.set(traffic.statements.get() + 1);
        traffic.trips.set(traffic.trips.get() + u64::from(waiting == 0));
        traffic.waiting.set(waiting + 1);
        Self(traffic)
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

impl Sql {
    /// Configures a session and prepares all statements.
    pub(super) async fn new(client: Client) -> Result<Self> {
        client.batch_execute(CONFIGURE).await?;
        let prepare = |sql: &'static str| {
            let client = &client;
            async move { Ok::<_, Failure>((sql, client.prepare(sql).await?)) }
        };
        let prepared = try_join_all(ALL.iter().flat_map(|list| list.iter().copied()).map(prepare)).await?;
        Ok(Self {
            prepared: prepared.into_iter().collect(),
            client,
            traffic: Traffic::default(),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// How many statements were sent so far, and in how many round trips.
    #[cfg(test)]
    pub(super) fn traffic(&self) -> (u64, u64) {
        (self.traffic.statements.get(), self.traffic.trips.get())
    }

    fn statement(&self, sql: &'static str) -> Result<&Statement> {
        self.prepared.get(sql).ok_or(Failure::Unprepared(sql))
    }

    /// Runs a command without parameters, as `BEGIN`.
    pub(super) async fn command(&self, sql: &'static str) -> Result<()> {
        let _sent = Sent::new(&self.traffic);
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Runs a statement that returns no rows. Returns how many rows it changed.
    pub(super) async fn execute(&self, sql: &'static str, with: &[&(dyn ToSql + Sync)]) -> Result<u64> {
        let _sent = Sent::new(&self.traffic);
        Ok(self.client.execute(self.statement(sql)?, with).await?)
    }

    async fn rows(&self, sql: &'static str, with: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let _sent = Sent::new(&self.traffic);
        Ok(self.client.query(self.statement(sql)?, with).await?)
    }

    /// The first row, if any.
    pub(super) async fn first<T>(
        &self,
        sql: &'static str,
        with: &[&(dyn ToSql + Sync)],
        read: impl FnOnce(&Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let rows = self.rows(sql, with).await?;
        rows.first().map(read).transpose()
    }

    /// All rows.
    pub(super) async fn all<T>(
        &self,
        sql: &'static str,
        with: &[&(dyn ToSql + Sync)],
        read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let rows = self.rows(sql, with).await?;
        rows.iter().map(read).collect()
    }

    /// Whether there is a row.
    pub(super) async fn exists(&self, sql: &'static str, with: &[&(dyn ToSql + Sync)]) -> Result<bool> {
        Ok(self.first(sql, with, |_| Ok(())).await?.is_some())
    }
}

/// A column of a row.
pub(super) fn get<T: FromSqlOwned>(row: &Row, column: usize) -> Result<T> {
    row.try_get(column)
        .map_err(|error| Failure::corrupt(column, error))
}

/// Reads the first column of a row.
pub(super) fn value<T: FromSqlOwned>(row: &Row) -> Result<T> {
    get(row, 0)
}

/// A text as PostgreSQL can keep it. It has no character 0, which a sender may send.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{2400}"))
    } else {
        Cow::Borrowed(text)
    }
}
