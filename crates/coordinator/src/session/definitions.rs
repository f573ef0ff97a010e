//! Schemas and tables made and dropped by SQL, in the catalogs that take it.

use super::{Completion, Response, Session};
use crate::statement::{
    CreateExternalTable, Name, Refused, resolve_database, split_database, split_table,
};
use mooring_engine::{Catalog, session_schema};
use mooring_spi::{Error, ErrorKind, Metastore, NewTable, Result, SchemaTable};
use std::sync::Arc;

impl Session {
    pub(super) async fn create_schema(&self, name: &Name, if_not_exists: bool) -> Result<Response> {
        self.must_be_administrator("CREATE SCHEMA")?;
        let (catalog, schema) = split_database(&name.0, &self.catalog)?;
        if let Some(own) = session_schema(&schema) {
            return Err(Error::new(
                ErrorKind::AccessDenied,
                format!("database `{own}` is every session's own; take another name"),
            ));
        }
        let catalog = self.catalogs().get(&catalog)?;
        match metastore(&catalog)?.create_schema(&schema).await {
            Err(error) if if_not_exists && error.kind() == ErrorKind::SchemaExists => Ok(done(0)),
            Err(error) => Err(error),
            Ok(()) => Ok(done(1)),
        }
    }

    pub(super) async fn drop_schema(
        &mut self,
        name: &Name,
        if_exists: bool,
        cascade: bool,
    ) -> Result<Response> {
        self.must_be_administrator("DROP SCHEMA")?;
        let database = match resolve_database(self.catalogs(), &name.0, &self.catalog).await {
            Err(error) if if_exists && error.kind() == ErrorKind::SchemaNotFound => {
                return Ok(done(0));
            }
            database => database?,
        };
        metastore(&database.catalog)?.drop_schema(&database.schema, cascade).await?;
        if self.catalog == database.catalog.definition.name
            && self.schema.as_ref() == Some(&database.schema)
        {
            self.schema = None;
            self.place.set_database(None);
        }
        Ok(done(0))
    }

    pub(super) async fn create_table(&self, table: CreateExternalTable) -> Result<Response> {
        self.must_be_administrator("CREATE EXTERNAL TABLE")?;
        let name = split_table(&table.name.0, &self.catalog, self.schema.as_deref())?;
        let catalog = self.catalogs().get(&name.catalog)?;
        let database = [catalog.definition.name.clone(), name.schema];
        let schema = resolve_database(self.catalogs(), &database, &self.catalog).await?.schema;
        if table.if_not_exists {
            let wanted = [SchemaTable::new(&schema, &name.table)];
            let definitions = metastore(&catalog)?;
            if definitions.table(&wanted[0].schema, &wanted[0].table).await?.is_some() {
                return Ok(done(0));
            }
        }
        let partition_columns = table.partition_columns.into_iter();
        let new = NewTable {
            schema_name: schema,
            name: name.table,
            columns: table.columns,
            partition_columns: partition_columns
                .map(|column| (column.name, column.data_type))
                .collect(),
            location: table.location,
            format: table.format,
            compression: table.compression,
            options: table.options,
        };
        // It may read many files to find the columns.
        let created = async move { catalog.connector.create_table(new).await };
        match self.runner.off_door(created).await {
            Err(error) if table.if_not_exists && error.kind() == ErrorKind::TableExists => {
                Ok(done(0))
            }
            Err(error) => Err(error),
            Ok(()) => Ok(done(0)),
        }
    }

    pub(super) async fn drop_tables(&self, names: &[Name], if_exists: bool) -> Result<Response> {
        self.must_be_administrator("DROP TABLE")?;
        for name in names {
            let name = split_table(&name.0, &self.catalog, self.schema.as_deref())?;
            let catalog = self.catalogs().get(&name.catalog)?;
            match metastore(&catalog)?.drop_table(&name.schema, &name.table).await {
                Err(error)
                    if if_exists
                        && matches!(
                            error.kind(),
                            ErrorKind::TableNotFound | ErrorKind::SchemaNotFound
                        ) => {}
                dropped => dropped?,
            }
        }
        Ok(done(0))
    }
}

impl Session {
    /// Everybody may: it changes nothing but how old answers are. It reads no files, and its table is
    /// asked for once.
    pub(super) async fn refresh_table(&self, name: &Name) -> Result<Response> {
        let name = split_table(&name.0, &self.catalog, self.schema.as_deref())?;
        let catalog = self.catalogs().get(&name.catalog)?;
        let exists = {
            let asked = SchemaTable::new(&name.schema, &name.table);
            async move {
                match catalog.connector.metastore() {
                    Some(metastore) => metastore.refresh(&asked.schema, &asked.table).await,
                    // Nothing is kept of it.
                    None => {
                        let found = catalog.connector.describe(&[asked]).await?;
                        Ok(found.iter().any(Option::is_some))
                    }
                }
            }
        };
        match self.runner.off_door(exists).await? {
            true => Ok(done(0)),
            false => Err(Error::new(
                ErrorKind::TableNotFound,
                format!("table `{}.{}.{}` does not exist", name.catalog, name.schema, name.table),
            )),
        }
    }

    /// Why a statement is not here: for the table of a source, since that is only read.
    pub(super) fn refused(&self, refused: &Refused) -> Error {
        let read_only = refused.table.as_ref().and_then(|table| {
            let name = split_table(&table.0, &self.catalog, self.schema.as_deref()).ok()?;
            let own = session_schema(&name.schema).is_some();
            let catalog = self.catalogs().find(&name.catalog).ok()??;
            let is_read_only = !own && catalog.connector.metastore().is_none();
            is_read_only.then(|| refused.read_only(table, &catalog.definition.name))
        });
        read_only.unwrap_or_else(|| refused.error())
    }

    /// A location may be any file that the server can read, so only administrators name one.
    pub(super) fn must_be_administrator(&self, statement: &str) -> Result<()> {
        match self.client.administrator {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::AccessDenied,
                format!(
                    "user `{}` is no administrator, and {statement} takes one",
                    self.client.user
                ),
            )),
        }
    }
}

fn done(affected_rows: u64) -> Response {
    Response::Done(Completion { affected_rows, ..Completion::default() })
}

fn metastore(catalog: &Arc<Catalog>) -> Result<&dyn Metastore> {
    catalog.connector.metastore().ok_or_else(|| {
        Error::unsupported(format!(
            "catalog `{}` is read only: it does not take schemas or tables by SQL",
            catalog.definition.name
        ))
    })
}
