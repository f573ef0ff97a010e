//! Who decides about a password that the server has in the clear: the stored credential here, a
//! directory or a token's signature elsewhere.

use super::{Account, Credential, caching_sha2, native};
use async_trait::async_trait;
use mooring_spi::{Error, Result};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// The name of the plugin by which a client sends its password as it is.
pub(super) const CLEAR_PASSWORD: &str = "mysql_clear_password";

/// Decides about passwords. It is asked only with passwords that came inside TLS or under the
/// server's RSA key.
#[async_trait]
pub trait PasswordVerifier: Send + Sync {
    /// Whether nothing but the password itself will do for `account` (a directory's, a token): the
    /// client is then asked for it by `mysql_clear_password`, inside TLS only. An unknown user is
    /// asked about with an account that nobody has.
    fn needs_clear_password(&self, account: &Account) -> bool;

    /// Whether `password` is the one of `account`.
    ///
    /// # Errors
    /// Who decides cannot be reached. That is no answer: nobody gets in.
    async fn verify(&self, account: &Account, password: &[u8]) -> Result<bool>;
}

/// Decides by the account's own credential.
#[derive(Debug)]
pub struct StoredCredentials {
    /// A check costs milliseconds of computing; so many run at once.
    checks: Arc<Semaphore>,
}

impl Default for StoredCredentials {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { checks: Arc::new(Semaphore::new(cores)) }
    }
}

#[async_trait]
impl PasswordVerifier for StoredCredentials {
    fn needs_clear_password(&self, _account: &Account) -> bool {
        false
    }

    async fn verify(&self, account: &Account, password: &[u8]) -> Result<bool> {
        match &account.credential {
            Credential::NoPassword => Ok(password.is_empty()),
            Credential::Token => Ok(false),
            Credential::Native(stored) => {
                let found = native::digest(password);
                Ok(!password.is_empty() && bool::from(found.ct_eq(stored)))
            }
            Credential::CachingSha2(credential) => {
                let stopped = |_| Error::internal("the check of a password did not end");
                let permit = self.checks.clone().acquire_owned().await;
                let permit =
                    permit.map_err(|_| Error::internal("the checks of passwords are closed"))?;
                let (password, credential) = (password.to_vec(), credential.clone());
                let check = move || {
                    // Who asked may be gone; the computing goes on, and counts.
                    let _permit = permit;
                    caching_sha2::matches(&password, &credential)
                };
                tokio::task::spawn_blocking(check).await.map_err(stopped)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AuthPlugin, TlsRequirement, caching_sha2_credential, native_credential};
    use super::*;

    /// A check that nobody waits for any more still takes its place among the checks.
    #[test]
    fn an_abandoned_check_counts_until_it_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let verifier = StoredCredentials { checks: Arc::new(Semaphore::new(1)) };
            let account = account(Credential::CachingSha2(caching_sha2_credential("secret")));
            // Takes the only blocking thread, so that the check waits behind it.
            let (free, taken) = std::sync::mpsc::channel::<()>();
            let blocking = tokio::task::spawn_blocking(move || taken.recv());
            let check = verifier.verify(&account, b"x");
            assert!(futures::poll!(check).is_pending());
            // It was dropped there.
            assert_eq!(verifier.checks.available_permits(), 0);
            free.send(()).expect("waiting");
            assert!(blocking.await.expect("freed").is_ok());
            let permit = verifier.checks.acquire().await;
            assert!(permit.is_ok(), "the check has ended");
        });
    }

    fn account(credential: Credential) -> Account {
        Account {
            host: "%".to_owned(),
            locked: false,
            user: "u".to_owned(),
            administrator: false,
            plugin: AuthPlugin::DEFAULT,
            credential,
            tls: TlsRequirement::None,
        }
    }

    #[tokio::test]
    async fn each_credential_knows_its_password() {
        let verifier = StoredCredentials::default();
        for (credential, right) in [
            (Credential::NoPassword, ""),
            (Credential::Native(native_credential("secret")), "secret"),
            (Credential::CachingSha2(caching_sha2_credential("secret")), "secret"),
        ] {
            let account = account(credential);
            for password in ["", "secret", "Secret"] {
                let found = verifier.verify(&account, password.as_bytes()).await;
                assert_eq!(found.expect("decided"), password == right, "{account:?} {password}");
            }
        }
    }
}
