//! A metastore whose answers are kept. Asked the same by many at once it is asked once; what it said is
//! used again as long as its owner allows; and while it does not answer, what it said last serves for a
//! while, which [`Metastore::notice`] tells.

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use moka::future::Cache;
use mooring_spi::{
    Error, ErrorKind, Metastore, PartitionDefinition, Predicate, Result, TableDefinition,
    TableSummary, fold,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Definitions, names and partitions that are kept of one catalog.
const KEPT_MAX: u64 = 200_000;

/// How long answers are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepSettings {
    /// An answer that is no older is not asked for again; zero asks each time.
    pub max_staleness: Duration,
    /// An answer that is no older serves while the metastore does not answer.
    pub stale_if_error: Duration,
}

/// The properties of a catalog whose answers are kept.
pub const KEEP_PROPERTIES: &[&str] = &["metadata_max_staleness_ms", "stale_if_error_ms"];

impl KeepSettings {
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self> {
        let millis = |name: &str, default: u64| match properties.get(name) {
            None => Ok(Duration::from_millis(default)),
            Some(text) => text.parse().map(Duration::from_millis).map_err(|_| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("`{name}` is `{text}`; expected milliseconds, 0 or more"),
                )
            }),
        };
        Ok(Self {
            max_staleness: millis("metadata_max_staleness_ms", 0)?,
            stale_if_error: millis("stale_if_error_ms", 300_000)?,
        })
    }
}

/// `inner`, with its answers kept.
#[derive(Debug)]
pub struct KeepingMetastore<M> {
    inner: Arc<M>,
    catalog: String,
    settings: KeepSettings,
    schemas: Answers<(), Arc<Vec<String>>>,
    tables: Answers<String, Arc<Vec<TableSummary>>>,
    table: Answers<TableKey, Option<Arc<TableDefinition>>>,
    partitions: Answers<PartitionsKey, Option<Arc<Vec<PartitionDefinition>>>>,
    /// Since when, and why, old answers serve.
    outage: Mutex<Option<String>>,
}

/// In lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TableKey {
    schema: String,
    table: String,
}

impl TableKey {
    fn new(schema: &str, table: &str) -> Self {
        Self { schema: fold(schema), table: fold(table) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PartitionsKey {
    table: TableKey,
    /// As JSON: domains have no order of their own to be compared by.
    predicate: String,
}

impl<M: Metastore + 'static> KeepingMetastore<M> {
    /// `catalog`: its name, for messages.
    pub fn new(inner: M, catalog: &str, settings: KeepSettings) -> Self {
        Self {
            inner: Arc::new(inner),
            catalog: catalog.to_owned(),
            settings,
            schemas: Answers::new(weight),
            tables: Answers::new(weight),
            // A table that is not there may be made at any time.
            table: Answers::new(|table| table.is_some().then_some(1)),
            partitions: Answers::new(|partitions| weight(partitions.as_ref()?)),
            outage: Mutex::new(None),
        }
    }

    async fn ask<K: Key, V: Value>(
        &self,
        answers: &Answers<K, V>,
        key: K,
        question: impl FnOnce(Arc<M>) -> BoxFuture<'static, Result<V>>,
    ) -> Result<V> {
        let kept = answers.kept.get(&key).await;
        let is_within = |kept: &Kept<V>, age: Duration| kept.since.elapsed() < age;
        if let Some(kept) = &kept
            && !kept.is_expired
            && is_within(kept, self.settings.max_staleness)
        {
            return Ok(kept.value.clone());
        }
        let asked = answers.flight(key, || question(self.inner.clone())).await;
        match (asked, kept) {
            (Ok(value), _) => {
                *self.outage.lock() = None;
                Ok(value)
            }
            (Err(error), Some(kept))
                if error.kind() == ErrorKind::SourceUnavailable
                    && is_within(&kept, self.settings.stale_if_error) =>
            {
                let notice = format!(
                    "{}; what it said {} s ago is used",
                    error.message(),
                    kept.since.elapsed().as_secs()
                );
                tracing::warn!(catalog = self.catalog, notice, "the metastore does not answer");
                *self.outage.lock() = Some(notice);
                Ok(kept.value)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn forget_table(&self, schema: &str, table: &str) {
        let forgotten = TableKey::new(schema, table);
        self.table.kept.invalidate(&forgotten).await;
        self.tables.kept.invalidate(&forgotten.schema).await;
        for (condition, _) in self.partitions.of(|asked| asked.table == forgotten) {
            self.partitions.kept.invalidate(&condition).await;
        }
    }
}

fn table_question<M: Metastore + 'static>(
    schema: &str,
    table: &str,
) -> impl FnOnce(Arc<M>) -> Flight<Option<Arc<TableDefinition>>> {
    let (schema, table) = (schema.to_owned(), table.to_owned());
    |inner| async move { Ok(inner.table(&schema, &table).await?.map(Arc::new)) }.boxed()
}

fn weight<T>(answers: &Arc<Vec<T>>) -> Option<u32> {
    u32::try_from(answers.len() + 1).ok()
}

#[async_trait]
impl<M: Metastore + 'static> Metastore for KeepingMetastore<M> {
    async fn schemas(&self) -> Result<Vec<String>> {
        let question = |inner: Arc<M>| async move { inner.schemas().await.map(Arc::new) }.boxed();
        self.ask(&self.schemas, (), question).await.map(Arc::unwrap_or_clone)
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        let asked = schema.to_owned();
        let question =
            |inner: Arc<M>| async move { inner.tables(&asked).await.map(Arc::new) }.boxed();
        self.ask(&self.tables, fold(schema), question).await.map(Arc::unwrap_or_clone)
    }

    async fn table(&self, schema: &str, table: &str) -> Result<Option<TableDefinition>> {
        let question = table_question(schema, table);
        let found = self.ask(&self.table, TableKey::new(schema, table), question).await?;
        Ok(found.map(Arc::unwrap_or_clone))
    }

    fn lists_partitions(&self) -> bool {
        self.inner.lists_partitions()
    }

    async fn partitions(
        &self,
        table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        // Others may bear on how many columns and no partitions: the more they share the better.
        let first = table.columns.fields().len() - table.partition_columns;
        let of_partition = table.columns.fields()[first..]
            .iter()
            .filter_map(|column| predicate.get_key_value(column.name()))
            .map(|(name, domain)| (name.clone(), domain.clone()));
        let predicate: Predicate = of_partition.collect();
        let text = serde_json::to_string(&predicate)
            .map_err(|error| Error::internal(format!("a predicate is no JSON: {error}")))?;
        let key = PartitionsKey {
            table: TableKey::new(&table.schema_name, &table.name),
            predicate: text,
        };
        let table = table.clone();
        let question = |inner: Arc<M>| {
            async move { Ok(inner.partitions(&table, &predicate).await?.map(Arc::new)) }.boxed()
        };
        Ok(self.ask(&self.partitions, key, question).await?.map(Arc::unwrap_or_clone))
    }

    fn notice(&self) -> Option<String> {
        self.outage.lock().clone()
    }

    async fn refresh(&self, schema: &str, table: &str) -> Result<()> {
        let key = TableKey::new(schema, table);
        let question = table_question(schema, table);
        let found = self.table.flight(key.clone(), || question(self.inner.clone())).await?;
        if found.is_none() {
            self.table.kept.invalidate(&key).await;
        }
        for (condition, partitions) in self.partitions.of(|asked| asked.table == key) {
            self.partitions.kept.insert(condition, Kept { is_expired: true, ..partitions }).await;
        }
        Ok(())
    }

    async fn create_schema(&self, schema: &str) -> Result<()> {
        self.inner.create_schema(schema).await?;
        self.schemas.kept.invalidate(&()).await;
        Ok(())
    }

    async fn drop_schema(&self, schema: &str, cascade: bool) -> Result<()> {
        self.inner.drop_schema(schema, cascade).await?;
        self.schemas.kept.invalidate(&()).await;
        self.tables.kept.invalidate_all();
        self.table.kept.invalidate_all();
        self.partitions.kept.invalidate_all();
        Ok(())
    }

    async fn create_table(&self, table: &TableDefinition) -> Result<()> {
        self.inner.create_table(table).await?;
        self.forget_table(&table.schema_name, &table.name).await;
        Ok(())
    }

    async fn drop_table(&self, schema: &str, table: &str) -> Result<()> {
        self.inner.drop_table(schema, table).await?;
        self.forget_table(schema, table).await;
        Ok(())
    }

    async fn replace_table(&self, table: &TableDefinition) -> Result<()> {
        self.inner.replace_table(table).await?;
        self.forget_table(&table.schema_name, &table.name).await;
        Ok(())
    }
}

trait Key: Hash + Eq + Clone + Debug + Send + Sync + 'static {}
impl<T: Hash + Eq + Clone + Debug + Send + Sync + 'static> Key for T {}

trait Value: Clone + Debug + Send + Sync + 'static {}
impl<T: Clone + Debug + Send + Sync + 'static> Value for T {}

#[derive(Debug, Clone)]
struct Kept<V> {
    value: V,
    since: Instant,
    /// Whether it serves in an outage only.
    is_expired: bool,
}

type Flight<V> = BoxFuture<'static, Result<V>>;

/// The answers to one kind of question.
struct Answers<K, V> {
    kept: Cache<K, Kept<V>>,
    /// Questions that are on their way, as long as somebody waits for them.
    flights: Mutex<HashMap<K, WeakShared<Flight<V>>>>,
    weight: fn(&V) -> Option<u32>,
}

impl<K: Key, V: Value> Answers<K, V> {
    /// `weight`: what an answer counts of [`KEPT_MAX`]; `None` for one that is not kept.
    fn new(weight: fn(&V) -> Option<u32>) -> Self {
        let kept = Cache::builder()
            .max_capacity(KEPT_MAX)
            .weigher(move |_: &K, kept: &Kept<V>| weight(&kept.value).unwrap_or(u32::MAX))
            .build();
        Self { kept, flights: Mutex::default(), weight }
    }

    /// What is kept of some questions.
    fn of(&self, matches: impl Fn(&K) -> bool) -> Vec<(K, Kept<V>)> {
        let matching = self.kept.iter().filter(|(key, _)| matches(key));
        matching.map(|(key, kept)| (key.as_ref().clone(), kept)).collect()
    }

    /// The question on its way, else a new one.
    fn flight(&self, key: K, question: impl FnOnce() -> Flight<V>) -> Shared<Flight<V>> {
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.get(&key).and_then(WeakShared::upgrade) {
            return flight;
        }
        let (kept, weight) = (self.kept.clone(), self.weight);
        let (asked, question) = (key.clone(), question());
        // An answer is as old as its question.
        let since = Instant::now();
        let flight = async move {
            let value = question.await?;
            if weight(&value).is_some() {
                kept.insert(asked, Kept { value: value.clone(), since, is_expired: false }).await;
            }
            Ok(value)
        };
        let flight = flight.boxed().shared();
        flights.retain(|_, flight| flight.upgrade().is_some());
        if let Some(weak) = flight.downgrade() {
            flights.insert(key, weak);
        }
        flight
    }
}

impl<K, V> Debug for Answers<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{self, Subject, definition};
    use crate::embedded::tests::new_metastore;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Answers each question with another location, when it is let.
    #[derive(Debug)]
    struct Other {
        asked: AtomicUsize,
        is_away: AtomicBool,
        lets: Semaphore,
    }

    impl Other {
        async fn answer(&self) -> Result<String> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst);
            let _let = self.lets.acquire().await;
            match self.is_away.load(Ordering::SeqCst) {
                true => Err(Error::new(ErrorKind::SourceUnavailable, "`other` does not answer")),
                false => Ok(format!("file:///{number}/")),
            }
        }
    }

    #[async_trait]
    impl Metastore for Other {
        async fn schemas(&self) -> Result<Vec<String>> {
            Ok(vec![self.answer().await?])
        }

        async fn tables(&self, _: &str) -> Result<Vec<TableSummary>> {
            Err(Error::unsupported("tables"))
        }

        async fn table(&self, schema: &str, table: &str) -> Result<Option<TableDefinition>> {
            let location = self.answer().await?;
            Ok((table != "none").then(|| definition(schema, table, &location)))
        }

        async fn partitions(
            &self,
            _: &TableDefinition,
            _: &Predicate,
        ) -> Result<Option<Vec<PartitionDefinition>>> {
            let location = self.answer().await?;
            Ok(Some(vec![PartitionDefinition { values: Vec::new(), location }]))
        }

        async fn create_schema(&self, _: &str) -> Result<()> {
            Err(Error::unsupported("a change"))
        }

        async fn drop_schema(&self, _: &str, _: bool) -> Result<()> {
            Err(Error::unsupported("a change"))
        }

        async fn create_table(&self, _: &TableDefinition) -> Result<()> {
            Err(Error::unsupported("a change"))
        }

        async fn drop_table(&self, _: &str, _: &str) -> Result<()> {
            Err(Error::unsupported("a change"))
        }

        async fn replace_table(&self, _: &TableDefinition) -> Result<()> {
            Err(Error::unsupported("a change"))
        }
    }

    fn keeping(
        lets: usize,
        max_staleness: Duration,
        stale_if_error: Duration,
    ) -> KeepingMetastore<Other> {
        let (asked, is_away) = (AtomicUsize::new(0), AtomicBool::new(false));
        let other = Other { asked, is_away, lets: Semaphore::new(lets) };
        KeepingMetastore::new(other, "other", KeepSettings { max_staleness, stale_if_error })
    }

    async fn location(metastore: &KeepingMetastore<Other>, table: &str) -> String {
        metastore.table("s", table).await.expect("an answer").expect("a table").location
    }

    #[tokio::test]
    async fn it_conforms() {
        let (metastore, _state, _folder) = new_metastore().await;
        let settings = KeepSettings { max_staleness: HOUR, stale_if_error: HOUR };
        let keeping = KeepingMetastore::new(metastore, "lake", settings);
        let subject = Subject { keeps_case: true, location: "file:///warehouse/" };
        conformance::run(&keeping, subject).await;
    }

    #[tokio::test]
    async fn each_question_is_asked_again_unless_its_owner_allows_otherwise() {
        let anew = keeping(1, Duration::ZERO, HOUR);
        assert_eq!(location(&anew, "t").await, "file:///0/");
        assert_eq!(location(&anew, "t").await, "file:///1/");
        let kept = keeping(1, HOUR, HOUR);
        assert_eq!(location(&kept, "t").await, "file:///0/");
        assert_eq!(location(&kept, "T").await, "file:///0/");
        assert_eq!(location(&kept, "other").await, "file:///1/");
        kept.refresh("S", "t").await.expect("an answer");
        assert_eq!(location(&kept, "t").await, "file:///2/");
        assert_eq!(location(&kept, "other").await, "file:///1/");
    }

    #[tokio::test]
    async fn a_table_that_is_not_there_is_asked_for_again() {
        let kept = keeping(1, HOUR, HOUR);
        for asked in 1..3 {
            assert_eq!(kept.table("s", "none").await.expect("an answer"), None);
            assert_eq!(kept.inner.asked.load(Ordering::SeqCst), asked);
        }
    }

    #[tokio::test]
    async fn many_who_ask_at_once_ask_once() {
        let metastore = Arc::new(keeping(0, Duration::ZERO, HOUR));
        let asking: Vec<_> = (0..8)
            .map(|_| {
                let metastore = metastore.clone();
                tokio::spawn(async move { location(&metastore, "t").await })
            })
            .collect();
        while metastore.inner.asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        // One of those who wait goes: the others still get their answer.
        asking[0].abort();
        metastore.inner.lets.add_permits(1);
        for task in asking.into_iter().skip(1) {
            assert_eq!(task.await.expect("an answer"), "file:///0/");
        }
        assert_eq!(metastore.inner.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_was_said_last_serves_in_an_outage_and_is_told() {
        let metastore = keeping(1, Duration::ZERO, HOUR);
        location(&metastore, "t").await;
        let table = definition("s", "t", "file:///0/");
        let partitions = metastore.partitions(&table, &Predicate::new()).await.expect("partitions");
        assert_eq!(metastore.notice(), None);
        metastore.inner.is_away.store(true, Ordering::SeqCst);
        metastore.refresh("s", "t").await.expect_err("away");
        assert_eq!(location(&metastore, "t").await, "file:///0/");
        let old = metastore.partitions(&table, &Predicate::new()).await.expect("partitions");
        assert_eq!(old, partitions);
        let notice = metastore.notice().expect("a notice");
        assert!(notice.contains("`other` does not answer"), "{notice}");
        let error = metastore.table("s", "never_asked").await.expect_err("away");
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
        metastore.inner.is_away.store(false, Ordering::SeqCst);
        assert_ne!(location(&metastore, "t").await, "file:///0/");
        assert_eq!(metastore.notice(), None);
    }

    #[tokio::test]
    async fn an_answer_that_is_too_old_does_not_serve() {
        let metastore = keeping(1, Duration::ZERO, Duration::ZERO);
        location(&metastore, "t").await;
        metastore.inner.is_away.store(true, Ordering::SeqCst);
        let error = metastore.table("s", "t").await.expect_err("away");
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    }

    #[test]
    fn settings_are_checked() {
        let read = |name: &str, value: &str| {
            KeepSettings::from_properties(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
        };
        let settings = read("stale_if_error_ms", "0").expect("settings");
        assert_eq!(
            (settings.max_staleness, settings.stale_if_error),
            (Duration::ZERO, Duration::ZERO)
        );
        for name in KEEP_PROPERTIES {
            let error = read(name, "-1").expect_err(name);
            assert!(error.message().contains(name), "{error}");
        }
    }
}
