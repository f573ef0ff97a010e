//! The files of a table as one query sees them: listed once, with what their footers tell.

use super::compression;
use super::file_schema::comparable;
use super::footer::{FileFooter, FooterColumn, StoredFile};
use super::footer_cache::FooterCache;
use super::location::Folder;
use super::partition::values_from_path;
use super::statistics::{number, rows_per_byte};
use arrow::datatypes::Schema;
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{
    ColumnMatch, Count, Error, ErrorKind, FileEntry, FileFormat, Metastore, Predicate, Result,
    TableDefinition, Value, pick_name,
};
use mooring_storage::CatalogStores;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use std::pin::pin;
use std::sync::Arc;

/// Requests to an object store at one time, of one table.
const REQUESTS_MAX: usize = 16;
/// Where a table has too many files to read every footer, this many tell of the others.
const SAMPLED_FOOTERS: usize = 8;

#[derive(Debug)]
pub(super) struct Snapshot {
    /// Scheme and host of the table's own location.
    pub(super) store: Arc<str>,
    pub(super) files: Vec<SnapshotFile>,
    /// From a sample of footers, where not all were read, or what the metastore has counted.
    pub(super) rows_per_byte: Option<f64>,
}

#[derive(Debug)]
pub(super) struct SnapshotFile {
    /// Scheme and host.
    pub(super) store: Arc<str>,
    pub(super) format: Arc<FileFormat>,
    pub(super) columns_by: ColumnMatch,
    pub(super) entry: FileEntry,
    pub(super) footer: Option<Arc<FileFooter>>,
}

/// What is known of one column of one file.
pub(super) enum ColumnFacts<'a> {
    /// A partition column.
    Value(&'a Value),
    /// The file lacks the column.
    AllNull,
    Footer {
        rows: u64,
        column: &'a FooterColumn,
    },
    Unknown,
}

impl SnapshotFile {
    pub(super) fn column_facts(
        &self,
        schema: &Schema,
        partition_columns: usize,
        column: usize,
    ) -> ColumnFacts<'_> {
        let first_partition_column = schema.fields().len() - partition_columns;
        if column >= first_partition_column {
            let value = self.entry.partition_values.get(column - first_partition_column);
            return value.map_or(ColumnFacts::Unknown, ColumnFacts::Value);
        }
        let Some(footer) = &self.footer else { return ColumnFacts::Unknown };
        let field = schema.field(column);
        let name = match self.columns_by {
            // The reader's first choice too.
            ColumnMatch::Name if footer.columns.contains_key(field.name()) => {
                Ok(Some(field.name()))
            }
            ColumnMatch::Name => name_in_file(field.name(), schema, &footer.schema),
            ColumnMatch::Position => {
                Ok(footer.schema.fields().get(column).map(|found| found.name()))
            }
        };
        match name {
            Ok(Some(name)) => match footer.columns.get(name) {
                Some(column) if comparable(field.data_type(), &column.data_type) => {
                    ColumnFacts::Footer { rows: footer.rows, column }
                }
                Some(_) | None => ColumnFacts::Unknown,
            },
            Ok(None) => ColumnFacts::AllNull,
            // Two names in other cases: reading it says so.
            Err(_) => ColumnFacts::Unknown,
        }
    }
}

/// What a file calls a column of the table, unless the table has a column of just that name.
fn name_in_file<'f>(name: &str, table: &Schema, file: &'f Schema) -> Result<Option<&'f String>> {
    let found = pick_name(name, file.fields().iter().map(|field| field.name().as_str()))?;
    let field = found.and_then(|found| file.field_with_name(found).ok());
    let names = field.map(|field| field.name());
    Ok(names.filter(|found| *found == name || table.index_of(found).is_err()))
}

/// How columns are found in files of `format`: places are those of the table's own format.
pub(super) fn columns_by(definition: &TableDefinition, format: &FileFormat) -> ColumnMatch {
    match *format == definition.format {
        true => definition.columns_by,
        false => ColumnMatch::Name,
    }
}

/// What a snapshot is made from.
#[derive(Debug)]
pub(super) struct SnapshotSource<'a> {
    pub(super) metastore: &'a dyn Metastore,
    pub(super) stores: &'a CatalogStores,
    pub(super) footers: &'a FooterCache,
    pub(super) footers_max_files: usize,
    pub(super) list_max_files: usize,
}

impl SnapshotSource<'_> {
    /// Lists the table's files, of partitions that the metastore knows only those that may hold rows
    /// under the predicate, and reads their footers.
    ///
    /// # Errors
    /// `LocationNotFound` when there is nothing at a location that must be there, `CorruptData` for a file
    /// or folder that is not what the definition says, `LimitExceeded` for too many files.
    pub(super) async fn load(
        &self,
        definition: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Snapshot> {
        let folder = Folder::open(self.stores, &definition.location)?;
        let (found, counted) = match self.listed_partitions(definition, predicate).await? {
            Some(listed) => listed,
            None => (self.list_table(definition, &folder).await?, Count::Unknown),
        };
        self.with_footers(&folder, found, counted).await
    }

    /// The same of files that were listed already.
    ///
    /// # Errors
    /// `CorruptData` for a file or folder that is not what the definition says.
    pub(super) async fn of_files(
        &self,
        definition: &TableDefinition,
        folder: &Folder,
        files: &[ObjectMeta],
    ) -> Result<Snapshot> {
        let found = in_folders(definition, folder, files)?;
        self.with_footers(folder, found, Count::Unknown).await
    }

    async fn with_footers(
        &self,
        folder: &Folder,
        mut found: Vec<FoundFile>,
        counted: Count,
    ) -> Result<Snapshot> {
        let all_parquet = found.iter().all(|found| *found.file.format == FileFormat::Parquet);
        let rows_per_byte = match all_parquet {
            true => self.read_footers(&mut found).await?,
            false => {
                let bytes = found.iter().map(|found| found.file.entry.size_bytes).sum();
                rows_per_byte(counted, Count::Exact(bytes))
            }
        };
        Ok(Snapshot {
            store: Arc::clone(&folder.store_url),
            files: found.into_iter().map(|found| found.file).collect(),
            rows_per_byte,
        })
    }

    /// The files of partitions that the metastore knows, and their rows if it has counted those of every
    /// one that has files; `None` where folders tell.
    async fn listed_partitions(
        &self,
        definition: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Option<(Vec<FoundFile>, Count)>> {
        if definition.partition_columns == 0 {
            return Ok(None);
        }
        let Some(partitions) = self.metastore.partitions(definition, predicate).await? else {
            return Ok(None);
        };
        let listings = stream::iter(partitions).map(|partition| async move {
            let folder = Folder::open(self.stores, &partition.location)?;
            let files = folder.files_or_none(partition.may_be_absent, self.list_max_files).await?;
            let format = Arc::new(partition.format);
            let found = |file| folder.found(file, partition.values.clone(), &format, definition);
            let files: Vec<FoundFile> = files.iter().map(found).collect();
            let rows = match files.is_empty() {
                true => Some(0),
                false => partition.statistics.and_then(|counted| number(counted.rows)),
            };
            Ok((files, rows))
        });
        let mut listings = pin!(listings.buffered(REQUESTS_MAX));
        let mut found = Vec::new();
        let mut rows = Some(0_u64);
        while let Some((files, counted)) = listings.try_next().await? {
            found.extend(files);
            rows = rows.zip(counted).map(|(sum, rows)| sum.saturating_add(rows));
            if found.len() > self.list_max_files {
                return Err(self.too_many_files(definition));
            }
        }
        Ok(Some((found, rows.map_or(Count::Unknown, Count::Estimate))))
    }

    fn too_many_files(&self, definition: &TableDefinition) -> Error {
        let (schema, table) = (&definition.schema_name, &definition.name);
        Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "the partitions of table `{schema}.{table}` that match have more than {} files; narrow \
                 the condition on its partition columns",
                self.list_max_files
            ),
        )
    }

    async fn list_table(
        &self,
        definition: &TableDefinition,
        folder: &Folder,
    ) -> Result<Vec<FoundFile>> {
        let files = folder.files_or_none(definition.may_be_absent, self.list_max_files).await?;
        in_folders(definition, folder, &files)
    }

    /// Reads all footers where there are few, else some, from which rows per byte are estimated.
    async fn read_footers(&self, files: &mut [FoundFile]) -> Result<Option<f64>> {
        if files.len() <= self.footers_max_files {
            let footers = self.footers_of(files.iter()).await?;
            for (file, footer) in files.iter_mut().zip(footers) {
                file.file.footer = Some(footer);
            }
            return Ok(None);
        }
        let step = files.len().div_ceil(SAMPLED_FOOTERS);
        let sample: Vec<&FoundFile> = files.iter().step_by(step).collect();
        let footers = self.footers_of(sample.iter().copied()).await?;
        let rows: u64 = footers.iter().map(|footer| footer.rows).sum();
        let bytes: u64 = sample.iter().map(|file| file.file.entry.size_bytes).sum();
        Ok((bytes > 0).then(|| rows as f64 / bytes as f64))
    }

    async fn footers_of<'f>(
        &self,
        files: impl Iterator<Item = &'f FoundFile>,
    ) -> Result<Vec<Arc<FileFooter>>> {
        let reads: Vec<_> = files
            .map(|found| {
                let entry = &found.file.entry;
                let file = StoredFile {
                    store: found.object_store.as_ref(),
                    store_url: &found.file.store,
                    path: &found.path,
                    size_bytes: entry.size_bytes,
                };
                self.footers.footer(file, entry)
            })
            .collect();
        stream::iter(reads).buffered(REQUESTS_MAX).try_collect().await
    }
}

/// Files whose folders tell their partitions.
fn in_folders(
    definition: &TableDefinition,
    folder: &Folder,
    files: &[ObjectMeta],
) -> Result<Vec<FoundFile>> {
    let first = definition.columns.fields().len().saturating_sub(definition.partition_columns);
    let columns = &definition.columns.fields()[first..];
    let format = Arc::new(definition.format.clone());
    let found = files.iter().map(|file| {
        let columns = columns.iter().map(AsRef::as_ref);
        let values = values_from_path(&folder.location, &file.location, columns)?;
        Ok(folder.found(file, values, &format, definition))
    });
    found.collect()
}

/// A file with what is needed to read it.
struct FoundFile {
    file: SnapshotFile,
    object_store: Arc<dyn ObjectStore>,
    path: Path,
}

impl Folder {
    fn found(
        &self,
        file: &ObjectMeta,
        partition_values: Vec<Value>,
        format: &Arc<FileFormat>,
        definition: &TableDefinition,
    ) -> FoundFile {
        let path = file.location.as_ref();
        let entry = FileEntry {
            path: path.to_owned(),
            size_bytes: file.size,
            modified_ms: file.last_modified.timestamp_millis(),
            e_tag: file.e_tag.clone(),
            compression: compression::of_file(path, format, definition.compression),
            partition_values,
        };
        FoundFile {
            file: SnapshotFile {
                store: Arc::clone(&self.store_url),
                format: Arc::clone(format),
                columns_by: columns_by(definition, format),
                entry,
                footer: None,
            },
            object_store: Arc::clone(&self.store),
            path: file.location.clone(),
        }
    }
}
