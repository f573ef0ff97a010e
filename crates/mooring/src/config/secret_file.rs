//! Files with one secret, made once and readable by their owner alone.

use super::ConfigError;
use rand::RngCore;
use rand::rngs::OsRng;
use secrecy::SecretString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

const SECRET_LENGTH_BYTES: usize = 32;

/// Reads and writes files: not for an I/O thread.
#[derive(Debug, Clone)]
pub(crate) struct SecretFile {
    pub(crate) path: PathBuf,
    /// For messages: `the cluster's secret`.
    pub(crate) what: &'static str,
}

impl SecretFile {
    /// `None` when there is no such file.
    ///
    /// # Errors
    /// It cannot be read, or is empty.
    pub(crate) fn read(&self) -> Result<Option<SecretString>, ConfigError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => self.secret(&text).map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// The file's secret, made if there is none.
    ///
    /// A reader never sees half a secret, and of two processes that start at once both use the
    /// one that was first: the file is written under another name and linked to its own.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub(crate) fn read_or_make(&self) -> Result<SecretString, ConfigError> {
        if let Some(secret) = self.read()? {
            return Ok(secret);
        }
        let mut bytes = [0; SECRET_LENGTH_BYTES];
        OsRng.try_fill_bytes(&mut bytes).map_err(|error| self.failed("make", &error))?;
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();

        let unfinished = self.path.with_extension(format!("{}.unfinished", std::process::id()));
        let linked =
            write_private(&unfinished, &text).and_then(|()| fs::hard_link(&unfinished, &self.path));
        // What stays behind when this fails is harmless: readable by this user only, and never read.
        let _ = fs::remove_file(&unfinished);
        match linked {
            Ok(()) => Ok(SecretString::from(text)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let text =
                    fs::read_to_string(&self.path).map_err(|error| self.failed("read", &error))?;
                self.secret(&text)
            }
            Err(error) => Err(self.failed("write", &error)),
        }
    }

    fn secret(&self, text: &str) -> Result<SecretString, ConfigError> {
        let secret = text.trim();
        if secret.is_empty() {
            let problem = "it is empty; remove it or write the secret into it";
            return Err(self.failed("read", &problem));
        }
        Ok(SecretString::from(secret))
    }

    fn failed(&self, action: &'static str, problem: &dyn std::fmt::Display) -> ConfigError {
        ConfigError::SecretFile {
            path: self.path.clone(),
            what: self.what,
            action,
            problem: problem.to_string(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn file(folder: &Path) -> SecretFile {
        SecretFile { path: folder.join("data").join("secret"), what: "a secret" }
    }

    #[test]
    fn made_once_and_read_by_everyone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(folder.path());
        assert!(file.read().expect("nothing wrong").is_none());
        let made = file.read_or_make().expect("a secret");
        assert_eq!(made.expose_secret().len(), 2 * SECRET_LENGTH_BYTES);
        let read = file.read().expect("readable").expect("there");
        let again = file.read_or_make().expect("there");
        assert_eq!([read.expose_secret(), again.expose_secret()], [made.expose_secret(); 2]);
        let files = fs::read_dir(folder.path().join("data")).expect("the folder").count();
        assert_eq!(files, 1, "the unfinished file is gone");
    }

    #[test]
    fn an_empty_file_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SecretFile { path: folder.path().join("secret"), what: "a secret" };
        fs::write(&file.path, "\n").expect("written");
        let error = file.read().expect_err("empty").to_string();
        assert!(error.contains("a secret") && error.contains("empty"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = file(folder.path());
        file.read_or_make().expect("a secret");
        let mode = fs::metadata(&file.path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
