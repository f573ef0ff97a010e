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
            Credential::Native(stored) => {
                let found = native::digest(password);
                Ok(!password.is_empty() && bool::from(found.ct_eq(stored)))
            }
            Credential::CachingSha2(credential) => {
                let stopped = |_| Error::internal("the check of a password did not end");
                let permit = self
                    .checks
                    .clone()
                    .acquire_owned()
                    .await
                    .map_err(|_| Error::internal("the checks of passwords are closed"))?;
                let (password, credential) = (password.to_vec(), credential.clone());
                tokio::task::spawn_blocking(move || {
                    // Held until the computing ends, whoever waits for it.
                    let _permit = permit;
                    caching_sha2::matches(&password, &credential)
                })
                .await
                .map_err(stopped)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AuthPlugin, TlsRequirement, caching_sha2_credential, native_credential};
    use super::*;

    #[tokio::test]
    async fn each_credential_knows_its_password() {
        let verifier = StoredCredentials::default();
        for (credential, right) in [
            (Credential::NoPassword, ""),
            (Credential::Native(native_credential("secret")), "secret"),
            (Credential::CachingSha2(caching_sha2_credential("secret")), "secret"),
        ] {
            let account = Account {
                host: "%".to_owned(),
                locked: false,
                user: "u".to_owned(),
                administrator: false,
                plugin: AuthPlugin::DEFAULT,
                credential,
                tls: TlsRequirement::None,
            };
            for password in ["", "secret", "Secret"] {
                let found = verifier.verify(&account, password.as_bytes()).await;
                assert_eq!(found.expect("decided"), password == right, "{account:?} {password}");
            }
        }
    }
}
