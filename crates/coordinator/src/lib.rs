//! Client protocols, sessions and the life of a query. A door (MySQL, Flight SQL, HTTP) only translates; it
//! must never know one particular connector.

mod coordinator;
pub mod mysql;
pub mod flight_sql;
pub mod http;
pub mod session;
pub mod statement;
pub mod information_schema;
pub mod query;
pub mod error_table;
pub mod membership;
pub mod internal;
pub mod system;
pub mod accounts;
pub mod catalog_definitions;
pub mod metrics;

pub use catalog_definitions::{CatalogSecrets, SecretReferences};
pub use coordinator::{Coordinator, CoordinatorParts, LocalDefinitions};
