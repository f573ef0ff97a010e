//! The small relational language: a piece of a plan whose tables are all of one source, as it is offered to
//! that source. The engine translates its own plans into it, and a connector says of each operator and
//! expression whether the source does exactly this, or why not. Nothing has a name here but tables and their
//! columns: an expression names a column of its input by position.
//!
//! What an operator or a function means is what its documentation here says, which is what the engine does.
//! A source that does nearly that does not support it.

mod expression;
mod push_down;

pub use expression::{Expression, ExpressionKind, Function};
pub use push_down::{PushDown, PushDownRequest, Unsupported};

use crate::Table;
use arrow::datatypes::DataType;
use std::sync::Arc;

/// A column of a relation's rows.
#[derive(Debug, Clone, PartialEq)]
pub struct RelationColumn {
    pub data_type: DataType,
    pub nullable: bool,
}

/// Rows that a source may be asked for, in no order. One that is the input of another may have no columns, and
/// is a number of rows then; the outermost has one at least.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    pub operator: Operator,
    /// What the rows have, in order.
    pub columns: Vec<RelationColumn>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// The columns of a table, by their index in its schema.
    Scan {
        table: Arc<Table>,
        projection: Vec<usize>,
    },
    /// The rows for which every condition is true.
    Filter {
        input: Box<Relation>,
        conditions: Vec<Expression>,
    },
    Project {
        input: Box<Relation>,
        expressions: Vec<Expression>,
    },
    /// One row per combination of the groups' values, nulls being one value; without groups one row, whatever
    /// the input holds. Without aggregates it is `DISTINCT`. The columns are those of the groups, then one
    /// per aggregate.
    Aggregate {
        input: Box<Relation>,
        groups: Vec<Expression>,
        aggregates: Vec<Aggregate>,
    },
    /// `limit` rows after the first `offset` in the order of the keys; without keys any rows.
    Limit {
        input: Box<Relation>,
        order: Vec<SortKey>,
        limit: Option<u64>,
        offset: u64,
    },
    /// The pairs for which every condition is true; conditions see the left's columns, then the right's.
    Join {
        left: Box<Relation>,
        right: Box<Relation>,
        kind: JoinKind,
        conditions: Vec<Expression>,
    },
    /// All rows of all inputs, which have the same types.
    Union {
        inputs: Vec<Relation>,
    },
    /// The input's columns, then one per call.
    Window {
        input: Box<Relation>,
        calls: Vec<WindowCall>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// The left's columns, then the right's.
    Inner,
    Left,
    Right,
    Full,
    /// The left's rows that have a pair, once each: the left's columns alone.
    LeftSemi,
    /// The left's rows that have no pair: the left's columns alone.
    LeftAnti,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// Text is in the order of its bytes, NaN is larger than every number.
    pub expression: Expression,
    pub descending: bool,
    pub nulls_first: bool,
}

/// What makes one value of the rows of a group. Nulls of the argument count for nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    pub function: AggregateFunction,
    /// None for the number of rows.
    pub argument: Option<Expression>,
    pub distinct: bool,
    /// Only rows for which this is true take part.
    pub filter: Option<Expression>,
    pub data_type: DataType,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AggregateFunction {
    /// Of rows, or of values that are not null; `Int64`.
    Count,
    /// Null for no value. Of decimals exact, an error where it does not fit `data_type`; of doubles in any order.
    Sum,
    /// Null for no value. Text by its bytes; NaN is larger than every number.
    Min,
    Max,
}

/// A function over the rows of a partition in an order.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowCall {
    pub function: WindowFunction,
    pub partition_by: Vec<Expression>,
    pub order_by: Vec<SortKey>,
    pub data_type: DataType,
}

/// Numbers of rows are of the call's type, which is one of whole numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    /// Over all rows of the partition where there is no order, else over those up to the last peer of the
    /// current row.
    Aggregate(Aggregate),
}

impl Relation {
    pub fn inputs(&self) -> Vec<&Relation> {
        match &self.operator {
            Operator::Scan { .. } => vec![],
            Operator::Filter { input, .. }
            | Operator::Project { input, .. }
            | Operator::Aggregate { input, .. }
            | Operator::Limit { input, .. }
            | Operator::Window { input, .. } => vec![input],
            Operator::Join { left, right, .. } => vec![left, right],
            Operator::Union { inputs } => inputs.iter().collect(),
        }
    }

    /// The expressions of the outermost operator.
    pub fn expressions(&self) -> Vec<&Expression> {
        match &self.operator {
            Operator::Scan { .. } | Operator::Union { .. } => Vec::new(),
            Operator::Filter { conditions, .. } | Operator::Join { conditions, .. } => {
                conditions.iter().collect()
            }
            Operator::Project { expressions, .. } => expressions.iter().collect(),
            Operator::Aggregate { groups, aggregates, .. } => {
                groups.iter().chain(aggregates.iter().flat_map(Aggregate::expressions)).collect()
            }
            Operator::Limit { order, .. } => order.iter().map(|key| &key.expression).collect(),
            Operator::Window { calls, .. } => {
                calls.iter().flat_map(WindowCall::expressions).collect()
            }
        }
    }

    /// The same, to be changed.
    pub fn expressions_mut(&mut self) -> Vec<&mut Expression> {
        match &mut self.operator {
            Operator::Scan { .. } | Operator::Union { .. } => Vec::new(),
            Operator::Filter { conditions, .. } | Operator::Join { conditions, .. } => {
                conditions.iter_mut().collect()
            }
            Operator::Project { expressions, .. } => expressions.iter_mut().collect(),
            Operator::Aggregate { groups, aggregates, .. } => {
                let of_aggregates = aggregates.iter_mut().flat_map(Aggregate::expressions_mut);
                groups.iter_mut().chain(of_aggregates).collect()
            }
            Operator::Limit { order, .. } => {
                order.iter_mut().map(|key| &mut key.expression).collect()
            }
            Operator::Window { calls, .. } => {
                calls.iter_mut().flat_map(WindowCall::expressions_mut).collect()
            }
        }
    }

    /// The tables that are read, from left to right; those of an operator's subqueries after those of its inputs.
    pub fn tables(&self) -> Vec<&Arc<Table>> {
        if let Operator::Scan { table, .. } = &self.operator {
            return vec![table];
        }
        let subqueries = self.expressions().into_iter().flat_map(Expression::subqueries);
        self.inputs().into_iter().chain(subqueries).flat_map(Relation::tables).collect()
    }

    /// Whether it has no more than one row, whatever its tables hold.
    pub fn is_one_row_at_most(&self) -> bool {
        match &self.operator {
            Operator::Scan { .. } | Operator::Union { .. } => false,
            Operator::Aggregate { input, groups, .. } => {
                groups.is_empty() || input.is_one_row_at_most()
            }
            Operator::Limit { input, limit, .. } => {
                limit.is_some_and(|limit| limit <= 1) || input.is_one_row_at_most()
            }
            Operator::Filter { input, .. }
            | Operator::Project { input, .. }
            | Operator::Window { input, .. } => input.is_one_row_at_most(),
            Operator::Join { left, right, kind, .. } => match kind {
                JoinKind::Inner | JoinKind::Left | JoinKind::Right => {
                    left.is_one_row_at_most() && right.is_one_row_at_most()
                }
                JoinKind::LeftSemi | JoinKind::LeftAnti => left.is_one_row_at_most(),
                JoinKind::Full => false,
            },
        }
    }
}

impl Aggregate {
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.argument.iter().chain(&self.filter)
    }

    fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expression> {
        self.argument.iter_mut().chain(&mut self.filter)
    }
}

impl WindowCall {
    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let aggregate = match &self.function {
            WindowFunction::Aggregate(aggregate) => Some(aggregate),
            WindowFunction::RowNumber | WindowFunction::Rank | WindowFunction::DenseRank => None,
        };
        let order = self.order_by.iter().map(|key| &key.expression);
        aggregate
            .into_iter()
            .flat_map(Aggregate::expressions)
            .chain(&self.partition_by)
            .chain(order)
    }

    fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expression> {
        let aggregate = match &mut self.function {
            WindowFunction::Aggregate(aggregate) => Some(aggregate),
            WindowFunction::RowNumber | WindowFunction::Rank | WindowFunction::DenseRank => None,
        };
        let order = self.order_by.iter_mut().map(|key| &mut key.expression);
        aggregate
            .into_iter()
            .flat_map(Aggregate::expressions_mut)
            .chain(&mut self.partition_by)
            .chain(order)
    }
}
