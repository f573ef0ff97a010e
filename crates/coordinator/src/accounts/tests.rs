use super::*;
use mooring_state::{ANY_HOST, StateLocation, TlsRequired};
use std::path::PathBuf;

/// Goes away with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A store of its own, with or without the laptop's `root`.
async fn accounts(laptop: bool) -> (StoredAccounts, Folder) {
    let name = format!("mooring-accounts-{}", uuid::Uuid::new_v4().simple());
    let folder = Folder(std::env::temp_dir().join(name));
    let location = StateLocation::Folder(folder.0.clone());
    let state = State::open(&location).await.expect("a store");
    (StoredAccounts::new(state, laptop), folder)
}

fn change_of(name: &str, host: &str, password: Option<&str>) -> UserChange {
    let hashed = |text| Hashed::of(&Password::new(text)).expect("hashed");
    UserChange {
        id: UserId::new(name, host),
        credential: password
            .map(|text| NewCredential::Password { plugin: None, hashed: hashed(text) }),
        tls: None,
        locked: None,
    }
}

impl StoredAccounts {
    async fn create(&self, name: &str, host: &str, administrator: bool) -> Result<()> {
        let changes = [change_of(name, host, Some("secret"))];
        let ids = [UserId::new(name, host)];
        self.change("CREATE USER", |users| {
            create(users, &changes, false)?;
            grant(users, &ids, administrator)
        })
        .await
    }

    async fn alter(&self, change: UserChange) -> Result<()> {
        let changes = [change];
        self.change("ALTER USER", |users| alter(users, &changes, false).map(drop)).await
    }

    async fn drop_user(&self, name: &str, host: &str) -> Result<()> {
        let ids = [UserId::new(name, host)];
        self.change("DROP USER", |users| drop_users(users, &ids, false).map(drop)).await
    }

    async fn found(&self, name: &str, address: &str) -> Option<Account> {
        self.find(name, address.parse().expect("an address")).await.expect("read")
    }

    async fn ids(&self) -> Vec<String> {
        self.users().await.expect("users").iter().map(|user| user.id().to_string()).collect()
    }
}

#[track_caller]
fn failed_with(result: Result<()>, kind: ErrorKind, part: &str) {
    let error = result.expect_err("refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(part), "{error}");
}

#[tokio::test]
async fn the_most_specific_host_lets_in() {
    let (accounts, _folder) = accounts(false).await;
    for host in [ANY_HOST, "10.%", "10.0.0.0/8", "10.1.2.3", "localhost"] {
        accounts.create("ana", host, false).await.expect("created");
    }
    for (address, host) in [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.4", "10.0.0.0/8"),
        ("::ffff:10.1.2.4", "10.0.0.0/8"),
        ("127.0.0.1", "localhost"),
        ("::1", "localhost"),
        ("192.0.2.1", "%"),
    ] {
        let found = accounts.found("ana", address).await.expect("an account");
        assert_eq!((found.user.as_str(), found.host.as_str()), ("ana", host), "{address}");
        assert!(accounts.found("Ana", address).await.is_none());
    }
    accounts.drop_user("ana", ANY_HOST).await.expect("dropped");
    assert!(accounts.found("ana", "192.0.2.1").await.is_none());
    // Only the laptop has it.
    assert!(accounts.found(LAPTOP_USER, "127.0.0.1").await.is_none());
}

#[tokio::test]
async fn the_laptops_root_needs_a_password_once_it_has_one() {
    let (accounts, _folder) = accounts(true).await;
    let root = accounts.found("root", "127.0.0.1").await.expect("the laptop's");
    assert_eq!((root.host.as_str(), root.administrator), ("localhost", true));
    assert_eq!(root.credential, Credential::NoPassword);
    assert!(accounts.found("root", "192.0.2.1").await.is_none());

    accounts.create("ana", ANY_HOST, true).await.expect("created");
    assert_eq!(accounts.ids().await, ["'ana'@'%'", "'root'@'localhost'"]);
    // Another role over the same store must not find it.
    assert_eq!(accounts.state.users().await.expect("users").len(), 1);

    accounts.alter(change_of("root", "localhost", Some("secret"))).await.expect("altered");
    let root = accounts.found("root", "::1").await.expect("stored");
    assert!(root.administrator && matches!(root.credential, Credential::CachingSha2(_)));

    let operation = ErrorKind::UserOperationFailed;
    let always = "the laptop cluster always has it";
    failed_with(accounts.drop_user("root", "localhost").await, operation, always);
    let locked = UserChange { locked: Some(true), ..change_of("root", "localhost", None) };
    failed_with(accounts.alter(locked).await, operation, always);
    accounts.drop_user("ana", ANY_HOST).await.expect("root is left");
}

#[tokio::test]
async fn a_stored_root_for_loopback_replaces_the_laptops() {
    let (accounts, _folder) = accounts(true).await;
    let elsewhere = accounts.create("root", "10.%", false).await;
    elsewhere.expect("it says nothing of this machine");
    assert_eq!(accounts.ids().await, ["'root'@'10.%'", "'root'@'localhost'"]);
    let reader = accounts.create("root", ANY_HOST, false).await;
    failed_with(reader, ErrorKind::UserOperationFailed, "no administrator would be left");
    accounts.create("root", ANY_HOST, true).await.expect("an administrator");
    let root = accounts.found("root", "127.0.0.1").await.expect("stored");
    assert_eq!(root.host, "%");
    assert_ne!(root.credential, Credential::NoPassword);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let (accounts, _folder) = accounts(false).await;
    accounts.create("ana", ANY_HOST, true).await.expect("created");
    accounts.create("bea", ANY_HOST, false).await.expect("created");
    let ana = [UserId::new("ana", ANY_HOST)];
    let locked = UserChange { locked: Some(true), ..change_of("ana", ANY_HOST, None) };
    for refused in [
        accounts.drop_user("ana", ANY_HOST).await,
        accounts.alter(locked.clone()).await,
        accounts.change("REVOKE", |users| revoke(users, &ana)).await,
    ] {
        failed_with(refused, ErrorKind::UserOperationFailed, "'ana'@'%': no administrator");
    }
    let bea = [UserId::new("bea", ANY_HOST)];
    accounts.change("GRANT", |users| grant(users, &bea, true)).await.expect("granted");
    accounts.alter(locked).await.expect("another one is left");
    assert!(accounts.found("ana", "10.0.0.1").await.expect("there").locked);
    failed_with(
        accounts.drop_user("bea", ANY_HOST).await,
        ErrorKind::UserOperationFailed,
        "'bea'@'%'",
    );
}

#[test]
fn a_statement_names_all_that_it_failed_for_and_folds_hosts() {
    let mut users = Users::new();
    let changes = [change_of("a", "LocalHost", None), change_of("b", "2001:DB8::0:1", None)];
    assert!(create(&mut users, &changes, false).expect("created").is_empty());
    let ids: Vec<String> = users.keys().map(UserId::to_string).collect();
    assert_eq!(ids, ["'a'@'localhost'", "'b'@'2001:db8::1'"]);
    // MySQL 8.0 Error Message Reference, ER_CANNOT_USER.
    let error = create(&mut users, &changes, false).expect_err("they exist");
    assert_eq!(
        error.message(),
        "operation CREATE USER failed for 'a'@'localhost','b'@'2001:db8::1'"
    );
    assert_eq!(create(&mut users, &changes, true).expect("lenient").len(), 2);

    let id = |name: &str, host: &str| UserId::new(name, host);
    rename(&mut users, &[(id("a", "LOCALHOST"), id("c", ANY_HOST))]).expect("renamed");
    assert_eq!(users[&id("c", ANY_HOST)].name, "c");
    for (from, to) in [("a", "d"), ("c", "c")] {
        let pairs = [(id(from, ANY_HOST), id(to, ANY_HOST))];
        let error = rename(&mut users, &pairs).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::UserOperationFailed);
    }
    let hashed = Hashed::of(&Password::new("x")).expect("hashed");
    let nobody = set_password(&mut users, &id("nobody", ANY_HOST), &hashed).expect_err("nobody");
    assert_eq!(nobody.kind(), ErrorKind::UserNotFound);
    let nobody = revoke(&mut users, &[id("nobody", ANY_HOST)]).expect_err("nobody");
    assert_eq!(nobody.kind(), ErrorKind::GrantNotFound);
    assert!(drop_users(&mut users, &[id("c", ANY_HOST)], false).expect("dropped").is_empty());
}

#[test]
fn a_new_password_keeps_the_plugin_that_was_asked_for() {
    let mut users = Users::new();
    let mut native = change_of("a", ANY_HOST, Some("x"));
    if let Some(NewCredential::Password { plugin, .. }) = &mut native.credential {
        *plugin = Some(AuthPlugin::NativePassword);
    }
    native.tls = Some(TlsRequired::X509);
    create(&mut users, &[native, change_of("b", ANY_HOST, Some("x"))], false).expect("created");
    alter(&mut users, &[change_of("a", ANY_HOST, Some("y"))], false).expect("altered");
    let user = |name: &str| users[&UserId::new(name, ANY_HOST)].clone();
    assert_eq!(user("a").plugin, "mysql_native_password");
    assert_eq!(user("a").tls, TlsRequired::X509);
    assert!(user("a").credential.starts_with('*'));
    assert_eq!(user("b").plugin, "caching_sha2_password");
    for (name, host) in [("", ANY_HOST), (&"x".repeat(33), ANY_HOST), ("a", "db.example.com")] {
        let error = create(&mut users, &[change_of(name, host, None)], false).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
}
