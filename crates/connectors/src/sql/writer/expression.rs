//! Expressions but for calls.

use super::Draft;
use super::select::{longest, merged_collation};
use crate::sql::{Kind, Operand, Shape, Subject};
use arrow::datatypes::DataType;
use mooring_spi::{Expression, ExpressionKind, Relation, Unsupported, Value};

/// A literal that is longer is not repeated.
const SHORT_LITERAL: usize = 64;
/// Characters of the longest whole number.
const INTEGER_CHARACTERS: u64 = 20;

impl Draft<'_> {
    pub(super) fn expressions(
        &mut self,
        expressions: &[Expression],
        columns: &[Operand],
    ) -> Result<Vec<Operand>, Unsupported> {
        expressions.iter().map(|expression| self.expression(expression, columns)).collect()
    }

    pub(super) fn expression(
        &mut self,
        expression: &Expression,
        columns: &[Operand],
    ) -> Result<Operand, Unsupported> {
        self.deeper(|draft| match &expression.kind {
            ExpressionKind::Column(at) => match columns.get(*at) {
                Some(column) => Ok(column.clone()),
                None => Err(Unsupported(format!("the input has no column {at}"))),
            },
            ExpressionKind::Literal(value) => draft.literal(value, &expression.data_type),
            ExpressionKind::Cast(input) => {
                let input = draft.expression(input, columns)?;
                draft.cast(input, &expression.data_type)
            }
            ExpressionKind::Case { branches, otherwise } => {
                draft.case(branches, otherwise.as_deref(), (&expression.data_type, columns))
            }
            ExpressionKind::Call { function, arguments } => {
                let operands = draft.expressions(arguments, columns)?;
                draft.call(*function, (arguments, &operands), &expression.data_type)
            }
            ExpressionKind::Subquery(relation) => draft.subquery(relation, &expression.data_type),
        })
        .and_then(folded)
    }

    /// The one value of a relation. What may fail in it fails here whatever the rows around it are, so a database
    /// may work it out whenever it likes.
    fn subquery(
        &mut self,
        relation: &Relation,
        data_type: &DataType,
    ) -> Result<Operand, Unsupported> {
        if !relation.is_one_row_at_most() {
            return Err(Unsupported("a subquery that may have more than one row".to_owned()));
        }
        let select = self.select(relation)?;
        let [value] = select.columns.as_slice() else {
            return Err(Unsupported("a subquery of another number of columns than one".to_owned()));
        };
        if let Some(reason) = &value.shape.opaque {
            return Err(Unsupported(reason.clone()));
        }
        self.require(Subject::Subquery, value.shape.kind())?;
        if value.shape.data_type != *data_type {
            return Err(Unsupported("a subquery of another type".to_owned()));
        }
        let mut shape = Shape::of(data_type.clone());
        shape.collation = value.shape.collation.clone();
        shape.at_most = value.shape.at_most;
        shape.overlong = value.shape.overlong;
        shape.can_fail = shape.overlong;
        shape.constant = true;
        shape.folds = true;
        Ok(Operand::computed(format!("({})", select.text()), shape))
    }

    /// A boolean that never fails, since a database may work it out for any row.
    pub(super) fn condition(
        &mut self,
        expression: &Expression,
        columns: &[Operand],
    ) -> Result<String, Unsupported> {
        let operand = self.expression(expression, columns)?;
        if operand.shape.kind() != Kind::Boolean {
            return Err(Unsupported("a condition that is no boolean".to_owned()));
        }
        safe(&operand, "a condition")?;
        Ok(operand.sql)
    }

    fn literal(&mut self, value: &Value, data_type: &DataType) -> Result<Operand, Unsupported> {
        let kind = Kind::of(data_type);
        self.require(Subject::Literal, kind)?;
        if !is_of_kind(value, kind) {
            return Err(Unsupported(format!("a literal that is no {kind}")));
        }
        let sql = self.writer.dialect.literal(value, data_type)?;
        let mut shape = Shape::of(data_type.clone());
        shape.constant = true;
        shape.folds = true;
        shape.at_most = match value {
            Value::Text(text) => Some(text.chars().count() as u64),
            Value::Binary(bytes) => Some(bytes.len() as u64),
            Value::Null => Some(0),
            Value::Boolean(_)
            | Value::Int(_)
            | Value::UInt(_)
            | Value::Float(_)
            | Value::Decimal { .. }
            | Value::Date(_)
            | Value::Timestamp(_) => None,
        };
        let simple = sql.len() <= SHORT_LITERAL;
        Ok(Operand { simple, ..Operand::computed(sql, shape) })
    }

    fn cast(&mut self, input: Operand, to: &DataType) -> Result<Operand, Unsupported> {
        if input.shape.data_type == *to {
            return Ok(input);
        }
        self.require(Subject::Cast(Kind::of(to)), input.shape.kind())?;
        let converted = self.writer.dialect.cast(&input, to)?;
        let mut shape = Shape::of(to.clone());
        shape.can_fail = input.shape.can_fail || converted.can_fail;
        shape.constant = input.shape.constant;
        shape.folds = input.shape.folds;
        shape.at_most = (Kind::of(to) == Kind::Text).then_some(INTEGER_CHARACTERS);
        Ok(Operand::computed(converted.sql, shape))
    }

    fn case(
        &mut self,
        branches: &[(Expression, Expression)],
        otherwise: Option<&Expression>,
        (data_type, columns): (&DataType, &[Operand]),
    ) -> Result<Operand, Unsupported> {
        if branches.is_empty() {
            return Err(Unsupported("a `CASE` without a branch".to_owned()));
        }
        let mut results = Vec::with_capacity(branches.len() + 1);
        let mut text = "(CASE".to_owned();
        for (condition, result) in branches {
            let condition = self.condition(condition, columns)?;
            let result = self.result(result, columns)?;
            text.push_str(&format!(
                " WHEN {condition} THEN {}",
                self.writer.dialect.beside_others(&result)
            ));
            results.push(result);
        }
        if let Some(otherwise) = otherwise {
            let otherwise = self.result(otherwise, columns)?;
            text.push_str(&format!(" ELSE {}", self.writer.dialect.beside_others(&otherwise)));
            results.push(otherwise);
        }
        text.push_str(" END)");
        let mut shape = one_of(&results, data_type)?;
        shape.constant = false;
        Ok(Operand::computed(text, shape))
    }

    fn result(&mut self, result: &Expression, columns: &[Operand]) -> Result<Operand, Unsupported> {
        let operand = self.expression(result, columns)?;
        self.require(Subject::Case, operand.shape.kind())?;
        safe(&operand, "`CASE`")?;
        Ok(operand)
    }
}

/// # Errors
/// Where a database may fail while it plans, whatever rows there are.
fn folded(operand: Operand) -> Result<Operand, Unsupported> {
    if operand.shape.folds && operand.shape.can_fail && !operand.shape.overlong {
        return Err(Unsupported("an operation on constants that may fail".to_owned()));
    }
    Ok(operand)
}

/// # Errors
/// Where the operand can fail: a database may work it out where the language does not.
pub(super) fn safe(operand: &Operand, place: &str) -> Result<(), Unsupported> {
    if operand.shape.can_fail {
        return Err(Unsupported(format!(
            "{place} with an operation that may fail: databases choose the rows for which they work it out"
        )));
    }
    Ok(())
}

/// Of what is one of several values.
pub(super) fn one_of(operands: &[Operand], data_type: &DataType) -> Result<Shape, Unsupported> {
    if operands.iter().any(|operand| operand.shape.data_type != *data_type) {
        return Err(Unsupported("values of several types for one result".to_owned()));
    }
    let mut shape = Shape::of(data_type.clone());
    shape.collation = merged_collation(operands);
    shape.at_most = longest(operands);
    shape.can_fail = operands.iter().any(|operand| operand.shape.can_fail);
    shape.constant = operands.iter().all(|operand| operand.shape.constant);
    shape.folds = operands.iter().any(|operand| operand.shape.folds);
    Ok(shape)
}

fn is_of_kind(value: &Value, kind: Kind) -> bool {
    match value {
        Value::Null => true,
        Value::Boolean(_) => kind == Kind::Boolean,
        Value::Int(_) => matches!(kind, Kind::SmallInteger | Kind::Integer),
        Value::UInt(_) => kind == Kind::Unsigned,
        Value::Float(_) => matches!(kind, Kind::SmallFloat | Kind::Float),
        Value::Decimal { .. } => kind == Kind::Decimal,
        Value::Text(_) => kind == Kind::Text,
        Value::Binary(_) => kind == Kind::Binary,
        Value::Date(_) => kind == Kind::Date,
        Value::Timestamp(_) => matches!(kind, Kind::Timestamp | Kind::Instant),
    }
}
