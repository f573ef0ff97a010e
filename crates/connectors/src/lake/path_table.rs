//! A path or a URL as a table: its files, their format and their columns, those of folders too.

use super::allowed_paths::AllowedPaths;
use super::compression;
use super::infer::merged_columns;
use super::location::Folder;
use super::partition::values_from_path;
use super::path_format::format_of;
use super::path_listing::matching_files;
use super::path_partitions::told_by_folders;
use super::path_pattern::{self, Pattern};
use super::snapshot::{Snapshot, SnapshotSource};
use super::text_schema::{TextFile, text_schema};
use arrow::datatypes::{Schema, SchemaRef};
use mooring_spi::{
    ColumnMatch, Error, ErrorKind, FileFormat, PathRequest, Result, TableDefinition,
};
use object_store::ObjectMeta;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a path stands for while a query runs.
#[derive(Debug)]
pub(super) struct PathTable {
    pub(super) definition: TableDefinition,
    pub(super) pattern: Option<Pattern>,
    pub(super) snapshot: Snapshot,
}

/// # Errors
/// As [`mooring_spi::Connector::resolve_path`].
pub(super) async fn path_table(
    source: &SnapshotSource<'_>,
    allowed: &AllowedPaths,
    request: PathRequest<'_>,
) -> Result<PathTable> {
    let typed = request.path;
    let (location, pattern) = path_pattern::parse(typed)?;
    if request.viewer.is_some() {
        allowed.check(typed, &location).await?;
    }
    let folder = Folder::open(source.stores, location.url().as_str())?;
    let files = path_files(source, &folder, pattern.as_ref()).await?;
    if files.is_empty() {
        let why = if pattern.is_some() { "no file matches" } else { "there is no file in" };
        return Err(Error::new(ErrorKind::LocationNotFound, format!("{why} `{typed}`")));
    }
    if request.viewer.is_some() {
        allowed.check_files(typed, &location, &files).await?;
    }
    let format = format_of(&folder.store_url, &files)?;
    let mut definition = TableDefinition {
        schema_name: String::new(),
        name: typed.to_owned(),
        columns: Arc::new(Schema::empty()),
        partition_columns: 0,
        location: location.url().to_string(),
        format,
        columns_by: ColumnMatch::default(),
        partition_projection: None,
        may_be_absent: false,
        compression: None,
        options: BTreeMap::new(),
    };
    let mut snapshot = source.of_files(&definition, &folder, &files).await?;
    let in_files = columns(&folder, &definition.format, &files, &snapshot).await?;
    let told = told_by_folders(&folder.location, &files, &in_files);
    for (found, file) in snapshot.files.iter_mut().zip(&files) {
        let values = values_from_path(&folder.location, &file.location, told.iter())?;
        found.entry.partition_values = values;
    }
    definition.partition_columns = told.len();
    let all = in_files.fields().iter().cloned().chain(told.into_iter().map(Arc::new));
    definition.columns = Arc::new(Schema::new(all.collect::<Vec<_>>()));
    Ok(PathTable { definition, pattern, snapshot })
}

/// The files of a path, as they are now.
///
/// # Errors
/// `LimitExceeded`, and what the store says.
pub(super) async fn path_files(
    source: &SnapshotSource<'_>,
    folder: &Folder,
    pattern: Option<&Pattern>,
) -> Result<Vec<ObjectMeta>> {
    match pattern {
        Some(pattern) => matching_files(folder, pattern, source.list_max_files).await,
        None => folder.files(source.list_max_files).await,
    }
}

/// Of Parquet files what all known footers tell, of text files what the first one does.
async fn columns(
    folder: &Folder,
    format: &FileFormat,
    files: &[ObjectMeta],
    snapshot: &Snapshot,
) -> Result<SchemaRef> {
    let csv = match format {
        FileFormat::Parquet => {
            return merged_columns(snapshot.files.iter().filter_map(|file| {
                file.footer.as_ref().map(|footer| (&footer.schema, file.entry.path.as_str()))
            }));
        }
        FileFormat::Csv(options) => Some(options),
        FileFormat::Json => None,
        FileFormat::Orc
        | FileFormat::Avro
        | FileFormat::HiveText(_)
        | FileFormat::HiveCsv(_)
        | FileFormat::HiveJson(_) => {
            let keyword = format.keyword();
            return Err(Error::internal(format!("the columns of {keyword} files are not read")));
        }
    };
    let Some(file) = files.first() else {
        return Err(Error::internal("no file to take columns from"));
    };
    let text = TextFile {
        store: folder.store.as_ref(),
        store_url: &folder.store_url,
        file,
        compression: compression::by_ending(file.location.as_ref()),
        csv,
    };
    text_schema(text).await
}
