//! Groups, aggregates and windows.

use super::Draft;
use super::expression::safe;
use super::function::digits;
use super::select::{Select, Stage};
use crate::sql::dialect::AggregateCall;
use crate::sql::{Kind, Operand, Shape, Subject};
use arrow::datatypes::DataType;
use mooring_spi::{
    Aggregate, AggregateFunction, Expression, Relation, Unsupported, WindowCall, WindowFunction,
};

/// Digits by which a sum may be longer than its values: ten thousand million rows.
const DIGITS_OF_ROWS: i16 = 10;
/// Digits by which MySQL's sums are longer, of 65 in all.
const LONGEST_SUMMED: i16 = 43;

impl Draft<'_> {
    pub(super) fn aggregate(
        &mut self,
        input: &Relation,
        groups: &[Expression],
        aggregates: &[Aggregate],
    ) -> Result<Select, Unsupported> {
        if groups.is_empty() && aggregates.is_empty() {
            return Err(Unsupported("neither groups nor aggregates".to_owned()));
        }
        let input = self.select(input)?;
        let mut select = self.without_constants(input);
        let (mut keys, mut columns) = (Vec::new(), Vec::new());
        for group in groups {
            let operand = self.expression(group, &select.columns)?;
            self.require_key(Subject::GroupBy, &operand)?;
            if operand.is_constant() {
                return Err(Unsupported("a group that is the same for all rows".to_owned()));
            }
            let (key, value) = self.key(operand);
            keys.push(key);
            columns.push(value);
        }
        for aggregate in aggregates {
            columns.push(self.aggregate_call(aggregate, &select.columns, None)?);
        }
        if !keys.is_empty() {
            select.tail = format!(" GROUP BY {}", keys.join(", "));
        }
        select.columns = columns;
        select.stage = Stage::Grouped;
        Ok(select)
    }

    /// What rows are grouped by, and its value.
    fn key(&self, operand: Operand) -> (String, Operand) {
        let dialect = self.writer.dialect;
        let (texts, collation) = dialect.comparable(&[&operand], false);
        let key = texts.concat();
        let sql = dialect.value_of(&key, &operand.shape.data_type);
        let mut shape = operand.shape;
        // Another value of the group may be given back, in another case for instance, were it not for the same bytes.
        if shape.kind() == Kind::Text {
            shape.collation = collation;
            shape.native = None;
        }
        (key, Operand::computed(sql, shape))
    }

    fn aggregate_call(
        &mut self,
        aggregate: &Aggregate,
        columns: &[Operand],
        over: Option<&str>,
    ) -> Result<Operand, Unsupported> {
        let function = aggregate.function;
        let subject = match (over, aggregate.distinct) {
            (Some(_), true) => {
                return Err(Unsupported("different values only, over a partition".to_owned()));
            }
            (Some(_), false) => Subject::AggregateOver(function),
            (None, true) => Subject::AggregateDistinct(function),
            (None, false) => Subject::Aggregate(function),
        };
        let argument = match &aggregate.argument {
            Some(argument) => Some(self.expression(argument, columns)?),
            None => None,
        };
        let filter = match &aggregate.filter {
            Some(filter) => Some(self.condition(filter, columns)?),
            None => None,
        };
        if let (Some(argument), Some(_)) = (&argument, &filter) {
            safe(argument, "an aggregate with a filter")?;
        }
        self.require(
            subject,
            argument.as_ref().map_or(Kind::Rows, |argument| argument.shape.kind()),
        )?;
        let dialect = self.writer.dialect;
        let text = |name: &str, argument: Option<&str>| {
            dialect.aggregate(&AggregateCall {
                name,
                argument,
                distinct: aggregate.distinct,
                filter: filter.as_deref(),
                over,
            })
        };
        let mut shape = Shape::of(aggregate.data_type.clone());
        let sql = match (function, argument) {
            (AggregateFunction::Count, argument) => {
                if aggregate.data_type != DataType::Int64
                    || (argument.is_none() && aggregate.distinct)
                {
                    return Err(self.unmet(subject, Kind::Rows));
                }
                match argument {
                    None => text("count", None),
                    Some(argument) if aggregate.distinct => {
                        self.require_key(subject, &argument)?;
                        let (texts, _) = dialect.comparable(&[&argument], false);
                        text("count", Some(&texts.concat()))
                    }
                    Some(argument) => text("count", Some(&argument.sql)),
                }
            }
            (AggregateFunction::Sum, Some(argument)) => {
                let sql = text("sum", Some(&argument.sql));
                self.sum(sql, &argument, (subject, &mut shape))?
            }
            (AggregateFunction::Min | AggregateFunction::Max, Some(argument)) => {
                if argument.shape.data_type != aggregate.data_type {
                    return Err(self.unmet(subject, argument.shape.kind()));
                }
                let name = if function == AggregateFunction::Min { "min" } else { "max" };
                let (texts, collation) = dialect.comparable(&[&argument], true);
                shape.collation = collation;
                shape.at_most = argument.shape.at_most;
                shape.overlong = argument.shape.overlong;
                shape.can_fail = shape.overlong;
                dialect.value_of(&text(name, Some(&texts.concat())), &aggregate.data_type)
            }
            (_, None) => return Err(Unsupported(format!("`{subject}` of nothing"))),
        };
        Ok(Operand::computed(sql, shape))
    }

    /// Exact, or an error: of the database where it has one, else of who reads the digits of the result. Until it is read
    /// it counts as what can fail.
    fn sum(
        &self,
        sql: String,
        argument: &Operand,
        (subject, shape): (Subject, &mut Shape),
    ) -> Result<String, Unsupported> {
        let unmet = || self.unmet(subject, argument.shape.kind());
        let (precision, scale) = digits(&argument.shape.data_type).ok_or_else(unmet)?;
        let (result, result_scale) = digits(&shape.data_type).ok_or_else(unmet)?;
        if scale != result_scale {
            return Err(unmet());
        }
        if let Some(fitted) = self.writer.dialect.fitted(&sql, &shape.data_type) {
            return Ok(fitted);
        }
        if precision > LONGEST_SUMMED || argument.shape.can_fail {
            return Err(unmet());
        }
        shape.can_fail = precision + DIGITS_OF_ROWS > result;
        shape.overlong = shape.can_fail;
        Ok(sql)
    }

    pub(super) fn window(
        &mut self,
        input: &Relation,
        calls: &[WindowCall],
    ) -> Result<Select, Unsupported> {
        if !self.writer.dialect.has_windows() {
            return Err(self.unmet(Subject::RowNumber, Kind::Rows));
        }
        let input = self.select(input)?;
        let mut select = self.without_constants(input);
        let mut columns = Vec::with_capacity(calls.len());
        for call in calls {
            columns.push(self.window_call(call, &select.columns)?);
        }
        select.columns.extend(columns);
        select.stage = Stage::Finished;
        Ok(select)
    }

    fn window_call(
        &mut self,
        call: &WindowCall,
        columns: &[Operand],
    ) -> Result<Operand, Unsupported> {
        let mut partition = Vec::with_capacity(call.partition_by.len());
        for expression in &call.partition_by {
            let operand = self.expression(expression, columns)?;
            self.require_key(Subject::GroupBy, &operand)?;
            if !operand.is_constant() {
                partition.push(self.key(operand).0);
            }
        }
        let order = self.sort_keys(&call.order_by, columns)?;
        let mut over = Vec::new();
        if !partition.is_empty() {
            over.push(format!("PARTITION BY {}", partition.join(", ")));
        }
        if !order.is_empty() {
            over.push(format!("ORDER BY {}", order.join(", ")));
        }
        let over = over.join(" ");
        let (subject, name) = match &call.function {
            WindowFunction::RowNumber => (Subject::RowNumber, "ROW_NUMBER"),
            WindowFunction::Rank => (Subject::Rank, "RANK"),
            WindowFunction::DenseRank => (Subject::Rank, "DENSE_RANK"),
            WindowFunction::Aggregate(aggregate) => {
                return self.aggregate_call(aggregate, columns, Some(&over));
            }
        };
        self.require(subject, Kind::Rows)?;
        if subject == Subject::Rank && order.is_empty() {
            return Err(Unsupported("a rank without an order".to_owned()));
        }
        if !matches!(call.data_type, DataType::Int64 | DataType::UInt64) {
            return Err(Unsupported(format!("`{subject}` as {}", Kind::of(&call.data_type))));
        }
        let counted = format!("({name}() OVER ({over}))");
        let sql = self.writer.dialect.counted(counted, &call.data_type);
        Ok(Operand::computed(sql, Shape::of(call.data_type.clone())))
    }
}
