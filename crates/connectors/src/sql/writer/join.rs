//! Joins, semi-joins among them.

use super::Draft;
use super::select::{Select, Stage};
use crate::sql::{Kind, Operand, Subject};
use mooring_spi::{Expression, ExpressionKind, Function, JoinKind, Relation, Unsupported};

impl Draft<'_> {
    pub(super) fn join(
        &mut self,
        left: &Relation,
        right: &Relation,
        kind: JoinKind,
        conditions: &[Expression],
    ) -> Result<Select, Unsupported> {
        self.require(Subject::Join(kind), Kind::Rows)?;
        if kind == JoinKind::Full && !is_of_equalities(conditions, left.columns.len()) {
            return Err(self.unmet(Subject::Join(kind), Kind::Rows));
        }
        let left = self.select(left)?;
        let right = self.select(right)?;
        let operator = match kind {
            JoinKind::Inner => "JOIN",
            JoinKind::Left => "LEFT JOIN",
            JoinKind::Right => "RIGHT JOIN",
            JoinKind::Full => "FULL JOIN",
            JoinKind::LeftSemi | JoinKind::LeftAnti => {
                if !conditions.iter().all(|condition| self.may_match(condition)) {
                    return Err(self.unmet(Subject::Join(kind), Kind::Rows));
                }
                let exists = if kind == JoinKind::LeftSemi { "EXISTS" } else { "NOT EXISTS" };
                return self.exists(left, right, (exists, conditions));
            }
        };
        // A side whose rows are all kept, or both sides of an inner join, may be filtered after the join.
        let left_is_filled = matches!(kind, JoinKind::Right | JoinKind::Full);
        let right_is_filled = matches!(kind, JoinKind::Left | JoinKind::Full);
        let keeps_left_filter = matches!(kind, JoinKind::Inner | JoinKind::Left);
        let keeps_right_filter = matches!(kind, JoinKind::Inner | JoinKind::Right);
        let left = self.side(left, (left_is_filled, keeps_left_filter));
        let right = self.side(right, (right_is_filled, keeps_right_filter));
        // Joins associate to the left.
        let right = if right.joined { self.wrapped(right) } else { right };

        let columns: Vec<Operand> = left.columns.iter().chain(&right.columns).cloned().collect();
        let mut texts = Vec::with_capacity(conditions.len());
        for condition in conditions {
            texts.push(self.condition(condition, &columns)?);
        }
        let on = if texts.is_empty() { "TRUE".to_owned() } else { texts.join(" AND ") };
        let mut select =
            Select::from(format!("{} {operator} {} ON {on}", left.from, right.from), columns);
        select.joined = true;
        select.conditions = left.conditions;
        select.conditions.extend(right.conditions);
        Ok(select)
    }

    /// A side as an item of `FROM`, with its conditions where they may come after the join.
    fn side(&mut self, select: Select, (is_filled, keeps_filter): (bool, bool)) -> Select {
        let select = self.open(select);
        let is_hidden = is_filled && !select.is_plain();
        if is_hidden || (!keeps_filter && !select.conditions.is_empty()) {
            return self.wrapped(select);
        }
        select
    }

    /// Whether a semi-join may have the condition, with all that it is made of.
    fn may_match(&self, condition: &Expression) -> bool {
        let all = |parts: &[Expression]| parts.iter().all(|part| self.may_match(part));
        match &condition.kind {
            ExpressionKind::Column(_) | ExpressionKind::Subquery(_) => {
                self.writer.dialect.matches_in_semi_join(Kind::of(&condition.data_type))
            }
            ExpressionKind::Literal(_) => true,
            ExpressionKind::Cast(part) => self.may_match(part),
            ExpressionKind::Call { arguments, .. } => all(arguments),
            ExpressionKind::Case { branches, otherwise } => {
                let of_branch = |(condition, result): &(Expression, Expression)| {
                    self.may_match(condition) && self.may_match(result)
                };
                branches.iter().all(of_branch)
                    && otherwise.as_deref().is_none_or(|result| self.may_match(result))
            }
        }
    }

    fn exists(
        &mut self,
        left: Select,
        right: Select,
        (exists, conditions): (&str, &[Expression]),
    ) -> Result<Select, Unsupported> {
        let mut left = self.open(left);
        let right = self.open(right);
        debug_assert!(right.stage == Stage::Open && right.tail.is_empty());
        let columns: Vec<Operand> = left.columns.iter().chain(&right.columns).cloned().collect();
        let mut texts = right.conditions;
        for condition in conditions {
            texts.push(self.condition(condition, &columns)?);
        }
        let filter = if texts.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", texts.join(" AND "))
        };
        left.conditions.push(format!("({exists} (SELECT 1 FROM {}{filter}))", right.from));
        Ok(left)
    }
}

/// Whether each condition is an equality of something of the left with something of the right, which is what PostgreSQL
/// can hash or merge by.
fn is_of_equalities(conditions: &[Expression], left_width: usize) -> bool {
    let is_equality = |condition: &Expression| match &condition.kind {
        ExpressionKind::Call { function: Function::Equal, arguments } => match arguments.as_slice()
        {
            [a, b] => {
                let sides = (side_of(a, left_width), side_of(b, left_width));
                matches!(
                    sides,
                    (Some(Side::Left), Some(Side::Right)) | (Some(Side::Right), Some(Side::Left))
                )
            }
            _ => false,
        },
        _ => false,
    };
    !conditions.is_empty() && conditions.iter().all(is_equality)
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
