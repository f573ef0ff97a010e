//! The catalogs of a coordinator by name: each a versioned definition with its live connector.

use mooring_spi::{
    CatalogDefinition, CatalogKey, Connector, ConnectorFactory, Error, ErrorKind, Result, pick_name,
};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One catalog in one version. A running query keeps the one it began with.
#[derive(Debug)]
pub struct Catalog {
    pub definition: CatalogDefinition,
    pub connector: Arc<dyn Connector>,
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
        Self { definition, connector }
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
    by_name: RwLock<BTreeMap<String, Arc<Catalog>>>,
}

impl Catalogs {
    pub fn new(factories: Vec<Arc<dyn ConnectorFactory>>) -> Self {
        Self { factories, by_name: RwLock::default() }
    }

    /// Makes the connector of `definition` and puts the catalog under its name, in place of an
    /// older version.
    ///
    /// # Errors
    /// `InvalidArgument` for a kind or a property that cannot be used.
    pub fn put(&self, definition: CatalogDefinition) -> Result<()> {
        let factory = self
            .factories
            .iter()
            .find(|factory| factory.kind() == definition.kind)
            .ok_or_else(|| self.unknown_kind(&definition))?;
        let connector = factory.connector(&definition)?;
        self.insert(Catalog { definition, connector });
        Ok(())
    }

    /// Adds a catalog whose connector is already there.
    pub fn insert(&self, catalog: Catalog) {
        self.by_name.write().insert(catalog.definition.name.clone(), Arc::new(catalog));
    }

    /// The names in their order.
    pub fn names(&self) -> Vec<String> {
        self.by_name.read().keys().cloned().collect()
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
        let by_name = self.by_name.read();
        let found = pick_name(name, by_name.keys().map(String::as_str))?;
        Ok(found.and_then(|name| by_name.get(name).cloned()))
    }

    /// The definition of one version, for a worker that asks for it.
    ///
    /// # Errors
    /// `CatalogNotFound` when the catalog is gone or has another version by now.
    pub fn definition(&self, key: CatalogKey) -> Result<CatalogDefinition> {
        self.by_name
            .read()
            .values()
            .find(|catalog| catalog.definition.key == key)
            .map(|catalog| catalog.definition.clone())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::CatalogNotFound,
                    format!("catalog version `{key}` is no longer there"),
                )
            })
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
