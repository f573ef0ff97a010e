//! Which statistics a table has whose metastore keeps some.

use super::*;
use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::{
    ColumnProjection, ColumnStatistics, CsvOptions, Definition, Domain, ErrorKind,
    PartitionDefinition, PartitionProjection, Range, Value,
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

    async fn partitions_total(&self, _table: &TableDefinition) -> Result<Option<u64>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let counted = self.statistics.as_ref().map_err(Clone::clone)?;
        Ok(counted.is_some().then_some(self.partitions.len() as u64))
    }

    async fn statistics(&self, _table: &TableDefinition) -> Result<Option<TableStatistics>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.statistics.clone()
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
        partition_projection: None,
        may_be_absent: false,
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
    scan(connector, table, predicate, false).await.statistics.rows
}

async fn scan(
    connector: &LakeConnector,
    table: &Table,
    predicate: &Predicate,
    explain: bool,
) -> FileScan {
    let request =
        ScanRequest { table, projection: &[0], predicate, limit: None, viewer: None, explain };
    match connector.scan(request).await.expect("a scan") {
        Scan::Files(mut scans) => scans.remove(0),
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
async fn a_scan_has_the_zone_of_its_catalog() {
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("a.csv"), "id\n1\n2\n").expect("written");
    let stores = Arc::new(CatalogStores::new("lake", StorageSettings::default()));
    let zone = mooring_spi::TimeZone::parse("Asia/Tokyo").expect("a zone");
    let settings = LakeSettings { parquet_time_zone: zone, ..LakeSettings::default() };
    let connector = LakeConnector::new(Arc::new(one_table(&folder, csv(), 0)), stores, settings);
    let table = resolved(&connector).await;
    let found = scan(&connector, &table, &Predicate::new(), false).await;
    assert_eq!(found.parquet_time_zone, zone);
}

/// A table of three partitions by `p`, of which one is not counted.
fn partitioned(folder: &TempDir) -> OneTable {
    let mut metastore = one_table(folder, csv(), 1);
    for (p, statistics) in [(1, Some(counted(7))), (2, Some(counted(20))), (3, None)] {
        let below = folder.path().join(format!("p={p}"));
        create_dir_all(&below).expect("a folder");
        std::fs::write(below.join("a.csv"), "id\n1\n2\n").expect("written");
        metastore.partitions.push(PartitionDefinition {
            values: vec![Value::Int(p)],
            location: format!("file://{}/", below.display()),
            format: csv(),
            statistics,
            may_be_absent: false,
        });
    }
    metastore
}

fn of_partitions(values: &[i64]) -> Predicate {
    let ranges = values.iter().map(|value| Range::exactly(Value::Int(*value))).collect();
    Predicate::from([("p".to_owned(), Domain { ranges, nulls: false })])
}

#[tokio::test]
async fn partitions_have_the_rows_that_were_counted_in_each() {
    let folder = TempDir::new().expect("a folder");
    let (connector, _) = connector(partitioned(&folder));
    let table = resolved(&connector).await;
    assert_eq!(table.statistics.rows, Count::Estimate(50));
    for (values, rows) in
        [(&[1][..], Count::Estimate(7)), (&[1, 2], Count::Estimate(27)), (&[1, 3], Count::Unknown)]
    {
        let predicate = of_partitions(values);
        assert_eq!(scanned(&connector, &table, &predicate).await, rows, "{values:?}");
    }
}

#[tokio::test]
async fn a_partition_that_may_be_absent_is_empty_and_another_one_is_named() {
    for may_be_absent in [true, false] {
        let folder = TempDir::new().expect("a folder");
        let mut metastore = one_table(&folder, csv(), 1);
        metastore.partitions.push(PartitionDefinition {
            values: vec![Value::Int(1)],
            location: format!("file://{}/p=1/", folder.path().display()),
            format: csv(),
            statistics: None,
            may_be_absent,
        });
        let (connector, _) = connector(metastore);
        let (table, predicate) = (resolved(&connector).await, Predicate::new());
        let request = ScanRequest {
            table: &table,
            projection: &[0],
            predicate: &predicate,
            limit: None,
            viewer: None,
            explain: false,
        };
        match connector.scan(request).await {
            Ok(Scan::Files(scans)) => {
                assert!(may_be_absent);
                assert!(scans.iter().all(|scan| scan.files.is_empty()), "{scans:?}");
            }
            Ok(other) => panic!("not files: {other:?}"),
            Err(error) => {
                assert!(!may_be_absent);
                assert_eq!(error.kind(), ErrorKind::LocationNotFound);
                assert!(error.message().contains("/p=1/"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_table_that_may_be_absent_is_empty_and_another_one_is_named() {
    for format in [csv(), FileFormat::Parquet] {
        let folder = TempDir::new().expect("a folder");
        let mut metastore = one_table(&folder, format, 0);
        metastore.definition.location.push_str("nowhere/");
        let location = metastore.definition.location.clone();
        metastore.definition.may_be_absent = true;
        let (absent, metastore) = connector(metastore);
        let table = resolved(&absent).await;
        assert_eq!(table.statistics.rows, Count::Exact(0));
        let found = scan(&absent, &table, &Predicate::new(), false).await;
        assert_eq!((found.files.len(), found.files_total), (0, 0));

        let mut definition = metastore.definition.clone();
        definition.may_be_absent = false;
        let (strict, _) = connector(OneTable { definition, ..one_table(&folder, csv(), 0) });
        let error = strict.resolve(&[SchemaTable::new("s", "t")]).await.expect_err("not there");
        assert_eq!(error.kind(), ErrorKind::LocationNotFound);
        assert!(error.message().contains(&location), "{error}");
    }
}

#[tokio::test]
async fn partitions_are_counted_for_who_explains_alone() {
    let folder = TempDir::new().expect("a folder");
    let away = || Err(Error::new(ErrorKind::SourceUnavailable, "no answer"));
    for (statistics, expected) in
        [(Ok(Some(counted(50))), Some(3)), (Ok(None), None), (away(), None)]
    {
        let (connector, metastore) = connector(OneTable { statistics, ..partitioned(&folder) });
        let table = resolved(&connector).await;
        let asked = metastore.asked.load(Ordering::Relaxed);
        for (explain, total, more) in [(false, None, 0), (true, expected, 1)] {
            let found = scan(&connector, &table, &of_partitions(&[1, 2]), explain).await;
            assert_eq!((found.partitions, found.partitions_total), (2, total));
            assert_eq!(metastore.asked.load(Ordering::Relaxed), asked + more);
        }
    }
}

#[tokio::test]
async fn partitions_that_are_projected_are_counted_by_nobody() {
    let folder = TempDir::new().expect("a folder");
    let mut metastore = partitioned(&folder);
    metastore.definition.partition_projection = Some(PartitionProjection {
        columns: vec![ColumnProjection::Injected],
        location: Vec::new(),
    });
    let (connector, metastore) = connector(metastore);
    let table = resolved(&connector).await;
    let asked = metastore.asked.load(Ordering::Relaxed);
    let found = scan(&connector, &table, &of_partitions(&[1, 2]), true).await;
    assert_eq!((found.partitions, found.partitions_total), (2, None));
    assert_eq!(metastore.asked.load(Ordering::Relaxed), asked);
}

#[tokio::test]
async fn a_path_that_was_forgotten_is_listed_anew() {
    let folder = TempDir::new().expect("a folder");
    // Its partitions are those of another table.
    let (finding, _) = connector(partitioned(&folder));
    let (forgetful, _) = connector(partitioned(&folder));
    let elsewhere = TempDir::new().expect("a folder");
    for year in [2023, 2024] {
        let below = elsewhere.path().join(format!("year={year}"));
        create_dir_all(&below).expect("a folder");
        std::fs::write(below.join("a.csv"), "id\n1\n").expect("written");
    }
    for below in ["", "year=*/*.csv"] {
        let path = format!("{}/{below}", elsewhere.path().display());
        let request = PathRequest { path: &path, viewer: None };
        let table = finding.resolve_path(request).await.expect("resolved").expect("a table");
        let found = scan(&forgetful, &table, &Predicate::new(), false).await;
        let values = found.files.iter().flat_map(|file| file.partition_values.clone());
        let values: Vec<Value> = values.collect();
        assert_eq!(values, [Value::Int(2023), Value::Int(2024)], "{path}");
        assert_eq!(found.partitions_total, Some(2));
    }
}
