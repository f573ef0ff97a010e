//! The worker's side: a statement becomes a stream of batches, and so do the ranges of a locked table. A stream that is
//! dropped ends its statements.

use super::KIND;
use super::locked::{Readers, readers};
use super::merged::{Outlet, merged};
use super::protocol::ColumnDefinition;
use super::rows::RowDecoder;
use super::scan::{LockedRanges, StatementSplit};
use super::source::{MysqlSource, MysqlSources};
use super::statement::Statement;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::stream;
use mooring_spi::{
    BatchStream, CatalogDefinition, Demand, Error, OpenRequest, ReaderFactory, Result, Share,
    SplitReader,
};
use parking_lot::Mutex;
use std::sync::Arc;

/// Makes [`MysqlReader`]s.
#[derive(Debug, Clone)]
pub struct MysqlReaderFactory(pub MysqlSources);

impl ReaderFactory for MysqlReaderFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn reader(&self, definition: &CatalogDefinition) -> Result<Arc<dyn SplitReader>> {
        Ok(Arc::new(MysqlReader { source: self.0.source(definition)? }))
    }

    fn set_share(&self, share: Share) {
        self.0.set_share(share);
    }
}

/// Reads what statements select at one server.
#[derive(Debug)]
pub struct MysqlReader {
    source: Arc<MysqlSource>,
}

#[async_trait]
impl SplitReader for MysqlReader {
    async fn open(&self, request: OpenRequest) -> Result<BatchStream> {
        let split = StatementSplit::read(&request.split)?;
        if split.columns != request.schema.fields().len() {
            return Err(Error::internal("a statement selects other columns than are wanted"));
        }
        let zero_dates = self.source.settings().zero_dates;
        let StatementSplit { sql, settings, locked, is_computed, is_foreign, .. } =
            split.narrowed(&request.predicate, zero_dates);
        let source = Arc::clone(&self.source);
        let query = request.query_id.clone();
        let reading = Reading { source: Arc::clone(&source), request, is_computed };
        let Some(LockedRanges { table, statements }) = locked else {
            let lease = source.lease(&query).await?;
            let sql = format!("{settings}{sql}");
            return reading.of_one(Statement::new(source, lease, is_foreign), &sql).await;
        };
        match readers(&source, &query, &table, statements.len()).await? {
            Readers::One(statement) => reading.of_one(statement, &sql).await,
            Readers::Several(readers) => Ok(reading.of_several(readers, statements)),
        }
    }

    fn demand(&self) -> Option<Arc<dyn Demand>> {
        Some(self.source.demand())
    }
}

/// What is read, whoever reads it.
#[derive(Clone)]
struct Reading {
    source: Arc<MysqlSource>,
    request: OpenRequest,
    is_computed: bool,
}

impl Reading {
    async fn of_one(self, statement: Statement, sql: &str) -> Result<BatchStream> {
        let rows = self.rows(statement, sql).await?;
        Ok(Box::pin(stream::try_unfold(rows, |mut rows| async move {
            Ok(rows.next_batch().await?.map(|batch| (batch, rows)))
        })))
    }

    /// Each reader takes the next statement when it is through with one.
    fn of_several(self, readers: Vec<Statement>, statements: Vec<String>) -> BatchStream {
        let left = Arc::new(Mutex::new(statements.into_iter()));
        let task = |statement| {
            let (reading, left) = (self.clone(), Arc::clone(&left));
            move |outlet| reading.one_after_the_other(statement, left, outlet)
        };
        merged(readers.into_iter().map(task).collect())
    }

    async fn one_after_the_other(
        self,
        mut statement: Statement,
        left: Arc<Mutex<std::vec::IntoIter<String>>>,
        outlet: Outlet<RecordBatch>,
    ) -> Result<()> {
        loop {
            let next = left.lock().next();
            let Some(sql) = next else { break };
            let mut rows = self.rows(statement, &sql).await?;
            while let Some(batch) = rows.next_batch().await? {
                if !outlet.give(batch).await {
                    return Ok(());
                }
            }
            statement = rows.statement;
        }
        statement.leave().await;
        Ok(())
    }

    async fn rows(&self, mut statement: Statement, sql: &str) -> Result<Rows> {
        let sent = statement.execute(sql).await?;
        let decoder = self.decoder(&sent)?;
        Ok(Rows { source: Arc::clone(&self.source), statement, decoder, has_more: true })
    }

    fn decoder(&self, sent: &[ColumnDefinition]) -> Result<RowDecoder> {
        let zero_dates = self.source.settings().zero_dates;
        let OpenRequest { schema, batch_size_rows, .. } = &self.request;
        let make = if self.is_computed { RowDecoder::of_computed } else { RowDecoder::new };
        make(Arc::clone(schema), sent, *batch_size_rows, zero_dates)
            .map_err(|error| named(&self.source, &error))
    }
}

fn named(source: &MysqlSource, error: &Error) -> Error {
    Error::new(error.kind(), format!("catalog `{}`: {}", source.catalog(), error.message()))
}

/// The rows that are still to come.
struct Rows {
    source: Arc<MysqlSource>,
    statement: Statement,
    decoder: RowDecoder,
    has_more: bool,
}

impl Rows {
    /// `None` after the last one. The statement has ended before that is given.
    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let _reads = self.has_more.then(|| self.statement.reads());
        while self.has_more && !self.decoder.is_full() {
            let Some(connection) = self.statement.connection() else {
                return Err(Error::internal("a statement without a connection"));
            };
            match connection.next_row().await {
                Ok(Some(packet)) => {
                    self.decoder.push(packet).map_err(|error| named(&self.source, &error))?;
                }
                Ok(None) => {
                    self.has_more = false;
                    self.statement.end().await;
                }
                Err(failure) => return Err(self.statement.fail(failure).await),
            }
        }
        match self.decoder.is_empty() {
            true => Ok(None),
            false => self.batch().map(Some),
        }
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        let taken = self.decoder.take();
        let (batch, bytes) = taken.map_err(|error| named(&self.source, &error))?;
        self.source.count_rows(batch.num_rows(), bytes);
        Ok(batch)
    }
}
