//! The functions of views that are read: those that mean the same in their dialect and here, some under
//! another name.

use super::clauses::refused;
use mooring_spi::{Result, ViewDialect};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    CaseWhen, DateTimeField, DuplicateTreatment, Expr, ExtractSyntax, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Value,
};

/// What the call is here, `None` where it stays a call.
///
/// # Errors
/// `Unsupported`, naming the function, for any other.
pub(super) fn translate(function: &mut Function, dialect: ViewDialect) -> Result<Option<Expr>> {
    let name = plain_name(function).ok_or_else(|| refused(&*function))?;
    let hives = dialect != ViewDialect::Presto;
    let call = Call::of(function).ok_or_else(|| refused(&*function))?;
    let distinct = call.distinct;
    let here = match (name.as_str(), call.arguments.as_slice()) {
        ("count", []) if call.wildcard && !distinct => "count",
        ("count" | "min" | "max", [_]) => return renamed(function, &name),
        ("sum" | "avg", [_]) if !distinct => return renamed(function, &name),
        (_, _) if distinct || call.wildcard => return Err(refused(&*function)),
        ("lower" | "upper" | "abs", [_]) | ("nullif", [_, _]) | ("coalesce", [_, ..]) => {
            return renamed(function, &name);
        }
        ("lcase", [_]) if hives => "lower",
        ("ucase", [_]) if hives => "upper",
        ("nvl" | "ifnull", [_, _]) if hives => "coalesce",
        ("length" | "char_length" | "character_length", [_]) => "character_length",
        // Null where an argument is.
        ("concat", [_, _, ..]) => "strict_concat",
        ("substr" | "substring", [_, from]) if is_position(from) => "substr",
        ("substr" | "substring", [_, from, length]) if is_position(from) && is_position(length) => {
            "substr"
        }
        ("year", [moment]) => return Ok(Some(part(DateTimeField::Year, moment))),
        ("month", [moment]) => return Ok(Some(part(DateTimeField::Month, moment))),
        ("day", [moment]) => return Ok(Some(part(DateTimeField::Day, moment))),
        ("dayofmonth", [moment]) if hives => return Ok(Some(part(DateTimeField::Day, moment))),
        ("if", [condition, result, otherwise @ ..]) if otherwise.len() <= 1 => {
            return Ok(Some(conditional(condition, result, otherwise.first())));
        }
        _ => return Err(refused(&*function)),
    };
    renamed(function, here)
}

/// An ordinary call.
struct Call {
    arguments: Vec<Expr>,
    /// `*` for its only argument.
    wildcard: bool,
    distinct: bool,
}

impl Call {
    /// `None` for a call with any clause beside its arguments: of windows, filters and the like.
    fn of(function: &Function) -> Option<Self> {
        let Function {
            name: _,
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::List(list),
            filter: None,
            null_treatment: None,
            over: None,
            within_group,
        } = function
        else {
            return None;
        };
        if !within_group.is_empty() || !list.clauses.is_empty() {
            return None;
        }
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        if let [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] = list.args.as_slice() {
            return Some(Self { arguments: Vec::new(), wildcard: true, distinct });
        }
        let argument = |argument: &FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        };
        let arguments = list.args.iter().map(argument).collect::<Option<_>>()?;
        Some(Self { arguments, wildcard: false, distinct })
    }
}

fn plain_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name.value.to_ascii_lowercase()),
        _ => None,
    }
}

fn renamed(function: &mut Function, name: &str) -> Result<Option<Expr>> {
    function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]);
    Ok(None)
}

fn part(field: DateTimeField, moment: &Expr) -> Expr {
    Expr::Extract { field, syntax: ExtractSyntax::From, expr: Box::new(moment.clone()) }
}

fn conditional(condition: &Expr, result: &Expr, otherwise: Option<&Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: condition.clone(), result: result.clone() }],
        else_result: otherwise.cloned().map(Box::new),
    }
}

/// Whether it is a number above 0: other positions and lengths mean several things.
pub(super) fn is_position(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(&value.value,
        Value::Number(digits, _) if digits.parse::<u32>().is_ok_and(|number| number > 0)))
}
