//! What a connection does for a reader: one statement, or one after the other within a transaction.

use super::connect::MysqlConnect;
use super::connection::Connection;
use super::failure::Failure;
use super::protocol::ColumnDefinition;
use super::source::MysqlSource;
use crate::database::{Lease, Outcome, Reads};
use mooring_spi::{Error, Result};
use std::sync::Arc;

/// A connection that executes statements. When it is dropped before the last row of one, the server is told to end it.
#[derive(Debug)]
pub(super) struct Statement {
    source: Arc<MysqlSource>,
    lease: Option<Lease<MysqlConnect>>,
    /// Whether the connection is one for several statements, in a transaction that a dropped connection ends.
    in_transaction: bool,
    /// Whether a user wrote the statement, who may change the session by it.
    is_foreign: bool,
    /// Whether the last row is still to come.
    runs: bool,
}

impl Statement {
    /// For one statement.
    pub(super) fn new(
        source: Arc<MysqlSource>,
        lease: Lease<MysqlConnect>,
        is_foreign: bool,
    ) -> Self {
        Self { source, lease: Some(lease), in_transaction: false, is_foreign, runs: false }
    }

    /// For statements within a transaction that has begun.
    pub(super) fn in_transaction(source: Arc<MysqlSource>, lease: Lease<MysqlConnect>) -> Self {
        Self { source, lease: Some(lease), in_transaction: true, is_foreign: false, runs: false }
    }

    /// Sends a statement; its rows follow.
    pub(super) async fn execute(&mut self, sql: &str) -> Result<Vec<ColumnDefinition>> {
        self.runs = true;
        let _reads = self.reads();
        let begun = match self.connection() {
            Some(connection) => connection.execute(sql).await,
            None => return Err(Error::internal("a statement without a connection")),
        };
        match begun {
            Ok(columns) => Ok(columns),
            Err(failure) => Err(self.fail(failure).await),
        }
    }

    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        self.lease.as_mut()?.get_mut()
    }

    /// Its query waits for rows until what this gives is dropped.
    pub(super) fn reads(&self) -> Option<Reads> {
        self.lease.as_ref().map(Lease::reads)
    }

    /// After the last row: the connection is free for others, but for one in a transaction.
    pub(super) async fn end(&mut self) {
        self.source.count_statement(Outcome::Ok);
        self.runs = false;
        if !self.in_transaction {
            self.release().await;
        } else if let Some(connection) = self.connection() {
            // One that is broken says so at its next statement.
            let _ = connection.close_statement().await;
        }
    }

    /// Ends the transaction, and frees the connection, which is as before it.
    pub(super) async fn leave(mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        let Some(connection) = lease.get_mut() else { return };
        for sql in ["COMMIT", "SET SESSION lock_wait_timeout = DEFAULT"] {
            if connection.run(sql).await.is_err() {
                return;
            }
        }
        lease.give_back();
    }

    /// The server ended the statement, or the connection is of no use any more.
    pub(super) async fn fail(&mut self, failure: Failure) -> Error {
        self.source.count_statement(failure.outcome());
        self.runs = false;
        if failure.leaves_connection() && !self.in_transaction {
            self.release().await;
        } else if failure.leaves_statement() {
            self.abandon();
        } else {
            drop(self.lease.take());
        }
        self.source.error(failure)
    }

    async fn release(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        // A session that is not as we made it is nobody else's.
        if self.is_foreign {
            if let Some((connection, _ending)) = lease.end() {
                connection.quit().await;
            }
            return;
        }
        if let Some(connection) = lease.get_mut()
            && connection.close_statement().await.is_ok()
        {
            lease.give_back();
        }
    }

    /// Has the server end the statement, and closes the connection.
    fn abandon(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        let statement = lease.get().map(|connection| (connection.id, connection.runtime.clone()));
        let Some((id, runtime)) = statement else { return };
        let source = Arc::clone(&self.source);
        // The connection keeps its place until then, so that there are no more statements than places.
        runtime.spawn(async move {
            source.kill(id).await;
            drop(lease);
        });
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        if self.runs && self.lease.is_some() {
            self.source.count_statement(Outcome::Cancelled);
            self.abandon();
        }
    }
}
