//! Tokens where a password is asked for: at the MySQL door, inside TLS, by `mysql_clear_password`.

use super::JwtVerifier;
use crate::mysql::{Account, Credential, PasswordVerifier, StoredCredentials};
use async_trait::async_trait;
use mooring_spi::{ErrorKind, Result};
use std::sync::Arc;
use std::time::SystemTime;

/// Decides by the token about accounts that come by tokens, and by the stored credential about others.
#[derive(Debug)]
pub(crate) struct TokensAsPasswords {
    tokens: Arc<JwtVerifier>,
    stored: StoredCredentials,
}

impl TokensAsPasswords {
    pub(crate) fn new(tokens: Arc<JwtVerifier>) -> Self {
        Self { tokens, stored: StoredCredentials::default() }
    }
}

#[async_trait]
impl PasswordVerifier for TokensAsPasswords {
    fn needs_clear_password(&self, account: &Account) -> bool {
        account.credential == Credential::Token
    }

    async fn verify(&self, account: &Account, password: &[u8]) -> Result<bool> {
        if account.credential != Credential::Token {
            return self.stored.verify(account, password).await;
        }
        let Ok(token) = std::str::from_utf8(password) else { return Ok(false) };
        match self.tokens.verify(token, SystemTime::now()).await {
            Ok(proven) => Ok(proven.user == account.user),
            Err(error) if error.kind() == ErrorKind::AuthenticationFailed => {
                tracing::debug!(user = account.user, %error, "refused a token");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
