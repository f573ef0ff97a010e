//! The databases, tables and columns that a session sees. What a predicate pins is asked for alone.

use super::connector::SessionTables;
use crate::statement::Warning;
use arrow::datatypes::{Schema, SchemaRef};
use futures::future::join_all;
use futures::{Stream, StreamExt, stream};
use mooring_engine::{Catalog, SESSION_SCHEMAS, session_schema, split_database};
use mooring_spi::{
    Bound, Error, ErrorKind, Predicate, Result, SchemaTable, Table, TableSummary, Value, fold,
    pick_name,
};
use std::sync::Arc;
use std::time::Duration;

/// How long a listing of all catalogs waits for one of them.
const CATALOG_WAIT: Duration = Duration::from_secs(10);

/// Tables whose columns are asked for at one time.
const REQUESTS_MAX: usize = 32;

#[derive(Debug, Clone)]
pub(crate) struct DatabaseEntry {
    /// As the session knows it, or as the statement asked for it.
    pub(crate) label: String,
    pub(crate) catalog: Arc<Catalog>,
    /// The exact name.
    pub(crate) schema: String,
}

#[derive(Debug, Clone)]
pub(crate) struct TableEntry {
    pub(crate) database: Arc<DatabaseEntry>,
    pub(crate) summary: TableSummary,
}

/// The databases that a predicate over the column `column` allows.
pub(super) async fn databases(
    tables: &SessionTables,
    predicate: &Predicate,
    column: &str,
) -> Vec<DatabaseEntry> {
    match points(predicate, column) {
        Some(names) => named_databases(tables, &names).await,
        None => all_databases(tables).await,
    }
}

/// The only values that the predicate leaves to a column.
fn points(predicate: &Predicate, column: &str) -> Option<Vec<String>> {
    let domain = predicate.get(column)?;
    let mut values = Vec::with_capacity(domain.ranges.len());
    for range in &domain.ranges {
        match (&range.low, &range.high) {
            (Bound::Included(Value::Text(low)), Bound::Included(Value::Text(high)))
                if low == high =>
            {
                values.push(low.clone());
            }
            _ => return None,
        }
    }
    values.sort_unstable();
    values.dedup();
    Some(values)
}

/// A database has the name under which it was asked for, so that the plain name, the dotted one
/// and `DATABASE()` all find it.
async fn named_databases(tables: &SessionTables, names: &[String]) -> Vec<DatabaseEntry> {
    let mut found = Vec::new();
    for name in names {
        if session_schema(name).is_some() {
            found.extend(session_database(tables, name));
            continue;
        }
        let part = std::slice::from_ref(name);
        let Ok((catalog, schema)) = split_database(part, &tables.catalog) else { continue };
        let Ok(Some(catalog)) = tables.catalogs.find(&catalog) else { continue };
        let schemas = schemas_or_none(tables, &catalog).await;
        let picked = pick_name(&schema, schemas.iter().map(String::as_str));
        if let Ok(Some(schema)) = picked {
            let schema = schema.to_owned();
            found.push(DatabaseEntry { label: name.clone(), catalog, schema });
        }
    }
    found
}

fn session_database(tables: &SessionTables, name: &str) -> Option<DatabaseEntry> {
    let schema = session_schema(name)?.to_owned();
    let catalog = tables.clone().into_catalog();
    Some(DatabaseEntry { label: name.to_owned(), catalog, schema })
}

/// Those of the current catalog and of the session plainly, then all others, dotted.
async fn all_databases(tables: &SessionTables) -> Vec<DatabaseEntry> {
    let names = tables.catalogs.names();
    let catalogs: Vec<Arc<Catalog>> =
        names.iter().filter_map(|name| tables.catalogs.find(name).ok().flatten()).collect();
    let listings = join_all(catalogs.iter().map(|catalog| schemas_or_none(tables, catalog))).await;
    let mut plain: Vec<DatabaseEntry> =
        SESSION_SCHEMAS.iter().filter_map(|schema| session_database(tables, schema)).collect();
    let mut dotted = Vec::new();
    for (catalog, schemas) in catalogs.iter().zip(listings) {
        let name = &catalog.definition.name;
        let current = fold(name) == fold(&tables.catalog);
        for schema in schemas {
            // The session's own hides it.
            if session_schema(&schema).is_some() {
                continue;
            }
            let label = if current { schema.clone() } else { format!("{name}.{schema}") };
            let entry = DatabaseEntry { label, catalog: catalog.clone(), schema };
            if current { plain.push(entry) } else { dotted.push(entry) }
        }
    }
    plain.sort_unstable_by_key(|database| fold(&database.label));
    dotted.sort_unstable_by_key(|database| fold(&database.label));
    plain.append(&mut dotted);
    plain
}

async fn schemas_or_none(tables: &SessionTables, catalog: &Catalog) -> Vec<String> {
    let schemas = bounded(catalog.connector.schemas()).await;
    or_none(tables, &catalog.definition.name, schemas)
}

pub(crate) async fn bounded<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(CATALOG_WAIT, answer).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::TimedOut,
            format!("no answer within {} seconds", CATALOG_WAIT.as_secs()),
        ))
    })
}

/// Nothing of what cannot be reached: it must not hide the rest.
fn or_none<T: Default>(tables: &SessionTables, what: &str, answer: Result<T>) -> T {
    answer.unwrap_or_else(|error| {
        tracing::warn!(what, %error, "left out of a listing");
        tables.warn(Warning::left_out(what, &error));
        T::default()
    })
}

/// The tables of the databases that the predicate allows, as far as it allows them.
pub(super) async fn tables(session: &SessionTables, predicate: &Predicate) -> Vec<TableEntry> {
    let databases = databases(session, predicate, "TABLE_SCHEMA").await;
    let wanted = points(predicate, "TABLE_NAME");
    let databases: Vec<Arc<DatabaseEntry>> = databases.into_iter().map(Arc::new).collect();
    let listings = join_all(databases.iter().map(|database| async {
        let listed = bounded(database.catalog.connector.tables(&database.schema)).await;
        or_none(session, &database.label, listed)
    }))
    .await;
    let mut entries = Vec::new();
    for (database, mut summaries) in databases.iter().zip(listings) {
        if let Some(wanted) = &wanted {
            summaries.retain(|summary| wanted.contains(&summary.name));
        }
        summaries.sort_unstable_by_key(|summary| fold(&summary.name));
        for summary in summaries {
            entries.push(TableEntry { database: database.clone(), summary });
        }
    }
    entries
}

/// The columns of each table; empty for one that cannot be read.
pub(super) async fn schemas_of(session: &SessionTables, entries: &[TableEntry]) -> Vec<SchemaRef> {
    let answers = described(entries).await.into_iter();
    let schemas = entries.iter().zip(answers).map(|(entry, answer)| {
        let what = format!("{}.{}", entry.database.schema, entry.summary.name);
        schema_or_empty(or_none(session, &what, answer))
    });
    schemas.collect()
}

/// What each table is; `None` of one that is gone by now.
pub(crate) async fn described(entries: &[TableEntry]) -> Vec<Result<Option<Table>>> {
    let mut answers = Vec::with_capacity(entries.len());
    for group in entries.chunk_by(|one, two| Arc::ptr_eq(&one.database, &two.database)) {
        answers.extend(described_in(group).await);
    }
    answers
}

/// Of tables of one database.
async fn described_in(entries: &[TableEntry]) -> Vec<Result<Option<Table>>> {
    let Some(database) = entries.first().map(|entry| &entry.database) else {
        return Vec::new();
    };
    let connector = &database.catalog.connector;
    let name = |entry: &TableEntry| SchemaTable::new(&database.schema, &entry.summary.name);
    let names: Vec<SchemaTable> = entries.iter().map(name).collect();
    // A metastore is asked for each by itself anyway.
    if connector.metastore().is_none()
        && let Ok(described) = bounded(connector.describe(&names)).await
    {
        return described.into_iter().map(Ok).collect();
    }
    // One of them spoils the batch.
    let one_by_one = names.iter().map(|name| async {
        let answer = bounded(connector.describe(std::slice::from_ref(name))).await;
        answer.map(|described| described.into_iter().next().flatten())
    });
    at_once(one_by_one.collect()).collect().await
}

/// Some requests at one time, and their answers in order.
fn at_once<F: Future>(requests: Vec<F>) -> impl Stream<Item = F::Output> {
    stream::iter(requests).buffered(REQUESTS_MAX)
}

fn schema_or_empty(table: Option<Table>) -> SchemaRef {
    table.map_or_else(|| SchemaRef::new(Schema::empty()), |table| table.schema)
}
