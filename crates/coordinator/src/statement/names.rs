//! Names in statements: the catalogs, schemas and tables that they find.

use mooring_engine::{Catalog, Catalogs, session_schema};
use mooring_spi::{Error, ErrorKind, Result, SchemaTable, Table, TableName, pick_name, quote};
use std::fmt;
use std::sync::Arc;

pub(super) use mooring_engine::no_schema;
pub use mooring_engine::{split_database, split_table};

/// A name as typed, part by part, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub Vec<String>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A schema that is there.
#[derive(Debug, Clone)]
pub struct Database {
    pub catalog: Arc<Catalog>,
    /// The exact name.
    pub schema: String,
}

impl Database {
    /// As a MySQL client names it: plain in the current catalog, else dotted.
    pub fn label(&self, current_catalog: &str) -> String {
        let catalog = &self.catalog.definition.name;
        if catalog == current_catalog || self.catalog.is_session() {
            self.schema.clone()
        } else {
            format!("{catalog}.{}", self.schema)
        }
    }
}

/// Where a session stands when it names things.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub catalogs: &'a Catalogs,
    /// The session's own schemas, which every catalog has.
    pub session_tables: &'a Arc<Catalog>,
    /// The current catalog and schema.
    pub catalog: &'a str,
    pub schema: Option<&'a str>,
}

impl Place<'_> {
    /// Finds a database, also one of the session's own.
    ///
    /// # Errors
    /// As [`resolve_database`].
    pub async fn database(&self, name: &[String]) -> Result<Database> {
        let (catalog, schema) = split_database(name, self.catalog)?;
        let Some(own) = session_schema(&schema) else {
            return resolve_database(self.catalogs, name, self.catalog).await;
        };
        if catalog != self.catalog {
            self.catalogs.get(&catalog)?;
        }
        Ok(Database { catalog: self.session_tables.clone(), schema: own.to_owned() })
    }

    /// Finds a table, as [`mooring_spi::Connector::describe`] has it.
    ///
    /// # Errors
    /// As [`described_table`].
    pub async fn table(&self, name: &[String]) -> Result<(Arc<Catalog>, Table)> {
        let wanted = split_table(name, self.catalog, self.schema)?;
        if session_schema(&wanted.schema).is_none() {
            return described_table(self.catalogs, &wanted).await;
        }
        let request = [SchemaTable::new(&wanted.schema, &wanted.table)];
        let found = self.session_tables.connector.describe(&request).await?.into_iter().next();
        match found.flatten() {
            Some(table) => Ok((self.session_tables.clone(), table)),
            None => Err(Error::new(
                ErrorKind::TableNotFound,
                format!("table `{}.{}` doesn't exist", wanted.schema, wanted.table),
            )),
        }
    }
}

/// Finds a database.
///
/// # Errors
/// `CatalogNotFound`; `SchemaNotFound`, with a hint where a catalog has the name; what the
/// catalog says when it cannot be asked.
pub async fn resolve_database(
    catalogs: &Catalogs,
    name: &[String],
    current_catalog: &str,
) -> Result<Database> {
    let (catalog_name, schema_name) = split_database(name, current_catalog)?;
    let catalog = catalogs.get(&catalog_name)?;
    let schemas = catalog.connector.schemas().await?;
    if let Some(schema) = pick_name(&schema_name, schemas.iter().map(String::as_str))? {
        return Ok(Database { schema: schema.to_owned(), catalog });
    }
    let mut message =
        format!("unknown database `{schema_name}` in catalog `{}`", catalog.definition.name);
    if name.len() == 1
        && let Some(namesake) = catalogs.find(&schema_name)?
    {
        let namesake = &namesake.definition.name;
        message.push_str(&format!(
            "; `{namesake}` is a catalog, so name a schema of it: {}",
            quote(&format!("{namesake}.schema"))
        ));
    }
    Err(Error::new(ErrorKind::SchemaNotFound, message))
}

/// Finds a table.
///
/// # Errors
/// `CatalogNotFound`, `SchemaNotFound`, `TableNotFound`, `NoSchemaSelected`; what the catalog
/// says when it cannot be asked.
async fn described_table(catalogs: &Catalogs, wanted: &TableName) -> Result<(Arc<Catalog>, Table)> {
    let catalog = catalogs.get(&wanted.catalog)?;
    let request = [SchemaTable::new(&wanted.schema, &wanted.table)];
    let found = catalog.connector.describe(&request).await?.into_iter().next().flatten();
    if let Some(table) = found {
        return Ok((catalog, table));
    }
    let database = [catalog.definition.name.clone(), wanted.schema.clone()];
    let database = resolve_database(catalogs, &database, &wanted.catalog).await?;
    Err(Error::new(
        ErrorKind::TableNotFound,
        format!(
            "table `{}.{}.{}` doesn't exist",
            catalog.definition.name, database.schema, wanted.table
        ),
    ))
}
