//! The worker's side: a statement's rows by binary COPY. Whoever writes the statement, the reader is the same.

use super::decode::BatchDecoder;
use super::failure::{failed, unavailable};
use super::pool::{Pool, Pooled};
use super::snapshot::begin_with;
use super::sql::conditions;
use super::types::Column;
use crate::database::{Outcome, Purpose};
use arrow::array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use mooring_spi::{
    BatchStream, Demand, Domain, Error, ErrorKind, OpenRequest, Predicate, Result, Split,
    SplitReader,
};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;
use tokio_postgres::CopyOutStream;

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
        let held = self.pool.acquire_for(Purpose::Read, &request.query_id).await?;
        let _reads = held.reads();
        if let Some(token) = &request.lease {
            begin_with(&held, token).await?;
        }
        let mut reading = Reading {
            copy: None,
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
    copy: Option<Pin<Box<CopyOutStream>>>,
    decoder: BatchDecoder,
    in_transaction: bool,
    is_foreign: bool,
    batch_size_rows: usize,
    pool: Arc<Pool>,
    /// `None` once it was given back. Its drop is the cancel.
    held: Option<Pooled>,
}

impl Reading {
    fn held(&self) -> Result<&Pooled> {
        self.held.as_ref().ok_or_else(|| Error::internal("a statement is read beyond its end"))
    }

    async fn start(&mut self, sql: &str) -> Result<()> {
        let text = format!("COPY ({sql}) TO STDOUT (FORMAT BINARY)");
        let started = self.held()?.client()?.copy_out(&*text);
        let started = tokio::time::timeout(self.pool.settings.read_timeout, started).await;
        let copy = match started {
            Ok(copy) => copy.map_err(|error| failed(&self.pool.catalog, error)),
            Err(_) => Err(self.silent()),
        };
        self.copy = Some(Box::pin(copy.or_else(|error| self.fail(error))?));
        Ok(())
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
        while self.decoder.rows() < self.batch_size_rows && self.decoder.bytes() < BATCH_BYTES_MAX {
            let Some(message) = self.message().await? else {
                self.end().await?;
                break;
            };
            self.decoder.take(&message).map_err(|error| self.of_catalog(&error))?;
        }
        let (rows, bytes) = (self.decoder.rows(), self.decoder.bytes());
        if rows == 0 {
            return Ok(None);
        }
        self.pool.metrics.count_read(&self.pool.catalog, rows, bytes);
        let batch = self.decoder.finish();
        batch.map(Some).map_err(|error| self.of_catalog(&error))
    }

    /// The next message of the server. Nothing is read ahead of what is asked for here, so a slow query makes
    /// the server wait.
    async fn message(&mut self) -> Result<Option<Bytes>> {
        let bound = self.pool.settings.read_timeout;
        let Some(copy) = &mut self.copy else { return Ok(None) };
        // A timer for each row would cost more than the row.
        let message = match copy.next().now_or_never() {
            Some(message) => message,
            None => match tokio::time::timeout(bound, copy.next()).await {
                Ok(message) => message,
                Err(_) => return Err(self.silent()),
            },
        };
        message.transpose().map_err(|error| failed(&self.pool.catalog, error))
    }

    async fn end(&mut self) -> Result<()> {
        if !self.decoder.has_ended() {
            let error = Error::new(ErrorKind::CorruptData, "the database's answer ends too early");
            return Err(self.of_catalog(&error));
        }
        self.copy = None;
        if self.in_transaction {
            let held = self.held()?;
            held.answer(held.client()?.batch_execute("COMMIT")).await?;
        }
        self.count(Outcome::Ok);
        // A session that is not as we made it is nobody else's.
        match self.held.take() {
            Some(held) if self.is_foreign => held.close(),
            Some(held) => held.give_back(),
            None => {}
        }
        Ok(())
    }

    fn silent(&self) -> Error {
        let bound = self.pool.settings.read_timeout.as_millis();
        unavailable(&self.pool.catalog, &format!("the database sent nothing for {bound} ms"))
    }

    fn of_catalog(&self, error: &Error) -> Error {
        Error::new(error.kind(), format!("catalog `{}`: {}", self.pool.catalog, error.message()))
    }

    fn count(&self, outcome: Outcome) {
        self.pool.metrics.count_statement(&self.pool.catalog, outcome);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.count(Outcome::Cancelled);
        }
    }
}
