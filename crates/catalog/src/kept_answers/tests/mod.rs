mod fresh;
mod other;
mod outage;

use super::*;
use crate::conformance::{self, Subject, definition};
use crate::embedded::tests::new_metastore;
use mooring_spi::StaleAnswers;
use other::Other;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A metastore with the table `t` at `file:///old/`, and what keeps its answers.
struct Setting {
    other: Arc<Other>,
    keeping: Arc<KeepingMetastore>,
    metrics: MetastoreMetrics,
}

impl Setting {
    fn new(max_staleness: Duration, stale_if_error: Duration) -> Self {
        Self::with_bytes(max_staleness, stale_if_error, 1 << 20)
    }

    fn with_bytes(max_staleness: Duration, stale_if_error: Duration, cache_bytes: u64) -> Self {
        let other = Arc::new(Other::default());
        other.put("t", "file:///old/");
        let settings = KeepSettings { max_staleness, stale_if_error, cache_bytes };
        let metrics = MetastoreMetrics::default();
        let inner: Arc<dyn Metastore> = other.clone();
        let keeping = Arc::new(KeepingMetastore::new(inner, "hive", settings, &metrics));
        Self { other, keeping, metrics }
    }

    fn keeper(&self) -> &Arc<Keeper> {
        &self.keeping.keeper
    }

    fn pass(&self, time: Duration) {
        *self.keeper().ahead.lock() += time;
    }

    /// Where a table is, and the ages of the stale answers in minutes: what a statement of its own gets.
    async fn statement(&self, table: &str) -> (Result<Option<String>>, Vec<u64>) {
        statement(self.keeping.clone(), table.to_owned()).await
    }

    /// The same in a task of its own, up to where it waits for the metastore.
    async fn begin(
        &self,
        table: &str,
    ) -> tokio::task::JoinHandle<(Result<Option<String>>, Vec<u64>)> {
        let asked = self.other.asked();
        let task = tokio::spawn(statement(self.keeping.clone(), table.to_owned()));
        self.other.come(asked + 1).await;
        task
    }

    /// Of an answer that is new.
    async fn location(&self, table: &str) -> Option<String> {
        let (location, stale) = self.statement(table).await;
        assert!(stale.is_empty());
        location.expect("an answer")
    }

    /// Waits until what is on its way has ended.
    async fn land(&self) {
        while self.keeper().is_asking() {
            tokio::task::yield_now().await;
        }
    }
}

async fn statement(
    keeping: Arc<KeepingMetastore>,
    table: String,
) -> (Result<Option<String>>, Vec<u64>) {
    let stale = StaleAnswers::default();
    let found = stale.collect(keeping.table("s", &table)).await;
    let minutes = stale.take().into_iter().map(|answer| answer.age.as_secs() / 60).collect();
    let location = |found: Option<Definition>| {
        found.and_then(Definition::into_table).map(|table| table.location)
    };
    (found.map(location), minutes)
}

fn at(location: &str) -> Option<String> {
    Some(format!("file:///{location}/"))
}

#[tokio::test]
async fn it_conforms() {
    for max_staleness in [Duration::ZERO, HOUR] {
        let (metastore, _state, _folder) = new_metastore().await;
        let settings = KeepSettings { max_staleness, stale_if_error: HOUR, cache_bytes: 1 << 20 };
        let metrics = MetastoreMetrics::default();
        let keeping = KeepingMetastore::new(Arc::new(metastore), "lake", settings, &metrics);
        let subject = Subject { keeps_case: true, location: "file:///warehouse/" };
        conformance::run(&keeping, subject).await;
    }
}
