//! The identifiers of expressions.

use super::columns::Columns;
use super::queries::ColumnFolder;
use mooring_spi::{Error, Result, pick_name};
use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Query, SetExpr, Values, VisitMut, VisitorMut, WindowType,
};
use std::ops::ControlFlow;
use std::rc::Rc;

/// The names of the select list, where a clause may use them.
pub(super) struct Aliases {
    pub columns: Rc<Columns>,
    /// The place in `ColumnFolder::scopes` of the SELECT that has them.
    pub scope: usize,
    /// Before the columns of the relations, or after them.
    pub first: bool,
}

impl ColumnFolder<'_> {
    /// Folds every expression inside `node`, subqueries included.
    pub(super) fn fold_expressions<T: VisitMut>(&mut self, node: &mut T) -> Result<()> {
        let mut visitor = ExpressionVisitor {
            folder: self,
            functions: 0,
            subqueries: Vec::new(),
            hidden: Vec::new(),
        };
        match node.visit(&mut visitor) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// Folds a column without a qualifier.
    pub(super) fn fold_column(&self, ident: &mut Ident, in_function: bool) -> Result<()> {
        if let Some(name) = self.find_column(ident, in_function)? {
            *ident = renamed(ident, &name);
        }
        Ok(())
    }

    /// In the relations of the innermost SELECT, then of those around it. A scope that may have
    /// other columns ends the search: the identifier may be one of them.
    fn find_column(&self, ident: &Ident, in_function: bool) -> Result<Option<Rc<str>>> {
        if is_variable(ident) {
            return Ok(None);
        }
        let aliases = self.aliases.as_ref();
        // An aggregate's argument is a column: an alias there is an aggregate inside another.
        let first = aliases.filter(|aliases| aliases.first && !in_function);
        if let Some(aliases) = first
            && let Some(name) = aliases.columns.pick(ident)?
        {
            return Ok(Some(name));
        }
        for (place, scope) in self.scopes.iter().enumerate().rev() {
            if let Some(name) = scope.columns.pick(ident)? {
                return Ok(Some(name));
            }
            if let Some(aliases) = aliases.filter(|aliases| aliases.scope == place)
                && let Some(name) = aliases.columns.pick(ident)?
            {
                return Ok(Some(name));
            }
            if scope.columns.partial {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Folds `table.column`, `schema.table.column` and so on, and what may be the fields of a
    /// struct after them.
    pub(super) fn fold_path(&self, path: &mut Vec<Ident>) -> Result<()> {
        if path.first().is_some_and(is_variable) {
            return Ok(());
        }
        let mut without_column: Option<(usize, Vec<String>)> = None;
        let mut searched_all = true;
        for scope in self.scopes.iter().rev() {
            // The longest first, as DataFusion does.
            for length in (1..path.len().min(QUALIFIER_MAX + 1)).rev() {
                let (Some(qualifier), Some(column)) = (path.get(..length), path.get(length)) else {
                    continue;
                };
                let Some(found) = scope.qualified(qualifier)? else {
                    continue;
                };
                let name = found.columns.pick(column)?;
                if name.is_some() || found.columns.partial {
                    if let (Some(name), Some(column)) = (name, path.get_mut(length)) {
                        *column = renamed(column, &name);
                    }
                    set_qualifier(path, length, found.name);
                    return Ok(());
                }
                without_column.get_or_insert((length, found.name));
            }
            if scope.anonymous {
                searched_all = false;
                break;
            }
        }
        if let Some((length, name)) = without_column {
            set_qualifier(path, length, name);
        } else if searched_all && let Some(column) = path.first_mut() {
            self.fold_column(column, true)?;
        }
        Ok(())
    }

    /// Folds the qualifier of `t.*`, and answers the columns that it stands for. DataFusion wants
    /// the whole name of the relation here.
    pub(super) fn fold_wildcard(&self, name: &mut ObjectName) -> Result<Rc<Columns>> {
        let parts: Option<Vec<Ident>> =
            name.0.iter().map(|part| part.as_ident().cloned()).collect();
        let Some(parts) = parts else {
            return Ok(Columns::unknown());
        };
        for scope in self.scopes.iter().rev() {
            if let Some(found) = scope.qualified(&parts)? {
                let mut idents = parts;
                let length = idents.len();
                set_qualifier(&mut idents, length, found.whole.unwrap_or(found.name));
                name.0 = idents.into_iter().map(ObjectNamePart::Identifier).collect();
                return Ok(found.columns);
            }
            if scope.anonymous {
                break;
            }
        }
        Ok(Columns::unknown())
    }

    /// DataFusion compares the name of a window with its definition.
    pub(super) fn fold_window(&self, window: &mut Ident) -> Result<()> {
        let names = self.windows.iter().map(|name| name.value.as_str());
        if let Some(name) = pick_name(&window.value, names)? {
            *window = renamed(window, name);
        }
        Ok(())
    }

    fn fold_function(&self, function: &mut Function) -> Result<()> {
        match &mut function.over {
            Some(WindowType::NamedWindow(window)) => self.fold_window(window)?,
            Some(WindowType::WindowSpec(window)) => {
                if let Some(name) = &mut window.window_name {
                    self.fold_window(name)?;
                }
            }
            None => {}
        }
        let FunctionArguments::List(list) = &mut function.args else {
            return Ok(());
        };
        for argument in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = argument {
                self.fold_wildcard(name)?;
            }
        }
        Ok(())
    }

    /// `a.b[1].c`: a path as far as the first bracket, then fields, which stay. Hides both from
    /// the visitor, which takes every identifier for a column.
    fn fold_access(&self, root: &mut Expr, chain: &mut [AccessExpr]) -> Result<Vec<Expr>> {
        let mut hidden = Vec::new();
        if let Expr::Identifier(first) = root {
            let fields = chain.iter().map_while(|access| match access {
                AccessExpr::Dot(Expr::Identifier(field)) => Some(field.clone()),
                AccessExpr::Dot(_) | AccessExpr::Subscript(_) => None,
            });
            let mut path: Vec<Ident> = std::iter::once(first.clone()).chain(fields).collect();
            let length = path.len();
            match path.as_mut_slice() {
                [column] => self.fold_column(column, true)?,
                _ => self.fold_path(&mut path)?,
            }
            // A qualifier that got longer does not fit in the chain.
            if path.len() == length {
                let mut parts = path.into_iter();
                if let Some(part) = parts.next() {
                    *first = part;
                }
                for (access, part) in chain.iter_mut().zip(parts) {
                    *access = AccessExpr::Dot(Expr::Identifier(part));
                }
            }
            hidden.push(std::mem::replace(root, placeholder()));
        }
        for access in chain {
            if let AccessExpr::Dot(field @ Expr::Identifier(_)) = access {
                hidden.push(std::mem::replace(field, placeholder()));
            }
        }
        hidden.reverse();
        Ok(hidden)
    }
}

/// The parts of a qualifier: catalog, schema, table.
const QUALIFIER_MAX: usize = 3;

/// `@name` and `@@name`, which the tokenizer reads as identifiers.
pub(super) fn is_variable(ident: &Ident) -> bool {
    ident.quote_style.is_none() && ident.value.starts_with('@')
}

fn renamed(ident: &Ident, name: &str) -> Ident {
    Ident { value: name.to_owned(), quote_style: ident.quote_style, span: ident.span }
}

/// Puts `name` for the first `length` parts of `path`.
fn set_qualifier(path: &mut Vec<Ident>, length: usize, name: Vec<String>) {
    let cut_otherwise = name.len() != length;
    let old: Vec<Ident> = path.drain(..length.min(path.len())).collect();
    let new = name.into_iter().enumerate().map(|(place, part)| match old.get(place) {
        Some(ident) if !cut_otherwise => renamed(ident, &part),
        Some(_) | None => Ident::with_quote('`', part),
    });
    path.splice(..0, new);
}

struct ExpressionVisitor<'a, 'b> {
    folder: &'a mut ColumnFolder<'b>,
    /// How many function calls are around the current place.
    functions: usize,
    /// Folded on their own; empty ones take their places, so that they are not visited again.
    subqueries: Vec<Query>,
    /// See `ColumnFolder::fold_access`.
    hidden: Vec<Vec<Expr>>,
}

impl ExpressionVisitor<'_, '_> {
    fn fold(&mut self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Identifier(ident) => self.folder.fold_column(ident, self.functions > 0),
            Expr::CompoundIdentifier(path) => self.folder.fold_path(path),
            Expr::CompoundFieldAccess { root, access_chain } => {
                let hidden = self.folder.fold_access(root, access_chain)?;
                self.hidden.push(hidden);
                Ok(())
            }
            Expr::QualifiedWildcard(name, _) => self.folder.fold_wildcard(name).map(drop),
            Expr::Function(function) => {
                self.functions += 1;
                self.folder.fold_function(function)
            }
            _ => Ok(()),
        }
    }
}

impl VisitorMut for ExpressionVisitor<'_, '_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let mut subquery = std::mem::replace(query, empty_query());
        if let Err(error) = self.folder.fold_query(&mut subquery, None) {
            return ControlFlow::Break(error);
        }
        self.subqueries.push(subquery);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if let Some(subquery) = self.subqueries.pop() {
            *query = subquery;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.fold(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::Function(_) = expr {
            self.functions -= 1;
        } else if let Expr::CompoundFieldAccess { root, access_chain } = expr {
            let mut hidden = self.hidden.pop().unwrap_or_default();
            let fields = access_chain.iter_mut().filter_map(|access| match access {
                AccessExpr::Dot(field) => Some(field),
                AccessExpr::Subscript(_) => None,
            });
            for place in std::iter::once(&mut **root).chain(fields) {
                if is_placeholder(place)
                    && let Some(original) = hidden.pop()
                {
                    *place = original;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// What `fold_access` leaves: a variable, which stays, with a name that nobody can write.
fn placeholder() -> Expr {
    Expr::Identifier(Ident::new("@"))
}

fn is_placeholder(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(ident) if is_variable(ident) && ident.value == "@")
}

fn empty_query() -> Query {
    let values = Values { explicit_row: false, value_keyword: false, rows: Vec::new() };
    Query {
        with: None,
        body: Box::new(SetExpr::Values(values)),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
