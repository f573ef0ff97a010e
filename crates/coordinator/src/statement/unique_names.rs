//! Select items with equal names, which MySQL allows and DataFusion does not.
//!
//! DataFusion 55.2 wants distinct names of every projection ("Projections require unique
//! expression names"), and a name is unfit for two columns even where one is qualified and the
//! other not. Clients see the labels of the module `labels`, so a name may change here.

use sqlparser::ast::{
    Expr, Ident, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Value,
    VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Gives the later ones of equally named items of the outermost SELECTs an internal alias. The
/// first keeps its name, so that ORDER BY, GROUP BY and HAVING find it as before.
pub fn make_unique(query: &mut Query) {
    unique_body(&mut query.body);
}

fn unique_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => unique_select(select),
        SetExpr::Query(query) => unique_body(&mut query.body),
        SetExpr::SetOperation { left, right, .. } => {
            unique_body(left);
            unique_body(right);
        }
        SetExpr::Values(_)
        | SetExpr::Insert(_)
        | SetExpr::Update(_)
        | SetExpr::Delete(_)
        | SetExpr::Merge(_)
        | SetExpr::Table(_) => {}
    }
}

fn unique_select(select: &mut Select) {
    let wildcards: Vec<Wildcard> = select.projection.iter().filter_map(wildcard).collect();
    let mut taken: Vec<ItemName> = Vec::new();
    for (position, item) in select.projection.iter_mut().enumerate() {
        let Some(name) = item_name(item) else {
            continue;
        };
        let equal = taken.iter().any(|other| other.equals(&name));
        let in_wildcard = name.is_column && wildcards.iter().any(|wildcard| wildcard.holds(&name));
        if equal || in_wildcard {
            rename(item, position);
        } else {
            taken.push(name);
        }
    }
}

fn rename(item: &mut SelectItem, position: usize) {
    let name = Ident::new(format!("__mooring_{}", position + 1));
    if let SelectItem::ExprWithAlias { alias, .. } = item {
        *alias = name;
    } else if let SelectItem::UnnamedExpr(expr) = item {
        let expr = std::mem::replace(expr, Expr::value(Value::Null));
        *item = SelectItem::ExprWithAlias { expr, alias: name };
    }
}

/// A name in lower case; two that may be the same to the planner are equal.
struct ItemName {
    qualifier: Option<String>,
    name: String,
    /// An unaliased column.
    is_column: bool,
}

impl ItemName {
    fn equals(&self, other: &ItemName) -> bool {
        let apart = match (&self.qualifier, &other.qualifier) {
            (Some(one), Some(two)) => !same_relation(one, two),
            (None, _) | (_, None) => false,
        };
        self.name == other.name && !apart
    }
}

enum Wildcard {
    All,
    Of(String),
}

impl Wildcard {
    fn holds(&self, column: &ItemName) -> bool {
        match (self, &column.qualifier) {
            (Wildcard::All, _) | (Wildcard::Of(_), None) => true,
            (Wildcard::Of(relation), Some(qualifier)) => same_relation(relation, qualifier),
        }
    }
}

/// `t` and `s.t` may be the same relation.
fn same_relation(one: &str, two: &str) -> bool {
    let (long, short) = if one.len() >= two.len() { (one, two) } else { (two, one) };
    long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn wildcard(item: &SelectItem) -> Option<Wildcard> {
    match item {
        SelectItem::Wildcard(_) => Some(Wildcard::All),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let parts: Vec<&Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
            Some(Wildcard::Of(qualified(parts)))
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _)
        | SelectItem::UnnamedExpr(_)
        | SelectItem::ExprWithAlias { .. }
        | SelectItem::ExprWithAliases { .. } => None,
    }
}

fn qualified<'a>(parts: impl IntoIterator<Item = &'a Ident>) -> String {
    let parts: Vec<String> = parts.into_iter().map(|part| part.value.to_lowercase()).collect();
    parts.join(".")
}

fn item_name(item: &SelectItem) -> Option<ItemName> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(column)) => Some(ItemName {
            qualifier: None,
            name: column.value.to_lowercase(),
            is_column: !column.value.starts_with('@'),
        }),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            let (column, qualifier) = parts.split_last()?;
            Some(ItemName {
                qualifier: Some(qualified(qualifier)),
                name: column.value.to_lowercase(),
                is_column: !qualifier.first().is_some_and(|part| part.value.starts_with('@')),
            })
        }
        // The planner calls a cast after what it casts.
        SelectItem::UnnamedExpr(Expr::Cast { expr, .. } | Expr::Nested(expr)) => {
            let inner = item_name(&SelectItem::UnnamedExpr(expr.as_ref().clone()))?;
            Some(ItemName { is_column: false, ..inner })
        }
        SelectItem::UnnamedExpr(expr) => {
            Some(ItemName { qualifier: None, name: canonical(expr), is_column: false })
        }
        SelectItem::ExprWithAlias { alias, .. } => {
            Some(ItemName { qualifier: None, name: alias.value.to_lowercase(), is_column: false })
        }
        SelectItem::ExprWithAliases { .. }
        | SelectItem::Wildcard(_)
        | SelectItem::QualifiedWildcard(..) => None,
    }
}

/// The text of an expression without what the planner does not keep in its name: parentheses,
/// the case of names, the kind of quotes.
fn canonical(expr: &Expr) -> String {
    let mut plain = expr.clone();
    let flow = plain.visit(&mut Plain);
    debug_assert!(flow.is_continue());
    plain.to_string().to_lowercase()
}

struct Plain;

impl VisitorMut for Plain {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Nested(inner) = expr {
            let inner = std::mem::replace(&mut **inner, Expr::value(Value::Null));
            *expr = inner;
        } else if let Expr::Value(value) = expr
            && let Value::DoubleQuotedString(text) = &value.value
        {
            value.value = Value::SingleQuotedString(text.clone());
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};
    use super::*;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::empty::EmptyTable;
    use datafusion::prelude::SessionContext;
    use datafusion::sql::parser::Statement as PlannedStatement;
    use std::sync::Arc;

    fn unique(sql: &str) -> Query {
        let Statement::Query(query) = parse(sql).expect("a statement") else {
            panic!("no query: {sql}")
        };
        let mut query = *query.query;
        make_unique(&mut query);
        query
    }

    #[test]
    fn later_ones_are_renamed() {
        for (sql, expected) in [
            ("SELECT 1, 1", "SELECT 1, 1 AS __mooring_2"),
            ("SELECT a, A FROM t", "SELECT a, A AS __mooring_2 FROM t"),
            ("SELECT t.a, a FROM t", "SELECT t.a, a AS __mooring_2 FROM t"),
            ("SELECT t.a, u.a FROM t, u", "SELECT t.a, u.a FROM t, u"),
            ("SELECT *, a FROM t", "SELECT *, a AS __mooring_2 FROM t"),
            ("SELECT t.*, u.a FROM t, u", "SELECT t.*, u.a FROM t, u"),
            ("SELECT *, b + 1 AS a FROM t", "SELECT *, b + 1 AS a FROM t"),
            ("SELECT a, b AS a FROM t", "SELECT a, b AS __mooring_2 FROM t"),
            ("SELECT count(*), COUNT(*) FROM t", "SELECT count(*), COUNT(*) AS __mooring_2 FROM t"),
            ("SELECT a FROM t", "SELECT a FROM t"),
        ] {
            assert_eq!(unique(sql).to_string(), expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn datafusion_plans_what_mysql_allows() {
        let context = SessionContext::new();
        let schema = Schema::new(vec![
            Field::new("a", DataType::Int64, true),
            Field::new("b", DataType::Int64, true),
        ]);
        let table = Arc::new(EmptyTable::new(Arc::new(schema)));
        for name in ["t", "u"] {
            context.register_table(name, table.clone()).expect("a new table");
        }
        for sql in [
            "SELECT 1, 1",
            "SELECT 'a', \"a\"",
            "SELECT a+1, (a+1), a + 1 FROM t ORDER BY a + 1",
            "SELECT a, a FROM t ORDER BY a",
            "SELECT a, t.a FROM t ORDER BY t.a, a",
            "SELECT a, b AS a FROM t",
            "SELECT *, a, t.a FROM t ORDER BY a",
            "SELECT t.a, u.a FROM t, u ORDER BY u.a",
            "SELECT a, count(*), count(*) FROM t GROUP BY a HAVING count(*) > 1 ORDER BY count(*)",
            "SELECT DISTINCT a, a FROM t ORDER BY a",
            "SELECT a, a FROM t UNION ALL SELECT b, b FROM t ORDER BY 1",
            "SELECT sum(a) OVER (), sum(a) OVER () FROM t",
        ] {
            let query = sqlparser::ast::Statement::Query(Box::new(unique(sql)));
            let statement = PlannedStatement::Statement(Box::new(query));
            let plan = context.state().statement_to_plan(statement).await;
            plan.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
}
