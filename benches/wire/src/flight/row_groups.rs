//! Parquet files as messages of Flight, row group by row group. Whoever reads takes the next group that nobody has.

use crate::failure::{Result, unexpected};
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use futures::StreamExt;
use futures::executor::block_on_stream;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct RowGroups {
    groups: Vec<RowGroup>,
    /// Of what is sent.
    schema: SchemaRef,
    reading: ReadingOptions,
}

#[derive(Clone, Copy)]
pub struct ReadingOptions {
    pub batch_rows: usize,
    /// Text is read as views, which copies none of a dictionary, and is sent as the same text.
    pub views: bool,
}

struct RowGroup {
    file: PathBuf,
    /// Read when the server starts.
    footer: ArrowReaderMetadata,
    index: usize,
}

/// All row groups, for one client.
pub struct Shared {
    groups: Arc<RowGroups>,
    next: AtomicUsize,
}

impl RowGroups {
    pub fn open(files: &[PathBuf], reading: ReadingOptions) -> Result<Self> {
        let mut groups = Vec::new();
        let mut schema: Option<SchemaRef> = None;
        for path in files {
            let footer =
                ArrowReaderMetadata::load(&File::open(path)?, ArrowReaderOptions::default())?;
            if schema.get_or_insert_with(|| footer.schema().clone()) != footer.schema() {
                return Err(unexpected(format!("`{}` has another schema", path.display())));
            }
            let footer = match reading.views {
                true => with_views(&footer)?,
                false => footer,
            };
            for index in 0..footer.metadata().num_row_groups() {
                groups.push(RowGroup { file: path.clone(), footer: footer.clone(), index });
            }
        }
        let schema = schema.ok_or_else(|| unexpected("there are no files"))?;
        Ok(Self { groups, schema, reading })
    }

    /// What comes before the rows.
    pub fn schema_message(&self) -> std::result::Result<FlightData, FlightError> {
        let encoder = FlightDataEncoderBuilder::new().with_schema(self.schema.clone());
        let message = block_on_stream(encoder.build(futures::stream::empty())).next();
        message.unwrap_or_else(|| Err(FlightError::protocol("the encoder made no schema")))
    }

    pub fn share(self: &Arc<Self>) -> Arc<Shared> {
        Arc::new(Shared { groups: self.clone(), next: AtomicUsize::new(0) })
    }

    fn reader(&self, group: &RowGroup) -> Result<ParquetRecordBatchReader> {
        let file = File::open(&group.file)?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, group.footer.clone());
        let builder =
            builder.with_row_groups(vec![group.index]).with_batch_size(self.reading.batch_rows);
        Ok(builder.build()?)
    }
}

/// The same file, whose texts are read as views.
fn with_views(footer: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata> {
    let fields = footer.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => field.as_ref().clone().with_data_type(DataType::Utf8View),
        _ => field.as_ref().clone(),
    });
    let schema =
        Schema::new_with_metadata(fields.collect::<Vec<_>>(), footer.schema().metadata().clone());
    let options = ArrowReaderOptions::default().with_schema(Arc::new(schema));
    Ok(ArrowReaderMetadata::try_new(footer.metadata().clone(), options)?)
}

fn in_types_of(
    schema: &SchemaRef,
    batch: RecordBatch,
) -> std::result::Result<RecordBatch, ArrowError> {
    if batch.schema_ref() == schema {
        return Ok(batch);
    }
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type()));
    RecordBatch::try_new(schema.clone(), columns.collect::<std::result::Result<Vec<_>, _>>()?)
}

impl Shared {
    /// One thread's part of the rows as messages without their schema. No column is a dictionary, so
    /// messages of several encoders are one result.
    pub fn messages(
        self: Arc<Self>,
    ) -> impl Iterator<Item = std::result::Result<FlightData, FlightError>> + Send {
        let encoder = FlightDataEncoderBuilder::new().with_schema(self.groups.schema.clone());
        let batches = Batches { shared: self, reader: None };
        block_on_stream(encoder.build(futures::stream::iter(batches)).skip(1))
    }
}

struct Batches {
    shared: Arc<Shared>,
    reader: Option<ParquetRecordBatchReader>,
}

impl Batches {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.reader.as_mut().and_then(Iterator::next) {
                return Ok(Some(in_types_of(&self.shared.groups.schema, batch?)?));
            }
            let groups = &self.shared.groups;
            let next = self.shared.next.fetch_add(1, Ordering::Relaxed);
            let Some(group) = groups.groups.get(next) else { return Ok(None) };
            self.reader = Some(groups.reader(group)?);
        }
    }
}

impl Iterator for Batches {
    type Item = std::result::Result<RecordBatch, FlightError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(|error| FlightError::ExternalError(error.into())).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int32Array;
    use arrow::ipc::root_as_message;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use std::path::Path;

    /// A file of 10 rows in groups of 4.
    fn write(path: &Path) {
        let numbers = Arc::new(Int32Array::from_iter_values(0..10));
        let batch = RecordBatch::try_from_iter([("n", numbers as _)]).expect("a batch");
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(4)).build();
        let file = File::create(path).expect("a file");
        let mut writer =
            ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
    }

    fn rows(message: &FlightData) -> i64 {
        let message = root_as_message(&message.data_header).expect("a header");
        message.header_as_record_batch().expect("rows, no schema").length()
    }

    #[test]
    fn shares_are_all_rows_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ["a", "b"].map(|name| folder.path().join(name));
        files.iter().for_each(|file| write(file));
        let groups = Arc::new(
            RowGroups::open(&files, ReadingOptions { batch_rows: 3, views: true }).expect("opened"),
        );
        let schema = groups.schema_message().expect("a schema");
        let schema = root_as_message(&schema.data_header).expect("a header");
        assert!(schema.header_as_schema().is_some());

        let shared = groups.share();
        let (mut one, other) = (shared.clone().messages(), shared.messages());
        // A group of 4 rows in batches of at most 3.
        let first = rows(&one.next().expect("a message").expect("sent"));
        assert_eq!(first, 3);
        // The other takes all groups but that one.
        let rest: i64 = other.map(|message| rows(&message.expect("sent"))).sum();
        assert_eq!(rest, 16);
        let last: Vec<i64> = one.map(|message| rows(&message.expect("sent"))).collect();
        assert_eq!(last, [1]);
    }
}
