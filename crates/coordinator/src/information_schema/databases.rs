//! Databases, tables and views.

use super::listing::{DatabaseEntry, TableEntry};
use super::table::{
    Kind::{BigInt, Int, Moment, UBigInt},
    Line, Rows, TableDefinition, ViewEntry, null, null_text, text,
};
use super::{CATALOG, CHARACTER_SET, COLLATION, INFORMATION_SCHEMA};
use crate::statement::{Cell, table_type};
use mooring_spi::TableKind;

pub(super) const TABLES: &[TableDefinition] = &[
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "SCHEMATA",
        columns: &[
            text("CATALOG_NAME"),
            text("SCHEMA_NAME"),
            text("DEFAULT_CHARACTER_SET_NAME"),
            text("DEFAULT_COLLATION_NAME"),
            null_text("SQL_PATH"),
            text("DEFAULT_ENCRYPTION"),
        ],
        rows: Rows::PerDatabase(schema),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "TABLES",
        columns: &[
            text("TABLE_CATALOG"),
            text("TABLE_SCHEMA"),
            text("TABLE_NAME"),
            text("TABLE_TYPE"),
            null_text("ENGINE"),
            null("VERSION", Int),
            null_text("ROW_FORMAT"),
            null("TABLE_ROWS", UBigInt),
            null("AVG_ROW_LENGTH", UBigInt),
            null("DATA_LENGTH", UBigInt),
            null("MAX_DATA_LENGTH", UBigInt),
            null("INDEX_LENGTH", UBigInt),
            null("DATA_FREE", UBigInt),
            null("AUTO_INCREMENT", UBigInt),
            null("CREATE_TIME", Moment),
            null("UPDATE_TIME", Moment),
            null("CHECK_TIME", Moment),
            null_text("TABLE_COLLATION"),
            null("CHECKSUM", BigInt),
            null_text("CREATE_OPTIONS"),
            null_text("TABLE_COMMENT"),
        ],
        rows: Rows::PerTable(table),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "VIEWS",
        columns: &[
            text("TABLE_CATALOG"),
            text("TABLE_SCHEMA"),
            text("TABLE_NAME"),
            null_text("VIEW_DEFINITION"),
            null_text("CHECK_OPTION"),
            null_text("IS_UPDATABLE"),
            null_text("DEFINER"),
            null_text("SECURITY_TYPE"),
            text("CHARACTER_SET_CLIENT"),
            text("COLLATION_CONNECTION"),
        ],
        rows: Rows::PerView(view),
    },
];

fn schema(database: &DatabaseEntry) -> Line {
    vec![
        CATALOG.into(),
        database.label.as_str().into(),
        CHARACTER_SET.into(),
        COLLATION.into(),
        Cell::Null,
        "NO".into(),
    ]
}

/// Sizes and counts are unknown: finding them would read every table's metadata.
fn table(table: &TableEntry) -> Option<Line> {
    let kind = table.summary.kind;
    let is_table = kind == TableKind::Table;
    let mut line = vec![
        CATALOG.into(),
        table.database.label.as_str().into(),
        table.summary.name.as_str().into(),
        table_type(kind).into(),
        is_table.then_some("MOORING").into(),
        is_table.then_some(10i64).into(),
        is_table.then_some("Dynamic").into(),
    ];
    line.extend((0..10).map(|_| Cell::Null));
    line.extend([
        is_table.then_some(COLLATION).into(),
        Cell::Null,
        is_table.then_some("").into(),
        if kind == TableKind::View { "VIEW" } else { "" }.into(),
    ]);
    Some(line)
}

fn view(view: &ViewEntry<'_>) -> Line {
    vec![
        CATALOG.into(),
        view.table.database.label.as_str().into(),
        view.table.summary.name.as_str().into(),
        view.sql.into(),
        "NONE".into(),
        "NO".into(),
        Cell::Null,
        Cell::Null,
        CHARACTER_SET.into(),
        COLLATION.into(),
    ]
}
