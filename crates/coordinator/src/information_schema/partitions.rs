//! The partitions of tables. As of a MySQL table without partitions there is one line per table: the
//! folders of a partitioned table are no partitions in MySQL's sense.

use super::INFORMATION_SCHEMA;
use super::listing::TableEntry;
use super::table::{
    Kind::{BigInt, Moment, UBigInt, UInt},
    Line, Rows, TableDefinition, null, null_text, text,
};
use crate::statement::Cell;
use mooring_spi::TableKind;

pub(super) const TABLES: &[TableDefinition] = &[TableDefinition {
    schema: INFORMATION_SCHEMA,
    name: "PARTITIONS",
    columns: &[
        text("TABLE_CATALOG"),
        text("TABLE_SCHEMA"),
        text("TABLE_NAME"),
        null_text("PARTITION_NAME"),
        null_text("SUBPARTITION_NAME"),
        null("PARTITION_ORDINAL_POSITION", UInt),
        null("SUBPARTITION_ORDINAL_POSITION", UInt),
        null_text("PARTITION_METHOD"),
        null_text("SUBPARTITION_METHOD"),
        null_text("PARTITION_EXPRESSION"),
        null_text("SUBPARTITION_EXPRESSION"),
        null_text("PARTITION_DESCRIPTION"),
        null("TABLE_ROWS", UBigInt),
        null("AVG_ROW_LENGTH", UBigInt),
        null("DATA_LENGTH", UBigInt),
        null("MAX_DATA_LENGTH", UBigInt),
        null("INDEX_LENGTH", UBigInt),
        null("DATA_FREE", UBigInt),
        null("CREATE_TIME", Moment),
        null("UPDATE_TIME", Moment),
        null("CHECK_TIME", Moment),
        null("CHECKSUM", BigInt),
        text("PARTITION_COMMENT"),
        null_text("NODEGROUP"),
        null_text("TABLESPACE_NAME"),
    ],
    rows: Rows::PerTable(table),
}];

fn table(table: &TableEntry) -> Option<Line> {
    if table.summary.kind != TableKind::Table {
        return None;
    }
    let mut line = vec![
        super::CATALOG.into(),
        table.database.label.as_str().into(),
        table.summary.name.as_str().into(),
    ];
    line.extend((0..19).map(|_| Cell::Null));
    line.extend(["".into(), Cell::Null, Cell::Null]);
    Some(line)
}
