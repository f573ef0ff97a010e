//! Files made by arrow-avro's writer, or byte by byte after the specification, read through the opener.

pub mod files;
mod written;
mod ranges;
mod schemas;
mod types;
mod broken;
mod limits;

use super::{AvroOpener, open};
use crate::error::{from_datafusion, to_datafusion};
use crate::scan::own::Wanted;
use crate::scan::own::stored::StoredFile;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::physical_plan::FileOpener;
use datafusion_datasource::{FileRange, PartitionedFile};
use futures::TryStreamExt;
use futures::executor::block_on;
use mooring_spi::{ColumnMatch, Error};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use std::ops::Range;
use std::sync::Arc;

const NAME: &str = "file.avro";

async fn store(file: &[u8]) -> Arc<dyn ObjectStore> {
    let store = InMemory::new();
    let content = PutPayload::from(file.to_vec());
    store.put(&Path::from(NAME), content).await.unwrap();
    Arc::new(store)
}

/// All of the columns, by their names.
fn wanted(columns: &[(&str, DataType)], batch_rows: usize) -> Wanted {
    let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true));
    let columns = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let projection = (0..columns.fields().len()).collect();
    Wanted { columns, projection, by: ColumnMatch::Name, missing: Vec::new(), batch_rows }
}

/// The rows of a range of a file, as the scan has them.
fn read_range(
    file: &[u8],
    wanted: &Wanted,
    range: Option<Range<usize>>,
) -> Result<Vec<RecordBatch>, Error> {
    let batches = block_on(async {
        let mut partitioned = PartitionedFile::new(NAME, file.len() as u64);
        partitioned.range =
            range.map(|range| FileRange { start: range.start as i64, end: range.end as i64 });
        let opener = AvroOpener::new(store(file).await, wanted.clone());
        opener.open(partitioned)?.await?.try_collect::<Vec<_>>().await
    });
    batches.map_err(|error| from_datafusion(&error))
}

fn read(file: &[u8], wanted: &Wanted) -> Result<Vec<RecordBatch>, Error> {
    read_range(file, wanted, None)
}

fn row_count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// The columns of a file as one text, a line for each row.
fn shown(file: &[u8], columns: &[(&str, DataType)]) -> String {
    let batches = read(file, &wanted(columns, 100)).unwrap();
    lines(&batches)
}

fn lines(batches: &[RecordBatch]) -> String {
    let table = pretty_format_batches(batches).unwrap().to_string();
    let rows = table.lines().skip(3).filter(|line| line.starts_with('|'));
    let rows = rows.map(|row| {
        let cells = row.trim_matches('|').split('|').map(str::trim);
        cells.collect::<Vec<_>>().join(", ")
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// The rows of all columns before they get the table's types, and what was held in memory for them.
fn native(file: &[u8], names: &[&str]) -> Result<(Option<RecordBatch>, usize), Error> {
    let columns: Vec<_> = names.iter().map(|name| (*name, DataType::Null)).collect();
    let wanted = wanted(&columns, 1000);
    let outcome = block_on(async {
        let size_bytes = file.len() as u64;
        let stored = StoredFile { store: store(file).await, path: Path::from(NAME), size_bytes };
        let (_, mut rows) = open(stored, 0..size_bytes, &wanted).await?;
        let batch = rows.next().await.map_err(to_datafusion)?;
        Ok::<_, DataFusionError>((batch, rows.held_bytes()))
    });
    outcome.map_err(|error| from_datafusion(&error))
}
