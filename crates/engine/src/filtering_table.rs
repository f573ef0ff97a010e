//! A table whose scan applies its filters for good, so that its plan needs no filter above it. For plans of
//! one table that come by the thousand: to make a filter's node, and to move its condition into the scan
//! as DataFusion's rules do, is a tenth of what a point query costs. Where tables are joined, the node's
//! estimate of how many rows are left is worth more.

use crate::table::MooringTable;
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use datafusion::physical_expr::{PhysicalExpr, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::filter_pushdown::PushedDown;
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
        let plan = self.0.scan(session, projection, filters, None).await?;
        let schema = DFSchema::try_from(plan.schema())?;
        let filters = filters
            .iter()
            .map(|filter| session.create_physical_expr(filter.clone(), &schema))
            .collect::<Result<Vec<_>>>()?;
        match filtered_source(session, &plan, &filters)? {
            Some(filtered) => Ok(filtered),
            None => Ok(Arc::new(FilterExec::try_new(conjunction(filters), plan)?)),
        }
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }
}

/// The scan with all of `filters` in it, if it is one that can apply them.
fn filtered_source(
    session: &dyn Session,
    plan: &Arc<dyn ExecutionPlan>,
    filters: &[Arc<dyn PhysicalExpr>],
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(scan) = plan.downcast_ref::<DataSourceExec>() else { return Ok(None) };
    let source = scan.data_source();
    let pushed = source.try_pushdown_filters(filters.to_vec(), session.config_options())?;
    let all = pushed.filters.iter().all(|pushed| matches!(pushed, PushedDown::Yes));
    let filtered = pushed.updated_node.filter(|_| all);
    Ok(filtered.map(|source| Arc::new(DataSourceExec::new(source)) as _))
}

/// The plan without its filter, if its only table's scan has all of the filter's conditions.
pub(crate) fn filter_in_scan(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    let LogicalPlan::Filter(filter) = plan else { return None };
    let LogicalPlan::TableScan(scan) = filter.input.as_ref() else { return None };
    let conditions = split_conjunction(&filter.predicate);
    let has_all = conditions.iter().all(|condition| scan.filters.contains(condition));
    (has_all && conditions.len() == scan.filters.len()).then_some(&filter.input)
}
