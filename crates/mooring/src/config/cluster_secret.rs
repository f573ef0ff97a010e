//! The secret that all nodes of a cluster share: the setting `cluster.secret`, else the file
//! `cluster-secret` in the state folder.

use super::{Config, ConfigError, resolve_secret};
use rand::RngCore;
use rand::rngs::OsRng;
use secrecy::SecretString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

const FILE_NAME: &str = "cluster-secret";
const SECRET_LENGTH_BYTES: usize = 32;

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
    match (fs::read_to_string(&path), missing) {
        (Ok(text), _) => secret_of_file(&path, &text),
        (Err(error), MissingSecret::Make) if error.kind() == ErrorKind::NotFound => make(&path),
        (Err(error), MissingSecret::Refuse) if error.kind() == ErrorKind::NotFound => {
            Err(ConfigError::ClusterSecretMissing { path })
        }
        (Err(error), _) => Err(failed(&path, "read", &error)),
    }
}

/// A reader never sees half a secret, and of two coordinators that start at once both use the
/// one that was first: the file is written under another name and linked to its own.
fn make(path: &Path) -> Result<SecretString, ConfigError> {
    let mut bytes = [0; SECRET_LENGTH_BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| failed(path, "make", &error))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();

    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let linked = write_private(&unfinished, &text).and_then(|()| fs::hard_link(&unfinished, path));
    // What stays behind when this fails is harmless: readable by this user only, and never read.
    let _ = fs::remove_file(&unfinished);
    match linked {
        Ok(()) => Ok(SecretString::from(text)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = fs::read_to_string(path).map_err(|error| failed(path, "read", &error))?;
            secret_of_file(path, &text)
        }
        Err(error) => Err(failed(path, "write", &error)),
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

fn secret_of_file(path: &Path, text: &str) -> Result<SecretString, ConfigError> {
    let secret = text.trim();
    if secret.is_empty() {
        return Err(failed(path, "read", &"it is empty; remove it or write the secret into it"));
    }
    Ok(SecretString::from(secret))
}

fn failed(path: &Path, action: &'static str, problem: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::ClusterSecretFile { path: path.to_owned(), action, problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::values::Values;
    use super::*;
    use secrecy::ExposeSecret;

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
        assert_eq!(made.expose_secret().len(), 2 * SECRET_LENGTH_BYTES);
        for missing in [MissingSecret::Make, MissingSecret::Refuse] {
            let read = cluster_secret(&config, missing).expect("the file");
            assert_eq!(read.expose_secret(), made.expose_secret());
        }
        let files = fs::read_dir(&config.state.folder).expect("the state folder").count();
        assert_eq!(files, 1, "the unfinished file is gone");
    }

    #[test]
    fn of_two_makers_the_first_wins() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let first = make(&path).expect("a secret");
        let second = make(&path).expect("the first one's");
        assert_eq!(first.expose_secret(), second.expose_secret());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        make(&path).expect("a secret");
        let mode = fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
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
