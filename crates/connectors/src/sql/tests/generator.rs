//! Random relations that a writer supports, small enough for the reference.

use super::super::SqlWriter;
use super::super::reference::{self, Overflow, Row};
use super::build;
use super::fixture::{Fixture, LARGE_DECIMAL, SMALL_DECIMAL, instant, wall};
use super::random::Random;
use arrow::datatypes::DataType;
use mooring_spi::{
    Aggregate, AggregateFunction, Expression, ExpressionKind, Function, JoinKind, Operator,
    Relation, RelationColumn, SortKey, Value, WindowCall, WindowFunction,
};

/// Rows of an operator's result: nested loops and windows must end.
const MOST_ROWS: usize = 250;
const TRIES: usize = 12;

pub(super) struct Generator<'a> {
    pub(super) random: Random,
    pub(super) fixture: &'a Fixture,
    pub(super) writer: SqlWriter<'a>,
}

/// A relation and what it should make.
pub(super) struct Plan {
    pub(super) relation: Relation,
    pub(super) rows: Result<Vec<Row>, Overflow>,
}

impl Generator<'_> {
    pub(super) fn plan(&mut self) -> Plan {
        let depth = 1 + self.random.below(6);
        let mut plan = self.leaf();
        for _ in 0..depth {
            for _ in 0..TRIES {
                let candidate = self.operator(plan.relation.clone());
                if let Some(accepted) = candidate.and_then(|relation| self.accepted(relation)) {
                    plan = accepted;
                    break;
                }
            }
            if plan.rows.is_err() {
                return plan;
            }
        }
        if self.random.one_in(3) {
            let last = self.any_limit(plan.relation.clone());
            plan = self.accepted(last).unwrap_or(plan);
        }
        plan
    }

    fn accepted(&self, relation: Relation) -> Option<Plan> {
        self.writer.supports(&relation).ok()?;
        let rows = reference::rows(&relation, &|table| self.fixture.rows(table));
        let is_small = rows.as_ref().map_or(true, |rows| rows.len() <= MOST_ROWS);
        is_small.then_some(Plan { relation, rows })
    }

    fn leaf(&mut self) -> Plan {
        loop {
            let turn = if self.random.one_in(12) { 2 } else { self.random.below(2) };
            let table = self.fixture.tables[turn].0.clone();
            let width = table.schema.fields().len();
            let mut projection: Vec<usize> = (0..width).filter(|_| self.random.one_in(2)).collect();
            if projection.is_empty() {
                projection.push(self.random.below(width));
            }
            if let Some(plan) = self.accepted(build::scan(&table, projection)) {
                return plan;
            }
        }
    }

    fn operator(&mut self, input: Relation) -> Option<Relation> {
        match self.random.below(11) {
            0..=2 => {
                let count = 1 + self.random.below(2);
                let conditions = (0..count).map(|_| self.condition(&input.columns, 3)).collect();
                Some(build::filter(input, conditions))
            }
            3 | 4 => Some(self.projection(input)),
            5 | 6 => Some(self.aggregate(input)),
            7 => self.inner_limit(input),
            8 => Some(self.join(input)),
            9 => Some(self.union(input)),
            _ => self.window(input),
        }
    }

    fn projection(&mut self, input: Relation) -> Relation {
        let count = 1 + self.random.below(input.columns.len().min(6) + 1);
        let expressions = (0..count)
            .map(|_| {
                if self.random.one_in(8) {
                    self.decimal(&input.columns, 2)
                } else if self.random.one_in(3) {
                    let data_type = self.data_type(&input.columns);
                    self.expression(&data_type, &input.columns, 3)
                } else {
                    build::column(&input, self.random.below(input.columns.len()))
                }
            })
            .collect();
        build::project(input, expressions)
    }

    fn aggregate(&mut self, input: Relation) -> Relation {
        let groups: Vec<Expression> = (0..self.random.below(3))
            .map(|_| {
                let data_type = self.data_type(&input.columns);
                self.expression(&data_type, &input.columns, 1)
            })
            .collect();
        let least = usize::from(groups.is_empty());
        let aggregates =
            (0..least + self.random.below(3)).map(|_| self.aggregate_call(&input)).collect();
        build::aggregate(input, groups, aggregates)
    }

    fn aggregate_call(&mut self, input: &Relation) -> Aggregate {
        let filter = self.random.one_in(4).then(|| self.condition(&input.columns, 2));
        let distinct = self.random.one_in(4);
        match self.random.below(5) {
            0 => Aggregate { filter, ..build::of(AggregateFunction::Count, None, DataType::Int64) },
            1 => {
                let data_type = self.data_type(&input.columns);
                let argument = self.expression(&data_type, &input.columns, 1);
                let call = build::of(AggregateFunction::Count, Some(argument), DataType::Int64);
                Aggregate { filter, distinct, ..call }
            }
            2 => {
                let argument = self.decimal(&input.columns, 2);
                let result = match argument.data_type {
                    DataType::Decimal128(precision, scale) => {
                        DataType::Decimal128((precision + 10).min(38), scale)
                    }
                    ref other => other.clone(),
                };
                let call = build::of(AggregateFunction::Sum, Some(argument), result);
                Aggregate { filter, distinct, ..call }
            }
            turn => {
                let data_type = self.data_type(&input.columns);
                let argument = self.expression(&data_type, &input.columns, 2);
                let function =
                    if turn == 3 { AggregateFunction::Min } else { AggregateFunction::Max };
                Aggregate { filter, distinct, ..build::of(function, Some(argument), data_type) }
            }
        }
    }

    /// With an order that decides all but equal rows, so that the result is one.
    fn inner_limit(&mut self, input: Relation) -> Option<Relation> {
        let order = self.total_order(&input)?;
        let (limit, offset) = self.bounds();
        Some(build::limit(input, order, limit, offset))
    }

    fn any_limit(&mut self, input: Relation) -> Relation {
        let order = (0..self.random.below(3))
            .map(|_| {
                let at = self.random.below(input.columns.len());
                self.sort_key(build::column(&input, at))
            })
            .collect();
        let (limit, offset) = self.bounds();
        build::limit(input, order, limit, offset)
    }

    fn bounds(&mut self) -> (Option<u64>, u64) {
        let small = [0, 1, 2, 3, 5, 10];
        let limit = (!self.random.one_in(5)).then(|| *self.random.choice(&small));
        let limit = if self.random.one_in(30) { Some(u64::MAX) } else { limit };
        let offset = if self.random.one_in(3) { *self.random.choice(&small) } else { 0 };
        (limit, if self.random.one_in(60) { u64::MAX } else { offset })
    }

    fn total_order(&mut self, input: &Relation) -> Option<Vec<SortKey>> {
        let mut order: Vec<SortKey> =
            (0..input.columns.len()).map(|at| self.sort_key(build::column(input, at))).collect();
        let turn = self.random.below(order.len());
        order.rotate_left(turn);
        let probe = build::limit(input.clone(), order.clone(), Some(1), 0);
        self.writer.supports(&probe).ok().map(|()| order)
    }

    fn sort_key(&mut self, expression: Expression) -> SortKey {
        let (descending, nulls_first) = (self.random.one_in(2), self.random.one_in(2));
        SortKey { expression, descending, nulls_first }
    }

    fn join(&mut self, left: Relation) -> Relation {
        let mut right = self.leaf().relation;
        if self.random.one_in(2) {
            let conditions = vec![self.condition(&right.columns, 2)];
            right = build::filter(right, conditions);
        }
        let kinds = [
            JoinKind::Inner,
            JoinKind::Left,
            JoinKind::Right,
            JoinKind::Full,
            JoinKind::LeftSemi,
            JoinKind::LeftAnti,
        ];
        let kind = *self.random.choice(&kinds);
        let both: Vec<RelationColumn> =
            left.columns.iter().chain(&right.columns).cloned().collect();
        let mut conditions = Vec::new();
        let pairs: Vec<(usize, usize)> = (0..left.columns.len())
            .flat_map(|a| (left.columns.len()..both.len()).map(move |b| (a, b)))
            .filter(|(a, b)| both[*a].data_type == both[*b].data_type)
            .collect();
        if !pairs.is_empty() {
            let (a, b) = *self.random.choice(&pairs);
            let side = |at: usize| Expression {
                kind: ExpressionKind::Column(at),
                data_type: both[at].data_type.clone(),
            };
            let function = if self.random.one_in(5) { Function::Same } else { Function::Equal };
            conditions.push(build::test(function, vec![side(a), side(b)]));
        }
        if self.random.one_in(4) {
            conditions.push(self.condition(&both, 2));
        }
        build::join(left, right, kind, conditions)
    }

    /// With itself, or with another table's rows of the same types.
    fn union(&mut self, input: Relation) -> Relation {
        let mut other = self.leaf().relation;
        let wanted: Vec<DataType> =
            input.columns.iter().map(|column| column.data_type.clone()).collect();
        let expressions =
            wanted.iter().map(|data_type| self.expression(data_type, &other.columns, 1)).collect();
        other = build::project(other, expressions);
        let mut inputs =
            if self.random.one_in(2) { vec![input, other] } else { vec![other, input] };
        if self.random.one_in(5) {
            inputs.push(inputs[0].clone());
        }
        build::union(inputs)
    }

    fn window(&mut self, input: Relation) -> Option<Relation> {
        let number = if self.random.one_in(2) { DataType::UInt64 } else { DataType::Int64 };
        let partition_by: Vec<Expression> = (0..self.random.below(3))
            .map(|_| build::column(&input, self.random.below(input.columns.len())))
            .collect();
        let few_keys = |generator: &mut Self, least: usize| -> Vec<SortKey> {
            (0..least + generator.random.below(2))
                .map(|_| {
                    let at = generator.random.below(input.columns.len());
                    generator.sort_key(build::column(&input, at))
                })
                .collect()
        };
        let (function, order_by, data_type) = match self.random.below(5) {
            0 => (WindowFunction::RowNumber, self.total_order(&input)?, number),
            1 => (WindowFunction::Rank, few_keys(self, 1), number),
            2 => (WindowFunction::DenseRank, few_keys(self, 1), number),
            _ => {
                let aggregate = Aggregate { distinct: false, ..self.aggregate_call(&input) };
                let data_type = aggregate.data_type.clone();
                (WindowFunction::Aggregate(aggregate), few_keys(self, 0), data_type)
            }
        };
        let mut columns = input.columns.clone();
        columns.push(RelationColumn { data_type: data_type.clone(), nullable: true });
        let calls = vec![WindowCall { function, partition_by, order_by, data_type }];
        Some(Relation { operator: Operator::Window { input: Box::new(input), calls }, columns })
    }

    fn data_type(&mut self, columns: &[RelationColumn]) -> DataType {
        if self.random.one_in(4) {
            let all = [
                DataType::Boolean,
                DataType::Int64,
                DataType::Int32,
                SMALL_DECIMAL,
                LARGE_DECIMAL,
                DataType::Utf8,
                DataType::Float64,
                DataType::Date32,
                wall(),
                instant(),
            ];
            return self.random.choice(&all).clone();
        }
        self.random.choice(columns).data_type.clone()
    }

    pub(super) fn condition(&mut self, columns: &[RelationColumn], depth: usize) -> Expression {
        self.expression(&DataType::Boolean, columns, depth)
    }

    /// Of this very type.
    fn expression(
        &mut self,
        data_type: &DataType,
        columns: &[RelationColumn],
        depth: usize,
    ) -> Expression {
        if depth == 0 || self.random.one_in(3) {
            return self.column_or_literal(data_type, columns);
        }
        if self.random.one_in(15) {
            return self.subquery(data_type);
        }
        let of = |generator: &mut Self, data_type: &DataType| {
            generator.expression(data_type, columns, depth - 1)
        };
        match self.random.below(9) {
            0 => {
                let branches = (0..1 + self.random.below(2))
                    .map(|_| (of(self, &DataType::Boolean), of(self, data_type)))
                    .collect();
                let otherwise = self.random.one_in(2).then(|| Box::new(of(self, data_type)));
                let kind = ExpressionKind::Case { branches, otherwise };
                return Expression { kind, data_type: data_type.clone() };
            }
            1 => {
                let arguments =
                    (0..1 + self.random.below(3)).map(|_| of(self, data_type)).collect();
                return build::call(Function::Coalesce, arguments, data_type.clone());
            }
            _ => {}
        }
        match data_type {
            DataType::Boolean => self.test(columns, depth - 1),
            DataType::Int64 => self.integer(columns, depth - 1),
            DataType::Int32 => {
                if self.random.one_in(2) {
                    build::cast(of(self, &DataType::Int64), DataType::Int32)
                } else {
                    self.calendar_part(columns, (DataType::Int32, depth - 1))
                }
            }
            DataType::Decimal128(..) => self.decimal_of(data_type, (columns, depth - 1)),
            DataType::Utf8 => self.text(columns, depth - 1),
            DataType::Float64 => match self.random.below(4) {
                0 => build::cast(of(self, &DataType::Int64), DataType::Float64),
                1 => build::cast(of(self, &DataType::Int32), DataType::Float64),
                2 => build::call(Function::Negate, vec![of(self, data_type)], data_type.clone()),
                _ => build::call(Function::Absolute, vec![of(self, data_type)], data_type.clone()),
            },
            DataType::Timestamp(_, None) => build::cast(of(self, &DataType::Date32), wall()),
            other => self.column_or_literal(other, columns),
        }
    }

    /// Of a relation of one row at most: an aggregate, or the first row of an order, of which nothing may be left.
    fn subquery(&mut self, data_type: &DataType) -> Expression {
        let mut input = self.leaf().relation;
        if self.random.one_in(2) {
            let conditions = vec![self.condition(&input.columns, 1)];
            input = build::filter(input, conditions);
        }
        let value = self.expression(data_type, &input.columns, 1);
        let mut relation = match self.random.below(3) {
            0 => {
                let values = build::project(input, vec![value]);
                let order = vec![self.sort_key(build::column(&values, 0))];
                let (limit, offset) = (self.random.below(2) as u64, self.random.below(3) as u64);
                build::limit(values, order, Some(limit), offset)
            }
            turn => {
                let function =
                    if turn == 1 { AggregateFunction::Min } else { AggregateFunction::Max };
                let call = build::of(function, Some(value), data_type.clone());
                build::aggregate(input, Vec::new(), vec![call])
            }
        };
        if self.random.one_in(4) {
            let conditions = vec![self.condition(&relation.columns, 1)];
            relation = build::filter(relation, conditions);
        }
        let kind = ExpressionKind::Subquery(Box::new(relation));
        Expression { kind, data_type: data_type.clone() }
    }

    fn column_or_literal(
        &mut self,
        data_type: &DataType,
        columns: &[RelationColumn],
    ) -> Expression {
        let same: Vec<usize> =
            (0..columns.len()).filter(|&at| columns[at].data_type == *data_type).collect();
        if !same.is_empty() && !self.random.one_in(4) {
            let at = *self.random.choice(&same);
            return Expression { kind: ExpressionKind::Column(at), data_type: data_type.clone() };
        }
        build::literal(self.value(data_type), data_type.clone())
    }

    /// One of those in the tables.
    fn value(&mut self, data_type: &DataType) -> Value {
        if self.random.one_in(8) {
            return Value::Null;
        }
        let (table, rows) = &self.fixture.tables[0];
        let fields = table.schema.fields();
        let same: Vec<usize> =
            (0..fields.len()).filter(|&at| fields[at].data_type() == data_type).collect();
        if same.is_empty() {
            return match data_type {
                DataType::UInt64 => Value::UInt(1 + self.random.below(4) as u64),
                DataType::Decimal128(_, scale) => Value::Decimal {
                    unscaled: self.random.below(2000) as i128 - 1000,
                    scale: *scale,
                },
                _ => Value::Null,
            };
        }
        let at = *self.random.choice(&same);
        self.random.choice(rows)[at].clone()
    }

    fn test(&mut self, columns: &[RelationColumn], depth: usize) -> Expression {
        let data_type = self.data_type(columns);
        match self.random.below(12) {
            0..=4 => {
                let functions = [
                    Function::Equal,
                    Function::NotEqual,
                    Function::Less,
                    Function::LessOrEqual,
                    Function::Greater,
                    Function::GreaterOrEqual,
                    Function::Same,
                ];
                let function = *self.random.choice(&functions);
                let left = self.expression(&data_type, columns, depth);
                let right = match data_type {
                    // Of other digits.
                    DataType::Decimal128(..) if self.random.one_in(2) => {
                        self.decimal(columns, depth)
                    }
                    _ => self.expression(&data_type, columns, depth),
                };
                build::test(function, vec![left, right])
            }
            5 => {
                let value = self.expression(&data_type, columns, depth);
                let mut arguments = vec![value];
                for _ in 0..1 + self.random.below(3) {
                    arguments.push(build::literal(self.value(&data_type), data_type.clone()));
                }
                build::test(Function::In, arguments)
            }
            6 | 7 => {
                let function = if self.random.one_in(2) { Function::And } else { Function::Or };
                let count = 1 + self.random.below(3);
                build::test(function, (0..count).map(|_| self.condition(columns, depth)).collect())
            }
            8 => build::test(Function::Not, vec![self.condition(columns, depth)]),
            9 => {
                let at = self.random.below(columns.len());
                let data_type = columns[at].data_type.clone();
                let value = Expression { kind: ExpressionKind::Column(at), data_type };
                let function =
                    if self.random.one_in(2) { Function::IsNull } else { Function::IsNotNull };
                build::test(function, vec![value])
            }
            _ => {
                let patterns = [
                    "%", "", "_", "a%", "%\\%%", "_ ", "%a_", "\\_", "%\\\\%", "É", "__%", "!%",
                    "it's", "%é%",
                ];
                let pattern: &str = self.random.choice::<&str>(&patterns);
                let pattern = build::text(pattern);
                let value = self.expression(&DataType::Utf8, columns, depth);
                build::test(Function::Like, vec![value, pattern])
            }
        }
    }

    fn integer(&mut self, columns: &[RelationColumn], depth: usize) -> Expression {
        let of = |generator: &mut Self, data_type: &DataType| {
            generator.expression(data_type, columns, depth)
        };
        let int64 = DataType::Int64;
        match self.random.below(8) {
            0..=2 => {
                let functions = [Function::Add, Function::Subtract, Function::Multiply];
                let function = *self.random.choice(&functions);
                let sides = vec![of(self, &int64), of(self, &int64)];
                build::call(function, sides, int64)
            }
            3 => build::call(Function::Negate, vec![of(self, &int64)], int64),
            4 => build::call(Function::Absolute, vec![of(self, &int64)], int64),
            5 => build::call(Function::CharacterLength, vec![of(self, &DataType::Utf8)], int64),
            6 => build::cast(of(self, &DataType::Int32), int64),
            _ => self.calendar_part(columns, (int64, depth)),
        }
    }

    fn calendar_part(
        &mut self,
        columns: &[RelationColumn],
        (data_type, depth): (DataType, usize),
    ) -> Expression {
        let function = *self.random.choice(&[Function::Year, Function::Month, Function::Day]);
        let from = if self.random.one_in(2) { DataType::Date32 } else { wall() };
        let value = self.expression(&from, columns, depth);
        build::call(function, vec![value], data_type)
    }

    fn decimal_of(
        &mut self,
        data_type: &DataType,
        (columns, depth): (&[RelationColumn], usize),
    ) -> Expression {
        let function = match self.random.below(4) {
            0 => Function::Negate,
            1 => Function::Absolute,
            2 => {
                let from = if self.random.one_in(2) { DataType::Int64 } else { SMALL_DECIMAL };
                return build::cast(self.expression(&from, columns, depth), data_type.clone());
            }
            _ => return self.column_or_literal(data_type, columns),
        };
        build::call(function, vec![self.expression(data_type, columns, depth)], data_type.clone())
    }

    /// Of whatever digits come out.
    fn decimal(&mut self, columns: &[RelationColumn], depth: usize) -> Expression {
        let decimals: Vec<DataType> = columns
            .iter()
            .map(|column| column.data_type.clone())
            .filter(|data_type| matches!(data_type, DataType::Decimal128(..)))
            .collect();
        let data_type =
            if decimals.is_empty() { SMALL_DECIMAL } else { self.random.choice(&decimals).clone() };
        let left = self.expression(&data_type, columns, depth);
        if self.random.one_in(2) {
            return left;
        }
        let right = self.expression(&SMALL_DECIMAL, columns, depth);
        let (DataType::Decimal128(a, a_scale), DataType::Decimal128(b, b_scale)) =
            (&left.data_type, &right.data_type)
        else {
            return left;
        };
        let function =
            *self.random.choice(&[Function::Add, Function::Subtract, Function::Multiply]);
        let (precision, scale) = if function == Function::Multiply {
            (a + b + 1, a_scale + b_scale)
        } else {
            (a + b + 2, *a_scale.max(b_scale))
        };
        build::call(function, vec![left, right], DataType::Decimal128(precision.min(38), scale))
    }

    fn text(&mut self, columns: &[RelationColumn], depth: usize) -> Expression {
        let of = |generator: &mut Self, data_type: &DataType| {
            generator.expression(data_type, columns, depth)
        };
        match self.random.below(4) {
            0 => {
                let texts =
                    (0..1 + self.random.below(3)).map(|_| of(self, &DataType::Utf8)).collect();
                build::call(Function::Concat, texts, DataType::Utf8)
            }
            1 | 2 => {
                let place = build::integer(1 + self.random.below(3) as i64);
                let mut arguments = vec![of(self, &DataType::Utf8), place];
                if !self.random.one_in(3) {
                    arguments.push(build::integer(1 + self.random.below(3) as i64));
                }
                build::call(Function::Substring, arguments, DataType::Utf8)
            }
            _ => build::cast(of(self, &DataType::Int64), DataType::Utf8),
        }
    }
}
