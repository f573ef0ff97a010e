//! The rows of statements that read no table and whose functions always give the same: clients send
//! `SELECT 1` and its like by the thousand, and planning one takes ten times as long as answering it.

use crate::engine::QueryContext;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use parking_lot::Mutex;
use sqlparser::ast::{Query, SetExpr};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

const STATEMENTS_MAX: usize = 1024;
/// Longer statements are not remembered.
const STATEMENT_BYTES_MAX: usize = 4 * 1024;
/// Nor is what gives more.
const ROWS_BYTES_MAX: usize = 4 * 1024;

/// Everything that the rows of a statement without tables depend on.
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

/// What a constant statement gives.
#[derive(Debug, Clone)]
pub struct ConstantRows {
    pub schema: SchemaRef,
    /// `None` for no rows.
    pub batch: Option<RecordBatch>,
}

/// Bounded; when it is full it starts anew.
#[derive(Debug, Default)]
pub(crate) struct ConstantCache(Mutex<HashMap<ConstantKey, ConstantRows>>);

impl ConstantCache {
    pub fn get(&self, key: &ConstantKey) -> Option<ConstantRows> {
        self.0.lock().get(key).cloned()
    }

    pub fn put(&self, key: ConstantKey, rows: ConstantRows) {
        let bytes = rows.batch.as_ref().map_or(0, RecordBatch::get_array_memory_size);
        if bytes > ROWS_BYTES_MAX {
            return;
        }
        let mut statements = self.0.lock();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(key, rows);
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
