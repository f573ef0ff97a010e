//! How rows are read: the files of a lake, and tables that are generated.
//!
//! Each module is one family of catalog kinds and implements the traits of `mooring-spi`. None may
//! implement a DataFusion trait or know a client protocol. [`conformance`] is the contract that
//! every connector is tested against.

pub mod conformance;
pub mod lake;
pub mod sql;
pub mod tpch;
