//! Functions of the relational language among DataFusion's and our own. A call that is not named here stays: so
//! what is not the same each time never crosses.

use super::expressions::{Scope, call, concat, expression, type_of};
use super::{Translated, refused};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use mooring_spi::{Expression, ExpressionKind, Function, Value};

pub(super) fn scalar_function(
    expr: &Expr,
    function: &ScalarFunction,
    scope: Scope<'_>,
) -> Translated<Expression> {
    let name = function.func.name();
    let crosses = matches!(
        name,
        "checked_add"
            | "checked_subtract"
            | "checked_multiply"
            | "maybe_null"
            | "coalesce"
            | "abs"
            | "character_length"
            | "substring_by_position"
            | "substr"
            | "strict_concat"
            | "date_part"
    );
    if !crosses {
        return refused(format!("function `{name}`"));
    }
    let mut arguments = Vec::with_capacity(function.args.len());
    for argument in &function.args {
        arguments.push(expression(argument, scope)?);
    }
    match name {
        "checked_add" => checked(Function::Add, arguments),
        "checked_subtract" => checked(Function::Subtract, arguments),
        "checked_multiply" => checked(Function::Multiply, arguments),
        "maybe_null" => only_argument(arguments),
        "coalesce" => first_value(arguments),
        "abs" => absolute(only_argument(arguments)?),
        "character_length" => character_length(only_argument(arguments)?, type_of(expr, scope)?),
        // The first is MySQL's, the other DataFusion's for a place that is known to be 1 or more.
        "substring_by_position" | "substr" => substring(arguments),
        "strict_concat" => concat(arguments),
        _ => date_part(arguments, type_of(expr, scope)?),
    }
}

fn only_argument(arguments: Vec<Expression>) -> Translated<Expression> {
    match <[Expression; 1]>::try_from(arguments) {
        Ok([argument]) => Ok(argument),
        Err(arguments) => refused(format!("a function of {} arguments", arguments.len())),
    }
}

fn checked(function: Function, arguments: Vec<Expression>) -> Translated<Expression> {
    match arguments.iter().find(|argument| argument.data_type != DataType::Int64) {
        None => Ok(call(function, arguments, DataType::Int64)),
        // An overflow of theirs is none in sources that compute with 64 bits.
        Some(other) => refused(format!("arithmetic of {}", other.data_type)),
    }
}

fn first_value(arguments: Vec<Expression>) -> Translated<Expression> {
    let Some(first) = arguments.first() else { return refused("`coalesce` of nothing") };
    let data_type = first.data_type.clone();
    match arguments.iter().find(|argument| argument.data_type != data_type) {
        None => Ok(call(Function::Coalesce, arguments, data_type)),
        Some(other) => refused(format!("{data_type} beside {}", other.data_type)),
    }
}

fn absolute(operand: Expression) -> Translated<Expression> {
    match operand.data_type.clone() {
        data_type @ (DataType::Int64 | DataType::Float64 | DataType::Decimal128(..)) => {
            Ok(call(Function::Absolute, vec![operand], data_type))
        }
        other => refused(format!("`abs` of {other}")),
    }
}

fn character_length(text: Expression, data_type: DataType) -> Translated<Expression> {
    match text.data_type == DataType::Utf8 {
        true => Ok(call(Function::CharacterLength, vec![text], data_type)),
        false => refused(format!("the length of {}", text.data_type)),
    }
}

fn substring(arguments: Vec<Expression>) -> Translated<Expression> {
    let counts = |argument: &Expression| {
        matches!(argument.kind, ExpressionKind::Literal(Value::Int(1..)))
            && argument.data_type == DataType::Int64
    };
    match arguments.as_slice() {
        [text, numbers @ ..]
            if text.data_type == DataType::Utf8
                && matches!(numbers.len(), 1 | 2)
                && numbers.iter().all(counts) =>
        {
            Ok(call(Function::Substring, arguments, DataType::Utf8))
        }
        // Sources differ in what 0 and negative numbers mean.
        _ => refused("`substring` of a place or a length that is no literal of 1 and more"),
    }
}

fn date_part(mut arguments: Vec<Expression>, data_type: DataType) -> Translated<Expression> {
    let (Some(moment), Some(part)) = (arguments.pop(), arguments.pop()) else {
        return refused("`date_part` of nothing");
    };
    let ExpressionKind::Literal(Value::Text(part)) = part.kind else {
        return refused("`date_part` of a part that is no literal");
    };
    let function = match part.to_ascii_lowercase().as_str() {
        "year" => Function::Year,
        "month" => Function::Month,
        "day" => Function::Day,
        other => return refused(format!("`date_part` of {other}")),
    };
    match moment.data_type {
        DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, None) => {
            Ok(call(function, vec![moment], data_type))
        }
        other => refused(format!("`date_part` of {other}")),
    }
}
