//! Column names without regard to case: each identifier of a statement is put into the case in which
//! a table, an alias or a common table expression has it. An exact match wins, and an identifier
//! that matches two names in other cases only is an error that names both.

use mooring_spi::{Error, Result, fold, pick_name};
use sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, VisitMut, VisitorMut,
    visit_relations,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Puts the identifiers of `statement` into the case of `columns` and of its own aliases.
///
/// # Errors
/// `AmbiguousName`.
pub(crate) fn fold_identifiers<'a>(
    statement: &mut Statement,
    columns: impl Iterator<Item = &'a str>,
) -> Result<()> {
    let mut names = Names::default();
    for column in columns {
        names.add(column);
    }
    let _ = visit_relations(statement, |relation: &ObjectName| {
        for part in relation.0.iter().filter_map(ObjectNamePart::as_ident) {
            names.add(&part.value);
        }
        ControlFlow::<()>::Continue(())
    });
    let _ = statement.visit(&mut AliasCollector { names: &mut names });
    match statement.visit(&mut Folder { names: &names }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The names there are, by their folded form.
#[derive(Default)]
struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    fn add(&mut self, name: &str) {
        self.0.entry(fold(name)).or_default().insert(name.to_string());
    }

    fn fold(&self, ident: &mut Ident) -> Result<()> {
        if let Some(exact) = self.0.get(&fold(&ident.value))
            && let Some(name) = pick_name(&ident.value, exact.iter().map(String::as_str))?
            && name != ident.value
        {
            ident.value = name.to_string();
        }
        Ok(())
    }
}

struct AliasCollector<'a> {
    names: &'a mut Names,
}

impl VisitorMut for AliasCollector<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.names.add(&cte.alias.name.value);
            for column in &cte.alias.columns {
                self.names.add(&column.name.value);
            }
        }
        collect_select_aliases(&query.body, self.names);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let alias = match factor {
            TableFactor::Table { alias, .. }
            | TableFactor::Derived { alias, .. }
            | TableFactor::TableFunction { alias, .. }
            | TableFactor::UNNEST { alias, .. }
            | TableFactor::NestedJoin { alias, .. } => alias,
            _ => return ControlFlow::Continue(()),
        };
        if let Some(alias) = alias {
            self.names.add(&alias.name.value);
            for column in &alias.columns {
                self.names.add(&column.name.value);
            }
        }
        ControlFlow::Continue(())
    }
}

fn collect_select_aliases(body: &SetExpr, names: &mut Names) {
    match body {
        SetExpr::Select(select) => {
            for item in &select.projection {
                if let SelectItem::ExprWithAlias { alias, .. } = item {
                    names.add(&alias.value);
                }
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            collect_select_aliases(left, names);
            collect_select_aliases(right, names);
        }
        // Visited as a query of its own, or without aliases.
        _ => {}
    }
}

struct Folder<'a> {
    names: &'a Names,
}

impl Folder<'_> {
    fn fold(&self, ident: &mut Ident) -> ControlFlow<Error> {
        match self.names.fold(ident) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn fold_object(&self, name: &mut ObjectName) -> ControlFlow<Error> {
        for part in &mut name.0 {
            if let ObjectNamePart::Identifier(ident) = part {
                self.fold(ident)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn fold_body(&self, body: &mut SetExpr) -> ControlFlow<Error> {
        match body {
            SetExpr::Select(select) => {
                for item in &mut select.projection {
                    if let SelectItem::QualifiedWildcard(
                        SelectItemQualifiedWildcardKind::ObjectName(name),
                        _,
                    ) = item
                    {
                        self.fold_object(name)?;
                    }
                }
                for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
                    if let Some(JoinConstraint::Using(columns)) =
                        join_constraint(&mut join.join_operator)
                    {
                        for column in columns {
                            self.fold_object(column)?;
                        }
                    }
                }
                ControlFlow::Continue(())
            }
            SetExpr::SetOperation { left, right, .. } => {
                self.fold_body(left)?;
                self.fold_body(right)
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

impl VisitorMut for Folder<'_> {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Identifier(ident) => self.fold(ident),
            Expr::CompoundIdentifier(idents) => {
                for ident in idents {
                    self.fold(ident)?;
                }
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.fold_body(&mut query.body)
    }
}

fn join_constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => Some(constraint),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlparser::dialect::MySqlDialect;
    use sqlparser::parser::Parser;

    fn folded(sql: &str, columns: &[&str]) -> Result<String> {
        let mut statement = Parser::parse_sql(&MySqlDialect {}, sql).expect("valid SQL").remove(0);
        fold_identifiers(&mut statement, columns.iter().copied())?;
        Ok(statement.to_string())
    }

    #[test]
    fn columns_take_the_case_of_the_table() {
        let sql = "SELECT USERID, t.`name` FROM T AS t JOIN u USING (USERID) WHERE Name > 1";
        assert_eq!(
            folded(sql, &["UserId", "name"]).expect("no ambiguity"),
            "SELECT UserId, t.`name` FROM T AS t JOIN u USING(UserId) WHERE name > 1"
        );
    }

    #[test]
    fn an_alias_counts_as_a_name() {
        assert_eq!(
            folded("SELECT 1 AS Total ORDER BY TOTAL", &[]).expect("no ambiguity"),
            "SELECT 1 AS Total ORDER BY Total"
        );
    }

    #[test]
    fn an_exact_name_stays() {
        assert_eq!(folded("SELECT A, a", &["a", "A"]).expect("exact"), "SELECT A, a");
    }

    #[test]
    fn two_names_in_other_cases_are_ambiguous() {
        let error = folded("SELECT AB", &["Ab", "aB"]).expect_err("ambiguous");
        assert_eq!(error.kind(), mooring_spi::ErrorKind::AmbiguousName);
    }
}
