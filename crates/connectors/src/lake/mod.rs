//! Tables that are files: a metastore says where they are, this module which files make up a
//! snapshot, what is known of them, and which of them a predicate leaves.
//!
//! Reads listings and Parquet footers, never rows; those are the engine's.

mod compression;
mod connector;
mod create;
mod file_schema;
pub(crate) mod footer;
mod footer_cache;
mod infer;
mod location;
mod partition;
mod prune;
mod record;
mod snapshot;
mod spelling;
mod statistics;

pub use connector::{LakeConnector, LakeSettings};
pub use infer::infer_schema;
pub use location::check_location;
