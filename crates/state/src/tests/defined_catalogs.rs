use super::{on_each_store, properties, refused};
use crate::{
    NewCatalog, PutTable, SealingKeys, State, StoredCatalog, StoredProperties, StoredProperty,
};
use mooring_spi::{CatalogKey, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};

fn plain(value: &str) -> StoredProperties {
    [("uris".to_owned(), StoredProperty::Plain(value.to_owned()))].into()
}

async fn create(state: &State, name: &str, value: &str) -> Result<StoredCatalog> {
    let properties = |_| Ok(plain(value));
    let new = NewCatalog { name, kind: "hive", comment: Some("why"), properties: &properties };
    state.create_catalog(new).await
}

#[tokio::test]
async fn a_catalog_is_made_changed_and_dropped_in_versions() {
    on_each_store(async |store| {
        let state = store.open().await;
        let made = create(&state, "Sales", "a").await.expect("made");
        assert_eq!(made.key.version, 1);
        assert_eq!(state.defined_catalogs().await.expect("read"), std::slice::from_ref(&made));
        assert_eq!(state.defined_catalog("sALES").await.expect("read"), Some(made.clone()));

        let wanted = StoredCatalog { name: "sold".into(), properties: plain("b"), ..made.clone() };
        let changed = state.change_catalog(&wanted).await.expect("changed");
        assert_eq!(changed.key, CatalogKey { id: made.key.id, version: 2 });
        assert_eq!(state.defined_catalogs().await.expect("read"), std::slice::from_ref(&changed));
        // Who knows the version before only has not seen the change.
        refused(state.change_catalog(&wanted).await, ErrorKind::InvalidArgument, "`sold`");
        let before = StoredCatalog { key: made.key, ..changed.clone() };
        refused(state.drop_catalog(&before).await, ErrorKind::InvalidArgument, "`sold`");

        assert!(state.comment_on_catalog(made.key.id, None).await.expect("written"));
        let read = state.defined_catalog("sold").await.expect("read");
        assert_eq!(read, Some(StoredCatalog { comment: None, ..changed.clone() }));

        state.drop_catalog(&changed).await.expect("dropped");
        assert!(state.defined_catalogs().await.expect("read").is_empty());
        assert!(!state.comment_on_catalog(made.key.id, None).await.expect("nothing there"));
        refused(state.drop_catalog(&changed).await, ErrorKind::CatalogNotFound, "`sold`");
        refused(state.change_catalog(&changed).await, ErrorKind::CatalogNotFound, "`sold`");
        // Another one that has its name by now is not it.
        let other = create(&state, "sold", "a").await.expect("made");
        refused(state.drop_catalog(&changed).await, ErrorKind::CatalogNotFound, "`sold`");
        assert_eq!(state.defined_catalogs().await.expect("read"), [other]);
    })
    .await;
}

#[tokio::test]
async fn names_are_taken_once_in_whatever_case() {
    on_each_store(async |store| {
        let state = store.open().await;
        let made = create(&state, "sales", "a").await.expect("made");
        refused(create(&state, "sales", "a").await, ErrorKind::CatalogExists, "`sales`");
        refused(create(&state, "Sales", "a").await, ErrorKind::CatalogExists, "`sales`");
        create(&state, "other", "a").await.expect("made");
        let renamed = StoredCatalog { name: "OTHER".into(), ..made.clone() };
        refused(state.change_catalog(&renamed).await, ErrorKind::CatalogExists, "`other`");
        // Its own name in another case is no other's.
        let own = StoredCatalog { name: "SALES".into(), ..made };
        state.change_catalog(&own).await.expect("changed");
    })
    .await;
}

#[tokio::test]
async fn a_configured_catalog_is_nobodys_to_change() {
    on_each_store(async |store| {
        let state = store.open().await;
        let configured = state.put_catalog("h", "hive", &properties(&[])).await.expect("put");
        assert!(state.defined_catalogs().await.expect("read").is_empty());
        let as_defined = StoredCatalog {
            key: configured.key,
            name: "h".to_owned(),
            kind: "hive".to_owned(),
            properties: StoredProperties::new(),
            comment: None,
        };
        refused(state.drop_catalog(&as_defined).await, ErrorKind::CatalogNotFound, "`h`");
        assert!(!state.comment_on_catalog(configured.key.id, Some("x")).await.expect("not it"));
        // The configuration has it no more: who asks knows.
        let made = create(&state, "h", "a").await.expect("made");
        assert_ne!(made.key.id, configured.key.id);
        let put = state.put_catalog("h", "hive", &properties(&[])).await;
        refused(put, ErrorKind::CatalogExists, "DROP CATALOG");
    })
    .await;
}

#[tokio::test]
async fn what_a_configured_catalog_has_is_not_lost() {
    on_each_store(async |store| {
        let state = store.open().await;
        let id = state.put_catalog("h", "lake", &properties(&[])).await.expect("put").key.id;
        state.create_schema(id, "s").await.expect("created");
        refused(create(&state, "h", "a").await, ErrorKind::CatalogExists, "has tables");
        assert_eq!(state.schemas(id).await.expect("schemas"), ["s"]);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_catalog_takes_its_tables_and_never_gives_its_id_back() {
    on_each_store(async |store| {
        let state = store.open().await;
        let made = create(&state, "a", "x").await.expect("made");
        let old = made.key.id;
        state.create_schema(old, "s").await.expect("created");
        let (schema, name, definition) = ("s", "t", "{}");
        let put = PutTable { catalog_id: old, schema, name, definition, replace: false };
        state.put_table(put).await.expect("put");
        state.drop_catalog(&made).await.expect("dropped");
        refused(state.create_schema(old, "s").await, ErrorKind::CatalogNotFound, "dropped");
        let new = create(&state, "a", "x").await.expect("made").key;
        assert_ne!(new.id, old);
        assert_eq!(new.version, 1);
        assert!(state.schemas(old).await.expect("schemas").is_empty());
        assert!(state.schemas(new.id).await.expect("schemas").is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_sealed_secret_is_read_back_and_its_text_is_not_stored() {
    on_each_store(async |store| {
        let state = store.open().await;
        let keys = [SecretString::from("0123456789abcdef0123456789abcdef")];
        let keys = SealingKeys::new(&keys).expect("keys");
        let secret = SecretString::from("marker-of-a-secret");
        let properties = |id| {
            let sealed = keys.seal(id, "password", &secret)?;
            Ok([("password".to_owned(), StoredProperty::Secret(sealed))].into())
        };
        let new = NewCatalog { name: "p", kind: "x", comment: None, properties: &properties };
        let made = state.create_catalog(new).await.expect("made");
        let read = state.defined_catalog("p").await.expect("read").expect("there");
        assert_eq!(read, made);
        let StoredProperty::Secret(sealed) = &read.properties["password"] else {
            panic!("not sealed")
        };
        let opened = keys.unseal(made.key.id, "password", sealed).expect("unsealed");
        assert_eq!(opened.expose_secret(), "marker-of-a-secret");
        let text: String = sqlx::query_scalar("SELECT properties FROM catalogs WHERE name = 'p'")
            .fetch_one(&state.pool)
            .await
            .expect("read");
        assert!(!text.contains("marker"), "{text}");
    })
    .await;
}
