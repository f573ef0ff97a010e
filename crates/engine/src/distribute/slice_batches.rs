//! What the workers send to the coordinator's own stage, rows for a client mostly, crosses in small
//! messages. It holds several of each stream while the client is slow: one that waits to be merged, one
//! behind it, and one that arrives. A batch of a wide table has 4 MiB, and a table is read in many streams.

use datafusion::arrow::array::{Array, AsArray, GenericByteArray, RecordBatch};
use datafusion::arrow::datatypes::{ArrowNativeType, ByteArrayType, DataType};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, plan_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// A batch of at least twice as many bytes is sliced, into messages of one to two times as many. Smaller
/// ones cost more memory, not less: measured without compression, messages of 256 to 512 KiB took the
/// coordinator a half more, since mimalloc 3 keeps blocks of up to 512 KiB in pages of each thread.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Passes the rows on as they come, in batches of less than twice [`MESSAGE_BYTES`], single rows apart.
#[derive(Debug)]
pub(crate) struct SliceBatchesExec {
    input: Arc<dyn ExecutionPlan>,
}

impl SliceBatchesExec {
    pub fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input }
    }
}

impl DisplayAs for SliceBatchesExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SliceBatchesExec: bytes={MESSAGE_BYTES}")
    }
}

impl ExecutionPlan for SliceBatchesExec {
    fn name(&self) -> &str {
        "SliceBatchesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::new(input))),
            _ => plan_err!("SliceBatchesExec has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let batches = self.input.execute(partition, context)?;
        let schema = batches.schema();
        let small = batches.flat_map(|batch| {
            futures::stream::iter(match batch {
                Ok(batch) => slices(&batch).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, small)))
    }

    fn fetch(&self) -> Option<usize> {
        self.input.fetch()
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(Self::new(self.input.with_fetch(limit)?)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        input_statistics: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::clone(&input_statistics[0]))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}

fn slices(batch: &RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let size_bytes: usize = batch.columns().iter().map(|column| bytes(column)).sum();
    let pieces = (size_bytes / MESSAGE_BYTES).clamp(1, rows.max(1));
    let rows_per_piece = rows.div_ceil(pieces);
    (0..pieces)
        .map(|piece| piece * rows_per_piece)
        .take_while(|from| *from < rows.max(1))
        .map(|from| batch.slice(from, rows_per_piece.min(rows - from)))
        .collect()
}

/// What the rows of an array take, about, without what its buffers hold beside them. What a slice
/// would share with the whole, as the values of a dictionary and the text of a view, does not count:
/// slicing makes none of it smaller.
fn bytes(array: &dyn Array) -> usize {
    let rows = array.len();
    if rows == 0 {
        return 0;
    }
    let of_list = |values: &dyn Array, first: usize, end: usize| {
        rows * size_of::<i32>() + bytes(&values.slice(first, end - first))
    };
    match array.data_type() {
        DataType::Utf8 => rows * size_of::<i32>() + text_bytes(array.as_string::<i32>()),
        DataType::LargeUtf8 => rows * size_of::<i64>() + text_bytes(array.as_string::<i64>()),
        DataType::Binary => rows * size_of::<i32>() + text_bytes(array.as_binary::<i32>()),
        DataType::LargeBinary => rows * size_of::<i64>() + text_bytes(array.as_binary::<i64>()),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.value_offsets();
            of_list(list.values(), offsets[0] as usize, offsets[rows] as usize)
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let offsets = list.value_offsets();
            of_list(list.values(), offsets[0] as usize, offsets[rows] as usize)
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let offsets = map.value_offsets();
            of_list(map.entries(), offsets[0] as usize, offsets[rows] as usize)
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| bytes(column)).sum(),
        DataType::FixedSizeList(_, length) => {
            let list = array.as_fixed_size_list();
            let length = usize::try_from(*length).unwrap_or_default();
            let first = usize::try_from(list.value_offset(0)).unwrap_or_default();
            bytes(&list.values().slice(first, rows * length))
        }
        DataType::FixedSizeBinary(width) => rows * usize::try_from(*width).unwrap_or_default(),
        DataType::Dictionary(keys, _) => rows * keys.primitive_width().unwrap_or_default(),
        DataType::Utf8View | DataType::BinaryView => rows * size_of::<u128>(),
        other => rows * other.primitive_width().unwrap_or(1),
    }
}

fn text_bytes<T: ByteArrayType>(array: &GenericByteArray<T>) -> usize {
    let offsets = array.value_offsets();
    (offsets[array.len()] - offsets[0]).as_usize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{DictionaryArray, Int64Array, ListArray, StringArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::{Field, Int8Type, Int64Type, Schema};

    fn batch(rows: usize, text_bytes: usize) -> RecordBatch {
        let fields =
            [Field::new("n", DataType::Int64, false), Field::new("t", DataType::Utf8, false)];
        let numbers = Int64Array::from_iter_values(0..rows as i64);
        let texts =
            StringArray::from_iter_values(std::iter::repeat_n("x".repeat(text_bytes), rows));
        RecordBatch::try_new(
            Arc::new(Schema::new(fields.to_vec())),
            vec![Arc::new(numbers), Arc::new(texts)],
        )
        .expect("a batch")
    }

    fn size(batch: &RecordBatch) -> usize {
        batch.columns().iter().map(|column| bytes(column)).sum()
    }

    #[test]
    fn slices_are_small_and_hold_all_rows_in_order() {
        for (rows, text_bytes) in [(0, 1), (1, 1), (1, 4 << 20), (7, 900_000), (16_384, 200)] {
            let whole = batch(rows, text_bytes);
            let parts = slices(&whole);
            assert_eq!(concat_batches(&whole.schema(), &parts).expect("one schema"), whole);
            let bound = 2 * MESSAGE_BYTES + text_bytes + 16;
            assert!(parts.iter().all(|part| size(part) <= bound), "{rows} of {text_bytes}");
        }
    }

    #[test]
    fn a_small_part_of_a_large_batch_stays_whole() {
        assert_eq!(slices(&batch(16_384, 200).slice(5, 10)).len(), 1);
        assert!(slices(&batch(16_384, 200)).len() > 1);
    }

    /// Per row: an offset of four bytes and three numbers of eight, whatever else the buffers hold.
    #[test]
    fn lists_count_what_their_rows_hold() {
        let rows = (0..1_000).map(|row| Some(vec![Some(row); 3]));
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(rows);
        assert_eq!(bytes(&lists), 28_000);
        assert_eq!(bytes(&lists.slice(990, 10)), 280);
        let codes: DictionaryArray<Int8Type> = ["a", "b", "a"].into_iter().collect();
        assert_eq!(bytes(&codes), 3);
    }
}
