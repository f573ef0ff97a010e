//! The form of a query that DataFusion plans as it is meant.
//!
//! DataFusion 55.2 drops the modifiers of GROUP BY (`WITH ROLLUP`) and `FOR XML`/`FOR JSON`
//! without a word, and refuses FETCH; here they become what they stand for, or an error.

use super::having::into_where;
use super::like_escape::with_backslash;
use super::mysql_functions::with_mysql_meaning;
use super::source_query;
use mooring_spi::{Error, Result};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Fetch, GroupByExpr,
    GroupByWithModifier, Ident, JoinConstraint, JoinOperator, LimitClause, ObjectNamePart, Offset,
    OffsetRows, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins, Value, VisitMut,
    VisitorMut,
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
        with_microseconds(expr);
        flow(with_column_of_its_own(expr).and_then(|()| with_backslash(expr)))
    }

    // The parts have their meaning first, and what is put around a call is not looked at again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        flow(with_mysql_meaning(expr))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        flow(one_select(select))
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Error> {
        flow(without_dropped_clauses(table).and_then(|()| source_query::as_table(table)))
    }
}

/// DataFusion 55.2 reads the whole table whatever a clause behind its name says.
fn without_dropped_clauses(table: &TableFactor) -> Result<()> {
    let (clause, name) = match table {
        TableFactor::Table { sample: Some(_), name, .. } => ("TABLESAMPLE", name.to_string()),
        TableFactor::Table { partitions, name, .. } if !partitions.is_empty() => {
            ("PARTITION", name.to_string())
        }
        TableFactor::Table { version: Some(_), name, .. } => ("FOR ... AS OF", name.to_string()),
        TableFactor::Derived { sample: Some(_), .. } => ("TABLESAMPLE", "a subquery".to_string()),
        _ => return Ok(()),
    };
    Err(Error::unsupported(format!("`{clause}` of `{name}` is not supported")))
}

/// The column that `USING` and `NATURAL` make of two is the one of the side that keeps all its rows, or of
/// both; DataFusion 55.2 answers the left one for a name, and either one for `*`.
fn without_halved_columns(select: &Select) -> Result<()> {
    let every_column = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    for join in select.from.iter().flat_map(|relation| &relation.joins) {
        let (constraint, named_is_right) = match &join.join_operator {
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (constraint, true)
            }
            JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint) => (constraint, false),
            _ => continue,
        };
        let halves = matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural);
        if halves && (every_column || !named_is_right) {
            return Err(Error::unsupported(
                "an outer join by `USING` or `NATURAL` is not supported, but for a LEFT JOIN whose columns \
                 are named; write `ON`",
            ));
        }
    }
    Ok(())
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

/// `TIMESTAMP '…'` and casts to it have the most digits that MySQL has; DataFusion 55.2 makes nanoseconds of them,
/// which end in 2262, and of whatever they are compared with.
fn with_microseconds(expr: &mut Expr) {
    let data_type = match expr {
        Expr::TypedString(text) => &mut text.data_type,
        Expr::Cast { data_type, .. } => data_type,
        _ => return,
    };
    if let DataType::Timestamp(digits @ None, _) = data_type {
        *digits = Some(6);
    }
}

/// DataFusion 55.2 takes an unqualified column on the left of `x > ANY (SELECT x ...)` for the subquery's:
/// `= ANY` becomes IN, `<> ALL` NOT IN, and the others compare with a column that no other is named as.
fn with_column_of_its_own(expr: &mut Expr) -> Result<()> {
    let (left, operator, right, all) = match expr {
        Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op, right, false),
        Expr::AllOp { left, compare_op, right } => (left, compare_op, right, true),
        _ => return Ok(()),
    };
    let Expr::Subquery(subquery) = right.as_mut() else {
        return Ok(());
    };
    let negated = match (&*operator, all) {
        (BinaryOperator::Eq, false) => Some(false),
        (BinaryOperator::NotEq, true) => Some(true),
        _ => None,
    };
    match negated {
        Some(negated) => {
            *expr = Expr::InSubquery { expr: left.clone(), subquery: subquery.clone(), negated };
        }
        None => name_value(&mut subquery.body)?,
    }
    Ok(())
}

/// Gives the one column of a subquery a name that no other has.
fn name_value(body: &mut SetExpr) -> Result<()> {
    let refused = || {
        Error::unsupported(
            "a subquery behind `ANY` or `ALL` names one column, for example `SELECT a`",
        )
    };
    match body {
        SetExpr::Select(select) => match select.projection.as_mut_slice() {
            [SelectItem::ExprWithAlias { alias, .. }] => *alias = Ident::new(VALUE),
            [item @ SelectItem::UnnamedExpr(_)] => {
                if let SelectItem::UnnamedExpr(expr) = item.clone() {
                    *item = SelectItem::ExprWithAlias { expr, alias: Ident::new(VALUE) };
                }
            }
            _ => return Err(refused()),
        },
        SetExpr::SetOperation { left, .. } => name_value(left)?,
        SetExpr::Query(query) => name_value(&mut query.body)?,
        SetExpr::Values(_) => {}
        _ => return Err(refused()),
    }
    Ok(())
}

const VALUE: &str = "__value";

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
    with_countable_limit(query);
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
    without_halved_columns(select)?;
    if let Some(into) = &select.into {
        return Err(Error::unsupported(format!("`INTO {}` is not supported here", into.name)));
    }
    without_dual(select);
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

/// `FROM DUAL` is no table, unless it is quoted or qualified (MySQL 8.0 Reference Manual, section
/// 15.2.13).
fn without_dual(select: &mut Select) {
    let [TableWithJoins { relation: TableFactor::Table { name, alias: None, .. }, joins }] =
        select.from.as_slice()
    else {
        return;
    };
    let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
        return;
    };
    if joins.is_empty() && name.quote_style.is_none() && name.value.eq_ignore_ascii_case("dual") {
        select.from.clear();
    }
}

/// `LIMIT 5, 18446744073709551615`, as the manual writes "to the end": DataFusion counts by 63 bits.
fn with_countable_limit(query: &mut Query) {
    let limit = match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => limit,
        Some(LimitClause::OffsetCommaLimit { offset, limit }) if is_endless(limit) => {
            let offset = Offset { value: offset.clone(), rows: OffsetRows::None };
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: None,
                offset: Some(offset),
                limit_by: Vec::new(),
            });
            return;
        }
        Some(LimitClause::OffsetCommaLimit { .. }) | None => return,
    };
    if limit.as_ref().is_some_and(is_endless) {
        *limit = None;
    }
}

fn is_endless(limit: &Expr) -> bool {
    matches!(limit, Expr::Value(value) if matches!(&value.value,
        Value::Number(digits, _) if digits.parse::<u64>().is_ok_and(|rows| i64::try_from(rows).is_err())))
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
    fn timestamps_have_microseconds() {
        for (sql, expected) in [
            ("SELECT TIMESTAMP '9999-12-31 00:00:00'", "SELECT TIMESTAMP(6) '9999-12-31 00:00:00'"),
            ("SELECT CAST(a AS TIMESTAMP) FROM t", "SELECT CAST(a AS TIMESTAMP(6)) FROM t"),
            (
                "SELECT CAST(a AS TIMESTAMP WITH TIME ZONE) FROM t",
                "SELECT CAST(a AS TIMESTAMP(6) WITH TIME ZONE) FROM t",
            ),
            ("SELECT CAST(a AS TIMESTAMP(0)) FROM t", "SELECT CAST(a AS TIMESTAMP(0)) FROM t"),
        ] {
            assert_eq!(normal(sql), expected);
        }
    }

    #[test]
    fn comparisons_with_subqueries_have_a_column_of_their_own() {
        for (sql, expected) in [
            ("SELECT a = ANY (SELECT a FROM t)", "SELECT a IN (SELECT a FROM t)"),
            ("SELECT a <> ALL (SELECT a FROM t)", "SELECT a NOT IN (SELECT a FROM t)"),
            ("SELECT a > SOME (SELECT a FROM t)", "SELECT a > SOME(SELECT a AS __value FROM t)"),
        ] {
            assert_eq!(normal(sql), expected);
        }
    }

    #[test]
    fn dual_and_endless_limits_are_left_out() {
        assert_eq!(normal("SELECT 1 FROM dual WHERE 2"), "SELECT 1 WHERE 2");
        assert_eq!(normal("SELECT 1 FROM `dual`"), "SELECT 1 FROM `dual`");
        let endless = "SELECT a FROM t LIMIT 24, 18446744073709551615";
        assert_eq!(normal(endless), "SELECT a FROM t OFFSET 24");
        assert_eq!(normal("SELECT a FROM t LIMIT 24, 5"), "SELECT a FROM t LIMIT 24, 5");
    }

    #[test]
    fn what_would_be_dropped_is_refused() {
        for sql in [
            "SELECT a FROM t GROUP BY a WITH TOTALS",
            "SELECT a FROM t FOR JSON AUTO",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
            "SELECT * FROM (SELECT 1 INTO t) x",
            "SELECT a FROM t FETCH FIRST 3 ROWS WITH TIES",
            "SELECT a FROM t TABLESAMPLE (10)",
            "SELECT a FROM t PARTITION (p)",
            "SELECT * FROM t LEFT JOIN u USING (a)",
            "SELECT a FROM t RIGHT JOIN u USING (a)",
            "SELECT a FROM t NATURAL FULL JOIN u",
        ] {
            assert_eq!(parse(sql).expect_err(sql).kind(), ErrorKind::Unsupported, "{sql}");
        }
    }
}
