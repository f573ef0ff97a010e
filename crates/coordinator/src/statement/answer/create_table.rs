//! `SHOW CREATE TABLE` and `SHOW CREATE VIEW`.
//!
//! SQLAlchemy reads the text by lines (`dialects/mysql/reflection.py`): `CREATE ... TABLE` with
//! the name in backticks, columns after two spaces in backticks, options after `) `.

use super::ShowContext;
use super::rows::Rows;
use crate::statement::column_list::COMMENT_KEY;
use crate::statement::csv_options;
use crate::statement::data_type::column_type_text;
use crate::statement::external_table::compression_word;
use crate::statement::mysql_type::mysql_type_text;
use crate::statement::names::Name;
use arrow::datatypes::{Field, SchemaRef};
use mooring_spi::{
    Definition, Error, ErrorKind, FileFormat, Result, Table, TableDefinition, TableKind, quote,
};
use std::collections::BTreeMap;

pub(super) async fn create_table(context: &ShowContext<'_>, name: &Name) -> Result<Rows> {
    let (catalog, table) = context.place().table(&name.0).await?;
    if table.kind == TableKind::View {
        return view_rows(&table);
    }
    let definition = match catalog.connector.metastore() {
        Some(metastore) => metastore.table(&table.name.schema, &table.name.table).await?,
        None => None,
    };
    let text = match definition {
        Some(Definition::Table(definition)) => external_table_text(&definition),
        // Made since in the table's place.
        Some(Definition::View(_)) | None => plain_table_text(&table),
    };
    let mut rows = Rows::of_text(&["Table", "Create Table"]);
    rows.push([table.name.table.into(), text.into()]);
    Ok(rows)
}

pub(super) async fn create_view(context: &ShowContext<'_>, name: &Name) -> Result<Rows> {
    let (_, table) = context.place().table(&name.0).await?;
    match table.kind {
        TableKind::View => view_rows(&table),
        TableKind::Table | TableKind::System => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("`{}` is not a view; `SHOW CREATE TABLE` shows a table", table.name),
        )),
    }
}

/// MySQL 8.4 reference manual, section 15.7.7.14. The text is in the dialect of the engine that made it.
fn view_rows(table: &Table) -> Result<Rows> {
    let view = table.view.as_ref().ok_or_else(|| {
        Error::unsupported(format!("the statement behind view `{}` is not known", table.name))
    })?;
    let mut rows =
        Rows::of_text(&["View", "Create View", "character_set_client", "collation_connection"]);
    let text = format!("CREATE VIEW {} AS {}", quote(&table.name.table), view.sql);
    let name = table.name.table.as_str();
    rows.push([name.into(), text.into(), "utf8mb4".into(), "utf8mb4_bin".into()]);
    Ok(rows)
}

/// A table whose definition lies elsewhere, in MySQL's words.
fn plain_table_text(table: &Table) -> String {
    let columns = column_lines(&table.schema, |field| Some(mysql_type_text(field)));
    format!(
        "CREATE TABLE {} {}ENGINE=MOORING DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
        quote(&table.name.table),
        columns.unwrap_or_default()
    )
}

/// The statement that makes the table again. Where a column's type has no SQL name (a list, a
/// struct), the columns are left out and the files tell them.
pub(super) fn external_table_text(definition: &TableDefinition) -> String {
    let columns = column_lines(&definition.columns, |field| column_type_text(field.data_type()));
    let mut text = format!("CREATE EXTERNAL TABLE {} ", quote(&definition.name));
    text.push_str(columns.as_deref().unwrap_or_default());
    text.push_str(&format!("STORED AS {}", definition.format.keyword()));
    let partitions = partition_texts(definition, columns.is_some());
    if !partitions.is_empty() {
        text.push_str(&format!(" PARTITIONED BY ({})", partitions.join(", ")));
    }
    if let Some(compression) = definition.compression {
        text.push_str(&format!(" COMPRESSION TYPE {}", compression_word(compression)));
    }
    text.push_str(&format!(" LOCATION {}", string_literal(&definition.location)));
    let options = options(definition);
    if !options.is_empty() {
        let pairs: Vec<String> = options
            .iter()
            .map(|(name, value)| format!("{} {}", string_literal(name), string_literal(value)))
            .collect();
        text.push_str(&format!(" OPTIONS ({})", pairs.join(", ")));
    }
    text
}

/// The column list up to `) `; `None` when a column has no type text.
fn column_lines(
    columns: &SchemaRef,
    type_text: impl Fn(&Field) -> Option<String>,
) -> Option<String> {
    let mut lines = Vec::with_capacity(columns.fields().len());
    for field in columns.fields() {
        let mut line = format!("  {} {}", quote(field.name()), type_text(field)?);
        if !field.is_nullable() {
            line.push_str(" NOT NULL");
        }
        if let Some(comment) = field.metadata().get(COMMENT_KEY) {
            line.push_str(&format!(" COMMENT {}", string_literal(comment)));
        }
        lines.push(line);
    }
    Some(format!("(\n{}\n) ", lines.join(",\n")))
}

/// Names when the column list has the types, else names with types where those have a text.
fn partition_texts(definition: &TableDefinition, listed: bool) -> Vec<String> {
    let fields = definition.columns.fields();
    let first = fields.len().saturating_sub(definition.partition_columns);
    let partitions = fields.iter().skip(first);
    partitions
        .map(|field| match column_type_text(field.data_type()) {
            Some(type_text) if !listed => format!("{} {type_text}", quote(field.name())),
            Some(_) | None => quote(field.name()),
        })
        .collect()
}

/// The options as given, and those of the format that nobody gave.
fn options(definition: &TableDefinition) -> BTreeMap<String, String> {
    let mut options = definition.options.clone();
    if let FileFormat::Csv(csv) = &definition.format {
        for (name, value) in csv_options::write(csv) {
            options.entry(name.to_owned()).or_insert(value);
        }
    }
    options
}

fn string_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{CreateExternalTable, Statement, parse};
    use proptest::prelude::*;

    fn made(sql: &str) -> CreateExternalTable {
        match parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
            Statement::CreateExternalTable(table) => *table,
            other => panic!("another statement: {other:?}"),
        }
    }

    fn defined(table: &CreateExternalTable) -> TableDefinition {
        TableDefinition {
            schema_name: "default".to_owned(),
            name: table.name.0.last().cloned().unwrap_or_default(),
            columns: table.columns.clone().expect("columns"),
            partition_columns: table.partition_columns.len(),
            location: table.location.clone(),
            format: table.format.clone(),
            columns_by: Default::default(),
            partition_projection: None,
            may_be_absent: false,
            compression: table.compression,
            options: table.options.clone(),
        }
    }

    #[test]
    fn the_text_reads_as_a_client_expects() {
        let table = made(
            "CREATE EXTERNAL TABLE t (`a``b` BIGINT NOT NULL COMMENT 'it''s', d DATE, e DECIMAL(15,2))
             STORED AS CSV PARTITIONED BY (d) COMPRESSION TYPE GZIP DELIMITER '\\t' LOCATION 's3://b/t'",
        );
        assert_eq!(
            external_table_text(&defined(&table)),
            "CREATE EXTERNAL TABLE `t` (\n  `a``b` bigint NOT NULL COMMENT 'it''s',\n  \
             `e` decimal(15,2),\n  `d` date\n) STORED AS CSV PARTITIONED BY (`d`) \
             COMPRESSION TYPE GZIP LOCATION 's3://b/t' OPTIONS ('delimiter' '\t', 'header' 'true')"
        );
    }

    proptest! {
        #[test]
        fn the_text_makes_the_table_again(
            name in "[a-z`é_]{1,8}",
            location in "[a-z'\\\\ü/%_]{1,12}",
            types in prop::collection::vec(0usize..6, 2..6),
            partitions in 0usize..2,
            null in prop::option::of("[A-Z'\\\\\"]{0,3}"),
        ) {
            let sql_types =
                ["int unsigned", "varchar(16383)", "datetime(6)", "timestamp(6) with time zone", "blob", "decimal(38,4)"];
            let columns: Vec<String> = types
                .iter()
                .enumerate()
                .map(|(at, kind)| format!("c{at} {} NOT NULL", sql_types[*kind]))
                .collect();
            let partitioned = if partitions == 1 { " PARTITIONED BY (c0)" } else { "" };
            let options = null
                .map(|null| format!(" OPTIONS (null {})", string_literal(&null)))
                .unwrap_or_default();
            let sql = format!(
                "CREATE EXTERNAL TABLE {} ({}) STORED AS CSV{partitioned} LOCATION {}{options}",
                quote(&name), columns.join(", "), string_literal(&location)
            );
            let first = defined(&made(&sql));
            let again = defined(&made(&external_table_text(&first)));
            // The options that nobody gave are written out.
            prop_assert_eq!(TableDefinition { options: BTreeMap::new(), ..again }, TableDefinition { options: BTreeMap::new(), ..first });
        }
    }
}
