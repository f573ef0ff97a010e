//! Tables of Hive's model, as a Hive Metastore and AWS Glue both keep them: what they are in Mooring's
//! terms, or why they are not read.

mod avro_schema;
mod definition;
mod format;
mod location;
mod partition;
mod projection;
mod presto_types;
mod presto_view;
mod spark;
mod types;
mod statistics;
mod stored_values;
mod kept_statistics;
mod view;

pub(crate) use definition::definition;
pub(crate) use kept_statistics::KeptStatistics;
pub(crate) use partition::{
    may_match, partition_definition, texts_of_name, values_of_name, values_of_partition,
};
pub(crate) use projection::{ProjectedPartitions, projected_partitions};
pub(crate) use statistics::parameter_statistics;
pub(crate) use stored_values::{stored_count, stored_decimal};

use std::collections::BTreeMap;

/// A column as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoredColumn {
    pub(crate) name: String,
    /// In Hive's grammar.
    pub(crate) hive_type: String,
    pub(crate) comment: String,
    /// What rows have where their file lacks the column, as text; `None` for null.
    pub(crate) missing: Option<String>,
}

/// A `StorageDescriptor`: where files are and how they are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Storage {
    pub(crate) columns: Vec<StoredColumn>,
    pub(crate) location: String,
    /// Names of Java classes.
    pub(crate) input_format: String,
    pub(crate) serde: String,
    pub(crate) serde_parameters: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoredTable {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `MANAGED_TABLE`, `EXTERNAL_TABLE`, `VIRTUAL_VIEW`, …
    pub(crate) kind: String,
    pub(crate) parameters: BTreeMap<String, String>,
    /// `None` only of a table that is broken, or a view.
    pub(crate) storage: Option<Storage>,
    pub(crate) partition_columns: Vec<StoredColumn>,
    /// A view's text as it was written, and as the engine that made it expanded it.
    pub(crate) view_text: String,
    pub(crate) view_expanded: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoredPartition {
    pub(crate) values: Vec<String>,
    pub(crate) storage: Option<Storage>,
    pub(crate) parameters: BTreeMap<String, String>,
}
