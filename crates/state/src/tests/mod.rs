//! Every behaviour on every database: SQLite always, PostgreSQL where `MOORING_TEST_POSTGRES_URL`
//! names a server on which databases may be made.

mod catalogs;
mod defined_catalogs;
mod restart;
mod tables;
mod users;

use crate::{State, StateLocation};
use mooring_spi::{Error, ErrorKind};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection};
use std::collections::BTreeMap;

/// An empty store that goes away with the test.
pub(super) struct TestStore {
    pub(super) location: StateLocation,
    /// What errors must name.
    pub(super) named: String,
    _folder: Option<tempfile::TempDir>,
}

impl TestStore {
    pub(super) async fn open(&self) -> State {
        State::open(&self.location).await.expect("the store opens")
    }
}

/// Runs the test once for each database.
pub(super) async fn on_each_store(test: impl AsyncFn(TestStore)) {
    let folder = tempfile::Builder::new().prefix("state ü %41?#").tempdir().expect("a folder");
    let path = folder.path().join("made by open");
    test(TestStore {
        named: path.display().to_string(),
        location: StateLocation::Folder(path),
        _folder: Some(folder),
    })
    .await;
    if let Ok(server) = std::env::var("MOORING_TEST_POSTGRES_URL") {
        let database = format!("mooring_test_{}", uuid::Uuid::new_v4().simple());
        on_server(&server, &format!("CREATE DATABASE {database}")).await;
        let mut url = url::Url::parse(&server).expect("a URL");
        url.set_path(&database);
        test(TestStore {
            location: StateLocation::Url(SecretString::from(url.as_str())),
            named: database.clone(),
            _folder: None,
        })
        .await;
        on_server(&server, &format!("DROP DATABASE {database} WITH (FORCE)")).await;
    }
}

async fn on_server(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url).await.expect("the server answers");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("closed");
}

pub(super) fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// A state with one catalog, and that catalog's id.
pub(super) async fn with_catalog(store: &TestStore) -> (State, u64) {
    let state = store.open().await;
    let catalog = state.put_catalog("lake", "lake", &properties(&[])).await.expect("a catalog");
    (state, catalog.key.id)
}

#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, naming: &str) {
    let error = result.expect_err("refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(naming), "{error} does not name {naming}");
}
