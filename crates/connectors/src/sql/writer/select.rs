//! One `SELECT` while operators are folded into it.

use super::{Draft, Operand};
use crate::sql::{Collation, Shape};

/// What may still be put into a `SELECT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Conditions, other columns, groups, an order and a limit.
    Open,
    /// An order and a limit.
    Grouped,
    /// Nothing.
    Finished,
}

#[derive(Debug, Clone)]
pub(super) struct Select {
    /// What follows `FROM`.
    pub(super) from: String,
    /// Whether that is a join.
    pub(super) joined: bool,
    pub(super) conditions: Vec<String>,
    pub(super) columns: Vec<Operand>,
    /// Groups, order and limit, each with a space before it.
    pub(super) tail: String,
    pub(super) stage: Stage,
}

impl Select {
    pub(super) fn from(from: String, columns: Vec<Operand>) -> Self {
        Self {
            from,
            joined: false,
            conditions: Vec::new(),
            columns,
            tail: String::new(),
            stage: Stage::Open,
        }
    }

    pub(super) fn text(&self) -> String {
        let columns = if self.columns.is_empty() {
            "1 AS c0".to_owned()
        } else {
            let named = |(at, column): (usize, &Operand)| format!("{} AS c{at}", column.sql);
            self.columns.iter().enumerate().map(named).collect::<Vec<_>>().join(", ")
        };
        format!("SELECT {columns} FROM {}{}{}", self.from, self.filter(), self.tail)
    }

    pub(super) fn filter(&self) -> String {
        if self.conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", self.conditions.join(" AND "))
        }
    }

    /// Whether an expression over its columns may stand in it, repeating what they are.
    fn takes_expressions(&self) -> bool {
        self.stage == Stage::Open && self.columns.iter().all(|column| column.simple)
    }

    /// Whether each column is null for a row of nulls, which an outer join makes.
    pub(super) fn is_plain(&self) -> bool {
        self.columns.iter().all(|column| column.plain)
    }
}

impl Draft<'_> {
    /// As a derived table.
    pub(super) fn wrapped(&mut self, select: Select) -> Select {
        let alias = self.alias();
        let columns = select
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                // An outer join may make it null in some rows.
                let shape = Shape { constant: false, ..column.shape.clone() };
                let sql = format!("{alias}.c{at}");
                Operand { sql, shape, column: None, simple: true, plain: true }
            })
            .collect();
        Select::from(format!("({}) AS {alias}", select.text()), columns)
    }

    /// Ready for expressions over its columns.
    pub(super) fn open(&mut self, select: Select) -> Select {
        if select.takes_expressions() { select } else { self.wrapped(select) }
    }

    /// The same without literals as columns, which mean places in `GROUP BY`.
    pub(super) fn without_constants(&mut self, select: Select) -> Select {
        let select = self.open(select);
        if select.columns.iter().any(Operand::is_constant) { self.wrapped(select) } else { select }
    }
}

/// The collation of a column that may have either value.
pub(super) fn merged_collation<'a>(operands: impl IntoIterator<Item = &'a Operand>) -> Collation {
    operands
        .into_iter()
        .fold(Collation::Default, |collation, operand| collation.with(&operand.shape.collation))
}

/// The longest of them all.
pub(super) fn longest<'a>(operands: impl IntoIterator<Item = &'a Operand>) -> Option<u64> {
    operands
        .into_iter()
        .try_fold(0, |longest: u64, operand| Some(longest.max(operand.shape.at_most?)))
}
