use super::condition::{ConditionInTurns, Turn, is_end_of_turn};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinType, Result, Statistics, plan_err};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::lit;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, SchedulingType};
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan,
    PlanProperties, ReplaceChildrenOptions, StatisticsArgs,
};
use futures::{Stream, StreamExt};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Passes on the rows of a join, and asks it for them in turns.
#[derive(Debug)]
pub(crate) struct YieldingJoinExec {
    join: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

/// The join in turns. Also one that was given a projection, as happens where its sides are swapped late:
/// what crosses to a worker has to have its join right below, for there the condition is an ordinary one again.
pub(crate) fn yielding_join(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) if has_turns(projection.input()) => {
            let join = YieldingJoinExec::new(in_turns(Arc::clone(projection.input()))?);
            plan.replace_children(
                vec![Arc::new(join)],
                ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
            )
        }
        Some(_) | None => Ok(Arc::new(YieldingJoinExec::new(in_turns(plan)?))),
    }
}

/// Whether it is a join that can look at pairs for long without a row of output, and goes on after an error
/// of its condition.
pub(super) fn has_turns(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let hash = plan.downcast_ref::<HashJoinExec>();
    plan.is::<NestedLoopJoinExec>() || hash.is_some_and(|join| join.filter().is_some())
}

fn in_turns(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let filter = match join.filter() {
            Some(filter) => filter_in_turns(filter),
            // All pairs meet it, but they are no rows yet.
            None if only_marks(join.join_type()) => {
                let always = JoinFilter::new(lit(true), Vec::new(), Arc::new(Schema::empty()));
                filter_in_turns(&always)
            }
            None => None,
        };
        if let Some(filter) = filter {
            let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(filter)).build()?;
            return Ok(Arc::new(join));
        }
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>()
        && let Some(filter) = join.filter().and_then(filter_in_turns)
    {
        return join.builder().with_filter(Some(filter)).build_exec();
    }
    Ok(plan)
}

/// `None` if it is so already.
fn filter_in_turns(filter: &JoinFilter) -> Option<JoinFilter> {
    let condition = Arc::clone(filter.expression());
    (!condition.is::<ConditionInTurns>()).then(|| {
        JoinFilter::new(
            Arc::new(ConditionInTurns::new(condition)),
            filter.column_indices().to_vec(),
            Arc::clone(filter.schema()),
        )
    })
}

/// Whether pairs only mark rows of one side, which is output when all have been seen.
fn only_marks(join_type: &JoinType) -> bool {
    match join_type {
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => false,
        JoinType::LeftSemi
        | JoinType::RightSemi
        | JoinType::LeftAnti
        | JoinType::RightAnti
        | JoinType::LeftMark
        | JoinType::RightMark => true,
    }
}

impl YieldingJoinExec {
    fn new(join: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::clone(join.properties());
        let properties = properties.with_scheduling_type(SchedulingType::Cooperative);
        Self { join, properties: Arc::new(properties) }
    }
}

impl DisplayAs for YieldingJoinExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "YieldingJoinExec")
    }
}

impl ExecutionPlan for YieldingJoinExec {
    fn name(&self) -> &str {
        "YieldingJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.join]
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
            (Some(join), true) => yielding_join(join),
            _ => plan_err!("YieldingJoinExec has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let join = self.join.execute(partition, context)?;
        Ok(make_cooperative(Box::pin(Turns { join })))
    }

    fn fetch(&self) -> Option<usize> {
        self.join.fetch()
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

struct Turns {
    join: SendableRecordBatchStream,
}

impl Stream for Turns {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let turn = Turn::begin();
        let polled = self.join.poll_next_unpin(context);
        drop(turn);
        match polled {
            Poll::Ready(Some(Err(error))) if is_end_of_turn(&error) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            other => other,
        }
    }
}

impl RecordBatchStream for Turns {
    fn schema(&self) -> SchemaRef {
        self.join.schema()
    }
}
