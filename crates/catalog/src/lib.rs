//! Where tables are: metastores behind the one contract [`mooring_spi::Metastore`].
//!
//! This crate knows names, columns and locations. It must never read rows.

mod embedded;
mod hive;
mod hive_tables;
mod kept_answers;
mod kept_definitions;

#[cfg(test)]
mod conformance;

pub use embedded::{DEFAULT_SCHEMA, EmbeddedMetastore};
pub use hive::{HIVE_PROPERTIES, HiveMetastore, HiveSettings, MetastoreMetrics};
pub use kept_answers::{KEEP_PROPERTIES, KeepSettings, KeepingMetastore};
