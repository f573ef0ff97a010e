//! A metastore in memory that does what a test says.

use crate::conformance::definition;
use async_trait::async_trait;
use mooring_spi::{
    Definition, Error, ErrorKind, FileFormat, Metastore, PartitionDefinition, Predicate, Result,
    TableDefinition, TableKind, TableStatistics, TableSummary,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use tokio::sync::{oneshot, watch};

/// Its schema is `s`. A question is answered by what is there when it comes, and the answer arrives when
/// the test lets it.
#[derive(Debug)]
pub(super) struct Other {
    content: Mutex<Content>,
    asked: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Content {
    tables: BTreeMap<String, TableDefinition>,
    fails: Option<ErrorKind>,
    holds: bool,
    held: BTreeMap<usize, oneshot::Sender<()>>,
}

impl Default for Other {
    fn default() -> Self {
        Self { content: Mutex::default(), asked: watch::Sender::new(0) }
    }
}

impl Other {
    /// Makes or changes a table.
    pub(super) fn put(&self, table: &str, location: &str) {
        let definition = definition("s", table, location);
        self.content.lock().tables.insert(table.to_owned(), definition);
    }

    /// The same, of a table without partitions that may have nothing at its location.
    pub(super) fn put_absent(&self, table: &str, location: &str) {
        let definition =
            TableDefinition { may_be_absent: true, ..definition("s", table, location) };
        self.content.lock().tables.insert(table.to_owned(), definition);
    }

    pub(super) fn remove(&self, table: &str) {
        self.content.lock().tables.remove(table);
    }

    /// What questions that come from now on get instead of an answer.
    pub(super) fn fail(&self, kind: Option<ErrorKind>) {
        self.content.lock().fails = kind;
    }

    pub(super) fn hold(&self, holds: bool) {
        self.content.lock().holds = holds;
    }

    /// Lets the answer to a question arrive; they count from 1.
    pub(super) fn release(&self, question: usize) {
        let held = self.content.lock().held.remove(&question).expect("a question that is held");
        held.send(()).expect("somebody who asked");
    }

    pub(super) fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// Waits until so many questions have come.
    pub(super) async fn come(&self, questions: usize) {
        let mut asked = self.asked.subscribe();
        asked.wait_for(|asked| *asked >= questions).await.expect("the metastore is there");
    }

    async fn answer<T>(&self, answer: impl FnOnce(&Content) -> Result<T>) -> Result<T> {
        let (answer, held) = {
            let mut content = self.content.lock();
            let answer = match content.fails {
                Some(kind) => Err(Error::new(kind, "`other` is gone")),
                None => answer(&content),
            };
            let held = content.holds.then(|| {
                let (sender, receiver) = oneshot::channel();
                content.held.insert(self.asked() + 1, sender);
                receiver
            });
            self.asked.send_modify(|asked| *asked += 1);
            (answer, held)
        };
        if let Some(held) = held {
            held.await.expect("a test that lets it go");
        }
        answer
    }

    fn change(&self, change: impl FnOnce(&mut Content)) -> Result<()> {
        let mut content = self.content.lock();
        match content.fails {
            Some(kind) => Err(Error::new(kind, "`other` is gone")),
            None => {
                change(&mut content);
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Metastore for Other {
    async fn schemas(&self) -> Result<Vec<String>> {
        self.answer(|_| Ok(vec!["s".to_owned()])).await
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        let summary = |name: &String| TableSummary { name: name.clone(), kind: TableKind::Table };
        self.answer(|content| match schema {
            "s" => Ok(content.tables.keys().map(summary).collect()),
            _ => Err(Error::new(ErrorKind::SchemaNotFound, format!("unknown schema `{schema}`"))),
        })
        .await
    }

    async fn table(&self, _: &str, table: &str) -> Result<Option<Definition>> {
        self.answer(|content| Ok(content.tables.get(table).cloned().map(Definition::Table))).await
    }

    fn lists_partitions(&self) -> bool {
        true
    }

    /// One, below the table as it was asked for.
    async fn partitions(
        &self,
        table: &TableDefinition,
        _: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        let location = format!("{}partition/", table.location);
        self.answer(|_| {
            Ok(Some(vec![PartitionDefinition {
                values: Vec::new(),
                location,
                format: FileFormat::Parquet,
                statistics: None,
                may_be_absent: true,
            }]))
        })
        .await
    }

    async fn drop_schema(&self, _: &str, _: bool) -> Result<()> {
        self.change(|content| content.tables.clear())
    }

    async fn partitions_total(&self, _: &TableDefinition) -> Result<Option<u64>> {
        self.answer(|content| Ok(Some(content.tables.len() as u64))).await
    }

    async fn statistics(&self, _: &TableDefinition) -> Result<Option<TableStatistics>> {
        self.answer(|_| Ok(Some(TableStatistics::default()))).await
    }

    async fn create_table(&self, table: &TableDefinition) -> Result<()> {
        self.replace_table(table).await
    }

    async fn drop_table(&self, _: &str, table: &str) -> Result<()> {
        self.change(|content| drop(content.tables.remove(table)))
    }

    async fn replace_table(&self, table: &TableDefinition) -> Result<()> {
        let (name, table) = (table.name.clone(), table.clone());
        self.change(|content| drop(content.tables.insert(name, table)))
    }
}
