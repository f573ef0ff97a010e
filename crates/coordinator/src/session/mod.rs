//! A client's session, the same through every door: who it is, what it has set, and how its
//! statements are run.

use mooring_spi::{BatchStream, Result};
use arrow::datatypes::{FieldRef, SchemaRef};
use std::net::SocketAddr;

/// One column of a result: its label as the client sees it and its Arrow field.
#[derive(Debug, Clone)]
pub struct OutputColumn {
    pub label: String,
    pub field: FieldRef,
}

/// What a statement came to.
pub enum Response {
    /// No rows: the statement did its work.
    Done(Completion),
    Rows(ResultSet),
}

/// The outcome of a statement without a result set.
#[derive(Debug, Default, Clone)]
pub struct Completion {
    pub affected_rows: u64,
    pub warnings: u16,
    pub info: String,
}

/// A result set: its columns are known before the first row; its batches have `columns.len()`
/// columns of the fields' types. Dropping it cancels the query. An error may come after rows.
pub struct ResultSet {
    pub columns: Vec<OutputColumn>,
    pub batches: BatchStream,
}

impl ResultSet {
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<FieldRef> = self.columns.iter().map(|column| column.field.clone()).collect();
        SchemaRef::new(arrow::datatypes::Schema::new(fields))
    }
}

/// Who opened a session, from where.
#[derive(Debug, Clone)]
pub struct Client {
    pub user: String,
    pub address: SocketAddr,
    /// Unique in the process; MySQL's connection id.
    pub connection_id: u32,
}

/// A session. Statements run one after the other.
pub struct Session {
    client: Client,
}

impl Session {
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs one statement.
    pub async fn execute(&mut self, sql: &str) -> Result<Response> {
        let _ = sql;
        Err(mooring_spi::Error::unsupported("not yet"))
    }

    /// Makes `database` current: a schema of the current catalog, or `catalog.schema`.
    ///
    /// # Errors
    /// `CatalogNotFound`, `SchemaNotFound`.
    pub async fn use_database(&mut self, database: &str) -> Result<()> {
        let _ = database;
        Err(mooring_spi::Error::unsupported("not yet"))
    }

    /// The columns of a table of the current database, for COM_FIELD_LIST.
    ///
    /// # Errors
    /// `TableNotFound`.
    pub async fn table_columns(&self, table: &str) -> Result<Vec<OutputColumn>> {
        let _ = table;
        Err(mooring_spi::Error::unsupported("not yet"))
    }
}
