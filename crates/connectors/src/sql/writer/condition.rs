//! Conditions of filters and joins, with what follows from them for columns that they hide.

use super::Draft;
use crate::sql::{Matching, Operand};
use mooring_spi::{Expression, ExpressionKind, Function, Unsupported, Value};

impl Draft<'_> {
    /// Each behind what follows from it, which only means the same where all of them must be true.
    pub(super) fn conditions(
        &mut self,
        conditions: &[Expression],
        columns: &[Operand],
    ) -> Result<Vec<String>, Unsupported> {
        let mut texts = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let text = self.condition(condition, columns)?;
            match self.matching(condition, columns)? {
                Some(Matching::Beside(implied)) => texts.push(implied),
                Some(Matching::AsWritten | Matching::ByPairs) | None => {
                    texts.extend(self.implied(condition, columns)?);
                }
            }
            texts.push(text);
        }
        Ok(texts)
    }

    /// Whether the database finds the pairs of a join by something that is equal in them, or nothing must be. Else it has
    /// an equality that it can only ask of each pair of rows: fetching both sides is less work.
    pub(super) fn finds_pairs(
        &mut self,
        conditions: &[Expression],
        columns: &[Operand],
        left_width: usize,
    ) -> Result<bool, Unsupported> {
        let mut asks_each_pair = false;
        for condition in conditions {
            match self.matching(condition, columns)? {
                Some(Matching::ByPairs) => asks_each_pair = true,
                Some(Matching::AsWritten | Matching::Beside(_))
                    if is_of_both_sides(condition, left_width) =>
                {
                    return Ok(true);
                }
                Some(Matching::AsWritten | Matching::Beside(_)) | None => {}
            }
        }
        Ok(!asks_each_pair)
    }

    /// For an equality of two values of a row.
    fn matching(
        &mut self,
        condition: &Expression,
        columns: &[Operand],
    ) -> Result<Option<Matching>, Unsupported> {
        let ExpressionKind::Call { function, arguments } = &condition.kind else { return Ok(None) };
        // Subqueries within one another would be written ever more often.
        let stays_out = |argument: &Expression| {
            matches!(argument.kind, ExpressionKind::Literal(_)) || !argument.subqueries().is_empty()
        };
        if !matches!(function, Function::Equal | Function::Same) || arguments.iter().any(stays_out)
        {
            return Ok(None);
        }
        let operands = self.expressions(arguments, columns)?;
        let [left, right] = operands.as_slice() else { return Ok(None) };
        Ok(Some(self.writer.dialect.matching(*function, left, right)))
    }

    /// For a native column that is compared with literals.
    fn implied(
        &mut self,
        condition: &Expression,
        columns: &[Operand],
    ) -> Result<Option<String>, Unsupported> {
        let ExpressionKind::Call { function, arguments } = &condition.kind else { return Ok(None) };
        let Some((Expression { kind: ExpressionKind::Column(at), .. }, others)) =
            arguments.split_first()
        else {
            return Ok(None);
        };
        let Some((native, form)) = columns.get(*at).and_then(|operand| operand.column.clone())
        else {
            return Ok(None);
        };
        // NULL has a collation of its own, and nothing is found by it.
        let is_literal = |other: &Expression| matches!(&other.kind, ExpressionKind::Literal(value) if *value != Value::Null);
        let is_single = others.len() == 1 || *function == Function::In;
        if others.is_empty() || !is_single || !others.iter().all(is_literal) {
            return Ok(None);
        }
        let literals = self.expressions(others, columns)?;
        let literals: Vec<String> = literals.into_iter().map(|literal| literal.sql).collect();
        Ok(self.writer.dialect.implied((&native, &form), *function, &literals))
    }
}

/// Whether each condition is an equality of something of the left with something of the right, which is what PostgreSQL
/// can hash or merge by.
pub(super) fn is_of_equalities(conditions: &[Expression], left_width: usize) -> bool {
    let is_equality = |condition: &Expression| match &condition.kind {
        ExpressionKind::Call { function, .. } => {
            *function == Function::Equal && is_of_both_sides(condition, left_width)
        }
        ExpressionKind::Column(_)
        | ExpressionKind::Literal(_)
        | ExpressionKind::Cast(_)
        | ExpressionKind::Case { .. }
        | ExpressionKind::Subquery(_) => false,
    };
    !conditions.is_empty() && conditions.iter().all(is_equality)
}

/// Whether of two arguments the one is of the left, the other of the right.
fn is_of_both_sides(condition: &Expression, left_width: usize) -> bool {
    let ExpressionKind::Call { arguments, .. } = &condition.kind else { return false };
    let [a, b] = arguments.as_slice() else { return false };
    let sides = (side_of(a, left_width), side_of(b, left_width));
    matches!(sides, (Some(Side::Left), Some(Side::Right)) | (Some(Side::Right), Some(Side::Left)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The one side of which a column is seen.
fn side_of(expression: &Expression, left_width: usize) -> Option<Side> {
    match &expression.kind {
        ExpressionKind::Column(at) if *at < left_width => Some(Side::Left),
        ExpressionKind::Column(_) => Some(Side::Right),
        ExpressionKind::Cast(input) => side_of(input, left_width),
        ExpressionKind::Literal(_)
        | ExpressionKind::Case { .. }
        | ExpressionKind::Call { .. }
        | ExpressionKind::Subquery(_) => None,
    }
}
