use super::{on_each_store, properties, refused, with_catalog};
use crate::{PutTable, State, StateLocation, StoredUser, UserId};
use mooring_spi::ErrorKind;
use secrecy::SecretString;

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        state.create_schema(id, "s").await.expect("created");
        let (schema, name, definition) = ("s", "t", r#"{"text":"ü \u0000 '"}"#);
        let put = PutTable { catalog_id: id, schema, name, definition, replace: false };
        state.put_table(put).await.expect("put");
        let mut user = StoredUser::new(UserId::new("root", "localhost"), "mysql_native_password");
        user.credential = "*81F5".into();
        user.administrator = true;
        let change = state.change_users(|users| {
            users.insert(user.id(), user.clone());
            Ok(())
        });
        change.await.expect("put");
        let catalogs = state.catalogs().await.expect("catalogs");
        state.close().await;

        let state = store.open().await;
        assert_eq!(state.catalogs().await.expect("catalogs"), catalogs);
        assert_eq!(state.users_named("root").await.expect("read"), [user]);
        let table = state.table(id, "s", "t").await.expect("read").expect("there");
        assert_eq!(table.definition, definition);
        let next = state.put_catalog("b", "lake", &properties(&[])).await.expect("put");
        assert_ne!(next.key.id, id);
    })
    .await;
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused() {
    on_each_store(async |store| {
        let state = store.open().await;
        sqlx::raw_sql(
            "INSERT INTO _sqlx_migrations \
             (version, description, installed_on, success, checksum, execution_time) \
             SELECT 9999, 'later', installed_on, success, checksum, execution_time \
             FROM _sqlx_migrations WHERE version = 1; \
             UPDATE store_facts SET value = '9.8.7' WHERE name = 'written_by'",
        )
        .execute(&state.pool)
        .await
        .expect("written");
        state.close().await;
        for _ in 0..2 {
            let error = State::open(&store.location).await.expect_err("refused");
            let this = format!("this is Mooring {}", env!("CARGO_PKG_VERSION"));
            for part in [store.named.as_str(), "9999", "9.8.7", &this, "up to 3", "newer Mooring"] {
                assert!(error.message().contains(part), "{error} does not have {part}");
            }
            assert_eq!(error.kind(), ErrorKind::StateUnusable);
        }
    })
    .await;
}

#[tokio::test]
async fn starters_at_the_same_time_find_one_store() {
    on_each_store(async |store| {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let location = store.location.clone();
            tasks.spawn(async move { State::open(&location).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("joined").expect("opened");
        }
    })
    .await;
}

#[tokio::test]
async fn the_state_folder_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let state = State::open(&StateLocation::Folder(path.clone())).await.expect("opened");
    state.put_catalog("a", "lake", &properties(&[])).await.expect("put");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
    };
    assert_eq!(mode(&path), 0o700);
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_reached_is_named_without_its_password() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let folder = StateLocation::Folder(file.path().join("below a file"));
    refused(State::open(&folder).await, ErrorKind::StateUnusable, "below a file");

    let url = "postgresql://anna:s3cret@127.0.0.1:1/state";
    let location = StateLocation::Url(SecretString::from(url));
    let error = State::open(&location).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::StateUnusable);
    assert!(error.message().contains("anna@127.0.0.1:1/state"), "{error}");
    assert!(error.message().contains("refused"), "{error}");
    assert!(!format!("{error:?} {location:?}").contains("s3cret"), "{error:?}");
}
