//! The node that passes rows on and forgets what is known of them. All else that a plan may ask of its input goes through:
//! filters, limits, projections, statistics.

use crate::scan::names_are_different;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Constraints, Result, Statistics, plan_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::equivalence::{EquivalenceClass, EquivalenceGroup};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, EvaluationType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::projection::{ProjectionExec, make_with_child};
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, StatisticsArgs,
};
use std::fmt;
use std::sync::Arc;

/// What is not true above, and so not known there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgotten {
    /// Which columns are unique.
    Keys,
    /// The order by this column and those after it, and keys.
    OrderFrom(usize),
    /// The order of the rows, and keys.
    Order,
    /// All but which columns are equal: what stays true of columns that are NULL together.
    Values,
    /// All, and by what the rows are spread over partitions: what is true of columns of which any may be NULL.
    Everything,
}

impl Forgotten {
    /// As it crosses to a worker, with its column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::OrderFrom(_) => "order from column",
            Self::Order => "order",
            Self::Values => "values",
            Self::Everything => "everything",
        }
    }

    pub fn column(self) -> Option<usize> {
        match self {
            Self::OrderFrom(column) => Some(column),
            Self::Keys | Self::Order | Self::Values | Self::Everything => None,
        }
    }

    pub fn named(name: &str, column: Option<usize>) -> Option<Self> {
        let others = [Self::Keys, Self::Order, Self::Values, Self::Everything];
        column
            .map(Self::OrderFrom)
            .into_iter()
            .chain(others)
            .find(|forgotten| forgotten.name() == name)
    }

    fn rest_of(self, known: &EquivalenceProperties) -> Result<EquivalenceProperties> {
        Ok(match self {
            Self::Keys => known.clone().with_constraints(Constraints::default()),
            Self::OrderFrom(column) => {
                let mut rest = known.clone().with_constraints(Constraints::default());
                rest.clear_orderings();
                rest.add_orderings(known.oeq_class().iter().map(|order| before(order, column)));
                rest
            }
            Self::Order => {
                let mut rest = known.clone().with_constraints(Constraints::default());
                rest.clear_orderings();
                rest
            }
            Self::Values => {
                let mut rest = EquivalenceProperties::new(Arc::clone(known.schema()));
                rest.add_equivalence_group(equal_columns(known))?;
                rest
            }
            Self::Everything => EquivalenceProperties::new(Arc::clone(known.schema())),
        })
    }
}

/// An order as far as it is by columns before this one.
fn before(order: &LexOrdering, column: usize) -> Vec<PhysicalSortExpr> {
    let is_before = |sort: &&PhysicalSortExpr| {
        collect_columns(&sort.expr).iter().all(|used| used.index() < column)
    };
    order.iter().take_while(is_before).cloned().collect()
}

/// Columns that are equal, without the expressions and the literals that they equal, too.
fn equal_columns(known: &EquivalenceProperties) -> EquivalenceGroup {
    let classes = known.eq_group().iter().map(|class| {
        let columns = class.iter().filter(|expr| expr.is::<Column>());
        EquivalenceClass::new(columns.map(Arc::clone))
    });
    EquivalenceGroup::new(classes.filter(|class| !class.is_trivial()))
}

#[derive(Debug)]
pub(crate) struct ForgetExec {
    input: Arc<dyn ExecutionPlan>,
    forgotten: Forgotten,
    properties: Arc<PlanProperties>,
}

impl ForgetExec {
    pub fn try_new(input: Arc<dyn ExecutionPlan>, forgotten: Forgotten) -> Result<Self> {
        let rest = forgotten.rest_of(input.equivalence_properties())?;
        let mut properties = PlanProperties::clone(input.properties())
            .with_eq_properties(rest)
            // Only the input may run ahead.
            .with_evaluation_type(EvaluationType::Lazy);
        if forgotten == Forgotten::Everything {
            let partitions = input.output_partitioning().partition_count();
            properties =
                properties.with_partitioning(Partitioning::UnknownPartitioning(partitions));
        }
        Ok(Self { input, forgotten, properties: Arc::new(properties) })
    }

    pub fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    pub fn keeps_part_of_order(&self) -> bool {
        self.forgotten.column().is_some()
    }
}

impl DisplayAs for ForgetExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ForgetExec: {}", self.forgotten.name())?;
        self.forgotten.column().map_or(Ok(()), |column| write!(f, " {column}"))
    }
}

impl ExecutionPlan for ForgetExec {
    fn name(&self) -> &str {
        "ForgetExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// The rows stay in their order, but nobody above may count on it: a sort below is of no use then. Nor may a sort
    /// by what is forgotten move below.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![match self.forgotten {
            Forgotten::Keys => true,
            Forgotten::OrderFrom(_)
            | Forgotten::Order
            | Forgotten::Values
            | Forgotten::Everything => false,
        }]
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
            (Some(input), true) => Ok(Arc::new(Self::try_new(input, self.forgotten)?)),
            _ => plan_err!("ForgetExec has one input"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
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

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    /// The projection goes below as it is and finds its place there: what the input answers counts on its being the
    /// input of the projection.
    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExec,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if self.keeps_part_of_order() {
            // The column would have another place below.
            return Ok(None);
        }
        let input = make_with_child(projection, &self.input)?;
        Ok(Some(Arc::new(Self::try_new(input, self.forgotten)?)))
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let children = [&self.input];
        // DataFusion finds the columns of a filter again by name.
        match names_are_different(&self.input) {
            true => FilterDescription::from_children(filters, &children),
            false => Ok(FilterDescription::all_unsupported(&filters, &children)),
        }
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}
