//! Plans of statements that read no table and whose functions always give the same: clients send
//! `SELECT 1` and its like by the thousand, and planning one takes ten times as long as running it.

use crate::query_context::QueryContext;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use parking_lot::Mutex;
use sqlparser::ast::{Query, SetExpr};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

const PLANS_MAX: usize = 1024;
/// Longer statements are not remembered.
const STATEMENT_BYTES_MAX: usize = 4 * 1024;
/// Nor are plans that hold longer values.
const VALUES_BYTES_MAX: usize = 4 * 1024;

/// Everything that the plan of a statement without tables depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ConstantKey {
    query: Arc<Query>,
    time_zone: String,
    sql_mode: String,
    dialect: String,
}

impl ConstantKey {
    /// `None` for a query that plainly is not constant.
    pub fn new(query: &Arc<Query>, context: &QueryContext) -> Option<Self> {
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        (query.with.is_none() && select.from.is_empty()).then(|| Self {
            query: Arc::clone(query),
            time_zone: context.options.time_zone.clone(),
            sql_mode: context.options.sql_mode.clone(),
            dialect: context.options.dialect.clone(),
        })
    }

    pub fn query(&self) -> &Query {
        &self.query
    }
}

/// A plan that can be run again and again, and has nothing left to compute: it gives at most one row, of
/// literals.
#[derive(Debug, Clone)]
pub(crate) struct ConstantPlan {
    plan: Arc<dyn ExecutionPlan>,
    pub schema: SchemaRef,
}

impl ConstantPlan {
    /// `None` for any other plan.
    ///
    /// # Errors
    /// As walking a plan.
    pub fn new(plan: &Arc<dyn ExecutionPlan>, schema: &SchemaRef) -> Result<Option<Self>> {
        let mut left = Some(VALUES_BYTES_MAX);
        plan.apply(|node| {
            left = left.and_then(|left| left.checked_sub(values_bytes(node.as_ref())?));
            Ok(match left {
                Some(_) => TreeNodeRecursion::Continue,
                None => TreeNodeRecursion::Stop,
            })
        })?;
        Ok(left.map(|_| Self { plan: plan.clone(), schema: schema.clone() }))
    }

    /// The plan with metrics of its own.
    ///
    /// # Errors
    /// As rewriting a plan.
    pub fn fresh(&self) -> Result<Arc<dyn ExecutionPlan>> {
        reset_plan_states(self.plan.clone())
    }
}

/// What a node's literals take; `None` for a node that has anything else.
fn values_bytes(node: &dyn ExecutionPlan) -> Option<usize> {
    if node.is::<PlaceholderRowExec>() || node.is::<EmptyExec>() {
        return Some(0);
    }
    let columns = node.downcast_ref::<ProjectionExec>()?.expr();
    columns.iter().map(|column| Some(column.expr.downcast_ref::<Literal>()?.value().size())).sum()
}

/// Bounded; when it is full it starts anew.
#[derive(Debug, Default)]
pub(crate) struct ConstantPlans {
    plans: Mutex<HashMap<ConstantKey, ConstantPlan>>,
    /// What they run in: literals need nothing of a session.
    pub task: Arc<TaskContext>,
}

impl ConstantPlans {
    pub fn get(&self, key: &ConstantKey) -> Option<ConstantPlan> {
        self.plans.lock().get(key).cloned()
    }

    pub fn put(&self, key: ConstantKey, plan: ConstantPlan) {
        let mut plans = self.plans.lock();
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
