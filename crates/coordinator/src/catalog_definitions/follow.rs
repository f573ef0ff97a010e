//! The catalogs of this coordinator as the store says, whoever changed it: within [`INTERVAL`], and a read.

use super::CatalogDefinitions;
use mooring_engine::{Catalog, CatalogOrigin, Catalogs};
use mooring_spi::{CatalogDefinition, Error, Result, is_secret_reference};
use mooring_state::{Content, StoredCatalog, StoredProperty};
use mooring_storage::resolve_secret;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the store is looked at. Other coordinators are to see a change within five seconds.
const INTERVAL: Duration = Duration::from_secs(2);

/// Under this name the coordinator tells its own node which catalogs are live.
const OWN: &str = "this coordinator";

/// What was seen of the store.
#[derive(Debug, Default)]
pub(super) struct Followed {
    content: Option<Content>,
    /// Catalogs whose name another one has here: their operator was told.
    hidden: BTreeSet<u64>,
}

impl CatalogDefinitions {
    /// Makes the catalogs what the store says.
    ///
    /// # Errors
    /// `StateUnusable`.
    pub async fn follow(&self) -> Result<()> {
        let mut followed = self.followed.lock().await;
        let content = self.state.content();
        // What a catalog lacks may be there by now: a variable, a file.
        let mends = self.catalogs.all().iter().any(|catalog| problem(catalog).is_some());
        if mends || content.is_none() || content != followed.content {
            let stored = self.state.defined_catalogs().await?;
            for catalog in &stored {
                self.put(catalog, &mut followed);
            }
            let gone = self.catalogs.all().into_iter().filter(|known| {
                let id = known.definition.key.id;
                is_stored(known) && !stored.iter().any(|catalog| catalog.key.id == id)
            });
            for known in gone {
                tracing::info!(catalog = known.definition.name, version = %known.definition.key, "catalog is gone");
                self.catalogs.remove(known.definition.key.id);
            }
            followed.hidden.retain(|id| stored.iter().any(|catalog| catalog.key.id == *id));
            followed.content = content;
        }
        drop(followed);
        self.let_go();
        Ok(())
    }

    /// Follows the store until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = false;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            match self.follow().await {
                Ok(()) => told = false,
                Err(error) if !told => {
                    told = true;
                    tracing::warn!(%error, "catalogs are as they were: the store cannot be read");
                }
                Err(_) => {}
            }
        }
    }

    /// Lets go of what this node keeps of versions that no query has.
    pub(super) fn let_go(&self) {
        self.sources.keep_live(OWN, Some(self.catalogs.live()));
    }

    /// Puts a stored catalog among the others, unless it is there as it is.
    pub(super) fn put(&self, stored: &StoredCatalog, followed: &mut Followed) {
        if let Some(other) = self.catalogs.of_folded_name(&stored.name)
            && !is_stored(&other)
        {
            // It may have had another name before.
            self.catalogs.remove(stored.key.id);
            if followed.hidden.insert(stored.key.id) {
                tracing::warn!(
                    catalog = stored.name,
                    "a catalog of the state store is not to be seen here: this server's configuration has one \
                     of the same name"
                );
            }
            return;
        }
        let own = |known: &Arc<Catalog>| known.definition.key.id == stored.key.id;
        let known = self.catalogs.all().into_iter().find(own);
        let catalog = match known {
            // Somebody else was faster.
            Some(known) if known.definition.key.version > stored.key.version => return,
            Some(known) if known.definition.key == stored.key && problem(&known).is_none() => {
                match commented(&known, stored) {
                    Some(catalog) => catalog,
                    None => return,
                }
            }
            known => match self.made(stored) {
                Ok(catalog) => catalog,
                Err(error) => {
                    let unusable =
                        Catalog::unusable(shown_definition(stored), stored.comment.clone(), &error);
                    if known.is_some_and(|known| is_same(&known, &unusable)) {
                        return;
                    }
                    tracing::warn!(catalog = stored.name, version = %stored.key, %error, "catalog cannot be used");
                    unusable
                }
            },
        };
        self.catalogs.insert(catalog);
    }

    fn made(&self, stored: &StoredCatalog) -> Result<Catalog, Error> {
        let definition = CatalogDefinition {
            key: stored.key,
            name: stored.name.clone(),
            kind: stored.kind.clone(),
            properties: self.opened(stored, |_| true)?,
        };
        self.secrets.references.check(&definition)?;
        let origin = CatalogOrigin::Stored { comment: stored.comment.clone(), problem: None };
        let catalog = self.catalogs.make(definition, origin)?;
        // Some kinds look only when they log in, which is later than an operator wants to know.
        references_lead_somewhere(&self.catalogs, &catalog.definition)?;
        Ok(catalog)
    }
}

/// # Errors
/// `InvalidArgument`, naming the property, for a variable or a file that is not there.
fn references_lead_somewhere(catalogs: &Catalogs, definition: &CatalogDefinition) -> Result<()> {
    for (key, value) in &definition.properties {
        if catalogs.is_secret(&definition.kind, key) && is_secret_reference(value) {
            resolve_secret(value).map_err(|error| {
                let name = &definition.name;
                let message = format!("catalog `{name}`: `{key}`: {}", error.message());
                Error::new(error.kind(), message)
            })?;
        }
    }
    Ok(())
}

fn is_stored(catalog: &Catalog) -> bool {
    matches!(catalog.origin, CatalogOrigin::Stored { .. })
}

/// Why a catalog cannot be used.
fn problem(catalog: &Catalog) -> Option<&str> {
    match &catalog.origin {
        CatalogOrigin::Stored { problem, .. } => problem.as_deref(),
        CatalogOrigin::BuiltIn | CatalogOrigin::Configured => None,
    }
}

fn is_same(one: &Catalog, other: &Catalog) -> bool {
    one.definition == other.definition && one.origin == other.origin
}

/// The same version with its comment as it is stored; `None` where it has that already.
fn commented(known: &Catalog, stored: &StoredCatalog) -> Option<Catalog> {
    let origin = CatalogOrigin::Stored { comment: stored.comment.clone(), problem: None };
    (known.origin != origin).then(|| Catalog {
        definition: known.definition.clone(),
        origin,
        connector: Arc::clone(&known.connector),
    })
}

/// For a catalog that cannot be used, and so needs no secrets.
fn shown_definition(stored: &StoredCatalog) -> CatalogDefinition {
    let properties = stored.properties.iter().map(|(key, property)| {
        let value = match property {
            StoredProperty::Plain(value) => value.as_str(),
            StoredProperty::Secret(_) => "***",
        };
        (key.clone(), value.to_owned())
    });
    CatalogDefinition {
        key: stored.key,
        name: stored.name.clone(),
        kind: stored.kind.clone(),
        properties: properties.collect(),
    }
}
