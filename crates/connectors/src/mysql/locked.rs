//! A table read by several connections that see one state of it. A server exports no snapshot, so that the table is
//! locked for reading until each connection has one: while it is, no transaction that has written to it is open, and all
//! snapshots hold the same of it. Then it is unlocked, and they are read.
//!
//! All connections are there before the lock, which waits for nothing but the server: for transactions that write to the
//! table, at most `lock_wait_ms`. Those that want to write wait behind it until then.
//!
//! Sources: MySQL 8.4 Reference Manual, "LOCK TABLES and UNLOCK TABLES Statements", "Metadata Locking", "START
//! TRANSACTION, COMMIT, and ROLLBACK Statements"; MariaDB Server Documentation, "LOCK TABLES".

use super::connect::MysqlConnect;
use super::connection::Connection;
use super::failure::Failure;
use super::source::MysqlSource;
use super::sql;
use super::statement::Statement;
use crate::database::{Lease, Outcome};
use futures::future::try_join_all;
use mooring_spi::{Error, ErrorKind, Result, SchemaTable};
use std::sync::Arc;
use std::time::Duration;

type Answered<T> = std::result::Result<T, Failure>;

const SNAPSHOT: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
/// Beyond what the lock and a snapshot may wait: a server that hears nothing of us for so long unlocks the table.
const IDLE_LOCK: Duration = Duration::from_secs(10);

/// Who reads a table.
#[derive(Debug)]
pub(super) enum Readers {
    /// There was no second connection, and nothing is locked.
    One(Statement),
    /// In transactions that see the same of the table.
    Several(Vec<Statement>),
}

/// As many readers as there are free connections, `most` at most.
///
/// # Errors
/// `LimitExceeded` where there is not even one connection in time; `AccessDenied` and `TimedOut`, naming the table, where
/// it cannot be locked; what the server answers.
pub(super) async fn readers(
    source: &Arc<MysqlSource>,
    query: &str,
    table: &SchemaTable,
    most: usize,
) -> Result<Readers> {
    let locker = source.lease(query).await?;
    let _reads = locker.reads();
    let leases = free_ones(source, query, most).await;
    if leases.len() < 2 {
        leases.into_iter().for_each(Lease::give_back);
        return Ok(Readers::One(Statement::new(Arc::clone(source), locker, false)));
    }
    let failed = |failure| refused(source, table, failure);
    let wait = seconds(source.settings().lock_wait);
    let leases = try_join_all(leases.into_iter().map(|lease| with_bound(lease, wait)));
    let leases = leases.await.map_err(failed)?;
    let lock = TableLock::take(source, locker, table, wait).await.map_err(failed)?;
    let begun = try_join_all(leases.into_iter().map(|lease| with_snapshot(lease, table))).await;
    let unlocked = lock.free().await;
    let leases = begun.map_err(failed)?;
    unlocked.map_err(failed)?;
    let statement = |lease| Statement::in_transaction(Arc::clone(source), lease);
    Ok(Readers::Several(leases.into_iter().map(statement).collect()))
}

/// Nobody is waited for, and half of what is free stays for other tables of the query: they are read at the same time.
async fn free_ones(source: &MysqlSource, query: &str, most: usize) -> Vec<Lease<MysqlConnect>> {
    let most = source.free_connections().div_ceil(2).min(most);
    let mut leases = Vec::with_capacity(most);
    while leases.len() < most {
        let Some(lease) = source.lease_free(query).await else { break };
        leases.push(lease);
    }
    leases
}

/// A connection whose statements wait for a change of the table no longer than that.
async fn with_bound(mut lease: Lease<MysqlConnect>, wait: u64) -> Answered<Lease<MysqlConnect>> {
    connection(&mut lease)?.run(&format!("SET SESSION lock_wait_timeout = {wait}")).await?;
    Ok(lease)
}

/// A connection that sees the table as it is now, until its transaction ends.
async fn with_snapshot(
    mut lease: Lease<MysqlConnect>,
    table: &SchemaTable,
) -> Answered<Lease<MysqlConnect>> {
    let connection = connection(&mut lease)?;
    connection.run(SNAPSHOT).await?;
    // A snapshot is one of rows: only an open table keeps its definition and its partitions.
    connection.ask(&sql::no_row(table)).await?;
    Ok(lease)
}

fn connection(lease: &mut Lease<MysqlConnect>) -> Answered<&mut Connection> {
    lease.get_mut().ok_or_else(|| Error::internal("a lease without a connection").into())
}

/// As servers count them, rounded up.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

/// A table that is locked, or about to be. The lock ends with the connection.
struct TableLock<'a> {
    source: &'a Arc<MysqlSource>,
    lease: Option<Lease<MysqlConnect>>,
    /// Whether the server was asked for it and has not answered.
    is_awaited: bool,
}

impl<'a> TableLock<'a> {
    async fn take(
        source: &'a Arc<MysqlSource>,
        lease: Lease<MysqlConnect>,
        table: &SchemaTable,
        wait: u64,
    ) -> Answered<Self> {
        let mut lock = Self { source, lease: Some(lease), is_awaited: false };
        let idle = wait.saturating_add(IDLE_LOCK.as_secs());
        lock.run(&format!("SET SESSION lock_wait_timeout = {wait}, wait_timeout = {idle}")).await?;
        lock.is_awaited = true;
        let answer = lock.run(&sql::lock(table)).await;
        match answer {
            Ok(()) => {
                lock.is_awaited = false;
                Ok(lock)
            }
            Err(failure) => {
                // Silence is no answer.
                if !failure.leaves_statement() {
                    lock.is_awaited = false;
                    source.count_statement(failure.outcome());
                }
                if failure.leaves_connection() {
                    // Where this fails, too, it is closed.
                    let _ = lock.give_back().await;
                }
                Err(failure)
            }
        }
    }

    async fn free(mut self) -> Answered<()> {
        self.run("UNLOCK TABLES").await?;
        self.source.count_statement(Outcome::Ok);
        self.give_back().await
    }

    /// The connection, as it was before.
    async fn give_back(&mut self) -> Answered<()> {
        self.run("SET SESSION lock_wait_timeout = DEFAULT, wait_timeout = DEFAULT").await?;
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
        Ok(())
    }

    async fn run(&mut self, sql: &str) -> Answered<()> {
        let Some(lease) = &mut self.lease else {
            return Err(Error::internal("a lock without a connection").into());
        };
        connection(lease)?.run(sql).await
    }
}

impl Drop for TableLock<'_> {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        let asked = lease.get().map(|connection| (connection.id, connection.runtime.clone()));
        // A server that waits for the lock itself does not see that the connection is closed.
        drop(lease);
        let Some((id, runtime)) = asked.filter(|_| self.is_awaited) else { return };
        let source = Arc::clone(self.source);
        runtime.spawn(async move { source.kill(id).await });
    }
}

/// Why there are no snapshots, and what would be right.
fn refused(source: &MysqlSource, table: &SchemaTable, failure: Failure) -> Error {
    let wait = source.settings().lock_wait;
    explained(table, wait, source.error(failure))
}

fn explained(table: &SchemaTable, wait: Duration, error: Error) -> Error {
    let kind = error.kind();
    let right = if kind == ErrorKind::AccessDenied {
        "`user` needs the right LOCK TABLES for it; `parallel_reads` = `off` does not".to_owned()
    } else if kind == ErrorKind::TimedOut {
        format!(
            "a transaction that has written to it, or a change of its definition, took longer than `lock_wait_ms` = {}; \
             `parallel_reads` = `off` waits for no writer",
            wait.as_millis()
        )
    } else if kind == ErrorKind::SourceRefused {
        "`parallel_reads` = `off` needs no lock".to_owned()
    } else {
        return error;
    };
    let why = error.message();
    let message =
        format!("table `{table}` cannot be locked for `parallel_reads` = `locked`: {why}; {right}");
    Error::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_seconds() {
        for (wait_ms, expected) in [(1, 1), (1_000, 1), (1_001, 2), (86_400_000, 86_400)] {
            assert_eq!(seconds(Duration::from_millis(wait_ms)), expected);
        }
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let table = SchemaTable::new("d", "t");
        for (kind, word) in [
            (ErrorKind::AccessDenied, "the right LOCK TABLES"),
            (ErrorKind::TimedOut, "`lock_wait_ms` = 1500"),
            (ErrorKind::SourceRefused, "`off` needs no lock"),
        ] {
            let error = Error::new(kind, "catalog `shop`: its words");
            let error = explained(&table, Duration::from_millis(1_500), error);
            assert_eq!(error.kind(), kind);
            for word in ["`d.t`", "`shop`", "its words", "`parallel_reads`", word] {
                assert!(error.message().contains(word), "{error}");
            }
        }
        let gone = Error::new(ErrorKind::SourceUnavailable, "catalog `shop`: its words");
        let error = explained(&table, Duration::from_secs(1), gone);
        assert_eq!(error.message(), "catalog `shop`: its words");
    }
}
