//! Aggregates and window functions in the relational language.

use super::expressions::{Scope, expression, type_of};
use super::{Translated, refused};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::expr::{Sort, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};
use mooring_spi::{Aggregate, AggregateFunction, SortKey, WindowCall, WindowFunction};

fn without_alias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => without_alias(&alias.expr),
        other => other,
    }
}

pub(super) fn aggregate(expr: &Expr, scope: Scope<'_>) -> Translated<Aggregate> {
    let Expr::AggregateFunction(call) = without_alias(expr) else {
        return refused("an expression over aggregates");
    };
    if !call.params.order_by.is_empty() || call.params.null_treatment.is_some() {
        return refused(format!("`{}` in an order", call.func.name()));
    }
    let filter = call.params.filter.as_deref().map(|filter| expression(filter, scope));
    let call = Call {
        name: call.func.name(),
        arguments: &call.params.args,
        distinct: call.params.distinct,
        data_type: type_of(expr, scope)?,
    };
    Ok(Aggregate { filter: filter.transpose()?, ..call.aggregate(scope)? })
}

/// What an aggregate and one over a window have in common.
struct Call<'a> {
    name: &'a str,
    arguments: &'a [Expr],
    distinct: bool,
    data_type: DataType,
}

impl Call<'_> {
    fn aggregate(self, scope: Scope<'_>) -> Translated<Aggregate> {
        let Self { name, arguments, mut distinct, data_type } = self;
        let [argument] = arguments else {
            return refused(format!("`{name}` of {} arguments", arguments.len()));
        };
        let function = match name {
            "count" => AggregateFunction::Count,
            "sum" => AggregateFunction::Sum,
            "min" => AggregateFunction::Min,
            "max" => AggregateFunction::Max,
            _ => return refused(format!("`{name}`")),
        };
        let argument = match (function, argument) {
            // `count(*)`
            (AggregateFunction::Count, Expr::Literal(value, _))
                if !value.is_null() && !distinct =>
            {
                None
            }
            _ => Some(expression(argument, scope)?),
        };
        match (function, argument.as_ref().map(|argument| &argument.data_type)) {
            (AggregateFunction::Sum, Some(DataType::Decimal128(..)))
            | (AggregateFunction::Count, _) => {}
            (AggregateFunction::Sum, Some(DataType::Float32 | DataType::Float64)) => {
                return refused("a sum of doubles depends on the order of rows");
            }
            (AggregateFunction::Sum, Some(other)) => return refused(format!("a sum of {other}")),
            (AggregateFunction::Sum, None) => return refused("a sum of nothing"),
            (AggregateFunction::Min | AggregateFunction::Max, _) => distinct = false,
        }
        Ok(Aggregate { function, argument, distinct, filter: None, data_type })
    }
}

pub(super) fn sort_keys(order: &[Sort], scope: Scope<'_>) -> Translated<Vec<SortKey>> {
    let mut keys = Vec::with_capacity(order.len());
    for sort in order {
        keys.push(SortKey {
            expression: expression(&sort.expr, scope)?,
            descending: !sort.asc,
            nulls_first: sort.nulls_first,
        });
    }
    Ok(keys)
}

pub(super) fn window_call(expr: &Expr, scope: Scope<'_>) -> Translated<WindowCall> {
    let Expr::WindowFunction(window) = without_alias(expr) else {
        return refused("an expression over windows");
    };
    let params = &window.params;
    if params.filter.is_some() || params.null_treatment.is_some() || params.distinct {
        return refused("a window function of some rows");
    }
    let data_type = type_of(expr, scope)?;
    let function = match &window.fun {
        WindowFunctionDefinition::WindowUDF(function) => match function.name() {
            "row_number" => WindowFunction::RowNumber,
            "rank" => WindowFunction::Rank,
            "dense_rank" => WindowFunction::DenseRank,
            other => return refused(format!("window function `{other}`")),
        },
        WindowFunctionDefinition::AggregateUDF(function) => {
            if !is_default_frame(params) {
                return refused("a window with a frame");
            }
            let (name, arguments) = (function.name(), params.args.as_slice());
            let call = Call { name, arguments, distinct: false, data_type: data_type.clone() };
            WindowFunction::Aggregate(call.aggregate(scope)?)
        }
    };
    let mut partition_by = Vec::with_capacity(params.partition_by.len());
    for key in &params.partition_by {
        partition_by.push(expression(key, scope)?);
    }
    let order_by = sort_keys(&params.order_by, scope)?;
    Ok(WindowCall { function, partition_by, order_by, data_type })
}

/// As the relational language has it: all rows without an order, else those up to the last peer.
fn is_default_frame(params: &WindowFunctionParams) -> bool {
    let frame = &params.window_frame;
    let from_the_start = frame.start_bound.is_unbounded()
        && matches!(frame.start_bound, WindowFrameBound::Preceding(_));
    let to_the_end =
        frame.end_bound.is_unbounded() && matches!(frame.end_bound, WindowFrameBound::Following(_));
    let to_the_last_peer = frame.units == WindowFrameUnits::Range
        && matches!(frame.end_bound, WindowFrameBound::CurrentRow);
    from_the_start
        && match params.order_by.is_empty() {
            true => to_the_end || to_the_last_peer,
            false => to_the_last_peer,
        }
}
