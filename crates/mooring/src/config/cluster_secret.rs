//! The secret that all nodes of a cluster share: the setting `cluster.secret`, else the file
//! `cluster-secret` in the state folder.

use super::secret_file::SecretFile;
use super::{Config, ConfigError, resolve_secret};
use secrecy::SecretString;

const FILE_NAME: &str = "cluster-secret";

/// What to do when neither the setting nor the file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingSecret {
    /// Make one and write the file: a coordinator.
    Make,
    /// Refuse: a worker, which must have the secret of its coordinator.
    Refuse,
}

/// Reads and writes files: not for an I/O thread.
///
/// # Errors
/// The reference cannot be resolved, the file cannot be read, written or is empty, or there is
/// no secret and none may be made.
pub(crate) fn cluster_secret(
    config: &Config,
    missing: MissingSecret,
) -> Result<SecretString, ConfigError> {
    if let Some(secret) = &config.cluster.secret {
        return resolve_secret("cluster.secret", secret);
    }
    let path = config.state.folder.join(FILE_NAME);
    let file = SecretFile { path, what: "the cluster's secret" };
    match missing {
        MissingSecret::Make => file.read_or_make(),
        MissingSecret::Refuse => {
            file.read()?.ok_or(ConfigError::ClusterSecretMissing { path: file.path })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::Values;
    use super::*;
    use secrecy::ExposeSecret;
    use std::path::Path;

    fn config(folder: &Path) -> Config {
        let values = Values::defaults().expect("right defaults");
        let mut config = Config::from_values(&values).expect("a configuration");
        config.state.folder = folder.join("data");
        config
    }

    #[test]
    fn made_once_and_read_by_everyone() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let refused = cluster_secret(&config, MissingSecret::Refuse).expect_err("no file yet");
        assert!(refused.to_string().contains("`cluster.secret`"), "{refused}");

        let made = cluster_secret(&config, MissingSecret::Make).expect("a secret");
        for missing in [MissingSecret::Make, MissingSecret::Refuse] {
            let read = cluster_secret(&config, missing).expect("the file");
            assert_eq!(read.expose_secret(), made.expose_secret());
        }
    }

    #[test]
    fn the_setting_wins_over_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config(folder.path());
        config.cluster.secret = Some(SecretString::from("given"));
        let secret = cluster_secret(&config, MissingSecret::Make).expect("the setting");
        assert_eq!(secret.expose_secret(), "given");
        assert!(!config.state.folder.exists(), "no file is made");
    }
}
