//! The connector of every catalog whose tables are files.

use super::allowed_paths::AllowedPaths;
use super::create::{self, refuse_null_text};
use super::file_schema::{described_schema, table_schema};
use super::footer_cache::FooterCache;
use super::location::Folder;
use super::path_pattern::Pattern;
use super::path_table::{PathTable, path_files, path_table};
use super::prune::may_match;
use super::settings::LakeSettings;
use super::snapshot::{Snapshot, SnapshotFile, SnapshotSource, columns_by};
use super::statistics::{files_statistics, rows_per_byte};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use moka::future::Cache;
use mooring_spi::{
    Compression, Connector, Count, Definition, Error, FileFormat, FileScan, Metastore, NewTable,
    PathRequest, Predicate, Result, Scan, ScanRequest, SchemaTable, Table, TableDefinition,
    TableKind, TableStatistics, TableSummary, ViewDefinition,
};
use mooring_storage::CatalogStores;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::debug;
use uuid::Uuid;

/// Tables of a metastore over files. Serves the kind `lake` and every other one whose metastore
/// answers with [`TableDefinition`]s.
#[derive(Debug)]
pub struct LakeConnector {
    metastore: Arc<dyn Metastore>,
    stores: Arc<CatalogStores>,
    settings: LakeSettings,
    allowed_paths: AllowedPaths,
    footers: FooterCache,
    /// From `resolve` to `scan` of the same query.
    snapshots: Cache<String, Arc<Resolved>>,
}

/// What is known of a table from `resolve` on. `Table::handle` has its id, unique so that no other
/// connector takes it for one of its own, and behind it a [`Known`] as JSON.
#[derive(Debug)]
struct Resolved {
    known: Known,
    /// `None` where a scan asks the metastore for the partitions that it needs.
    snapshot: Option<Snapshot>,
}

/// What a table is, apart from its files.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    definition: TableDefinition,
    /// `None`: it is a table, whose metastore may know its partitions.
    #[serde(default)]
    path: Option<PathSource>,
}

/// The files of a path: all below the location, or those that match.
#[derive(Debug, Serialize, Deserialize)]
struct PathSource {
    pattern: Option<Pattern>,
}

impl Resolved {
    fn files(&self) -> usize {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.files.len())
    }
}

/// Tables that one call of `resolve` looks at together.
const TABLES_AT_ONCE: usize = 8;
/// A query that has not been planned by then lists again.
const SNAPSHOT_TIME_TO_LIVE: Duration = Duration::from_secs(600);

impl LakeConnector {
    pub fn new(
        metastore: Arc<dyn Metastore>,
        stores: Arc<CatalogStores>,
        settings: LakeSettings,
    ) -> Self {
        let snapshots = Cache::builder()
            .max_capacity(settings.snapshot_cache_files)
            .weigher(|_, resolved: &Arc<Resolved>| {
                u32::try_from(resolved.files() + 1).unwrap_or(u32::MAX)
            })
            .time_to_live(SNAPSHOT_TIME_TO_LIVE)
            .build();
        let footers = FooterCache::new(settings.footer_cache_columns);
        let allowed_paths = AllowedPaths::default();
        Self { metastore, stores, settings, allowed_paths, footers, snapshots }
    }

    /// Users that are no administrators may read paths below these.
    #[must_use]
    pub fn with_allowed_paths(mut self, allowed: AllowedPaths) -> Self {
        self.allowed_paths = allowed;
        self
    }

    async fn resolve_one(&self, name: &SchemaTable) -> Result<Option<Table>> {
        let mut definition = match self.metastore.table(&name.schema, &name.table).await? {
            Some(Definition::Table(table)) => table,
            Some(Definition::View(view)) => return Ok(Some(resolved_view(view))),
            None => return Ok(None),
        };
        definition.columns = table_schema(&definition.columns);
        if definition.partition_columns > definition.columns.fields().len() {
            return Err(Error::internal(format!(
                "`{name}` has more partition columns than columns"
            )));
        }
        let snapshot = self.snapshot(&definition).await?;
        let known = Known { definition, path: None };
        self.table(known, snapshot).await.map(Some)
    }

    /// The metastore knows the columns; no file is asked.
    async fn describe_one(&self, name: &SchemaTable) -> Result<Option<Table>> {
        let found = self.metastore.table(&name.schema, &name.table).await?;
        Ok(found.map(|definition| match definition {
            Definition::Table(table) => described_table(&table),
            Definition::View(view) => resolved_view(view),
        }))
    }

    /// The table of what was found, which is kept until its scan.
    async fn table(&self, known: Known, mut snapshot: Option<Snapshot>) -> Result<Table> {
        let definition = &known.definition;
        let statistics = self.statistics(definition, snapshot.as_mut()).await;
        let id = Uuid::new_v4().to_string();
        let json = serde_json::to_string(&known)
            .map_err(|error| Error::internal("a definition cannot be written").with_cause(error))?;
        let handle = format!("{id} {json}");
        let name = SchemaTable::new(&definition.schema_name, &definition.name);
        let schema = Arc::clone(&definition.columns);
        self.snapshots.insert(id, Arc::new(Resolved { known, snapshot })).await;
        Ok(Table { name, kind: TableKind::Table, schema, statistics, handle, view: None })
    }

    /// By the table's files; where they do not tell how many rows there are, by what the metastore keeps.
    async fn statistics(
        &self,
        definition: &TableDefinition,
        snapshot: Option<&mut Snapshot>,
    ) -> TableStatistics {
        let Some(snapshot) = snapshot else {
            return self.kept_statistics(definition).await.unwrap_or_default();
        };
        let files: Vec<&SnapshotFile> = snapshot.files.iter().collect();
        let partition_columns = definition.partition_columns;
        let rate = snapshot.rows_per_byte;
        let told = files_statistics(&files, &definition.columns, partition_columns, rate);
        if told.rows != Count::Unknown {
            return told;
        }
        let Some(kept) = self.kept_statistics(definition).await else { return told };
        snapshot.rows_per_byte = rows_per_byte(kept.rows, told.bytes);
        TableStatistics { bytes: told.bytes, ..kept }
    }

    /// A plan that is worse for want of them is better than none.
    async fn kept_statistics(&self, definition: &TableDefinition) -> Option<TableStatistics> {
        let TableDefinition { schema_name, name, .. } = definition;
        match self.metastore.statistics(definition).await {
            Ok(statistics) => statistics.map(TableStatistics::estimated),
            Err(error) => {
                debug!(schema = schema_name, table = name, %error, "no statistics of a table");
                None
            }
        }
    }

    /// `EXPLAIN` does without a number that cannot be had.
    async fn count_partitions(&self, definition: &TableDefinition) -> Option<usize> {
        let TableDefinition { schema_name, name, .. } = definition;
        // Those that the metastore lists do not count.
        if definition.partition_projection.is_some() {
            return None;
        }
        match self.metastore.partitions_total(definition).await {
            Ok(count) => count.and_then(|count| usize::try_from(count).ok()),
            Err(error) => {
                debug!(schema = schema_name, table = name, %error, "no number of partitions");
                None
            }
        }
    }

    /// All of a table's files, unless its partitions are better asked for when a predicate is known.
    async fn snapshot(&self, definition: &TableDefinition) -> Result<Option<Snapshot>> {
        match definition.partition_columns > 0 && self.metastore.lists_partitions() {
            true => Ok(None),
            false => self.load(definition, &Predicate::new()).await.map(Some),
        }
    }

    async fn load(&self, definition: &TableDefinition, predicate: &Predicate) -> Result<Snapshot> {
        self.source().load(definition, predicate).await
    }

    fn source(&self) -> SnapshotSource<'_> {
        SnapshotSource {
            metastore: self.metastore.as_ref(),
            stores: &self.stores,
            footers: &self.footers,
            footers_max_files: self.settings.footers_max_files,
            list_max_files: self.settings.list_max_files,
        }
    }

    /// What `resolve` found, or what is there now where that was evicted.
    async fn resolved(&self, handle: &str) -> Result<Arc<Resolved>> {
        let foreign = || Error::internal("the handle is none of a table over files");
        let (id, definition) = handle.split_once(' ').ok_or_else(foreign)?;
        if let Some(resolved) = self.snapshots.get(id).await {
            return Ok(resolved);
        }
        let known: Known =
            serde_json::from_str(definition).map_err(|error| foreign().with_cause(error))?;
        let definition = &known.definition;
        let snapshot = match &known.path {
            None => self.snapshot(definition).await?,
            Some(PathSource { pattern }) => {
                let folder = Folder::open(&self.stores, &definition.location)?;
                let source = self.source();
                let files = path_files(&source, &folder, pattern.as_ref()).await?;
                Some(source.of_files(definition, &folder, &files).await?)
            }
        };
        Ok(Arc::new(Resolved { known, snapshot }))
    }
}

/// Without a handle, and so without a scan.
fn described_table(definition: &TableDefinition) -> Table {
    Table {
        name: SchemaTable::new(&definition.schema_name, &definition.name),
        kind: TableKind::Table,
        schema: described_schema(&definition.columns),
        statistics: TableStatistics::default(),
        handle: String::new(),
        view: None,
    }
}

/// A view has no files: the engine puts its query in its place, and never scans it.
fn resolved_view(view: ViewDefinition) -> Table {
    Table {
        name: SchemaTable::new(&view.schema_name, &view.name),
        kind: TableKind::View,
        schema: table_schema(&view.columns),
        statistics: TableStatistics::default(),
        handle: String::new(),
        view: Some(Arc::new(view)),
    }
}

/// Files of one store and format, compressed alike.
type Group<'a> = (&'a str, &'a FileFormat, Vec<&'a SnapshotFile>);

/// The files that one scan can read together. An empty table is a group without a file.
fn groups<'a>(snapshot: &'a Snapshot, format: &'a FileFormat) -> Vec<Group<'a>> {
    if snapshot.files.is_empty() {
        return vec![(&snapshot.store, format, Vec::new())];
    }
    let mut places: HashMap<(&str, &FileFormat, Compression), usize> = HashMap::new();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for file in &snapshot.files {
        let key = (file.store.as_ref(), file.format.as_ref(), file.entry.compression);
        let place = places.entry(key).or_insert_with(|| {
            groups.push((&file.store, &file.format, Vec::new()));
            groups.len() - 1
        });
        groups[*place].2.push(file);
    }
    groups
}

/// How many partitions the files are of; those of one stand together.
fn partitions(files: &[&SnapshotFile], partition_columns: usize) -> usize {
    if partition_columns == 0 || files.is_empty() {
        return 0;
    }
    let is_next = |pair: &&[&SnapshotFile]| match pair {
        [file, next] => file.entry.partition_values != next.entry.partition_values,
        _ => false,
    };
    1 + files.windows(2).filter(is_next).count()
}

#[async_trait]
impl Connector for LakeConnector {
    async fn schemas(&self) -> Result<Vec<String>> {
        self.metastore.schemas().await
    }

    async fn reach(&self) -> Result<()> {
        self.metastore.reach().await
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        self.metastore.tables(schema).await
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        let lookups: Vec<_> = tables.iter().map(|name| self.resolve_one(name)).collect();
        stream::iter(lookups).buffered(TABLES_AT_ONCE).try_collect().await
    }

    async fn describe(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        let lookups: Vec<_> = tables.iter().map(|name| self.describe_one(name)).collect();
        stream::iter(lookups).buffered(TABLES_AT_ONCE).try_collect().await
    }

    async fn resolve_path(&self, request: PathRequest<'_>) -> Result<Option<Table>> {
        let found = path_table(&self.source(), &self.allowed_paths, request).await?;
        let PathTable { definition, pattern, snapshot } = found;
        let path = Some(PathSource { pattern });
        self.table(Known { definition, path }, Some(snapshot)).await.map(Some)
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        let resolved = self.resolved(&request.table.handle).await?;
        let Resolved { known: Known { definition, .. }, snapshot } = resolved.as_ref();
        let TableDefinition { name, columns, partition_columns, .. } = definition;
        // Refused at `CREATE` too, but a definition may be older than that.
        refuse_null_text(name, &definition.format)?;
        let now;
        let snapshot = match snapshot {
            Some(snapshot) => snapshot,
            None => {
                now = self.load(definition, request.predicate).await?;
                &now
            }
        };

        let counted = match resolved.snapshot.is_none() && request.explain {
            true => self.count_partitions(definition).await,
            false => None,
        };
        let scans =
            groups(snapshot, &definition.format).into_iter().map(|(store, format, files)| {
                let files_total = files.len();
                let partitions_total = match resolved.snapshot {
                    Some(_) => Some(partitions(&files, *partition_columns)),
                    None => counted,
                };
                let mut left = files;
                left.retain(|file| may_match(file, columns, *partition_columns, request.predicate));
                FileScan {
                    store: store.to_owned(),
                    format: format.clone(),
                    columns_by: columns_by(definition, format),
                    parquet_time_zone: self.settings.parquet_time_zone,
                    files: left.iter().map(|file| file.entry.clone()).collect(),
                    statistics: files_statistics(
                        &left,
                        columns,
                        *partition_columns,
                        snapshot.rows_per_byte,
                    ),
                    partition_columns: *partition_columns,
                    files_total,
                    partitions: partitions(&left, *partition_columns),
                    partitions_total,
                }
            });
        Ok(Scan::Files(scans.collect()))
    }

    async fn create_table(&self, table: NewTable) -> Result<()> {
        let definition = create::definition(&self.stores, table).await?;
        self.metastore.create_table(&definition).await
    }

    fn metastore(&self) -> Option<&dyn Metastore> {
        Some(self.metastore.as_ref())
    }
}

#[cfg(test)]
mod tests;
