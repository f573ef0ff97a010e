//! Views that a metastore keeps: the text of each is read in its own dialect, planned with the names of its
//! own catalog and schema, and put in the place of its name, so that filters reach its tables.
//!
//! What a text says that is not known to mean the same here is refused by name, never guessed. A view has
//! the rights of who asks.

mod text;
mod clauses;
mod expressions;
mod functions;
mod types;
mod characters;
mod calls;
mod plan;
#[cfg(test)]
mod tests;

pub(crate) use plan::inline;

use crate::catalogs::Catalog;
use crate::error::from_datafusion;
use crate::identifiers::{fold_columns, fold_relations};
use crate::names::session_schema;
use crate::snapshot::{CurrentNames, Snapshot};
use crate::table::MooringTable;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as PlannerStatement;
use mooring_spi::{CatalogKey, Error, Result, SchemaTable, ViewDefinition};
use sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, Statement, TableFactor, VisitMut, VisitorMut,
};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use text::OPERATORS_MAX;

/// How deep views may stand inside each other.
const DEPTH_MAX: usize = 16;

/// How many views a statement may read, directly or not, and how many tables all their texts may name.
const VIEWS_MAX: usize = 128;
const TABLES_MAX: usize = 1_000;

/// A view by its exact name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ViewName(CatalogKey, SchemaTable);

impl ViewName {
    pub fn of(table: &MooringTable) -> Self {
        Self(table.catalog.definition.key, table.table.name.clone())
    }
}

/// The queries of views, with the columns of their definitions.
pub(crate) type ViewPlans = HashMap<ViewName, LogicalPlan>;

/// A view whose text is parsed.
#[derive(Debug)]
pub(crate) struct View {
    /// As messages call it.
    label: String,
    definition: Arc<ViewDefinition>,
    columns: SchemaRef,
    query: Query,
    tables: Vec<TableReference>,
    /// What plain names in its text mean.
    current: CurrentNames,
}

/// The views of one statement.
#[derive(Debug, Default)]
pub(crate) struct Views {
    by_name: HashMap<ViewName, View>,
    operators: usize,
    tables: usize,
    depth: usize,
}

impl Views {
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Parses those of `tables` that are views, and answers which tables they read.
    ///
    /// # Errors
    /// `Unsupported`, naming the view, for what its text says, and beyond the bounds; `SyntaxError`.
    pub fn read(
        &mut self,
        tables: &[Arc<MooringTable>],
    ) -> Result<Vec<(Arc<Catalog>, TableReference, CurrentNames)>> {
        let mut wanted = Vec::new();
        for table in tables {
            let name = ViewName::of(table);
            let Some(definition) = &table.table.view else { continue };
            if self.by_name.contains_key(&name) {
                continue;
            }
            let label = format!("{}.{}", table.catalog.definition.name, table.table.name);
            let (view, operators) =
                View::new(table, definition, &label).map_err(|error| of_view(&label, &error))?;
            self.operators += operators;
            self.tables += view.tables.len();
            if self.operators > OPERATORS_MAX
                || self.tables > TABLES_MAX
                || self.by_name.len() >= VIEWS_MAX
            {
                return Err(Error::unsupported(format!(
                    "the statement reads more than {VIEWS_MAX} views, or views with more than \
                     {TABLES_MAX} tables or {OPERATORS_MAX} operators in all"
                )));
            }
            for reference in &view.tables {
                wanted.push((table.catalog.clone(), reference.clone(), view.current.clone()));
            }
            self.by_name.insert(name, view);
        }
        self.depth += usize::from(!wanted.is_empty());
        if self.depth > DEPTH_MAX {
            let names = tables.iter().map(|table| format!("`{}`", table.table.name));
            return Err(Error::unsupported(format!(
                "views inside each other deeper than {DEPTH_MAX} levels are not supported; {} is \
                 one level deeper",
                names.collect::<Vec<_>>().join(", ")
            )));
        }
        Ok(wanted)
    }

    /// Plans all views, each after those that it reads. `state` finds the tables of `snapshot`.
    ///
    /// # Errors
    /// `InvalidQuery` for a view that reads itself, or whose definition does not fit its tables, and all that
    /// planning a query gives; each names the view.
    pub async fn plan(&self, snapshot: &Snapshot, state: &SessionState) -> Result<ViewPlans> {
        let mut plans = ViewPlans::new();
        for name in self.in_order(snapshot)? {
            let Some(view) = self.by_name.get(&name) else { continue };
            let plan = view.plan(snapshot, state, &plans).await;
            plans.insert(name, plan.map_err(|error| of_view(&view.label, &error))?);
        }
        Ok(plans)
    }

    fn in_order(&self, snapshot: &Snapshot) -> Result<Vec<ViewName>> {
        let mut order = Vec::with_capacity(self.by_name.len());
        for name in self.by_name.keys() {
            self.after_what_it_reads(name, snapshot, &mut Vec::new(), &mut order)?;
        }
        Ok(order)
    }

    /// `above`: the views that lead here.
    fn after_what_it_reads<'a>(
        &'a self,
        name: &ViewName,
        snapshot: &Snapshot,
        above: &mut Vec<(ViewName, &'a str)>,
        order: &mut Vec<ViewName>,
    ) -> Result<()> {
        let Some(view) = self.by_name.get(name).filter(|_| !order.contains(name)) else {
            return Ok(());
        };
        let cycle = above.iter().position(|(upper, _)| upper == name);
        above.push((name.clone(), &view.label));
        if let Some(first) = cycle {
            let chain = above.iter().skip(first).map(|(_, label)| format!("`{label}`"));
            return Err(Error::new(
                mooring_spi::ErrorKind::InvalidQuery,
                format!("a view reads itself: {}", chain.collect::<Vec<_>>().join(" → ")),
            ));
        }
        for reference in &view.tables {
            if let Some(table) = snapshot.table_in(reference, &view.current) {
                self.after_what_it_reads(&ViewName::of(&table), snapshot, above, order)?;
            }
        }
        above.pop();
        order.push(name.clone());
        Ok(())
    }
}

/// An error of a view's text under the view's name.
fn of_view(label: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("view `{label}` cannot be read: {}", error.message()))
}

impl View {
    fn new(
        table: &MooringTable,
        definition: &Arc<ViewDefinition>,
        label: &str,
    ) -> Result<(Self, usize)> {
        let text::ViewText { mut query, operators } =
            text::parse(&definition.sql, definition.dialect)?;
        clauses::translate(&mut query, definition.dialect)?;
        let mut tables = fold_relations(&mut query)?;
        let catalog = table.catalog.definition.name.as_str();
        for reference in &mut tables {
            *reference = in_own_catalog(reference, definition, catalog)?;
        }
        let _done: ControlFlow<()> = query.visit(&mut OwnCatalog(catalog));
        let current = CurrentNames {
            catalog: catalog.to_owned(),
            schema: Some(definition.default_schema.clone()),
        };
        let view = Self {
            label: label.to_owned(),
            definition: definition.clone(),
            columns: table.table.schema.clone(),
            query,
            tables,
            current,
        };
        Ok((view, operators))
    }

    async fn plan(
        &self,
        snapshot: &Snapshot,
        state: &SessionState,
        plans: &ViewPlans,
    ) -> Result<LogicalPlan> {
        let mut query = self.query.clone();
        let columns = |table: &TableReference| snapshot.schema_in(table, &self.current);
        fold_columns(&mut query, &columns)?;
        let mut state = state.clone();
        let names = &mut state.config_mut().options_mut().catalog;
        names.default_catalog.clone_from(&self.current.catalog);
        names.default_schema.clone_from(&self.definition.default_schema);
        let statement = Statement::Query(Box::new(query));
        let planned = async {
            let plan = PlannerStatement::Statement(Box::new(statement));
            let plan = state.statement_to_plan(plan).await?;
            let plan = types::agree(plan, self.definition.dialect)?;
            // Views inside have their own dialects: they are put in after this one's types are looked at.
            inline(plan::as_declared(plan, self)?, plans)
        };
        planned.await.map_err(|error| from_datafusion(&error))
    }
}

/// The reference with the catalog under the name that it has here.
fn in_own_catalog(
    reference: &TableReference,
    view: &ViewDefinition,
    catalog: &str,
) -> Result<TableReference> {
    if reference.schema().and_then(session_schema).is_some() {
        return Err(clauses::refused(reference));
    }
    let TableReference::Full { catalog: named, schema, table } = reference else {
        return Ok(reference.clone());
    };
    let mut own = view.own_catalogs.iter().map(String::as_str).chain([catalog]);
    if !own.any(|own| own.eq_ignore_ascii_case(named)) {
        return Err(Error::unsupported(format!(
            "its text reads `{reference}`, which is in another catalog than the view"
        )));
    }
    Ok(TableReference::full(catalog, schema.as_ref(), table.as_ref()))
}

/// Does the same to the names in a query, all of which are in this catalog by now.
struct OwnCatalog<'a>(&'a str);

impl VisitorMut for OwnCatalog<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name: ObjectName(parts), .. } = factor
            && let [ObjectNamePart::Identifier(catalog), _, _] = parts.as_mut_slice()
        {
            *catalog = Ident::with_quote('`', self.0);
        }
        ControlFlow::Continue(())
    }
}
