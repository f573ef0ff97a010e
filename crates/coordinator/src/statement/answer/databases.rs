//! Databases and the tables in them.

use super::ShowContext;
use super::rows::{Cell, Kind, Rows};
use crate::statement::Warning;
use crate::statement::filter::Filter;
use crate::statement::names::Name;
use futures::future::join_all;
use mooring_engine::{Catalog, SESSION_SCHEMAS, session_schema};
use mooring_spi::{Error, ErrorKind, Result, TableKind, TableSummary, fold, quote};
use std::sync::Arc;
use std::time::Duration;

/// How long a listing of all catalogs waits for one of them.
const CATALOG_WAIT: Duration = Duration::from_secs(10);

/// The schemas of one catalog plainly, or those of all, dotted where they are not the current
/// catalog's.
pub(super) async fn databases(
    context: &ShowContext<'_>,
    catalog: Option<&str>,
    filter: &Filter,
) -> Result<Rows> {
    let names = match catalog {
        Some(name) => {
            let mut names = context.catalogs.get(name)?.connector.schemas().await?;
            names.sort_unstable_by_key(|name| fold(name));
            names
        }
        None => all_databases(context).await,
    };
    let mut rows = Rows::of_text(&["Database"]);
    for name in names {
        rows.push([name.into()]);
    }
    Ok(rows.filtered(filter)?.labelled(filter.label("Database")))
}

async fn all_databases(context: &ShowContext<'_>) -> Vec<String> {
    let catalogs: Vec<Arc<Catalog>> = context
        .catalogs
        .names()
        .iter()
        .filter_map(|name| context.catalogs.find(name).ok().flatten())
        .collect();
    let listings = join_all(catalogs.iter().map(|catalog| schemas_or_none(context, catalog))).await;
    let mut plain: Vec<String> = SESSION_SCHEMAS.map(str::to_owned).to_vec();
    let mut dotted = Vec::new();
    for (catalog, mut schemas) in catalogs.iter().zip(listings) {
        // The session's own hides it.
        schemas.retain(|schema| session_schema(schema).is_none());
        let catalog = &catalog.definition.name;
        if fold(catalog) == fold(context.catalog) {
            plain.extend(schemas);
        } else {
            dotted.extend(schemas.iter().map(|schema| format!("{catalog}.{schema}")));
        }
    }
    plain.sort_unstable_by_key(|name| fold(name));
    dotted.sort_unstable_by_key(|name| fold(name));
    plain.append(&mut dotted);
    plain
}

/// Nothing from a catalog that cannot be reached: it must not hide the others.
async fn schemas_or_none(context: &ShowContext<'_>, catalog: &Catalog) -> Vec<String> {
    let error = match tokio::time::timeout(CATALOG_WAIT, catalog.connector.schemas()).await {
        Ok(Ok(schemas)) => return schemas,
        Ok(Err(error)) => error,
        Err(_) => Error::new(
            ErrorKind::TimedOut,
            format!("no answer within {} seconds", CATALOG_WAIT.as_secs()),
        ),
    };
    let name = &catalog.definition.name;
    tracing::warn!(catalog = %name, %error, "catalog left out of SHOW DATABASES");
    context.left_out.lock().push(Warning::left_out(name, &error));
    Vec::new()
}

/// The tables of a database by name, and its label.
async fn listed(
    context: &ShowContext<'_>,
    database: Option<&Name>,
) -> Result<(String, Vec<TableSummary>)> {
    let name = context.database(database)?;
    let database = context.place().database(&name).await?;
    let mut tables = database.catalog.connector.tables(&database.schema).await?;
    tables.sort_unstable_by_key(|table| fold(&table.name));
    Ok((database.label(context.catalog), tables))
}

pub(super) async fn tables(
    context: &ShowContext<'_>,
    database: Option<&Name>,
    full: bool,
    filter: &Filter,
) -> Result<Rows> {
    let (label, tables) = listed(context, database).await?;
    let label = format!("Tables_in_{label}");
    let rows = if full {
        let mut rows = Rows::of_text(&[label.as_str(), "Table_type"]);
        for table in tables {
            rows.push([table.name.into(), table_type(table.kind).into()]);
        }
        rows
    } else {
        let mut rows = Rows::of_text(&[label.as_str()]);
        for table in tables {
            rows.push([table.name.into()]);
        }
        rows
    };
    Ok(rows.filtered(filter)?.labelled(filter.label(&label)))
}

/// What MySQL calls a kind of table.
pub(crate) fn table_type(kind: TableKind) -> &'static str {
    match kind {
        TableKind::Table => "BASE TABLE",
        TableKind::View => "VIEW",
        TableKind::System => "SYSTEM VIEW",
    }
}

const STATUS_COLUMNS: [(&str, Kind); 18] = [
    ("Name", Kind::Text),
    ("Engine", Kind::Text),
    ("Version", Kind::Int),
    ("Row_format", Kind::Text),
    ("Rows", Kind::Int),
    ("Avg_row_length", Kind::Int),
    ("Data_length", Kind::Int),
    ("Max_data_length", Kind::Int),
    ("Index_length", Kind::Int),
    ("Data_free", Kind::Int),
    ("Auto_increment", Kind::Int),
    ("Create_time", Kind::Text),
    ("Update_time", Kind::Text),
    ("Check_time", Kind::Text),
    ("Collation", Kind::Text),
    ("Checksum", Kind::Int),
    ("Create_options", Kind::Text),
    ("Comment", Kind::Text),
];

/// Sizes and counts are unknown here: finding them would read every table's metadata.
pub(super) async fn table_status(
    context: &ShowContext<'_>,
    database: Option<&Name>,
    filter: &Filter,
) -> Result<Rows> {
    let (_, tables) = listed(context, database).await?;
    let mut rows = Rows::new(&STATUS_COLUMNS);
    for table in tables {
        let is_table = table.kind == TableKind::Table;
        let mut line = [const { Cell::Null }; STATUS_COLUMNS.len()];
        for (cell, (label, _)) in line.iter_mut().zip(&STATUS_COLUMNS) {
            *cell = match *label {
                "Name" => table.name.as_str().into(),
                "Engine" if is_table => "MOORING".into(),
                "Version" if is_table => 10i64.into(),
                "Row_format" if is_table => "Dynamic".into(),
                "Collation" if is_table => "utf8mb4_bin".into(),
                "Create_options" if is_table => "".into(),
                "Comment" if is_table => "".into(),
                "Comment" => table_type(table.kind).into(),
                _ => Cell::Null,
            };
        }
        rows.push(line);
    }
    rows.filtered(filter)
}

pub(super) async fn create_database(context: &ShowContext<'_>, name: &Name) -> Result<Rows> {
    let database = context.place().database(&name.0).await?;
    let label = database.label(context.catalog);
    let mut rows = Rows::of_text(&["Database", "Create Database"]);
    rows.push([
        label.as_str().into(),
        format!(
            "CREATE DATABASE {} /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */",
            quote(&label)
        )
        .into(),
    ]);
    Ok(rows)
}
