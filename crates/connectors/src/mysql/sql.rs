//! The text of what a scan asks a server for. All sessions have `sql_mode` = `NO_BACKSLASH_ESCAPES`, UTF-8 and UTC.

use super::types::Form;
use mooring_spi::{SchemaTable, quote};

/// A column as a statement selects it.
pub(super) fn selected(name: &str, form: Form) -> String {
    let name = quote(name);
    match form {
        Form::Plain => name,
        Form::Characters => format!("CAST({name} AS CHAR(64))"),
        Form::Wkb => format!("ST_AsWKB({name})"),
    }
}

/// `columns` as they are selected; where there are none, each row is a number of no interest.
pub(super) fn select(
    table: &SchemaTable,
    columns: &[String],
    conditions: &[String],
    limit: Option<u64>,
) -> String {
    let columns = match columns.is_empty() {
        true => "1".to_owned(),
        false => columns.join(", "),
    };
    let mut sql = format!("SELECT {columns} FROM {}.{}", quote(&table.schema), quote(&table.table));
    for (at, condition) in conditions.iter().enumerate() {
        sql += if at == 0 { " WHERE " } else { " AND " };
        sql += condition;
    }
    if let Some(limit) = limit {
        sql += &format!(" LIMIT {limit}");
    }
    sql
}

/// Columns of what somebody else wrote.
pub(super) fn select_of_query(query: &str, columns: &[String]) -> String {
    let columns = match columns.is_empty() {
        true => "1".to_owned(),
        false => columns.join(", "),
    };
    // Its last line may be a comment.
    format!("SELECT {columns} FROM (\n{query}\n) AS q")
}

/// Opens a table, and reads nothing.
pub(super) fn no_row(table: &SchemaTable) -> String {
    select(table, &[], &[], Some(0))
}

/// No transaction that has written to the table is open once it is locked, and none writes until it is unlocked.
pub(super) fn lock(table: &SchemaTable) -> String {
    format!("LOCK TABLES {}.{} READ", quote(&table.schema), quote(&table.table))
}

/// The least and the greatest value of a key.
pub(super) fn key_bounds(table: &SchemaTable, key: &str) -> String {
    let key = quote(key);
    let columns = [format!("MIN({key})"), format!("MAX({key})")];
    select(table, &columns, &[], None)
}

pub(super) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

pub(super) fn bytes(value: &[u8]) -> String {
    let hex: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("x'{hex}'")
}

/// With an exponent, which makes it a double there.
pub(super) fn double(value: f64) -> String {
    format!("{value:e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_end_early() {
        let table = SchemaTable::new("a`b", "c'd");
        let columns = [selected("e``f", Form::Plain), selected("g", Form::Wkb)];
        let sql = select(&table, &columns, &[format!("`h` = {}", text("it's \\"))], Some(3));
        assert_eq!(
            sql,
            "SELECT `e````f`, ST_AsWKB(`g`) FROM `a``b`.`c'd` WHERE `h` = 'it''s \\' LIMIT 3"
        );
        assert_eq!(lock(&table), "LOCK TABLES `a``b`.`c'd` READ");
        assert_eq!(no_row(&table), "SELECT 1 FROM `a``b`.`c'd` LIMIT 0");
        let none = select(&SchemaTable::new("a", "b"), &[], &["x".into(), "y".into()], None);
        assert_eq!(none, "SELECT 1 FROM `a`.`b` WHERE x AND y");
    }

    #[test]
    fn literals_are_exact() {
        assert_eq!(bytes(&[0, 0xAB]), "x'00AB'");
        assert_eq!((double(0.1), double(-1500.0)), ("1e-1".to_owned(), "-1.5e3".to_owned()));
    }
}
