//! What secrets of catalogs are sealed with: the keys of the configuration, else a file that a laptop
//! cluster makes.

use crate::config::{Config, ConfigError, SecretFile, resolve_secret};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::SealingKeys;

const FILE_NAME: &str = "secrets-key";

/// Reads files: for the start, not for a running I/O thread.
///
/// # Errors
/// `InvalidArgument` for a reference that leads nowhere, a file that cannot be read, a key that is too short.
pub(super) fn sealing_keys(config: &Config, laptop: bool) -> Result<SealingKeys> {
    let secrets = &config.coordinator.secrets;
    let settings = [
        ("coordinator.secrets.key", &secrets.key),
        ("coordinator.secrets.former_key", &secrets.former_key),
    ];
    let mut keys = Vec::new();
    for (setting, key) in settings {
        if let Some(key) = key {
            keys.push(resolve_secret(setting, key).map_err(unusable)?);
        }
    }
    if secrets.key.is_none() && !keys.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "`coordinator.secrets.former_key` is set, but not `coordinator.secrets.key`",
        ));
    }
    let path = config.state.folder.join(FILE_NAME);
    let file = SecretFile { path, what: "the key that secrets are sealed with" };
    // Beside configured keys it still reads what a laptop cluster has sealed.
    keys.extend(file.read().map_err(unusable)?);
    let keys = SealingKeys::new(&keys)?;
    Ok(match laptop {
        true => keys.or_made_by(move || file.read_or_make().map_err(unusable)),
        false => keys,
    })
}

fn unusable(error: ConfigError) -> Error {
    Error::new(ErrorKind::InvalidArgument, error.to_string())
}
