//! The embedded metastore: table definitions in Mooring's own state store.

use crate::kept_definitions::KeptDefinitions;
use async_trait::async_trait;
use mooring_spi::{
    Definition, Error, ErrorKind, Metastore, PartitionDefinition, Predicate, Result,
    TableDefinition, TableKind, TableSummary, fold,
};
use mooring_state::{PutTable, State, StoredTable};
use tokio::sync::OnceCell;

/// The schema that is always there.
pub const DEFAULT_SCHEMA: &str = "default";

/// The schemas and tables of one catalog in the state store.
///
/// No two names of it differ in case only, so a name as typed finds at most one thing, exactly as
/// [`mooring_spi::pick_name`] would.
#[derive(Debug)]
pub struct EmbeddedMetastore {
    state: State,
    catalog_id: u64,
    /// Set once the schema `default` is there.
    ready: OnceCell<()>,
    kept: KeptDefinitions,
}

impl EmbeddedMetastore {
    /// `catalog_id` is the id of a catalog that is in the store.
    pub fn new(state: State, catalog_id: u64) -> Self {
        Self { state, catalog_id, ready: OnceCell::new(), kept: KeptDefinitions::default() }
    }

    /// The store, with the schema `default` made at its first use.
    async fn state(&self) -> Result<&State> {
        self.ready.get_or_try_init(|| self.make_default_schema()).await?;
        Ok(&self.state)
    }

    async fn make_default_schema(&self) -> Result<()> {
        match self.state.create_schema(self.catalog_id, DEFAULT_SCHEMA).await {
            Err(error) if error.kind() == ErrorKind::SchemaExists => Ok(()),
            made => made,
        }
    }

    async fn put(&self, table: &TableDefinition, replace: bool) -> Result<()> {
        let definition = to_json(table)?;
        let state = self.state().await?;
        let put = PutTable {
            catalog_id: self.catalog_id,
            schema: &table.schema_name,
            name: &table.name,
            definition: &definition,
            replace,
        };
        state.put_table(put).await
    }
}

#[async_trait]
impl Metastore for EmbeddedMetastore {
    async fn schemas(&self) -> Result<Vec<String>> {
        self.state().await?.schemas(self.catalog_id).await
    }

    /// The store is our own, and has nothing yet of a catalog that is being made.
    async fn reach(&self) -> Result<()> {
        Ok(())
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        let names = self.state().await?.tables(self.catalog_id, schema).await?;
        let summary = |name| TableSummary { name, kind: TableKind::Table };
        Ok(names.into_iter().map(summary).collect())
    }

    async fn table(&self, schema: &str, table: &str) -> Result<Option<Definition>> {
        // Before it is read: what is written meanwhile must not be taken for older than it is.
        let content = self.state.content();
        if let Some(known) = self.kept.get(content, schema, table) {
            return Ok(Some(Definition::Table(known)));
        }
        let stored = self.state().await?.table(self.catalog_id, schema, table).await?;
        let definition = stored.map(from_stored).transpose()?;
        if let Some(definition) = &definition {
            self.kept.put(content, schema, table, definition);
        }
        Ok(definition.map(Definition::Table))
    }

    async fn partitions(
        &self,
        _table: &TableDefinition,
        _predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        Ok(None)
    }

    async fn create_schema(&self, schema: &str) -> Result<()> {
        self.state().await?.create_schema(self.catalog_id, schema).await
    }

    async fn drop_schema(&self, schema: &str, cascade: bool) -> Result<()> {
        if fold(schema) == DEFAULT_SCHEMA {
            let message =
                format!("schema `{DEFAULT_SCHEMA}` cannot be dropped; drop its tables instead");
            return Err(Error::unsupported(message));
        }
        self.state().await?.drop_schema(self.catalog_id, schema, cascade).await
    }

    async fn create_table(&self, table: &TableDefinition) -> Result<()> {
        self.put(table, false).await
    }

    async fn drop_table(&self, schema: &str, table: &str) -> Result<()> {
        self.state().await?.drop_table(self.catalog_id, schema, table).await
    }

    async fn replace_table(&self, table: &TableDefinition) -> Result<()> {
        self.put(table, true).await
    }
}

fn to_json(table: &TableDefinition) -> Result<String> {
    serde_json::to_string(table).map_err(|error| {
        let name = format!("`{}`.`{}`", table.schema_name, table.name);
        Error::internal(format!("the definition of table {name} cannot be stored"))
            .with_cause(error)
    })
}

/// The stored names are the exact ones; the definition may have those of the statement.
fn from_stored(stored: StoredTable) -> Result<TableDefinition> {
    let definition: TableDefinition =
        serde_json::from_str(&stored.definition).map_err(|error| {
            let message = format!(
                "the stored definition of table `{}`.`{}` cannot be read: {error}; drop the table \
                 and create it again",
                stored.schema, stored.name
            );
            Error::new(ErrorKind::StateUnusable, message).with_cause(error)
        })?;
    Ok(TableDefinition { schema_name: stored.schema, name: stored.name, ..definition })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::conformance::{self, Subject, definition};
    use mooring_state::StateLocation;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    /// A metastore over a new store, and what keeps the store alive.
    pub(crate) async fn new_metastore() -> (EmbeddedMetastore, State, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let location = StateLocation::Folder(folder.path().to_path_buf());
        let state = State::open(&location).await.expect("opened");
        let lake = state.put_catalog("lake", "lake", &BTreeMap::new()).await.expect("put");
        (EmbeddedMetastore::new(state.clone(), lake.key.id), state, folder)
    }

    #[tokio::test]
    async fn it_conforms() {
        let (metastore, _state, _folder) = new_metastore().await;
        let subject = Subject { keeps_case: true, location: "file:///warehouse/" };
        conformance::run(&metastore, subject).await;
    }

    #[tokio::test]
    async fn the_default_schema_is_always_there() {
        let (metastore, state, _folder) = new_metastore().await;
        assert_eq!(metastore.schemas().await.expect("schemas"), [DEFAULT_SCHEMA]);
        for cascade in [false, true] {
            let error = metastore.drop_schema("DEFAULT", cascade).await.expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
        let again = EmbeddedMetastore::new(state, metastore.catalog_id);
        assert_eq!(again.schemas().await.expect("schemas"), [DEFAULT_SCHEMA]);
    }

    #[tokio::test]
    async fn a_first_use_by_many_makes_one_default_schema() {
        let (metastore, _state, _folder) = new_metastore().await;
        let metastore = Arc::new(metastore);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let metastore = Arc::clone(&metastore);
            tasks.spawn(async move { metastore.tables(DEFAULT_SCHEMA).await });
        }
        while let Some(done) = tasks.join_next().await {
            assert!(done.expect("joined").expect("tables").is_empty());
        }
    }

    #[tokio::test]
    async fn a_replaced_table_keeps_its_name() {
        let (metastore, _state, _folder) = new_metastore().await;
        let old = definition(DEFAULT_SCHEMA, "Orders", "file:///a/");
        metastore.create_table(&old).await.expect("created");
        let new = definition("DEFAULT", "ORDERS", "file:///b/");
        metastore.replace_table(&new).await.expect("replaced");
        let found = metastore.table("default", "orders").await.expect("read").expect("there");
        let found = found.into_table().expect("a table");
        assert_eq!((found.schema_name.as_str(), found.name.as_str()), (DEFAULT_SCHEMA, "Orders"));
        assert_eq!(found.location, "file:///b/");
    }

    #[tokio::test]
    async fn a_definition_that_cannot_be_read_names_its_table() {
        let (metastore, state, _folder) = new_metastore().await;
        metastore.schemas().await.expect("schemas");
        let put = PutTable {
            catalog_id: metastore.catalog_id,
            schema: DEFAULT_SCHEMA,
            name: "t",
            definition: r#"{"name":"t"}"#,
            replace: false,
        };
        state.put_table(put).await.expect("put");
        let error = metastore.table(DEFAULT_SCHEMA, "t").await.expect_err("unreadable");
        assert_eq!(error.kind(), ErrorKind::StateUnusable);
        assert!(error.message().contains("`default`.`t`"), "{error}");
    }
}
