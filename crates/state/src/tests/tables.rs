use super::{on_each_store, properties, refused, with_catalog};
use crate::failure::Failure;
use crate::location::Backend;
use crate::store::ATTEMPTS_MAX;
use crate::{PutTable, State};
use mooring_spi::{ErrorKind, Result};
use std::sync::atomic::{AtomicUsize, Ordering};

fn table<'a>(catalog_id: u64, schema: &'a str, name: &'a str) -> PutTable<'a> {
    PutTable { catalog_id, schema, name, definition: "{}", replace: false }
}

#[tokio::test]
async fn names_are_kept_exactly_and_found_in_any_case() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        state.create_schema(id, "Größe").await.expect("created");
        state.put_table(table(id, "GRÖßE", "Orders")).await.expect("put");
        let found = state.table(id, "größe", "ORDERS").await.expect("read").expect("there");
        assert_eq!((found.schema.as_str(), found.name.as_str()), ("Größe", "Orders"));
        assert_eq!(state.schemas(id).await.expect("schemas"), ["Größe"]);
        assert_eq!(state.tables(id, "größe").await.expect("tables"), ["Orders"]);
        assert_eq!(state.schema(id, "GRÖßE").await.expect("read").as_deref(), Some("Größe"));
        refused(state.create_schema(id, "größe").await, ErrorKind::SchemaExists, "`Größe`");
        let second = state.put_table(table(id, "größe", "orders")).await;
        refused(second, ErrorKind::TableExists, "`Orders`");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        let no_schema = ErrorKind::SchemaNotFound;
        refused(state.tables(id, "s").await, no_schema, "`s`");
        refused(state.drop_schema(id, "s", false).await, no_schema, "`s`");
        refused(state.drop_schema(id, "s", true).await, no_schema, "`s`");
        refused(state.put_table(table(id, "s", "t")).await, no_schema, "`s`");
        refused(state.drop_table(id, "s", "t").await, no_schema, "`s`");
        assert_eq!(state.table(id, "s", "t").await.expect("read"), None);
        state.create_schema(id, "s").await.expect("created");
        refused(state.drop_table(id, "s", "t").await, ErrorKind::TableNotFound, "`t`");
        assert!(state.tables(id, "s").await.expect("tables").is_empty());
        refused(state.create_schema(id, "").await, ErrorKind::InvalidArgument, "empty");
        refused(state.create_schema(id, "a\0b").await, ErrorKind::InvalidArgument, "control");
    })
    .await;
}

#[tokio::test]
async fn a_replaced_table_has_the_new_definition_and_the_old_name() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        state.create_schema(id, "s").await.expect("created");
        state.put_table(table(id, "s", "T")).await.expect("put");
        let new = PutTable { definition: r#"{"a":1}"#, replace: true, ..table(id, "s", "t") };
        state.put_table(new).await.expect("replaced");
        let found = state.table(id, "s", "t").await.expect("read").expect("there");
        assert_eq!((found.name.as_str(), found.definition.as_str()), ("T", r#"{"a":1}"#));
        let added = PutTable { replace: true, ..table(id, "s", "u") };
        state.put_table(added).await.expect("added");
        assert_eq!(state.tables(id, "s").await.expect("tables"), ["T", "u"]);
    })
    .await;
}

#[tokio::test]
async fn a_schema_with_tables_is_dropped_by_cascade_only() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        state.create_schema(id, "s").await.expect("created");
        state.put_table(table(id, "s", "t")).await.expect("put");
        refused(state.drop_schema(id, "S", false).await, ErrorKind::SchemaNotEmpty, "`S`");
        assert_eq!(state.tables(id, "s").await.expect("tables"), ["t"]);
        state.drop_schema(id, "S", true).await.expect("dropped");
        assert_eq!(state.table(id, "s", "t").await.expect("read"), None);
        state.create_schema(id, "s").await.expect("created again");
        assert!(state.tables(id, "s").await.expect("tables").is_empty());
    })
    .await;
}

#[tokio::test]
async fn catalogs_do_not_see_each_other() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        let other = state.put_catalog("b", "lake", &properties(&[])).await.expect("put").key.id;
        for id in [id, other] {
            state.create_schema(id, "s").await.expect("created");
        }
        state.put_table(table(id, "s", "t")).await.expect("put");
        assert_eq!(state.table(other, "s", "t").await.expect("read"), None);
        state.drop_schema(other, "s", true).await.expect("dropped");
        assert_eq!(state.tables(id, "s").await.expect("tables"), ["t"]);
    })
    .await;
}

#[tokio::test]
async fn of_concurrent_creations_one_wins() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        let second = store.open().await;
        let names = ["sales", "Sales", "SALES", "sAles", "sales", "saleS", "sales", "SALes"];
        let mut tasks = tokio::task::JoinSet::new();
        for (number, name) in names.into_iter().enumerate() {
            let state = if number % 2 == 0 { state.clone() } else { second.clone() };
            tasks.spawn(async move { state.create_schema(id, name).await });
        }
        let mut created = 0;
        while let Some(done) = tasks.join_next().await {
            match done.expect("joined") {
                Ok(()) => created += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::SchemaExists, "{error}"),
            }
        }
        assert_eq!(created, 1);
        assert_eq!(state.schemas(id).await.expect("schemas").len(), 1);
    })
    .await;
}

/// Puts tables while the schema is dropped and made again; no table may be left without a schema.
#[tokio::test]
async fn a_drop_beside_creations_leaves_no_table_without_schema() {
    on_each_store(async |store| {
        let (state, id) = with_catalog(&store).await;
        state.create_schema(id, "s").await.expect("created");
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..60 {
            let state = state.clone();
            tasks.spawn(async move { churn(&state, id, number).await });
        }
        while let Some(done) = tasks.join_next().await {
            if let Err(error) = done.expect("joined") {
                let expected = [
                    ErrorKind::SchemaNotFound,
                    ErrorKind::SchemaExists,
                    ErrorKind::SchemaNotEmpty,
                    ErrorKind::TableNotFound,
                ];
                assert!(expected.contains(&error.kind()), "{error}");
            }
        }
        let orphans: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM embedded_tables t WHERE NOT EXISTS (SELECT 1 FROM \
             embedded_schemas s WHERE s.catalog_id = t.catalog_id AND s.folded_name = t.folded_schema)",
        )
        .fetch_one(&state.pool)
        .await
        .expect("counted");
        assert_eq!(orphans, 0);
    })
    .await;
}

async fn churn(state: &State, id: u64, number: u32) -> Result<()> {
    let shared = PutTable { replace: true, ..table(id, "s", "shared") };
    match number % 8 {
        0 => state.drop_schema(id, "s", true).await,
        1 => state.drop_schema(id, "s", false).await,
        2 => state.create_schema(id, "s").await,
        3 => state.put_table(shared).await,
        4 => state.drop_table(id, "s", "shared").await,
        _ => state.put_table(table(id, "s", &format!("t{number}"))).await,
    }
}

/// PostgreSQL can be made to say that it undid the work; SQLite cannot.
#[tokio::test]
async fn work_that_the_database_undid_is_done_again_a_few_times() {
    on_each_store(async |store| {
        let state = store.open().await;
        if state.backend() == Backend::Sqlite {
            return;
        }
        assert_eq!(undone(&state, 2).await, (true, 3));
        assert_eq!(undone(&state, 100).await, (false, ATTEMPTS_MAX));
    })
    .await;
}

/// Whether work that the database undoes `times` ended well, and how often it was tried.
async fn undone(state: &State, times: usize) -> (bool, usize) {
    let tries = AtomicUsize::new(0);
    let done = state.run(|| async {
        if tries.fetch_add(1, Ordering::Relaxed) < times {
            let deadlock = "DO $$ BEGIN RAISE EXCEPTION 'undone' USING ERRCODE = '40P01'; END $$";
            sqlx::raw_sql(deadlock).execute(&state.pool).await?;
        }
        Ok::<(), Failure>(())
    });
    (done.await.is_ok(), tries.load(Ordering::Relaxed))
}
