//! The leases that a query holds while it runs. Planning collects who can open them; they are opened on the
//! coordinator when the plan starts, their tokens travel with its fragments, and they end with its stream. A
//! query that is planned anew opens new ones.

use crate::options::MooringOptions;
use datafusion::execution::TaskContext;
use futures::{Stream, StreamExt};
use mooring_spi::{CatalogKey, Lease, LeaseSource, Result, ScanLease};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the scans of a query said of leases while it was planned; an extension of its session.
#[derive(Debug, Default)]
pub(crate) struct QueryLeases {
    by_catalog: Mutex<BTreeMap<CatalogKey, Wanted>>,
    /// Whether scans are made several times, as those of a recursion are in each of its steps.
    repeats: bool,
}

#[derive(Debug, Clone)]
struct Wanted {
    source: Arc<dyn LeaseSource>,
    needs: BTreeSet<String>,
    splits: usize,
}

impl QueryLeases {
    pub fn new(repeats: bool) -> Self {
        Self { by_catalog: Mutex::default(), repeats }
    }

    pub fn add(&self, catalog: CatalogKey, lease: &ScanLease, splits: usize) {
        let mut by_catalog = self.by_catalog.lock();
        let wanted = by_catalog.entry(catalog).or_insert_with(|| Wanted {
            source: Arc::clone(&lease.source),
            needs: BTreeSet::new(),
            splits: 0,
        });
        wanted.needs.extend(lease.needs.iter().cloned());
        wanted.splits += splits;
    }

    /// A lone split is one state by itself, unless it is read again.
    fn needed(&self) -> Vec<(CatalogKey, Wanted)> {
        let by_catalog = self.by_catalog.lock();
        let needed = by_catalog.iter().filter(|(_, wanted)| wanted.splits > 1 || self.repeats);
        needed.map(|(key, wanted)| (*key, wanted.clone())).collect()
    }
}

/// Leases that are held until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldLeases {
    /// The context of the plan, with the tokens.
    pub task: Arc<TaskContext>,
    leases: Vec<Lease>,
}

impl HeldLeases {
    /// The same rows; the leases end with them.
    pub fn around<S: Stream + Send + 'static>(
        self,
        rows: S,
    ) -> impl Stream<Item = S::Item> + Send + 'static {
        // The rows are dropped first, so that nobody reads when the leases end.
        let state = (Box::pin(rows), self.leases);
        futures::stream::unfold(state, |(mut rows, leases)| async move {
            let next = rows.next().await?;
            Some((next, (rows, leases)))
        })
    }
}

/// Whether a plan of `task` has leases to open.
pub(crate) fn needs_leases(task: &TaskContext) -> bool {
    let leases = task.session_config().get_extension::<QueryLeases>();
    leases.is_some_and(|leases| !leases.needed().is_empty())
}

/// Opens the leases of the plan of `task`, in the order of their catalogs: two queries that wait for each
/// other's would wait for ever.
///
/// # Errors
/// What the first source that fails answers.
pub(crate) async fn open_leases(task: Arc<TaskContext>) -> Result<HeldLeases> {
    let needed = match task.session_config().get_extension::<QueryLeases>() {
        Some(leases) => leases.needed(),
        None => Vec::new(),
    };
    let mut keys = Vec::with_capacity(needed.len());
    let mut leases = Vec::with_capacity(needed.len());
    for (key, wanted) in needed {
        leases.push(wanted.source.open(&wanted.needs).await?);
        keys.push(key);
    }
    let mut config = task.session_config().clone();
    if let Some(options) = config.options_mut().extensions.get_mut::<MooringOptions>() {
        let tokens = leases.iter().map(|lease| lease.token.as_str());
        options.set_leases(keys.into_iter().zip(tokens));
    }
    let task = TaskContext::new(
        task.task_id(),
        task.session_id(),
        config,
        task.scalar_functions().clone(),
        task.higher_order_functions().clone(),
        task.aggregate_functions().clone(),
        task.window_functions().clone(),
        task.runtime_env(),
    );
    Ok(HeldLeases { task: Arc::new(task), leases })
}
