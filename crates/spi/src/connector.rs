//! The traits that a data source implements.

use crate::{
    CatalogDefinition, Error, Metastore, NewTable, Predicate, PushDown, Result, Scan, ScanRequest,
    SchemaTable, Share, Split, Table, TableSummary, sounds_secret,
};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use std::fmt::Debug;
use std::sync::Arc;

/// Files that a statement names by their path or URL instead of a table.
#[derive(Debug, Clone, Copy)]
pub struct PathRequest<'a> {
    /// As typed, see [`crate::is_path`].
    pub path: &'a str,
    /// The user, who may read what the configuration allows; `None` for one who may read any path.
    pub viewer: Option<&'a str>,
}

pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// One configured source as the coordinator sees it: names, tables, and which pieces make up a
/// scan. Names in requests are as typed; a connector finds them with [`crate::pick_name`] and
/// answers with the exact ones.
#[async_trait]
pub trait Connector: Send + Sync + Debug {
    async fn schemas(&self) -> Result<Vec<String>>;

    /// Asks the source for as little as tells that it is there and lets us in.
    ///
    /// # Errors
    /// What the source answers, or why it does not.
    async fn reach(&self) -> Result<()> {
        self.schemas().await.map(drop)
    }

    /// # Errors
    /// `SchemaNotFound`.
    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>>;

    /// Pins a snapshot of each table, in the order asked. `None` where the schema or the table
    /// is not there.
    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>>;

    /// The same for who only asks what the tables are: names, kinds, columns with all that is said of them.
    /// Where those are known without a look at data, none is taken, so that they are told whatever state the
    /// data is in. The answers cannot be scanned.
    async fn describe(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        self.resolve(tables).await
    }

    /// Pins a snapshot of the files at a path. `None` where the catalog reads no paths.
    ///
    /// # Errors
    /// `AccessDenied`, before anything is looked at; `LocationNotFound`, naming the path, where
    /// nothing is there or nothing matches; `InvalidArgument`, `Unsupported`, `CorruptData`,
    /// `TypeMismatch` for what is no path or cannot be read as a table.
    async fn resolve_path(&self, _request: PathRequest<'_>) -> Result<Option<Table>> {
        Ok(None)
    }

    /// A query in the language of the source, with the columns that the source says it has. `None` where the
    /// source has no language.
    ///
    /// # Errors
    /// `InvalidQuery` with the source's own message, also for what would write; `SourceUnavailable`.
    async fn resolve_query(&self, _text: &str) -> Result<Option<Table>> {
        Ok(None)
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan>;

    /// What was wrong when the source was last reached; nothing where it answered, or was not reached yet. Asks
    /// nobody.
    fn problem(&self) -> Option<String> {
        None
    }

    /// Makes a table of what a statement says; the connector checks the location and fills in what
    /// the statement leaves to the files.
    ///
    /// # Errors
    /// `SchemaNotFound`, `TableExists`, `LocationNotFound`, `CorruptData`, `InvalidArgument`;
    /// `Unsupported` where tables cannot be made.
    async fn create_table(&self, table: NewTable) -> Result<()> {
        Err(Error::unsupported(format!(
            "table `{}.{}`: this catalog does not take new tables",
            table.schema_name, table.name
        )))
    }

    /// Where the source can do more than to give tables' rows.
    fn push_down(&self) -> Option<&dyn PushDown> {
        None
    }

    /// The definitions behind the catalog, where they can be shown and changed by SQL.
    fn metastore(&self) -> Option<&dyn Metastore> {
        None
    }
}

/// What a reader is asked to produce from a split.
#[derive(Debug, Clone)]
pub struct OpenRequest {
    pub split: Split,
    /// The schema of the batches, in this order.
    pub schema: SchemaRef,
    pub predicate: Predicate,
    pub batch_size_rows: usize,
    /// The token of the query's lease of this catalog; `None` where a query reads one split alone.
    pub lease: Option<String>,
    /// Who asks: a query does not time out waiting for connections that it has itself. Empty for who is no query.
    pub query_id: String,
}

/// Opens splits, on whichever node they were sent to.
#[async_trait]
pub trait SplitReader: Send + Sync + Debug {
    async fn open(&self, request: OpenRequest) -> Result<BatchStream>;

    /// Where an open split holds what others have to wait for, a connection for example: who waits.
    fn demand(&self) -> Option<Arc<dyn Demand>> {
        None
    }
}

/// Those who wait for what open splits of a source hold.
#[async_trait]
pub trait Demand: Send + Sync + Debug {
    /// Comes as soon as somebody waits. It may be dropped and asked again.
    async fn wanted(&self);
}

/// Makes readers of one catalog kind; every node has it.
pub trait ReaderFactory: Send + Sync + Debug {
    /// The catalog kind: `tpch`, ...
    fn kind(&self) -> &'static str;

    /// # Errors
    /// `InvalidArgument` for a property that cannot be used.
    fn reader(&self, definition: &CatalogDefinition) -> Result<Arc<dyn SplitReader>>;

    /// This process's share of what a source gives to the cluster, from now on. What it has above it is given up as
    /// it becomes free.
    fn set_share(&self, _share: Share) {}
}

/// Makes connectors of one catalog kind; only a coordinator has it.
pub trait ConnectorFactory: Send + Sync + Debug {
    /// The catalog kind: `tpch`, `lake`, ...
    fn kind(&self) -> &'static str;

    /// Whether a property of this kind is a secret, which is stored sealed and never shown.
    fn is_secret(&self, property: &str) -> bool {
        sounds_secret(property)
    }

    /// Whether a property says to whom the secrets are sent, or under which protection. Who changes it has to
    /// know them.
    fn directs_secrets(&self, _property: &str) -> bool {
        false
    }

    /// # Errors
    /// `InvalidArgument` for a property that is unknown or cannot be used.
    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>>;
}
