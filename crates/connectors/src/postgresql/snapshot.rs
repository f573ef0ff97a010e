//! The lease of a query: a transaction whose snapshot is exported, so that every connection that reads for the
//! query sees the same state. Source: PostgreSQL's manual, 9.28.5 "Snapshot Synchronization Functions".

use super::pool::{Pool, Pooled};
use crate::database::Purpose;
use async_trait::async_trait;
use mooring_spi::{Error, ErrorKind, Lease, LeaseSource, Result};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_postgres::SimpleQueryMessage;

/// A change of the table waits for the lease of the query, and whoever wants to read the table waits behind the change:
/// the query for itself, though PostgreSQL sees no cycle. So it does not wait, and begins anew.
const NO_LONG_LOCKS: &str = "SET LOCAL lock_timeout = '1s'";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Exports snapshots of one database. What a scan needs of it is a statement that locks a relation against what
/// the snapshot does not protect from: `TRUNCATE`, and whatever moves rows to other pages.
#[derive(Debug)]
pub(super) struct SnapshotSource {
    pub pool: Arc<Pool>,
}

#[async_trait]
impl LeaseSource for SnapshotSource {
    async fn open(&self, needs: &BTreeSet<String>) -> Result<Lease> {
        let held = self.pool.acquire(Purpose::Hold).await?;
        let mut statements = format!("{BEGIN}; ");
        for lock in needs {
            statements += lock;
            statements += "; ";
        }
        statements += "SELECT pg_export_snapshot()";
        let rows = held.answer(held.client()?.simple_query(&statements)).await?;
        let token = rows.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let token = token.filter(|token| is_token(token)).map(str::to_owned).ok_or_else(|| {
            let catalog = &self.pool.catalog;
            Error::internal(format!("catalog `{catalog}`: the database exported no snapshot"))
        })?;
        Ok(Lease::new(token, HeldSnapshot(Some(held))))
    }
}

/// Begins a transaction that sees what the lease's does.
///
/// # Errors
/// `Internal` for a token that is none; `SourceUnavailable`, for example when the snapshot is gone.
pub(super) async fn begin_with(held: &Pooled, token: &str) -> Result<()> {
    if !is_token(token) {
        return Err(Error::internal("the token of a lease is no snapshot's"));
    }
    let statements = format!("{BEGIN}; SET TRANSACTION SNAPSHOT '{token}'; {NO_LONG_LOCKS}");
    let begun = held.answer(held.client()?.batch_execute(&statements)).await;
    begun.map_err(|error| {
        let message = format!("{}; the query's snapshot is not to be had", error.message());
        Error::new(ErrorKind::SourceUnavailable, message)
    })
}

/// It goes into the text of a statement.
fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

struct HeldSnapshot(Option<Pooled>);

impl Drop for HeldSnapshot {
    fn drop(&mut self) {
        let Some(held) = self.0.take() else { return };
        let Ok(connection) = held.connection() else { return };
        let runtime = connection.runtime.clone();
        runtime.spawn(async move {
            if let Ok(client) = held.client()
                && held.answer(client.batch_execute("COMMIT")).await.is_ok()
            {
                held.give_back();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn a_token_cannot_leave_its_quotes() {
        assert!(is_token("00000003-0000001B-1"));
        assert!(!is_token("") && !is_token("1'; DROP TABLE t") && !is_token("1,2"));
    }
}
