//! Which columns of a plan are of the type `char(n)`: those that pass on, as they are, what a table declares
//! so. The fields of a plan's schema do not tell it.

use crate::functions::padding::char_padded;
use crate::table::MooringTable;
use datafusion::common::{Column, DFSchemaRef, JoinType, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, TableScan};
use mooring_spi::padded_length;
use std::sync::Arc;

/// The n of each `char(n)` among the columns of a plan.
pub(super) type Lengths = Vec<Option<usize>>;

/// What an expression may name.
pub(super) struct Scope<'a> {
    /// Of the inputs.
    pub columns: Vec<(DFSchemaRef, Lengths)>,
    /// What a subquery may name besides.
    pub outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn of_column(&self, column: &Column) -> Option<usize> {
        self.find(column).flatten()
    }

    fn of_outer_column(&self, column: &Column) -> Option<usize> {
        let mut scope = self.outer;
        while let Some(outer) = scope {
            if let Some(length) = outer.find(column) {
                return length;
            }
            scope = outer.outer;
        }
        None
    }

    fn find(&self, column: &Column) -> Option<Option<usize>> {
        let in_input = |(schema, lengths): &(DFSchemaRef, Lengths)| {
            lengths.get(schema.maybe_index_of_column(column)?).copied()
        };
        self.columns.iter().find_map(in_input)
    }

    /// The n of an expression that is such a column and no more.
    pub fn length_of(&self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::OuterReferenceColumn(_, column) => self.of_outer_column(column),
            expr => length_of(expr, &|column| self.of_column(column)),
        }
    }
}

/// The n of an expression over the columns of `plan`'s inputs.
pub(crate) fn char_length(expr: &Expr, plan: &LogicalPlan) -> Option<usize> {
    let of_column = |column: &Column| {
        plan.inputs().into_iter().find_map(|input| {
            let index = input.schema().maybe_index_of_column(column)?;
            Some(column_length(input, index))
        })
    };
    length_of(expr, &|column| of_column(column).flatten())
}

/// The n of a column of `plan`, by its place.
pub(crate) fn column_length(plan: &LogicalPlan, index: usize) -> Option<usize> {
    let of_input = |input: usize, index: usize| {
        let inputs = plan.inputs();
        inputs.get(input).and_then(|input| column_length(input, index))
    };
    passed_on(plan, &group_keys(plan), index, &of_input)
}

/// Those of all columns of `plan`, from what is known of its inputs.
pub(super) fn output_lengths(plan: &LogicalPlan, inputs: &[(DFSchemaRef, Lengths)]) -> Lengths {
    let of_input = |input: usize, index: usize| {
        inputs.get(input).and_then(|(_, lengths)| lengths.get(index).copied().flatten())
    };
    let keys = group_keys(plan);
    let fields = plan.schema().fields();
    (0..fields.len()).map(|index| passed_on(plan, &keys, index, &of_input)).collect()
}

/// The first columns of an aggregate; none of another plan.
fn group_keys(plan: &LogicalPlan) -> Vec<&Expr> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => {
            grouping_set_to_exprlist(&aggregate.group_expr).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// As [`column_length`], where `keys` are those of [`group_keys`], and `of_input` says it of an input's column,
/// both by their places.
fn passed_on(
    plan: &LogicalPlan,
    keys: &[&Expr],
    index: usize,
    of_input: &dyn Fn(usize, usize) -> Option<usize>,
) -> Option<usize> {
    let of_expr = |expr: &Expr, input: &Arc<LogicalPlan>| {
        let schema = input.schema();
        length_of(expr, &|column| of_input(0, schema.maybe_index_of_column(column)?))
    };
    match plan {
        LogicalPlan::TableScan(scan) => declared_length(scan, index),
        LogicalPlan::Projection(projection) => {
            of_expr(projection.expr.get(index)?, &projection.input)
        }
        LogicalPlan::Aggregate(aggregate) => of_expr(keys.get(index)?, &aggregate.input),
        LogicalPlan::Distinct(Distinct::On(distinct)) => {
            of_expr(distinct.select_expr.get(index)?, &distinct.input)
        }
        LogicalPlan::Unnest(unnest) => {
            let input = *unnest.dependency_indices.get(index)?;
            let is_unnested = unnest.list_type_columns.iter().any(|(list, _)| *list == input)
                || unnest.struct_type_columns.contains(&input);
            of_input(0, input).filter(|_| !is_unnested)
        }
        LogicalPlan::Join(join) => {
            let left = match join.join_type {
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => 0,
                JoinType::Inner
                | JoinType::Left
                | JoinType::Right
                | JoinType::Full
                | JoinType::LeftSemi
                | JoinType::LeftAnti
                | JoinType::LeftMark => join.left.schema().fields().len(),
            };
            match index.checked_sub(left) {
                None => of_input(0, index),
                Some(index) => of_input(1, index),
            }
        }
        LogicalPlan::Union(union) => {
            let first = of_input(0, index)?;
            let is_same = |input| of_input(input, index) == Some(first);
            (1..union.inputs.len()).all(is_same).then_some(first)
        }
        // What a window adds is beyond the columns of its input.
        LogicalPlan::Window(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(Distinct::All(_)) => of_input(0, index),
        // The rows of a recursion are not those that it begins with.
        _ => None,
    }
}

fn length_of(expr: &Expr, of_column: &dyn Fn(&Column) -> Option<usize>) -> Option<usize> {
    match expr {
        Expr::Column(column) => of_column(column),
        Expr::Alias(alias) => length_of(&alias.expr, of_column),
        Expr::ScalarSubquery(subquery) => column_length(&subquery.subquery, 0),
        Expr::ScalarFunction(call) if call.func == char_padded() => match call.args.get(1)? {
            Expr::Literal(ScalarValue::Int64(Some(length)), _) => usize::try_from(*length).ok(),
            _ => None,
        },
        _ => None,
    }
}

fn declared_length(scan: &TableScan, index: usize) -> Option<usize> {
    let source = source_as_provider(&scan.source).ok()?;
    let table = source.downcast_ref::<MooringTable>()?;
    let column = match &scan.projection {
        Some(projection) => *projection.get(index)?,
        None => index,
    };
    padded_length(table.table.schema.fields().get(column)?)
}
