//! What every connector promises beyond the types of its traits, as checks that tests run over a
//! connector with a table of their own. A broken promise is an `Internal` error that names it.

use arrow::datatypes::{DataType, FieldRef};
use futures::TryStreamExt;
use mooring_spi::{
    Connector, Count, Error, ErrorKind, OpenRequest, Predicate, Result, Scan, ScanRequest,
    SchemaTable, SplitReader, SplitScan, Table,
};
use std::sync::Arc;

/// A connector under test.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub connector: &'a dyn Connector,
    /// Needed where scans answer with splits.
    pub reader: Option<&'a dyn SplitReader>,
    /// Two tables by their exact names.
    pub tables: [&'a SchemaTable; 2],
}

/// Runs every check.
///
/// # Errors
/// `Internal` for the first promise that is broken; else what the connector answered.
pub async fn check(subject: Subject<'_>) -> Result<()> {
    check_listing(subject).await?;
    check_names_in_any_case(subject).await?;
    check_missing_names(subject).await?;
    check_order(subject).await?;
    for table in subject.tables {
        check_scan(subject, table).await?;
    }
    Ok(())
}

/// The schema and the table are listed where they are found.
async fn check_listing(subject: Subject<'_>) -> Result<()> {
    let schemas = subject.connector.schemas().await?;
    for name in subject.tables {
        promise(schemas.contains(&name.schema), || format!("`{}` is not listed", name.schema))?;
        let tables = subject.connector.tables(&name.schema.to_uppercase()).await?;
        promise(tables.iter().any(|table| table.name == name.table), || {
            format!("`{name}` is not listed")
        })?;
    }
    Ok(())
}

async fn check_names_in_any_case(subject: Subject<'_>) -> Result<()> {
    for name in subject.tables {
        let typed = SchemaTable::new(name.schema.to_uppercase(), name.table.to_uppercase());
        let table = resolve(subject, &typed).await?;
        promise(table.name == *name, || format!("`{typed}` is answered as `{}`", table.name))?;
        check_description(subject, &table).await?;
    }
    Ok(())
}

/// A description has the columns of the snapshot; it may say more of them.
async fn check_description(subject: Subject<'_>, table: &Table) -> Result<()> {
    let answer = subject.connector.describe(std::slice::from_ref(&table.name)).await?;
    let [Some(described)] = answer.as_slice() else {
        return Err(broken(&format!("`{}` is not described", table.name)));
    };
    let columns = |table: &Table| -> Vec<(String, DataType, bool)> {
        let fields = table.schema.fields().iter();
        let column = |field: &FieldRef| {
            (field.name().clone(), field.data_type().clone(), field.is_nullable())
        };
        fields.map(column).collect()
    };
    let is_same = (&described.name, described.kind) == (&table.name, table.kind)
        && columns(described) == columns(table);
    promise(is_same, || format!("`{}` is described as another table", table.name))
}

async fn check_missing_names(subject: Subject<'_>) -> Result<()> {
    let [known, _] = subject.tables;
    let missing =
        [SchemaTable::new(&known.schema, "no_such_table"), SchemaTable::new("no_such_schema", "t")];
    let found = subject.connector.resolve(&missing).await?;
    let described = subject.connector.describe(&missing).await?;
    for answer in [found, described] {
        promise(answer.len() == 2 && answer.iter().all(Option::is_none), || {
            "a missing name is resolved to something else than `None`".to_owned()
        })?;
    }
    match subject.connector.tables("no_such_schema").await {
        Err(error) if error.kind() == ErrorKind::SchemaNotFound => Ok(()),
        other => Err(broken(&format!("the tables of a missing schema are {other:?}"))),
    }
}

async fn check_order(subject: Subject<'_>) -> Result<()> {
    let [first, second] = subject.tables;
    let missing = SchemaTable::new(&first.schema, "no_such_table");
    let asked = [second.clone(), missing, first.clone(), second.clone()];
    let found = subject.connector.resolve(&asked).await?;
    let names: Vec<Option<&SchemaTable>> =
        found.iter().map(|table| table.as_ref().map(|table| &table.name)).collect();
    promise(names == [Some(second), None, Some(first), Some(second)], || {
        format!("`resolve` answers in the order {names:?}")
    })
}

/// Scans of all columns and of none agree with the statistics, and no column's statistics are
/// missing where some are given.
async fn check_scan(subject: Subject<'_>, name: &SchemaTable) -> Result<()> {
    let table = resolve(subject, name).await?;
    let columns = table.schema.fields().len();
    let given = table.statistics.columns.len();
    promise(given == 0 || given == columns, || {
        format!("`{name}` has {columns} columns and statistics of {given}")
    })?;
    let all: Vec<usize> = (0..columns).collect();
    let reversed: Vec<usize> = (0..columns).rev().collect();
    for projection in [all, reversed, Vec::new()] {
        let request = ScanRequest {
            table: &table,
            projection: &projection,
            predicate: &Predicate::new(),
            limit: None,
            viewer: None,
            explain: false,
        };
        let Some(rows) = count_rows(subject, request).await? else { continue };
        if let Count::Exact(expected) = table.statistics.rows {
            promise(rows == expected, || {
                format!("`{name}` has {rows} rows and statistics of exactly {expected}")
            })?;
        }
    }
    Ok(())
}

/// The rows that a scan yields; `None` where files are left to the engine.
async fn count_rows(subject: Subject<'_>, request: ScanRequest<'_>) -> Result<Option<u64>> {
    let schema = request.projected_schema()?;
    match subject.connector.scan(request).await? {
        Scan::Files(_) => Ok(None),
        Scan::Rows(batches) => Ok(Some(batches.iter().map(|batch| batch.num_rows() as u64).sum())),
        Scan::Splits(SplitScan { splits, lease, .. }) => {
            let reader = subject.reader.ok_or_else(|| broken("splits need a reader"))?;
            let lease = match lease {
                Some(scan) if splits.len() > 1 => {
                    Some(scan.source.open(&scan.needs.iter().cloned().collect()).await?)
                }
                Some(_) | None => None,
            };
            let mut rows = 0;
            for split in splits {
                let batches = reader.open(OpenRequest {
                    split,
                    schema: Arc::clone(&schema),
                    predicate: Predicate::new(),
                    batch_size_rows: 1_000,
                    lease: lease.as_ref().map(|lease| lease.token.clone()),
                    query_id: String::new(),
                });
                let mut batches = batches.await?;
                while let Some(batch) = batches.try_next().await? {
                    promise(batch.schema() == schema, || {
                        format!("a batch has the schema {}", batch.schema())
                    })?;
                    promise(batch.num_rows() <= 1_000, || {
                        format!("a batch of at most 1000 rows has {}", batch.num_rows())
                    })?;
                    rows += batch.num_rows() as u64;
                }
            }
            Ok(Some(rows))
        }
    }
}

async fn resolve(subject: Subject<'_>, name: &SchemaTable) -> Result<Table> {
    let mut found = subject.connector.resolve(std::slice::from_ref(name)).await?;
    match found.pop() {
        Some(Some(table)) if found.is_empty() => Ok(table),
        _ => Err(broken(&format!("`{name}` is not found"))),
    }
}

fn promise(kept: bool, message: impl FnOnce() -> String) -> Result<()> {
    if kept { Ok(()) } else { Err(broken(&message())) }
}

fn broken(message: &str) -> Error {
    Error::internal(format!("the connector breaks its contract: {message}"))
}
