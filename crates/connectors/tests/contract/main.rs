//! What the connectors promise, against real files and generated tables.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "the lint knows helpers of tests by their module only"
)]

mod lake;
mod lake_errors;
mod lake_pruning;
mod lake_spelling;
mod load;
mod metastore;
mod mysql;
mod paths;
mod postgresql;
mod tpch;
mod warehouse;
