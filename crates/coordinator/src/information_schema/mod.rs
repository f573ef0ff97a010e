//! The databases that MySQL clients browse: `information_schema`, `performance_schema` and `mysql`.
//! They are a session's own: what is in them follows its user and its current catalog.
//!
//! Each table is one [`TableDefinition`]: columns with MySQL's names and order, and where its rows come from.
//! Source: MySQL 8.0 Reference Manual, chapters 28 "INFORMATION_SCHEMA Tables" and 29 "MySQL
//! Performance Schema". What Mooring has none of (keys, routines, events) is there without rows.
//!
//! It must never fail as a whole because one catalog does not answer: that one is left out, with a
//! warning.

mod table;
pub(crate) mod listing;
mod connector;
mod databases;
mod columns;
mod constraints;
mod routines;
mod events;
mod partitions;
mod files;
mod character_sets;
mod server;
mod keywords;
mod privileges;
mod processes;
mod variables;
mod accounts;

pub use connector::{ServerView, SessionTables};
pub(crate) use keywords::reserved_words;

use table::TableDefinition;

/// Every table, by database.
static TABLES: &[&[TableDefinition]] = &[
    databases::TABLES,
    columns::TABLES,
    constraints::TABLES,
    routines::TABLES,
    events::TABLES,
    partitions::TABLES,
    files::TABLES,
    character_sets::TABLES,
    server::TABLES,
    keywords::TABLES,
    privileges::TABLES,
    processes::TABLES,
    variables::TABLES,
    accounts::TABLES,
];

const INFORMATION_SCHEMA: &str = "information_schema";
const PERFORMANCE_SCHEMA: &str = "performance_schema";
const MYSQL: &str = "mysql";

/// What stands in every TABLE_CATALOG.
const CATALOG: &str = "def";
/// Text compares by its bytes.
const CHARACTER_SET: &str = "utf8mb4";
const COLLATION: &str = "utf8mb4_bin";

#[cfg(test)]
mod tests;
