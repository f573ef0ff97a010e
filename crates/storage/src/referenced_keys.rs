//! S3 keys that stand in files and may be replaced there: requests take up new ones without a restart.

use crate::secret::resolve_secret;
use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long keys serve before the files are read again.
const KEPT: Duration = Duration::from_secs(5);

/// The keys that two references name.
pub(crate) struct ReferencedKeys {
    access_key: String,
    secret_key: String,
    kept: Mutex<(Instant, Arc<AwsCredential>)>,
}

impl ReferencedKeys {
    /// The references, and what they name now.
    pub(crate) fn new(
        (access_key, secret_key): (String, String),
        now: (&SecretString, &SecretString),
    ) -> Self {
        let kept = Mutex::new((Instant::now(), credential(now)));
        Self { access_key, secret_key, kept }
    }

    /// Half of a pair may be there alone while both files are being replaced; a request that gets it is
    /// refused, and the next one finds the whole.
    fn read(&self) -> mooring_spi::Result<Arc<AwsCredential>> {
        let access_key = resolve_secret(&self.access_key)?;
        let secret_key = resolve_secret(&self.secret_key)?;
        Ok(credential((&access_key, &secret_key)))
    }
}

impl fmt::Debug for ReferencedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferencedKeys").finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialProvider for ReferencedKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock();
        if kept.0.elapsed() >= KEPT {
            // Two short files, once in a while.
            match self.read() {
                Ok(credential) => kept.1 = credential,
                Err(error) => {
                    tracing::warn!(%error, "keys cannot be read again; those of before serve on")
                }
            }
            kept.0 = Instant::now();
        }
        Ok(Arc::clone(&kept.1))
    }
}

fn credential((access_key, secret_key): (&SecretString, &SecretString)) -> Arc<AwsCredential> {
    Arc::new(AwsCredential {
        key_id: access_key.expose_secret().to_owned(),
        secret_key: secret_key.expose_secret().to_owned(),
        token: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(access_key: &str, secret_key: &str) -> (SecretString, SecretString) {
        (SecretString::from(access_key), SecretString::from(secret_key))
    }

    #[tokio::test]
    async fn replaced_files_are_taken_up_and_missing_ones_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "second\n").expect("written");
        let first = pair("AK", "first");
        let references = ("AK".to_owned(), format!("file:{}", path.display()));
        let keys = ReferencedKeys::new(references, (&first.0, &first.1));
        let secret_key = async || keys.get_credential().await.expect("keys").secret_key.clone();
        assert_eq!(secret_key().await, "first");
        let pass = || keys.kept.lock().0 -= KEPT;
        pass();
        assert_eq!(secret_key().await, "second");
        std::fs::remove_file(&path).expect("removed");
        pass();
        assert_eq!(secret_key().await, "second");
    }
}
