//! Which dynamic filters really speak of the columns of the scan that they came to. DataFusion 55.2 finds the column of a
//! filter again by its name in each input on the way down, and takes the first: below a node where two columns have
//! one name (`a.id` and `b.id`), a filter on the second would leave out rows by the first.

use super::SplitExec;
use super::file_source::MooringFileSource;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result, internal_datafusion_err};
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_expr::{PhysicalExpr, conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Takes the other filters off the scans. It runs after those that hand filters down.
#[derive(Debug)]
pub(crate) struct TracedKeys;

impl PhysicalOptimizerRule for TracedKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut held = false;
        plan.apply(|node| {
            held |= is_held(node);
            Ok(if held { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if !held {
            return Ok(plan);
        }
        let mut traced = HashMap::new();
        trace(&plan, &HashSet::new(), &mut traced);
        let freed = plan.transform_up(|node| {
            let held = held_filters(&node);
            if held.is_empty() {
                return Ok(Transformed::no(node));
            }
            let known = traced.get(&address(&node));
            let is_true = |filter: &Arc<dyn PhysicalExpr>| {
                known.is_some_and(|known| speaks_of(filter, known))
            };
            let (kept, strange): (Vec<_>, Vec<_>) = held.into_iter().partition(is_true);
            match strange.is_empty() {
                true => Ok(Transformed::no(node)),
                false => with_filters(&node, kept).map(Transformed::yes),
            }
        })?;
        Ok(freed.data)
    }

    fn name(&self) -> &str {
        "traced_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_held(node: &Arc<dyn ExecutionPlan>) -> bool {
    held_filters(node).iter().any(is_dynamic)
}

/// The conditions of a scan, all of which hold at once; of splits those that change alone.
fn held_filters(node: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn PhysicalExpr>> {
    if let Some(scan) = node.downcast_ref::<SplitExec>() {
        return scan.key_filters.clone();
    }
    let predicate = files_of(node).and_then(|(_, source)| source.filter());
    predicate.iter().flat_map(split_conjunction).map(Arc::clone).collect()
}

/// The same scan with other conditions.
fn with_filters(
    node: &Arc<dyn ExecutionPlan>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = node.downcast_ref::<SplitExec>() {
        let groups = scan.spec.groups.clone();
        return Ok(Arc::new(scan.with_groups(groups).with_key_filters(filters)));
    }
    let (config, source) =
        files_of(node).ok_or_else(|| internal_datafusion_err!("a scan without conditions"))?;
    let source = Arc::new(source.with_conditions(conjunction(filters))?);
    let config = FileScanConfigBuilder::from(config.clone()).with_source(source).build();
    Ok(DataSourceExec::from_data_source(config))
}

fn files_of(node: &Arc<dyn ExecutionPlan>) -> Option<(&FileScanConfig, &MooringFileSource)> {
    let source = node.downcast_ref::<DataSourceExec>()?.data_source();
    let config = source.downcast_ref::<FileScanConfig>()?;
    Some((config, config.file_source().downcast_ref::<MooringFileSource>()?))
}

fn is_dynamic(filter: &Arc<dyn PhysicalExpr>) -> bool {
    filter.exists(|part| Ok(part.is::<DynamicFilterPhysicalExpr>())).unwrap_or(true)
}

fn address(node: &Arc<dyn ExecutionPlan>) -> usize {
    Arc::as_ptr(node).cast::<()>() as usize
}

/// Puts the filters that came down by names of their own under each scan that holds some.
fn trace(
    node: &Arc<dyn ExecutionPlan>,
    from_above: &HashSet<u64>,
    traced: &mut HashMap<usize, HashSet<u64>>,
) {
    if is_held(node) {
        // A scan that stands in the plan twice keeps what is true in both places.
        let known = traced.entry(address(node)).or_insert_with(|| from_above.clone());
        known.retain(|filter| from_above.contains(filter));
    }
    let produced = node.dynamic_expressions_produced();
    let join = node.downcast_ref::<HashJoinExec>();
    let only = join.and_then(|join| kept_side(*join.join_type()));
    for (side, child) in node.children().into_iter().enumerate() {
        // A join and a projection find columns by place on the one side, and by name on the other.
        let (above, below) = (join.is_some(), node.is::<ProjectionExec>());
        let by_key = only.is_some_and(|kept| kept != side);
        let found = !by_key
            && (above || names_are_different(node))
            && (below || names_are_different(child))
            // Columns of a union go by place, and have the names of the first input.
            && (!node.is::<UnionExec>() || have_same_names(node, child));
        let mut filters = if found { from_above.clone() } else { HashSet::new() };
        // What a node makes itself, it hands down by position.
        filters.extend(produced.iter().filter_map(|filter| filter.expression_id()));
        trace(child, &filters, traced);
    }
}

/// The one side whose columns a join has. On the other side DataFusion looks for the key by its name here.
fn kept_side(join_type: JoinType) -> Option<usize> {
    match join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => Some(0),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => Some(1),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => None,
    }
}

pub(crate) fn names_are_different(node: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = node.schema();
    let mut names = HashSet::new();
    schema.fields().iter().all(|field| names.insert(field.name().as_str()))
}

pub(super) fn have_same_names(
    node: &Arc<dyn ExecutionPlan>,
    other: &Arc<dyn ExecutionPlan>,
) -> bool {
    let (schema, other) = (node.schema(), other.schema());
    let names = other.fields().iter().map(|field| field.name());
    schema.fields().iter().map(|field| field.name()).eq(names)
}

fn speaks_of(filter: &Arc<dyn PhysicalExpr>, known: &HashSet<u64>) -> bool {
    let mut all = true;
    let walked = filter.apply(|part| {
        if part.is::<DynamicFilterPhysicalExpr>() {
            all &= part.expression_id().is_some_and(|filter| known.contains(&filter));
        }
        Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && all
}
