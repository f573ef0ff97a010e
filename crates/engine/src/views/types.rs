//! Operators of a view's query whose meaning depends on the types that they meet. Where the view's dialect and
//! ours differ the types are made such that they agree; what cannot be is refused by name.
//!
//! Our own rules (`functions/mysql_types.rs`) come later, over the whole statement. So what passes here is
//! what these leave as it is: numbers meet numbers and texts meet texts, quotients are of doubles.

use super::calls::{agree_aggregate, cast_is_known, function_is_known};
use super::characters;
use super::clauses::refused;
use super::expressions::is_date;
use crate::error::to_datafusion;
use crate::functions::rewrite_node;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{
    BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, Operator, cast,
};
use mooring_spi::ViewDialect;
use std::cell::Cell;

/// # Errors
/// `Unsupported`, naming the operator or function.
pub(super) fn agree(plan: LogicalPlan, dialect: ViewDialect) -> Result<LogicalPlan> {
    characters::check(&plan, dialect)?;
    let changed = Cell::new(false);
    plan.transform_up_with_subqueries(|plan| {
        check_node(&plan)?;
        let plan = match changed.get() {
            true => Transformed::yes(plan.recompute_schema()?),
            false => Transformed::no(plan),
        };
        let agreed = |expr: Expr, schema: &DFSchema| agree_expression(expr, schema, dialect);
        let plan = plan.transform_data(|plan| rewrite_node(plan, agreed))?;
        changed.set(changed.get() || plan.transformed);
        Ok(plan)
    })
    .map(|transformed| transformed.data)
}

/// Kinds of values; two kinds are compared in one way by Presto, in another by Hive, and in a third here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// The type of NULL alone.
    Null,
    Boolean,
    /// Whole numbers, decimals and doubles, which meet as doubles in all dialects.
    Number,
    /// 32 bits wide: others meet it with its own precision or with theirs.
    Real,
    Text,
    Bytes,
    Date,
    Moment,
    Instant,
    Other,
}

pub(super) fn family(data_type: &DataType) -> Family {
    match data_type {
        DataType::Null => Family::Null,
        DataType::Boolean => Family::Boolean,
        DataType::Float32 => Family::Real,
        DataType::Utf8 => Family::Text,
        DataType::Binary => Family::Bytes,
        DataType::Date32 => Family::Date,
        DataType::Timestamp(_, None) => Family::Moment,
        DataType::Timestamp(_, Some(_)) => Family::Instant,
        number if number.is_numeric() => Family::Number,
        _ => Family::Other,
    }
}

fn same(one: &DataType, two: &DataType) -> bool {
    match (family(one), family(two)) {
        (Family::Null, _) | (_, Family::Null) => true,
        (Family::Other, _) => one.equals_datatype(two),
        (one, two) => one == two,
    }
}

/// Whether values of `from` are values of `to` in all dialects, but for those that are too large. No
/// fraction becomes a whole number: some round and some cut.
pub(super) fn widens(from: &DataType, to: &DataType) -> bool {
    let fraction = |found: &DataType| match found {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale > 0,
        other => other.is_floating(),
    };
    match (family(from), family(to)) {
        (Family::Null, _) => true,
        (Family::Number | Family::Real, Family::Number | Family::Real) => {
            let rounded = to.is_floating() || !from.is_floating();
            let whole = to.is_integer() || matches!(to, DataType::Decimal128(_, 0));
            rounded && !(whole && fraction(from))
        }
        (Family::Other, _) => from.equals_datatype(to),
        (from, to) => from == to,
    }
}

/// What joins and unions bring together without an expression.
fn check_node(plan: &LogicalPlan) -> Result<()> {
    let meet = |one: &DataType, two: &DataType, what: &str| match same(one, two) {
        true => Ok(()),
        false => Err(to_datafusion(refused(format!("{what} of {one} and {two}")))),
    };
    match plan {
        LogicalPlan::Join(join) => {
            for (left, right) in &join.on {
                let left = left.get_type(join.left.schema())?;
                let right = right.get_type(join.right.schema())?;
                meet(&left, &right, "JOIN")?;
            }
            Ok(())
        }
        LogicalPlan::Union(union) => {
            let Some((first, others)) = union.inputs.split_first() else { return Ok(()) };
            for other in others {
                for (one, two) in first.schema().fields().iter().zip(other.schema().fields()) {
                    meet(one.data_type(), two.data_type(), "UNION")?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn agree_expression(
    expr: Expr,
    schema: &DFSchema,
    dialect: ViewDialect,
) -> Result<Transformed<Expr>> {
    let known = match &expr {
        Expr::BinaryExpr(binary) => return agree_operator(binary.clone(), schema, dialect),
        Expr::AggregateFunction(function) => {
            return agree_aggregate(function.clone(), schema, dialect);
        }
        Expr::Like(like) => {
            of(&like.expr, schema, &[Family::Text])? && of(&like.pattern, schema, &[Family::Text])?
        }
        Expr::Negative(inner) => of(inner, schema, &[Family::Number, Family::Real])?,
        Expr::Not(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner) => of(inner, schema, &[Family::Boolean])?,
        Expr::Between(between) => {
            comparable(&between.expr, &between.low, schema)?
                && comparable(&between.expr, &between.high, schema)?
        }
        Expr::InList(list) => {
            let mut all = true;
            for item in &list.list {
                all &= comparable(&list.expr, item, schema)?;
            }
            all
        }
        Expr::InSubquery(subquery) => {
            let found = subquery.subquery.subquery.schema();
            let first = found.fields().first().map(|field| field.data_type().clone());
            first.is_some_and(|first| {
                subquery.expr.get_type(schema).is_ok_and(|expr| same(&expr, &first))
            })
        }
        Expr::Case(case) => branches_agree(case, schema)?,
        Expr::Cast(cast) => cast_is_known(cast, schema, dialect)?,
        Expr::ScalarFunction(function) => function_is_known(function, schema)?,
        Expr::Column(_)
        | Expr::OuterReferenceColumn(..)
        | Expr::Literal(..)
        | Expr::Alias(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::Exists(_)
        | Expr::ScalarSubquery(_) => true,
        _ => false,
    };
    match known {
        true => Ok(Transformed::no(expr)),
        false => Err(unknown(&expr)),
    }
}

pub(super) fn unknown(expr: &Expr) -> datafusion::common::DataFusionError {
    to_datafusion(match expr {
        // Which is shown without its type.
        Expr::Cast(cast) => {
            let (expr, data_type) = (cast.expr.human_display(), cast.field.data_type());
            refused(format!("CAST({expr} AS {data_type})"))
        }
        expr => refused(expr.human_display()),
    })
}

pub(super) fn of(expr: &Expr, schema: &DFSchema, families: &[Family]) -> Result<bool> {
    let found = family(&expr.get_type(schema)?);
    Ok(found == Family::Null || families.contains(&found))
}

/// Of one family; a date and the text of one are compared as dates.
pub(super) fn comparable(one: &Expr, two: &Expr, schema: &DFSchema) -> Result<bool> {
    let (first, second) = (one.get_type(schema)?, two.get_type(schema)?);
    let is_date_text = |expr: &Expr| matches!(expr, Expr::Literal(ScalarValue::Utf8(Some(text)), _) if is_date(text));
    Ok(match (family(&first), family(&second)) {
        (Family::Date, Family::Text) => is_date_text(two),
        (Family::Text, Family::Date) => is_date_text(one),
        (Family::Other, _) => false,
        _ => same(&first, &second),
    })
}

fn agree_operator(
    binary: BinaryExpr,
    schema: &DFSchema,
    dialect: ViewDialect,
) -> Result<Transformed<Expr>> {
    let numbers = [Family::Number, Family::Real];
    let both = |families: &[Family]| -> Result<bool> {
        Ok(of(&binary.left, schema, families)? && of(&binary.right, schema, families)?)
    };
    let known = match binary.op {
        Operator::And | Operator::Or => both(&[Family::Boolean])?,
        Operator::Eq
        | Operator::NotEq
        | Operator::Lt
        | Operator::LtEq
        | Operator::Gt
        | Operator::GtEq
        | Operator::IsDistinctFrom
        | Operator::IsNotDistinctFrom => comparable(&binary.left, &binary.right, schema)?,
        Operator::Plus | Operator::Minus | Operator::Multiply => {
            both(&numbers)? && comparable(&binary.left, &binary.right, schema)?
        }
        Operator::StringConcat => both(&[Family::Text])?,
        Operator::Modulo => {
            let whole = |expr: &Expr| -> Result<bool> { Ok(expr.get_type(schema)?.is_integer()) };
            let whole = whole(&binary.left)? && whole(&binary.right)?;
            whole && is_other_than_zero(&binary.right)
        }
        Operator::Divide => match quotient(&binary, schema, dialect)? {
            Some(quotient) => return Ok(Transformed::yes(quotient)),
            None => false,
        },
        _ => false,
    };
    let expr = Expr::BinaryExpr(binary);
    match known {
        true => Ok(Transformed::no(expr)),
        false => Err(unknown(&expr)),
    }
}

/// Of doubles, which whole numbers become in Hive and Spark; Presto cuts the fraction off, and decimals get
/// as many digits as each engine likes. By zero it is NULL here, in Hive and in Spark without ANSI.
fn quotient(binary: &BinaryExpr, schema: &DFSchema, dialect: ViewDialect) -> Result<Option<Expr>> {
    let types = (binary.left.get_type(schema)?, binary.right.get_type(schema)?);
    let null_by_zero = match dialect {
        ViewDialect::Hive | ViewDialect::Spark { ansi: false } => true,
        ViewDialect::Presto | ViewDialect::Spark { ansi: true } => {
            is_other_than_zero(&binary.right)
        }
    };
    let doubles = match &types {
        (DataType::Float64, other) | (other, DataType::Float64) => family(other) == Family::Number,
        (left, right) => left.is_integer() && right.is_integer() && dialect != ViewDialect::Presto,
    };
    let double = |operand: &Expr, found: &DataType| match found {
        DataType::Float64 => operand.clone(),
        _ => cast(operand.clone(), DataType::Float64),
    };
    Ok((doubles && null_by_zero).then(|| {
        Expr::BinaryExpr(BinaryExpr {
            left: Box::new(double(&binary.left, &types.0)),
            op: Operator::Divide,
            right: Box::new(double(&binary.right, &types.1)),
        })
    }))
}

fn is_other_than_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => *number != 0,
        Expr::Literal(ScalarValue::Decimal128(Some(number), ..), _) => *number != 0,
        Expr::Literal(ScalarValue::Float64(Some(number)), _) => *number != 0.0,
        Expr::Cast(cast) if cast.field.data_type() == &DataType::Float64 => {
            is_other_than_zero(&cast.expr)
        }
        Expr::Negative(inner) => is_other_than_zero(inner),
        _ => false,
    }
}

fn branches_agree(case: &Case, schema: &DFSchema) -> Result<bool> {
    let mut results = Vec::new();
    for (when, then) in &case.when_then_expr {
        let condition = match &case.expr {
            Some(operand) => comparable(operand, when, schema)?,
            None => of(when, schema, &[Family::Boolean])?,
        };
        if !condition {
            return Ok(false);
        }
        results.push(then.as_ref());
    }
    results.extend(case.else_expr.as_deref());
    all_same(results, schema)
}

pub(super) fn all_same<'a>(
    exprs: impl IntoIterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> Result<bool> {
    let mut first = DataType::Null;
    for expr in exprs {
        let found = expr.get_type(schema)?;
        if !same(&first, &found) {
            return Ok(false);
        }
        if first == DataType::Null {
            first = found;
        }
    }
    Ok(true)
}
