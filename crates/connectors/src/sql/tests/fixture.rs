//! Three tables of values on which databases and engines like to differ.

use super::super::reference::Row;
use super::super::{Collation, Dialect, Form, MysqlDialect, ReadAs, SourceColumn, SourceTable};
use super::reading::Catalog;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use mooring_spi::{SchemaTable, Table, TableKind, TableStatistics, Unsupported, Value};
use std::sync::Arc;

pub(super) const SMALL_DECIMAL: DataType = DataType::Decimal128(12, 2);
pub(super) const LARGE_DECIMAL: DataType = DataType::Decimal128(38, 4);
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// A column of every table.
struct Column {
    name: &'static str,
    data_type: DataType,
    native_type: &'static str,
    form: Form,
}

pub(super) struct Fixture {
    pub(super) schema: String,
    /// The tables with their rows.
    pub(super) tables: Vec<(Arc<Table>, Vec<Row>)>,
    columns: Vec<SourceColumn>,
    native_types: Vec<&'static str>,
    pub(super) is_mysql: bool,
}

pub(super) fn wall() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

pub(super) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn columns(is_mysql: bool) -> Vec<Column> {
    let mut columns = shared_columns(is_mysql);
    columns.extend(own_columns(is_mysql));
    columns
}

/// Those that only one of the databases has, or has otherwise.
fn own_columns(is_mysql: bool) -> Vec<Column> {
    let column = |name, data_type, native_type, form| Column { name, data_type, native_type, form };
    let small = |native_type| column("sm", DataType::Int16, native_type, Form::Exact);
    if !is_mysql {
        return vec![
            small("int2"),
            column("r", DataType::Float32, "real", Form::Exact),
            column("k", DataType::Binary, "bytea", Form::Bytes { at_most: None }),
        ];
    }
    let bytes = |name, native_type, length| {
        column(name, DataType::Binary, native_type, Form::Bytes { at_most: Some(length) })
    };
    vec![
        small("smallint"),
        column("un", DataType::UInt64, "bigint unsigned", Form::Exact),
        column("yr", DataType::Int16, "year", opaque("`year`")),
        column("bits", DataType::UInt64, "bit(5)", opaque("`bit`")),
        bytes("k4", "binary(4)", 4),
        bytes("k2", "binary(2)", 2),
    ]
}

fn opaque(reason: &str) -> Form {
    Form::Opaque { reason: reason.to_owned(), read_as: ReadAs::Native }
}

fn shared_columns(is_mysql: bool) -> Vec<Column> {
    let native = |name, data_type, postgres: (&'static str, Form), mysql: (&'static str, Form)| {
        let (native_type, form) = if is_mysql { mysql } else { postgres };
        Column { name, data_type, native_type, form }
    };
    let exact = |name, data_type, postgres, mysql| {
        native(name, data_type, (postgres, Form::Exact), (mysql, Form::Exact))
    };
    let text = |collation, at_most, converted| Form::Text { collation, at_most, converted };
    let named = |name: &str| Collation::Named(name.to_owned());
    vec![
        exact("id", DataType::Int64, "int8 PRIMARY KEY", "bigint PRIMARY KEY"),
        exact("n", DataType::Int64, "int8", "bigint"),
        exact("small \"` one", DataType::Int32, "int4", "int"),
        exact("d", SMALL_DECIMAL, "numeric(12,2)", "decimal(12,2)"),
        exact("w", LARGE_DECIMAL, "numeric(38,4)", "decimal(38,4)"),
        native(
            "x",
            DataType::Utf8,
            ("text", text(Collation::Default, None, false)),
            (
                "varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
                text(named("utf8mb4_general_ci"), Some(40), false),
            ),
        ),
        native(
            "y",
            DataType::Utf8,
            ("varchar(40) COLLATE mooring_no_case", text(Collation::Other, Some(40), false)),
            (
                "varchar(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                text(named("utf8mb4_bin"), Some(40), false),
            ),
        ),
        native(
            "v",
            DataType::Utf8,
            ("text COLLATE \"C\"", text(named("C"), None, false)),
            (
                "varchar(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
                text(named("latin1_swedish_ci"), Some(40), true),
            ),
        ),
        native(
            "u",
            DataType::Utf8,
            ("text COLLATE \"POSIX\"", text(named("POSIX"), None, false)),
            (
                "text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
                text(named("utf8mb4_general_ci"), Some(16_383), false),
            ),
        ),
        exact("f", DataType::Float64, "float8", "double"),
        match is_mysql {
            true => exact("b", DataType::Int8, "", "tinyint(1)"),
            false => exact("b", DataType::Boolean, "boolean", ""),
        },
        native(
            "dt",
            DataType::Date32,
            ("date", Form::Exact),
            ("date", Form::ZeroDates { are_null: true }),
        ),
        native(
            "ts",
            wall(),
            ("timestamp", Form::Exact),
            ("datetime(6)", Form::ZeroDates { are_null: true }),
        ),
        native(
            "tz",
            instant(),
            ("timestamptz", Form::Exact),
            ("timestamp(6) NULL", Form::ZeroDates { are_null: true }),
        ),
        native(
            "o",
            DataType::Utf8,
            ("name", opaque("`name`")),
            ("enum('z', 'a', '')", opaque("`enum`")),
        ),
    ]
}

/// The same for every database but for what only PostgreSQL holds.
fn values(data_type: &DataType, name: &str, is_mysql: bool) -> Vec<Value> {
    let texts = |texts: &[&str]| texts.iter().map(|text| Value::Text((*text).to_owned())).collect();
    let bytes =
        |values: &[&[u8]]| values.iter().map(|value| Value::Binary(value.to_vec())).collect();
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
        (DataType::Utf8, "o") => texts(&["ab", "AB", ""]),
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
            let mut numbers = vec![0.0, -0.0, 1.5, -1.5, 0.1, 1e308, -1e308, 5e-324, 1.5];
            if !is_mysql {
                numbers.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
            }
            numbers.into_iter().map(Value::Float).collect()
        }
        (DataType::Float32, _) => {
            let numbers = [0.0, -0.0, 1.5, f32::NAN, f32::NEG_INFINITY, 0.1, f32::MAX];
            numbers.map(|number| Value::Float(number.into())).to_vec()
        }
        (DataType::Int8, _) => [0, 1, 2, -1, 127, -128].map(Value::Int).to_vec(),
        (DataType::Int16, "yr") => [0, 1901, 2005, 2155, 1970].map(Value::Int).to_vec(),
        (DataType::Int16, _) => [0, 1, 5, -1, 32_767, -32_768].map(Value::Int).to_vec(),
        (DataType::UInt64, "bits") => [0, 1, 5, 31].map(Value::UInt).to_vec(),
        (DataType::UInt64, _) => [0, 1, 7, 1 << 63, u64::MAX].map(Value::UInt).to_vec(),
        // As many bytes as the column has: MySQL would add zeros.
        (DataType::Binary, "k2") => bytes(&[b"a\0", b"ab", b"a ", b"\0\0"]),
        (DataType::Binary, "k4") => bytes(&[b"a\0\0\0", b"abcd", b"\xff\xfe\0\x01", b"ab\0\0"]),
        (DataType::Binary, _) => bytes(&[b"", b"a", b"a ", b"\0", b"\xff\\"]),
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
        let columns = columns(is_mysql);
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
                    handle: String::new(),
                    view: None,
                };
                let rows = (0..count).map(|at| row(&columns, at, (name, is_mysql))).collect();
                (Arc::new(table), rows)
            })
            .collect();
        Self {
            schema: schema.to_owned(),
            tables,
            native_types: columns.iter().map(|column| column.native_type).collect(),
            columns: columns
                .iter()
                .map(|column| SourceColumn {
                    name: column.name.to_owned(),
                    form: column.form.clone(),
                })
                .collect(),
            is_mysql,
        }
    }

    /// Takes the tables as a catalog finds them, which must have the same columns.
    pub(super) fn found_by(&mut self, catalog: &Catalog) {
        for (table, _) in &mut self.tables {
            let found = catalog.table(&table.name);
            let types = |table: &Table| -> Vec<(String, DataType)> {
                let fields = table.schema.fields().iter();
                fields.map(|field| (field.name().clone(), field.data_type().clone())).collect()
            };
            assert_eq!(types(&found), types(table));
            *table = Arc::new(found);
        }
    }

    pub(super) fn source_table(&self, table: &Arc<Table>) -> Result<SourceTable, Unsupported> {
        Ok(SourceTable {
            schema: self.schema.clone(),
            name: table.name.table.clone(),
            columns: self.columns.clone(),
        })
    }

    pub(super) fn rows(&self, table: &Table) -> Vec<Row> {
        let found = self.tables.iter().find(|(other, _)| other.name == table.name);
        found.expect("a table of the fixture").1.clone()
    }

    /// The statements that make and fill the tables, each on one line.
    pub(super) fn statements(&self, dialect: &dyn Dialect) -> Vec<String> {
        let mut statements = Vec::new();
        for (table, rows) in &self.tables {
            let name = format!(
                "{}.{}",
                dialect.identifier(&self.schema),
                dialect.identifier(&table.name.table)
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
        Value::Null if matches!(data_type, DataType::Timestamp(..)) && is_mysql => match id {
            Value::Int(id) if id % 2 == 0 => "'0000-00-00 00:00:00'".to_owned(),
            _ => "NULL".to_owned(),
        },
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
