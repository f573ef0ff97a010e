//! What the database says of its schemas and tables. All tables of a query are asked for at once, with their
//! columns, types, partitions and statistics, in one round trip.

use super::connection::major_version;
use super::pool::Pool;
use super::protocol::TextRow;
use super::types::TypeRow;
use crate::database::Purpose;
use mooring_spi::{Error, ErrorKind, Result, SchemaTable, TableKind, TableSummary, pick_name};
use serde::Deserialize;
use std::sync::Arc;

const METADATA: &str = include_str!("metadata.sql");
/// `pg_partition_tree` is there since version 12.
const LEAVES: &str = include_str!("leaves.sql");
const LEAVES_SINCE: u32 = 12;
const TYPES: &str = include_str!("types.sql");
/// Servers of the same protocol that compute in ways of their own, as they name themselves in `version()`.
const RELATIVES: [&str; 15] = [
    "cloudberry",
    "cockroach",
    "duckdb",
    "enterprisedb advanced",
    "gaussdb",
    "greenplum",
    "kingbase",
    "materialize",
    "mooring",
    "opengauss",
    "questdb",
    "redshift",
    "risingwave",
    "spanner",
    "yugabyte",
];
/// The oldest that is read.
const VERSION_MIN: u32 = 10;
const LEAVES_PLACE: &str = "/*leaves*/NULL/*leaves*/";

const SCHEMAS: &str = "SELECT n.nspname::text FROM pg_namespace n \
    WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
    AND has_schema_privilege(n.oid, 'USAGE') ORDER BY 1";

const TABLES: &str = "SELECT n.nspname::text, c.relname::text, c.relkind::text \
    FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid \
    AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition AND c.relpersistence <> 't' \
    WHERE lower(n.nspname::text COLLATE \"C\") = $1::text OR octet_length(n.nspname::text) <> length(n.nspname::text) \
    ORDER BY 1, 2";

/// The answer to [`METADATA`].
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub encoding: String,
    /// How it names itself.
    server: String,
    pub block_bytes: u64,
    /// The server's.
    #[serde(skip)]
    pub version: u32,
    schemas: Option<Vec<String>>,
    types: Option<Vec<TypeRow>>,
    relations: Option<Vec<Relation>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Relation {
    pub schema: String,
    pub name: String,
    pub kind: String,
    /// As of the last VACUUM or ANALYZE, together with `pages`; below zero where there was none.
    pub rows: f64,
    pub pages: i64,
    /// Now; only of what has pages of its own.
    pub bytes: Option<u64>,
    /// Whether other tables inherit from it, whose rows a scan of it gives, too.
    pub has_heirs: bool,
    pub row_security: bool,
    /// Whether the user may read all columns.
    pub lockable: bool,
    pub columns: Option<Vec<RelationColumn>>,
    pub statistics: Option<Vec<RelationStatistics>>,
    pub leaves: Option<Vec<Leaf>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RelationColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub type_oid: u32,
    pub modifier: i32,
    pub not_null: bool,
    /// Of text: `default` for the database's own, the name of one that is deterministic and PostgreSQL's, else empty.
    #[serde(default)]
    pub collation: Option<String>,
}

/// A row of `pg_stats`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RelationStatistics {
    pub column: String,
    /// Of all rows.
    pub nulls: f64,
    /// Below zero: of the rows.
    pub distinct: f64,
    pub width: u64,
    pub least: Option<String>,
    pub greatest: Option<String>,
}

/// A partition that has no partitions.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Leaf {
    pub schema: String,
    pub name: String,
    pub rows: f64,
    pub pages: i64,
    pub bytes: Option<u64>,
    /// Whether a scan of the partition itself gives this user what a scan of the whole table would.
    pub readable: bool,
}

impl Metadata {
    /// One entry per name, in the order asked.
    ///
    /// # Errors
    /// `AmbiguousName`, and what the database answers.
    pub async fn of(
        pool: &Arc<Pool>,
        names: &[SchemaTable],
    ) -> Result<(Self, Vec<Option<Relation>>)> {
        let mut held = pool.acquire(Purpose::Read).await?;
        let version = held.connection()?.version;
        let statement = match version >= LEAVES_SINCE {
            true => METADATA.replace(LEAVES_PLACE, LEAVES),
            false => METADATA.to_owned(),
        };
        let schemas = json(names.iter().map(|name| &name.schema))?;
        let tables = json(names.iter().map(|name| &name.table))?;
        let rows = held.ask(&statement, &[&schemas, &tables]).await?;
        held.give_back();
        let Some(text) = first_text(rows) else {
            return Err(other_form(pool));
        };
        let mut metadata: Self =
            serde_json::from_str(&text).map_err(|error| unreadable(pool, error))?;
        metadata.version = version;
        let found = names.iter().map(|name| metadata.find(name)).collect::<Result<_>>()?;
        Ok((metadata, found))
    }

    fn find(&self, name: &SchemaTable) -> Result<Option<Relation>> {
        let schemas = self.schemas.iter().flatten().map(String::as_str);
        let schemas = schemas.filter(|schema| !is_own(schema));
        let Some(schema) = pick_name(&name.schema, schemas)? else { return Ok(None) };
        let of_schema = || self.relations.iter().flatten().filter(|it| it.schema == schema);
        let table = pick_name(&name.table, of_schema().map(|it| it.name.as_str()))?;
        Ok(of_schema().find(|it| Some(it.name.as_str()) == table).cloned())
    }

    /// Whether the server is PostgreSQL itself.
    pub fn is_own(&self) -> bool {
        is_postgresql(&self.server)
    }

    pub fn types(&self) -> Vec<TypeRow> {
        self.types.clone().unwrap_or_default()
    }
}

/// Of what `version()` says: `PostgreSQL 15.4 (Debian 15.4-1) on x86_64-pc-linux-gnu, …`. Relatives put a name of
/// their own in the place of PostgreSQL's, into its number (`11.2-YB-2.18.0.0-b0`) or behind it.
fn is_postgresql(server: &str) -> bool {
    let Some(rest) = server.strip_prefix("PostgreSQL ") else { return false };
    let number = rest.split([' ', ',']).next().unwrap_or_default();
    let is_plain = number.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    let name = server.to_ascii_lowercase();
    is_plain
        && major_version(number) >= VERSION_MIN
        && !RELATIVES.iter().any(|relative| name.contains(relative))
}

fn unreadable(pool: &Pool, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    other_form(pool).with_cause(error)
}

fn other_form(pool: &Pool) -> Error {
    let catalog = &pool.catalog;
    Error::internal(format!(
        "catalog `{catalog}`: the database tells of its tables in another form"
    ))
}

/// The first value of an answer.
fn first_text(rows: Vec<TextRow>) -> Option<String> {
    rows.into_iter().next()?.into_iter().next()?
}

/// Names in small letters, as an array in JSON.
fn json<'a>(names: impl Iterator<Item = &'a String>) -> Result<String> {
    let names: Vec<String> = names.map(|name| name.to_ascii_lowercase()).collect();
    serde_json::to_string(&names)
        .map_err(|error| Error::internal("names cannot be written").with_cause(error))
}

/// The types of these numbers, with all that they are made of.
pub(super) async fn types_of(pool: &Arc<Pool>, oids: Vec<u32>) -> Result<Vec<TypeRow>> {
    let oids: Vec<String> = oids.iter().map(u32::to_string).collect();
    let mut held = pool.acquire(Purpose::Read).await?;
    let rows = held.ask(TYPES, &[&format!("{{{}}}", oids.join(","))]).await?;
    held.give_back();
    let types = first_text(rows).map(|text| serde_json::from_str(&text)).transpose();
    Ok(types.map_err(|error| unreadable(pool, error))?.unwrap_or_default())
}

/// The schemas that the user may use, without the database's own.
pub(super) async fn schemas(pool: &Arc<Pool>) -> Result<Vec<String>> {
    let mut held = pool.acquire(Purpose::Read).await?;
    let rows = held.ask(SCHEMAS, &[]).await?;
    held.give_back();
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Everything of a schema that can be read; of partitioned tables the whole alone.
///
/// # Errors
/// `SchemaNotFound`, `AmbiguousName`, and what the database answers.
pub(super) async fn tables(pool: &Arc<Pool>, schema: &str) -> Result<Vec<TableSummary>> {
    let mut held = pool.acquire(Purpose::Read).await?;
    let rows = held.ask(TABLES, &[&schema.to_ascii_lowercase()]).await?;
    held.give_back();
    let mut found: Vec<(String, Option<TableSummary>)> = Vec::with_capacity(rows.len());
    for row in rows {
        let Ok([Some(schema), name, kind]) = <[Option<String>; 3]>::try_from(row) else {
            return Err(other_form(pool));
        };
        let table = name.zip(kind);
        let table = table.map(|(name, kind)| TableSummary { name, kind: table_kind(&kind) });
        found.push((schema, table));
    }
    let names = found.iter().map(|(schema, _)| schema.as_str());
    let mut names: Vec<&str> = names.filter(|schema| !is_own(schema)).collect();
    names.dedup();
    let exact = pick_name(schema, names)?.map(str::to_owned).ok_or_else(|| {
        let message = format!("catalog `{}`: schema `{schema}` does not exist", pool.catalog);
        Error::new(ErrorKind::SchemaNotFound, message)
    })?;
    let of_schema = found.into_iter().filter(|(schema, _)| *schema == exact);
    Ok(of_schema.filter_map(|(_, table)| table).collect())
}

/// Whether a schema is the database's own: what stands there of users, passwords and other people's statements is for
/// administrators, who have `system.query`.
fn is_own(schema: &str) -> bool {
    schema.starts_with("pg_") || schema == "information_schema"
}

pub(super) fn table_kind(relkind: &str) -> TableKind {
    match relkind {
        "v" => TableKind::View,
        _ => TableKind::Table,
    }
}

/// The plan that the database has for a statement. Source of the form: PostgreSQL's manual, EXPLAIN.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PlanNode {
    #[serde(rename = "Node Type")]
    pub node_type: String,
    #[serde(rename = "Schema")]
    pub schema: Option<String>,
    #[serde(rename = "Relation Name")]
    pub relation: Option<String>,
    #[serde(rename = "Plan Rows")]
    pub rows: f64,
    #[serde(rename = "Plans", default)]
    pub plans: Vec<PlanNode>,
}

#[derive(Debug, Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: PlanNode,
}

impl PlanNode {
    /// Asks for the plan of `statement`.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn of(pool: &Arc<Pool>, statement: &str) -> Result<Self> {
        let mut held = pool.acquire(Purpose::Read).await?;
        let lines = held.ask(&format!("EXPLAIN (FORMAT JSON, VERBOSE) {statement}"), &[]).await?;
        held.give_back();
        let text: String = lines.into_iter().flatten().flatten().collect();
        let mut plans: Vec<Explained> =
            serde_json::from_str(&text).map_err(|error| unreadable(pool, error))?;
        match plans.pop() {
            Some(explained) => Ok(explained.plan),
            None => Err(other_form(pool)),
        }
    }

    /// The node and all below it.
    pub fn each(&self, visit: &mut impl FnMut(&PlanNode)) {
        visit(self);
        for plan in &self.plans {
            plan.each(visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_postgresql;

    /// As their manuals and images show them.
    #[test]
    fn relatives_are_told_apart() {
        for own in [
            "PostgreSQL 15.4 (Debian 15.4-1.pgdg120+1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit",
            "PostgreSQL 10.23 on x86_64-pc-linux-musl, compiled by gcc (Alpine 12.2.1) 12.2.1, 64-bit",
            "PostgreSQL 18beta1 on aarch64-apple-darwin, compiled by clang-16.0.0, 64-bit",
            "PostgreSQL 15.3, compiled by Visual C++ build 1914, 64-bit",
        ] {
            assert!(is_postgresql(own), "{own}");
        }
        for other in [
            "CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu, built 2023/09/27 01:53:43, go1.19.10)",
            "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017, Redshift 1.0.57864",
            "PostgreSQL 11.2-YB-2.18.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang version 15.0.3, 64-bit",
            "PostgreSQL 12.12 (Greenplum Database 7.0.0 build commit:0a7a3566) on x86_64-pc-linux-gnu, compiled by gcc",
            "PostgreSQL 9.6.24 on x86_64-pc-linux-gnu",
            "PostgreSQL",
            "",
        ] {
            assert!(!is_postgresql(other), "{other}");
        }
    }
}
