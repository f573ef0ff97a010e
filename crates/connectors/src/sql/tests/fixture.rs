//! Three tables of values on which databases and engines like to differ.

use super::super::reference::Row;
use super::super::{Collation, Dialect, Form, MysqlDialect, ReadAs, SourceColumn, SourceTable};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use mooring_spi::{SchemaTable, Table, TableKind, TableStatistics, Unsupported, Value};
use std::sync::Arc;

pub(super) const SMALL_DECIMAL: DataType = DataType::Decimal128(12, 2);
pub(super) const LARGE_DECIMAL: DataType = DataType::Decimal128(38, 4);
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// A column of every table: its native type in both databases.
struct Column {
    name: &'static str,
    data_type: DataType,
    postgres: (&'static str, Form),
    mysql: (&'static str, Form),
}

pub(super) struct Fixture {
    pub(super) schema: String,
    /// The tables with their rows.
    pub(super) tables: Vec<(Arc<Table>, Vec<Row>)>,
    columns: Vec<SourceColumn>,
    native_types: Vec<&'static str>,
}

pub(super) fn wall() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

pub(super) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn columns() -> Vec<Column> {
    let exact = |name, data_type, postgres, mysql| Column {
        name,
        data_type,
        postgres: (postgres, Form::Exact),
        mysql: (mysql, Form::Exact),
    };
    let opaque = |reason: &str| Form::Opaque { reason: reason.to_owned(), read_as: ReadAs::Native };
    let text = |collation, at_most, converted| Form::Text { collation, at_most, converted };
    let named = |name: &str| Collation::Named(name.to_owned());
    vec![
        exact("id", DataType::Int64, "int8 PRIMARY KEY", "bigint PRIMARY KEY"),
        exact("n", DataType::Int64, "int8", "bigint"),
        exact("small \"` one", DataType::Int32, "int4", "int"),
        exact("d", SMALL_DECIMAL, "numeric(12,2)", "decimal(12,2)"),
        exact("w", LARGE_DECIMAL, "numeric(38,4)", "decimal(38,4)"),
        Column {
            name: "x",
            data_type: DataType::Utf8,
            postgres: ("text", text(Collation::Default, None, false)),
            mysql: (
                "varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
                text(Collation::Other, Some(40), false),
            ),
        },
        Column {
            name: "y",
            data_type: DataType::Utf8,
            postgres: (
                "varchar(40) COLLATE mooring_no_case",
                text(Collation::Other, Some(40), false),
            ),
            mysql: (
                "varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                text(Collation::Other, Some(40), false),
            ),
        },
        Column {
            name: "v",
            data_type: DataType::Utf8,
            postgres: ("text COLLATE \"C\"", text(named("C"), None, false)),
            mysql: ("varchar(40) CHARACTER SET latin1", text(Collation::Other, Some(40), true)),
        },
        Column {
            name: "u",
            data_type: DataType::Utf8,
            postgres: ("text COLLATE \"POSIX\"", text(named("POSIX"), None, false)),
            mysql: ("text CHARACTER SET utf8mb4", text(Collation::Other, Some(16_383), false)),
        },
        exact("f", DataType::Float64, "float8", "double"),
        Column {
            name: "b",
            data_type: DataType::Boolean,
            postgres: ("boolean", Form::Exact),
            mysql: ("tinyint(1)", Form::NumberAsBoolean),
        },
        Column {
            name: "dt",
            data_type: DataType::Date32,
            postgres: ("date", Form::Exact),
            mysql: ("date", Form::ZeroDates),
        },
        exact("ts", wall(), "timestamp", "datetime(6)"),
        exact("tz", instant(), "timestamptz", "timestamp(6) NULL"),
        Column {
            name: "o",
            data_type: DataType::Utf8,
            postgres: ("char(5)", opaque("`char(5)`")),
            mysql: ("enum('z', 'a', '')", opaque("`enum`")),
        },
    ]
}

/// The same for every database but for what only PostgreSQL holds.
fn values(data_type: &DataType, name: &str, is_mysql: bool) -> Vec<Value> {
    let texts = |texts: &[&str]| texts.iter().map(|text| Value::Text((*text).to_owned())).collect();
    let day = |days: i64| Value::Timestamp(days * MICROSECONDS_PER_DAY);
    let decimal = |scale| move |unscaled: &i128| Value::Decimal { unscaled: *unscaled, scale };
    match (data_type, name) {
        (DataType::Int64, _) => {
            [0, 1, 2, 3, -1, 7, i64::MAX, i64::MIN, i64::MAX - 1, 3, 1].map(Value::Int).to_vec()
        }
        (DataType::Int32, _) => {
            [0, 1, 2, -2, 3, i64::from(i32::MAX), i64::from(i32::MIN), 1].map(Value::Int).to_vec()
        }
        (DataType::Decimal128(12, _), _) => {
            [0, 100, 150, -150, 1, 999_999_999_999, -999_999_999_999, 150]
                .iter()
                .map(decimal(2))
                .collect()
        }
        (DataType::Decimal128(..), _) => {
            let largest = 10i128.pow(38) - 1;
            [0, 10_000, 15_000, -1, largest, -largest, 5].iter().map(decimal(4)).collect()
        }
        (DataType::Utf8, "o") if is_mysql => texts(&["z", "a", ""]),
        (DataType::Utf8, "o") => texts(&["ab   ", "AB   ", "     "]),
        (DataType::Utf8, "v") => {
            texts(&["", "a", "a ", "A", "é", "É", "%", "_", "b\\", "it's", "Z", "a"])
        }
        (DataType::Utf8, _) => texts(&[
            "",
            "a",
            "a ",
            "A",
            "é",
            "E\u{301}",
            "É",
            "ß",
            "ss",
            "日本",
            "\u{1f600}",
            "%",
            "_",
            "\\",
            "a\\%b",
            "it's",
            "\"q\"",
            "Z",
            " a",
            "NULL",
            "<&>",
            "a",
            "1",
            ":n ?",
        ]),
        (DataType::Float64, _) => {
            let mut numbers = vec![0.0, 1.5, -1.5, 0.1, 1e308, -1e308, 5e-324, 1.5];
            if !is_mysql {
                numbers.extend([-0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
            }
            numbers.into_iter().map(Value::Float).collect()
        }
        (DataType::Boolean, _) => vec![Value::Boolean(true), Value::Boolean(false)],
        (DataType::Date32, _) => {
            let mut days = vec![0, -1, 11_016, 11_016, 18_262, 2_932_896, -354_285];
            if !is_mysql {
                // 44 BC, 1 BC, the year 200000.
                days.extend([-735_232, -719_163, 72_329_000]);
            }
            days.into_iter().map(Value::Date).collect()
        }
        (DataType::Timestamp(_, None), _) => {
            vec![
                day(0),
                Value::Timestamp(-1),
                day(11_016),
                Value::Timestamp(1_583_020_800_123_456),
                day(18_262),
            ]
        }
        (DataType::Timestamp(..), _) => {
            vec![day(1), Value::Timestamp(1_583_020_800_123_456), day(18_262), day(11_016)]
        }
        (other, _) => panic!("no values of {other}"),
    }
}

impl Fixture {
    pub(super) fn new(schema: &str, is_mysql: bool) -> Self {
        let columns = columns();
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| Field::new(column.name, column.data_type.clone(), column.name != "id"))
            .collect();
        let arrow_schema = Arc::new(Schema::new(fields));
        let tables = [("a", 26), ("b", 9), ("Empty", 0)]
            .into_iter()
            .map(|(name, count)| {
                let table = Table {
                    name: SchemaTable { schema: schema.to_owned(), table: name.to_owned() },
                    kind: TableKind::Table,
                    schema: arrow_schema.clone(),
                    statistics: TableStatistics::default(),
                    handle: name.to_owned(),
                    view: None,
                };
                let rows = (0..count).map(|at| row(&columns, at, (name, is_mysql))).collect();
                (Arc::new(table), rows)
            })
            .collect();
        let native =
            |column: &Column| if is_mysql { column.mysql.clone() } else { column.postgres.clone() };
        Self {
            schema: schema.to_owned(),
            tables,
            native_types: columns.iter().map(|column| native(column).0).collect(),
            columns: columns
                .iter()
                .map(|column| SourceColumn { name: column.name.to_owned(), form: native(column).1 })
                .collect(),
        }
    }

    pub(super) fn source_table(&self, table: &Arc<Table>) -> Result<SourceTable, Unsupported> {
        Ok(SourceTable {
            schema: self.schema.clone(),
            name: table.handle.clone(),
            columns: self.columns.clone(),
        })
    }

    pub(super) fn rows(&self, table: &Table) -> Vec<Row> {
        let found = self.tables.iter().find(|(other, _)| other.handle == table.handle);
        found.expect("a table of the fixture").1.clone()
    }

    /// The statements that make and fill the tables, each on one line.
    pub(super) fn statements(&self, dialect: &dyn Dialect) -> Vec<String> {
        let mut statements = Vec::new();
        for (table, rows) in &self.tables {
            let name = format!(
                "{}.{}",
                dialect.identifier(&self.schema),
                dialect.identifier(&table.handle)
            );
            let columns: Vec<String> = self
                .columns
                .iter()
                .zip(&self.native_types)
                .map(|(column, native)| format!("{} {native}", dialect.identifier(&column.name)))
                .collect();
            statements.push(format!("CREATE TABLE {name} ({})", columns.join(", ")));
            for row in rows {
                let values: Vec<String> = row
                    .iter()
                    .zip(table.schema.fields())
                    .map(|(value, field)| stored(value, (field.data_type(), &row[0]), dialect))
                    .collect();
                statements.push(format!("INSERT INTO {name} VALUES ({})", values.join(", ")));
            }
        }
        statements
    }
}

/// Every value of each column comes up in the first table, beside others each time, and nulls.
fn row(columns: &[Column], at: usize, (table, is_mysql): (&str, bool)) -> Row {
    let step = if table == "a" { 1 } else { 3 };
    columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            if column.name == "id" {
                return Value::Int(i64::try_from(at).expect("few"));
            }
            let values = values(&column.data_type, column.name, is_mysql);
            let turn = (at * step + place) % (values.len() + 1);
            values.get(turn).cloned().unwrap_or(Value::Null)
        })
        .collect()
}

fn stored(value: &Value, (data_type, id): (&DataType, &Value), dialect: &dyn Dialect) -> String {
    let is_mysql = dialect.longest_key().is_some();
    match value {
        // What no calendar has is read as null.
        Value::Null if *data_type == DataType::Date32 && is_mysql => match id {
            Value::Int(id) if id % 2 == 0 => "'0000-00-00'".to_owned(),
            _ => "'2024-02-31'".to_owned(),
        },
        // Whatever is not 0 is true.
        Value::Boolean(true) if is_mysql => "2".to_owned(),
        Value::Date(days) if dialect.literal(value, data_type).is_err() => {
            format!("date '1970-01-01' + ({days})")
        }
        value => dialect.literal(value, data_type).expect("a value that the database has"),
    }
}

/// For texts: PostgreSQL without a server, and the newest MariaDB.
pub(super) fn mariadb() -> MysqlDialect {
    MysqlDialect { mariadb: true, version: (10, 11, 0) }
}
