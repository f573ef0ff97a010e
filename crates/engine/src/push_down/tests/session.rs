//! An engine on one node, with two catalogs of the interpreting source.

use super::source::{MemoryReaders, MemorySource, TABLES};
use crate::catalogs::{Catalog, CatalogOrigin, Catalogs};
use crate::distribute::{ClusterChannels, ClusterSecret, NodeAddress, WorkerDirectory};
use crate::engine::Engine;
use crate::options::MooringOptions;
use crate::push_down::PushDownMode;
use crate::query_context::{FoldedQuery, QueryContext};
use crate::session::{NodeLimits, NodeRuntime};
use crate::snapshot::CurrentNames;
use crate::sources::{DefinitionSource, Sources};
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::var_provider::VarProvider;
use futures::TryStreamExt;
use mooring_spi::{CatalogDefinition, CatalogKey, Result};
use mooring_storage::StorageMetrics;
use sqlparser::ast::Statement;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub struct TestSession {
    engine: Engine,
    partitions: usize,
    /// Both catalogs.
    pub source: Arc<MemorySource>,
}

fn definition(key: CatalogKey) -> CatalogDefinition {
    let name = if key.id == 1 { "near" } else { "far" };
    CatalogDefinition {
        key,
        name: name.to_owned(),
        kind: "memory".to_owned(),
        properties: BTreeMap::new(),
    }
}

#[derive(Debug)]
struct Definitions;

#[async_trait]
impl DefinitionSource for Definitions {
    async fn definition(&self, key: CatalogKey) -> Result<CatalogDefinition> {
        Ok(definition(key))
    }
}

#[derive(Debug)]
struct NoWorkers;

impl WorkerDirectory for NoWorkers {
    fn workers(&self) -> Vec<NodeAddress> {
        Vec::new()
    }
}

#[derive(Debug)]
struct NoVariables;

impl VarProvider for NoVariables {
    fn get_value(&self, _names: Vec<String>) -> datafusion::common::Result<ScalarValue> {
        Ok(ScalarValue::Null)
    }

    fn get_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }
}

impl TestSession {
    pub fn new(partitions: usize) -> Self {
        let source = Arc::new(MemorySource::new(TABLES));
        let catalogs = Catalogs::default();
        for id in [1, 2] {
            let definition = definition(CatalogKey { id, version: 1 });
            catalogs.insert(Catalog {
                definition,
                origin: CatalogOrigin::BuiltIn,
                connector: source.clone(),
            });
        }
        let readers = MemoryReaders(source.clone());
        let sources =
            Sources::new(vec![Arc::new(readers)], Arc::new(Definitions), StorageMetrics::default());
        let channels = ClusterChannels::new(&ClusterSecret::new("secret"), Duration::from_secs(1));
        let limits = NodeLimits {
            memory_limit_bytes: 1 << 30,
            spill_folder: std::env::temp_dir().join("mooring-push-down-tests"),
        };
        let node = NodeRuntime::new(&limits, Arc::new(sources), channels.expect("a secret"));
        let engine =
            Engine::new(node.expect("a node"), Arc::new(catalogs), Arc::new(NoWorkers), true);
        Self { engine, partitions, source }
    }

    fn context(&self, push_down: PushDownMode) -> QueryContext {
        QueryContext {
            options: MooringOptions::default(),
            current: CurrentNames { catalog: "near".to_owned(), schema: Some("s".to_owned()) },
            session_tables: Arc::new(Catalog::of_session(Arc::new(MemorySource::new(&[])))),
            target_partitions: self.partitions,
            distributed_bytes_per_partition: 1 << 24,
            broadcast_join_bytes_max: 1 << 25,
            variables: Arc::new(NoVariables),
            functions: Arc::new(Vec::new),
            tasks: Arc::default(),
            explain: false,
            push_down,
        }
    }

    fn query(sql: &str) -> Result<FoldedQuery> {
        let mut statements = Parser::parse_sql(&MySqlDialect {}, sql).expect(sql);
        match statements.remove(0) {
            Statement::Query(query) => FoldedQuery::new(Arc::from(query)),
            other => panic!("{other} is no query"),
        }
    }

    async fn batches(&self, sql: &str, push_down: PushDownMode) -> Result<Vec<RecordBatch>> {
        let query = Self::query(sql)?;
        let plan = self.engine.plan(&query, &self.context(push_down)).await?;
        plan.execute()?.try_collect().await
    }

    /// One text per row, in the order in which they come.
    pub async fn ordered_rows(&self, sql: &str, push_down: PushDownMode) -> Result<Vec<String>> {
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in self.batches(sql, push_down).await? {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).expect("text"))
                .collect();
            for row in 0..batch.num_rows() {
                let cells = columns.iter().map(|column| column.value(row).to_string());
                rows.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
        Ok(rows)
    }

    /// The same, sorted.
    pub async fn rows(&self, sql: &str, push_down: PushDownMode) -> Result<Vec<String>> {
        let mut rows = self.ordered_rows(sql, push_down).await?;
        rows.sort_unstable();
        Ok(rows)
    }

    pub async fn explain(&self, sql: &str, push_down: PushDownMode) -> String {
        let context = QueryContext { explain: true, ..self.context(push_down) };
        let query = Self::query(sql).expect(sql);
        let plan = self.engine.plan(&query, &context).await.expect(sql);
        plan.explain(false).expect("a plan")
    }
}
