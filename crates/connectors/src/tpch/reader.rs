//! The worker's side: a split becomes a stream of batches.

use super::generate::{Batches, is_comment};
use super::{KIND, TablePart, refuse_properties};
use async_trait::async_trait;
use futures::stream;
use mooring_spi::{
    BatchStream, CatalogDefinition, Error, OpenRequest, ReaderFactory, Result, SplitReader,
};
use std::sync::Arc;
use tpchgen::text::TextPool;

/// Makes [`TpchReader`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct TpchReaderFactory;

impl ReaderFactory for TpchReaderFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn reader(&self, definition: &CatalogDefinition) -> Result<Arc<dyn SplitReader>> {
        refuse_properties(definition)?;
        Ok(Arc::new(TpchReader))
    }
}

/// Generates the rows of a split. The predicate is left to the engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct TpchReader;

#[async_trait]
impl SplitReader for TpchReader {
    async fn open(&self, request: OpenRequest) -> Result<BatchStream> {
        let part: TablePart = serde_json::from_str(&request.split.payload).map_err(|error| {
            Error::internal(format!("split `{}` is none of a `tpch` table", request.split.label))
                .with_cause(error)
        })?;
        let part = part.checked()?;
        if request.schema.fields().iter().any(|field| is_comment(field.name())) {
            make_text_pool().await?;
        }
        let batches = Batches::new(part, request.schema, request.batch_size_rows)?;
        // Generating is the scan's own work, so it runs where the engine polls it: one batch per
        // poll, and others get their turn in between.
        Ok(Box::pin(stream::unfold(batches, |mut batches| async move {
            let batch = batches.next()?;
            tokio::task::yield_now().await;
            Some((batch, batches))
        })))
    }
}

/// The pool of text that all comments are cut from is made once per process, off the executor.
async fn make_text_pool() -> Result<()> {
    let made = tokio::task::spawn_blocking(TextPool::get_or_init_default).await;
    made.map(|_| ())
        .map_err(|error| Error::internal("the pool of text was not made").with_cause(error))
}
