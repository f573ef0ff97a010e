//! The only meeting point of the contracts in `mooring-spi` and DataFusion: the session, the codec,
//! the scan nodes and what turns names into tables. It must never know a client protocol.

mod catalogs;

pub use catalogs::{Catalog, Catalogs};
