//! TPC-H, generated while it is read: no files, always there.
//!
//! Rows come from the `tpchgen` crate, a port of the TPC's `dbgen`, and are the same in every
//! run. Source of schemas, cardinalities and value rules: TPC Benchmark H Standard Specification,
//! revision 3.0.1, clauses 1.4 and 4.2.

mod column;
mod connector;
mod generate;
pub mod load;
mod part;
mod reader;
mod scale;
mod statistics;
mod table;

pub use connector::{TpchConnector, TpchConnectorFactory};
pub use part::TablePart;
pub use reader::{TpchReader, TpchReaderFactory};
pub use scale::ScaleFactor;
pub use table::TpchTable;

use mooring_spi::{CatalogDefinition, Error, ErrorKind, Result};

/// The catalog kind.
pub const KIND: &str = "tpch";

/// A `tpch` catalog has no properties, so every one is refused by its name.
fn refuse_properties(definition: &CatalogDefinition) -> Result<()> {
    match definition.properties.keys().next() {
        None => Ok(()),
        Some(property) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "catalog `{}` has the unknown property `{property}`; kind `{KIND}` takes none",
                definition.name
            ),
        )),
    }
}
