//! What a node needs to read a catalog's data: its object stores and its split reader, by catalog
//! key. A coordinator and a worker have the same; a worker asks its coordinator for a definition
//! that it lacks.

use crate::scan::FooterCaches;
use async_trait::async_trait;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::object_store::ObjectStoreRegistry;
use mooring_spi::{
    CatalogDefinition, CatalogKey, Error, ErrorKind, Members, Part, ReaderFactory, Result, Share,
    SplitReader,
};
use mooring_storage::{CatalogStores, StorageMetrics, StorageSettings};
use object_store::ObjectStore;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};
use url::Url;

/// Versions of catalogs that a node keeps, beside those that are in use.
const SOURCES_MAX: usize = 1024;

/// Where definitions come from: the coordinator's own catalogs, or the coordinator over the
/// internal channel.
#[async_trait]
pub trait DefinitionSource: Send + Sync + fmt::Debug {
    /// # Errors
    /// `CatalogNotFound` when that version is no longer there.
    async fn definition(&self, key: CatalogKey) -> Result<CatalogDefinition>;
}

/// One catalog version, ready to be read.
#[derive(Debug)]
pub struct Source {
    pub name: String,
    stores: CatalogStores,
    footers: FooterCaches,
    reader: Option<Arc<dyn SplitReader>>,
}

impl Source {
    /// # Errors
    /// `Unsupported` for a kind that has no splits.
    pub fn reader(&self) -> Result<Arc<dyn SplitReader>> {
        self.reader.clone().ok_or_else(|| {
            Error::unsupported(format!("catalog `{}` is not read in splits", self.name))
        })
    }
}

/// The catalog versions that this node can read.
#[derive(Debug)]
pub struct Sources {
    readers: Vec<Arc<dyn ReaderFactory>>,
    definitions: Arc<dyn DefinitionSource>,
    storage_metrics: StorageMetrics,
    loaded: RwLock<HashMap<CatalogKey, Arc<Source>>>,
    /// The live versions, as each coordinator tells them.
    live: Mutex<HashMap<String, HashSet<CatalogKey>>>,
    members: Mutex<ToldMembers>,
    /// Of a worker: where it is.
    worker: OnceLock<String>,
}

/// Who may connect to sources.
#[derive(Debug)]
struct ToldMembers {
    /// As each coordinator tells it.
    by_coordinator: BTreeMap<String, Members>,
    /// What follows from it.
    share: Share,
}

/// Catalog versions in use: while it is there, they stay on this node.
#[derive(Debug, Default)]
pub struct SourceLease {
    _sources: Vec<Arc<Source>>,
}

impl Sources {
    pub fn new(
        readers: Vec<Arc<dyn ReaderFactory>>,
        definitions: Arc<dyn DefinitionSource>,
        storage_metrics: StorageMetrics,
    ) -> Self {
        Self {
            readers,
            definitions,
            storage_metrics,
            loaded: RwLock::default(),
            live: Mutex::default(),
            members: Mutex::new(ToldMembers {
                by_coordinator: BTreeMap::new(),
                share: Share::ALONE,
            }),
            worker: OnceLock::new(),
        }
    }

    /// Says that this node is the worker at `address`, whose errors are told elsewhere.
    pub fn set_worker(&self, address: &str) {
        // It has one address as long as it lives.
        let _ = self.worker.set(address.to_owned());
    }

    /// An error with the worker that it is of, where another node would not have it: a secret that is missing, a server
    /// that is not reached from there.
    pub(crate) fn placed(&self, error: Error) -> Error {
        let of_node =
            matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::SourceUnavailable);
        match self.worker.get() {
            Some(worker) if of_node => {
                let message = format!("{} (on the worker `{worker}`)", error.message());
                Error::new(error.kind(), message).with_cause(error)
            }
            Some(_) | None => error,
        }
    }

    /// Makes every catalog of `keys` readable on this node, for as long as the answer is there.
    ///
    /// # Errors
    /// What the definition source answers, and `InvalidArgument` for a property that cannot be
    /// used on this node (a secret that it cannot resolve, for example).
    pub async fn load(&self, keys: &[CatalogKey]) -> Result<SourceLease> {
        let mut sources = Vec::with_capacity(keys.len());
        for key in keys {
            let loaded = self.loaded.read().get(key).cloned();
            sources.push(match loaded {
                Some(source) => source,
                None => {
                    let definition = self.definitions.definition(*key).await?;
                    self.insert(&definition).map_err(|error| self.placed(error))?
                }
            });
        }
        Ok(SourceLease { _sources: sources })
    }

    fn insert(&self, definition: &CatalogDefinition) -> Result<Arc<Source>> {
        let settings = StorageSettings::from_properties(&definition.properties)?;
        let stores = CatalogStores::new(definition.name.clone(), settings)
            .with_metrics(self.storage_metrics.clone());
        let reader = match self.readers.iter().find(|factory| factory.kind() == definition.kind) {
            Some(factory) => Some(factory.reader(definition)?),
            None => None,
        };
        let source = Arc::new(Source {
            name: definition.name.clone(),
            stores,
            footers: FooterCaches::default(),
            reader,
        });
        let mut loaded = self.loaded.write();
        if loaded.len() >= SOURCES_MAX {
            loaded.retain(|_, source| is_used(source));
        }
        // Another task may have loaded it meanwhile: what it holds must be what the others find.
        Ok(Arc::clone(loaded.entry(definition.key).or_insert(source)))
    }

    /// What `coordinator` says which versions are live; `None` when it is not heard of any more. What no
    /// coordinator names is let go with its connections and caches, once nothing here uses it.
    pub fn keep_live(&self, coordinator: &str, live: Option<Vec<CatalogKey>>) {
        let mut known = self.live.lock();
        match live {
            Some(keys) => known.insert(coordinator.to_owned(), keys.into_iter().collect()),
            None => known.remove(coordinator),
        };
        if known.is_empty() {
            // Nobody is there to tell.
            return;
        }
        let is_live = |key: &CatalogKey| known.values().any(|keys| keys.contains(key));
        let is_kept = |key: &CatalogKey, source: &Arc<Source>| is_live(key) || is_used(source);
        if self.loaded.read().iter().any(|(key, source)| !is_kept(key, source)) {
            self.loaded.write().retain(|key, source| is_kept(key, source));
        }
    }

    /// What a coordinator says who may connect to sources, this process being `part` of them; `None` when it is not
    /// heard of any more. Where coordinators differ, the most count.
    pub fn tell_members(&self, part: Part, coordinator: &str, members: Option<Members>) {
        let mut told = self.members.lock();
        match members {
            Some(members) => told.by_coordinator.insert(coordinator.to_owned(), members),
            None => told.by_coordinator.remove(coordinator),
        };
        let all = || told.by_coordinator.values();
        let Some(workers) = all().map(|members| members.workers).max() else {
            // Nobody is there to tell.
            return;
        };
        let known = all().map(|members| members.coordinators).max().unwrap_or_default();
        let coordinators = known.max(told.by_coordinator.len());
        let share = Share { members: Members { coordinators, workers }, part };
        if share == told.share {
            return;
        }
        told.share = share;
        tracing::debug!(coordinators, workers, "connections to sources are shared anew");
        for factory in &self.readers {
            factory.set_share(share);
        }
    }

    /// How many coordinators tell this node who may connect.
    pub fn coordinator_count(&self) -> usize {
        self.members.lock().by_coordinator.len()
    }

    /// The store at an address, and the footers that are known of its files.
    ///
    /// # Errors
    /// `InvalidArgument` for an address that is none, and what opening the store gives.
    pub(crate) fn open(
        &self,
        address: &Url,
    ) -> Result<(Arc<dyn ObjectStore>, Arc<FileMetadataCache>)> {
        let (key, root) = parse_store_address(address)?;
        let source = self.get(key)?;
        Ok((source.stores.store(&root)?, source.footers.of(root.as_str())))
    }

    /// # Errors
    /// `Internal` when the catalog was not loaded before the plan arrived.
    pub fn get(&self, key: CatalogKey) -> Result<Arc<Source>> {
        self.loaded
            .read()
            .get(&key)
            .cloned()
            .ok_or_else(|| Error::internal(format!("catalog `{key}` is not loaded on this node")))
    }
}

/// Whether anything but the map has it. To be asked under the map's lock, without which nobody gets it there.
fn is_used(source: &Arc<Source>) -> bool {
    Arc::strong_count(source) > 1
}

/// The address under which DataFusion asks for the store at `root` (`s3://bucket`, `file://`) of
/// one catalog: `catalog-ID-VERSION+s3://bucket`. So two catalogs may reach one bucket with
/// different credentials.
pub fn store_address(key: CatalogKey, root: &str) -> String {
    format!("catalog-{key}+{root}")
}

fn parse_store_address(address: &Url) -> Result<(CatalogKey, Url)> {
    let wrong = || {
        Error::new(ErrorKind::InvalidArgument, format!("`{address}` is no catalog's object store"))
    };
    let (catalog, scheme) = address.scheme().split_once('+').ok_or_else(wrong)?;
    let key = catalog.strip_prefix("catalog-").ok_or_else(wrong)?.parse().map_err(|_| wrong())?;
    let host = address.host_str().unwrap_or_default();
    let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
    let root = Url::parse(&format!("{scheme}://{host}{port}/")).map_err(|_| wrong())?;
    Ok((key, root))
}

/// DataFusion's view of the stores: nothing is registered, every address leads to its catalog.
#[derive(Debug)]
pub(crate) struct SourceStores(pub Arc<Sources>);

impl ObjectStoreRegistry for SourceStores {
    fn register_store(
        &self,
        _url: &Url,
        _store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> datafusion::common::Result<Arc<dyn ObjectStore>> {
        let (store, _) = self.0.open(url).map_err(crate::error::to_datafusion)?;
        Ok(store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct AnyDefinition;

    #[async_trait]
    impl DefinitionSource for AnyDefinition {
        async fn definition(&self, key: CatalogKey) -> Result<CatalogDefinition> {
            let (name, kind) = (format!("c{key}"), "lake".to_owned());
            Ok(CatalogDefinition { key, name, kind, properties: Default::default() })
        }
    }

    #[test]
    fn an_error_of_a_worker_says_where_it_is() {
        let sources = Sources::new(vec![], Arc::new(AnyDefinition), StorageMetrics::default());
        let unset = Error::new(ErrorKind::InvalidArgument, "`env:NOPE` is not set");
        assert_eq!(sources.placed(unset.clone()).message(), unset.message(), "a coordinator");
        sources.set_worker("10.0.0.7:50061");
        let placed = sources.placed(unset);
        assert_eq!(placed.kind(), ErrorKind::InvalidArgument);
        assert_eq!(placed.message(), "`env:NOPE` is not set (on the worker `10.0.0.7:50061`)");
        let corrupt = Error::new(ErrorKind::CorruptData, "its bytes");
        assert_eq!(sources.placed(corrupt).message(), "its bytes", "the same anywhere");
    }

    #[tokio::test]
    async fn a_version_that_nobody_names_goes_when_nobody_uses_it() {
        let sources = Sources::new(vec![], Arc::new(AnyDefinition), StorageMetrics::default());
        let [first, second] = [1, 2].map(|version| CatalogKey { id: 7, version });
        let lease = sources.load(&[first]).await.expect("loaded");
        drop(sources.load(&[second]).await.expect("loaded"));
        sources.keep_live("a", Some(vec![]));
        sources.get(first).expect("used");
        sources.get(second).expect_err("gone");
        drop(lease);
        sources.keep_live("b", Some(vec![first]));
        sources.get(first).expect("live");
        // Where nobody is left who could tell, nothing goes.
        sources.keep_live("a", None);
        sources.keep_live("b", None);
        sources.get(first).expect("kept");
        sources.keep_live("b", Some(vec![second]));
        sources.get(first).expect_err("gone");
    }

    #[derive(Debug, Clone, Default)]
    struct Shared(Arc<Mutex<Vec<Share>>>);

    impl ReaderFactory for Shared {
        fn kind(&self) -> &'static str {
            "shared"
        }

        fn reader(&self, _definition: &CatalogDefinition) -> Result<Arc<dyn SplitReader>> {
            Err(Error::unsupported("nothing is read"))
        }

        fn set_share(&self, share: Share) {
            self.0.lock().push(share);
        }
    }

    #[test]
    fn a_share_follows_who_is_there() {
        let shared = Shared::default();
        let readers: Vec<Arc<dyn ReaderFactory>> = vec![Arc::new(shared.clone())];
        let sources = Sources::new(readers, Arc::new(AnyDefinition), StorageMetrics::default());
        let tell = |coordinator: &str, told: Option<(usize, usize)>| {
            let members = told.map(|(coordinators, workers)| Members { coordinators, workers });
            sources.tell_members(Part::Worker, coordinator, members);
        };
        tell("a", Some((1, 1)));
        tell("a", Some((1, 1)));
        tell("a", Some((1, 2)));
        // Two coordinators tell, whatever they know of each other; one of them has not heard of all workers.
        tell("b", Some((1, 1)));
        assert_eq!(sources.coordinator_count(), 2);
        tell("b", Some((3, 2)));
        tell("b", None);
        tell("a", None);
        let told = shared.0.lock().iter().map(|share| share.members).collect::<Vec<_>>();
        let members = |(coordinators, workers)| Members { coordinators, workers };
        assert_eq!(told, [(1, 1), (1, 2), (2, 2), (3, 2), (1, 2)].map(members));
    }

    #[test]
    fn an_address_leads_back_to_catalog_and_store() {
        let key = CatalogKey { id: 7, version: 3 };
        for root in ["s3://bucket/", "file:///", "https://host/", "http://[::1]:8080/"] {
            let address = Url::parse(&store_address(key, root)).expect("a URL");
            let (parsed, url) = parse_store_address(&address).expect("an address");
            assert_eq!((parsed, url.as_str()), (key, root));
        }
    }

    #[test]
    fn a_plain_url_is_refused() {
        let url = Url::parse("s3://bucket/").expect("a URL");
        assert!(parse_store_address(&url).is_err());
    }
}
