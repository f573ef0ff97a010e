//! Rows of a part of a table, as Arrow batches with only the wanted columns.

use super::{TablePart, TpchTable};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use mooring_spi::{Error, Result};
use std::sync::{Arc, OnceLock};
use tpchgen::distribution::Distributions;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen::text::TextPool;
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

/// A lazy iterator over a part's batches. Each step computes one batch and nothing ahead.
pub(super) struct Batches {
    generated: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Batches {
    /// Makes a generator for the columns of `schema`, which are found by name. The first call
    /// that needs comments computes their pool of text, for about a second: not on an I/O thread.
    ///
    /// # Errors
    /// `Internal` when the table lacks a column.
    pub(super) fn new(part: TablePart, schema: SchemaRef, batch_size_rows: usize) -> Result<Self> {
        let table_schema = part.table.schema();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let column = table_schema.index_of(field.name()).map_err(|error| {
                Error::internal(format!("table `{}` has no column `{}`", part.table, field.name()))
                    .with_cause(error)
            })?;
            columns.push(column);
        }
        let text_pool = text_pool(schema.fields().iter().any(|field| is_comment(field.name())));
        let generated = generator(part, text_pool, batch_size_rows.max(1));
        Ok(Self { generated, columns, schema })
    }

    fn project(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            // The generator's text is `Utf8View`; the table's is not.
            let array = batch.column(*column);
            if array.data_type() == field.data_type() {
                arrays.push(Arc::clone(array));
            } else {
                arrays.push(cast(array, field.data_type())?);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.generated.next()?.and_then(|batch| self.project(&batch));
        Some(batch.map_err(|error| {
            Error::internal("a generated batch does not fit its schema").with_cause(error)
        }))
    }
}

/// Comments are cut from a pool of 300 MB of grammatical text (clause 4.2.2.10) that takes time
/// and memory to make. Each column draws from a stream of its own, so without comments the rest is
/// the same over any pool.
fn text_pool(with_comments: bool) -> &'static TextPool {
    static WITHOUT_COMMENTS: OnceLock<TextPool> = OnceLock::new();
    if with_comments {
        return TextPool::get_or_init_default();
    }
    WITHOUT_COMMENTS.get_or_init(|| TextPool::new(16 * 1024, Distributions::static_default()))
}

pub(super) fn is_comment(column: &str) -> bool {
    column.ends_with("_comment")
}

/// Chains the generator of a table's rows to its conversion.
macro_rules! batches {
    ($arrow:ident, $rows:expr, $batch_size_rows:expr) => {
        Box::new($arrow::new($rows).with_batch_size($batch_size_rows))
    };
}

fn generator(
    part: TablePart,
    text: &'static TextPool,
    batch_size_rows: usize,
) -> Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> {
    let lists = Distributions::static_default();
    let (scale, number, count) = part.generator_arguments();
    match part.table {
        TpchTable::Customer => {
            let rows = CustomerGenerator::new_with_distributions_and_text_pool(
                scale, number, count, lists, text,
            );
            batches!(CustomerArrow, rows, batch_size_rows)
        }
        TpchTable::Lineitem => {
            let rows = LineItemGenerator::new_with_distributions_and_text_pool(
                scale, number, count, lists, text,
            );
            batches!(LineItemArrow, rows, batch_size_rows)
        }
        TpchTable::Nation => {
            let rows = NationGenerator::new_with_distributions_and_text_pool(lists, text);
            batches!(NationArrow, rows, batch_size_rows)
        }
        TpchTable::Orders => {
            let rows = OrderGenerator::new_with_distributions_and_text_pool(
                scale, number, count, lists, text,
            );
            batches!(OrderArrow, rows, batch_size_rows)
        }
        TpchTable::Part => {
            let rows = PartGenerator::new_with_distributions_and_text_pool(
                scale, number, count, lists, text,
            );
            batches!(PartArrow, rows, batch_size_rows)
        }
        TpchTable::Partsupp => {
            let rows = PartSuppGenerator::new_with_text_pool(scale, number, count, text);
            batches!(PartSuppArrow, rows, batch_size_rows)
        }
        TpchTable::Region => {
            let rows = RegionGenerator::new_with_distributions_and_text_pool(lists, text);
            batches!(RegionArrow, rows, batch_size_rows)
        }
        TpchTable::Supplier => {
            let rows = SupplierGenerator::new_with_distributions_and_text_pool(
                scale, number, count, lists, text,
            );
            batches!(SupplierArrow, rows, batch_size_rows)
        }
    }
}
