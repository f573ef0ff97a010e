//! Which statistics a table has whose metastore keeps some.

use super::*;
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::{
    ColumnStatistics, CsvOptions, Definition, Domain, ErrorKind, PartitionDefinition, Range, Value,
};
use mooring_storage::StorageSettings;
use parquet::arrow::ArrowWriter;
use std::fs::{File, create_dir_all};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// A metastore of one table.
#[derive(Debug)]
struct OneTable {
    definition: TableDefinition,
    partitions: Vec<PartitionDefinition>,
    statistics: Result<Option<TableStatistics>>,
    asked: AtomicUsize,
}

fn refused<T>() -> Result<T> {
    Err(Error::unsupported("this metastore cannot do this"))
}

#[async_trait]
impl Metastore for OneTable {
    async fn schemas(&self) -> Result<Vec<String>> {
        refused()
    }

    async fn tables(&self, _schema: &str) -> Result<Vec<TableSummary>> {
        refused()
    }

    async fn table(&self, _schema: &str, _table: &str) -> Result<Option<Definition>> {
        Ok(Some(Definition::Table(self.definition.clone())))
    }

    fn lists_partitions(&self) -> bool {
        true
    }

    async fn partitions(
        &self,
        _table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        let matches = |found: &&PartitionDefinition| {
            predicate.get("p").is_none_or(|domain| domain.may_contain(&found.values[0]))
        };
        Ok(Some(self.partitions.iter().filter(matches).cloned().collect()))
    }

    async fn statistics(&self, _table: &TableDefinition) -> Result<Option<TableStatistics>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.statistics.clone()
    }

    async fn create_schema(&self, _schema: &str) -> Result<()> {
        refused()
    }

    async fn drop_schema(&self, _schema: &str, _cascade: bool) -> Result<()> {
        refused()
    }

    async fn create_table(&self, _table: &TableDefinition) -> Result<()> {
        refused()
    }

    async fn drop_table(&self, _schema: &str, _table: &str) -> Result<()> {
        refused()
    }

    async fn replace_table(&self, _table: &TableDefinition) -> Result<()> {
        refused()
    }
}

fn csv() -> FileFormat {
    FileFormat::Csv(CsvOptions::default())
}

/// A table of column `id`, and `p` where it is partitioned.
fn one_table(folder: &TempDir, format: FileFormat, partition_columns: usize) -> OneTable {
    let mut fields = vec![Field::new("id", DataType::Int64, true)];
    fields.extend((0..partition_columns).map(|_| Field::new("p", DataType::Int32, true)));
    let definition = TableDefinition {
        schema_name: "s".into(),
        name: "t".into(),
        columns: Arc::new(Schema::new(fields)),
        partition_columns,
        location: format!("file://{}/", folder.path().display()),
        format,
        columns_by: Default::default(),
        compression: None,
        options: Default::default(),
    };
    let statistics = Ok(Some(counted(50)));
    OneTable { definition, partitions: Vec::new(), statistics, asked: AtomicUsize::new(0) }
}

/// `rows` that somebody calls exact.
fn counted(rows: u64) -> TableStatistics {
    let id = ColumnStatistics { distinct: Count::Exact(9), ..ColumnStatistics::default() };
    TableStatistics { rows: Count::Exact(rows), bytes: Count::Unknown, columns: vec![id] }
}

fn connector(metastore: OneTable) -> (LakeConnector, Arc<OneTable>) {
    let stores = Arc::new(CatalogStores::new("lake", StorageSettings::default()));
    let metastore = Arc::new(metastore);
    let shared = Arc::<OneTable>::clone(&metastore);
    (LakeConnector::new(shared, stores, LakeSettings::default()), metastore)
}

async fn resolved(connector: &LakeConnector) -> Table {
    let mut found = connector.resolve(&[SchemaTable::new("s", "t")]).await.expect("resolved");
    found.remove(0).expect("the table")
}

async fn scanned(connector: &LakeConnector, table: &Table, predicate: &Predicate) -> Count {
    let request = ScanRequest { table, projection: &[0], predicate, limit: None, viewer: None };
    match connector.scan(request).await.expect("a scan") {
        Scan::Files(scans) => scans[0].statistics.rows,
        other => panic!("not files: {other:?}"),
    }
}

#[tokio::test]
async fn files_without_footers_have_the_rows_that_the_metastore_counted() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("a.csv"), "id\n1\n2\n").expect("written");
    let (connector, _) = connector(one_table(&folder, csv(), 0));
    let table = resolved(&connector).await;
    assert_eq!(table.statistics.rows, Count::Estimate(50));
    assert_eq!(table.statistics.bytes, Count::Estimate(7));
    assert_eq!(table.statistics.columns[0].distinct, Count::Estimate(9));
    assert_eq!(scanned(&connector, &table, &Predicate::new()).await, Count::Estimate(50));
}

#[tokio::test]
async fn statistics_that_cannot_be_had_are_done_without() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("a.csv"), "id\n1\n2\n").expect("written");
    let statistics = Err(Error::new(ErrorKind::SourceUnavailable, "no answer"));
    let (connector, metastore) = connector(OneTable { statistics, ..one_table(&folder, csv(), 0) });
    let table = resolved(&connector).await;
    assert_eq!(table.statistics.rows, Count::Unknown);
    assert_eq!(scanned(&connector, &table, &Predicate::new()).await, Count::Unknown);
    assert_eq!(metastore.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn footers_need_no_metastore() {
    let folder = TempDir::new().expect("a folder");
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let rows = RecordBatch::try_from_iter([("id", ids)]).expect("a batch");
    let file = File::create(folder.path().join("a.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
    writer.write(&rows).expect("written");
    writer.close().expect("closed");
    let (connector, metastore) = connector(one_table(&folder, FileFormat::Parquet, 0));
    assert_eq!(resolved(&connector).await.statistics.rows, Count::Exact(3));
    assert_eq!(metastore.asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn partitions_have_the_rows_that_were_counted_in_each() {
    let folder = TempDir::new().expect("a folder");
    let mut metastore = one_table(&folder, csv(), 1);
    for (p, statistics) in [(1, Some(counted(7))), (2, Some(counted(20))), (3, None)] {
        let below = folder.path().join(format!("p={p}"));
        create_dir_all(&below).expect("a folder");
        std::fs::write(below.join("a.csv"), "id\n1\n2\n").expect("written");
        metastore.partitions.push(PartitionDefinition {
            values: vec![Value::Int(p)],
            location: format!("file://{}/", below.display()),
            format: csv(),
            statistics,
        });
    }
    let (connector, _) = connector(metastore);
    let table = resolved(&connector).await;
    assert_eq!(table.statistics.rows, Count::Estimate(50));
    for (values, rows) in
        [(&[1][..], Count::Estimate(7)), (&[1, 2], Count::Estimate(27)), (&[1, 3], Count::Unknown)]
    {
        let ranges = values.iter().map(|value| Range::exactly(Value::Int(*value))).collect();
        let domain = Domain { ranges, nulls: false };
        let predicate = Predicate::from([("p".to_owned(), domain)]);
        assert_eq!(scanned(&connector, &table, &predicate).await, rows, "{values:?}");
    }
}
