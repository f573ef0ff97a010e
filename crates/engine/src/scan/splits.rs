//! The leaf that reads a connector's splits: each partition opens its share, one after the other.

use super::awaited_keys::keys_or_late;
use super::give_way::{Aside, giving_way};
use super::key_filters::{changes, narrowed};
use super::shown_statements::{cut, in_line};
use crate::catalogs::Catalog;
use crate::error::to_datafusion;
use crate::leases::QueryLeases;
use crate::options::MooringOptions;
use crate::sources::Sources;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics, not_impl_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, Time,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs,
    apply_expression_roots,
};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use itertools::Itertools;
use mooring_spi::{CatalogKey, Error, OpenRequest, Predicate, Split, SplitScan};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How DataFusion 55.2 shows a filter that nobody has said anything to.
const NOTHING_KNOWN: &str = "DynamicFilter [ empty ]";

/// What a scan of splits is made of; apart from the statistics, this is what crosses the wire.
#[derive(Debug, Clone)]
pub(crate) struct SplitScanSpec {
    pub catalog: CatalogKey,
    /// `catalog.schema.table`, of one or several, for `EXPLAIN`.
    pub table: String,
    pub schema: SchemaRef,
    pub predicate: Predicate,
    /// One group per partition.
    pub groups: Vec<Vec<Split>>,
    /// Whether the source runs statements: a split's label is the one that it gets, and keys that become known at
    /// run time are worth a place in it.
    pub statements: bool,
}

/// What a connector was asked for when it answered splits.
pub(crate) struct SplitsRequest<'a> {
    pub catalog: &'a Catalog,
    /// For `EXPLAIN`.
    pub table: String,
    /// Of the batches.
    pub schema: SchemaRef,
    pub predicate: Predicate,
    /// Of all splits together.
    pub statistics: Arc<Statistics>,
}

/// The scan of a connector's splits.
pub(crate) fn split_plan(
    session: &dyn Session,
    request: SplitsRequest<'_>,
    scan: SplitScan,
) -> Arc<dyn ExecutionPlan> {
    let key = request.catalog.definition.key;
    if let Some(lease) = &scan.lease
        && let Some(leases) = session.config().get_extension::<QueryLeases>()
    {
        leases.add(key, lease, scan.splits.len());
    }
    let readers = scan.splits.len().min(scan.readers_max);
    let partitions = session.config().target_partitions().min(readers);
    let spec = SplitScanSpec {
        catalog: key,
        table: request.table,
        schema: request.schema,
        predicate: request.predicate,
        groups: deal(scan.splits, partitions),
        statements: request.catalog.connector.push_down().is_some(),
    };
    Arc::new(SplitExec::new(spec, request.statistics))
}

#[derive(Debug)]
pub(crate) struct SplitExec {
    pub spec: SplitScanSpec,
    /// Over the columns of the batches, and changing while the query runs. They leave rows out where that is
    /// cheap; whoever made them filters again.
    pub key_filters: Vec<Arc<dyn PhysicalExpr>>,
    /// Those dynamic filters among them that are complete before anybody needs a row of this scan.
    pub awaited_keys: Vec<Arc<dyn PhysicalExpr>>,
    statistics: Arc<Statistics>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SplitExec {
    pub fn new(spec: SplitScanSpec, statistics: Arc<Statistics>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(spec.schema.clone()),
            Partitioning::UnknownPartitioning(spec.groups.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            spec,
            key_filters: Vec::new(),
            awaited_keys: Vec::new(),
            statistics,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The same scan over other groups of splits.
    pub fn with_groups(&self, groups: Vec<Vec<Split>>) -> Self {
        Self::new(SplitScanSpec { groups, ..self.spec.clone() }, self.statistics.clone())
            .with_key_filters(self.key_filters.clone())
            .with_awaited(self.awaited_keys.clone())
    }

    pub fn with_key_filters(mut self, key_filters: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        self.key_filters = key_filters;
        self
    }

    pub fn with_awaited(mut self, awaited_keys: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        self.awaited_keys = awaited_keys;
        self
    }

    pub fn split_count(&self) -> usize {
        self.spec.groups.iter().map(Vec::len).sum()
    }

    pub fn size_bytes(&self) -> u64 {
        self.spec.groups.iter().flatten().map(|split| split.size_bytes).sum()
    }
}

/// Deals `splits` out to `count` groups, in turn; a group may stay empty.
pub(crate) fn deal<T>(splits: impl IntoIterator<Item = T>, count: usize) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = (0..count.max(1)).map(|_| Vec::new()).collect();
    let groups_count = groups.len();
    for (index, split) in splits.into_iter().enumerate() {
        groups[index % groups_count].push(split);
    }
    groups
}

impl DisplayAs for SplitExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let columns: Vec<&str> =
            self.spec.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(
            f,
            "SplitExec: table={}, splits={}, partitions={}, projection=[{}]",
            self.spec.table,
            self.split_count(),
            self.spec.groups.len(),
            columns.join(", ")
        )?;
        if !self.key_filters.is_empty() {
            // There may be thousands.
            let keys = self.key_filters.iter().map(shown_keys).join(", ");
            write!(f, ", keys=[{}]", cut(&keys))?;
        }
        f.write_str(&in_line(&self.spec))
    }
}

/// What the filter says by now; of which columns, before anything is known.
fn shown_keys(filter: &Arc<dyn PhysicalExpr>) -> String {
    let shown = filter.to_string();
    if !shown.contains(NOTHING_KNOWN) {
        return shown;
    }
    let columns = collect_columns(filter);
    let names: Vec<&str> = columns.iter().map(Column::name).sorted_unstable().collect();
    format!("those of {} when it runs", names.join(", "))
}

impl ExecutionPlan for SplitExec {
    fn name(&self) -> &str {
        "SplitExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.key_filters, f)
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        filters: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let answers = vec![PushedDown::No; filters.parent_filters.len()];
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(answers);
        // Those that are known when a query is planned stand in the predicate.
        if phase == FilterPushdownPhase::Pre || !self.spec.statements {
            return Ok(answer);
        }
        let mut key_filters = self.key_filters.clone();
        for filter in filters.parent_filters {
            if changes(&filter.filter)? {
                key_filters.push(filter.filter);
            }
        }
        if key_filters.len() == self.key_filters.len() {
            return Ok(answer);
        }
        let groups = self.spec.groups.clone();
        let filtered = self.with_groups(groups).with_key_filters(key_filters);
        Ok(answer.with_updated_node(Arc::new(filtered)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => not_impl_err!("SplitExec is a leaf"),
        }
    }

    /// The joins of a recursive query make other filters for each of its steps, or none: nobody tells the keys any more
    /// that this has.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let groups = self.spec.groups.clone();
        Ok(Arc::new(self.with_groups(groups).with_key_filters(Vec::new()).with_awaited(Vec::new())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let sources = context.session_config().get_extension::<Sources>().ok_or_else(|| {
            to_datafusion(Error::internal("the session of a scan has no sources"))
        })?;
        let reader = sources
            .get(self.spec.catalog)
            .and_then(|source| source.reader())
            .map_err(to_datafusion)?;
        let splits = self.spec.groups.get(partition).cloned().ok_or_else(|| {
            to_datafusion(Error::internal(format!("a scan has no partition {partition}")))
        })?;
        let schema = self.spec.schema.clone();
        let predicate = self.spec.predicate.clone();
        let key_filters = self.key_filters.clone();
        let batch_size_rows = context.session_config().batch_size();
        let options = context.session_config().options().extensions.get::<MooringOptions>();
        let lease = options.and_then(|options| options.lease(self.spec.catalog)).map(str::to_owned);
        let awaited_keys = self.awaited_keys.clone();
        let wait_ms = options.map_or(0, |options| options.dynamic_filter_wait_ms);
        let query_id = options.map(|options| options.query_id.clone()).unwrap_or_default();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let compute = metrics.elapsed_compute().clone();
        let stream_schema = schema.clone();
        let demand = reader.demand();
        let placed = move |error| to_datafusion(sources.placed(error));
        let aside = Aside {
            schema: schema.clone(),
            runtime: context.runtime_env(),
            metrics: self.metrics.clone(),
            partition,
        };
        let open = move |split| {
            let reader = reader.clone();
            let (schema, lease, query_id) = (schema.clone(), lease.clone(), query_id.clone());
            let (compute, placed) = (compute.clone(), placed.clone());
            let request = narrowed(predicate.clone(), &key_filters, &schema).map(|predicate| {
                OpenRequest { split, schema, predicate, batch_size_rows, lease, query_id }
            });
            async move {
                let batches = reader.open(request?).await.map_err(placed)?;
                Ok::<_, DataFusionError>(timed(batches.map_err(to_datafusion).boxed(), compute))
            }
        };
        let batches = async move {
            keys_or_late(&awaited_keys, Duration::from_millis(wait_ms)).await;
            match demand {
                Some(demand) => giving_way(splits, open, demand, aside),
                None => stream::iter(splits).then(open).try_flatten().boxed(),
            }
        };
        let mut batches = batches.flatten_stream().boxed();
        let counted =
            stream::poll_fn(move |context| metrics.record_poll(batches.poll_next_unpin(context)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(stream_schema, counted)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input_stats: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(match args.partition() {
            None => self.statistics.clone(),
            Some(_) => Arc::new(Statistics::new_unknown(&self.spec.schema)),
        })
    }
}

/// Counts the time in which a source's stream makes its rows, and not that in which it waits for them.
fn timed(
    mut batches: BoxStream<'static, Result<RecordBatch>>,
    compute: Time,
) -> BoxStream<'static, Result<RecordBatch>> {
    let polled = stream::poll_fn(move |context| {
        let _timer = compute.timer();
        batches.poll_next_unpin(context)
    });
    polled.boxed()
}

#[cfg(test)]
mod tests {
    use super::{deal, shown_keys};
    use datafusion::physical_expr::PhysicalExpr;
    use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr, lit};
    use std::sync::Arc;

    #[test]
    fn keys_are_named_by_their_columns_until_they_are_known() {
        let column = |name, index| Arc::new(Column::new(name, index)) as Arc<dyn PhysicalExpr>;
        let columns = vec![column("l_orderkey", 1), column("l_linenumber", 0)];
        let filter = Arc::new(DynamicFilterPhysicalExpr::new(columns, lit(true)));
        let shown = Arc::clone(&filter) as Arc<dyn PhysicalExpr>;
        assert_eq!(shown_keys(&shown), "those of l_linenumber, l_orderkey when it runs");
        filter.update(lit(false)).expect("an update");
        assert_eq!(shown_keys(&shown), "DynamicFilter [ false ]");
    }

    #[test]
    fn splits_are_dealt_out_evenly() {
        assert_eq!(deal(0..5, 2), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(deal(0..1, 2), [vec![0], vec![]]);
    }
}
