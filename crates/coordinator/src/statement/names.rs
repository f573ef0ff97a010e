//! Names in statements: which catalog, schema and table they mean.
//!
//! A database is a schema of the current catalog, or `catalog.schema` with the dot inside one
//! name or between two. A schema whose own name holds a dot needs both parts.

use mooring_engine::{Catalog, Catalogs};
use mooring_spi::{Error, ErrorKind, Result, SchemaTable, Table, TableName, pick_name, quote};
use std::fmt;
use std::sync::Arc;

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
        if catalog == current_catalog {
            self.schema.clone()
        } else {
            format!("{catalog}.{}", self.schema)
        }
    }
}

/// The catalog and the schema that a database's name means, as typed.
///
/// # Errors
/// `SchemaNotFound` for a name of more than two parts or an empty one.
pub fn split_database(name: &[String], current_catalog: &str) -> Result<(String, String)> {
    let (catalog, schema) = match name {
        [one] => one.split_once('.').unwrap_or((current_catalog, one)),
        [catalog, schema] => (catalog.as_str(), schema.as_str()),
        _ => ("", ""),
    };
    if catalog.is_empty() || schema.is_empty() {
        return Err(Error::new(
            ErrorKind::SchemaNotFound,
            format!("`{}` is no database; write `schema` or `catalog.schema`", name.join(".")),
        ));
    }
    Ok((catalog.to_owned(), schema.to_owned()))
}

/// The full name that a table's name means, as typed.
///
/// # Errors
/// `NoSchemaSelected` for a plain name without a current schema; `TableNotFound` for a name of
/// more than three parts.
pub fn split_table(
    name: &[String],
    current_catalog: &str,
    current_schema: Option<&str>,
) -> Result<TableName> {
    match name {
        [table] => match current_schema {
            Some(schema) => Ok(TableName::new(current_catalog, schema, table)),
            None => Err(no_schema()),
        },
        [database, table] => {
            let (catalog, schema) =
                split_database(std::slice::from_ref(database), current_catalog)?;
            Ok(TableName::new(catalog, schema, table))
        }
        [catalog, schema, table] => Ok(TableName::new(catalog, schema, table)),
        _ => Err(Error::new(
            ErrorKind::TableNotFound,
            format!("`{}` is no table; write `catalog.schema.table`", name.join(".")),
        )),
    }
}

pub(super) fn no_schema() -> Error {
    Error::new(
        ErrorKind::NoSchemaSelected,
        "no database is selected; say `USE` first or write `database.table`",
    )
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

/// Finds a table and pins it.
///
/// # Errors
/// `CatalogNotFound`, `SchemaNotFound`, `TableNotFound`, `NoSchemaSelected`; what the catalog
/// says when it cannot be asked.
pub async fn resolve_table(
    catalogs: &Catalogs,
    name: &[String],
    current_catalog: &str,
    current_schema: Option<&str>,
) -> Result<(Arc<Catalog>, Table)> {
    let wanted = split_table(name, current_catalog, current_schema)?;
    let catalog = catalogs.get(&wanted.catalog)?;
    let request = [SchemaTable::new(&wanted.schema, &wanted.table)];
    let found = catalog.connector.resolve(&request).await?.into_iter().next().flatten();
    if let Some(table) = found {
        return Ok((catalog, table));
    }
    let database = [catalog.definition.name.clone(), wanted.schema];
    let database = resolve_database(catalogs, &database, current_catalog).await?;
    Err(Error::new(
        ErrorKind::TableNotFound,
        format!(
            "table `{}.{}.{}` doesn't exist",
            catalog.definition.name, database.schema, wanted.table
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn databases_are_plain_or_dotted() {
        let split = |name: &[&str]| split_database(&parts(name), "lake").expect("a database");
        let pair = |catalog: &str, schema: &str| (catalog.to_owned(), schema.to_owned());
        assert_eq!(split(&["default"]), pair("lake", "default"));
        assert_eq!(split(&["tpch.tiny"]), pair("tpch", "tiny"));
        assert_eq!(split(&["tpch", "tiny"]), pair("tpch", "tiny"));
        assert_eq!(split(&["hive", "a.b"]), pair("hive", "a.b"));
        for wrong in [parts(&["a", "b", "c"]), parts(&[""]), parts(&[".x"]), parts(&["x."])] {
            assert!(split_database(&wrong, "lake").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn tables_have_up_to_three_parts() {
        let split = |name: &[&str]| split_table(&parts(name), "lake", Some("default"));
        let full = |catalog, schema, table| TableName::new(catalog, schema, table);
        assert_eq!(split(&["t"]).expect("a table"), full("lake", "default", "t"));
        assert_eq!(split(&["s", "t"]).expect("a table"), full("lake", "s", "t"));
        assert_eq!(split(&["tpch.tiny", "t"]).expect("a table"), full("tpch", "tiny", "t"));
        assert_eq!(split(&["c", "a.b", "t.u"]).expect("a table"), full("c", "a.b", "t.u"));
        let error = split_table(&parts(&["t"]), "lake", None).expect_err("no schema");
        assert_eq!(error.kind(), ErrorKind::NoSchemaSelected);
    }
}
