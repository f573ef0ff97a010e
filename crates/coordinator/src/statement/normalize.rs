//! The form of a query that DataFusion plans as it is meant.
//!
//! DataFusion 55.2 drops the modifiers of GROUP BY (`WITH ROLLUP`) and `FOR XML`/`FOR JSON`
//! without a word, and refuses FETCH; here they become what they stand for, or an error.

use super::having::into_where;
use super::like_escape::with_backslash;
use super::mysql_functions::with_mysql_meaning;
use mooring_spi::{Error, Result};
use sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Fetch, GroupByExpr, GroupByWithModifier,
    LimitClause, Query, Select, SetExpr, Value, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

pub(super) fn normalize(query: &mut Query) -> Result<()> {
    match query.visit(&mut Normalizer) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Normalizer;

impl VisitorMut for Normalizer {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        flow(one_query(query))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        exponent_as_double(expr);
        flow(with_backslash(expr))
    }

    // The parts have their meaning first, and what is put around a call is not looked at again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        flow(with_mysql_meaning(expr))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        flow(one_select(select))
    }
}

/// A number with an exponent is a double, every other one with a point a decimal (MySQL 8.0
/// Reference Manual, section 11.1.2); DataFusion is told to read all of them as decimals.
fn exponent_as_double(expr: &mut Expr) {
    let Expr::Value(value) = &expr else {
        return;
    };
    let Value::Number(number, _) = &value.value else {
        return;
    };
    if !number.contains(['e', 'E']) {
        return;
    }
    *expr = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(Value::SingleQuotedString(number.clone()))),
        data_type: DataType::Double(ExactNumberInfo::None),
        array: false,
        format: None,
    };
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

fn one_query(query: &mut Query) -> Result<()> {
    let refused = match &*query.body {
        SetExpr::Insert(_) => Some("INSERT"),
        SetExpr::Update(_) => Some("UPDATE"),
        SetExpr::Delete(_) => Some("DELETE"),
        SetExpr::Merge(_) => Some("MERGE"),
        SetExpr::Table(_) => Some("TABLE"),
        SetExpr::Select(_)
        | SetExpr::Query(_)
        | SetExpr::SetOperation { .. }
        | SetExpr::Values(_) => None,
    };
    if let Some(kind) = refused {
        return Err(Error::unsupported(format!("`{kind}` in a query is not supported")));
    }
    if query.for_clause.is_some() {
        return Err(Error::unsupported("`FOR XML`, `FOR JSON` and `FOR BROWSE` are not supported"));
    }
    if let Some(fetch) = query.fetch.take() {
        query.limit_clause = Some(limited(query.limit_clause.take(), fetch)?);
    }
    Ok(())
}

/// `[OFFSET n ROWS] FETCH FIRST m ROWS ONLY` as LIMIT.
fn limited(limit: Option<LimitClause>, fetch: Fetch) -> Result<LimitClause> {
    if fetch.with_ties || fetch.percent {
        return Err(Error::unsupported("`FETCH` with `PERCENT` or `WITH TIES` is not supported"));
    }
    let count = fetch.quantity.unwrap_or_else(|| Expr::value(Value::Number("1".into(), false)));
    match limit {
        None => Ok(LimitClause::LimitOffset { limit: Some(count), offset: None, limit_by: vec![] }),
        Some(LimitClause::LimitOffset { limit: None, offset, limit_by }) => {
            Ok(LimitClause::LimitOffset { limit: Some(count), offset, limit_by })
        }
        Some(_) => Err(Error::unsupported("`LIMIT` together with `FETCH` is not supported")),
    }
}

fn one_select(select: &mut Select) -> Result<()> {
    if let Some(into) = &select.into {
        return Err(Error::unsupported(format!("`INTO {}` is not supported here", into.name)));
    }
    into_where(select)?;
    if let GroupByExpr::Expressions(keys, modifiers) = &mut select.group_by {
        let sets: fn(Vec<Vec<Expr>>) -> Expr = match modifiers.as_slice() {
            [] => return Ok(()),
            [GroupByWithModifier::Rollup] => Expr::Rollup,
            [GroupByWithModifier::Cube] => Expr::Cube,
            _ => return Err(unsupported_modifiers(modifiers)),
        };
        modifiers.clear();
        *keys = vec![sets(std::mem::take(keys).into_iter().map(|key| vec![key]).collect())];
    } else if let GroupByExpr::All(modifiers) = &select.group_by
        && !modifiers.is_empty()
    {
        return Err(unsupported_modifiers(modifiers));
    }
    Ok(())
}

fn unsupported_modifiers(modifiers: &[GroupByWithModifier]) -> Error {
    let written: Vec<String> = modifiers.iter().map(ToString::to_string).collect();
    Error::unsupported(format!("`GROUP BY ... {}` is not supported", written.join(" ")))
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

    #[test]
    fn with_rollup_becomes_rollup_everywhere() {
        assert_eq!(
            normal("SELECT * FROM (SELECT a, b FROM t GROUP BY a, b WITH ROLLUP) x"),
            "SELECT * FROM (SELECT a, b FROM t GROUP BY ROLLUP (a, b)) x"
        );
    }

    #[test]
    fn fetch_becomes_limit() {
        assert_eq!(
            normal("SELECT a FROM t ORDER BY a OFFSET 2 ROWS FETCH NEXT 3 ROWS ONLY"),
            "SELECT a FROM t ORDER BY a LIMIT 3 OFFSET 2 ROWS"
        );
        assert_eq!(normal("SELECT a FROM t FETCH FIRST ROW ONLY"), "SELECT a FROM t LIMIT 1");
    }

    #[test]
    fn what_would_be_dropped_is_refused() {
        for sql in [
            "SELECT a FROM t GROUP BY a WITH TOTALS",
            "SELECT a FROM t FOR JSON AUTO",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            "SELECT * FROM (SELECT 1 INTO t) x",
            "SELECT a FROM t FETCH FIRST 3 ROWS WITH TIES",
        ] {
            assert_eq!(parse(sql).expect_err(sql).kind(), ErrorKind::Unsupported, "{sql}");
        }
    }
}
