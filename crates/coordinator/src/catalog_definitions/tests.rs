//! Two coordinators over one store, with a kind of catalog that is reached or is not.

use super::*;
use crate::LocalDefinitions;
use crate::mysql::tests::folder::Folder;
use async_trait::async_trait;
use mooring_engine::Catalog;
use mooring_spi::{
    Connector, ConnectorFactory, Scan, ScanRequest, SchemaTable, Table, TableSummary,
};
use mooring_state::StateLocation;
use mooring_storage::StorageMetrics;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// `answers`: `yes`, `no`, or `quotes`, which tells the password.
#[derive(Debug)]
struct Factory;

#[derive(Debug)]
struct Source(CatalogDefinition);

impl ConnectorFactory for Factory {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn directs_secrets(&self, property: &str) -> bool {
        property == "host"
    }

    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>> {
        let known = ["answers", "host", "password"];
        match definition.properties.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(Error::new(ErrorKind::InvalidArgument, format!("`{key}` is unknown"))),
            None => Ok(Arc::new(Source(definition.clone()))),
        }
    }
}

#[async_trait]
impl Connector for Source {
    async fn schemas(&self) -> Result<Vec<String>> {
        let property = |key: &str| self.0.properties.get(key).cloned().unwrap_or_default();
        match property("answers").as_str() {
            "yes" => Ok(vec![property("password")]),
            "no" => Err(Error::new(ErrorKind::SourceUnavailable, "nobody there")),
            _ => Err(Error::new(ErrorKind::SourceRefused, format!("not {}", property("password")))),
        }
    }

    async fn tables(&self, _schema: &str) -> Result<Vec<TableSummary>> {
        Ok(vec![])
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        Ok(tables.iter().map(|_| None).collect())
    }

    async fn scan(&self, _request: ScanRequest<'_>) -> Result<Scan> {
        Ok(Scan::Rows(vec![]))
    }
}

async fn store() -> (State, Folder) {
    let folder = Folder::new();
    let location = StateLocation::Folder(folder.path().to_owned());
    (State::open(&location).await.expect("a store"), folder)
}

fn coordinator(state: &State, keys: &[&str]) -> Arc<CatalogDefinitions> {
    let catalogs = Arc::new(Catalogs::new(vec![Arc::new(Factory)]));
    let local = Arc::new(LocalDefinitions(catalogs.clone()));
    let sources = Arc::new(Sources::new(vec![], local, StorageMetrics::default()));
    let keys: Vec<_> = keys.iter().map(|key| SecretString::from(*key)).collect();
    let secrets = CatalogSecrets {
        keys: SealingKeys::new(&keys).expect("keys"),
        references: SecretReferences::new(vec!["env:".to_owned(), "file:/run/secrets/".to_owned()]),
    };
    CatalogDefinitions::new(state.clone(), secrets, catalogs, sources, CatalogMetrics::default())
}

fn texts(pairs: &[(&str, &str)]) -> PropertyTexts {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), PropertyText::new(*value))).collect()
}

fn new(name: &str, properties: &[(&str, &str)]) -> CreateCatalog {
    CreateCatalog {
        name: name.to_owned(),
        kind: "fake".to_owned(),
        comment: None,
        properties: texts(properties),
        if_not_exists: false,
        verify: true,
    }
}

fn get(coordinator: &CatalogDefinitions, name: &str) -> Arc<Catalog> {
    coordinator.catalogs.get(name).expect("there")
}

#[tokio::test]
async fn a_source_is_reached_before_its_catalog_is_there() {
    let (state, _folder) = store().await;
    let one = coordinator(&state, &[KEY]);
    let refused = one.create(new("a", &[("answers", "no")])).await.expect_err("not reached");
    assert_eq!(refused.kind(), ErrorKind::SourceUnavailable);
    assert!(refused.message().contains("`a`") && refused.message().contains("NOVERIFY"));
    let told = one.create(new("a", &[("answers", "quotes"), ("password", "s3cret")])).await;
    let told = told.expect_err("refused");
    assert!(told.message().contains("not ***") && !told.message().contains("s3cret"), "{told}");
    assert!(state.defined_catalogs().await.expect("read").is_empty());
    assert!(one.catalogs.names().is_empty());

    let unverified = CreateCatalog { verify: false, ..new("a", &[("answers", "no")]) };
    assert_eq!(one.create(unverified).await.expect("made"), Created::New);
    one.set("a", &texts(&[("answers", "quotes")]), true).await.expect_err("not reached");
    one.set("A", &texts(&[("answers", "yes")]), true).await.expect("reached");
    assert_eq!(get(&one, "a").definition.key.version, 2);
}

#[tokio::test]
async fn other_coordinators_follow() {
    let (state, _folder) = store().await;
    let (one, two) = (coordinator(&state, &[KEY]), coordinator(&state, &[KEY]));
    one.create(new("a", &[("answers", "yes"), ("password", "s3cret")])).await.expect("made");
    two.follow().await.expect("read");
    let seen = get(&two, "a");
    assert_eq!(seen.definition, get(&one, "a").definition);
    assert_eq!(seen.connector.schemas().await.expect("answered"), ["s3cret"]);

    two.comment("a", Some("why".to_owned())).await.expect("commented");
    let commented = get(&two, "a");
    assert!(Arc::ptr_eq(&seen.connector, &commented.connector), "nothing else is new");
    one.follow().await.expect("read");
    let comment = CatalogOrigin::Stored { comment: Some("why".to_owned()), problem: None };
    assert_eq!(get(&one, "a").origin, comment);

    two.rename("a", "b".to_owned()).await.expect("renamed");
    one.follow().await.expect("read");
    assert_eq!(one.catalogs.names(), ["b"]);
    // Who was not told yet finds it in the store.
    one.set("b", &texts(&[("password", "other")]), true).await.expect("set");
    two.reset("b", &["password".to_owned()], true).await.expect("reset");
    one.follow().await.expect("read");
    assert_eq!(get(&one, "b").definition.key.version, 4);
    assert_eq!(get(&one, "b").definition.properties.len(), 1);
    assert_eq!(one.drop("B", false).await.expect("dropped").as_deref(), Some("b"));
    two.follow().await.expect("read");
    assert!(two.catalogs.names().is_empty());
    assert_eq!(two.drop("b", true).await.expect("nothing there"), None);
}

#[tokio::test]
async fn a_secret_needs_a_key_here_and_everywhere() {
    let (state, _folder) = store().await;
    let (one, keyless) = (coordinator(&state, &[KEY]), coordinator(&state, &[]));
    let with_secret = || new("a", &[("answers", "yes"), ("password", "s3cret")]);
    let refused = keyless.create(with_secret()).await.expect_err("no key");
    assert!(refused.message().contains("coordinator.secrets.key"), "{refused}");
    one.create(with_secret()).await.expect("made");

    keyless.follow().await.expect("read");
    let unusable = get(&keyless, "a");
    assert!(matches!(&unusable.origin, CatalogOrigin::Stored { problem: Some(_), .. }));
    assert_eq!(unusable.definition.properties["password"], "***");
    let error = unusable.connector.schemas().await.expect_err("no key");
    assert!(error.message().contains("`a`") && error.message().contains("`password`"), "{error}");
    // A reference needs none, and mends it.
    keyless.set("a", &texts(&[("password", "env:PATH")]), true).await.expect("set");
    assert_eq!(get(&keyless, "a").connector.schemas().await.expect("answered"), ["env:PATH"]);
}

#[tokio::test]
async fn a_sealed_secret_is_not_sent_elsewhere() {
    let (state, _folder) = store().await;
    let one = coordinator(&state, &[KEY]);
    let properties = [("answers", "yes"), ("host", "a"), ("password", "s3cret")];
    one.create(new("a", &properties)).await.expect("made");
    // What it is already is no change.
    one.set("a", &texts(&[("host", "a"), ("answers", "yes")]), true).await.expect("set");
    for refused in [
        one.set("a", &texts(&[("host", "b")]), false).await,
        one.reset("a", &["host".to_owned()], false).await,
    ] {
        let error = refused.expect_err("not without the password");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("`host`") && error.message().contains("`password`"));
    }
    let shown = texts(&[("host", "b"), ("password", "***")]);
    let error = one.set("a", &shown, true).await.expect_err("as it is shown");
    assert!(error.message().contains("`password`"), "{error}");
    one.set("a", &texts(&[("host", "b"), ("password", "s3cret")]), true).await.expect("set");
    // A reference is shown to everybody: whoever changes the host could give it again.
    one.set("a", &texts(&[("password", "env:PATH")]), true).await.expect("set");
    one.set("a", &texts(&[("host", "c")]), true).await.expect("set");
}

#[tokio::test]
async fn references_are_bounded_and_lead_somewhere() {
    let (state, _folder) = store().await;
    let one = coordinator(&state, &[KEY]);
    let outside = new("a", &[("answers", "yes"), ("password", "file:/etc/hostname")]);
    let error = one.create(outside).await.expect_err("not allowed");
    assert!(error.message().contains("coordinator.secrets.references"), "{error}");
    let missing = new("a", &[("answers", "yes"), ("password", "env:NO_SUCH_VARIABLE_HERE")]);
    one.create(missing).await.expect("this kind does not look");
    let problem = |catalog: &Catalog| match &catalog.origin {
        CatalogOrigin::Stored { problem, .. } => problem.clone(),
        CatalogOrigin::BuiltIn | CatalogOrigin::Configured => None,
    };
    let told = problem(&get(&one, "a")).expect("a problem");
    assert!(told.contains("`password`") && told.contains("NO_SUCH_VARIABLE_HERE"), "{told}");
    one.set("a", &texts(&[("password", "env:PATH")]), true).await.expect("set");
    assert_eq!(problem(&get(&one, "a")), None);
}

#[tokio::test]
async fn each_trial_has_a_key_of_its_own() {
    let (state, _folder) = store().await;
    let one = coordinator(&state, &[KEY]);
    let keys: std::collections::BTreeSet<_> = (0..10).map(|_| one.trial_key()).collect();
    assert_eq!(keys.len(), 10);
    one.create(new("a", &[("answers", "yes")])).await.expect("made");
    assert!(!keys.contains(&get(&one, "a").definition.key));
}

#[tokio::test]
async fn names_of_others_are_refused_by_where_they_are() {
    let (state, _folder) = store().await;
    let one = coordinator(&state, &[]);
    for (id, name, origin) in
        [(101, "built", CatalogOrigin::BuiltIn), (102, "conf", CatalogOrigin::Configured)]
    {
        let definition = CatalogDefinition {
            key: CatalogKey { id, version: 1 },
            name: name.to_owned(),
            kind: "fake".to_owned(),
            properties: Properties::new(),
        };
        one.catalogs.insert(one.catalogs.make(definition, origin).expect("made"));
    }
    for (name, place) in [("BUILT", "built into"), ("conf", "`[[catalog]]`")] {
        let mut created = new(name, &[("answers", "yes")]);
        created.if_not_exists = true;
        let error = one.create(created).await.expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::CatalogExists);
        assert!(error.message().contains(place), "{error}");
        let error = one.drop(name, true).await.expect_err("not by SQL");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(place), "{error}");
    }
    // Another coordinator, which has no such catalog in its configuration, makes one.
    let other = coordinator(&state, &[]);
    other.create(new("conf", &[("answers", "yes")])).await.expect("made");
    one.follow().await.expect("read");
    assert_eq!(get(&one, "conf").origin, CatalogOrigin::Configured);
}
