//! Where tables are: metastores behind the one contract [`mooring_spi::Metastore`].
//!
//! This crate knows names, columns and locations. It must never read rows.

mod embedded;
mod glue;
mod hive;
mod hive_tables;
mod kept_answers;
mod kept_definitions;
mod metrics;

#[cfg(test)]
mod conformance;

pub use embedded::{DEFAULT_SCHEMA, EmbeddedMetastore};
pub use glue::{GLUE_PROPERTIES, GLUE_SECRET_PROPERTIES, GlueMetastore, GlueSettings};
pub use hive::{HIVE_PROPERTIES, HiveMetastore, HiveSettings, MetastoreTls};
pub use kept_answers::{KEEP_PROPERTIES, KeepSettings, KeepingMetastore};
pub use metrics::MetastoreMetrics;
