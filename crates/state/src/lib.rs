//! The one store of users, catalog definitions and embedded tables: SQLite in the state folder,
//! or PostgreSQL when several coordinators share it. The same SQL runs on both.
//!
//! Constraints of the store decide races, never a check before a write. This crate must never
//! know DataFusion, and no error of it holds a credential or the password of the store's URL.

mod catalogs;
mod content;
mod defined_catalogs;
mod failure;
mod location;
mod migrations;
mod schemas;
mod sealing;
mod store;
mod tables;
mod users;

#[cfg(test)]
mod tests;

pub use content::Content;
pub use defined_catalogs::{NewCatalog, StoredCatalog, StoredProperties, StoredProperty};
pub use location::StateLocation;
pub use sealing::{Sealed, SealingKeys};
pub use store::State;
pub use tables::{PutTable, StoredTable};
pub use users::{ANY_HOST, StoredUser, TlsRequired, UserId, Users};
