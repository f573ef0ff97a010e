//! What has another type in MySQL than in DataFusion: quotients, sums and averages of exact numbers,
//! decimals that meet doubles, branches of several types, dates that meet text and times, text and
//! dates that meet timestamps. One pass from the leaves up, so that
//! each rewrite sees the types that the others leave below it. It runs before type coercion.

use super::{
    averages, branches, divide, doubles, moments, moments_and_numbers, mysql_text, rewrite_node,
    sums,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;
use std::cell::Cell;

#[derive(Debug)]
pub(crate) struct MysqlTypes;

impl AnalyzerRule for MysqlTypes {
    fn name(&self) -> &str {
        "mysql_types"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let time_zone = config.execution.time_zone.as_deref().unwrap_or("UTC");
        let rewrite = |expr: Expr, schema: &DFSchema| rewrite(expr, schema, time_zone);
        // What stands above a changed plan has the types of before until it is asked again.
        let changed = Cell::new(false);
        plan.transform_up_with_subqueries(|plan| {
            moments_and_numbers::check_plan(&plan)?;
            let plan = match changed.get() {
                true => Transformed::yes(plan.recompute_schema()?),
                false => Transformed::no(plan),
            };
            let plan = plan.transform_data(|plan| branches::of_union(plan, config))?;
            let plan = plan
                .transform_data(|plan| rewrite_node(plan, rewrite))?
                .transform_data(averages::divide_sums)?;
            changed.set(changed.get() || plan.transformed);
            Ok(plan)
        })
        .map(|transformed| transformed.data)
    }
}

fn rewrite(expr: Expr, schema: &DFSchema, time_zone: &str) -> Result<Transformed<Expr>> {
    moments_and_numbers::check(&expr, schema)?;
    branches::of_case(expr, schema)
        .transform_data(|expr| Ok(branches::of_ifnull(expr, schema)))?
        .transform_data(|expr| Ok(doubles::meet(expr, schema)))?
        .transform_data(|expr| Ok(divide::rewrite(expr, schema)))?
        .transform_data(|expr| Ok(sums::widen(expr, schema)))?
        .transform_data(|expr| Ok(mysql_text::cast_to_text(expr, schema)))?
        .transform_data(|expr| Ok(moments::meet_text(expr, schema)))?
        .transform_data(|expr| Ok(moments::meet_timestamp(expr, schema)))?
        .transform_data(|expr| Ok(moments::meet_zone(expr, schema, time_zone)))?
        .transform_data(|expr| Ok(moments::add_time(expr, schema)))
}
