//! The tables of one session as a connector, made anew for each statement.

use super::listing::{self, TableEntry};
use super::table::{ColumnEntry, Line, Rows, TableDefinition, ViewEntry};
use super::{INFORMATION_SCHEMA, TABLES};
use crate::session::Client;
use crate::statement::{Process, ServerStatus, Variables, Warning};
use async_trait::async_trait;
use mooring_engine::{Catalog, Catalogs, SESSION_SCHEMAS};
use mooring_spi::{
    Connector, Error, ErrorKind, Predicate, Result, Scan, ScanRequest, SchemaTable, Table,
    TableKind, TableStatistics, TableSummary, pick_name,
};
use mooring_state::StoredUser;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// What the tables show of the server.
#[async_trait]
pub trait ServerView: Send + Sync {
    /// The connections that a user may see.
    fn processes(&self, by: &Client) -> Vec<Process>;

    fn status(&self) -> ServerStatus;

    /// # Errors
    /// `StateUnusable`.
    async fn users(&self) -> Result<Vec<StoredUser>>;
}

#[derive(Clone)]
pub struct SessionTables {
    pub catalogs: Arc<Catalogs>,
    /// The session's current catalog.
    pub catalog: String,
    pub client: Client,
    pub variables: Variables,
    pub server: Arc<dyn ServerView>,
    /// What had to be left out.
    pub warnings: Arc<Mutex<Vec<Warning>>>,
}

impl fmt::Debug for SessionTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTables").field("client", &self.client).finish_non_exhaustive()
    }
}

impl SessionTables {
    /// The catalog that the engine looks the tables up in.
    pub fn into_catalog(self) -> Arc<Catalog> {
        Arc::new(Catalog::of_session(Arc::new(self)))
    }

    pub(super) fn warn(&self, warning: Warning) {
        self.warnings.lock().push(warning);
    }

    async fn lines(&self, table: &TableDefinition, predicate: &Predicate) -> Result<Vec<Line>> {
        Ok(match table.rows {
            Rows::None => Vec::new(),
            Rows::Of(rows) => rows(self),
            Rows::PerDatabase(line) => {
                let databases = listing::databases(self, predicate, "SCHEMA_NAME").await;
                databases.iter().map(line).collect()
            }
            Rows::PerTable(line) => {
                listing::tables(self, predicate).await.iter().filter_map(line).collect()
            }
            Rows::PerView(line) => {
                let mut views = listing::tables(self, predicate).await;
                views.retain(|table| table.summary.kind == TableKind::View);
                views_of(&views, line).await
            }
            Rows::PerColumn(line) => {
                let tables = listing::tables(self, predicate).await;
                self.columns(&tables, line).await
            }
            Rows::PerUser(line) => match self.client.administrator {
                true => self.server.users().await?.iter().map(line).collect(),
                false => return Err(self.denied(table)),
            },
        })
    }

    async fn columns(
        &self,
        tables: &[TableEntry],
        line: fn(&ColumnEntry<'_>) -> Line,
    ) -> Vec<Line> {
        let schemas = listing::schemas_of(self, tables).await;
        let mut lines = Vec::new();
        for (table, schema) in tables.iter().zip(&schemas) {
            for (position, field) in (1..).zip(schema.fields()) {
                lines.push(line(&ColumnEntry { table, field, position }));
            }
        }
        lines
    }

    fn denied(&self, table: &TableDefinition) -> Error {
        Error::new(
            ErrorKind::AccessDenied,
            format!(
                "user `{}` is no administrator, and `{}.{}` takes one",
                self.client.user, table.schema, table.name
            ),
        )
    }
}

/// A view that cannot be read is there without its text.
async fn views_of(views: &[TableEntry], line: fn(&ViewEntry<'_>) -> Line) -> Vec<Line> {
    let described = listing::described(views).await;
    let lines = views.iter().zip(described).map(|(table, answer)| {
        let view = answer.ok().flatten().and_then(|described| described.view);
        line(&ViewEntry { table, sql: view.as_ref().map(|view| view.sql.as_str()) })
    });
    lines.collect()
}

fn in_schema(schema: &str) -> impl Iterator<Item = &'static TableDefinition> {
    TABLES.iter().copied().flatten().filter(move |table| table.schema.eq_ignore_ascii_case(schema))
}

fn find(name: &SchemaTable) -> Result<Option<&'static TableDefinition>> {
    let picked = pick_name(&name.table, in_schema(&name.schema).map(|table| table.name))?;
    Ok(picked.and_then(|picked| in_schema(&name.schema).find(|table| table.name == picked)))
}

#[async_trait]
impl Connector for SessionTables {
    async fn schemas(&self) -> Result<Vec<String>> {
        Ok(SESSION_SCHEMAS.map(str::to_owned).to_vec())
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        let summary = |table: &TableDefinition| TableSummary {
            name: table.name.to_owned(),
            kind: TableKind::System,
        };
        let listed: Vec<TableSummary> = in_schema(schema).map(summary).collect();
        match listed.is_empty() {
            false => Ok(listed),
            true => Err(Error::new(
                ErrorKind::SchemaNotFound,
                format!("unknown database `{schema}`; there is `{INFORMATION_SCHEMA}`"),
            )),
        }
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        let mut resolved = Vec::with_capacity(tables.len());
        for name in tables {
            resolved.push(find(name)?.map(|table| Table {
                name: SchemaTable::new(table.schema, table.name),
                kind: TableKind::System,
                schema: table.schema(),
                statistics: TableStatistics::default(),
                handle: String::new(),
                view: None,
            }));
        }
        Ok(resolved)
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        let name = &request.table.name;
        let table =
            find(name)?.ok_or_else(|| Error::internal(format!("there is no table `{name}`")))?;
        let batch = table.batch(&self.lines(table, request.predicate).await?)?;
        let projected = batch.project(request.projection).map_err(|error| {
            Error::internal(format!("`{name}` lacks a projected column")).with_cause(error)
        })?;
        Ok(Scan::Rows(vec![projected]))
    }
}
