//! A metastore whose answers are kept. Asked the same by many at once it is asked once; what it said is
//! used again as long as its owner allows; and while it is away, what it said last serves for a while,
//! with a warning to each statement that got it ([`StaleAnswers`]).
//!
//! Only [`ErrorKind::SourceUnavailable`] means that a metastore is away. Whatever else it says, that
//! something is not there or not to be read, is an answer, and what was kept before is let go.

mod settings;
mod metrics;
mod question;
mod floors;
mod outage;
mod keeper;
#[cfg(test)]
mod tests;

pub(crate) use metrics::KeptAnswersMetrics;
pub use settings::{KEEP_PROPERTIES, KeepSettings};

use crate::metrics::MetastoreMetrics;
use async_trait::async_trait;
use floors::Floor;
use keeper::Keeper;
use mooring_spi::{
    Definition, Metastore, PartitionDefinition, Predicate, Result, TableDefinition,
    TableStatistics, TableSummary, fold,
};
#[cfg(doc)]
use mooring_spi::{ErrorKind, StaleAnswers};
use question::{Place, Question};
use std::sync::Arc;

/// `inner`, with its answers kept. Names that differ in case only are one name: it is asked for them in
/// lower case.
#[derive(Debug)]
pub struct KeepingMetastore {
    keeper: Arc<Keeper>,
}

impl KeepingMetastore {
    /// `catalog`: its name, for warnings, the log and metrics.
    pub fn new(
        inner: Arc<dyn Metastore>,
        catalog: &str,
        settings: KeepSettings,
        metrics: &MetastoreMetrics,
    ) -> Self {
        Self { keeper: Arc::new(Keeper::new(inner, catalog, settings, metrics)) }
    }

    fn inner(&self) -> &dyn Metastore {
        self.keeper.inner()
    }

    /// Makes a change, after which nothing that was asked before counts for `places`, or for anything. A
    /// change that failed may be there nevertheless, so what was asked before is asked again.
    async fn change(
        &self,
        places: Option<Vec<Place>>,
        change: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let mut changing = Changing { keeper: &self.keeper, places, is_done: false };
        change.await?;
        changing.is_done = true;
        Ok(())
    }
}

/// A change on its way. Whoever waits for it may go.
struct Changing<'a> {
    keeper: &'a Keeper,
    /// `None`: all.
    places: Option<Vec<Place>>,
    is_done: bool,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        let number = self.keeper.next_number();
        let floor = match self.is_done {
            true => Floor::valid(number),
            false => Floor::fresh(number),
        };
        match self.places.take() {
            Some(places) => {
                places.into_iter().for_each(|place| self.keeper.floors.raise(place, floor));
            }
            None => self.keeper.floors.raise_all(floor),
        }
    }
}

fn table_places(schema: &str, table: &str) -> Option<Vec<Place>> {
    Some(vec![Place::table(schema, table), Place::tables(schema)])
}

#[async_trait]
impl Metastore for KeepingMetastore {
    async fn schemas(&self) -> Result<Vec<String>> {
        self.keeper.ask(Question::Schemas).await?.into_schemas()
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        self.keeper.ask(Question::Tables { schema: fold(schema) }).await?.into_tables()
    }

    async fn table(&self, schema: &str, table: &str) -> Result<Option<Definition>> {
        let question = Question::Table { schema: fold(schema), table: fold(table) };
        self.keeper.ask(question).await?.into_table()
    }

    async fn refresh(&self, schema: &str, table: &str) -> Result<bool> {
        let floor = Floor::fresh(self.keeper.next_number());
        for place in table_places(schema, table).into_iter().flatten() {
            self.keeper.floors.raise(place, floor);
        }
        let question = Question::Table { schema: fold(schema), table: fold(table) };
        Ok(self.keeper.ask_now(question).await?.into_table()?.is_some())
    }

    fn lists_partitions(&self) -> bool {
        self.inner().lists_partitions()
    }

    async fn partitions(
        &self,
        table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        // Nobody is asked for projected ones, and they are others as time goes by.
        if table.partition_projection.is_some() {
            return self.inner().partitions(table, predicate).await;
        }
        self.keeper.ask(Question::partitions(table, predicate)).await?.into_partitions()
    }

    async fn partitions_total(&self, table: &TableDefinition) -> Result<Option<u64>> {
        let question = Question::PartitionsTotal { table: Arc::new(table.clone()) };
        self.keeper.ask(question).await?.into_partitions_total()
    }

    async fn statistics(&self, table: &TableDefinition) -> Result<Option<TableStatistics>> {
        // Nobody waits for what is only an estimate; other questions look whether the metastore is back.
        match self.keeper.outage.why() {
            Some(_) => Ok(None),
            None => self.inner().statistics(table).await,
        }
    }

    async fn create_schema(&self, schema: &str) -> Result<()> {
        let places = vec![Place::schemas(), Place::tables(schema)];
        self.change(Some(places), self.inner().create_schema(schema)).await
    }

    async fn drop_schema(&self, schema: &str, cascade: bool) -> Result<()> {
        self.change(None, self.inner().drop_schema(schema, cascade)).await
    }

    async fn create_table(&self, table: &TableDefinition) -> Result<()> {
        let places = table_places(&table.schema_name, &table.name);
        self.change(places, self.inner().create_table(table)).await
    }

    async fn drop_table(&self, schema: &str, table: &str) -> Result<()> {
        self.change(table_places(schema, table), self.inner().drop_table(schema, table)).await
    }

    async fn replace_table(&self, table: &TableDefinition) -> Result<()> {
        let places = table_places(&table.schema_name, &table.name);
        self.change(places, self.inner().replace_table(table)).await
    }
}
