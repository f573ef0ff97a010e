//! How rows are read: the files of a lake, the tables of databases, and tables that are generated.
//!
//! Each module is one family of catalog kinds and implements the traits of `mooring-spi`. None may
//! implement a DataFusion trait or know how clients reach us. [`conformance`] is the contract that
//! every connector is tested against.

pub mod conformance;
mod catalog_series;
mod database;
pub mod lake;
mod last_problem;
pub mod mysql;
pub mod postgresql;
pub mod sql;
pub mod tpch;

pub use database::DatabaseMetrics;
