//! Logins of other doors, whose clients send the password itself: the same accounts, delays after
//! failures, demands of TLS and locks as for a MySQL client.

use super::MysqlDoor;
use super::auth::{Account, Encryption};
use std::net::SocketAddr;

/// A user's name and password, and how they came.
#[derive(Clone, Copy)]
pub(crate) struct PasswordLogin<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a [u8],
    pub(crate) address: SocketAddr,
    pub(crate) encryption: &'a Encryption,
}

/// Why nobody was let in.
#[derive(Debug)]
pub(crate) enum LoginFailure {
    /// The name, the password, or what the account demands of TLS: which of them is not told.
    Denied,
    /// Others of this address wait already for their turn after failed logins.
    TooManyWaiting,
    /// The password is right, the account is locked.
    Locked,
    /// The accounts cannot be read, or who decides about passwords cannot be asked.
    Unable(mooring_spi::Error),
}

impl MysqlDoor {
    /// The account that a password opens. Who calls it sees to it that the password did not cross
    /// a network in the clear.
    pub(crate) async fn log_in_by_password(
        &self,
        login: PasswordLogin<'_>,
    ) -> Result<Account, LoginFailure> {
        let peer = login.address.ip().to_canonical();
        self.login_delay.turn(peer).await.map_err(|_| LoginFailure::TooManyWaiting)?;
        let account = self.accounts.find(login.user, peer).await.map_err(LoginFailure::Unable)?;
        let is_right = self
            .authenticator
            .is_right(account.as_ref(), login.user, login.password)
            .await
            .map_err(LoginFailure::Unable)?;
        let account = account.filter(|account| is_right && account.tls.is_met(login.encryption));
        let Some(account) = account else {
            self.login_delay.failed(peer, login.user).await;
            return Err(LoginFailure::Denied);
        };
        self.login_delay.succeeded(peer, login.user).await;
        match account.locked {
            true => Err(LoginFailure::Locked),
            false => Ok(account),
        }
    }

    /// The account as which `user` comes from `address` by now; `None` when there is none that
    /// `encryption` satisfies, or it is locked.
    ///
    /// # Errors
    /// `StateUnusable`.
    pub(crate) async fn account_now(
        &self,
        user: &str,
        address: SocketAddr,
        encryption: &Encryption,
    ) -> mooring_spi::Result<Option<Account>> {
        let account = self.accounts.find(user, address.ip().to_canonical()).await?;
        Ok(account.filter(|account| !account.locked && account.tls.is_met(encryption)))
    }
}
