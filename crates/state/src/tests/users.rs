use super::{TestStore, on_each_store, refused};
use crate::{ANY_HOST, State, StoredUser, TlsRequired, UserId, Users};
use mooring_spi::{Error, ErrorKind, Result};
use sqlx::AssertSqlSafe;

fn user(name: &str, host: &str) -> StoredUser {
    let mut user = StoredUser::new(UserId::new(name, host), "caching_sha2_password");
    user.credential = "24a0b1c2".into();
    user
}

async fn put(state: &State, user: &StoredUser) -> Result<()> {
    state
        .change_users(|users| {
            users.insert(user.id(), user.clone());
            Ok(())
        })
        .await
}

async fn stored(store: &TestStore) -> State {
    let state = store.open().await;
    for user in [user("anna", ANY_HOST), user("anna", "localhost"), user("Anna", ANY_HOST)] {
        put(&state, &user).await.expect("put");
    }
    state
}

#[tokio::test]
async fn a_name_has_several_accounts_and_names_are_exact() {
    on_each_store(async |store| {
        let state = stored(&store).await;
        let ids: Vec<String> =
            state.users().await.expect("users").iter().map(|user| user.id().to_string()).collect();
        assert_eq!(ids, ["'Anna'@'%'", "'anna'@'%'", "'anna'@'localhost'"]);
        assert_eq!(state.users_named("anna").await.expect("read").len(), 2);
        assert!(state.users_named("ANNA").await.expect("read").is_empty());
        let none = StoredUser::new(UserId::new("", ANY_HOST), "caching_sha2_password");
        refused(put(&state, &none).await, ErrorKind::InvalidArgument, "empty");
    })
    .await;
}

#[tokio::test]
async fn everything_of_a_user_is_kept() {
    on_each_store(async |store| {
        let state = stored(&store).await;
        let certificate = |subject: &str, issuer: Option<&str>| TlsRequired::Subject {
            subject: subject.to_owned(),
            issuer: issuer.map(str::to_owned),
        };
        for tls in [
            TlsRequired::Ssl,
            TlsRequired::X509,
            certificate("/CN=ana", None),
            certificate("/CN=ü'", Some("/CN=ca")),
        ] {
            let changed = StoredUser {
                administrator: true,
                locked: true,
                tls,
                created_ms: None,
                password_changed_ms: Some(1_700_000_000_123),
                ..user("berta", "10.%")
            };
            put(&state, &changed).await.expect("put");
            assert_eq!(state.users_named("berta").await.expect("read"), [changed]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_is_made_as_a_whole_or_not_at_all() {
    on_each_store(async |store| {
        let state = stored(&store).await;
        let before = state.users().await.expect("users");
        let refusal = state
            .change_users(|users: &mut Users| -> Result<()> {
                users.clear();
                Err(Error::new(ErrorKind::AccessDenied, "no"))
            })
            .await;
        refused(refusal, ErrorKind::AccessDenied, "no");
        assert_eq!(state.users().await.expect("users"), before);
        let left = state
            .change_users(|users: &mut Users| {
                users.remove(&UserId::new("anna", ANY_HOST));
                Ok(users.len())
            })
            .await;
        assert_eq!(left.expect("changed"), 2);
        assert_eq!(state.users().await.expect("users").len(), 2);
    })
    .await;
}

#[tokio::test]
async fn concurrent_changes_all_count() {
    on_each_store(async |store| {
        let state = store.open().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let state = state.clone();
            tasks.spawn(async move { put(&state, &user(&format!("u{number}"), "%")).await });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("joined").expect("put");
        }
        assert_eq!(state.users().await.expect("users").len(), 8);
    })
    .await;
}

/// The store as the first version left it: its `users` table, and no trace of the second version.
#[tokio::test]
async fn users_of_the_first_version_are_kept() {
    on_each_store(async |store| {
        let state = store.open().await;
        let first = include_str!("../../migrations/0001_first.sql");
        let table = first.find("CREATE TABLE users").expect("the table of users");
        let old = format!(
            "DROP TABLE users; {} \
             INSERT INTO users VALUES ('ana', '%', 'mysql_native_password', '*81F5', 1); \
             DELETE FROM _sqlx_migrations WHERE version = 2",
            &first[table..]
        );
        sqlx::raw_sql(AssertSqlSafe(old)).execute(&state.pool).await.expect("written");
        state.close().await;

        let state = store.open().await;
        let expected = StoredUser {
            name: "ana".into(),
            host: "%".into(),
            plugin: "mysql_native_password".into(),
            credential: "*81F5".into(),
            administrator: true,
            locked: false,
            tls: TlsRequired::Nothing,
            created_ms: None,
            password_changed_ms: None,
        };
        assert_eq!(state.users().await.expect("users"), [expected]);
    })
    .await;
}

#[test]
fn a_credential_is_not_shown() {
    assert!(!format!("{:?}", user("anna", ANY_HOST)).contains("24a0b1c2"));
}
