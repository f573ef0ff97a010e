//! The catalogs of a coordinator by name: each a versioned definition with its live connector.
//!
//! Who replaces or removes a catalog takes it out of this list only. Queries that began with it hold it, and
//! with the last of them its connector goes, with its connections and all that it keeps.

use async_trait::async_trait;
use mooring_spi::{
    CatalogDefinition, CatalogKey, Connector, ConnectorFactory, Error, ErrorKind, Result, Scan,
    ScanRequest, SchemaTable, Table, TableSummary, fold, pick_name, sounds_secret,
};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// One catalog in one version. A running query keeps the one it began with.
#[derive(Debug)]
pub struct Catalog {
    pub definition: CatalogDefinition,
    pub origin: CatalogOrigin,
    pub connector: Arc<dyn Connector>,
}

/// Where a catalog is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogOrigin {
    /// In every server.
    BuiltIn,
    Configured,
    /// By a statement, in the state store.
    Stored {
        comment: Option<String>,
        /// Why it cannot be used, where it cannot.
        problem: Option<String>,
    },
}

/// The key of every session's own tables. No plan that leaves the coordinator names it.
const SESSION_KEY: CatalogKey = CatalogKey { id: 0, version: 0 };

impl Catalog {
    /// The tables of one session, which stand in no catalog. MySQL calls the catalog of all tables
    /// `def`.
    pub fn of_session(connector: Arc<dyn Connector>) -> Self {
        let definition = CatalogDefinition {
            key: SESSION_KEY,
            name: "def".to_owned(),
            kind: "session".to_owned(),
            properties: BTreeMap::new(),
        };
        Self { definition, origin: CatalogOrigin::BuiltIn, connector }
    }

    /// A stored catalog that can be listed, changed and dropped, and answers everything else with `problem`.
    pub fn unusable(
        definition: CatalogDefinition,
        comment: Option<String>,
        problem: &Error,
    ) -> Self {
        let origin = CatalogOrigin::Stored { comment, problem: Some(problem.message().to_owned()) };
        Self { definition, origin, connector: Arc::new(Unusable(problem.clone())) }
    }

    /// Whether these are the tables of a session.
    pub fn is_session(&self) -> bool {
        self.definition.key == SESSION_KEY
    }
}

/// Every catalog that this coordinator knows, by exact name.
#[derive(Debug, Default)]
pub struct Catalogs {
    factories: Vec<Arc<dyn ConnectorFactory>>,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_name: BTreeMap<String, Arc<Catalog>>,
    /// Those that were replaced or removed, while queries hold them.
    former: Vec<(CatalogKey, Weak<Catalog>)>,
}

impl Known {
    fn retire(&mut self, catalog: &Arc<Catalog>) {
        self.former.retain(|(_, former)| former.strong_count() > 0);
        self.former.push((catalog.definition.key, Arc::downgrade(catalog)));
    }
}

impl Catalogs {
    pub fn new(factories: Vec<Arc<dyn ConnectorFactory>>) -> Self {
        Self { factories, known: RwLock::default() }
    }

    /// Makes the connector of `definition`. The catalog is in no list yet.
    ///
    /// # Errors
    /// `InvalidArgument` for a kind or a property that cannot be used.
    pub fn make(&self, definition: CatalogDefinition, origin: CatalogOrigin) -> Result<Catalog> {
        let factory =
            self.factory(&definition.kind).ok_or_else(|| self.unknown_kind(&definition))?;
        let connector = factory.connector(&definition)?;
        Ok(Catalog { definition, origin, connector })
    }

    /// Puts a catalog under its name, in place of an older version, whatever that was called.
    pub fn insert(&self, catalog: Catalog) {
        let mut known = self.known.write();
        let key = catalog.definition.key;
        let name = catalog.definition.name.clone();
        let older = known.by_name.iter().find(|(other, older)| {
            **other != name && older.definition.key.id == key.id && key.id != SESSION_KEY.id
        });
        if let Some(older) = older.map(|(name, _)| name.clone())
            && let Some(older) = known.by_name.remove(&older)
        {
            known.retire(&older);
        }
        if let Some(older) = known.by_name.insert(name, Arc::new(catalog)) {
            known.retire(&older);
        }
    }

    /// Takes a catalog out, whichever its version and its name.
    pub fn remove(&self, id: u64) {
        let mut known = self.known.write();
        let found = known.by_name.iter().find(|(_, catalog)| catalog.definition.key.id == id);
        if let Some(name) = found.map(|(name, _)| name.clone())
            && let Some(catalog) = known.by_name.remove(&name)
        {
            known.retire(&catalog);
        }
    }

    /// The names in their order.
    pub fn names(&self) -> Vec<String> {
        self.known.read().by_name.keys().cloned().collect()
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Arc<Catalog>> {
        self.known.read().by_name.values().cloned().collect()
    }

    /// # Errors
    /// `CatalogNotFound`, naming the catalogs there are; `AmbiguousName`.
    pub fn get(&self, name: &str) -> Result<Arc<Catalog>> {
        self.find(name)?.ok_or_else(|| {
            let known = self.names().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            Error::new(
                ErrorKind::CatalogNotFound,
                format!("unknown catalog `{name}`; there are {}", known.join(", ")),
            )
        })
    }

    /// # Errors
    /// `AmbiguousName`.
    pub fn find(&self, name: &str) -> Result<Option<Arc<Catalog>>> {
        let known = self.known.read();
        let found = pick_name(name, known.by_name.keys().map(String::as_str))?;
        Ok(found.and_then(|name| known.by_name.get(name).cloned()))
    }

    /// The one whose name differs from `name` in case at most.
    pub fn of_folded_name(&self, name: &str) -> Option<Arc<Catalog>> {
        let name = fold(name);
        let known = self.known.read();
        known.by_name.values().find(|catalog| fold(&catalog.definition.name) == name).cloned()
    }

    /// The definition of one version, for a worker that asks for it.
    ///
    /// # Errors
    /// `CatalogNotFound` when no query here can have that version.
    pub fn definition(&self, key: CatalogKey) -> Result<CatalogDefinition> {
        let known = self.known.read();
        let now = known.by_name.values().find(|catalog| catalog.definition.key == key).cloned();
        let former = || {
            let of_key = known.former.iter().filter(|(former, _)| *former == key);
            of_key.filter_map(|(_, former)| former.upgrade()).next()
        };
        let found = now.or_else(former);
        drop(known);
        found.map(|catalog| catalog.definition.clone()).ok_or_else(|| {
            Error::new(
                ErrorKind::CatalogNotFound,
                format!("catalog version `{key}` is no longer there"),
            )
        })
    }

    /// The versions that queries have, or that new ones get: what is kept of any other one is of no use.
    pub fn live(&self) -> Vec<CatalogKey> {
        let mut known = self.known.write();
        known.former.retain(|(_, former)| former.strong_count() > 0);
        let now = known.by_name.values().map(|catalog| catalog.definition.key);
        let mut keys: Vec<_> = now.chain(known.former.iter().map(|(key, _)| *key)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether a property of such a catalog is a secret.
    pub fn is_secret(&self, kind: &str, property: &str) -> bool {
        match self.factory(kind) {
            Some(factory) => factory.is_secret(property),
            None => sounds_secret(property),
        }
    }

    /// Whether a property of such a catalog says where its secrets go.
    pub fn directs_secrets(&self, kind: &str, property: &str) -> bool {
        self.factory(kind).is_some_and(|factory| factory.directs_secrets(property))
    }

    fn factory(&self, kind: &str) -> Option<&Arc<dyn ConnectorFactory>> {
        self.factories.iter().find(|factory| factory.kind() == kind)
    }

    fn unknown_kind(&self, definition: &CatalogDefinition) -> Error {
        let known = self
            .factories
            .iter()
            .map(|factory| format!("`{}`", factory.kind()))
            .collect::<Vec<_>>();
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "catalog `{}` has the unknown kind `{}`; there are {}",
                definition.name,
                definition.kind,
                known.join(", ")
            ),
        )
    }
}

/// The connector of a catalog that cannot be used.
#[derive(Debug)]
struct Unusable(Error);

#[async_trait]
impl Connector for Unusable {
    async fn schemas(&self) -> Result<Vec<String>> {
        Err(self.0.clone())
    }

    async fn tables(&self, _schema: &str) -> Result<Vec<TableSummary>> {
        Err(self.0.clone())
    }

    async fn resolve(&self, _tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        Err(self.0.clone())
    }

    async fn scan(&self, _request: ScanRequest<'_>) -> Result<Scan> {
        Err(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(id: u64, version: u64, name: &str) -> Catalog {
        let definition = CatalogDefinition {
            key: CatalogKey { id, version },
            name: name.to_owned(),
            kind: "x".to_owned(),
            properties: BTreeMap::new(),
        };
        Catalog::unusable(definition, None, &Error::internal("none"))
    }

    #[test]
    fn a_version_lives_while_a_query_has_it() {
        let catalogs = Catalogs::default();
        catalogs.insert(catalog(1, 1, "a"));
        let first = CatalogKey { id: 1, version: 1 };
        let second = CatalogKey { id: 1, version: 2 };
        let held = catalogs.get("a").expect("there");
        catalogs.insert(catalog(1, 2, "a"));
        assert_eq!(catalogs.live(), [first, second]);
        assert_eq!(catalogs.definition(first).expect("held").key, first);
        drop(held);
        assert_eq!(catalogs.live(), [second]);
        catalogs.definition(first).expect_err("gone");
        catalogs.remove(1);
        assert!(catalogs.live().is_empty() && catalogs.names().is_empty());
    }

    #[test]
    fn a_new_name_is_in_the_place_of_the_old_one() {
        let catalogs = Catalogs::default();
        catalogs.insert(catalog(1, 1, "a"));
        catalogs.insert(catalog(2, 1, "b"));
        catalogs.insert(catalog(1, 2, "c"));
        assert_eq!(catalogs.names(), ["b", "c"]);
        assert_eq!(catalogs.of_folded_name("C").expect("there").definition.key.version, 2);
        assert!(catalogs.find("a").expect("no other").is_none());
    }
}
