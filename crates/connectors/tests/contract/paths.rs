//! Paths that a query names instead of a table.

use crate::warehouse::{Warehouse, rows};
use mooring_connectors::lake::AllowedPaths;
use mooring_spi::{Connector, ErrorKind, PathRequest, Predicate, Result, Table};

async fn resolve(warehouse: &Warehouse, path: &str, viewer: Option<&str>) -> Result<Table> {
    let request = PathRequest { path, viewer };
    let found = warehouse.connector.resolve_path(request).await?;
    Ok(found.expect("a lake reads paths"))
}

#[tokio::test]
async fn a_pattern_is_listed_for_each_query() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("t", "p=1/a.parquet", &rows(&[(Some(1), None), (Some(2), None)]));
    let path = format!("{}/t/*/*.parquet", warehouse.root());
    let table = resolve(&warehouse, &path, None).await.expect("there");
    assert_eq!(warehouse.scan(&table, &Predicate::new()).await.files.len(), 1);
    warehouse.write_parquet("t", "p=2/b.parquet", &rows(&[(Some(3), None)]));
    warehouse.write_text("t", "p=2/b.txt", "no data");
    // The table keeps the files that it was resolved with.
    assert_eq!(warehouse.scan(&table, &Predicate::new()).await.files.len(), 1);
    let table = resolve(&warehouse, &path, None).await.expect("there");
    assert_eq!(warehouse.scan(&table, &Predicate::new()).await.files.len(), 2);
}

#[tokio::test]
async fn a_handle_alone_finds_the_files_again() {
    let (here, elsewhere) = (Warehouse::new(), Warehouse::new());
    here.write_text("t", "a.csv", "x\n1\n");
    here.write_text("t", "b.txt", "x\n1\n");
    for path in ["t/*.csv", "t/a.csv"] {
        let path = format!("{}/{path}", here.root());
        let table = resolve(&here, &path, None).await.expect("there");
        let scan = elsewhere.scan(&table, &Predicate::new()).await;
        assert!(scan.files.len() == 1 && scan.files[0].path.ends_with("t/a.csv"), "{scan:?}");
    }
}

#[tokio::test]
async fn columns_of_parquet_files_are_merged() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), None)]));
    warehouse.write_text("u", "a.csv", "id\nx\n");
    let path = format!("{}/t/", warehouse.root());
    let table = resolve(&warehouse, &path, None).await.expect("there");
    assert_eq!(table.schema.field(0).name(), "id");
    let both = format!("{}/?/a.*", warehouse.root());
    let error = resolve(&warehouse, &both, None).await.expect_err("two formats");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("different formats"), "{error}");
}

#[tokio::test]
async fn readers_are_refused_alike_what_is_there_and_what_is_not() {
    let mut warehouse = Warehouse::new();
    warehouse.write_text("open", "a.csv", "x\n1\n");
    warehouse.write_text("secret", "s.csv", "x\n1\n");
    let root = warehouse.root();
    std::os::unix::fs::symlink(format!("{root}/secret/s.csv"), format!("{root}/open/link.csv"))
        .expect("linked");
    let allowed = AllowedPaths::new(&[format!("{root}/open/")]).expect("paths");
    warehouse.connector = warehouse.connector.with_allowed_paths(allowed);

    let reader = Some("ana");
    resolve(&warehouse, &format!("{root}/open/a.csv"), reader).await.expect("allowed");
    let missing = format!("{root}/open/none.csv");
    let error = resolve(&warehouse, &missing, reader).await.expect_err("not there");
    assert_eq!(error.kind(), ErrorKind::LocationNotFound);
    for path in ["secret/s.csv", "secret/none.csv", "open/../secret/s.csv", "open/*.csv", "*/a.csv"]
    {
        let path = format!("{root}/{path}");
        let error = resolve(&warehouse, &path, reader).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        let words = error.message().replace(&path, "PATH");
        assert_eq!(
            words,
            "path `PATH` may not be read: users that are no administrators read paths only below \
             those that `paths.allowed` in the configuration lists"
        );
    }
    resolve(&warehouse, &format!("{root}/secret/s.csv"), None).await.expect("an administrator");
}
