//! Files for tests, written by hand so that they can be wrong, and how they are read.

use super::super::{UNREADABLE, Wanted};
use super::wire::{Fields, Message, Value, varint};
use super::{Conditions, OrcOpener};
use crate::error::from_datafusion;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::physical_plan::FileOpener;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricValue};
use datafusion_datasource::PartitionedFile;
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use mooring_spi::{ColumnMatch, Error, ErrorKind};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::collections::HashMap;
use std::sync::Arc;

/// So many batches are read: a file may claim any number of rows.
const BATCHES_MAX: usize = 100;

pub(super) const BATCH_ROWS: usize = 16_384;

pub(super) const PRESENT: u64 = 0;
pub(super) const DATA: u64 = 1;
pub(super) const LENGTH: u64 = 2;
pub(super) const DICTIONARY_DATA: u64 = 3;
pub(super) const SECONDARY: u64 = 5;

pub(super) const DIRECT_V2: u64 = 2;
pub(super) const DICTIONARY_V2: u64 = 3;

/// An uncompressed file of one stripe.
#[derive(Debug, Clone)]
pub(super) struct TestFile {
    /// Messages `Type`.
    pub types: Vec<Vec<u8>>,
    /// The encoding of each column, and the size of its dictionary.
    pub encodings: Vec<(u64, u64)>,
    /// A column's number, a kind of stream and the content.
    pub streams: Vec<(u64, u64, Vec<u8>)>,
    pub rows: u64,
    pub zone: Option<&'static str>,
}

impl TestFile {
    /// With encodings of version 2.
    pub fn new(types: Vec<Vec<u8>>, rows: u64, streams: Vec<(u64, u64, Vec<u8>)>) -> Self {
        let encodings = vec![(DIRECT_V2, 0); types.len()];
        Self { types, encodings, streams, rows, zone: None }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut file = b"ORC".to_vec();
        let mut footer = Message::default();
        for (column, kind, content) in &self.streams {
            file.extend(content);
            let stream = Message::default()
                .number(1, *kind)
                .number(2, *column)
                .number(3, content.len() as u64);
            footer = footer.bytes(1, &stream.into_bytes());
        }
        let data_bytes = file.len() as u64 - 3;
        for (encoding, size) in &self.encodings {
            let encoding = Message::default().number(1, *encoding).number(2, *size);
            footer = footer.bytes(2, &encoding.into_bytes());
        }
        if let Some(zone) = self.zone {
            footer = footer.bytes(3, zone.as_bytes());
        }
        let stripe_footer = footer.into_bytes();
        file.extend(&stripe_footer);
        let stripe = Message::default()
            .number(1, 3)
            .number(3, data_bytes)
            .number(4, stripe_footer.len() as u64)
            .number(5, self.rows);
        let mut footer = Message::default().bytes(3, &stripe.into_bytes());
        for message in &self.types {
            footer = footer.bytes(4, message);
        }
        finish(file, &footer.number(6, self.rows).into_bytes(), postscript())
    }
}

/// A postscript without the length of the footer.
pub(super) fn postscript() -> Message {
    Message::default().number(5, 0).bytes(8000, b"ORC")
}

pub(super) fn finish(mut file: Vec<u8>, footer: &[u8], postscript: Message) -> Vec<u8> {
    file.extend(footer);
    let postscript = postscript.number(1, footer.len() as u64).into_bytes();
    file.extend(&postscript);
    file.push(postscript.len() as u8);
    file
}

pub(super) fn plain(code: u64) -> Vec<u8> {
    Message::default().number(1, code).into_bytes()
}

/// A list, map or structure of the columns with these numbers.
pub(super) fn nested(code: u64, parts: &[u64], names: &[&str]) -> Vec<u8> {
    let mut packed = Vec::new();
    parts.iter().for_each(|part| varint(&mut packed, *part));
    let mut message = Message::default().number(1, code).bytes(2, &packed);
    for name in names {
        message = message.bytes(3, name.as_bytes());
    }
    message.into_bytes()
}

/// A root with a single column.
pub(super) fn root() -> Vec<u8> {
    nested(12, &[1], &["a"])
}

/// One run of version 2 of at most 512 numbers of 32 bits.
pub(super) fn direct(numbers: &[u32]) -> Vec<u8> {
    let length = numbers.len() as u16 - 1;
    let mut run = vec![0x40 | 27 << 1 | (length >> 8) as u8, length as u8];
    run.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    run
}

/// The same of numbers that may be negative.
pub(super) fn direct_signed(numbers: &[i32]) -> Vec<u8> {
    let zigzag = |number: &i32| (number << 1 ^ number >> 31) as u32;
    direct(&numbers.iter().map(zigzag).collect::<Vec<_>>())
}

/// `count` times 512 equal numbers below 128.
pub(super) fn repeated(number: u8, count: usize) -> Vec<u8> {
    [0xc1, 0xff, number, 0].repeat(count)
}

pub(super) fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(super) fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

pub(super) struct Request {
    pub columns: SchemaRef,
    pub range: Option<(i64, i64)>,
    pub batch_rows: usize,
}

pub(super) fn read(file: Vec<u8>, request: Request) -> Result<Vec<RecordBatch>, Error> {
    read_where(file, request, &Where::default()).map(|pruned| pruned.batches)
}

/// Conditions over the columns, and over those of partitions that stand behind them.
#[derive(Debug, Default)]
pub(super) struct Where {
    pub predicate: Option<Arc<dyn PhysicalExpr>>,
    pub partition: Vec<(&'static str, ScalarValue)>,
}

/// What is left of a file for some conditions, and of how many stripes.
pub(super) struct Pruned {
    pub batches: Vec<RecordBatch>,
    pub stripes_pruned: usize,
    pub stripes_read: usize,
}

pub(super) fn read_where(
    file: Vec<u8>,
    request: Request,
    conditions: &Where,
) -> Result<Pruned, Error> {
    let Request { columns, range, batch_rows } = request;
    let size = file.len() as u64;
    let store = InMemory::new();
    block_on(store.put(&Path::from("file.orc"), file.into())).unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let projection = (0..columns.fields().len()).collect();
    let metrics = ExecutionPlanMetricsSet::new();
    let Where { predicate, partition } = conditions;
    let fields = columns.fields().iter().map(|field| field.as_ref().clone());
    let of_partition =
        partition.iter().map(|(name, value)| Field::new(*name, value.data_type(), true));
    let table = Arc::new(Schema::new(fields.chain(of_partition).collect::<Vec<_>>()));
    let conditions = Conditions::new(predicate.clone(), table, &metrics, 0);
    let wanted =
        Wanted { columns, projection, by: ColumnMatch::Name, missing: Vec::new(), batch_rows };
    let mut file = PartitionedFile::new("file.orc", size);
    if let Some((start, end)) = range {
        file = file.with_range(start, end);
    }
    file.partition_values = partition.iter().map(|(_, value)| value.clone()).collect();
    let rows = async {
        let rows = OrcOpener::new(store, wanted, conditions).open(file)?.await?;
        rows.take(BATCHES_MAX).try_collect::<Vec<_>>().await
    };
    let batches = block_on(rows).map_err(|error: DataFusionError| from_datafusion(&error))?;
    let (mut stripes_pruned, mut stripes_read) = (0, 0);
    for metric in metrics.clone_inner().iter() {
        if let MetricValue::PruningMetrics { name, pruning_metrics } = metric.value() {
            assert_eq!(name, "stripes_pruned_statistics");
            stripes_pruned += pruning_metrics.pruned();
            stripes_read += pruning_metrics.matched();
        }
    }
    Ok(Pruned { batches, stripes_pruned, stripes_read })
}

/// An uncompressed file, or one whose footer is compressed, with other statistics of its stripes. `writer_version`
/// is that of the file's writer.
pub(super) fn with_statistics(file: &[u8], statistics: &[u8], writer_version: u64) -> Vec<u8> {
    let (length, rest) = file.split_last().unwrap();
    let (rest, script) = rest.split_at(rest.len() - usize::from(*length));
    let mut numbers = HashMap::new();
    let mut fields = Fields::of(script);
    while let Some((field, value)) = fields.read().unwrap() {
        if let Value::Number(number) = value {
            numbers.insert(field, number);
        }
    }
    let number = |field| numbers.get(&field).copied().unwrap_or_default();
    let (rest, footer) = rest.split_at(rest.len() - number(1) as usize);
    let stripes = &rest[..rest.len() - number(5) as usize];
    // A chunk that is stored as it is.
    let header = (statistics.len() << 1 | 1).to_le_bytes();
    let header = if number(2) == 0 || statistics.is_empty() { &[][..] } else { &header[..3] };
    let written = [stripes, header, statistics].concat();
    let mut script = Message::default()
        .number(2, number(2))
        .number(5, (header.len() + statistics.len()) as u64)
        .number(6, writer_version)
        .bytes(8000, b"ORC");
    if number(2) > 0 {
        script = script.number(3, number(3));
    }
    finish(written, footer, script)
}

pub(super) fn read_all(file: Vec<u8>, columns: &SchemaRef) -> Result<Vec<RecordBatch>, Error> {
    let columns = columns.clone();
    read(file, Request { columns, range: None, batch_rows: BATCH_ROWS })
}

/// What comes of a file whose single column `a` is read as a type.
pub(super) fn read_a(file: &TestFile, data_type: DataType) -> Result<RecordBatch, Error> {
    let batches = read_all(file.bytes(), &schema(&[("a", data_type)]))?;
    assert_eq!(batches.len(), 1);
    Ok(batches[0].clone())
}

/// The kind of an error that tells what is wrong with the file, and is not a panic of the reader's.
pub(super) fn told<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    let error = result.err()?;
    assert!(!error.message().contains(UNREADABLE), "{error}");
    let kinds = [ErrorKind::CorruptData, ErrorKind::Unsupported, ErrorKind::LimitExceeded];
    assert!(kinds.contains(&error.kind()), "{error}");
    Some(error.kind())
}
