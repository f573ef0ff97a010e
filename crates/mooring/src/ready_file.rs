//! `--ready-file`: tells other programs, by a file that appears whole, that everything listens and
//! where.

use std::collections::BTreeMap;
use std::path::Path;

/// Writes the bound addresses by the name of their port.
///
/// # Errors
/// `InvalidArgument` naming the file.
pub(crate) fn write(
    path: Option<&Path>,
    ports: &BTreeMap<&str, String>,
) -> mooring_spi::Result<()> {
    let Some(path) = path else {
        return Ok(());
    };
    let wrong = |error: &dyn std::fmt::Display| {
        mooring_spi::Error::new(
            mooring_spi::ErrorKind::InvalidArgument,
            format!("cannot write `--ready-file` `{}`: {error}", path.display()),
        )
    };
    let text = serde_json::to_string(ports).map_err(|error| wrong(&error))?;
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, text).map_err(|error| wrong(&error))?;
    std::fs::rename(&unfinished, path).map_err(|error| wrong(&error))
}
