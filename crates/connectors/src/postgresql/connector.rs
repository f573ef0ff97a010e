//! The coordinator's side: names, what is known of tables, and the statements that read them.

use super::cut::{Access, Part, RANGES_SINCE, cut};
use super::metadata::{Metadata, PlanNode, Relation, schemas, table_kind, tables};
use super::parts::parts;
use super::pool::Pool;
use super::push_down::in_known_forms;
use super::reader::Statement;
use super::snapshot::SnapshotSource;
use super::sql::{Select, conditions, identifier};
use super::statistics::{row_width, table_statistics};
use super::types::{Column, NativeText, Types};
use crate::last_problem::LastProblem;
use crate::sql::KeptHandles;
use arrow::datatypes::{Field, Schema};
use async_trait::async_trait;
use mooring_spi::{
    Connector, Count, Error, LeaseSource, Predicate, PushDown, Result, Scan, ScanLease,
    ScanRequest, SchemaTable, Split, SplitScan, Table, TableStatistics, TableSummary,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A limit of more rows than these is worth several readers.
const SMALL_LIMIT: u64 = 100_000;

/// The tables of one database.
#[derive(Debug)]
pub struct PostgresConnector {
    pub(super) pool: Arc<Pool>,
    leases: Arc<dyn LeaseSource>,
    problem: LastProblem,
    /// Of the tables that push-down asks about.
    pub(super) handles: KeptHandles<TableHandle>,
}

/// What `Table::handle` holds, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableHandle {
    pub schema: String,
    pub table: String,
    /// `relkind`.
    kind: String,
    /// Whether the user may read all of it, which the lock asks for.
    lockable: bool,
    pub columns: Vec<Column>,
    /// Of those that are text.
    pub texts: Vec<Option<NativeText>>,
    /// What their types are called there.
    pub types: Vec<String>,
    /// In whose place the table is read when that pays; empty where it is read as it is.
    parts: Vec<Part>,
    block_bytes: u64,
    row_bytes: u64,
    /// Whether texts have the order of their UTF-8.
    pub orders_text: bool,
    /// Whether the server is a relative of PostgreSQL, and computes in ways of its own.
    pub foreign: bool,
    /// What is read in the place of a table: a query that a user wrote.
    pub query: Option<String>,
}

impl TableHandle {
    pub fn read(table: &Table) -> Result<Self> {
        serde_json::from_str(&table.handle).map_err(|error| {
            Error::internal("the handle is none of a `postgresql` table").with_cause(error)
        })
    }

    pub fn write(&self) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|error| Error::internal("a handle cannot be written").with_cause(error))
    }

    pub fn of_query(text: &str, columns: Vec<Column>) -> Self {
        Self {
            schema: String::new(),
            table: String::new(),
            kind: String::new(),
            lockable: false,
            columns,
            texts: Vec::new(),
            types: Vec::new(),
            parts: Vec::new(),
            block_bytes: 0,
            row_bytes: 0,
            orders_text: false,
            foreign: false,
            query: Some(text.to_owned()),
        }
    }
}

#[async_trait]
impl Connector for PostgresConnector {
    async fn schemas(&self) -> Result<Vec<String>> {
        self.problem.seen(schemas(&self.pool).await)
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        self.problem.seen(tables(&self.pool, schema).await)
    }

    async fn resolve(&self, names: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        let (metadata, relations) = self.problem.seen(Metadata::of(&self.pool, names).await)?;
        let types = Types::new(metadata.types(), self.pool.settings.numeric_as);
        let table = |relation: Option<Relation>| {
            relation.map(|relation| self.table(&metadata, &types, relation)).transpose()
        };
        relations.into_iter().map(table).collect()
    }

    async fn resolve_query(&self, text: &str) -> Result<Option<Table>> {
        self.described(text).await.map(Some)
    }

    fn problem(&self) -> Option<String> {
        self.problem.told()
    }

    fn push_down(&self) -> Option<&dyn PushDown> {
        Some(self)
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        let handle = TableHandle::read(request.table)?;
        let projected = request.projection.iter().map(|index| {
            handle
                .columns
                .get(*index)
                .ok_or_else(|| Error::internal("a projection beyond the columns"))
        });
        let projected = projected.collect::<Result<Vec<&Column>>>()?;
        if let Some(query) = &handle.query {
            let columns: Vec<Column> = projected.into_iter().cloned().collect();
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let sql = in_known_forms(query, &columns, Some(&names));
            let statement = Statement { sql, columns, known: Predicate::new(), is_foreign: true };
            return self
                .whole(&statement, TableStatistics::default(), Vec::new())
                .map(Scan::Splits);
        }
        let conditions = conditions(&handle.columns, request.predicate, handle.orders_text);
        let select = Select {
            schema: &handle.schema,
            table: &handle.table,
            columns: &projected,
            conditions: &conditions,
            limit: request.limit,
        };
        let mut statistics = request.table.statistics.clone();
        let splits = match self.pieces(&handle, &select, request.predicate).await? {
            Some(splits) => splits,
            None => {
                if statistics.rows == Count::Unknown {
                    statistics = self.planned(&select, &handle).await?;
                }
                let bytes = match statistics.rows {
                    Count::Exact(rows) | Count::Estimate(rows) => rows
                        .min(request.limit.unwrap_or(u64::MAX))
                        .saturating_mul(width(&projected)),
                    Count::Unknown => 0,
                };
                vec![statement(&select, None, request.predicate)?.split(bytes)?]
            }
        };
        let needs = locks(&handle);
        let lease = ScanLease { source: Arc::clone(&self.leases), needs };
        let readers_max = self.pool.readers_per_scan();
        Ok(Scan::Splits(SplitScan { splits, readers_max, statistics, lease: Some(lease) }))
    }
}

impl PostgresConnector {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        let leases = Arc::new(SnapshotSource { pool: Arc::clone(&pool) });
        Self { pool, leases, handles: KeptHandles::default(), problem: LastProblem::default() }
    }

    /// A scan of what a statement selects as `c0`, `c1` and so on, as one piece.
    ///
    /// # Errors
    /// `Internal`.
    pub(super) fn statement_scan(
        &self,
        sql: &str,
        columns: Vec<Column>,
        statistics: TableStatistics,
        needs: Vec<String>,
    ) -> Result<SplitScan> {
        // Its types may have changed by the time that it runs.
        let known_forms = in_known_forms(sql, &columns, None);
        let statement =
            Statement { sql: known_forms, columns, known: Predicate::new(), is_foreign: false };
        let mut scan = self.whole(&statement, statistics, needs)?;
        for split in &mut scan.splits {
            split.label = sql.to_owned();
        }
        Ok(scan)
    }

    fn whole(
        &self,
        statement: &Statement,
        statistics: TableStatistics,
        needs: Vec<String>,
    ) -> Result<SplitScan> {
        let size_bytes = match statistics.bytes {
            Count::Exact(bytes) | Count::Estimate(bytes) => bytes,
            Count::Unknown => 0,
        };
        let splits = vec![statement.split(size_bytes)?];
        let lease = ScanLease { source: Arc::clone(&self.leases), needs };
        Ok(SplitScan { splits, readers_max: 1, statistics, lease: Some(lease) })
    }

    fn table(&self, metadata: &Metadata, types: &Types, relation: Relation) -> Result<Table> {
        let mut columns = Vec::new();
        let mut texts = Vec::new();
        let mut type_names = Vec::new();
        let mut fields = Vec::new();
        for column in relation.columns.iter().flatten() {
            let (decode, native) = types.mapping(column.type_oid, column.modifier);
            fields.push(Field::new(&column.name, decode.data_type(), !column.not_null));
            columns.push(Column { name: column.name.clone(), decode, native });
            texts.push(types.text(column.type_oid, column.modifier, column.collation.as_deref()));
            type_names.push(types.name(column.type_oid));
        }
        let statistics = table_statistics(&relation, &columns, metadata.block_bytes);
        let is_own = metadata.is_own();
        let handle = TableHandle {
            // Older servers would read the whole table for each range, and others may have no pages.
            parts: match is_own && metadata.version >= RANGES_SINCE {
                true => parts(&relation, &columns, metadata.block_bytes),
                false => Vec::new(),
            },
            block_bytes: metadata.block_bytes,
            row_bytes: row_width(&relation, &columns),
            orders_text: is_own && metadata.encoding == "UTF8",
            foreign: !is_own,
            columns,
            texts,
            types: type_names,
            query: None,
            schema: relation.schema.clone(),
            table: relation.name.clone(),
            kind: relation.kind.clone(),
            lockable: relation.lockable,
        };
        let handle = handle.write()?;
        Ok(Table {
            kind: table_kind(&relation.kind),
            name: SchemaTable::new(relation.schema, relation.name),
            schema: Arc::new(Schema::new(fields)),
            statistics,
            handle,
            view: None,
        })
    }

    /// The statements of a table that is worth several; `None` for one that is read as it is.
    async fn pieces(
        &self,
        handle: &TableHandle,
        select: &Select<'_>,
        predicate: &Predicate,
    ) -> Result<Option<Vec<Split>>> {
        let settings = &self.pool.settings;
        let pages: u64 = handle.parts.iter().filter_map(|part| part.pages).sum();
        let few_rows = select.limit.is_some_and(|limit| limit <= SMALL_LIMIT);
        let too_many = handle.parts.len() > settings.splits_max;
        let small = pages.saturating_mul(handle.block_bytes) <= settings.split_bytes;
        if handle.parts.is_empty() || few_rows || too_many || small {
            return Ok(None);
        }
        let access = match select.conditions.is_empty() {
            true => None,
            false => Some(Access::of(&PlanNode::of(&self.pool, &select.text(None)).await?)),
        };
        if access.as_ref().is_some_and(|access| !access.reads_something_whole()) {
            return Ok(None);
        }
        let width = width(select.columns);
        let pieces = cut(
            &handle.parts,
            access.as_ref(),
            handle.block_bytes,
            settings.split_bytes,
            settings.splits_max,
        );
        let mut splits = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let of_part = Select { schema: &piece.part.schema, table: &piece.part.name, ..*select };
            let bytes = u128::from(piece.size_bytes) * u128::from(width);
            let bytes = u64::try_from(bytes / u128::from(handle.row_bytes.max(1)));
            let statement = statement(&of_part, piece.pages, predicate)?;
            splits.push(statement.split(bytes.unwrap_or(u64::MAX))?);
        }
        Ok(Some(splits))
    }

    /// How many rows the database expects of something that it keeps no statistics of.
    async fn planned(&self, select: &Select<'_>, handle: &TableHandle) -> Result<TableStatistics> {
        let all = Select { limit: None, conditions: &[], ..*select }.text(None);
        let rows = PlanNode::of(&self.pool, &all).await?.rows.max(0.0) as u64;
        Ok(TableStatistics {
            rows: Count::Estimate(rows),
            bytes: Count::Estimate(rows.saturating_mul(handle.row_bytes)),
            columns: Vec::new(),
        })
    }
}

fn width(columns: &[&Column]) -> u64 {
    columns.iter().map(|column| column.decode.width_bytes()).sum()
}

fn statement(
    select: &Select<'_>,
    pages: Option<(u64, Option<u64>)>,
    predicate: &Predicate,
) -> Result<Statement> {
    let columns = select.columns.iter().map(|column| (*column).clone()).collect();
    let known = predicate.clone();
    Ok(Statement { sql: select.text(pages), columns, known, is_foreign: false })
}

/// Statements that keep a relation, with its partitions or what a view is made of, as it is until a transaction
/// ends. A foreign table is somebody else's.
pub(super) fn locks(handle: &TableHandle) -> Vec<String> {
    let name = format!("{}.{}", identifier(&handle.schema), identifier(&handle.table));
    match handle.kind.as_str() {
        "r" | "p" if handle.lockable => vec![format!("LOCK TABLE {name} IN ACCESS SHARE MODE")],
        // What cannot be locked by its name is locked by being selected from.
        "r" | "p" | "m" | "v" => vec![format!("SELECT FROM {name} LIMIT 0")],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_ask_for_no_more_than_reading_does() {
        let handle = |kind: &str, lockable| TableHandle {
            schema: "s".into(),
            table: "T".into(),
            kind: kind.into(),
            lockable,
            columns: Vec::new(),
            parts: Vec::new(),
            block_bytes: 8192,
            row_bytes: 1,
            orders_text: true,
            foreign: false,
            texts: Vec::new(),
            types: Vec::new(),
            query: None,
        };
        let lock = "LOCK TABLE \"s\".\"T\" IN ACCESS SHARE MODE";
        assert_eq!(locks(&handle("r", true)), [lock]);
        for (kind, lockable) in [("p", false), ("m", true), ("v", true)] {
            assert_eq!(locks(&handle(kind, lockable)), ["SELECT FROM \"s\".\"T\" LIMIT 0"]);
        }
        assert!(locks(&handle("f", true)).is_empty());
    }
}
