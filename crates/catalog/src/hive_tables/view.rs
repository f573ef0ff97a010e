//! A stored view as a definition whose text can be planned, or the reason why it cannot.
//!
//! Sources: Apache Spark, `CatalogTable` in `catalog/interface.scala` (the parameters `view.*`); Apache Hive,
//! `CreateViewAnalyzer`; Trino, `ViewReaderUtil`.

use super::definition::field;
use super::presto_view::{encoded, presto_view};
use super::{StoredTable, spark};
use arrow::datatypes::Schema;
use mooring_spi::{Error, ErrorKind, Result, ViewColumns, ViewDefinition, ViewDialect};
use std::collections::BTreeMap;
use std::sync::Arc;

const NAMESPACE: &str = "view.catalogAndNamespace";
const SPARK_CONFIG: &str = "view.sqlConfig.";
/// What Spark itself and Athena call the catalog of a metastore; `hive` is what Trino's manual calls it.
const OWN_CATALOGS: [&str; 3] = ["spark_catalog", "hive", "awsdatacatalog"];

/// Settings under which Spark would read a text in another way than we do, with the value that does.
const OTHER_READINGS: [(&str, &str); 4] = [
    ("spark.sql.caseSensitive", "true"),
    ("spark.sql.ansi.doubleQuotedIdentifiers", "true"),
    ("spark.sql.groupByOrdinal", "false"),
    ("spark.sql.orderByOrdinal", "false"),
];

/// # Errors
/// `Unsupported`, naming the view, for one that no text makes or that is read in another way here;
/// `CorruptData`.
pub(super) fn view_definition(view: &StoredTable) -> Result<ViewDefinition> {
    let label = format!("{}.{}", view.schema, view.name);
    let unsupported =
        |what: &str| Error::unsupported(format!("view `{label}` {what}, which is not read yet"));
    if let Some(text) = encoded(&view.view_text) {
        let mut definition = presto_view(&view.schema, &view.name, text)?;
        definition.own_catalogs.extend(OWN_CATALOGS.map(str::to_owned));
        return Ok(definition);
    }
    if view.view_text.starts_with("/* Presto Materialized View") {
        return Err(unsupported("is a materialised view of Presto's"));
    }
    let sql = match view.view_expanded.is_empty() {
        true => &view.view_text,
        false => &view.view_expanded,
    };
    if sql.trim().is_empty() {
        return Err(unsupported("has no text"));
    }
    if is_comment(sql) {
        return Err(unsupported("has a comment for its text"));
    }
    let stored = view.storage.as_ref().map_or(&[][..], |storage| storage.columns.as_slice());
    let known_to_spark = spark::fields(&label, &view.parameters)?;
    let mut columns = Vec::with_capacity(stored.len());
    for column in stored {
        columns.push(spark::spelled(&field(&label, column)?, &known_to_spark));
    }
    if columns.is_empty() {
        let message = format!("view `{label}` has no columns");
        return Err(Error::new(ErrorKind::CorruptData, message));
    }
    if let Some((setting, value)) = other_reading(&view.parameters) {
        return Err(unsupported(&format!("was made under `{setting}={value}`")));
    }
    Ok(ViewDefinition {
        schema_name: view.schema.clone(),
        name: view.name.clone(),
        columns: Arc::new(Schema::new(columns)),
        sql: sql.clone(),
        dialect: dialect(&view.parameters),
        default_schema: default_schema(view),
        own_catalogs: OWN_CATALOGS.map(str::to_owned).to_vec(),
        columns_by: columns_by(&view.parameters),
    })
}

/// Engines that keep a view's text elsewhere leave a comment in its place: `/* Presto View */`.
fn is_comment(sql: &str) -> bool {
    let sql = sql.trim();
    sql.strip_prefix("/*")
        .and_then(|rest| rest.split_once("*/"))
        .is_some_and(|(_, rest)| rest.is_empty())
}

/// Spark keeps where it was when the view was made; Hive expands every name.
fn is_sparks(parameters: &BTreeMap<String, String>) -> bool {
    parameters.keys().any(|name| {
        name.starts_with(NAMESPACE)
            || name.starts_with("view.query.out.")
            || name == "view.default.database"
    })
}

/// A view that says nothing of the setting was made where it had its default: off before Spark 4, and on since.
fn dialect(parameters: &BTreeMap<String, String>) -> ViewDialect {
    let setting = parameters.get(&format!("{SPARK_CONFIG}spark.sql.ansi.enabled"));
    let version = parameters.get("spark.sql.create.version").and_then(|v| v.split('.').next());
    let since_4 =
        version.and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major >= 4);
    match is_sparks(parameters) {
        true => ViewDialect::Spark {
            ansi: setting.map_or(since_4, |setting| setting.eq_ignore_ascii_case("true")),
        },
        false => ViewDialect::Hive,
    }
}

fn other_reading(parameters: &BTreeMap<String, String>) -> Option<(&'static str, &'static str)> {
    OTHER_READINGS.into_iter().find(|(setting, value)| {
        let kept = parameters.get(&format!("{SPARK_CONFIG}{setting}"));
        kept.is_some_and(|kept| kept.eq_ignore_ascii_case(value))
    })
}

/// The last part of Spark's namespace; before Spark 3 a parameter of its own.
fn default_schema(view: &StoredTable) -> String {
    let parts = view.parameters.get(&format!("{NAMESPACE}.numParts"));
    let last = parts.and_then(|parts| parts.parse::<usize>().ok()?.checked_sub(1));
    let namespace = last.and_then(|last| view.parameters.get(&format!("{NAMESPACE}.part.{last}")));
    namespace
        .or_else(|| view.parameters.get("view.default.database"))
        .unwrap_or(&view.schema)
        .clone()
}

/// `view.query.out.col.0` and on.
fn columns_by(parameters: &BTreeMap<String, String>) -> ViewColumns {
    let name = |number: usize| parameters.get(&format!("view.query.out.col.{number}"));
    let names: Vec<String> = (0..).map_while(name).cloned().collect();
    match names.is_empty() {
        true => ViewColumns::Position,
        false => ViewColumns::Names(names),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Storage, StoredColumn};
    use super::*;

    fn stored(parameters: &[(&str, &str)]) -> StoredTable {
        let column = |name: &str, hive_type: &str| StoredColumn {
            name: name.to_owned(),
            hive_type: hive_type.to_owned(),
            ..StoredColumn::default()
        };
        let columns = vec![column("id", "bigint"), column("name", "string")];
        StoredTable {
            schema: "web".to_owned(),
            name: "v".to_owned(),
            kind: "VIRTUAL_VIEW".to_owned(),
            parameters: parameters
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            storage: Some(Storage { columns, ..Storage::default() }),
            view_text: "SELECT id, name FROM t".to_owned(),
            ..StoredTable::default()
        }
    }

    #[test]
    fn a_view_of_hive_is_its_expanded_text() {
        let expanded = "SELECT `t`.`id`, `t`.`name` FROM `web`.`t`".to_owned();
        let view = view_definition(&StoredTable { view_expanded: expanded.clone(), ..stored(&[]) });
        let view = view.expect("a view");
        assert_eq!((view.sql, view.dialect), (expanded, ViewDialect::Hive));
        assert_eq!((view.default_schema.as_str(), view.columns_by), ("web", ViewColumns::Position));
        assert_eq!(view.columns.fields().len(), 2);
    }

    /// The parameters that Spark 3.5.8 writes, and the setting that Spark 4 adds.
    #[test]
    fn a_view_of_spark_has_its_parameters() {
        let view = view_definition(&stored(&[
            ("view.catalogAndNamespace.numParts", "2"),
            ("view.catalogAndNamespace.part.0", "spark_catalog"),
            ("view.catalogAndNamespace.part.1", "shop"),
            ("view.query.out.numCols", "2"),
            ("view.query.out.col.0", "id"),
            ("view.query.out.col.1", "Name"),
            ("view.sqlConfig.spark.sql.ansi.enabled", "true"),
        ]));
        let view = view.expect("a view");
        assert_eq!(view.dialect, ViewDialect::Spark { ansi: true });
        assert_eq!(view.default_schema, "shop");
        assert_eq!(view.columns_by, ViewColumns::Names(vec!["id".to_owned(), "Name".to_owned()]));
        let four =
            stored(&[("view.query.out.numCols", "2"), ("spark.sql.create.version", "4.0.1")]);
        let four = view_definition(&four).expect("a view");
        assert_eq!(four.dialect, ViewDialect::Spark { ansi: true });
        let old = view_definition(&stored(&[("view.default.database", "old")])).expect("a view");
        assert_eq!(old.dialect, ViewDialect::Spark { ansi: false });
        assert_eq!(old.default_schema, "old");
    }

    #[test]
    fn what_no_text_makes_is_refused_by_name() {
        let of_text = |text: &str| StoredTable { view_text: text.to_owned(), ..stored(&[]) };
        let case = ("view.sqlConfig.spark.sql.caseSensitive", "TRUE");
        let without_columns = StoredTable { storage: None, ..stored(&[]) };
        for (view, why) in [
            (of_text("/* Presto Materialized View: e30= */"), "materialised"),
            (of_text("/* Mooring */"), "comment"),
            (stored(&[case]), "caseSensitive"),
            (without_columns, "no columns"),
        ] {
            let error = view_definition(&view).expect_err(why);
            assert!(
                error.message().contains("`web.v`") && error.message().contains(why),
                "{error}"
            );
        }
        assert!(!is_comment("/* of mine */ SELECT 1"));
    }
}
