//! Calls of functions and operators.

use super::Draft;
use super::expression::{one_of, safe};
use super::select::merged_collation;
use crate::sql::dialect::{NamedFunction, comparison_operator};
use crate::sql::{Form, Kind, Operand, Shape, Subject};
use arrow::datatypes::DataType;
use mooring_spi::{Expression, ExpressionKind, Function, Unsupported, Value};

impl Draft<'_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        (arguments, operands): (&[Expression], &[Operand]),
        data_type: &DataType,
    ) -> Result<Operand, Unsupported> {
        let Some(first) = operands.first() else {
            return Err(Unsupported("a function without arguments".to_owned()));
        };
        let subject = Subject::Function(function);
        if let (Some(reason), false) =
            (&first.shape.opaque, matches!(function, Function::IsNull | Function::IsNotNull))
        {
            return Err(Unsupported(format!("`{subject}`: {reason}")));
        }
        self.require(subject, first.shape.kind())?;
        let mut shape = Shape::of(data_type.clone());
        let needs_digits = !only_compares(function);
        shape.can_fail = operands
            .iter()
            .any(|operand| operand.shape.can_fail && (needs_digits || !operand.shape.overlong));
        shape.constant = operands.iter().all(|operand| operand.shape.constant);
        shape.folds = operands.iter().all(|operand| operand.shape.folds);
        let sql = match function {
            Function::Equal
            | Function::NotEqual
            | Function::Less
            | Function::LessOrEqual
            | Function::Greater
            | Function::GreaterOrEqual
            | Function::Same => {
                let [_, _] = operands else { return Err(arity(subject)) };
                self.comparison(function, operands)?
            }
            Function::In => {
                let (texts, _) = self.compared(operands, false)?;
                let [value, others @ ..] = texts.as_slice() else { return Err(arity(subject)) };
                if others.is_empty() {
                    return Err(arity(subject));
                }
                all_safe(operands, subject)?;
                format!("({value} IN ({}))", others.join(", "))
            }
            Function::And | Function::Or => {
                all_safe(operands, subject)?;
                all_of_kind(operands, Kind::Boolean)?;
                let operator = if function == Function::And { " AND " } else { " OR " };
                let texts: Vec<&str> =
                    operands.iter().map(|operand| operand.sql.as_str()).collect();
                format!("({})", texts.join(operator))
            }
            Function::Not => format!("(NOT {})", single(operands, subject)?.sql),
            Function::IsNull => self.null_test(single(operands, subject)?),
            Function::IsNotNull => {
                let operand = single(operands, subject)?;
                if operand.shape.opaque.is_some() {
                    format!("(NOT {})", self.null_test(operand))
                } else {
                    format!("({} IS NOT NULL)", operand.sql)
                }
            }
            Function::Add => return self.arithmetic((function, "+"), operands, shape),
            Function::Subtract => return self.arithmetic((function, "-"), operands, shape),
            Function::Multiply => return self.arithmetic((function, "*"), operands, shape),
            Function::Negate | Function::Absolute => {
                let operand = single(operands, subject)?;
                if operand.shape.data_type != *data_type {
                    return Err(Unsupported("a sign that changes the type".to_owned()));
                }
                // The smallest whole number has no counterpart.
                shape.can_fail |= operand.shape.kind() == Kind::Integer;
                if function == Function::Negate {
                    format!("(- {})", operand.sql)
                } else {
                    self.writer.dialect.call(
                        NamedFunction::Absolute,
                        std::slice::from_ref(&operand.sql),
                        data_type,
                    )
                }
            }
            Function::Coalesce => {
                for operand in operands {
                    self.require(subject, operand.shape.kind())?;
                }
                all_safe(operands, subject)?;
                shape = one_of(operands, data_type)?;
                let texts: Vec<String> = operands
                    .iter()
                    .map(|operand| self.writer.dialect.beside_others(operand))
                    .collect();
                format!("COALESCE({})", texts.join(", "))
            }
            Function::Like => self.like(arguments, operands)?,
            Function::CharacterLength => {
                self.number_of((subject, NamedFunction::CharacterLength), operands, data_type)?
            }
            Function::Year => {
                self.number_of((subject, NamedFunction::Year), operands, data_type)?
            }
            Function::Month => {
                self.number_of((subject, NamedFunction::Month), operands, data_type)?
            }
            Function::Day => self.number_of((subject, NamedFunction::Day), operands, data_type)?,
            Function::Substring => {
                let (skipped, number) = self.substring_bounds(arguments)?;
                let left = first.shape.at_most.map(|at_most| at_most.saturating_sub(skipped));
                shape.at_most = [left, number].into_iter().flatten().min();
                shape.collation = first.shape.collation.clone();
                self.writer.dialect.call(
                    NamedFunction::Substring,
                    &plain_texts(operands),
                    data_type,
                )
            }
            Function::Concat => {
                all_of_kind(operands, Kind::Text)?;
                shape.at_most = operands
                    .iter()
                    .try_fold(0u64, |sum, operand| sum.checked_add(operand.shape.at_most?));
                shape.collation = merged_collation(operands);
                if let Some(longest) = self.writer.dialect.longest_text()
                    && shape.at_most.is_none_or(|at_most| at_most > longest)
                {
                    return Err(self.unmet(subject, Kind::Text));
                }
                let texts: Vec<String> = operands
                    .iter()
                    .map(|operand| self.writer.dialect.beside_others(operand))
                    .collect();
                self.writer.dialect.call(NamedFunction::Concat, &texts, data_type)
            }
        };
        Ok(Operand::computed(sql, shape))
    }

    /// A row of PostgreSQL whose fields are null `IS NULL`, and is not null.
    fn null_test(&self, operand: &Operand) -> String {
        if operand.shape.opaque.is_some() {
            return self.writer.dialect.is_null(&operand.sql);
        }
        // What no calendar has is not null, and MySQL finds `0000-00-00` by `IS NULL` where a column takes no nulls.
        if let Some((native, Form::ZeroDates { are_null: false })) = &operand.column {
            return self.writer.dialect.is_null(native);
        }
        format!("({} IS NULL)", operand.sql)
    }

    fn comparison(&self, function: Function, operands: &[Operand]) -> Result<String, Unsupported> {
        let ordered = matches!(
            function,
            Function::Less | Function::LessOrEqual | Function::Greater | Function::GreaterOrEqual
        );
        let (texts, _) = self.compared(operands, ordered)?;
        let Some(operator) = comparison_operator(function) else {
            return Ok(self.writer.dialect.same(&texts[0], &texts[1]));
        };
        Ok(format!("({} {operator} {})", texts[0], texts[1]))
    }

    /// Both sides have one type, whatever its digits or width.
    fn compared(
        &self,
        operands: &[Operand],
        ordered: bool,
    ) -> Result<(Vec<String>, crate::sql::Collation), Unsupported> {
        if let Some(first) = operands.first() {
            all_of_kind(operands, first.shape.kind())?;
        }
        let operands: Vec<&Operand> = operands.iter().collect();
        Ok(self.writer.dialect.comparable(&operands, ordered))
    }

    fn arithmetic(
        &self,
        (function, operator): (Function, &str),
        operands: &[Operand],
        mut shape: Shape,
    ) -> Result<Operand, Unsupported> {
        let subject = Subject::Function(function);
        let [left, right] = operands else { return Err(arity(subject)) };
        let kind = left.shape.kind();
        all_of_kind(operands, kind)?;
        let sql = format!("({} {operator} {})", left.sql, right.sql);
        if kind == Kind::Integer {
            if shape.data_type != DataType::Int64 {
                return Err(self.unmet(subject, kind));
            }
            shape.can_fail = true;
            return Ok(Operand::computed(sql, shape));
        }
        let unmet = || self.unmet(subject, kind);
        let (left_precision, left_scale) = digits(&left.shape.data_type).ok_or_else(unmet)?;
        let (right_precision, right_scale) = digits(&right.shape.data_type).ok_or_else(unmet)?;
        let (precision, scale) = digits(&shape.data_type).ok_or_else(unmet)?;
        let (needed, exact_scale) = if function == Function::Multiply {
            (left_precision + right_precision, left_scale + right_scale)
        } else {
            let whole = (left_precision - left_scale).max(right_precision - right_scale);
            let fraction = left_scale.max(right_scale);
            (whole + fraction + 1, fraction)
        };
        let dialect = self.writer.dialect;
        if exact_scale != scale || !dialect.holds_decimal(&shape.data_type) {
            return Err(unmet());
        }
        if needed <= precision && !shape.can_fail {
            return Ok(Operand::computed(sql, shape));
        }
        let is_computed_exactly =
            !shape.can_fail && dialect.longest_decimal().is_some_and(|longest| needed <= longest);
        shape.can_fail = true;
        if let Some(fitted) = dialect.fitted(&sql, &shape.data_type) {
            return Ok(Operand::computed(fitted, shape));
        }
        if !is_computed_exactly {
            return Err(unmet());
        }
        shape.overlong = true;
        Ok(Operand::computed(sql, shape))
    }

    /// A whole number that is told of one value.
    fn number_of(
        &self,
        (subject, function): (Subject, NamedFunction),
        operands: &[Operand],
        data_type: &DataType,
    ) -> Result<String, Unsupported> {
        let operand = single(operands, subject)?;
        if !matches!(data_type, DataType::Int32 | DataType::Int64) {
            return Err(Unsupported(format!("`{subject}` as {data_type}")));
        }
        Ok(self.writer.dialect.call(function, std::slice::from_ref(&operand.sql), data_type))
    }

    fn like(&self, arguments: &[Expression], operands: &[Operand]) -> Result<String, Unsupported> {
        let subject = Subject::Function(Function::Like);
        let ([_, pattern], [text, _]) = (arguments, operands) else { return Err(arity(subject)) };
        let ExpressionKind::Literal(Value::Text(pattern)) = &pattern.kind else {
            return Err(self.unmet(subject, Kind::Text));
        };
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            if character == '\\' && !matches!(characters.next(), Some('%' | '_' | '\\')) {
                return Err(Unsupported(
                    "a pattern of `LIKE` in which `\\` stands before what needs none".to_owned(),
                ));
            }
        }
        self.writer.dialect.like(text, pattern)
    }

    /// The number of characters before it, and that of its own where that is said.
    fn substring_bounds(
        &self,
        arguments: &[Expression],
    ) -> Result<(u64, Option<u64>), Unsupported> {
        let subject = Subject::Function(Function::Substring);
        let (place, number) = match arguments {
            [_, place] => (place, None),
            [_, place, number] => (place, Some(number)),
            _ => return Err(arity(subject)),
        };
        let literal = |argument: &Expression| match argument.kind {
            ExpressionKind::Literal(Value::Int(number @ 1..)) if i32::try_from(number).is_ok() => {
                Ok(number.unsigned_abs())
            }
            _ => Err(self.unmet(subject, Kind::Text)),
        };
        Ok((literal(place)? - 1, number.map(literal).transpose()?))
    }

    pub(super) fn unmet(&self, subject: Subject, kind: Kind) -> Unsupported {
        self.writer.dialect.capabilities().unmet(subject, kind)
    }
}

/// Whether the result is right for values with more digits than their type has.
fn only_compares(function: Function) -> bool {
    comparison_operator(function).is_some()
        || matches!(function, Function::Same | Function::IsNull | Function::IsNotNull)
}

fn arity(subject: Subject) -> Unsupported {
    Unsupported(format!("`{subject}` of another number of arguments"))
}

fn single(operands: &[Operand], subject: Subject) -> Result<&Operand, Unsupported> {
    match operands {
        [operand] => Ok(operand),
        _ => Err(arity(subject)),
    }
}

fn all_of_kind(operands: &[Operand], kind: Kind) -> Result<(), Unsupported> {
    for operand in operands {
        if let Some(reason) = &operand.shape.opaque {
            return Err(Unsupported(reason.clone()));
        }
        if operand.shape.kind() != kind {
            return Err(Unsupported(format!("{} beside {kind}", operand.shape.kind())));
        }
    }
    Ok(())
}

fn all_safe(operands: &[Operand], subject: Subject) -> Result<(), Unsupported> {
    operands.iter().try_for_each(|operand| safe(operand, &format!("`{subject}`")))
}

fn plain_texts(operands: &[Operand]) -> Vec<String> {
    operands.iter().map(|operand| operand.sql.clone()).collect()
}

/// Precision and scale.
pub(super) fn digits(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((i16::from(*precision), i16::from(*scale)))
        }
        _ => None,
    }
}
