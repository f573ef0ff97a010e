//! HAVING without groups: in MySQL it chooses among the rows of the select list, whose aliases it
//! sees first (MySQL 8.0 Reference Manual, section 15.2.13). DataFusion takes it for an aggregate's.
//! Here it becomes a part of WHERE, with the expressions in the place of their aliases.

use mooring_spi::{Error, Result};
use sqlparser::ast::{
    BinaryOperator, Expr, Function, GroupByExpr, Query, Select, SelectItem, Visit, VisitMut,
    Visitor, VisitorMut,
};
use std::ops::ControlFlow;

/// # Errors
/// `Unsupported` where WHERE would come to something else: over window functions, values that
/// change from call to call, and subqueries.
pub(super) fn into_where(select: &mut Select) -> Result<()> {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(keys, _) => !keys.is_empty(),
    };
    let Some(having) = select.having.as_ref().filter(|_| !grouped) else {
        return Ok(());
    };
    let found = calls(&select.projection, having);
    if found.aggregate {
        return Ok(());
    }
    if let Some(obstacle) = found.obstacle {
        return Err(Error::unsupported(format!(
            "`HAVING` without `GROUP BY` over {obstacle} is not supported; select from a subquery \
             and use `WHERE`"
        )));
    }
    let Some(mut condition) = select.having.take() else {
        return Ok(());
    };
    let mut aliases = Aliases(&select.projection);
    if VisitMut::visit(&mut condition, &mut aliases).is_break() {
        return Err(Error::internal("an alias in HAVING cannot be replaced"));
    }
    let nested = |expr: Expr| Box::new(Expr::Nested(Box::new(expr)));
    select.selection = Some(match select.selection.take() {
        None => condition,
        Some(selection) => Expr::BinaryOp {
            left: nested(selection),
            op: BinaryOperator::And,
            right: nested(condition),
        },
    });
    Ok(())
}

/// Puts the expression in the place of each alias, also where a column has the same name.
struct Aliases<'a>(&'a [SelectItem]);

impl VisitorMut for Aliases<'_> {
    type Break = ();

    // After the visit, so that what was put in is not looked at again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Identifier(name) = &expr else {
            return ControlFlow::Continue(());
        };
        let aliased = self.0.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias }
                if alias.value.eq_ignore_ascii_case(&name.value) =>
            {
                Some(expr.clone())
            }
            _ => None,
        });
        if let Some(aliased) = aliased {
            *expr = Expr::Nested(Box::new(aliased));
        }
        ControlFlow::Continue(())
    }
}

/// The calls of a select list and its HAVING, without those inside subqueries.
#[derive(Default)]
struct Calls {
    aggregate: bool,
    /// What WHERE cannot say.
    obstacle: Option<&'static str>,
    /// How many queries stand around the current place.
    depth: usize,
}

fn calls(projection: &[SelectItem], having: &Expr) -> Calls {
    let mut calls = Calls::default();
    // They never break.
    let _ = Visit::visit(having, &mut calls);
    for item in projection {
        let _ = Visit::visit(item, &mut calls);
    }
    calls
}

/// MySQL's aggregate functions and DataFusion's further ones.
const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "group_concat",
    "json_arrayagg",
    "json_objectagg",
    "max",
    "mean",
    "median",
    "min",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var",
    "var_pop",
    "var_samp",
    "variance",
];

/// Their value is another one each time.
const VOLATILE: &[&str] = &["rand", "random", "uuid", "sleep"];

impl Visitor for Calls {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        self.obstacle = Some("a subquery");
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && self.depth == 0
        {
            self.call(function);
        }
        ControlFlow::Continue(())
    }
}

impl Calls {
    fn call(&mut self, function: &Function) {
        let name = function.name.to_string().to_ascii_lowercase();
        if function.over.is_some() {
            self.obstacle = Some("a window function");
        } else if AGGREGATES.contains(&name.as_str()) {
            self.aggregate = true;
        } else if VOLATILE.contains(&name.as_str()) {
            self.obstacle = Some("a function whose value changes");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};
    use mooring_spi::ErrorKind;

    fn normal(sql: &str) -> String {
        match parse(sql).expect("a statement") {
            Statement::Query(query) => query.query.to_string(),
            other => panic!("no query: {other:?}"),
        }
    }

    /// The alias wins over the column, as Connector/J's `getTables` needs it.
    #[test]
    fn a_condition_over_aliases_is_one_over_rows() {
        assert_eq!(
            normal(
                "SELECT a, CASE WHEN k = 'x' THEN 'y' ELSE k END AS K FROM t WHERE a = 1 OR b \
                 HAVING k IN ('y') ORDER BY K"
            ),
            "SELECT a, CASE WHEN k = 'x' THEN 'y' ELSE k END AS K FROM t WHERE (a = 1 OR b) AND \
             ((CASE WHEN k = 'x' THEN 'y' ELSE k END) IN ('y')) ORDER BY K"
        );
        assert_eq!(normal("SELECT a b FROM t HAVING b > 1"), "SELECT a AS b FROM t WHERE (a) > 1");
    }

    #[test]
    fn groups_and_aggregates_keep_their_having() {
        for sql in [
            "SELECT a FROM t GROUP BY a HAVING a > 1",
            "SELECT sum(1) FROM t HAVING (count(1) > 0)",
            "SELECT count(*) AS n FROM t HAVING n > 0",
        ] {
            assert!(normal(sql).contains(" HAVING "), "{sql}");
        }
    }

    #[test]
    fn what_where_cannot_say_is_refused() {
        for sql in [
            "SELECT rand() AS r FROM t HAVING r > 0.5",
            "SELECT row_number() OVER (ORDER BY a) AS r FROM t HAVING r = 1",
            "SELECT a FROM t HAVING a = (SELECT max(b) FROM u)",
        ] {
            assert_eq!(parse(sql).expect_err(sql).kind(), ErrorKind::Unsupported, "{sql}");
        }
    }
}
