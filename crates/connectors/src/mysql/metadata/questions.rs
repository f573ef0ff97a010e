//! What is asked of `information_schema`. Each table is named by itself, in a SELECT of its own: MariaDB opens no other
//! table then, and all of them on a condition with OR.

use crate::mysql::sql::text;
use mooring_spi::SchemaTable;

pub(super) const SCHEMAS: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA";

pub(super) fn listing(schema: &str) -> String {
    format!(
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
        text(schema)
    )
}

pub(super) fn tables(names: &[SchemaTable]) -> String {
    of_each(
        names,
        "TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_ROWS, DATA_LENGTH, VERSION(), ENGINE",
        "TABLES",
    )
}

pub(super) fn columns(names: &[SchemaTable]) -> String {
    let columns = "TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, DATA_TYPE, COLUMN_TYPE, \
                   CHARACTER_SET_NAME, COLLATION_NAME, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, \
                   CHARACTER_MAXIMUM_LENGTH";
    of_each(names, columns, "COLUMNS")
}

pub(super) fn indexes(names: &[SchemaTable]) -> String {
    let columns =
        "TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, CARDINALITY, SUB_PART";
    of_each(names, columns, "STATISTICS")
}

fn of_each(names: &[SchemaTable], columns: &str, table: &str) -> String {
    let one = |name: &SchemaTable| {
        format!(
            "SELECT {columns} FROM information_schema.{table} WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            text(&name.schema),
            text(&name.table)
        )
    };
    names.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_texts() {
        let names = [SchemaTable::new("a'b", "c"), SchemaTable::new("d", "e")];
        assert_eq!(
            of_each(&names, "X", "Y"),
            "SELECT X FROM information_schema.Y WHERE TABLE_SCHEMA = 'a''b' AND TABLE_NAME = 'c' UNION ALL \
             SELECT X FROM information_schema.Y WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = 'e'"
        );
    }
}
