//! The query of a view in the place of its name.

use super::{View, ViewName, ViewPlans};
use crate::error::to_datafusion;
use crate::table::MooringTable;
use crate::views::types::widens;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, Result, internal_err};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use mooring_spi::{Error, ErrorKind, ViewColumns, fold};
use std::cell::Cell;

/// How many relations a statement may have once each view stands for its query, as for common table
/// expressions in `identifiers/relations.rs`.
const RELATIONS_MAX: usize = 1_000;

/// Puts the plans of views in the places of their scans.
///
/// # Errors
/// `Unsupported` beyond [`RELATIONS_MAX`].
pub(crate) fn inline(plan: LogicalPlan, plans: &ViewPlans) -> Result<LogicalPlan> {
    if plans.is_empty() {
        return Ok(plan);
    }
    let changed = Cell::new(false);
    let plan = plan.transform_up_with_subqueries(|plan| {
        let plan = match plan {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                let view = provider
                    .downcast_ref::<MooringTable>()
                    .and_then(|table| plans.get(&ViewName::of(table)));
                let Some(view) = view else {
                    return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
                };
                if scan.projection.is_some() || !scan.filters.is_empty() || scan.fetch.is_some() {
                    return internal_err!("a view is optimized before it is known");
                }
                let view = LogicalPlanBuilder::new(view.clone()).alias(scan.table_name)?;
                Transformed::yes(view.build()?)
            }
            plan if changed.get() => Transformed::yes(plan.recompute_schema()?),
            plan => Transformed::no(plan),
        };
        changed.set(changed.get() || plan.transformed);
        Ok(plan)
    })?;
    check_relations(&plan.data)?;
    Ok(plan.data)
}

fn check_relations(plan: &LogicalPlan) -> Result<()> {
    let mut relations = 0;
    plan.apply_with_subqueries(|plan| {
        relations += usize::from(plan.inputs().is_empty());
        Ok(match relations > RELATIONS_MAX {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    match relations > RELATIONS_MAX {
        true => Err(to_datafusion(Error::unsupported(format!(
            "the statement reads more than {RELATIONS_MAX} tables, those of views counted at each \
             of their references"
        )))),
        false => Ok(()),
    }
}

/// `plan` with the names and types that the view's definition has.
///
/// # Errors
/// `InvalidQuery` where the tables have changed since, such that it has no such columns.
pub(super) fn as_declared(plan: LogicalPlan, view: &View) -> Result<LogicalPlan> {
    let places = places(&plan, view).map_err(to_datafusion)?;
    let mut columns = Vec::with_capacity(places.len());
    for (declared, place) in view.columns.fields().iter().zip(places) {
        let (qualifier, field) = plan.schema().qualified_field(place);
        let (from, to) = (field.data_type(), declared.data_type());
        if !widens(from, to) {
            return Err(to_datafusion(older(&format!(
                "column `{}` has the type {to} and its text gives {from}",
                declared.name()
            ))));
        }
        let column = Expr::Column(Column::from((qualifier, field)));
        columns.push(match from.equals_datatype(to) {
            true => column.alias(declared.name()),
            false => cast(column, to.clone()).alias(declared.name()),
        });
    }
    LogicalPlanBuilder::new(plan).project(columns)?.build()
}

fn older(how: &str) -> Error {
    let message = format!("its definition does not fit its tables (any more): {how}");
    Error::new(ErrorKind::InvalidQuery, message)
}

/// For each column of the definition the one of the query.
fn places(plan: &LogicalPlan, view: &View) -> mooring_spi::Result<Vec<usize>> {
    let found: Vec<String> =
        plan.schema().fields().iter().map(|field| fold(field.name())).collect();
    let declared = view.columns.fields();
    let same_count = || -> mooring_spi::Result<Vec<usize>> {
        match found.len() == declared.len() {
            true => Ok((0..found.len()).collect()),
            false => {
                let (found, declared) = (found.len(), declared.len());
                Err(older(&format!("it has {declared} columns and its text gives {found}")))
            }
        }
    };
    match &view.definition.columns_by {
        ViewColumns::Position => same_count(),
        ViewColumns::PositionAndName => {
            let places = same_count()?;
            for (declared, found) in declared.iter().zip(&found) {
                if fold(declared.name()) != *found {
                    let name = declared.name();
                    return Err(older(&format!("it has `{name}` where its text gives `{found}`")));
                }
            }
            Ok(places)
        }
        ViewColumns::Names(names) => {
            if names.len() != declared.len() {
                return Err(older("it has other columns than its query had"));
            }
            if let Some(places) = by_names(names, &found) {
                return Ok(places);
            }
            let places = same_count()?;
            for (place, name) in names.iter().map(|name| fold(name)).enumerate() {
                let found_at = found.iter().position(|found| *found == name);
                if found_at.is_some_and(|found_at| found_at != place) {
                    return Err(older(&format!("`{name}` stands in another place of its text")));
                }
            }
            Ok(places)
        }
    }
}

/// `None` where a name is not found: expressions without a name get one from each engine. A name that is
/// there twice means them in their order.
fn by_names(names: &[String], found: &[String]) -> Option<Vec<usize>> {
    let mut places: Vec<usize> = Vec::with_capacity(names.len());
    for name in names {
        let name = fold(name);
        let mut same = (0..found.len()).filter(|place| found.get(*place) == Some(&name));
        let place = same.find(|place| !places.contains(place))?;
        places.push(place);
    }
    Some(places)
}
