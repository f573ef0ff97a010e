//! Joins, semi-joins among them.

use super::Draft;
use super::condition::is_of_equalities;
use super::select::{Select, Stage};
use crate::sql::{Kind, Operand, Subject};
use mooring_spi::{Expression, ExpressionKind, JoinKind, Relation, Unsupported};

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
                return self.exists(left, right, (kind, conditions));
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
        let texts = self.conditions(conditions, &columns)?;
        if !self.finds_pairs(conditions, &columns, left.columns.len())? {
            return Err(self.unmet(Subject::Join(kind), Kind::Rows));
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
        (kind, conditions): (JoinKind, &[Expression]),
    ) -> Result<Select, Unsupported> {
        let mut left = self.open(left);
        let right = self.open(right);
        debug_assert!(right.stage == Stage::Open && right.tail.is_empty());
        let columns: Vec<Operand> = left.columns.iter().chain(&right.columns).cloned().collect();
        let mut texts = right.conditions;
        texts.extend(self.conditions(conditions, &columns)?);
        if !self.finds_pairs(conditions, &columns, left.columns.len())? {
            return Err(self.unmet(Subject::Join(kind), Kind::Rows));
        }
        let filter = if texts.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", texts.join(" AND "))
        };
        let exists = if kind == JoinKind::LeftSemi { "EXISTS" } else { "NOT EXISTS" };
        left.conditions.push(format!("({exists} (SELECT 1 FROM {}{filter}))", right.from));
        Ok(left)
    }
}
