//! Which clauses and expressions of a view's text are read: a closed list of what means the same in its
//! dialect and here. All else is refused by name, as it stands in the text.
//!
//! Meanings: Trino 4xx manual, "SQL language"; Apache Spark SQL reference; Apache Hive, "LanguageManual".

use super::expressions;
use mooring_spi::{Error, Result, ViewDialect};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, JoinConstraint, JoinOperator, LimitClause, OrderByExpr,
    OrderByKind, Query, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetOperator, SetQuantifier, TableFactor, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// How much of an expression a message quotes.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// Puts the text into the words that are planned here.
///
/// # Errors
/// `Unsupported`, naming what is not known to mean the same.
pub(super) fn translate(query: &mut Query, dialect: ViewDialect) -> Result<()> {
    match query.visit(&mut Translator { dialect }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The refusal of `what`.
pub(super) fn refused(what: impl ToString) -> Error {
    let what = what.to_string();
    let short: String = what.chars().take(QUOTED_CHARACTERS_MAX).collect();
    let dots = if short.len() < what.len() { "…" } else { "" };
    Error::unsupported(format!("`{short}{dots}` in its text is not known to mean the same here"))
}

struct Translator {
    dialect: ViewDialect,
}

impl VisitorMut for Translator {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        flow(self.query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        flow(self.select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        flow(table_factor(factor))
    }

    // The parts are translated first.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        flow(expressions::translate(expr, self.dialect))
    }
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl Translator {
    fn query(&self, query: &mut Query) -> Result<()> {
        // All fields, so that a new one is not passed over.
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if let Some(with) = with {
            if with.recursive {
                return Err(refused("WITH RECURSIVE"));
            }
            if let Some(cte) = with.cte_tables.iter().find(|cte| cte.from.is_some()) {
                return Err(refused(cte));
            }
        }
        body_is_known(body)?;
        match limit_clause {
            Some(LimitClause::LimitOffset { limit_by, .. }) if limit_by.is_empty() => {}
            None => {}
            Some(other) => return Err(refused(other)),
        }
        if let Some(order_by) = order_by {
            let (OrderByKind::Expressions(exprs), None) =
                (&mut order_by.kind, &order_by.interpolate)
            else {
                return Err(refused(order_by));
            };
            for expr in exprs {
                self.order(expr, limit_clause.is_some())?;
            }
        }
        let others = fetch.is_some()
            || !locks.is_empty()
            || for_clause.is_some()
            || settings.is_some()
            || format_clause.is_some()
            || !pipe_operators.is_empty();
        match others {
            true => Err(refused(query)),
            false => Ok(()),
        }
    }

    /// Where nulls go by default: last in Presto; first when ascending and last when descending in Spark,
    /// as here; in Hive as a setting of each session says (`hive.default.nulls.last`), which matters
    /// where a limit cuts.
    fn order(&self, order: &mut OrderByExpr, limited: bool) -> Result<()> {
        if order.with_fill.is_some() {
            return Err(refused(order));
        }
        match self.dialect {
            ViewDialect::Presto => {
                order.options.nulls_first.get_or_insert(false);
                Ok(())
            }
            ViewDialect::Hive if limited && order.options.nulls_first.is_none() => {
                Err(refused(format!("ORDER BY {order} without NULLS FIRST or LAST under LIMIT")))
            }
            ViewDialect::Hive | ViewDialect::Spark { .. } => Ok(()),
        }
    }

    fn select(&self, select: &Select) -> Result<()> {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from: _,
            lateral_views,
            prewhere,
            selection: _,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having: _,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if let Some(view) = lateral_views.first() {
            return Err(refused(view.to_string().trim()));
        }
        let others = !optimizer_hints.is_empty()
            || matches!(distinct, Some(Distinct::On(_)))
            || select_modifiers.is_some()
            || top.is_some()
            || exclude.is_some()
            || into.is_some()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || !named_window.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || !matches!(flavor, SelectFlavor::Standard);
        if others {
            return Err(refused(select));
        }
        self.grouping(group_by)?;
        let using = joins_are_known(select)?;
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => {}
                // Where the columns of USING come differs.
                SelectItem::Wildcard(options) if options.to_string().is_empty() && !using => {}
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(_),
                    options,
                ) if options.to_string().is_empty() && !using => {}
                other => return Err(refused(other)),
            }
        }
        Ok(())
    }

    fn grouping(&self, group_by: &GroupByExpr) -> Result<()> {
        let GroupByExpr::Expressions(exprs, modifiers) = group_by else {
            return Err(refused(group_by));
        };
        if !modifiers.is_empty() {
            return Err(refused(group_by));
        }
        // A position or a constant, as `hive.groupby.position.alias` says.
        let constant = exprs.iter().any(|expr| matches!(expr, Expr::Value(_)));
        match self.dialect {
            ViewDialect::Hive if constant => Err(refused(group_by)),
            ViewDialect::Hive | ViewDialect::Spark { .. } | ViewDialect::Presto => Ok(()),
        }
    }
}

/// Without the values and the set operations in which duplicates are counted otherwise.
fn body_is_known(body: &SetExpr) -> Result<()> {
    let mut next = vec![body];
    while let Some(body) = next.pop() {
        match body {
            SetExpr::Select(_) | SetExpr::Query(_) => {}
            SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } => {
                match set_quantifier {
                    SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => {}
                    SetQuantifier::ByName
                    | SetQuantifier::AllByName
                    | SetQuantifier::DistinctByName => return Err(refused("UNION BY NAME")),
                }
                next.extend([left.as_ref(), right.as_ref()]);
            }
            SetExpr::SetOperation { op, .. } => return Err(refused(op)),
            other => return Err(refused(other)),
        }
    }
    Ok(())
}

/// Whether one of them is by USING.
fn joins_are_known(select: &Select) -> Result<bool> {
    let mut using = false;
    for join in select.from.iter().flat_map(|from| &from.joins) {
        let constraint = match &join.join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint)
                if !join.global =>
            {
                constraint
            }
            _ => return Err(refused(join.to_string().trim())),
        };
        match constraint {
            JoinConstraint::Using(_) => using = true,
            JoinConstraint::On(_) | JoinConstraint::None => {}
            JoinConstraint::Natural => return Err(refused(join.to_string().trim())),
        }
    }
    Ok(using)
}

fn table_factor(factor: &TableFactor) -> Result<()> {
    let known = match factor {
        TableFactor::Table {
            name: _,
            alias: _,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } => {
            args.is_none()
                && with_hints.is_empty()
                && version.is_none()
                && !with_ordinality
                && partitions.is_empty()
                && json_path.is_none()
                && sample.is_none()
                && index_hints.is_empty()
        }
        TableFactor::Derived { lateral, sample, .. } => !lateral && sample.is_none(),
        TableFactor::NestedJoin { .. } => true,
        _ => false,
    };
    match known {
        true => Ok(()),
        false => Err(refused(factor)),
    }
}
