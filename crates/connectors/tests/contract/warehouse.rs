//! A folder of tables with a connector over it.

use crate::metastore::MemoryMetastore;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use mooring_connectors::lake::{LakeConnector, LakeSettings};
use mooring_spi::{
    Connector, FileFormat, FileScan, Metastore, NewTable, Predicate, Result, Scan, ScanRequest,
    SchemaTable, Table, TableDefinition,
};
use mooring_storage::{CatalogStores, StorageSettings};
use parquet::arrow::ArrowWriter;
use std::fs::{File, create_dir_all};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) struct Warehouse {
    folder: TempDir,
    metastore: Arc<MemoryMetastore>,
    pub(crate) stores: Arc<CatalogStores>,
    pub(crate) connector: LakeConnector,
}

impl Warehouse {
    pub(crate) fn new() -> Self {
        Self::with_settings(LakeSettings::default())
    }

    pub(crate) fn with_settings(settings: LakeSettings) -> Self {
        let metastore = Arc::new(MemoryMetastore::default());
        let stores = Arc::new(CatalogStores::new("lake", StorageSettings::default()));
        let connector = LakeConnector::new(
            Arc::<MemoryMetastore>::clone(&metastore),
            Arc::clone(&stores),
            settings,
        );
        let folder = TempDir::new().expect("a temporary folder");
        Self { folder, metastore, stores, connector }
    }

    pub(crate) fn location(&self, table: &str) -> String {
        format!("file://{}/{table}/", self.folder.path().display())
    }

    /// The folder of all tables.
    pub(crate) fn root(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The path of a file of a table, with its folders made.
    pub(crate) fn file(&self, table: &str, name: &str) -> PathBuf {
        let path = self.folder.path().join(table).join(name);
        create_dir_all(path.parent().expect("a folder")).expect("folders");
        path
    }

    pub(crate) fn write_text(&self, table: &str, name: &str, text: &str) {
        std::fs::write(self.file(table, name), text).expect("a written file");
    }

    pub(crate) fn write_parquet(&self, table: &str, name: &str, batch: &RecordBatch) {
        let file = File::create(self.file(table, name)).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(batch).expect("written");
        writer.close().expect("closed");
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        columns: &SchemaRef,
        partition_columns: usize,
        format: FileFormat,
    ) {
        let definition = TableDefinition {
            schema_name: "default".into(),
            name: name.into(),
            columns: Arc::clone(columns),
            partition_columns,
            location: self.location(name),
            format,
            columns_by: Default::default(),
            partition_projection: None,
            may_be_absent: false,
            compression: None,
            options: Default::default(),
        };
        self.metastore.create_table(&definition).await.expect("created");
    }

    pub(crate) async fn resolve(&self, name: &str) -> Result<Table> {
        let name = SchemaTable::new("default", name);
        let mut found = self.connector.resolve(&[name]).await?;
        Ok(found.remove(0).expect("the table exists"))
    }

    /// The only scan of a table whose files are all of one kind.
    pub(crate) async fn scan(&self, table: &Table, predicate: &Predicate) -> FileScan {
        let mut scans = self.scans(table, predicate).await.expect("a scan");
        assert_eq!(scans.len(), 1, "not files of one kind: {scans:?}");
        scans.remove(0)
    }

    pub(crate) async fn scans(
        &self,
        table: &Table,
        predicate: &Predicate,
    ) -> Result<Vec<FileScan>> {
        let projection: Vec<usize> = (0..table.schema.fields().len()).collect();
        let request = ScanRequest {
            table,
            projection: &projection,
            predicate,
            limit: None,
            viewer: None,
            explain: false,
        };
        match self.connector.scan(request).await? {
            Scan::Files(scans) => Ok(scans),
            other => panic!("not files: {other:?}"),
        }
    }

    /// A table as `CREATE EXTERNAL TABLE` makes it, with its columns named.
    pub(crate) async fn declare(
        &self,
        name: &str,
        columns: &SchemaRef,
        format: FileFormat,
    ) -> Result<()> {
        let table = NewTable {
            schema_name: "default".into(),
            name: name.into(),
            columns: Some(Arc::clone(columns)),
            partition_columns: Vec::new(),
            location: self.location(name),
            format,
            compression: None,
            options: Default::default(),
        };
        self.connector.create_table(table).await
    }
}

/// Columns `id` (whole numbers) and `name` (text), nullable.
pub(crate) fn columns() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
    ]))
}

pub(crate) fn rows(values: &[(Option<i64>, Option<&str>)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter(values.iter().map(|(id, _)| *id)));
    let names: ArrayRef = Arc::new(StringArray::from_iter(values.iter().map(|(_, name)| *name)));
    RecordBatch::try_new(columns(), vec![ids, names]).expect("a batch")
}

/// The names of a scan's files, without their folders above the table.
pub(crate) fn names(scan: &FileScan, table: &str) -> Vec<String> {
    let below = format!("/{table}/");
    let name = |path: &str| path.split_once(&below).expect("in the table's folder").1.to_owned();
    scan.files.iter().map(|file| name(&file.path)).collect()
}
