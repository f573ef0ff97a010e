//! Columns of the type `char(n)`, as Spark has them (Apache Spark, "Data Types", `CharType`): reading one gives n
//! characters, and where it is compared the shorter side is filled up with spaces. Two things are put into the
//! plan before anything else looks at it.
//!
//! A scan whose files may hold other values than these gets a projection that makes them, at once above it. So
//! whatever is pushed into the scan later (conditions, the order of a sort, filters of joins) names the function,
//! and is never held against statistics, page indexes or Bloom filters of what the file itself holds.
//!
//! What such a column is compared with has as many characters, or the column as many as that, so that spaces at
//! their ends do not count. A constant is changed, and the column left as it is, wherever that is possible: a
//! partition column can be pruned by then.

mod comparison;
mod lineage;

pub(crate) use lineage::{char_length, column_length};

use super::padding::char_padded;
use super::rewrite_node;
use crate::table::MooringTable;
use comparison::{Comparison, Operand};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{
    Expr, Join, JoinConstraint, LogicalPlan, Operator, Projection, TableScan, lit,
};
use datafusion::optimizer::AnalyzerRule;
use lineage::{Lengths, Scope, output_lengths};
use mooring_spi::{STORED_UNPADDED, padded_length};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct CharColumns;

impl AnalyzerRule for CharColumns {
    fn name(&self) -> &str {
        "char_columns"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        match reads_char_columns(&plan)? {
            true => without_trailing_spaces(plan, None, Step::AsWritten).map(|(plan, _)| plan.data),
            false => Ok(plan),
        }
    }
}

/// For casts that came with the types of functions' arguments, as in `date_part('year', c)`.
#[derive(Debug)]
pub(super) struct CharCasts;

impl AnalyzerRule for CharCasts {
    fn name(&self) -> &str {
        "char_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        match reads_char_columns(&plan)? {
            true => without_trailing_spaces(plan, None, Step::Coerced).map(|(plan, _)| plan.data),
            false => Ok(plan),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Values and comparisons change.
    AsWritten,
    /// Only casts do.
    Coerced,
}

fn reads_char_columns(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        if let LogicalPlan::TableScan(scan) = plan
            && let Some(table) = source_as_provider(&scan.source)?.downcast_ref::<MooringTable>()
        {
            let mut fields = table.table.schema.fields().iter();
            found |= fields.any(|field| padded_length(field).is_some());
        }
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

/// With values and comparisons as they should be, and the n of each `char(n)` among its columns.
fn without_trailing_spaces(
    plan: LogicalPlan,
    outer: Option<&Scope<'_>>,
    step: Step,
) -> Result<(Transformed<LogicalPlan>, Lengths)> {
    let mut here = Scope { columns: Vec::new(), outer };
    let plan = plan.map_children(|input| {
        // A subquery in a join is LATERAL, and may name what stands before it.
        let (input, lengths) = match is_subquery(&input) {
            true => without_trailing_spaces(input, Some(&here), step)?,
            false => without_trailing_spaces(input, outer, step)?,
        };
        here.columns.push((Arc::clone(input.data.schema()), lengths));
        Ok(input)
    })?;
    let plan = plan.transform_data(|plan| {
        plan.map_subqueries(|subquery| {
            without_trailing_spaces(subquery, Some(&here), step).map(|(subquery, _)| subquery)
        })
    })?;
    let plan = match plan.transformed {
        true => plan.map_data(LogicalPlan::recompute_schema)?,
        false => plan,
    };
    let plan = plan.transform_data(|plan| match (step, plan) {
        (Step::AsWritten, LogicalPlan::TableScan(scan)) => padded_scan(scan),
        (Step::AsWritten, LogicalPlan::Join(join)) => Ok(keys_without_trailing_spaces(join, &here)),
        (Step::AsWritten | Step::Coerced, plan) => Ok(Transformed::no(plan)),
    })?;
    let plan = plan.transform_data(|plan| {
        rewrite_node(plan, |expr, schema| match step {
            Step::AsWritten => comparison::rewrite(expr, schema, &here),
            Step::Coerced => Ok(comparison::rewrite_cast(expr, &here)),
        })
    })?;
    let lengths = match &plan.data {
        // Of a scan that has been padded just now.
        LogicalPlan::Projection(projection) if here.columns.is_empty() => {
            output_lengths(&projection.input, &[])
        }
        plan => output_lengths(plan, &here.columns),
    };
    Ok((plan, lengths))
}

fn is_subquery(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Subquery(_) => true,
        LogicalPlan::SubqueryAlias(alias) => is_subquery(&alias.input),
        _ => false,
    }
}

/// With the values of its columns as their types have them. The schema stays the same.
fn padded_scan(scan: TableScan) -> Result<Transformed<LogicalPlan>> {
    let source = source_as_provider(&scan.source)?;
    let Some(table) = source.downcast_ref::<MooringTable>() else {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
    };
    let mut is_padded = false;
    let columns = scan.projected_schema.iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::from((qualifier, field)));
        let declared = table.table.schema.field_with_name(field.name()).ok();
        let stored = declared.filter(|field| field.metadata().contains_key(STORED_UNPADDED));
        let length = stored.and_then(padded_length).and_then(|it| i64::try_from(it).ok());
        let Some(length) = length else { return column };
        is_padded = true;
        let padded = char_padded().call(vec![column, lit(length)]);
        padded.alias_qualified(qualifier.cloned(), field.name())
    });
    let columns: Vec<Expr> = columns.collect();
    let scan = LogicalPlan::TableScan(scan);
    match is_padded {
        true => {
            let projection = Projection::try_new(columns, Arc::new(scan))?;
            Ok(Transformed::yes(LogicalPlan::Projection(projection)))
        }
        false => Ok(Transformed::no(scan)),
    }
}

/// The pairs of a join `USING` columns, and of a set operation.
fn keys_without_trailing_spaces(mut join: Join, inputs: &Scope<'_>) -> Transformed<LogicalPlan> {
    let side = |place: usize| Scope {
        columns: inputs.columns.get(place).cloned().into_iter().collect(),
        outer: inputs.outer,
    };
    let (left_scope, right_scope) = (side(0), side(1));
    let mut changed = false;
    for (left, right) in &mut join.on {
        let compared = Comparison {
            left: &*left,
            left_is: Operand::of(left, join.left.schema(), &left_scope),
            op: Operator::Eq,
            right: &*right,
            right_is: Operand::of(right, join.right.schema(), &right_scope),
        };
        if let Some(agreed) = compared.without_trailing_spaces() {
            (*left, *right) = agreed;
            changed = true;
        }
    }
    match changed {
        true => {
            // The keys of `USING` are columns.
            join.join_constraint = JoinConstraint::On;
            Transformed::yes(LogicalPlan::Join(join))
        }
        false => Transformed::no(LogicalPlan::Join(join)),
    }
}

#[cfg(test)]
mod tests;
