//! Tables that are files: a metastore says where they are, this module which files make up a
//! snapshot, what is known of them, and which of them a predicate leaves.
//!
//! Reads listings and Parquet footers, never rows; those are the engine's.

mod allowed_paths;
mod compression;
mod connector;
mod create;
mod file_schema;
pub(crate) mod footer;
mod footer_cache;
mod infer;
mod location;
mod partition;
mod path_format;
mod path_listing;
mod path_pattern;
mod path_partitions;
mod path_table;
mod prune;
mod record;
mod settings;
mod snapshot;
mod spelling;
mod statistics;
mod text_schema;

pub use allowed_paths::AllowedPaths;
pub use connector::LakeConnector;
pub use infer::infer_schema;
pub use location::check_location;
pub use settings::{LAKE_PROPERTIES, LakeSettings};
