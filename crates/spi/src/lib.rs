//! The contracts between the engine, the catalogs and the connectors: names, errors, table
//! descriptions, predicates, scan answers and the traits that a data source implements.
//!
//! This crate knows Arrow and serde. It must never know DataFusion, a client protocol or a
//! particular source.

mod error;
mod name;
mod catalog;
mod value;
mod arrow_value;
mod domain;
mod characters;
mod table;
mod file_format;
mod time_zone;
mod partition_projection;
mod scan;
mod relation;
mod lease;
mod share;
mod connector;
mod metastore;
mod stale;

pub use arrow_value::{partition_value, value_at};
pub use catalog::{CatalogDefinition, CatalogKey, is_secret_reference, sounds_secret};
pub use characters::{CHARACTER_LENGTH, PADDED_LENGTH, STORED_UNPADDED, padded, padded_length};
pub use connector::{
    BatchStream, Connector, ConnectorFactory, Demand, OpenRequest, PathRequest, ReaderFactory,
    SplitReader,
};
pub use domain::{Bound, Domain, Predicate, Range};
pub use error::{Error, ErrorKind, Result, Retry};
pub use file_format::{
    ColumnMatch, Compression, CsvOptions, FileFormat, HiveCsvOptions, HiveJsonOptions,
    HiveTextOptions,
};
pub use lease::{Lease, LeaseSource, ScanLease};
pub use metastore::{
    Definition, Metastore, NewTable, PartitionDefinition, TableDefinition, ViewColumns,
    ViewDefinition, ViewDialect,
};
pub use name::{SchemaTable, TableName, fold, is_path, pick_name, quote};
pub use partition_projection::{
    CalendarUnit, ColumnProjection, DateBound, DateProjection, IntegerProjection, LocationPart,
    PartitionProjection,
};
pub use relation::{
    Aggregate, AggregateFunction, Expression, ExpressionKind, Function, JoinKind, Operator,
    PushDown, PushDownRequest, Relation, RelationColumn, SortKey, Unsupported, WindowCall,
    WindowFunction,
};
pub use scan::{FileEntry, FileScan, Scan, ScanRequest, Split, SplitScan};
pub use share::{Members, Part, Share};
pub use stale::{StaleAnswer, StaleAnswers};
pub use table::{
    ColumnStatistics, Count, MISSING_VALUE, Table, TableKind, TableStatistics, TableSummary,
};
pub use time_zone::TimeZone;
pub use value::Value;
