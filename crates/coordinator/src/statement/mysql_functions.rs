//! Functions that DataFusion has under MySQL's names with another meaning: each gets MySQL's, or is
//! refused by name; it never answers something else. Also forms of MySQL that are other expressions
//! in DataFusion (`IF`, `ISNULL`, `CONVERT`).
//!
//! Meanings: MySQL 8.0 Reference Manual, chapter 14 "Functions and Operators".

use super::counted_conditions::counted;
use mooring_spi::{Error, Result};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CharacterLength, DataType, DateTimeField, ExactNumberInfo,
    Expr, ExtractSyntax, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, UnaryOperator, Value,
};

/// Puts MySQL's meaning into one expression, whose parts have theirs already.
///
/// # Errors
/// `Unsupported` for what would mean something else.
pub(super) fn with_mysql_meaning(expr: &mut Expr) -> Result<()> {
    match expr {
        Expr::Function(function) => {
            if let Some(other) = meaning(function)? {
                *expr = other;
            }
        }
        Expr::Substring { expr: text, substring_from: Some(from), substring_for, .. }
            if !is_position(from) =>
        {
            let mut arguments = vec![(**text).clone(), (**from).clone()];
            arguments.extend(substring_for.as_deref().cloned());
            *expr = call(SUBSTRING, arguments);
        }
        Expr::Convert { expr: inner, data_type, charset, .. } => {
            *expr = converted((**inner).clone(), data_type.take(), charset.take())?;
            with_length(expr)?;
        }
        Expr::Cast { .. } => with_length(expr)?,
        Expr::Extract { field, .. } => check_field(field)?,
        Expr::BinaryOp { left, op: BinaryOperator::Modulo, right } if !is_position(right) => {
            *expr = remainder(left, right);
        }
        // Of unsigned 64 bits in MySQL.
        Expr::BinaryOp {
            op:
                operator @ (BinaryOperator::PGBitwiseShiftLeft
                | BinaryOperator::PGBitwiseShiftRight
                | BinaryOperator::BitwiseXor),
            ..
        } => return Err(refused(&operator.to_string(), "it would mean something else here")),
        _ => {}
    }
    Ok(())
}

const SUBSTRING: &str = "substring_by_position";
const FINITE: &str = "finite_or_null";

/// What the call means, where that is not what its name and arguments mean to DataFusion.
fn meaning(function: &mut Function) -> Result<Option<Expr>> {
    let Some(name) = plain_name(function) else {
        return Ok(None);
    };
    match name.as_str() {
        // Null when any argument is.
        "concat" => rename(function, "strict_concat"),
        "greatest" => rename(function, "strict_greatest"),
        "least" => rename(function, "strict_least"),
        // Of bytes, not characters.
        "length" => rename(function, "byte_length"),
        // Of the population, not of a sample.
        "std" | "stddev" => rename(function, "stddev_pop"),
        "variance" => rename(function, "var_pop"),
        "repeat" => rename(function, "bounded_repeat"),
        "lpad" => rename(function, "bounded_lpad"),
        "rpad" => rename(function, "bounded_rpad"),
        "ceiling" => rename(function, "ceil"),
        "year" | "quarter" | "month" | "day" | "dayofmonth" | "hour" | "minute" | "second" => {
            return Ok(part_of_moment(function, &name));
        }
        "date" => {
            if let Some([moment]) = arguments(function).as_deref() {
                return Ok(Some(cast_to(moment.clone(), DataType::Date)));
            }
        }
        "mod" => {
            if let Some([dividend, divisor]) = arguments(function).as_deref() {
                return Ok(Some(Expr::Nested(Box::new(remainder(dividend, divisor)))));
            }
        }
        "sum" | "avg" => counted(function),
        "locate" => {
            if let Some([part, text]) = arguments(function).as_deref() {
                return Ok(Some(call("strpos", vec![text.clone(), part.clone()])));
            }
        }
        "space" => {
            if let Some([count]) = arguments(function).as_deref() {
                let space = Expr::value(Value::SingleQuotedString(" ".to_owned()));
                return Ok(Some(call("bounded_repeat", vec![space, count.clone()])));
            }
        }
        "lcase" => rename(function, "lower"),
        "ucase" => rename(function, "upper"),
        "date_format" | "from_unixtime" | "to_char" | "regexp_instr" => {
            return Err(refused(&name, "it would mean something else here"));
        }
        "log" | "ln" | "log2" | "log10" | "acos" | "asin" => {
            if name == "log" && arguments(function).is_some_and(|list| list.len() == 1) {
                rename(function, "ln");
            }
            return Ok(Some(call(FINITE, vec![Expr::Function(function.clone())])));
        }
        "regexp_replace" => return all_matches(function).map(|()| None),
        "substr" | "substring" | "mid" => return Ok(substring(function)),
        "left" | "right" => return check_count(function, &name).map(|()| None),
        "ascii" => return Err(refused(&name, "it would answer a code point, not a byte")),
        "if" => return conditional(function).map(Some),
        "isnull" => {
            if let Some([argument]) = arguments(function).as_deref() {
                return Ok(Some(Expr::Nested(Box::new(Expr::IsNull(Box::new(argument.clone()))))));
            }
        }
        _ => {}
    }
    Ok(None)
}

/// The name of a function that is not qualified, in lower case.
fn plain_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name.value.to_ascii_lowercase()),
        _ => None,
    }
}

fn rename(function: &mut Function, name: &str) {
    function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]);
}

/// The arguments of an ordinary call.
fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    let argument = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(argument).collect()
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(argument).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// MySQL replaces every match, DataFusion the first one unless told otherwise.
fn all_matches(function: &mut Function) -> Result<()> {
    let FunctionArguments::List(list) = &mut function.args else {
        return Ok(());
    };
    match list.args.len() {
        3 => {
            let all = Expr::value(Value::SingleQuotedString("g".to_owned()));
            list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(all)));
            Ok(())
        }
        _ => Err(refused("regexp_replace", "it is supported with three arguments only")),
    }
}

/// DataFusion's own function is right, and faster, from a position that is known to be in the text
/// or behind it.
fn substring(function: &mut Function) -> Option<Expr> {
    let list = arguments(function)?;
    match list.get(1) {
        Some(position) if !is_position(position) => Some(call(SUBSTRING, list)),
        _ => {
            rename(function, "substr");
            None
        }
    }
}

/// Whether it is a number above 0.
fn is_position(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(&value.value,
        Value::Number(digits, _) if digits.parse::<u32>().is_ok_and(|number| number > 0)))
}

/// A count below 0 means nothing in MySQL; in DataFusion it counts from the other end.
fn check_count(function: &Function, name: &str) -> Result<()> {
    match arguments(function).as_deref() {
        Some([_, Expr::UnaryOp { op: UnaryOperator::Minus, .. }]) => {
            Err(refused(name, "a count below 0 would mean something else here"))
        }
        _ => Ok(()),
    }
}

/// `IF(condition, yes, no)`.
fn conditional(function: &Function) -> Result<Expr> {
    let list = arguments(function).unwrap_or_default();
    let [condition, result, otherwise] = list.as_slice() else {
        return Err(Error::new(
            mooring_spi::ErrorKind::InvalidQuery,
            "`IF` takes a condition and two values",
        ));
    };
    Ok(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: condition.clone(), result: result.clone() }],
        else_result: Some(Box::new(otherwise.clone())),
    })
}

/// `CONVERT(x USING charset)` and `CONVERT(x, type)`.
fn converted(expr: Expr, data_type: Option<DataType>, charset: Option<ObjectName>) -> Result<Expr> {
    if let Some(charset) = charset {
        let name = charset.to_string().to_ascii_lowercase();
        let is_text = ["utf8mb4", "utf8mb3", "utf8"].contains(&name.as_str());
        if !is_text {
            return Err(Error::unsupported(format!(
                "`CONVERT` to the character set `{name}` is not supported; everything is `utf8mb4`"
            )));
        }
    }
    Ok(cast_to(expr, data_type.unwrap_or(DataType::Char(None))))
}

fn cast_to(expr: Expr, data_type: DataType) -> Expr {
    let kind = CastKind::Cast;
    Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }
}

/// Null for a divisor of zero; DataFusion's is an error.
fn remainder(dividend: &Expr, divisor: &Expr) -> Expr {
    let zero = Expr::value(Value::Number("0".to_owned(), false));
    Expr::BinaryOp {
        left: Box::new(dividend.clone()),
        op: BinaryOperator::Modulo,
        right: Box::new(call("nullif", vec![divisor.clone(), zero])),
    }
}

/// `YEAR(x)` is `EXTRACT(YEAR FROM x)`.
fn part_of_moment(function: &Function, name: &str) -> Option<Expr> {
    let list = arguments(function)?;
    let [moment] = list.as_slice() else {
        return None;
    };
    let field = match name {
        "year" => DateTimeField::Year,
        "quarter" => DateTimeField::Quarter,
        "month" => DateTimeField::Month,
        "hour" => DateTimeField::Hour,
        "minute" => DateTimeField::Minute,
        "second" => DateTimeField::Second,
        _ => DateTimeField::Day,
    };
    let syntax = ExtractSyntax::From;
    Some(Expr::Extract { field, syntax, expr: Box::new(moment.clone()) })
}

/// A cast to so many characters cuts the rest off, and one to a decimal has no fraction unless it says
/// so. DataFusion takes no notice of the first, and has ten digits for the second.
fn with_length(expr: &mut Expr) -> Result<()> {
    let Expr::Cast { data_type, .. } = expr else {
        return Ok(());
    };
    match data_type {
        DataType::Decimal(size) | DataType::Numeric(size) | DataType::Dec(size) => match *size {
            ExactNumberInfo::None => *size = ExactNumberInfo::PrecisionAndScale(10, 0),
            ExactNumberInfo::Precision(precision) => {
                *size = ExactNumberInfo::PrecisionAndScale(precision, 0);
            }
            ExactNumberInfo::PrecisionAndScale(..) => {}
        },
        DataType::Char(length)
        | DataType::Character(length)
        | DataType::Varchar(length)
        | DataType::CharVarying(length)
        | DataType::CharacterVarying(length) => {
            if let Some(CharacterLength::IntegerLength { length: count, .. }) = length.take() {
                let number = |text: String| Expr::value(Value::Number(text, false));
                let first = number("1".to_owned());
                *expr = call(SUBSTRING, vec![expr.clone(), first, number(count.to_string())]);
            }
        }
        DataType::Binary(Some(_)) | DataType::Varbinary(Some(_)) => {
            return Err(refused("CAST(... AS BINARY(n))", "the length would mean nothing here"));
        }
        _ => {}
    }
    Ok(())
}

/// Weeks begin elsewhere in MySQL, and its microseconds are without the seconds.
fn check_field(field: &DateTimeField) -> Result<()> {
    match field {
        DateTimeField::Week(_) | DateTimeField::Weeks | DateTimeField::Microsecond => {
            Err(refused(&format!("EXTRACT({field} ...)"), "it would mean something else here"))
        }
        _ => Ok(()),
    }
}

fn refused(what: &str, why: &str) -> Error {
    Error::unsupported(format!("`{what}` is not supported: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};
    use mooring_spi::ErrorKind;

    fn normal(sql: &str) -> String {
        match parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
            Statement::Query(query) => query.query.to_string(),
            other => panic!("no query: {other:?}"),
        }
    }

    #[test]
    fn names_stand_for_what_mysql_means() {
        for (sql, expected) in [
            ("SELECT CONCAT(a, length(b))", "SELECT strict_concat(a, byte_length(b))"),
            ("SELECT stddev(a) OVER (ORDER BY b)", "SELECT stddev_pop(a) OVER (ORDER BY b)"),
            ("SELECT log(log(a, b))", "SELECT finite_or_null(ln(finite_or_null(log(a, b))))"),
            ("SELECT if(a = 1, 'x', 'y')", "SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END"),
            ("SELECT isnull(a)", "SELECT (a IS NULL)"),
            ("SELECT CONVERT(a USING utf8mb4)", "SELECT CAST(a AS CHAR)"),
            ("SELECT regexp_replace(a, 'b', 'c')", "SELECT regexp_replace(a, 'b', 'c', 'g')"),
            ("SELECT mid(a, 2, 3)", "SELECT substr(a, 2, 3)"),
            ("SELECT a % 3, a % b", "SELECT a % 3, a % nullif(b, 0)"),
            ("SELECT year(a)", "SELECT EXTRACT(YEAR FROM a)"),
            ("SELECT CAST(a AS DECIMAL)", "SELECT CAST(a AS DECIMAL(10,0))"),
            ("SELECT CONVERT(a, DECIMAL(5))", "SELECT CAST(a AS DECIMAL(5,0))"),
            ("SELECT CAST(a AS CHAR(2))", "SELECT substring_by_position(CAST(a AS CHAR), 1, 2)"),
            ("SELECT CAST(a AS VARCHAR)", "SELECT CAST(a AS VARCHAR)"),
            ("SELECT substring(a FROM -2)", "SELECT substring_by_position(a, -2)"),
            ("SELECT substring(a, b, 3)", "SELECT substring_by_position(a, b, 3)"),
        ] {
            assert_eq!(normal(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_would_mean_something_else_is_refused_by_name() {
        for (sql, name) in [
            ("SELECT date_format(a, '%Y')", "date_format"),
            ("SELECT from_unixtime(a)", "from_unixtime"),
            ("SELECT ascii('x')", "ascii"),
            ("SELECT left(a, -1)", "left"),
            ("SELECT EXTRACT(WEEK FROM a)", "WEEK"),
            ("SELECT regexp_replace(a, 'b', 'c', 2)", "regexp_replace"),
            ("SELECT CONVERT(a USING latin1)", "latin1"),
            ("SELECT CAST(a AS BINARY(3))", "BINARY"),
            ("SELECT a << 3", "<<"),
        ] {
            let error = parse(sql).expect_err(sql);
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}");
            assert!(error.message().contains(name), "{error}");
        }
    }
}
