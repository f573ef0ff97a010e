//! Rows that the coordinator gets for its client cross in small messages. It holds several of each
//! stream while the client is slow: one that waits to be merged, one behind it, and one that arrives.
//! A batch of a wide table has 4 MiB, and a table is read in many streams.

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, plan_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Bytes of Arrow data in a message, about. Smaller ones cost more memory, not less: mimalloc keeps
/// blocks below 1 MiB in pages of each thread, and gives larger ones back as they are freed.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// Slices the batches of the last stage that is spread.
#[derive(Debug)]
pub(crate) struct SliceForClient;

impl PhysicalOptimizerRule for SliceForClient {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        sliced(plan)
    }

    fn name(&self) -> &str {
        "slice_for_client"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Slices where `plan` still has several partitions, going down from its root.
fn sliced(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if plan.output_partitioning().partition_count() > 1 {
        return Ok(Arc::new(SliceBatchesExec::new(plan)));
    }
    let [child] = plan.children()[..] else { return Ok(plan) };
    let merges = plan.is::<CoalescePartitionsExec>() || plan.is::<SortPreservingMergeExec>();
    let is_spread = child.output_partitioning().partition_count() > 1;
    if is_spread && !merges {
        // It needs all of its input on one node.
        return Ok(plan);
    }
    let child = sliced(Arc::clone(child))?;
    plan.replace_children(
        vec![child],
        ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
    )
}

/// Passes the rows on as they come, in batches of about [`MESSAGE_BYTES`] at most.
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
        let slices = batches.flat_map(|batch| {
            futures::stream::iter(match batch {
                Ok(batch) => slices(&batch).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, slices)))
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
    let pieces = bytes(batch).div_ceil(MESSAGE_BYTES).clamp(1, rows.max(1));
    let rows_per_piece = rows.div_ceil(pieces);
    (0..pieces)
        .map(|piece| piece * rows_per_piece)
        .take_while(|from| *from < rows.max(1))
        .map(|from| batch.slice(from, rows_per_piece.min(rows - from)))
        .collect()
}

/// What the rows take, without what their buffers hold beside them. Types whose slices share all of
/// their text, as views do, count as small: a slice would not be.
fn bytes(batch: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(0);
    batch.columns().iter().map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::compute::concat_batches;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

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

    #[test]
    fn slices_are_small_and_hold_all_rows_in_order() {
        for (rows, text_bytes) in [(0, 1), (1, 1), (1, 2 << 20), (7, 300_000), (16_384, 200)] {
            let whole = batch(rows, text_bytes);
            let slices = slices(&whole);
            assert_eq!(concat_batches(&whole.schema(), &slices).expect("one schema"), whole);
            let bound = MESSAGE_BYTES + text_bytes + 16;
            assert!(slices.iter().all(|slice| bytes(slice) <= bound), "{rows} of {text_bytes}");
        }
    }

    #[test]
    fn a_small_part_of_a_large_batch_stays_whole() {
        assert_eq!(slices(&batch(16_384, 200).slice(5, 10)).len(), 1);
        assert!(slices(&batch(16_384, 200)).len() > 1);
    }
}
