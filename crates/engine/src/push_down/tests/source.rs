//! A source whose tables are in memory, and that does relations itself.

use super::relations::{Row, rows_of};
use crate::value::to_scalar;
use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_empty_array,
};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use futures::StreamExt;
use mooring_spi::{
    BatchStream, CatalogDefinition, ColumnStatistics, Connector, Count, Expression, ExpressionKind,
    Function, OpenRequest, Operator, Predicate, PushDown, PushDownRequest, ReaderFactory, Relation,
    Result, Scan, ScanRequest, SchemaTable, Split, SplitReader, SplitScan, Table, TableKind,
    TableStatistics, TableSummary, Unsupported, Value, value_at,
};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Names with their columns.
type Columns = &'static [(&'static str, DataType, bool)];

/// `f` has two values only.
pub const TABLES: &[(&str, usize, Columns)] = &[
    (
        "t",
        20,
        &[
            ("id", DataType::Int64, false),
            ("a", DataType::Int64, true),
            ("b", DataType::Decimal128(10, 2), true),
            ("c", DataType::Utf8, true),
            ("d", DataType::Date32, true),
            ("e", DataType::Float64, true),
            ("f", DataType::Int64, true),
        ],
    ),
    (
        "u",
        15,
        &[
            ("id", DataType::Int64, false),
            ("t_id", DataType::Int64, true),
            ("x", DataType::Int64, true),
            ("y", DataType::Utf8, true),
            ("z", DataType::Decimal128(8, 3), true),
            ("f", DataType::Int64, true),
        ],
    ),
    (
        "w",
        9,
        &[
            ("k", DataType::Int64, true),
            ("name", DataType::Utf8, true),
            ("n", DataType::Int32, true),
        ],
    ),
];

const TEXTS: &[&str] = &["", "x", "X", "y", "x ", "a%b", "a_b", "größe", "xyz", "Straße"];

#[derive(Debug)]
pub struct MemorySource {
    tables: HashMap<String, (Table, Vec<Row>)>,
    /// What was asked for, until it is read.
    answers: Mutex<HashMap<String, RecordBatch>>,
    asked: AtomicUsize,
    /// One bit per operator and per function that this source does not do.
    refused: AtomicU64,
    loses: AtomicBool,
    /// How many statements were read with keys that became known at run time.
    narrowed: AtomicUsize,
    /// How many statements came with the wish for an estimate of their rows.
    estimated: AtomicUsize,
}

impl MemorySource {
    pub fn new(tables: &[(&str, usize, Columns)]) -> Self {
        let tables = tables.iter().map(|(name, rows, columns)| {
            (String::from(*name), (table(name, *rows, columns), table_rows(*rows, columns)))
        });
        Self {
            tables: tables.collect(),
            answers: Mutex::default(),
            asked: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            loses: AtomicBool::new(false),
            narrowed: AtomicUsize::new(0),
            estimated: AtomicUsize::new(0),
        }
    }

    /// How many statements it got.
    pub fn statements(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn narrowed(&self) -> usize {
        self.narrowed.load(Ordering::SeqCst)
    }

    pub fn estimated(&self) -> usize {
        self.estimated.load(Ordering::SeqCst)
    }

    pub fn refuse(&self, bits: u64) {
        self.refused.store(bits, Ordering::SeqCst);
    }

    /// From now on every statement's first row is missing.
    pub fn lose_a_row(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    fn check(&self, bit: u32, what: &str) -> std::result::Result<(), Unsupported> {
        match self.refused.load(Ordering::SeqCst) >> bit & 1 {
            0 => Ok(()),
            _ => Err(Unsupported(format!("no {what} here"))),
        }
    }

    fn check_expression(&self, expression: &Expression) -> std::result::Result<(), Unsupported> {
        match &expression.kind {
            ExpressionKind::Column(_) | ExpressionKind::Literal(_) => Ok(()),
            ExpressionKind::Call { function, arguments } => {
                self.check(16 + *function as u32, &format!("{function:?}"))?;
                arguments.iter().try_for_each(|argument| self.check_expression(argument))
            }
            ExpressionKind::Cast(operand) => {
                self.check(8, "cast")?;
                self.check_expression(operand)
            }
            ExpressionKind::Case { branches, otherwise } => {
                self.check(9, "case")?;
                for (when, then) in branches {
                    self.check_expression(when)?;
                    self.check_expression(then)?;
                }
                otherwise.iter().try_for_each(|otherwise| self.check_expression(otherwise))
            }
            ExpressionKind::Subquery(_) => self.check(10, "subquery"),
        }
    }
}

fn table(name: &str, rows: usize, columns: Columns) -> Table {
    let field = |(name, data_type, nullable): &(&str, DataType, bool)| {
        Field::new(*name, data_type.clone(), *nullable)
    };
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let known = |(name, ..): &(&str, DataType, bool)| ColumnStatistics {
        distinct: Count::Estimate(if *name == "f" { 2 } else { rows as u64 }),
        ..ColumnStatistics::default()
    };
    Table {
        name: SchemaTable::new("s", name),
        kind: TableKind::Table,
        schema: Arc::new(Schema::new(fields)),
        statistics: TableStatistics {
            rows: Count::Estimate(rows as u64),
            bytes: Count::Unknown,
            columns: columns.iter().map(known).collect(),
        },
        handle: name.to_owned(),
        view: None,
    }
}

/// A third of the values of a nullable column are nulls; there are duplicates in all but the first.
fn table_rows(rows: usize, columns: Columns) -> Vec<Row> {
    let value = |row: usize, column: usize| {
        let (name, data_type, nullable) = &columns[column];
        // Some mixture of row and column.
        let mixed = (row * 7 + column * 13 + row * row * (column + 1)) % 23;
        if *nullable && mixed.is_multiple_of(3) {
            return Value::Null;
        }
        match data_type {
            DataType::Int64 if *name == "f" => Value::Int((mixed % 2) as i64),
            DataType::Int64 if !nullable => Value::Int(row as i64),
            DataType::Int64 | DataType::Int32 => Value::Int(mixed as i64 % 9 - 2),
            DataType::Decimal128(_, scale) => {
                Value::Decimal { unscaled: mixed as i128 * 37 - 200, scale: *scale }
            }
            DataType::Utf8 => Value::Text(TEXTS[mixed % TEXTS.len()].to_owned()),
            DataType::Date32 => Value::Date(mixed as i32 * 400 - 3000),
            DataType::Float64 => Value::Float(mixed as f64 / 4.0 - 2.0),
            other => panic!("no values of {other}"),
        }
    };
    (0..rows).map(|row| (0..columns.len()).map(|column| value(row, column)).collect()).collect()
}

fn batch(schema: &SchemaRef, rows: &[Row]) -> RecordBatch {
    let column = |index: usize| -> ArrayRef {
        let data_type = schema.field(index).data_type();
        if rows.is_empty() {
            return new_empty_array(data_type);
        }
        let scalars = rows.iter().map(|row| to_scalar(&row[index], data_type).expect("a value"));
        ScalarValue::iter_to_array(scalars).expect("an array")
    };
    let columns = (0..schema.fields().len()).map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).expect("a batch")
}

#[async_trait]
impl Connector for MemorySource {
    async fn schemas(&self) -> Result<Vec<String>> {
        Ok(vec!["s".to_owned()])
    }

    async fn tables(&self, _schema: &str) -> Result<Vec<TableSummary>> {
        Ok(Vec::new())
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        let found =
            |wanted: &SchemaTable| self.tables.get(&wanted.table).map(|(table, _)| table.clone());
        Ok(tables.iter().map(found).collect())
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        let (_, rows) = &self.tables[&request.table.handle];
        let whole = batch(&request.table.schema, rows);
        let projected = whole.project(request.projection).expect("columns");
        let limit = request.limit.map_or(rows.len(), |limit| rows.len().min(limit as usize));
        Ok(Scan::Rows(vec![projected.slice(0, limit)]))
    }

    fn push_down(&self) -> Option<&dyn PushDown> {
        Some(self)
    }
}

#[async_trait]
impl PushDown for MemorySource {
    fn supports(&self, relation: &Relation) -> std::result::Result<(), Unsupported> {
        match &relation.operator {
            Operator::Scan { .. } => Ok(()),
            Operator::Filter { conditions, .. } => {
                self.check(0, "filter")?;
                conditions.iter().try_for_each(|condition| self.check_expression(condition))
            }
            Operator::Project { expressions, .. } => {
                self.check(1, "projection")?;
                expressions.iter().try_for_each(|expression| self.check_expression(expression))
            }
            Operator::Aggregate { groups, aggregates, .. } => {
                self.check(2, "aggregate")?;
                groups.iter().try_for_each(|group| self.check_expression(group))?;
                let arguments = aggregates.iter().flat_map(|aggregate| &aggregate.argument);
                arguments.into_iter().try_for_each(|argument| self.check_expression(argument))
            }
            Operator::Limit { .. } => self.check(3, "limit"),
            Operator::Join { conditions, .. } => {
                self.check(4, "join")?;
                conditions.iter().try_for_each(|condition| self.check_expression(condition))
            }
            Operator::Union { .. } => self.check(5, "union"),
            Operator::Window { .. } => self.check(6, "window"),
        }
    }

    fn supports_expression(
        &self,
        expression: &Expression,
        _inputs: &[&Relation],
    ) -> std::result::Result<(), Unsupported> {
        self.check_expression(expression)
    }

    async fn scan(&self, request: PushDownRequest<'_>) -> Result<SplitScan> {
        let table_rows = |table: &Table| self.tables[&table.handle].1.clone();
        let mut rows = rows_of(request.relation, &table_rows)?;
        if self.loses.load(Ordering::SeqCst) && !rows.is_empty() {
            rows.remove(0);
        }
        assert_eq!(request.names.len(), request.relation.columns.len());
        let columns = request.names.iter().zip(&request.relation.columns);
        let field = |(name, column): (&String, &mooring_spi::RelationColumn)| {
            // What a relation says of nulls has to be true.
            Field::new(name, column.data_type.clone(), column.nullable)
        };
        let schema = Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()));
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        self.estimated.fetch_add(usize::from(request.needs_estimate), Ordering::SeqCst);
        let key = number.to_string();
        self.answers.lock().insert(key.clone(), batch(&schema, &rows));
        let split = Split { payload: key, label: "SELECT".to_owned(), size_bytes: 1 };
        Ok(SplitScan {
            splits: vec![split],
            readers_max: 2,
            statistics: TableStatistics::default(),
            lease: None,
        })
    }
}

#[derive(Debug)]
pub struct MemoryReaders(pub Arc<MemorySource>);

impl ReaderFactory for MemoryReaders {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn reader(&self, _definition: &CatalogDefinition) -> Result<Arc<dyn SplitReader>> {
        Ok(Arc::new(MemoryReader(self.0.clone())))
    }
}

#[derive(Debug)]
struct MemoryReader(Arc<MemorySource>);

#[async_trait]
impl SplitReader for MemoryReader {
    async fn open(&self, request: OpenRequest) -> Result<BatchStream> {
        let batch = self.0.answers.lock().get(&request.split.payload).cloned().expect("an answer");
        let batch = batch.with_schema(request.schema).expect("the columns that were asked for");
        if !request.predicate.is_empty() {
            self.0.narrowed.fetch_add(1, Ordering::SeqCst);
        }
        let batch = matching(&batch, &request.predicate);
        Ok(futures::stream::iter([Ok(batch)]).boxed())
    }
}

/// The rows that a predicate may be true of, exactly: one that says too much loses rows here.
fn matching(batch: &RecordBatch, predicate: &Predicate) -> RecordBatch {
    let may_match = |row: usize| {
        predicate.iter().all(|(name, domain)| {
            let column = batch.column_by_name(name).expect("a column of the batch");
            value_at(column, row).is_none_or(|value| domain.may_contain(&value))
        })
    };
    let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(may_match(row))).collect();
    filter_record_batch(batch, &mask).expect("rows")
}

/// The functions that [`MemorySource::refuse`] knows have bits from 16 on.
const _: () = assert!(Function::Day as u32 + 16 < 64);
