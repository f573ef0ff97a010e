use super::{on_each_store, properties, refused};
use mooring_spi::{CatalogKey, ErrorKind};

#[tokio::test]
async fn a_change_makes_a_version_and_a_repetition_does_not() {
    on_each_store(async |store| {
        let state = store.open().await;
        let (one, two) = (properties(&[("uris", "a")]), properties(&[("uris", "b")]));
        let first = state.put_catalog("h", "hive", &one).await.expect("put");
        let again = state.put_catalog("h", "hive", &one).await.expect("put");
        let changed = state.put_catalog("h", "hive", &two).await.expect("put");
        let other_kind = state.put_catalog("h", "glue", &two).await.expect("put");
        assert_eq!(first.key.version, 1);
        assert_eq!(again, first);
        assert_eq!(changed.key, CatalogKey { id: first.key.id, version: 2 });
        assert_eq!(other_kind.key, CatalogKey { id: first.key.id, version: 3 });
        assert_eq!(state.catalogs().await.expect("catalogs"), [other_kind]);
    })
    .await;
}

#[tokio::test]
async fn a_name_that_differs_in_case_only_is_refused() {
    on_each_store(async |store| {
        let state = store.open().await;
        state.put_catalog("Lake", "lake", &properties(&[])).await.expect("put");
        let second = state.put_catalog("lake", "lake", &properties(&[])).await;
        refused(second, ErrorKind::CatalogExists, "`Lake`");
    })
    .await;
}

#[tokio::test]
async fn concurrent_changes_of_one_catalog_all_get_their_version() {
    on_each_store(async |store| {
        let state = store.open().await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..12 {
            let state = state.clone();
            tasks.spawn(async move {
                let value = number.to_string();
                state.put_catalog("c", "hive", &properties(&[("uris", &value)])).await
            });
        }
        let mut keys = Vec::new();
        while let Some(done) = tasks.join_next().await {
            keys.push(done.expect("joined").expect("put").key);
        }
        keys.sort();
        let id = keys[0].id;
        let expected: Vec<_> = (1..=12).map(|version| CatalogKey { id, version }).collect();
        assert_eq!(keys, expected);
    })
    .await;
}
