//! What two runs of a plan have in common, whatever order the rows come in.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, SkipType, Sort, WindowFrameUnits, WindowFunctionDefinition,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// All rows. `doubles_vary`: doubles come from aggregates, and their last digits from the order of rows.
    Rows { doubles_vary: bool },
    /// Which rows there are is left open, but not how many.
    Count,
    /// A query whose answer is left open.
    Nothing,
}

impl Comparison {
    /// # Errors
    /// As walking a plan.
    pub fn of(plan: &LogicalPlan) -> Result<Self> {
        let (told, doubles_vary) = says_all(plan)?;
        if told {
            return Ok(Comparison::Rows { doubles_vary });
        }
        let Some(input) = below_limit(plan) else { return Ok(Comparison::Nothing) };
        Ok(match says_all(input)? {
            (true, _) => Comparison::Count,
            (false, _) => Comparison::Nothing,
        })
    }
}

/// What a limit at a plan's head takes its rows of, if there is one.
fn below_limit(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::Projection(projection) => below_limit(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => below_limit(&alias.input),
        LogicalPlan::Limit(limit) => Some(below_limit(&limit.input).unwrap_or(&limit.input)),
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => Some(&sort.input),
        LogicalPlan::Sort(sort) => below_limit(&sort.input),
        _ => None,
    }
}

/// Whether a plan says which rows it gives, and whether its aggregates make doubles.
fn says_all(plan: &LogicalPlan) -> Result<(bool, bool)> {
    let (mut told, mut doubles_vary) = (true, false);
    plan.apply_with_subqueries(|node| {
        told &= match node {
            LogicalPlan::Limit(limit) => match limit.input.as_ref() {
                LogicalPlan::Sort(sort) => tells_rows_apart(sort),
                // `LIMIT` below which nothing is left out.
                _ => {
                    limit.fetch.is_none()
                        && matches!(limit.get_skip_type(), Ok(SkipType::Literal(0)))
                }
            },
            LogicalPlan::Sort(sort) => sort.fetch.is_none() || tells_rows_apart(sort),
            LogicalPlan::TableScan(scan) => scan.fetch.is_none(),
            LogicalPlan::Distinct(distinct) => {
                matches!(distinct, datafusion::logical_expr::Distinct::All(_))
            }
            _ => true,
        };
        let inputs = node.inputs();
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                told &= !expr.is_volatile_node() && is_told(expr);
                if matches!(expr, Expr::AggregateFunction(_) | Expr::WindowFunction(_)) {
                    doubles_vary |= inputs.iter().any(|input| makes_double(expr, input));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok((told, doubles_vary))
}

fn makes_double(expr: &Expr, input: &LogicalPlan) -> bool {
    expr.get_type(input.schema()).is_ok_and(|found| {
        matches!(found, DataType::Float16 | DataType::Float32 | DataType::Float64)
    })
}

/// Whether rows that are equal by a sort's keys are equal.
fn tells_rows_apart(sort: &Sort) -> bool {
    let keys: Vec<usize> = sort
        .expr
        .iter()
        .filter_map(|key| match &key.expr {
            Expr::Column(column) => sort.input.schema().maybe_index_of_column(column),
            _ => None,
        })
        .collect();
    (0..sort.input.schema().fields().len()).all(|column| keys.contains(&column))
}

/// Whether a function gives the same for the same rows in another order.
fn is_told(expr: &Expr) -> bool {
    match expr {
        Expr::AggregateFunction(call) => of_any_order(call.func.name()),
        Expr::WindowFunction(window) => match &window.fun {
            WindowFunctionDefinition::WindowUDF(function) => {
                matches!(function.name(), "rank" | "dense_rank" | "percent_rank" | "cume_dist")
            }
            WindowFunctionDefinition::AggregateUDF(function) => {
                let frame = &window.params.window_frame;
                let of_peers = frame.units == WindowFrameUnits::Range
                    || frame.start_bound.is_unbounded() && frame.end_bound.is_unbounded();
                of_any_order(function.name()) && of_peers
            }
        },
        _ => true,
    }
}

fn of_any_order(aggregate: &str) -> bool {
    matches!(
        aggregate,
        "count"
            | "sum"
            | "min"
            | "max"
            | "avg"
            | "median"
            | "stddev"
            | "stddev_pop"
            | "var"
            | "var_pop"
            | "bool_and"
            | "bool_or"
            | "bit_and"
            | "bit_or"
            | "bit_xor"
            | "grouping"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    async fn comparison(query: &str) -> Comparison {
        let sql = format!("WITH t(a, b) AS (VALUES (1, 0.5e0), (2, 0.25e0)) {query}");
        let context = SessionContext::new();
        let plan = context.state().create_logical_plan(&sql).await.expect("a plan");
        Comparison::of(&plan).expect("a comparison")
    }

    const ROWS: Comparison = Comparison::Rows { doubles_vary: false };

    #[tokio::test]
    async fn the_order_of_rows_leaves_nothing_open() {
        assert_eq!(comparison("SELECT a, b FROM t WHERE a > 1 ORDER BY b").await, ROWS);
        assert_eq!(comparison("SELECT a, b FROM t ORDER BY b, a LIMIT 1").await, ROWS);
        assert_eq!(comparison("SELECT a, rank() OVER (ORDER BY b) FROM t").await, ROWS);
    }

    #[tokio::test]
    async fn of_a_limit_the_number_of_rows_is_certain() {
        assert_eq!(comparison("SELECT a FROM t LIMIT 1").await, Comparison::Count);
        assert_eq!(comparison("SELECT a, b FROM t ORDER BY b LIMIT 1").await, Comparison::Count);
    }

    #[tokio::test]
    async fn what_is_made_of_a_limit_is_left_open() {
        let sum = "SELECT sum(a) FROM (SELECT a FROM t LIMIT 1) s";
        assert_eq!(comparison(sum).await, Comparison::Nothing);
        assert_eq!(comparison("SELECT a + random() FROM t").await, Comparison::Nothing);
        let numbered = "SELECT a, row_number() OVER (ORDER BY b) FROM t";
        assert_eq!(comparison(numbered).await, Comparison::Nothing);
    }

    #[tokio::test]
    async fn sums_of_doubles_vary() {
        let doubles = Comparison::Rows { doubles_vary: true };
        assert_eq!(comparison("SELECT sum(b) FROM t").await, doubles);
        assert_eq!(comparison("SELECT sum(a), max(a) FROM t").await, ROWS);
    }
}
