//! Calls and casts of a view's query whose meaning depends on types, see `types`.

use super::expressions::is_date;
use super::types::{Family, all_same, comparable, family, of, unknown, widens};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, cast};
use mooring_spi::ViewDialect;

/// Averages of whole numbers are doubles but in MySQL; of decimals they have four digits more in Hive, Spark
/// and MySQL, and none in Presto.
pub(super) fn agree_aggregate(
    mut function: AggregateFunction,
    schema: &DFSchema,
    dialect: ViewDialect,
) -> Result<Transformed<Expr>> {
    let name = function.func.name().to_owned();
    let types: Vec<DataType> =
        function.params.args.iter().map(|arg| arg.get_type(schema)).collect::<Result<_>>()?;
    let numeric = types
        .iter()
        .all(|found| matches!(family(found), Family::Null | Family::Number | Family::Real));
    let known = match name.as_str() {
        "count" => true,
        "min" | "max" => types.iter().all(|found| family(found) != Family::Other),
        "sum" => numeric,
        "avg" if types.iter().any(DataType::is_decimal) => dialect != ViewDialect::Presto,
        "avg" => numeric,
        _ => false,
    };
    if !known {
        return Err(unknown(&Expr::AggregateFunction(function)));
    }
    if name == "avg"
        && let [argument] = function.params.args.as_mut_slice()
        && types.iter().all(DataType::is_integer)
    {
        *argument = cast(std::mem::take(argument), DataType::Float64);
        return Ok(Transformed::yes(Expr::AggregateFunction(function)));
    }
    Ok(Transformed::no(Expr::AggregateFunction(function)))
}

/// Texts of whole numbers and dates are the same everywhere, and what texts are numbers is not.
pub(super) fn cast_is_known(cast: &Cast, schema: &DFSchema, dialect: ViewDialect) -> Result<bool> {
    let (from, to) = (cast.expr.get_type(schema)?, cast.field.data_type());
    let literal_date = matches!(cast.expr.as_ref(),
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) if is_date(text));
    Ok(match (family(&from), family(to)) {
        (Family::Number, Family::Text) => {
            from.is_integer() || (from.is_decimal() && dialect == ViewDialect::Presto)
        }
        (Family::Date, Family::Text) => true,
        (Family::Text, Family::Date) => literal_date,
        (Family::Moment, Family::Date) => true,
        _ => widens(&from, to),
    })
}

/// As `functions` leaves them, and what the planner makes of `EXTRACT`, `TRIM` and fields of structs.
pub(super) fn function_is_known(function: &ScalarFunction, schema: &DFSchema) -> Result<bool> {
    let arguments = function.args.as_slice();
    match function.name() {
        "coalesce" => all_same(arguments, schema),
        "nullif" => match arguments {
            [one, two] => comparable(one, two, schema),
            _ => Ok(false),
        },
        "lower" | "upper" | "character_length" | "strict_concat" | "btrim" => {
            for argument in arguments {
                if !of(argument, schema, &[Family::Text])? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        "substr" => match arguments.first() {
            Some(text) => of(text, schema, &[Family::Text]),
            None => Ok(false),
        },
        "abs" => match arguments {
            [number] => of(number, schema, &[Family::Number, Family::Real]),
            _ => Ok(false),
        },
        "date_part" => match arguments {
            [_, moment] => of(moment, schema, &[Family::Date, Family::Moment]),
            _ => Ok(false),
        },
        "get_field" => Ok(true),
        _ => Ok(false),
    }
}
