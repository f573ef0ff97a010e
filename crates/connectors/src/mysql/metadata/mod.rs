//! What a server tells of its databases, tables, columns and indexes, by `information_schema`.
//!
//! Sources: MySQL 8.4 Reference Manual, chapter 28 "INFORMATION_SCHEMA Tables"; MariaDB Server Documentation,
//! "Information Schema".

mod questions;
mod described;

use super::connection::TextRow;
use super::settings::ZeroDates;
use super::source::MysqlSource;
use mooring_spi::{Error, ErrorKind, Result, SchemaTable, Table, TableSummary, fold, pick_name};
use std::collections::{HashMap, HashSet};

pub(super) use described::{ColumnHandle, Key, TableHandle};

/// What a server keeps for itself.
const SYSTEM: [&str; 4] = ["information_schema", "performance_schema", "mysql", "sys"];

/// Tables that one question is about.
const BATCH_TABLES: usize = 64;

/// The databases that the catalog shows.
pub(super) async fn schemas(source: &MysqlSource) -> Result<Vec<String>> {
    let rows = source.ask(questions::SCHEMAS).await?;
    let names = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    let names: Vec<String> = names.filter(|name| !is_system(name)).collect();
    let Some(only) = &source.settings().database else { return Ok(names) };
    let found = pick_name(only, names.iter().map(String::as_str))?;
    match found {
        Some(found) => Ok(vec![found.to_owned()]),
        None => Err(Error::new(
            ErrorKind::SchemaNotFound,
            format!(
                "catalog `{}`: its `database` = `{only}` is not at the server, or `user` may not see it",
                source.catalog()
            ),
        )),
    }
}

fn is_system(name: &str) -> bool {
    SYSTEM.iter().any(|system| system.eq_ignore_ascii_case(name))
}

pub(super) async fn tables(source: &MysqlSource, schema: &str) -> Result<Vec<TableSummary>> {
    let schemas = schemas(source).await?;
    let Some(schema) = pick_name(schema, schemas.iter().map(String::as_str))? else {
        return Err(Error::new(
            ErrorKind::SchemaNotFound,
            format!("unknown database `{schema}` in catalog `{}`", source.catalog()),
        ));
    };
    listed(source, schema).await
}

async fn listed(source: &MysqlSource, schema: &str) -> Result<Vec<TableSummary>> {
    let rows = source.ask(&questions::listing(schema)).await?;
    let summary = |row: TextRow| {
        let [Some(name), Some(kind)] = <[Option<String>; 2]>::try_from(row).ok()? else {
            return None;
        };
        Some(TableSummary { name, kind: described::table_kind(&kind)? })
    };
    Ok(rows.into_iter().filter_map(summary).collect())
}

/// The tables in the order asked. Names are asked for as they are written first: that is mostly how they are.
pub(super) async fn resolve(
    source: &MysqlSource,
    wanted: &[SchemaTable],
) -> Result<Vec<Option<Table>>> {
    let is_shown = |name: &&SchemaTable| {
        let only = source.settings().database.as_deref();
        let is_only = only.is_none_or(|only| fold(only) == fold(&name.schema));
        is_only && !is_system(&name.schema)
    };
    let asked: HashSet<&SchemaTable> = wanted.iter().filter(is_shown).collect();
    let asked: Vec<SchemaTable> = asked.into_iter().cloned().collect();
    let mut found = HashMap::new();
    for name in described(source, &asked).await? {
        found.insert(name.name.clone(), name);
    }
    let mut exact: HashMap<SchemaTable, SchemaTable> = HashMap::new();
    for name in asked {
        if found.contains_key(&name) {
            exact.insert(name.clone(), name);
        }
    }
    let missing: Vec<&SchemaTable> =
        wanted.iter().filter(is_shown).filter(|name| !exact.contains_key(*name)).collect();
    if !missing.is_empty() {
        let spelled = respell(source, &missing).await?;
        let unknown: Vec<SchemaTable> = spelled
            .values()
            .filter(|name| !found.contains_key(*name))
            .collect::<HashSet<_>>()
            .into_iter()
            .cloned()
            .collect();
        for table in described(source, &unknown).await? {
            found.insert(table.name.clone(), table);
        }
        exact.extend(spelled);
    }
    Ok(wanted.iter().map(|name| found.get(exact.get(name)?).cloned()).collect())
}

/// The names as they are at the server, of those that differ in case only.
async fn respell(
    source: &MysqlSource,
    typed: &[&SchemaTable],
) -> Result<HashMap<SchemaTable, SchemaTable>> {
    let schemas = schemas(source).await?;
    let mut tables: HashMap<String, Vec<TableSummary>> = HashMap::new();
    let mut spelled = HashMap::new();
    for name in typed {
        let Some(schema) = pick_name(&name.schema, schemas.iter().map(String::as_str))? else {
            continue;
        };
        if !tables.contains_key(schema) {
            tables.insert(schema.to_owned(), listed(source, schema).await?);
        }
        let names = tables.get(schema).into_iter().flatten().map(|table| table.name.as_str());
        if let Some(table) = pick_name(&name.table, names)? {
            spelled.insert((*name).clone(), SchemaTable::new(schema, table));
        }
    }
    Ok(spelled)
}

/// The tables of exactly these names, in any order.
async fn described(source: &MysqlSource, names: &[SchemaTable]) -> Result<Vec<Table>> {
    let mut tables = Vec::with_capacity(names.len());
    for names in names.chunks(BATCH_TABLES) {
        let rows = source.ask(&questions::tables(names)).await?;
        if rows.is_empty() {
            continue;
        }
        let columns = source.ask(&questions::columns(names)).await?;
        let indexes = source.ask(&questions::indexes(names)).await?;
        let nulls_for_dates = source.settings().zero_dates == ZeroDates::Null;
        let found = described::tables(&rows, &columns, &indexes, nulls_for_dates);
        let found = found.map_err(|error| {
            let message = format!("catalog `{}`: {}", source.catalog(), error.message());
            Error::new(error.kind(), message)
        })?;
        // A server that folds names answers to others, too.
        tables.extend(found.into_iter().filter(|table| names.contains(&table.name)));
    }
    Ok(tables)
}
