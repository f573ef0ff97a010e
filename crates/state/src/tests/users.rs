use super::{on_each_store, refused};
use crate::{ANY_HOST, StoredUser};
use mooring_spi::ErrorKind;

fn user(name: &str) -> StoredUser {
    StoredUser {
        name: name.into(),
        host: ANY_HOST.into(),
        plugin: "caching_sha2_password".into(),
        credential: "24a0b1c2".into(),
        administrator: false,
    }
}

#[tokio::test]
async fn users_are_put_found_changed_and_dropped() {
    on_each_store(async |store| {
        let state = store.open().await;
        state.put_user(&user("anna")).await.expect("put");
        state.put_user(&user("Anna")).await.expect("another user: names are exact");
        let changed = StoredUser {
            host: "10.0.%".into(),
            credential: String::new(),
            administrator: true,
            ..user("anna")
        };
        state.put_user(&changed).await.expect("put");
        assert_eq!(state.user("anna").await.expect("read"), Some(changed.clone()));
        assert_eq!(state.user("ANNA").await.expect("read"), None);
        assert_eq!(state.users().await.expect("users"), [user("Anna"), changed]);
        assert!(state.drop_user("anna").await.expect("dropped"));
        assert!(!state.drop_user("anna").await.expect("gone"));
        refused(state.put_user(&user("")).await, ErrorKind::InvalidArgument, "empty");
    })
    .await;
}

#[test]
fn a_credential_is_not_shown() {
    assert!(!format!("{:?}", user("anna")).contains("24a0b1c2"));
}
