//! Catalogs that statements define. Definitions stand in the store; this coordinator's catalogs follow it,
//! whoever changed it.
//!
//! A definition is tried out before it is stored: its properties are checked by its kind, and its source is
//! reached, unless the statement says not to. Secrets leave this module sealed, or for the connector.

mod checks;
mod follow;
mod references;
#[cfg(test)]
mod tests;

use crate::metrics::CatalogMetrics;
use crate::statement::{CreateCatalog, PropertyText, PropertyTexts};
use checks::{
    check_name, exists_elsewhere, fixed, not_found, property_not_set, secrets_stay, unreached,
    without_secrets,
};
use follow::Followed;
use mooring_engine::{CatalogOrigin, Catalogs, Sources};
use mooring_spi::{CatalogDefinition, CatalogKey, Error, ErrorKind, Result, is_secret_reference};
use mooring_state::{
    NewCatalog, SealingKeys, State, StoredCatalog, StoredProperties, StoredProperty,
};
pub use references::SecretReferences;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long a source may take to answer before a catalog of it is made or changed.
const REACH_TIMEOUT: Duration = Duration::from_secs(30);

/// The id of definitions that are tried out: no store gives it.
const TRIAL_ID: u64 = i64::MAX.unsigned_abs();

/// As a secret it is what SHOW CREATE CATALOG has in its place.
const HIDDEN: &str = "***";

type Properties = BTreeMap<String, String>;

/// What is done with secrets, and what they may be.
pub struct CatalogSecrets {
    pub keys: SealingKeys,
    pub references: SecretReferences,
}

/// What defining needs.
pub struct CatalogDefinitions {
    state: State,
    secrets: CatalogSecrets,
    catalogs: Arc<Catalogs>,
    sources: Arc<Sources>,
    metrics: CatalogMetrics,
    /// Held while the store is changed or read, until the catalogs are as it says.
    followed: Mutex<Followed>,
    /// How many definitions were tried out.
    trials: AtomicU64,
}

/// What came of CREATE CATALOG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    New,
    /// One of that name was there, and the statement allowed for it.
    Before,
}

impl CatalogDefinitions {
    pub fn new(
        state: State,
        secrets: CatalogSecrets,
        catalogs: Arc<Catalogs>,
        sources: Arc<Sources>,
        metrics: CatalogMetrics,
    ) -> Arc<Self> {
        Arc::new(Self {
            state,
            secrets,
            catalogs,
            sources,
            metrics,
            followed: Mutex::default(),
            trials: AtomicU64::default(),
        })
    }

    /// # Errors
    /// `CatalogExists`; `InvalidArgument` for a name, a kind or a property that cannot be used; what the
    /// source answers; `StateUnusable`.
    pub async fn create(self: &Arc<Self>, new: CreateCatalog) -> Result<Created> {
        check_name(&new.name)?;
        self.follow().await?;
        if let Some(there) = self.catalogs.of_folded_name(&new.name) {
            return match &there.origin {
                CatalogOrigin::Stored { .. } if new.if_not_exists => Ok(Created::Before),
                CatalogOrigin::Stored { .. }
                | CatalogOrigin::BuiltIn
                | CatalogOrigin::Configured => Err(exists_elsewhere(&new.name, &there)),
            };
        }
        let properties = exposed(&new.properties);
        let definition = CatalogDefinition {
            key: self.trial_key(),
            name: new.name.clone(),
            kind: new.kind.clone(),
            properties: properties.clone(),
        };
        self.try_out(definition, new.verify).await?;
        let if_not_exists = new.if_not_exists;
        let made = self.to_its_end(move |this| async move {
            let sealed = |id| this.sealed(&new.kind, id, &properties);
            let stored = NewCatalog {
                name: &new.name,
                kind: &new.kind,
                comment: new.comment.as_deref(),
                properties: &sealed,
            };
            let mut followed = this.followed.lock().await;
            let stored = this.state.create_catalog(stored).await?;
            this.put(&stored, &mut followed);
            this.metrics.changed("create");
            tracing::info!(catalog = stored.name, kind = stored.kind, version = %stored.key, "catalog created");
            Ok(())
        });
        match made.await {
            Err(error) if if_not_exists && error.kind() == ErrorKind::CatalogExists => {
                // Another coordinator may have made it just now.
                self.follow().await?;
                Ok(Created::Before)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Created::New),
        }
    }

    /// # Errors
    /// `CatalogNotFound`; as [`CatalogDefinitions::create`].
    pub async fn set(
        self: &Arc<Self>,
        name: &str,
        set: &PropertyTexts,
        verify: bool,
    ) -> Result<()> {
        let stored = self.stored(name, "altered").await?;
        let kept = |property: &String| !set.contains_key(property);
        let is_other = |(key, text): &(&String, &PropertyText)| {
            let now = stored.properties.get(*key);
            !matches!(now, Some(StoredProperty::Plain(value)) if value == text.expose())
        };
        let changed: Vec<&String> = set.iter().filter(is_other).map(|(key, _)| key).collect();
        secrets_stay(&self.catalogs, &stored, &changed, kept)?;
        let mut properties = self.opened(&stored, kept)?;
        properties.extend(exposed(set));
        self.change(stored, properties, verify, "set").await
    }

    /// # Errors
    /// `CatalogNotFound`, `InvalidArgument` for a property that is not set; as
    /// [`CatalogDefinitions::create`].
    pub async fn reset(self: &Arc<Self>, name: &str, keys: &[String], verify: bool) -> Result<()> {
        let stored = self.stored(name, "altered").await?;
        if let Some(key) = keys.iter().find(|key| !stored.properties.contains_key(*key)) {
            return Err(property_not_set(&stored, key));
        }
        let kept = |property: &String| !keys.contains(property);
        secrets_stay(&self.catalogs, &stored, &keys.iter().collect::<Vec<_>>(), kept)?;
        let properties = self.opened(&stored, kept)?;
        self.change(stored, properties, verify, "reset").await
    }

    /// The name that it had.
    ///
    /// # Errors
    /// `CatalogNotFound`, `CatalogExists`, `InvalidArgument`.
    pub async fn rename(self: &Arc<Self>, name: &str, to: String) -> Result<String> {
        check_name(&to)?;
        let stored = self.stored(name, "altered").await?;
        if let Some(there) = self.catalogs.of_folded_name(&to)
            && there.definition.key.id != stored.key.id
        {
            return Err(exists_elsewhere(&to, &there));
        }
        let former = stored.name.clone();
        self.store(StoredCatalog { name: to, ..stored }, "rename").await?;
        Ok(former)
    }

    /// The name of the one that was dropped; `None` where there is none and the statement allows for it.
    ///
    /// # Errors
    /// `CatalogNotFound`, `InvalidArgument`.
    pub async fn drop(self: &Arc<Self>, name: &str, if_exists: bool) -> Result<Option<String>> {
        let stored = match self.stored(name, "dropped").await {
            Err(error) if if_exists && error.kind() == ErrorKind::CatalogNotFound => {
                return Ok(None);
            }
            stored => stored?,
        };
        let former = stored.name.clone();
        let dropped = self.to_its_end(move |this| async move {
            let _followed = this.followed.lock().await;
            this.state.drop_catalog(&stored).await?;
            this.catalogs.remove(stored.key.id);
            this.let_go();
            this.metrics.changed("drop");
            tracing::info!(catalog = stored.name, version = %stored.key, "catalog dropped");
            Ok(())
        });
        match dropped.await {
            Err(error) if if_exists && error.kind() == ErrorKind::CatalogNotFound => Ok(None),
            dropped => dropped.map(|()| Some(former)),
        }
    }

    /// # Errors
    /// `CatalogNotFound`, `InvalidArgument`.
    pub async fn comment(self: &Arc<Self>, name: &str, comment: Option<String>) -> Result<()> {
        let stored = self.stored(name, "commented on").await?;
        self.to_its_end(move |this| async move {
            let mut followed = this.followed.lock().await;
            if !this.state.comment_on_catalog(stored.key.id, comment.as_deref()).await? {
                return Err(not_found(&this.catalogs, &stored.name));
            }
            this.put(&StoredCatalog { comment, ..stored }, &mut followed);
            this.metrics.changed("comment");
            Ok(())
        })
        .await
    }

    /// The catalog as it is stored, that a statement wants `done`.
    async fn stored(&self, name: &str, done: &str) -> Result<StoredCatalog> {
        self.follow().await?;
        if let Some(there) = self.catalogs.of_folded_name(name) {
            fixed(&there, done)?;
        }
        let stored = self.state.defined_catalog(name).await?;
        stored.ok_or_else(|| not_found(&self.catalogs, name))
    }

    async fn change(
        self: &Arc<Self>,
        stored: StoredCatalog,
        properties: Properties,
        verify: bool,
        statement: &'static str,
    ) -> Result<()> {
        let definition = CatalogDefinition {
            key: self.trial_key(),
            name: stored.name.clone(),
            kind: stored.kind.clone(),
            properties: properties.clone(),
        };
        self.try_out(definition, verify).await?;
        let properties = self.sealed(&stored.kind, stored.key.id, &properties)?;
        self.store(StoredCatalog { properties, ..stored }, statement).await
    }

    /// Stores a changed catalog as its next version.
    async fn store(
        self: &Arc<Self>,
        changed: StoredCatalog,
        statement: &'static str,
    ) -> Result<()> {
        self.to_its_end(move |this| async move {
            let mut followed = this.followed.lock().await;
            let stored = this.state.change_catalog(&changed).await?;
            this.put(&stored, &mut followed);
            this.metrics.changed(statement);
            tracing::info!(catalog = stored.name, version = %stored.key, statement, "catalog changed");
            Ok(())
        })
        .await
    }

    /// Does a change and what follows from it, even if whoever asked for it goes away meanwhile.
    async fn to_its_end<F>(
        self: &Arc<Self>,
        change: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        tokio::spawn(change(Arc::clone(self)))
            .await
            .map_err(|error| Error::internal("a change of a catalog ended").with_cause(error))?
    }

    /// Of one definition that is tried out. Connections are shared by key: what another one has would not tell
    /// whether these properties are right.
    fn trial_key(&self) -> CatalogKey {
        CatalogKey { id: TRIAL_ID, version: self.trials.fetch_add(1, Ordering::Relaxed) }
    }

    /// Makes the catalog for nobody, and reaches its source.
    async fn try_out(&self, definition: CatalogDefinition, verify: bool) -> Result<()> {
        let name = definition.name.clone();
        let secrets: Vec<(String, String)> = definition
            .properties
            .iter()
            .filter(|(key, value)| self.is_literal(&definition.kind, key, value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if let Some((property, _)) = secrets.iter().find(|(_, secret)| secret == HIDDEN) {
            return Err(checks::hidden_secret(&name, property));
        }
        self.secrets.references.check(&definition)?;
        let hidden = |error: Error| without_secrets(&name, error, &secrets);
        let origin = CatalogOrigin::Stored { comment: None, problem: None };
        let catalog = self.catalogs.make(definition, origin).map_err(hidden)?;
        if let Some((property, _)) = secrets.first()
            && !self.secrets.keys.can_seal()
        {
            return Err(checks::no_key(&name, property));
        }
        if !verify {
            return Ok(());
        }
        match tokio::time::timeout(REACH_TIMEOUT, catalog.connector.reach()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(unreached(&name, &hidden(error))),
            Err(_) => {
                let seconds = REACH_TIMEOUT.as_secs();
                let silent = format!("no answer within {seconds} seconds");
                Err(unreached(&name, &Error::new(ErrorKind::SourceUnavailable, silent)))
            }
        }
    }

    /// Whether the value is a secret itself.
    fn is_literal(&self, kind: &str, property: &str, value: &str) -> bool {
        self.catalogs.is_secret(kind, property) && !is_secret_reference(value)
    }

    fn sealed(&self, kind: &str, id: u64, properties: &Properties) -> Result<StoredProperties> {
        let mut stored = StoredProperties::new();
        for (key, value) in properties {
            let property = match self.is_literal(kind, key, value) {
                true => {
                    let secret = SecretString::from(value.as_str());
                    StoredProperty::Secret(self.secrets.keys.seal(id, key, &secret)?)
                }
                false => StoredProperty::Plain(value.clone()),
            };
            stored.insert(key.clone(), property);
        }
        Ok(stored)
    }

    /// The properties that are `wanted`, with their secrets.
    fn opened(
        &self,
        stored: &StoredCatalog,
        wanted: impl Fn(&String) -> bool,
    ) -> Result<Properties> {
        let mut properties = Properties::new();
        for (key, property) in stored.properties.iter().filter(|(key, _)| wanted(key)) {
            let value = match property {
                StoredProperty::Plain(value) => value.clone(),
                StoredProperty::Secret(sealed) => {
                    let secret = self.secrets.keys.unseal(stored.key.id, key, sealed);
                    let secret = secret.map_err(|error| {
                        let message = format!("catalog `{}`: {}", stored.name, error.message());
                        Error::new(error.kind(), message)
                    })?;
                    secret.expose_secret().to_owned()
                }
            };
            properties.insert(key.clone(), value);
        }
        Ok(properties)
    }
}

fn exposed(properties: &PropertyTexts) -> Properties {
    properties.iter().map(|(key, text)| (key.clone(), text.expose().to_owned())).collect()
}
