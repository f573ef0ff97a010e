//! Where the tables of a lake are: the contract that the embedded catalog, Hive and Glue share.

use crate::{
    ColumnMatch, Compression, Error, FileFormat, PartitionProjection, Predicate, Result,
    TableStatistics, TableSummary, Value,
};
use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// A table as a metastore knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableDefinition {
    pub schema_name: String,
    pub name: String,
    /// All columns; the partition columns are the last ones.
    pub columns: SchemaRef,
    /// How many of the last columns come from the folder names.
    pub partition_columns: usize,
    /// A folder or a file: `s3://bucket/path/` or `file:///path/`.
    pub location: String,
    pub format: FileFormat,
    #[serde(default)]
    pub columns_by: ColumnMatch,
    /// `None`: its partitions are listed, by the metastore or as folders.
    #[serde(default)]
    pub partition_projection: Option<PartitionProjection>,
    /// Of a table without partitions: nothing at the location means no rows, as in object stores, which have
    /// no folders. Otherwise it is an error.
    #[serde(default)]
    pub may_be_absent: bool,
    /// `None`: by the file's ending.
    pub compression: Option<Compression>,
    /// Options as the statement gave them, for `SHOW CREATE TABLE`.
    pub options: BTreeMap<String, String>,
}

/// What a name in a metastore stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    Table(TableDefinition),
    View(ViewDefinition),
}

/// A view: a query that another engine has left in the metastore. Its text is parsed by who plans it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewDefinition {
    pub schema_name: String,
    pub name: String,
    /// The columns as they were when the view was made.
    pub columns: SchemaRef,
    pub sql: String,
    pub dialect: ViewDialect,
    /// The schema of names in `sql` that have none.
    pub default_schema: String,
    /// Names of catalogs in `sql` that stand for the metastore itself, whatever it is called here.
    pub own_catalogs: Vec<String>,
    pub columns_by: ViewColumns,
}

/// Whose SQL a view is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewDialect {
    /// Of Presto, Trino and Athena.
    Presto,
    Hive,
    /// `ansi`: under `spark.sql.ansi.enabled`, where what others answer with NULL is an error.
    Spark {
        ansi: bool,
    },
}

impl Definition {
    pub fn columns(&self) -> &SchemaRef {
        match self {
            Definition::Table(table) => &table.columns,
            Definition::View(view) => &view.columns,
        }
    }

    /// The table's definition, `None` of a view.
    pub fn into_table(self) -> Option<TableDefinition> {
        match self {
            Definition::Table(table) => Some(table),
            Definition::View(_) => None,
        }
    }
}

/// How the columns of a view's query are those of its definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewColumns {
    /// By position, whatever they are called.
    Position,
    /// By position, and they are called the same.
    PositionAndName,
    /// By these names in the query, in the order of the definition.
    Names(Vec<String>),
}

/// What a statement says of a new table.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTable {
    pub schema_name: String,
    pub name: String,
    /// All columns, the partition columns last; `None` when the files tell.
    pub columns: Option<SchemaRef>,
    /// The columns that come from folder names, in the order of the folders. A type is missing
    /// only where `columns` is.
    pub partition_columns: Vec<(String, Option<DataType>)>,
    /// As typed: a URL, or a path.
    pub location: String,
    pub format: FileFormat,
    pub compression: Option<Compression>,
    pub options: BTreeMap<String, String>,
}

/// A partition that a metastore lists, or that follows from its table's definition.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionDefinition {
    pub values: Vec<Value>,
    pub location: String,
    /// It may be another one than the table's.
    pub format: FileFormat,
    /// What the metastore keeps of it: estimates, for nobody sees to it that they stay true.
    pub statistics: Option<TableStatistics>,
    /// Nothing at the location means no rows, as in object stores, which have no folders, and for a
    /// partition that nobody has said is there. Otherwise it is an error.
    pub may_be_absent: bool,
}

/// Definitions of schemas and tables. Names in requests are as typed; the answer has the exact
/// ones, found by [`crate::pick_name`]. A kind that is only read leaves the changes as they are here, and
/// says its name in [`Metastore::refuses`].
#[async_trait]
pub trait Metastore: Send + Sync + Debug {
    async fn schemas(&self) -> Result<Vec<String>>;

    /// As [`crate::Connector::reach`].
    async fn reach(&self) -> Result<()> {
        self.schemas().await.map(drop)
    }

    /// # Errors
    /// `SchemaNotFound`.
    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>>;

    /// A table or a view; `None` when the schema or the name is not there.
    async fn table(&self, schema: &str, table: &str) -> Result<Option<Definition>>;

    /// Whether the metastore knows the partitions of its tables, as opposed to their folders.
    fn lists_partitions(&self) -> bool {
        false
    }

    /// The partitions that may hold rows under the predicate, or `None` where partitions are
    /// found by listing the table's folder. Those of a table with a projection follow from it and from the
    /// time, and are asked of nobody.
    async fn partitions(
        &self,
        table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>>;

    /// How many partitions the table has. Asked only for `EXPLAIN`. `None` where the metastore does not tell
    /// without listing them.
    async fn partitions_total(&self, _table: &TableDefinition) -> Result<Option<u64>> {
        Ok(None)
    }

    /// What the metastore itself keeps of a table whose definition it has just answered: estimates, for
    /// nobody sees to it that they stay true. Asked only where files do not tell. `None` where it keeps
    /// nothing.
    async fn statistics(&self, _table: &TableDefinition) -> Result<Option<TableStatistics>> {
        Ok(None)
    }

    /// Asks for a table anew, however new an answer is that was kept; whether the table is there.
    ///
    /// # Errors
    /// As [`Metastore::table`].
    async fn refresh(&self, schema: &str, table: &str) -> Result<bool> {
        Ok(self.table(schema, table).await?.is_some())
    }

    /// What every change gets where tables are only read. `what`: what is asked for, as `create tables`.
    fn refuses(&self, what: &str) -> Error {
        Error::unsupported(format!("the catalog is only read; {what} with the engine that owns it"))
    }

    /// # Errors
    /// `SchemaExists`.
    async fn create_schema(&self, _schema: &str) -> Result<()> {
        Err(self.refuses("create databases"))
    }

    /// # Errors
    /// `SchemaNotFound`; `SchemaNotEmpty` unless `cascade`, which drops its tables' definitions.
    async fn drop_schema(&self, _schema: &str, _cascade: bool) -> Result<()> {
        Err(self.refuses("drop databases"))
    }

    /// # Errors
    /// `SchemaNotFound`, `TableExists`.
    async fn create_table(&self, _table: &TableDefinition) -> Result<()> {
        Err(self.refuses("create tables"))
    }

    /// Removes the definition and leaves the files.
    ///
    /// # Errors
    /// `SchemaNotFound`, `TableNotFound`.
    async fn drop_table(&self, _schema: &str, _table: &str) -> Result<()> {
        Err(self.refuses("drop tables"))
    }

    /// Puts a new definition in the place of an old one, or adds it, in one step.
    ///
    /// # Errors
    /// `SchemaNotFound`.
    async fn replace_table(&self, _table: &TableDefinition) -> Result<()> {
        Err(self.refuses("change tables"))
    }
}
