//! The worker's side: a statement's rows by binary COPY. Whoever writes the statement, the reader is the same.

use super::connection::Connection;
use super::decode::BatchDecoder;
use super::failure::Failure;
use super::pool::{Pool, Pooled};
use super::protocol::corrupt;
use super::snapshot::begin_with;
use super::sql::conditions;
use super::types::Column;
use crate::database::{Outcome, Purpose};
use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use mooring_spi::{
    BatchStream, Demand, Domain, Error, OpenRequest, Predicate, Result, Split, SplitReader,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A batch ends when its rows took this much on their way.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// What a split holds, as JSON: any SELECT whose columns are cast to what `columns` say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Statement {
    pub sql: String,
    pub columns: Vec<Column>,
    /// What the statement was written for already.
    pub known: Predicate,
    /// Whether a user wrote it, who may change the session by it.
    pub is_foreign: bool,
}

impl Statement {
    /// The statement for the rows that `predicate` leaves, as far as it says more than was known before, such as
    /// the keys of a join.
    fn narrowed(&self, predicate: &Predicate) -> String {
        let is_new = |(name, domain): &(&String, &Domain)| self.known.get(*name) != Some(domain);
        let learned: Predicate = predicate
            .iter()
            .filter(is_new)
            .map(|(name, domain)| (name.clone(), domain.clone()))
            .collect();
        let conditions = conditions(&self.columns, &learned, false);
        match conditions.is_empty() {
            true => self.sql.clone(),
            false => {
                format!("SELECT * FROM (\n{}\n) AS r WHERE {}", self.sql, conditions.join(" AND "))
            }
        }
    }

    pub fn split(&self, size_bytes: u64) -> Result<Split> {
        let label = self.sql.clone();
        let payload = serde_json::to_string(self)
            .map_err(|error| Error::internal("a split cannot be written").with_cause(error))?;
        Ok(Split { payload, label, size_bytes })
    }
}

/// Reads statements of one catalog.
#[derive(Debug)]
pub struct PostgresReader {
    pub(super) pool: Arc<Pool>,
}

#[async_trait]
impl SplitReader for PostgresReader {
    async fn open(&self, request: OpenRequest) -> Result<BatchStream> {
        let label = &request.split.label;
        let statement: Statement =
            serde_json::from_str(&request.split.payload).map_err(|error| {
                Error::internal(format!("split `{label}` is no statement")).with_cause(error)
            })?;
        let types = statement.columns.iter().map(|column| column.decode.data_type());
        if !types.eq(request.schema.fields().iter().map(|field| field.data_type().clone())) {
            return Err(Error::internal(format!(
                "split `{label}` gives other columns than asked for"
            )));
        }
        let mut held = self.pool.acquire_for(Purpose::Read, &request.query_id).await?;
        let _reads = held.reads();
        if let Some(token) = &request.lease {
            begin_with(&mut held, token).await?;
        }
        let mut reading = Reading {
            decoder: BatchDecoder::new(
                request.schema,
                &statement.columns,
                request.batch_size_rows.max(1),
            ),
            in_transaction: request.lease.is_some(),
            is_foreign: statement.is_foreign,
            batch_size_rows: request.batch_size_rows.max(1),
            pool: Arc::clone(&self.pool),
            held: Some(held),
        };
        reading.start(&statement.narrowed(&request.predicate)).await?;
        Ok(stream::try_unfold(reading, |mut reading| async move {
            let batch = reading.next().await?;
            Ok(batch.map(|batch| (batch, reading)))
        })
        .boxed())
    }

    fn demand(&self) -> Option<Arc<dyn Demand>> {
        Some(self.pool.demand())
    }
}

/// One statement on its way. Dropped before its end, it is cancelled at the server.
struct Reading {
    decoder: BatchDecoder,
    in_transaction: bool,
    is_foreign: bool,
    batch_size_rows: usize,
    pool: Arc<Pool>,
    /// `None` once it was given back. Its drop is the cancel.
    held: Option<Pooled>,
}

impl Reading {
    async fn start(&mut self, sql: &str) -> Result<()> {
        let started = self.connection()?.copy_out(sql).await;
        started.or_else(|failure| self.fail(self.told(failure)))
    }

    fn connection(&mut self) -> Result<&mut Connection> {
        self.held.as_mut().ok_or_else(beyond_end)?.connection()
    }

    /// The next batch; `None` at the end.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.held.is_none() {
            return Ok(None);
        }
        let _reads = self.held.as_ref().map(Pooled::reads);
        match self.next_of_copy().await {
            Ok(batch) => Ok(batch),
            Err(error) => self.fail(error),
        }
    }

    /// Counts the statement once, and stops it.
    fn fail<T>(&mut self, error: Error) -> Result<T> {
        self.count(Outcome::of(&error));
        self.held = None;
        Err(error)
    }

    async fn next_of_copy(&mut self) -> Result<Option<RecordBatch>> {
        let has_more = self.decode_rows().await.map_err(|failure| self.told(failure))?;
        if !has_more {
            self.end().await?;
        }
        let (rows, bytes) = (self.decoder.rows(), self.decoder.bytes());
        if rows == 0 {
            return Ok(None);
        }
        self.pool.metrics.count_read(&self.pool.catalog, rows, bytes);
        let batch = self.decoder.finish();
        batch.map(Some).map_err(|error| self.told(error.into()))
    }

    /// Reads a batch's rows; `false` at the end of all. Nothing is read ahead of what is asked for here, so a slow query
    /// makes the server wait.
    async fn decode_rows(&mut self) -> Result<bool, Failure> {
        let connection = self.held.as_mut().ok_or_else(beyond_end)?.connection()?;
        let decoder = &mut self.decoder;
        while decoder.rows() < self.batch_size_rows && decoder.bytes() < BATCH_BYTES_MAX {
            match connection.next_row().await? {
                Some(row) => decoder.take(row)?,
                None if decoder.has_ended() => return Ok(false),
                None => return Err(corrupt("it ends too early").into()),
            }
        }
        Ok(true)
    }

    async fn end(&mut self) -> Result<()> {
        if self.in_transaction {
            self.held.as_mut().ok_or_else(beyond_end)?.run("COMMIT").await?;
        }
        self.count(Outcome::Ok);
        // A session that is not as we made it is nobody else's.
        match self.held.take() {
            Some(held) if self.is_foreign => drop(held),
            Some(held) => held.give_back(),
            None => {}
        }
        Ok(())
    }

    fn told(&self, failure: Failure) -> Error {
        failure.into_error(&self.pool.catalog)
    }

    fn count(&self, outcome: Outcome) {
        self.pool.metrics.count_statement(&self.pool.catalog, outcome);
    }
}

fn beyond_end() -> Error {
    Error::internal("a statement is read beyond its end")
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.count(Outcome::Cancelled);
        }
    }
}
