//! The second pass: the names of columns, through queries and what stands after FROM.

use super::columns::Columns;
use super::expressions::Aliases;
use super::scope::Scope;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::sql::planner::object_name_to_table_reference;
use mooring_spi::{Result, pick_name};
use sqlparser::ast::{
    Cte, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, OrderBy, OrderByKind,
    Query, SetExpr, SetQuantifier, TableAlias, TableFactor, TableWithJoins, VisitMut,
};
use std::collections::HashMap;
use std::rc::Rc;

/// Puts the names of columns, and what qualifies them, into the case of their relations. `schema`
/// answers the columns of a table that [`fold_relations`](super::fold_relations) found.
///
/// # Errors
/// `AmbiguousName`.
pub(crate) fn fold_columns(
    statement: &mut impl VisitMut,
    schema: &dyn Fn(&TableReference) -> Option<SchemaRef>,
) -> Result<()> {
    let mut folder = ColumnFolder {
        schema,
        tables: HashMap::new(),
        ctes: HashMap::new(),
        scopes: Vec::new(),
        from: 0,
        aliases: None,
        windows: Vec::new(),
    };
    folder.fold_expressions(statement)
}

pub(super) struct ColumnFolder<'a> {
    schema: &'a dyn Fn(&TableReference) -> Option<SchemaRef>,
    tables: HashMap<TableReference, Rc<Columns>>,
    /// The common table expressions in scope.
    ctes: HashMap<String, Rc<Columns>>,
    /// Of the SELECTs around the current place, the innermost last.
    pub(super) scopes: Vec<Scope>,
    /// Where in `scopes` those begin that the FROM clause at work has filled so far: a derived
    /// table sees them only if it is LATERAL.
    pub(super) from: usize,
    pub(super) aliases: Option<Aliases>,
    /// The names in the WINDOW clause.
    pub(super) windows: Vec<Ident>,
}

impl ColumnFolder<'_> {
    /// Answers the columns of the result. `recursive`: the name and column list under which the
    /// query may refer to itself.
    pub(super) fn fold_query(
        &mut self,
        query: &mut Query,
        recursive: Option<&TableAlias>,
    ) -> Result<Rc<Columns>> {
        let outer_aliases = self.aliases.take();
        let mut outer_ctes = Vec::new();
        for cte in query.with.iter_mut().flat_map(|with| {
            let recursive = with.recursive;
            with.cte_tables.iter_mut().map(move |cte| (cte, recursive))
        }) {
            let (cte, recursive) = cte;
            let columns = self.fold_cte(cte, recursive)?;
            let name = cte.alias.name.value.clone();
            outer_ctes.push((name.clone(), self.ctes.insert(name, columns)));
        }
        let columns = match &mut *query.body {
            SetExpr::Select(select) => self.fold_select(select, query.order_by.as_mut())?,
            body => {
                let columns = self.fold_body(body, recursive)?;
                if let Some(order_by) = &mut query.order_by {
                    self.scopes.push(Scope::of_relation(Vec::new(), columns.clone()));
                    for expr in order_exprs(order_by) {
                        self.fold_expressions(expr)?;
                    }
                    self.scopes.pop();
                }
                columns
            }
        };
        self.fold_expressions(&mut query.limit_clause)?;
        for (name, outer) in outer_ctes.into_iter().rev() {
            self.restore_cte(name, outer);
        }
        self.aliases = outer_aliases;
        Ok(columns)
    }

    fn restore_cte(&mut self, name: String, columns: Option<Rc<Columns>>) {
        match columns {
            Some(columns) => self.ctes.insert(name, columns),
            None => self.ctes.remove(&name),
        };
    }

    fn fold_cte(&mut self, cte: &mut Cte, recursive: bool) -> Result<Rc<Columns>> {
        if !recursive {
            let columns = self.fold_query(&mut cte.query, None)?;
            return Ok(listed(&cte.alias, columns));
        }
        let name = cte.alias.name.value.clone();
        // Known at once by its list, else once the first part of its UNION is.
        let itself = listed(&cte.alias, Columns::unknown());
        let outer = self.ctes.insert(name.clone(), itself);
        let columns = self.fold_query(&mut cte.query, Some(&cte.alias))?;
        self.restore_cte(name, outer);
        Ok(listed(&cte.alias, columns))
    }

    fn fold_body(
        &mut self,
        body: &mut SetExpr,
        recursive: Option<&TableAlias>,
    ) -> Result<Rc<Columns>> {
        match body {
            SetExpr::Select(select) => self.fold_select(select, None),
            SetExpr::Query(query) => self.fold_query(query, None),
            SetExpr::SetOperation { left, right, set_quantifier, .. } => {
                let mut columns = self.fold_body(left, None)?;
                if let Some(alias) = recursive {
                    let itself = listed(alias, columns.clone());
                    self.ctes.insert(alias.name.value.clone(), itself);
                }
                let others = self.fold_body(right, None)?;
                match set_quantifier {
                    SetQuantifier::ByName
                    | SetQuantifier::AllByName
                    | SetQuantifier::DistinctByName => Columns::merge(&mut columns, &others),
                    SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => {}
                }
                Ok(columns)
            }
            SetExpr::Values(values) => {
                self.fold_expressions(values)?;
                let width = values.rows.first().map_or(0, |row| row.content.len());
                // As DataFusion names them.
                let names: Vec<String> =
                    (1..=width).map(|place| format!("column{place}")).collect();
                Ok(Columns::of(names.iter().map(String::as_str)))
            }
            SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_)
            | SetExpr::Table(_) => Ok(Columns::unknown()),
        }
    }

    /// Relations joined to each other, which their ON clauses see.
    pub(super) fn fold_joins(&mut self, from: &mut TableWithJoins) -> Result<Scope> {
        let first = self.fold_factor(&mut from.relation)?;
        self.scopes.push(first);
        for join in &mut from.joins {
            let right = self.fold_factor(&mut join.relation)?;
            let mut constraint = join_constraint(&mut join.join_operator);
            if let Some(JoinConstraint::Using(names)) = &mut constraint {
                let left = self.scopes.last().map(|scope| scope.columns.clone());
                for name in names {
                    fold_using(name, &left.clone().unwrap_or_default(), &right.columns)?;
                }
            }
            if let Some(scope) = self.scopes.last_mut() {
                scope.merge(right);
            }
            if let Some(JoinConstraint::On(condition)) = constraint {
                self.fold_expressions(condition)?;
            }
        }
        Ok(self.scopes.pop().unwrap_or_default())
    }

    fn fold_factor(&mut self, factor: &mut TableFactor) -> Result<Scope> {
        let (name, columns, alias) = match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let columns = self.table_columns(name);
                let parts = name.0.iter().filter_map(ObjectNamePart::as_ident);
                (parts.map(|part| part.value.clone()).collect(), columns, alias)
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let at = if *lateral { self.scopes.len() } else { self.from };
                let hidden = self.scopes.split_off(at.min(self.scopes.len()));
                let columns = self.fold_query(subquery, None)?;
                self.scopes.extend(hidden);
                (Vec::new(), columns, alias)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let scope = self.fold_joins(table_with_joins)?;
                if alias.is_none() {
                    return Ok(scope);
                }
                (Vec::new(), scope.columns, alias)
            }
            TableFactor::Table { args: Some(arguments), alias, .. } => {
                self.fold_expressions(&mut arguments.args)?;
                (Vec::new(), Columns::unknown(), alias)
            }
            TableFactor::Function { args, alias, .. } => {
                self.fold_expressions(args)?;
                (Vec::new(), Columns::unknown(), alias)
            }
            TableFactor::UNNEST { array_exprs, alias, .. } => {
                self.fold_expressions(array_exprs)?;
                (Vec::new(), Columns::unknown(), alias)
            }
            TableFactor::TableFunction { expr, alias } => {
                self.fold_expressions(expr)?;
                (Vec::new(), Columns::unknown(), alias)
            }
            // DataFusion refuses these.
            TableFactor::JsonTable { .. }
            | TableFactor::OpenJsonTable { .. }
            | TableFactor::Pivot { .. }
            | TableFactor::Unpivot { .. }
            | TableFactor::MatchRecognize { .. }
            | TableFactor::XmlTable { .. }
            | TableFactor::SemanticView { .. } => {
                return Ok(Scope::of_relation(Vec::new(), Columns::unknown()));
            }
        };
        Ok(match alias {
            Some(alias) => {
                Scope::of_relation(vec![alias.name.value.clone()], listed(alias, columns))
            }
            None => Scope::of_relation(name, columns),
        })
    }

    fn table_columns(&mut self, name: &ObjectName) -> Rc<Columns> {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_slice()
            && let Some(columns) = self.ctes.get(&ident.value)
        {
            return columns.clone();
        }
        let Ok(table) = object_name_to_table_reference(name.clone(), false) else {
            return Columns::unknown();
        };
        if let Some(columns) = self.tables.get(&table) {
            return columns.clone();
        }
        let columns = match (self.schema)(&table) {
            Some(schema) => Columns::of(schema.fields().iter().map(|field| field.name().as_str())),
            None => Columns::unknown(),
        };
        self.tables.insert(table, columns.clone());
        columns
    }
}

/// The columns of a relation under its alias, which may name them all.
fn listed(alias: &TableAlias, columns: Rc<Columns>) -> Rc<Columns> {
    if alias.columns.is_empty() {
        return columns;
    }
    Columns::of(alias.columns.iter().map(|column| column.name.value.as_str()))
}

/// DataFusion wants one name for both sides.
fn fold_using(name: &mut ObjectName, left: &Columns, right: &Columns) -> Result<()> {
    let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice() else {
        return Ok(());
    };
    let on_the_right = right.names(ident);
    let common = left.names(ident).iter().filter(|name| on_the_right.contains(name));
    let picked = pick_name(&ident.value, common.map(|name| &**name))?.map(str::to_owned);
    let picked = match picked {
        Some(name) => Some(name),
        None => {
            let mut either = Rc::new(left.clone());
            Columns::merge(&mut either, &Rc::new(right.clone()));
            either.pick(ident).ok().flatten().map(|name| name.to_string())
        }
    };
    if let Some(name) = picked {
        ident.value = name;
    }
    Ok(())
}

pub(super) fn order_exprs(
    order_by: &mut OrderBy,
) -> impl Iterator<Item = &mut sqlparser::ast::Expr> {
    let exprs = match &mut order_by.kind {
        OrderByKind::Expressions(exprs) => exprs.as_mut_slice(),
        OrderByKind::All(_) => &mut [],
    };
    exprs.iter_mut().map(|order| &mut order.expr)
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
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint)
        | JoinOperator::AsOf { constraint, .. }
        | JoinOperator::StraightJoin(constraint) => Some(constraint),
        JoinOperator::CrossApply
        | JoinOperator::OuterApply
        | JoinOperator::ArrayJoin
        | JoinOperator::LeftArrayJoin
        | JoinOperator::InnerArrayJoin => None,
    }
}
