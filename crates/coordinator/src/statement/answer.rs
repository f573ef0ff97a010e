//! The answers to SHOW and DESCRIBE, with MySQL's labels and values.

mod rows;
mod catalogs;
mod databases;
mod columns;
mod create_table;
mod server;

use super::names::{Name, Place, no_schema};
use super::variables::Variables;
use super::{Describe, Filter, Show};
use crate::session::{Client, ResultSet};
use mooring_engine::{Catalog, Catalogs};
use mooring_spi::{Error, Result};
use parking_lot::Mutex;
use std::sync::Arc;

pub(crate) use databases::table_type;
pub(crate) use rows::Cell;
pub(crate) use server::{ENGINE, status_lines};

/// What the answers are made from.
#[derive(Debug)]
pub struct ShowContext<'a> {
    pub catalogs: &'a Catalogs,
    /// The session's own tables.
    pub session_tables: &'a Arc<Catalog>,
    /// The session's current catalog and schema.
    pub catalog: &'a str,
    pub schema: Option<&'a str>,
    pub variables: &'a Variables,
    pub client: &'a Client,
    /// Of the last statement.
    pub warnings: &'a [Warning],
    /// What the answer had to leave out, for its own warnings.
    pub left_out: &'a Mutex<Vec<Warning>>,
    /// The connections that the session's user may see.
    pub processes: &'a [Process],
    pub status: ServerStatus,
}

impl ShowContext<'_> {
    fn place(&self) -> Place<'_> {
        Place {
            catalogs: self.catalogs,
            session_tables: self.session_tables,
            catalog: self.catalog,
            schema: self.schema,
        }
    }

    /// The database that a statement names, or the current one.
    fn database(&self, named: Option<&Name>) -> Result<Vec<String>> {
        match (named, self.schema) {
            (Some(name), _) => Ok(name.0.clone()),
            (None, Some(schema)) => Ok(vec![self.catalog.to_owned(), schema.to_owned()]),
            (None, None) => Err(no_schema()),
        }
    }
}

/// Of a warning that a catalog is away: ER_CONNECT_TO_FOREIGN_DATA_SOURCE.
pub const CATALOG_AWAY: u16 = 1429;

/// A line of SHOW WARNINGS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `Note`, `Warning` or `Error`.
    pub level: &'static str,
    pub code: u16,
    pub message: String,
}

impl Warning {
    /// That an answer does without what cannot be reached.
    pub fn left_out(what: &str, error: &Error) -> Self {
        let message = format!("`{what}` is left out: {}", error.message());
        Self { level: "Warning", code: CATALOG_AWAY, message }
    }
}

/// A line of SHOW PROCESSLIST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub connection_id: u32,
    pub user: String,
    pub host: String,
    pub database: Option<String>,
    /// `Sleep`, `Query`, ...
    pub command: String,
    pub seconds: u64,
    pub state: Option<String>,
    pub statement: Option<String>,
}

/// The counters of SHOW STATUS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerStatus {
    pub uptime_seconds: u64,
    pub connections: u64,
    pub statements: u64,
    pub running_statements: u64,
}

/// Answers SHOW.
///
/// # Errors
/// `CatalogNotFound`, `SchemaNotFound`, `TableNotFound`, `NoSchemaSelected`, `AccessDenied`; what
/// a catalog says when it cannot be asked, unless the answer can do without it.
pub async fn show(show: &Show, context: &ShowContext<'_>) -> Result<ResultSet> {
    let rows = match show {
        Show::Catalogs { filter } => catalogs::catalogs(context, filter)?,
        Show::CreateCatalog { catalog } => catalogs::create_catalog(context, catalog)?,
        Show::Databases { catalog, filter } => {
            databases::databases(context, catalog.as_deref(), filter).await?
        }
        Show::Tables { database, full, filter } => {
            databases::tables(context, database.as_ref(), *full, filter).await?
        }
        Show::TableStatus { database, filter } => {
            databases::table_status(context, database.as_ref(), filter).await?
        }
        Show::Columns { table, full, filter } => {
            columns::columns(context, table, *full, filter).await?
        }
        Show::Indexes { table, filter } => columns::indexes(context, table, filter).await?,
        Show::CreateTable { table } => create_table::create_table(context, table).await?,
        Show::CreateView { view } => create_table::create_view(context, view).await?,
        Show::CreateDatabase { database } => databases::create_database(context, database).await?,
        Show::Variables { global, filter } => server::variables(context, *global, filter)?,
        Show::Status { filter } => server::status(context, filter)?,
        Show::Warnings { range } => server::warnings(context, *range, false),
        Show::Errors { range } => server::warnings(context, *range, true),
        Show::WarningCount => server::warning_count(context, false),
        Show::ErrorCount => server::warning_count(context, true),
        Show::Engines => server::engines(),
        Show::CharacterSets { filter } => server::character_sets(filter)?,
        Show::Collations { filter } => server::collations(filter)?,
        Show::Plugins => server::plugins(),
        Show::Processes { full } => server::processes(context, *full),
        Show::Privileges => server::privileges(),
        Show::Nothing { kind } => server::nothing(*kind),
    };
    rows.into_result_set()
}

/// Answers DESCRIBE of a table.
///
/// # Errors
/// As SHOW COLUMNS: `TableNotFound`, `SchemaNotFound`, `CatalogNotFound`, `NoSchemaSelected`.
pub async fn describe(describe: &Describe, context: &ShowContext<'_>) -> Result<ResultSet> {
    let filter = match &describe.column {
        Some(pattern) => Filter::Like(pattern.clone()),
        None => Filter::All,
    };
    columns::columns(context, &describe.table, false, &filter).await?.into_result_set()
}

#[cfg(test)]
mod tests;
