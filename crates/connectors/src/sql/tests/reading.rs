//! Relations as a query has them read: the connector's own tables, the statement that it makes of a relation, and its reader.

use super::super::reference::Row;
use crate::DatabaseMetrics;
use crate::mysql::{MysqlConnectorFactory, MysqlReaderFactory, MysqlSources};
use crate::postgresql::PostgresFactory;
use arrow::datatypes::{Field, Schema};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{
    CatalogDefinition, CatalogKey, Connector, ConnectorFactory, Error, ErrorKind, OpenRequest,
    Predicate, PushDownRequest, ReaderFactory, Relation, Result, SchemaTable, SplitReader, Table,
    value_at,
};
use std::sync::Arc;
use tokio::runtime::Runtime;
use url::Url;

/// Statements at once.
const AT_ONCE: usize = 4;

/// A catalog of the database that a test fills.
pub(super) struct Catalog {
    runtime: Runtime,
    connector: Arc<dyn Connector>,
    reader: Arc<dyn SplitReader>,
}

impl Catalog {
    pub(super) fn new(url: &Url, is_mysql: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let port = url.port().unwrap_or(if is_mysql { 3306 } else { 5432 }).to_string();
        let mut properties = vec![
            ("host", url.host_str().expect("a host")),
            ("port", port.as_str()),
            ("user", url.username()),
            ("tls", "disable"),
        ];
        properties.extend(url.password().map(|password| ("password", password)));
        properties.push(match is_mysql {
            true => ("zero_dates", "null"),
            false => ("database", url.path().trim_start_matches('/')),
        });
        let definition = CatalogDefinition {
            key: CatalogKey { id: 1, version: 1 },
            name: "there".to_owned(),
            kind: if is_mysql { "mysql" } else { "postgresql" }.to_owned(),
            properties: properties
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let (connector, reader) = if is_mysql {
            let sources = MysqlSources::new(DatabaseMetrics::default());
            let connector = MysqlConnectorFactory(sources.clone()).connector(&definition);
            (connector, MysqlReaderFactory(sources).reader(&definition))
        } else {
            let factory = PostgresFactory::new(DatabaseMetrics::default());
            (factory.connector(&definition), factory.reader(&definition))
        };
        Self {
            runtime: runtime.expect("a runtime"),
            connector: connector.expect("a connector"),
            reader: reader.expect("a reader"),
        }
    }

    /// As the connector finds it.
    pub(super) fn table(&self, name: &SchemaTable) -> Table {
        let names = [name.clone()];
        let found = self.runtime.block_on(self.connector.resolve(&names)).expect("an answer");
        found.into_iter().next().flatten().expect("the table")
    }

    /// The rows of each relation, at least those of the predicate; `None` where the connector knows less of a column than
    /// the test, and leaves the relation here.
    pub(super) fn rows(&self, asked: &[(&Relation, Predicate)]) -> Vec<Option<Result<Vec<Row>>>> {
        let answers = stream::iter(asked).map(|(relation, keys)| self.answer(relation, keys));
        self.runtime.block_on(answers.buffered(AT_ONCE).collect())
    }

    async fn answer(&self, relation: &Relation, keys: &Predicate) -> Option<Result<Vec<Row>>> {
        let source = self.connector.push_down().expect("a source of relations");
        source.supports(relation).ok()?;
        Some(self.read(relation, keys).await)
    }

    async fn read(&self, relation: &Relation, keys: &Predicate) -> Result<Vec<Row>> {
        let source = self.connector.push_down().expect("a source of relations");
        let names: Vec<String> =
            (1..=relation.columns.len()).map(|at| format!("column_{at}")).collect();
        let scan =
            source.scan(PushDownRequest { relation, names: &names, needs_estimate: false }).await?;
        let fields = names
            .iter()
            .zip(&relation.columns)
            .map(|(name, column)| Field::new(name, column.data_type.clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut rows = Vec::new();
        for split in scan.splits {
            let request = OpenRequest {
                split,
                schema: Arc::clone(&schema),
                predicate: keys.clone(),
                batch_size_rows: 100,
                lease: None,
                query_id: "reading".to_owned(),
            };
            let mut batches = self.reader.open(request).await?;
            while let Some(batch) = batches.try_next().await? {
                for at in 0..batch.num_rows() {
                    let values = batch.columns().iter().map(|column| value_at(column, at));
                    let row: Option<Row> = values.collect();
                    rows.push(row.ok_or_else(|| Error::internal("a type without values"))?);
                }
            }
        }
        Ok(rows)
    }
}

/// Whether a value was too large for its type.
pub(super) fn is_overflow(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidValue || super::agreement::is_overflow(error.message())
}
