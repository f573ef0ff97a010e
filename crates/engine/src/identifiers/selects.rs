//! One SELECT: which clause sees which names.
//!
//! The rules are MySQL's (8.4 reference manual, section 15.2.13): WHERE and ON see columns only;
//! GROUP BY looks for a column and then for an alias; ORDER BY for an alias and then for a column,
//! but inside an expression the other way round; HAVING for an alias first, but inside a function.

use super::columns::Columns;
use super::expressions::{Aliases, is_variable};
use super::queries::{ColumnFolder, order_exprs};
use super::scope::Scope;
use mooring_spi::Result;
use sqlparser::ast::{
    Distinct, ExcludeSelectItem, Expr, NamedWindowExpr, ObjectName, ObjectNamePart, OrderBy,
    Select, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};
use std::rc::Rc;

impl ColumnFolder<'_> {
    /// Answers the columns of the result.
    pub(super) fn fold_select(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
    ) -> Result<Rc<Columns>> {
        let windows = select.named_window.iter().map(|window| window.0.clone()).collect();
        let outer_windows = std::mem::replace(&mut self.windows, windows);
        let outer_from = std::mem::replace(&mut self.from, self.scopes.len());
        self.scopes.push(Scope::default());
        for from in &mut select.from {
            let relations = self.fold_joins(from)?;
            if let Some(scope) = self.scopes.last_mut() {
                scope.merge(relations);
            }
        }
        self.fold_expressions(&mut select.selection)?;
        self.fold_expressions(&mut select.projection)?;
        let columns = self.result_columns(select)?;
        self.fold_windows(select)?;
        self.fold_after_projection(select, order_by)?;
        self.scopes.pop();
        self.from = outer_from;
        self.windows = outer_windows;
        Ok(columns)
    }

    fn fold_windows(&mut self, select: &mut Select) -> Result<()> {
        for window in &mut select.named_window {
            match &mut window.1 {
                NamedWindowExpr::NamedWindow(name) => self.fold_window(name)?,
                NamedWindowExpr::WindowSpec(window) => {
                    if let Some(name) = &mut window.window_name {
                        self.fold_window(name)?;
                    }
                    self.fold_expressions(window)?;
                }
            }
        }
        Ok(())
    }

    /// The clauses that see the aliases of the select list.
    fn fold_after_projection(
        &mut self,
        select: &mut Select,
        order_by: Option<&mut OrderBy>,
    ) -> Result<()> {
        let mut names = Columns::default();
        for item in &select.projection {
            if let Some(name) = item_name(item) {
                names.add(name);
            }
        }
        let scope = self.scopes.len().saturating_sub(1);
        self.aliases = Some(Aliases { columns: Rc::new(names), scope, first: false });
        self.fold_expressions(&mut select.group_by)?;
        self.aliases_first(true);
        self.fold_expressions(&mut select.having)?;
        self.fold_expressions(&mut select.qualify)?;
        if let Some(Distinct::On(exprs)) = &mut select.distinct {
            for expr in exprs {
                self.aliases_first(matches!(expr, Expr::Identifier(_)));
                self.fold_expressions(expr)?;
            }
        }
        if let Some(order_by) = order_by {
            for expr in order_exprs(order_by) {
                self.aliases_first(matches!(expr, Expr::Identifier(_)));
                self.fold_expressions(expr)?;
            }
        }
        self.aliases = None;
        Ok(())
    }

    fn aliases_first(&mut self, first: bool) {
        if let Some(aliases) = &mut self.aliases {
            aliases.first = first;
        }
    }

    /// The columns that a SELECT gives; folds the names at its wildcards on the way.
    fn result_columns(&mut self, select: &mut Select) -> Result<Rc<Columns>> {
        let mut columns: Rc<Columns> = Rc::default();
        for item in &mut select.projection {
            let of_item = match item {
                SelectItem::Wildcard(options) => {
                    let all = self.scopes.last().map(|scope| scope.columns.clone());
                    self.without_excluded(all.unwrap_or_default(), options)?
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    let all = match kind {
                        SelectItemQualifiedWildcardKind::ObjectName(name) => {
                            self.fold_wildcard(name)?
                        }
                        SelectItemQualifiedWildcardKind::Expr(_) => Columns::unknown(),
                    };
                    self.without_excluded(all, options)?
                }
                SelectItem::ExprWithAliases { .. } => Columns::unknown(),
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }
                    if is_unnest(expr) =>
                {
                    Columns::unknown()
                }
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => {
                    Columns::of(item_name(item))
                }
            };
            Columns::merge(&mut columns, &of_item);
        }
        if select.exclude.is_some() {
            Rc::make_mut(&mut columns).partial = true;
        }
        Ok(columns)
    }

    /// `* EXCEPT (a)`, `* EXCLUDE (a)`, `* REPLACE (x AS a)`.
    fn without_excluded(
        &mut self,
        mut columns: Rc<Columns>,
        options: &mut WildcardAdditionalOptions,
    ) -> Result<Rc<Columns>> {
        let mut excluded = Vec::new();
        if let Some(except) = &mut options.opt_except {
            excluded.push(&mut except.first_element);
            excluded.extend(&mut except.additional_elements);
        }
        let names: &mut [ObjectName] = match &mut options.opt_exclude {
            Some(ExcludeSelectItem::Single(name)) => std::slice::from_mut(name),
            Some(ExcludeSelectItem::Multiple(names)) => names,
            None => &mut [],
        };
        for name in names {
            if let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice() {
                excluded.push(ident);
            }
        }
        for ident in excluded {
            if let Some(name) = columns.pick(ident)? {
                ident.value = name.to_string();
                Rc::make_mut(&mut columns).remove(&name);
            }
        }
        for replaced in options.opt_replace.iter_mut().flat_map(|replace| &mut replace.items) {
            if let Some(name) = columns.pick(&replaced.column_name)? {
                replaced.column_name.value = name.to_string();
            }
        }
        if options.opt_rename.is_some() || options.opt_ilike.is_some() {
            Rc::make_mut(&mut columns).partial = true;
        }
        Ok(columns)
    }
}

/// The name of an item's column: its alias, or the column that it is. Nobody names another one
/// but by the planner's text for the expression, which is exact.
fn item_name(item: &SelectItem) -> Option<&str> {
    let mut expr = match item {
        SelectItem::ExprWithAlias { alias, .. } => return Some(&alias.value),
        SelectItem::UnnamedExpr(expr) => expr,
        SelectItem::ExprWithAliases { .. }
        | SelectItem::QualifiedWildcard(..)
        | SelectItem::Wildcard(_) => return None,
    };
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    match expr {
        Expr::Identifier(column) if !is_variable(column) => Some(&column.value),
        Expr::CompoundIdentifier(path) if !path.first().is_some_and(is_variable) => {
            path.last().map(|column| column.value.as_str())
        }
        _ => None,
    }
}

/// A struct that is unnested gives a column per field.
fn is_unnest(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("unnest"))
}
