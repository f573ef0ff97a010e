//! Nodes of plans that the walk over one makes, and what they are made of.

use super::OrderColumn;
use crate::error::to_datafusion;
use crate::filtering_table::FilteringTable;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, Sort, TableScan, TableScanBuilder,
};
use mooring_spi::{Error, Expression, ExpressionKind, Operator, Relation, RelationColumn, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The scan of a table that applies its filters itself, as one with a filter above it, where its source
/// may do more.
pub(super) fn with_filter(scan: &TableScan) -> Result<Option<LogicalPlan>> {
    let source = source_as_provider(&scan.source)?;
    let Some(FilteringTable(table)) = source.downcast_ref::<FilteringTable>() else {
        return Ok(None);
    };
    if table.catalog.connector.push_down().is_none() {
        return Ok(None);
    }
    let all = || (0..scan.source.schema().fields().len()).collect();
    let wanted: Vec<usize> = scan.projection.clone().unwrap_or_else(all);
    let mut needed: BTreeSet<usize> = wanted.iter().copied().collect();
    for column in scan.filters.iter().flat_map(Expr::column_refs) {
        needed.insert(scan.source.schema().index_of(&column.name)?);
    }
    let bare = TableScanBuilder::new(scan.table_name.clone(), provider_as_source(table.clone()))
        .with_projection(Some(needed.into_iter().collect()))
        .with_filters(scan.filters.clone())
        .build()?;
    let filter = conjunction(scan.filters.clone());
    let mut plan = LogicalPlan::TableScan(bare);
    if let Some(filter) = filter {
        plan = LogicalPlan::Filter(Filter::try_new(filter, Arc::new(plan))?);
    }
    if let Some(fetch) = scan.fetch {
        plan = LogicalPlanBuilder::from(plan).limit(0, Some(fetch))?.build()?;
    }
    let schema = scan.projected_schema.clone();
    let columns = schema.iter().map(|(qualifier, field)| Expr::Column((qualifier, field).into()));
    let projection =
        Projection::try_new_with_schema(columns.collect(), Arc::new(plan), schema.clone())?;
    Ok(Some(LogicalPlan::Projection(projection)))
}

/// The node with others in the places of its inputs, which have the same schemas.
pub(super) fn over(plan: LogicalPlan, inputs: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    let mut inputs = inputs.into_iter();
    let plan = plan.map_children(|_| match inputs.next() {
        Some(input) => Ok(Transformed::yes(input)),
        None => {
            Err(to_datafusion(Error::internal("a node of a plan has inputs that were not seen")))
        }
    })?;
    Ok(plan.data)
}

/// Rows without columns as rows of one, for statements have a column at least.
pub(super) fn with_one_column(input: Relation) -> Relation {
    let one =
        Expression { kind: ExpressionKind::Literal(Value::Int(1)), data_type: DataType::Int64 };
    Relation {
        operator: Operator::Project { input: Box::new(input), expressions: vec![one] },
        columns: vec![RelationColumn { data_type: DataType::Int64, nullable: false }],
    }
}

/// How many rows a limit leaves, as far as nothing makes more of them.
pub(super) fn most_rows(relation: &Relation) -> Option<usize> {
    match &relation.operator {
        Operator::Limit { limit: Some(limit), .. } => usize::try_from(*limit).ok(),
        Operator::Limit { input, .. }
        | Operator::Filter { input, .. }
        | Operator::Project { input, .. } => most_rows(input),
        Operator::Scan { .. }
        | Operator::Aggregate { .. }
        | Operator::Join { .. }
        | Operator::Union { .. }
        | Operator::Window { .. } => None,
    }
}

/// DataFusion takes away a sort below a limit that does not say how many rows it keeps.
pub(super) fn sorted(
    plan: LogicalPlan,
    order: &[OrderColumn],
    fetch: Option<usize>,
) -> LogicalPlan {
    if order.is_empty() {
        return plan;
    }
    let key = |order: &OrderColumn| {
        let column = Expr::Column(Column::from(plan.schema().qualified_field(order.column)));
        SortExpr::new(column, order.ascending, order.nulls_first)
    };
    let expr = order.iter().map(key).collect();
    LogicalPlan::Sort(Sort { expr, input: Arc::new(plan), fetch })
}
