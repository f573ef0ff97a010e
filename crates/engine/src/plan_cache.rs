//! Plans of statements that read no table and whose functions always give the same: clients send
//! `SELECT 1` and its like by the thousand, and planning one takes ten times as long as running it.

use crate::engine::QueryContext;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::config::SessionConfig;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use parking_lot::Mutex;
use sqlparser::ast::Query;
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

const PLANS_MAX: usize = 1024;
/// A plan with literals longer than this in its statement is not worth its memory.
const NODES_MAX: usize = 16;

/// Longer statements are not remembered.
const STATEMENT_BYTES_MAX: usize = 4 * 1024;

/// Everything that the plan of a statement without tables depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    query: Arc<Query>,
    time_zone: String,
    sql_mode: String,
    dialect: String,
    batch_size_rows: usize,
    target_partitions: usize,
}

impl PlanKey {
    pub fn new(query: Arc<Query>, context: &QueryContext) -> Self {
        Self {
            query,
            time_zone: context.options.time_zone.clone(),
            sql_mode: context.options.sql_mode.clone(),
            dialect: context.options.dialect.clone(),
            batch_size_rows: context.options.batch_size_rows,
            target_partitions: context.target_partitions,
        }
    }

    pub fn query(&self) -> &Query {
        &self.query
    }
}

/// A plan that can be run again and again.
#[derive(Debug, Clone)]
pub(crate) struct CachedPlan {
    plan: Arc<dyn ExecutionPlan>,
    pub schema: SchemaRef,
    pub config: SessionConfig,
}

impl CachedPlan {
    /// `None` for a plan that keeps something of a run.
    pub fn new(
        plan: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
        config: &SessionConfig,
    ) -> Option<Self> {
        let mut nodes = 0;
        let mut repeatable = true;
        let walked = plan.apply(|node| {
            nodes += 1;
            repeatable &= nodes <= NODES_MAX
                && (node.is::<ProjectionExec>()
                    || node.is::<PlaceholderRowExec>()
                    || node.is::<EmptyExec>());
            Ok(if repeatable { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        (walked.is_ok() && repeatable).then(|| Self {
            plan: plan.clone(),
            schema: schema.clone(),
            config: config.clone(),
        })
    }

    /// The plan with metrics of its own.
    pub fn fresh(&self) -> Result<Arc<dyn ExecutionPlan>> {
        reset_plan_states(self.plan.clone())
    }
}

/// Bounded; when it is full it starts anew.
#[derive(Debug, Default)]
pub(crate) struct PlanCache(Mutex<HashMap<PlanKey, CachedPlan>>);

impl PlanCache {
    pub fn get(&self, key: &PlanKey) -> Option<CachedPlan> {
        self.0.lock().get(key).cloned()
    }

    pub fn put(&self, key: PlanKey, plan: CachedPlan) {
        let mut plans = self.0.lock();
        if plans.len() >= PLANS_MAX {
            plans.clear();
        }
        plans.insert(key, plan);
    }
}

/// Whether a query is worth the memory of remembering it.
pub(crate) fn is_short(query: &Query) -> bool {
    struct Room(usize);
    impl Write for Room {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
            Ok(())
        }
    }
    write!(Room(STATEMENT_BYTES_MAX), "{query}").is_ok()
}

/// Whether a plan, before it is optimized, gives the same whenever it runs.
pub(crate) fn is_constant(logical: &LogicalPlan) -> bool {
    let reads_tables = logical.apply_with_subqueries(|plan| {
        Ok(match plan {
            LogicalPlan::TableScan(_) => TreeNodeRecursion::Stop,
            _ => TreeNodeRecursion::Continue,
        })
    });
    matches!(reads_tables, Ok(TreeNodeRecursion::Continue)) && means_the_same(logical)
}

/// Whether a plan, before it is optimized, gives the same whenever it runs over the same rows.
pub(crate) fn means_the_same(logical: &LogicalPlan) -> bool {
    let mut constant = true;
    let walked = logical.apply_with_subqueries(|plan| {
        constant &= !matches!(plan, LogicalPlan::Extension(_));
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                constant &= match expr {
                    Expr::ScalarVariable(_, _) => false,
                    Expr::ScalarFunction(call) => {
                        call.func.signature().volatility == Volatility::Immutable
                    }
                    Expr::AggregateFunction(call) => {
                        call.func.signature().volatility == Volatility::Immutable
                    }
                    Expr::WindowFunction(_) | Expr::HigherOrderFunction(_) => false,
                    _ => true,
                };
                Ok(match constant {
                    true => TreeNodeRecursion::Continue,
                    false => TreeNodeRecursion::Stop,
                })
            })
        })
    });
    walked.is_ok() && constant
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    async fn constant(sql: &str) -> bool {
        let context = SessionContext::new();
        let plan = context.state().create_logical_plan(sql).await.expect("a plan");
        is_constant(&plan)
    }

    #[tokio::test]
    async fn literals_and_immutable_functions_are_constant() {
        assert!(constant("SELECT 1, 'a', upper('b') || 'c', (SELECT 2)").await);
    }

    #[tokio::test]
    async fn what_changes_from_run_to_run_is_not() {
        assert!(!constant("SELECT now()").await);
        assert!(!constant("SELECT random()").await);
        assert!(!constant("SELECT 1 + (SELECT random())").await);
        assert!(!constant("SELECT * FROM generate_series(1, 3)").await);
    }
}
