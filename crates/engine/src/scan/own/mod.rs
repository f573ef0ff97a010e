//! The `FileSource` of the formats that DataFusion does not read, or not as a lake needs them: ORC, Avro
//! and the text formats of Hive. A reader gives the file's own columns; what a table calls them and which
//! types it gives them is put over that in one place, `conform`.

mod avro;
mod conform;
mod lines;
mod orc;
mod stored;

#[cfg(test)]
mod predicate_tests;

use super::reading::Reading;
use crate::error::to_datafusion;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{PhysicalExpr, conjunction, split_conjunction};
use datafusion::physical_expr_common::physical_expr::{fmt_sql, is_volatile};
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, apply_expression_roots};
use datafusion_datasource::projection::{ProjectionOpener, SplitProjection};
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use mooring_formats::LinesOptions;
use mooring_spi::{ColumnMatch, Error, ErrorKind, FileFormat};
use object_store::ObjectStore;
use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// What opens a file, with a panic of the reader's as an error: those that we use panic over bytes that
/// they did not expect.
async fn opened<T>(opening: impl Future<Output = Result<T>>) -> Result<T> {
    let opened = AssertUnwindSafe(opening).catch_unwind().await;
    opened.unwrap_or_else(|panic| Err(unreadable(panic.as_ref())))
}

/// The same of the rows.
fn guarded(
    rows: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
) -> BoxStream<'static, Result<RecordBatch>> {
    AssertUnwindSafe(rows)
        .catch_unwind()
        .map(|batch| batch.unwrap_or_else(|panic| Err(unreadable(panic.as_ref()))))
        .boxed()
}

const UNREADABLE: &str = "the file is corrupt, or of a form that its reader does not know";

fn unreadable(panic: &(dyn Any + Send)) -> DataFusionError {
    let reason = match panic.downcast_ref::<&str>() {
        Some(reason) => reason,
        None => panic.downcast_ref::<String>().map_or("it does not say why", String::as_str),
    };
    to_datafusion(Error::new(ErrorKind::CorruptData, format!("{UNREADABLE}: {reason}")))
}

#[derive(Clone)]
pub(crate) struct OwnSource {
    reading: Reading,
    table_schema: TableSchema,
    batch_size: Option<usize>,
    projection: SplitProjection,
    /// By which parts of files are left out, over the columns of the table.
    predicate: Option<Arc<dyn PhysicalExpr>>,
    metrics: ExecutionPlanMetricsSet,
}

/// The columns that are wanted of each file.
#[derive(Debug, Clone)]
struct Wanted {
    /// All columns of the table that files hold.
    columns: SchemaRef,
    /// Which of them, in the order of the output.
    projection: Vec<usize>,
    by: ColumnMatch,
    /// As [`Reading::missing`].
    missing: Vec<Option<String>>,
    batch_rows: usize,
}

impl OwnSource {
    pub fn new(reading: Reading, table_schema: TableSchema) -> Self {
        Self {
            reading,
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_size: None,
            predicate: None,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    #[must_use]
    pub fn with_predicate(mut self, predicate: Option<Arc<dyn PhysicalExpr>>) -> Self {
        self.predicate = predicate;
        self
    }

    /// Whether files of the format say what is in their parts.
    fn prunes(&self) -> bool {
        match self.reading.format {
            FileFormat::Orc => true,
            FileFormat::Avro
            | FileFormat::Parquet
            | FileFormat::Csv(_)
            | FileFormat::Json
            | FileFormat::HiveText(_)
            | FileFormat::HiveCsv(_)
            | FileFormat::HiveJson(_) => false,
        }
    }

    fn wanted(&self) -> Result<Wanted> {
        let batch_rows = self
            .batch_size
            .ok_or_else(|| internal_datafusion_err!("a scan without the size of its batches"))?;
        Ok(Wanted {
            columns: self.table_schema.file_schema().clone(),
            projection: self.projection.file_indices.clone(),
            by: self.reading.columns_by,
            missing: self.reading.missing.clone(),
            batch_rows,
        })
    }
}

impl FileSource for OwnSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        _base_config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let wanted = self.wanted()?;
        let opener: Arc<dyn FileOpener> = match &self.reading.format {
            FileFormat::Orc => {
                let table = self.table_schema.table_schema().clone();
                let predicate = self.predicate.clone();
                let conditions = orc::Conditions::new(predicate, table, &self.metrics, partition);
                Arc::new(orc::OrcOpener::new(store, wanted, conditions))
            }
            FileFormat::Avro => Arc::new(avro::AvroOpener::new(store, wanted)),
            FileFormat::HiveText(_) | FileFormat::HiveCsv(_) | FileFormat::HiveJson(_) => {
                Arc::new(lines::LineOpener::new(store, self.reading.clone(), wanted))
            }
            format @ (FileFormat::Parquet | FileFormat::Csv(_) | FileFormat::Json) => {
                return Err(internal_datafusion_err!("{} has another source", format.keyword()));
            }
        };
        ProjectionOpener::try_new(self.projection.clone(), opener, self.table_schema.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_size: Some(batch_size), ..self.clone() })
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.predicate.clone()
    }

    /// Conditions only leave out what has none of their rows: a filter above has to apply them.
    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let answers = vec![PushedDown::No; filters.len()];
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(answers);
        // Rules ask again with what the scan was planned with.
        let held = self.predicate.as_ref().map(split_conjunction).unwrap_or_default();
        let is_new = |filter: &Arc<dyn PhysicalExpr>| {
            self.prunes() && !is_volatile(filter) && !held.contains(&filter)
        };
        let new: Vec<_> = filters.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(answer);
        }
        let predicate = conjunction(self.predicate.iter().cloned().chain(new));
        Ok(answer.with_updated_node(Arc::new(self.clone().with_predicate(Some(predicate)))))
    }

    fn fmt_extra(&self, format_type: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let Some(predicate) = &self.predicate else { return Ok(()) };
        match format_type {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, ", predicate={predicate}")
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "predicate={}", fmt_sql(predicate.as_ref()))
            }
        }
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table_schema.file_schema(), &merged);
        Ok(Some(Arc::new(Self { projection, ..self.clone() })))
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn supports_repartitioning(&self) -> bool {
        // Of several header lines, the second may begin in the second range.
        let LinesOptions { header_lines, footer_lines, .. } =
            LinesOptions::of(&self.reading.format);
        header_lines <= 1 && footer_lines == 0
    }

    fn file_type(&self) -> &str {
        self.reading.format.keyword()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let projected = self.projection.source.iter().map(|projected| &projected.expr);
        apply_expression_roots(self.predicate.iter().chain(projected), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::from_datafusion;
    use futures::executor::block_on;
    use futures::stream;

    async fn open() -> Result<()> {
        panic!("a stream ends")
    }

    #[test]
    fn a_reader_that_panics_is_an_error_with_its_reason() {
        let error = block_on(opened(open())).expect_err("an error");
        assert_eq!(from_datafusion(&error).message(), format!("{UNREADABLE}: a stream ends"));
        let panics = |reason: i32| -> Result<RecordBatch> { std::panic::panic_any(reason) };
        let mut rows = guarded(stream::iter([7]).map(panics));
        let error = block_on(rows.next()).expect("an item").expect_err("an error");
        assert!(from_datafusion(&error).message().starts_with(UNREADABLE));
        assert_eq!(from_datafusion(&error).kind(), ErrorKind::CorruptData);
    }
}
