//! The state store that the configuration names.

use crate::config::{Config, resolve_secret};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::{State, StateLocation};

/// # Errors
/// `StateUnusable`, `InvalidArgument` for a reference that leads nowhere.
pub(crate) async fn open_state(config: &Config) -> Result<State> {
    let location = match &config.state.url {
        Some(url) => {
            let url = resolve_secret("state.url", url)
                .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
            StateLocation::Url(url)
        }
        None => StateLocation::Folder(config.state.folder.clone()),
    };
    State::open(&location).await
}
