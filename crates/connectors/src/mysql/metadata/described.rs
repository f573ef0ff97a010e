//! Tables from the rows of `information_schema`. No I/O.

use crate::mysql::connection::TextRow;
use crate::mysql::types::{ColumnType, Comparison, Computes, DeclaredType, Form, column_type};
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::{
    ColumnStatistics, Count, Error, ErrorKind, Result, SchemaTable, Table, TableKind,
    TableStatistics,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What `Table::handle` holds, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableHandle {
    /// As those of the table's schema.
    pub(crate) columns: Vec<ColumnHandle>,
    /// By which the table can be cut into ranges.
    pub(crate) key: Option<Key>,
    pub(crate) server: Server,
    /// What is read in the place of a table: a query that a user wrote.
    pub(crate) query: Option<String>,
}

impl TableHandle {
    pub(crate) fn read(table: &Table) -> Result<Self> {
        serde_json::from_str(&table.handle).map_err(|error| {
            Error::internal("the handle is none of a `mysql` table").with_cause(error)
        })
    }

    pub(crate) fn write(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal("a handle cannot be written").with_cause(error))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnHandle {
    pub(crate) form: Form,
    pub(crate) comparison: Comparison,
    pub(crate) computes: Computes,
}

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) mariadb: bool,
    pub(crate) version: (u16, u16, u16),
    /// Whether it is neither MySQL nor MariaDB, and computes in ways of its own.
    pub(crate) foreign: bool,
}

/// Servers of the same protocol, as they name themselves in `VERSION()`.
const FOREIGN: [&str; 8] =
    ["mooring", "tidb", "doris", "starrocks", "vitess", "oceanbase", "clickhouse", "singlestore"];

impl Server {
    /// Of what `VERSION()` says: `10.11.6-MariaDB-0+deb12u1`, `8.4.3`.
    fn of(version: &str) -> Self {
        let mut numbers = version.split(|char: char| !char.is_ascii_digit()).map(str::parse);
        let mut next = || numbers.next().and_then(|number| number.ok()).unwrap_or_default();
        let name = version.to_ascii_lowercase();
        let foreign = FOREIGN.iter().any(|server| name.contains(server));
        let mariadb = name.contains("mariadb");
        Self { mariadb, version: (next(), next(), next()), foreign }
    }
}

/// A whole number that the primary key begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) column: String,
    /// Whether connections can be made to see one state of the table: it is one of InnoDB.
    pub(crate) has_snapshots: bool,
}

/// A row by the positions of its question.
struct Row<'a>(&'a TextRow);

impl Row<'_> {
    fn text(&self, at: usize) -> Option<&str> {
        self.0.get(at)?.as_deref()
    }

    fn number<T: std::str::FromStr>(&self, at: usize) -> Option<T> {
        self.text(at)?.parse().ok()
    }

    fn table(&self) -> SchemaTable {
        SchemaTable::new(self.text(0).unwrap_or_default(), self.text(1).unwrap_or_default())
    }
}

/// `None` for what holds no rows of a user: sequences, and the server's own views.
pub(super) fn table_kind(kind: &str) -> Option<TableKind> {
    match kind {
        "BASE TABLE" | "SYSTEM VERSIONED" => Some(TableKind::Table),
        "VIEW" => Some(TableKind::View),
        _ => None,
    }
}

/// # Errors
/// `Unsupported` for a column of an unknown type; `SourceRefused` for a view that the server cannot read itself.
pub(super) fn tables(
    rows: &[TextRow],
    columns: &[TextRow],
    indexes: &[TextRow],
    nulls_for_dates: bool,
) -> Result<Vec<Table>> {
    let mut tables = Vec::with_capacity(rows.len());
    for row in rows.iter().map(Row) {
        let Some(kind) = row.text(2).and_then(table_kind) else { continue };
        let name = row.table();
        let mut own: Vec<Row<'_>> =
            columns.iter().map(Row).filter(|column| column.table() == name).collect();
        own.sort_by_key(|column| column.number::<u32>(3));
        if own.is_empty() {
            return Err(Error::new(
                ErrorKind::SourceRefused,
                format!(
                    "`{name}` has no columns that the server tells of; a view may name tables that are gone"
                ),
            ));
        }
        let indexes: Vec<Row<'_>> =
            indexes.iter().map(Row).filter(|index| index.table() == name).collect();
        tables.push(table(&row, name, kind, &own, &indexes, nulls_for_dates)?);
    }
    Ok(tables)
}

fn table(
    row: &Row<'_>,
    name: SchemaTable,
    kind: TableKind,
    columns: &[Row<'_>],
    indexes: &[Row<'_>],
    nulls_for_dates: bool,
) -> Result<Table> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut handles = Vec::with_capacity(columns.len());
    let mut statistics = Vec::with_capacity(columns.len());
    for column in columns {
        let column_name = column.text(2).unwrap_or_default();
        let (ColumnType { data_type, form, comparison }, computes) = type_of(column, &name)?;
        let is_date = matches!(data_type, DataType::Date32 | DataType::Timestamp(_, _));
        // What a view says of nulls is not always so.
        let nullable =
            column.text(4) != Some("NO") || kind == TableKind::View || (is_date && nulls_for_dates);
        fields.push(Field::new(column_name, data_type, nullable));
        handles.push(ColumnHandle { form, comparison, computes });
        let distinct = indexes
            .iter()
            .filter(|index| {
                let is_whole = index.text(6).is_none();
                index.text(4) == Some(column_name) && index.text(3) == Some("1") && is_whole
            })
            .filter_map(|index| index.number(5))
            .max();
        let distinct = distinct.map_or(Count::Unknown, Count::Estimate);
        statistics.push(ColumnStatistics { distinct, ..ColumnStatistics::default() });
    }
    let estimate = |at| row.number(at).map_or(Count::Unknown, Count::Estimate);
    let server = Server::of(row.text(5).unwrap_or_default());
    let has_snapshots = row.text(6) == Some("InnoDB") && !server.foreign;
    let column = key_column(indexes, &fields, &handles);
    let key = column.map(|column| Key { column, has_snapshots });
    let handle = TableHandle { columns: handles, key, server, query: None }.write()?;
    Ok(Table {
        name,
        kind,
        schema: Arc::new(Schema::new(fields)),
        statistics: TableStatistics { rows: estimate(3), bytes: estimate(4), columns: statistics },
        handle,
        view: None,
    })
}

fn type_of(column: &Row<'_>, table: &SchemaTable) -> Result<(ColumnType, Computes)> {
    let name = column.text(5).unwrap_or_default().to_lowercase();
    let whole = column.text(6).unwrap_or_default().to_lowercase();
    let declared = DeclaredType {
        name: &name,
        whole: &whole,
        character_set: column.text(7),
        collation: column.text(8),
        precision: column.number(9),
        scale: column.number(10),
        second_digits: column.number(11),
        longest: column.number(12),
    };
    let known = column_type(&declared).ok_or_else(|| {
        Error::unsupported(format!(
            "column `{}` of `{table}` has the type `{whole}`, which is not read; a view at the server can leave it out \
             or cast it",
            column.text(2).unwrap_or_default()
        ))
    })?;
    Ok((known, Computes::of(&declared)))
}

/// What the primary key begins with, where it is a whole number.
fn key_column(indexes: &[Row<'_>], fields: &[Field], handles: &[ColumnHandle]) -> Option<String> {
    let first = indexes
        .iter()
        .find(|index| index.text(2) == Some("PRIMARY") && index.text(3) == Some("1"))?;
    let column = first.text(4)?;
    let at = fields.iter().position(|field| field.name() == column)?;
    let is_whole =
        matches!(handles.get(at)?.comparison, Comparison::Integer | Comparison::Unsigned);
    is_whole.then(|| column.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: &[&str]) -> TextRow {
        texts.iter().map(|text| (*text != "-").then(|| (*text).to_owned())).collect()
    }

    fn column(at: &str, name: &str, nullable: &str, kind: &str, whole: &str) -> TextRow {
        row(&["shop", "orders", name, at, nullable, kind, whole, "-", "-", "10", "2", "-"])
    }

    fn orders(kind: &str, nulls_for_dates: bool) -> Table {
        let rows = [row(&["shop", "orders", kind, "1000", "16384"])];
        // In any order.
        let columns = [
            column("2", "price", "YES", "decimal", "decimal(10,2)"),
            column("10", "day", "NO", "date", "date"),
            column("1", "id", "NO", "bigint", "bigint(20) unsigned"),
        ];
        let indexes = [
            row(&["shop", "orders", "PRIMARY", "1", "id", "990", "-"]),
            row(&["shop", "orders", "by_day", "1", "day", "30", "-"]),
            row(&["shop", "orders", "by_day", "2", "price", "700", "-"]),
        ];
        let mut found = tables(&rows, &columns, &indexes, nulls_for_dates).expect("tables");
        found.remove(0)
    }

    #[test]
    fn a_table_is_made_of_three_answers() {
        let table = orders("BASE TABLE", false);
        let fields: Vec<(&str, &DataType, bool)> = table
            .schema
            .fields()
            .iter()
            .map(|field| (field.name().as_str(), field.data_type(), field.is_nullable()))
            .collect();
        assert_eq!(
            fields,
            [
                ("id", &DataType::UInt64, false),
                ("price", &DataType::Decimal128(10, 2), true),
                ("day", &DataType::Date32, false),
            ]
        );
        assert_eq!(table.statistics.rows, Count::Estimate(1000));
        let distinct: Vec<Count> =
            table.statistics.columns.iter().map(|column| column.distinct).collect();
        assert_eq!(distinct, [Count::Estimate(990), Count::Unknown, Count::Estimate(30)]);
        let handle: TableHandle = serde_json::from_str(&table.handle).expect("a handle");
        assert_eq!(handle.key, Some(Key { column: "id".to_owned(), has_snapshots: false }));
        assert_eq!(handle.columns[0].comparison, Comparison::Unsigned);
    }

    #[test]
    fn only_tables_of_innodb_have_snapshots() {
        for (version, engine, expected) in [
            ("10.11.6-MariaDB", "InnoDB", true),
            ("9.7.4", "InnoDB", true),
            ("9.7.4", "MyISAM", false),
            ("10.11.6-MariaDB", "Aria", false),
            ("8.4.3", "-", false),
            // As it calls its own.
            ("8.0.11-TiDB-v7.5.0", "InnoDB", false),
        ] {
            let rows = [row(&["shop", "orders", "BASE TABLE", "9", "9", version, engine])];
            let columns = [column("1", "id", "NO", "int", "int")];
            let indexes = [row(&["shop", "orders", "PRIMARY", "1", "id", "9", "-"])];
            let found = tables(&rows, &columns, &indexes, false).expect("tables").remove(0);
            let key = TableHandle::read(&found).expect("a handle").key.expect("a key");
            assert_eq!(key.has_snapshots, expected, "{version} {engine}");
        }
    }

    #[test]
    fn servers_name_themselves() {
        let server = |mariadb, version, foreign| Server { mariadb, version, foreign };
        for (text, expected) in [
            ("10.11.6-MariaDB-0+deb12u1", server(true, (10, 11, 6), false)),
            ("8.4.3", server(false, (8, 4, 3), false)),
            ("5.7.44-log", server(false, (5, 7, 44), false)),
            ("8.0.36-Mooring-0.1.0", server(false, (8, 0, 36), true)),
            ("8.0.11-TiDB-v7.5.0", server(false, (8, 0, 11), true)),
            ("", Server::default()),
        ] {
            assert_eq!(Server::of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_may_be_null_is() {
        assert!(orders("VIEW", false).schema.field(0).is_nullable());
        assert!(orders("BASE TABLE", true).schema.field(2).is_nullable());
    }

    #[test]
    fn sequences_are_no_tables() {
        assert_eq!(table_kind("SEQUENCE"), None);
        assert_eq!(table_kind("SYSTEM VERSIONED"), Some(TableKind::Table));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let rows = [row(&["shop", "orders", "BASE TABLE", "-", "-"])];
        let unknown = [column("1", "doc", "YES", "xmltype", "xmltype")];
        let error = tables(&rows, &unknown, &[], false).expect_err("an unknown type");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        for word in ["`doc`", "`shop.orders`", "`xmltype`"] {
            assert!(error.message().contains(word), "{error}");
        }
        let error = tables(&rows, &[], &[], false).expect_err("no columns");
        assert_eq!(error.kind(), ErrorKind::SourceRefused);
    }
}
