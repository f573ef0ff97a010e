//! The worker's side: a statement becomes a stream of batches. A stream that is dropped ends its statement.

use super::KIND;
use super::protocol::ColumnDefinition;
use super::rows::RowDecoder;
use super::scan::StatementSplit;
use super::source::{MysqlSource, MysqlSources, Statement};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::stream;
use mooring_spi::{
    BatchStream, CatalogDefinition, Demand, Error, OpenRequest, ReaderFactory, Result, Share,
    SplitReader,
};
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
        let source = Arc::clone(&self.source);
        let sql = split.narrowed(&request.predicate, source.settings().zero_dates);
        let (statement, sent) =
            Statement::begin(Arc::clone(&source), &sql, split.is_foreign, &request.query_id)
                .await?;
        let decoder = decoder(&source, &request, &sent, split.is_computed)?;
        let rows = Some(Rows { source, statement, decoder });
        Ok(Box::pin(stream::try_unfold(rows, |rows| async move {
            match rows {
                Some(rows) => rows.next_batch().await,
                None => Ok(None),
            }
        })))
    }

    fn demand(&self) -> Option<Arc<dyn Demand>> {
        Some(self.source.demand())
    }
}

fn decoder(
    source: &MysqlSource,
    request: &OpenRequest,
    sent: &[ColumnDefinition],
    is_computed: bool,
) -> Result<RowDecoder> {
    let zero_dates = source.settings().zero_dates;
    let make = if is_computed { RowDecoder::of_computed } else { RowDecoder::new };
    make(request.schema.clone(), sent, request.batch_size_rows, zero_dates)
        .map_err(|error| named(source, &error))
}

fn named(source: &MysqlSource, error: &Error) -> Error {
    Error::new(error.kind(), format!("catalog `{}`: {}", source.catalog(), error.message()))
}

/// The rows that are still to come.
struct Rows {
    source: Arc<MysqlSource>,
    statement: Statement,
    decoder: RowDecoder,
}

impl Rows {
    /// The next batch, with what is left after it.
    async fn next_batch(mut self) -> Result<Option<(RecordBatch, Option<Self>)>> {
        let _reads = self.statement.reads();
        loop {
            let Some(connection) = self.statement.connection() else {
                return Err(Error::internal("a statement without a connection"));
            };
            match connection.next_row().await {
                Ok(Some(packet)) => {
                    self.decoder.push(packet).map_err(|error| named(&self.source, &error))?;
                    if self.decoder.is_full() {
                        return Ok(Some((self.batch()?, Some(self))));
                    }
                }
                Ok(None) => {
                    self.statement.end().await;
                    return match self.decoder.is_empty() {
                        true => Ok(None),
                        false => Ok(Some((self.batch()?, None))),
                    };
                }
                Err(failure) => return Err(self.statement.fail(failure).await),
            }
        }
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        let taken = self.decoder.take();
        let (batch, bytes) = taken.map_err(|error| named(&self.source, &error))?;
        self.source.count_rows(batch.num_rows(), bytes);
        Ok(batch)
    }
}
