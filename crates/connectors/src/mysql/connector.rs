//! The coordinator's side: names, tables, and the statements that read them.

use super::condition::condition;
use super::metadata::{self, Key, TableHandle};
use super::ranges::{range_count, ranges};
use super::scan::{KeyColumn, LockedRanges, SplitOf};
use super::settings::{DIRECTING_PROPERTIES, ParallelReads};
use super::source::{MysqlSource, MysqlSources};
use super::{KIND, sql};
use crate::last_problem::LastProblem;
use crate::sql::KeptHandles;
use async_trait::async_trait;
use mooring_spi::{
    CatalogDefinition, Connector, ConnectorFactory, Count, Domain, Error, Predicate, PushDown,
    Result, Scan, ScanRequest, SchemaTable, SplitScan, Table, TableStatistics, TableSummary,
};
use std::sync::Arc;

/// Makes [`MysqlConnector`]s.
#[derive(Debug, Clone)]
pub struct MysqlConnectorFactory(pub MysqlSources);

impl ConnectorFactory for MysqlConnectorFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn directs_secrets(&self, property: &str) -> bool {
        DIRECTING_PROPERTIES.contains(&property)
    }

    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(MysqlConnector {
            source: self.0.source(definition)?,
            handles: KeptHandles::default(),
            problem: LastProblem::default(),
        }))
    }
}

/// The tables of one server.
#[derive(Debug)]
pub struct MysqlConnector {
    pub(super) source: Arc<MysqlSource>,
    problem: LastProblem,
    /// Of the tables that push-down asks about.
    pub(super) handles: KeptHandles<TableHandle>,
}

#[async_trait]
impl Connector for MysqlConnector {
    async fn schemas(&self) -> Result<Vec<String>> {
        self.problem.seen(metadata::schemas(&self.source).await)
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        self.problem.seen(metadata::tables(&self.source, schema).await)
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        self.problem.seen(metadata::resolve(&self.source, tables).await)
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
        let table = request.table;
        let handle = TableHandle::read(table)?;
        let schema = request.projected_schema()?;
        let mut columns = Vec::with_capacity(request.projection.len());
        let mut keys = Vec::new();
        for (at, field) in request.projection.iter().zip(schema.fields()) {
            let column = handle
                .columns
                .get(*at)
                .ok_or_else(|| Error::internal("the handle has fewer columns than its table"))?;
            columns.push(sql::selected(field.name(), column.form));
            let (name, selected) = (field.name().clone(), field.name().clone());
            keys.push(KeyColumn { name, selected, comparison: column.comparison });
        }
        let conditions = self.conditions(&request, &handle);
        let rows = match (table.statistics.rows, request.limit) {
            (Count::Exact(rows) | Count::Estimate(rows), Some(limit)) => rows.min(limit),
            (Count::Exact(rows) | Count::Estimate(rows), None) => rows,
            (Count::Unknown, limit) => limit.unwrap_or_default(),
        };
        let ranges = match (&handle.key, request.limit) {
            (Some(key), None) if !names_rows(request.predicate, key) => {
                self.ranges(&table.name, key, rows).await?
            }
            (_, None | Some(_)) => Vec::new(),
        };
        let select = |range: Option<String>| {
            let conditions: Vec<String> = conditions.iter().cloned().chain(range).collect();
            match &handle.query {
                Some(query) => sql::select_of_query(query, &columns),
                None => sql::select(&table.name, &columns, &conditions, request.limit),
            }
        };
        let (known, is_foreign) = (request.predicate, handle.query.is_some());
        let of = |sql, rows| SplitOf {
            sql,
            settings: "",
            columns: &schema,
            keys: &keys,
            known,
            rows,
            is_foreign,
        };
        let share = rows / ranges.len().max(1) as u64;
        let statements: Vec<String> = ranges.into_iter().map(|range| select(Some(range))).collect();
        let splits = if statements.is_empty() {
            vec![of(select(None), rows).split()?]
        } else {
            match self.source.settings().parallel_reads {
                ParallelReads::Locked => {
                    let locked = LockedRanges { table: table.name.clone(), statements };
                    vec![of(select(None), rows).locked(locked)?]
                }
                ParallelReads::Off | ParallelReads::Inconsistent => {
                    let splits = statements.into_iter().map(|sql| of(sql, share).split());
                    splits.collect::<Result<_>>()?
                }
            }
        };
        let rows = match (table.statistics.rows, request.limit) {
            (Count::Exact(_) | Count::Estimate(_), _) => Count::Estimate(rows),
            (Count::Unknown, _) => Count::Unknown,
        };
        let statistics = TableStatistics { rows, ..table.statistics.clone() };
        let readers_max = self.source.readers_max();
        Ok(Scan::Splits(SplitScan { splits, readers_max, statistics, lease: None }))
    }
}

impl MysqlConnector {
    /// What the server may check before it sends rows; the engine checks all of it again.
    fn conditions(&self, request: &ScanRequest<'_>, handle: &TableHandle) -> Vec<String> {
        let zero_dates = self.source.settings().zero_dates;
        let schema = &request.table.schema;
        let of = |(name, domain)| {
            let at = schema.index_of(name).ok()?;
            condition(name, handle.columns.get(at)?.comparison, domain, zero_dates)
        };
        request.predicate.iter().filter_map(|(name, domain)| of((name.as_str(), domain))).collect()
    }

    /// Ranges of the key that several connections read; none where that is not allowed or not worth it.
    async fn ranges(&self, table: &SchemaTable, key: &Key, rows: u64) -> Result<Vec<String>> {
        let settings = self.source.settings();
        let count = match settings.parallel_reads {
            ParallelReads::Off => 1,
            // Half of the connections are left to others.
            ParallelReads::Locked if key.has_snapshots => {
                range_count(rows, self.source.readers_max() / 2)
            }
            ParallelReads::Locked => 1,
            ParallelReads::Inconsistent => range_count(rows, settings.connections_max),
        };
        if count < 2 {
            return Ok(Vec::new());
        }
        let answer = self.source.ask(&sql::key_bounds(table, &key.column)).await?;
        let bound = |at: usize| answer.first()?.get(at)?.as_ref()?.parse::<i128>().ok();
        // An empty table has none.
        let (Some(least), Some(most)) = (bound(0), bound(1)) else { return Ok(Vec::new()) };
        Ok(ranges(&key.column, least, most, count))
    }
}

/// Whether the predicate asks for single values of the key: there is nothing to share then.
fn names_rows(predicate: &Predicate, key: &Key) -> bool {
    let is_single =
        |domain: &Domain| domain.ranges.iter().all(|range| range.only_value().is_some());
    predicate.get(&key.column).is_some_and(is_single)
}
