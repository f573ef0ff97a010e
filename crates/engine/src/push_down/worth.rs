//! Whether a piece that a source can do is worth a statement of its own, and how many rows it gives. These are
//! guesses by what statistics tell: they move work, never rows.

use crate::predicate::IN_LIST_MAX;
use mooring_spi::{
    Count, Expression, ExpressionKind, Function, JoinKind, Operator, Relation, Table, Value,
};

/// What is to become of a piece.
#[derive(Debug, PartialEq)]
pub(super) enum Worth {
    /// The source does it.
    Whole,
    /// Nothing is gained over its inputs, each for itself.
    Apart,
    /// Something is lost.
    Harm(String),
}

/// Rows of a group of a column of which nothing is known.
const ROWS_PER_VALUE: f64 = 10.0;
/// Of the rows, what a condition leaves of which nothing is known.
const CONDITION_LEAVES: f64 = 1.0 / 3.0;
/// A join that gives more than this many rows for each that it takes multiplies them.
const ROWS_PER_ROW_MAX: f64 = 1.0;

/// What stands outermost decides: a limit over a union is worth it where the union alone is not.
pub(super) fn worth(relation: &Relation) -> Worth {
    match &relation.operator {
        Operator::Scan { .. } => Worth::Apart,
        Operator::Project { input, .. } | Operator::Window { input, .. } => worth(input),
        // The scan of a table takes domains, and is read in parallel.
        Operator::Filter { input, conditions } => {
            let told = conditions.iter().all(|condition| domain_tells(condition, input));
            match is_base(input) && !told {
                true => Worth::Whole,
                false => worth(input),
            }
        }
        Operator::Aggregate { .. } | Operator::Limit { .. } => Worth::Whole,
        Operator::Join { left, right, kind, .. } => match kind {
            JoinKind::LeftSemi | JoinKind::LeftAnti => Worth::Whole,
            JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => {
                join(relation, left, right)
            }
        },
        // Each input for itself has the same rows, and several at once.
        Operator::Union { .. } => Worth::Apart,
    }
}

/// Rows of one table, each for itself.
fn is_base(relation: &Relation) -> bool {
    match &relation.operator {
        Operator::Scan { .. } => true,
        Operator::Project { input, .. } | Operator::Filter { input, .. } => is_base(input),
        Operator::Aggregate { .. }
        | Operator::Limit { .. }
        | Operator::Join { .. }
        | Operator::Union { .. }
        | Operator::Window { .. } => false,
    }
}

/// Whether domains of a table's columns say the same as the condition.
fn domain_tells(condition: &Expression, input: &Relation) -> bool {
    match &condition.kind {
        ExpressionKind::Call { function: Function::And, arguments } => {
            arguments.iter().all(|condition| domain_tells(condition, input))
        }
        ExpressionKind::Call { .. }
        | ExpressionKind::Column(_)
        | ExpressionKind::Literal(_)
        | ExpressionKind::Cast(_)
        | ExpressionKind::Case { .. }
        | ExpressionKind::Subquery(_) => domain_column(condition, input).is_some(),
    }
}

/// The one column whose domain says the same as the condition.
fn domain_column(condition: &Expression, input: &Relation) -> Option<usize> {
    let ExpressionKind::Call { function, arguments } = &condition.kind else { return None };
    let column = |expression: &Expression| from_column(expression, input).map(|(_, column)| column);
    let is_value = |expression: &Expression| matches!(&expression.kind, ExpressionKind::Literal(value) if *value != Value::Null);
    match (function, arguments.as_slice()) {
        (
            Function::Equal
            | Function::Less
            | Function::LessOrEqual
            | Function::Greater
            | Function::GreaterOrEqual,
            [first, second],
        ) => match (column(first), column(second)) {
            (Some(column), None) if is_value(second) => Some(column),
            (None, Some(column)) if is_value(first) => Some(column),
            _ => None,
        },
        (Function::In, [value, list @ ..])
            if list.len() <= IN_LIST_MAX && list.iter().all(is_value) =>
        {
            column(value)
        }
        (Function::IsNull | Function::IsNotNull, [value]) => column(value),
        (Function::And | Function::Or, [first, rest @ ..]) => {
            let column = domain_column(first, input)?;
            let same = |condition| domain_column(condition, input) == Some(column);
            rest.iter().all(same).then_some(column)
        }
        _ => None,
    }
}

fn join(relation: &Relation, left: &Relation, right: &Relation) -> Worth {
    let taken = rows(left).zip(rows(right)).map(|(left, right)| left + right);
    let (Some(given), Some(taken)) = (rows(relation), taken) else { return Worth::Whole };
    match given > taken * ROWS_PER_ROW_MAX {
        true => Worth::Harm(format!("it makes about {given:.0} rows of {taken:.0}")),
        false => Worth::Whole,
    }
}

/// Whether a join has a condition that finds pairs by equal values, or one side has one row at most: all others
/// are left to us, since a source would look at each row of one side for each of the other.
pub(super) fn finds_pairs(operator: &Operator) -> bool {
    let Operator::Join { left, right, conditions, .. } = operator else { return true };
    left.is_one_row_at_most()
        || right.is_one_row_at_most()
        || conditions.iter().any(|condition| equal_columns(condition, left.columns.len()).is_some())
}

/// One expression per side, where the condition says that they are equal.
fn equal_columns(
    condition: &Expression,
    left_columns: usize,
) -> Option<(&Expression, &Expression)> {
    let ExpressionKind::Call { function: Function::Equal | Function::Same, arguments } =
        &condition.kind
    else {
        return None;
    };
    let [first, second] = arguments.as_slice() else { return None };
    let (mut first_columns, mut second_columns) = (Vec::new(), Vec::new());
    columns_of(first, &mut first_columns);
    columns_of(second, &mut second_columns);
    let is_left = |columns: &[usize]| columns.iter().all(|column| *column < left_columns);
    let is_right = |columns: &[usize]| columns.iter().all(|column| *column >= left_columns);
    match first_columns.is_empty() || second_columns.is_empty() {
        true => None,
        false if is_left(&first_columns) && is_right(&second_columns) => Some((first, second)),
        false if is_right(&first_columns) && is_left(&second_columns) => Some((second, first)),
        false => None,
    }
}

fn columns_of(expression: &Expression, columns: &mut Vec<usize>) {
    match &expression.kind {
        ExpressionKind::Column(column) => columns.push(*column),
        ExpressionKind::Literal(_) | ExpressionKind::Subquery(_) => {}
        ExpressionKind::Call { arguments, .. } => {
            arguments.iter().for_each(|argument| columns_of(argument, columns));
        }
        ExpressionKind::Cast(operand) => columns_of(operand, columns),
        ExpressionKind::Case { branches, otherwise } => {
            for (when, then) in branches {
                columns_of(when, columns);
                columns_of(then, columns);
            }
            otherwise.iter().for_each(|otherwise| columns_of(otherwise, columns));
        }
    }
}

/// About how many rows a relation has; `None` where statistics do not tell.
pub(super) fn rows(relation: &Relation) -> Option<f64> {
    match &relation.operator {
        Operator::Scan { table, .. } => number(table.statistics.rows),
        Operator::Filter { input, conditions } => {
            let kept = conditions.iter().map(|condition| leaves(condition, input));
            Some(rows(input)? * kept.product::<f64>())
        }
        Operator::Project { input, .. } | Operator::Window { input, .. } => rows(input),
        Operator::Aggregate { groups, .. } if groups.is_empty() => Some(1.0),
        Operator::Aggregate { input, groups, .. } => {
            let input_rows = rows(input)?;
            let values: f64 = groups.iter().map(|group| values_of(group, input)).product();
            Some(values.min(input_rows))
        }
        Operator::Limit { input, limit, offset, .. } => {
            let left = rows(input).map(|rows| (rows - *offset as f64).max(0.0));
            match (left, limit) {
                (Some(left), Some(limit)) => Some(left.min(*limit as f64)),
                (None, Some(limit)) => Some(*limit as f64),
                (left, None) => left,
            }
        }
        Operator::Join { left, right, kind, conditions } => {
            join_rows(left, right, *kind, conditions)
        }
        Operator::Union { inputs } => inputs.iter().map(rows).sum(),
    }
}

fn join_rows(
    left: &Relation,
    right: &Relation,
    kind: JoinKind,
    conditions: &[Expression],
) -> Option<f64> {
    let (left_rows, right_rows) = (rows(left)?, rows(right)?);
    let mut pairs = left_rows * right_rows;
    for condition in conditions {
        pairs *= match equal_columns(condition, left.columns.len()) {
            Some((left_key, right_key)) => {
                let shifted = shift(right_key, left.columns.len());
                let left_values = known_values(left_key, left);
                let right_values = shifted.as_ref().and_then(|key| known_values(key, right));
                // A key of unknown values is taken for one of the side with fewer rows.
                let values = match (left_values, right_values) {
                    (Some(left), Some(right)) => left.max(right),
                    (Some(values), None) | (None, Some(values)) => {
                        values.max(left_rows.min(right_rows))
                    }
                    (None, None) => left_rows.min(right_rows),
                };
                1.0 / values.max(1.0)
            }
            None => CONDITION_LEAVES,
        };
    }
    Some(match kind {
        JoinKind::Inner => pairs,
        JoinKind::Left => pairs.max(left_rows),
        JoinKind::Right => pairs.max(right_rows),
        JoinKind::Full => pairs.max(left_rows + right_rows),
        JoinKind::LeftSemi | JoinKind::LeftAnti => left_rows,
    })
}

/// A column of the right side, by its place there.
fn shift(key: &Expression, left_columns: usize) -> Option<Expression> {
    let ExpressionKind::Column(column) = key.kind else { return None };
    let column = ExpressionKind::Column(column.checked_sub(left_columns)?);
    Some(Expression { kind: column, data_type: key.data_type.clone() })
}

fn leaves(condition: &Expression, input: &Relation) -> f64 {
    let ExpressionKind::Call { function, arguments } = &condition.kind else {
        return CONDITION_LEAVES;
    };
    match (function, arguments.as_slice()) {
        (Function::Equal, [value, other]) | (Function::Equal, [other, value])
            if matches!(other.kind, ExpressionKind::Literal(_) | ExpressionKind::Subquery(_)) =>
        {
            1.0 / values_of(value, input)
        }
        (Function::In, [value, list @ ..]) => {
            (list.len() as f64 / values_of(value, input)).min(1.0)
        }
        (Function::And, conditions) => {
            conditions.iter().map(|condition| leaves(condition, input)).product()
        }
        (Function::Or, conditions) => {
            let all: f64 = conditions.iter().map(|condition| leaves(condition, input)).sum();
            all.min(1.0)
        }
        (Function::IsNotNull, _) => 1.0,
        _ => CONDITION_LEAVES,
    }
}

fn values_of(key: &Expression, input: &Relation) -> f64 {
    let guess = || rows(input).map_or(ROWS_PER_VALUE, |rows| rows / ROWS_PER_VALUE);
    known_values(key, input).unwrap_or_else(guess).max(1.0)
}

/// How many values a column has, as far as the statistics of its table tell.
fn known_values(key: &Expression, input: &Relation) -> Option<f64> {
    let ExpressionKind::Column(column) = key.kind else { return None };
    let (table, column) = table_column(input, column)?;
    let known = table.statistics.columns.get(column)?;
    number(known.distinct).filter(|values| *values > 0.0)
}

/// The column of a table whose values a relation's column has.
fn table_column(relation: &Relation, column: usize) -> Option<(&Table, usize)> {
    match &relation.operator {
        Operator::Scan { table, projection } => Some((table, *projection.get(column)?)),
        Operator::Filter { input, .. }
        | Operator::Limit { input, .. }
        | Operator::Window { input, .. } => table_column(input, column),
        Operator::Project { input, expressions } => from_column(expressions.get(column)?, input),
        Operator::Aggregate { input, groups, .. } => from_column(groups.get(column)?, input),
        Operator::Join { left, right, .. } => match column.checked_sub(left.columns.len()) {
            None => table_column(left, column),
            Some(column) => table_column(right, column),
        },
        Operator::Union { .. } => None,
    }
}

fn from_column<'a>(expression: &Expression, input: &'a Relation) -> Option<(&'a Table, usize)> {
    match expression.kind {
        ExpressionKind::Column(column) => table_column(input, column),
        ExpressionKind::Literal(_)
        | ExpressionKind::Call { .. }
        | ExpressionKind::Cast(_)
        | ExpressionKind::Case { .. }
        | ExpressionKind::Subquery(_) => None,
    }
}

fn number(count: Count) -> Option<f64> {
    match count {
        Count::Exact(number) | Count::Estimate(number) => Some(number as f64),
        Count::Unknown => None,
    }
}
