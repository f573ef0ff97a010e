//! What a name of one to three parts means: which catalog, schema and table.
//!
//! A database is a schema of the current catalog, or `catalog.schema` with the dot inside one
//! name or between two. A schema whose own name holds a dot needs both parts.

use mooring_spi::{Error, ErrorKind, Result, TableName};

/// The schemas that a session has in every catalog: tables about the session, its catalogs and its
/// server. They hide a catalog's own schema of the same name.
pub const SESSION_SCHEMAS: [&str; 3] = ["information_schema", "mysql", "performance_schema"];

/// The schema of every catalog whose tables are queries in the language of its source: their names are the
/// texts.
pub const QUERY_SCHEMA: &str = "system.query";

/// The exact name of a session's own schema.
pub fn session_schema(name: &str) -> Option<&'static str> {
    SESSION_SCHEMAS.into_iter().find(|schema| schema.eq_ignore_ascii_case(name))
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

/// A name needs a schema, and the session has none.
pub fn no_schema() -> Error {
    Error::new(
        ErrorKind::NoSchemaSelected,
        "no database is selected; say `USE` first or write `database.table`",
    )
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
    fn the_schemas_of_a_session_have_no_case() {
        assert_eq!(session_schema("Information_SCHEMA"), Some("information_schema"));
        assert_eq!(session_schema("mysql.user"), None);
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
