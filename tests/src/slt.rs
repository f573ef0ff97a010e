//! Runs `.slt` files on one node and on a cluster of two workers, and compares the two.
//!
//! A file takes the folder of test data as `${DATA}`. Expected column types (`query ITR`) are
//! checked against the protocol's column types: `I` integer, `R` decimal or float, `T` the rest,
//! `?` any. A record below `onlyif one-node` or `onlyif two-workers` is run there only.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use mysql_async::consts::ColumnType;
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, QueryExpect, Record, RecordOutput, Runner,
};
use tempfile::TempDir;

use crate::{Cluster, Failure, Result, Session, SqlError};

const SINGLE_NODE_MARKER: &str = "# only: single-node";
const IGNORE_MARKER: &str = "<slt:ignore>";
const TESTS: &str = env!("CARGO_MANIFEST_DIR");

/// Runs every file of `tests/slt/<folder>`. Fails with every file that failed, and when the
/// cluster's run did not use both of its workers.
pub async fn run_folder(folder: &str) -> Result<()> {
    let files = slt_files(&Path::new(TESTS).join("slt").join(folder))?;
    let data = test_data()?;
    let one_node = Cluster::one_node()?.start().await?;
    let two_workers = Cluster::with_workers(2)?.start().await?;

    let mut failures = vec![];
    for file in files {
        let script = std::fs::read_to_string(&file)?;
        let script = script.replace("${DATA}", &data.path().display().to_string());
        if let Err(failure) = run_file(&file, &script, &one_node, &two_workers).await {
            failures.push(format!("{failure:?}"));
        }
    }
    if failures.is_empty() {
        failures.extend(idle_workers(&two_workers).await?);
    }
    if failures.is_empty() {
        return Ok(());
    }
    failures.extend([one_node.log_tails(), two_workers.log_tails()]);
    Err(Failure::new(failures.join("\n\n")))
}

async fn run_file(
    file: &Path,
    script: &str,
    one_node: &Cluster,
    two_workers: &Cluster,
) -> Result<()> {
    let expected = run_script(file, script, "one-node", || one_node.connect()).await?;
    if script.lines().any(|line| line.trim() == SINGLE_NODE_MARKER) {
        return Ok(());
    }
    let actual =
        run_script(file, script, "two-workers", || two_workers.connect_distributing()).await?;
    for (one, two) in expected.iter().zip(&actual) {
        if one.rows != two.rows {
            return Err(Failure::new(format!(
                "{}: two workers give\n{:?}\ninstead of\n{:?}",
                one.location, two.rows, one.rows
            )));
        }
    }
    Ok(())
}

/// The rows of one query, sorted where its record says so.
struct Answer {
    location: String,
    rows: Vec<Vec<String>>,
}

async fn run_script<F: Future<Output = Result<Session>>>(
    file: &Path,
    script: &str,
    label: &str,
    connect: impl Fn() -> F,
) -> Result<Vec<Answer>> {
    let name = file.strip_prefix(TESTS).unwrap_or(file).display().to_string();
    let records = sqllogictest::parse_with_name::<DefaultColumnType>(script, name.as_str())?;
    let mut runner = Runner::new(|| async {
        connect().await.map(Connection).map_err(|failure| SltError(format!("{failure:?}")))
    });
    runner.with_column_validator(types_match);
    runner.add_label(label);
    let mut answers = vec![];
    let mut failures = vec![];
    for record in records {
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        let location = comparable_location(&record);
        match (location, runner.run_async(record).await) {
            (Some(location), Ok(RecordOutput::Query { rows, .. })) => {
                answers.push(Answer { location, rows });
            }
            (_, Ok(_)) => {}
            (_, Err(error)) => failures.push(format!("{label}: {}", error.display(false))),
        }
    }
    runner.shutdown_async().await;
    if failures.is_empty() { Ok(answers) } else { Err(Failure::new(failures.join("\n"))) }
}

/// Where a query stands whose rows must be the same on every cluster.
fn comparable_location(record: &Record<DefaultColumnType>) -> Option<String> {
    match record {
        Record::Query { loc, expected: QueryExpect::Results { results, .. }, .. }
            if !results.iter().any(|line| line.contains(IGNORE_MARKER)) =>
        {
            Some(loc.to_string())
        }
        _ => None,
    }
}

async fn idle_workers(cluster: &Cluster) -> Result<Option<String>> {
    let mut session = cluster.connect().await?;
    let used = session.rows("SELECT DISTINCT worker FROM system.runtime.tasks").await?;
    let count = cluster.workers.len();
    Ok((used.len() != count).then(|| format!("tasks ran on {used:?} instead of {count} workers")))
}

struct Connection(Session);

#[derive(Debug)]
struct SltError(String);

impl std::fmt::Display for SltError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SltError {}

impl From<SqlError> for SltError {
    fn from(error: SqlError) -> Self {
        Self(error.to_string())
    }
}

#[async_trait]
impl AsyncDB for Connection {
    type Error = SltError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, SltError> {
        let table = self.0.run(sql).await?;
        if table.types.is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        let types = table.types.into_iter().map(slt_type).collect();
        Ok(DBOutput::Rows { types, rows: table.rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "mooring"
    }
}

fn slt_type(column_type: ColumnType) -> DefaultColumnType {
    use ColumnType::*;
    match column_type {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG
        | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_YEAR => DefaultColumnType::Integer,
        MYSQL_TYPE_DECIMAL | MYSQL_TYPE_NEWDECIMAL | MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => {
            DefaultColumnType::FloatingPoint
        }
        _ => DefaultColumnType::Text,
    }
}

#[expect(clippy::ptr_arg, reason = "the signature is sqllogictest's")]
fn types_match(actual: &Vec<DefaultColumnType>, expected: &Vec<DefaultColumnType>) -> bool {
    actual.len() == expected.len()
        && actual.iter().zip(expected).all(|(a, e)| *e == DefaultColumnType::Any || a == e)
}

fn slt_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(slt_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::new(format!("no .slt file in {}", folder.display())));
    }
    Ok(files)
}

/// A copy of `tests/data`, so that no test writes into the source tree.
fn test_data() -> Result<TempDir> {
    let copy = tempfile::tempdir()?;
    copy_folder(&Path::new(TESTS).join("data"), copy.path())?;
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
