//! An average of integers or decimals is their sum divided by their count, with four digits more
//! than they have, as in MySQL (MySQL 8.0 Reference Manual, sections 14.6.1 and 14.19.1).
//! DataFusion's cuts the last digit of a decimal, and of integers it is a double.

use super::divide::{INTEGER, PRECISION_MAX, SCALE_MORE, divide};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::{
    Aggregate, AggregateUDF, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Window,
    WindowFunctionDefinition, cast,
};
use std::sync::Arc;

/// Puts sums and counts in the place of the averages of one plan, and a projection above it.
pub(super) fn divide_sums(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let (functions, input) = match &plan {
        LogicalPlan::Aggregate(aggregate) => (&aggregate.aggr_expr, &aggregate.input),
        LogicalPlan::Window(window) => (&window.window_expr, &window.input),
        _ => return Ok(Transformed::no(plan)),
    };
    let averaged = |function| averaged(function, input.schema());
    if functions.iter().all(|function| averaged(function).is_none()) {
        return Ok(Transformed::no(plan));
    }
    let mut parts =
        Parts(functions.iter().filter(|one| averaged(one).is_none()).cloned().collect());
    let mut results = Vec::with_capacity(functions.len());
    let mut kept = 0;
    for function in functions {
        results.push(match averaged(function) {
            Some(average) => Answer::Quotient {
                sum: parts.place(average.part(&sum_udaf(), average.addend.clone())),
                count: parts.place(average.part(&count_udaf(), average.argument.clone())),
                precision: average.precision,
            },
            None => {
                kept += 1;
                Answer::Kept(kept - 1)
            }
        });
    }
    let before = plan.schema().clone();
    let count = parts.0.len();
    let plan = match plan {
        LogicalPlan::Aggregate(Aggregate { input, group_expr, .. }) => {
            LogicalPlan::Aggregate(Aggregate::try_new(input, group_expr, parts.0)?)
        }
        LogicalPlan::Window(Window { input, .. }) => {
            LogicalPlan::Window(Window::try_new(parts.0, input)?)
        }
        other => other,
    };
    let schema = plan.schema().clone();
    let first = schema.fields().len() - count;
    let column = |place: usize| Expr::Column(Column::from(schema.qualified_field(place)));
    let mut columns: Vec<Expr> = (0..first).map(column).collect();
    for (place, result) in results.into_iter().enumerate() {
        columns.push(match result {
            Answer::Kept(part) => column(first + part),
            Answer::Quotient { sum, count, precision } => {
                let (qualifier, field) = before.qualified_field(first + place);
                quotient(column(first + sum), column(first + count), precision, &schema)?
                    .alias_qualified(qualifier.cloned(), field.name())
            }
        });
    }
    LogicalPlanBuilder::from(plan).project(columns)?.build().map(Transformed::yes)
}

/// Where the answer of a function comes from: places among the parts.
enum Answer {
    Kept(usize),
    Quotient { sum: usize, count: usize, precision: u8 },
}

/// What is computed: the functions that stay, and sums and counts.
struct Parts(Vec<Expr>);

impl Parts {
    fn place(&mut self, part: Expr) -> usize {
        let same = |other: &Expr| without_alias(other) == &part;
        if let Some(place) = self.0.iter().position(same) {
            return place;
        }
        let place = self.0.len();
        self.0.push(part.alias(format!("__average_{place}")));
        place
    }
}

struct Average<'a> {
    function: &'a Expr,
    argument: Expr,
    /// The argument as a decimal.
    addend: Expr,
    /// The addend's.
    precision: u8,
}

/// `None` for what is no average of integers or decimals.
fn averaged<'a>(function: &'a Expr, schema: &DFSchema) -> Option<Average<'a>> {
    let function = without_alias(function);
    let (name, arguments) = match function {
        Expr::AggregateFunction(function) => (function.func.name(), &function.params.args),
        Expr::WindowFunction(function) => (function.fun.name(), &function.params.args),
        _ => return None,
    };
    let ("avg", [argument]) = (name, arguments.as_slice()) else {
        return None;
    };
    let (addend, precision) = match argument.get_type(schema).ok()? {
        DataType::Decimal128(precision, 0..) => (argument.clone(), precision),
        found if found.is_integer() => (cast(argument.clone(), INTEGER), 20),
        _ => return None,
    };
    Some(Average { function, argument: argument.clone(), addend, precision })
}

fn without_alias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => without_alias(&alias.expr),
        other => other,
    }
}

impl Average<'_> {
    /// The same call of another function: its window, filter and DISTINCT stay.
    fn part(&self, part: &Arc<AggregateUDF>, argument: Expr) -> Expr {
        let mut call = self.function.clone();
        match &mut call {
            Expr::AggregateFunction(function) => {
                function.func = part.clone();
                function.params.args = vec![argument];
            }
            Expr::WindowFunction(function) => {
                function.fun = WindowFunctionDefinition::AggregateUDF(part.clone());
                function.params.args = vec![argument];
            }
            _ => {}
        }
        call
    }
}

/// An average has no more whole digits than what it is of.
fn quotient(sum: Expr, count: Expr, precision: u8, schema: &DFSchema) -> Result<Expr> {
    let quotient = divide().call(vec![sum, cast(count, INTEGER)]);
    match quotient.get_type(schema)? {
        DataType::Decimal128(_, scale) => {
            let precision = (precision + SCALE_MORE.unsigned_abs()).min(PRECISION_MAX);
            Ok(cast(quotient, DataType::Decimal128(precision, scale)))
        }
        _ => Ok(quotient),
    }
}
