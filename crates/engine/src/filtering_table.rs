//! A table whose scan applies its filters for good, so that its plan needs no filter above it. For plans of
//! one table that come by the thousand: to make a filter's node, and to move its condition into the scan
//! as DataFusion's rules do, is a tenth of what a point query costs. Where tables are joined, the node's
//! estimate of how many rows are left is worth more.

use crate::table::MooringTable;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::datasource::{TableType, source_as_provider};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::unnormalize_cols;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct FilteringTable(pub Arc<MooringTable>);

#[async_trait]
impl TableProvider for FilteringTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan_with(session, projection, filters, filters, None).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }
}

/// A plan that is the scan of such a table alone and leaves few rows: DataFusion's rules have nothing to
/// better in it. They spread a larger one over all processors.
///
/// # Errors
/// As planning a scan.
pub(crate) async fn lone_scan(
    plan: &LogicalPlan,
    session: &SessionState,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let LogicalPlan::TableScan(scan) = plan else { return Ok(None) };
    let source = source_as_provider(&scan.source)?;
    let Some(table) = source.downcast_ref::<FilteringTable>() else { return Ok(None) };
    let filters = unnormalize_cols(scan.filters.iter().cloned());
    if scan.fetch.is_some() || !table.0.leaves_few(&filters) {
        return Ok(None);
    }
    table.scan(session, scan.projection.as_ref(), &filters, None).await.map(Some)
}

/// `conditions` over the columns of `schema`.
///
/// # Errors
/// As planning an expression.
pub(crate) fn physical_conditions(
    session: &dyn Session,
    schema: &SchemaRef,
    conditions: &[Expr],
) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    let schema = DFSchema::try_from(schema.clone())?;
    conditions
        .iter()
        .map(|condition| session.create_physical_expr(condition.clone(), &schema))
        .collect()
}

/// The rows of `plan` that meet all of `conditions`.
///
/// # Errors
/// As planning an expression.
pub(crate) fn filtered(
    session: &dyn Session,
    plan: Arc<dyn ExecutionPlan>,
    conditions: &[Expr],
) -> Result<Arc<dyn ExecutionPlan>> {
    if conditions.is_empty() {
        return Ok(plan);
    }
    let conditions = physical_conditions(session, &plan.schema(), conditions)?;
    Ok(Arc::new(FilterExec::try_new(conjunction(conditions), plan)?))
}

/// The plan without its filter, if its only table's scan has all of the filter's conditions.
pub(crate) fn filter_in_scan(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    let LogicalPlan::Filter(filter) = plan else { return None };
    let LogicalPlan::TableScan(scan) = filter.input.as_ref() else { return None };
    let conditions = split_conjunction(&filter.predicate);
    let has_all = conditions.iter().all(|condition| scan.filters.contains(condition));
    (has_all && conditions.len() == scan.filters.len()).then_some(&filter.input)
}
