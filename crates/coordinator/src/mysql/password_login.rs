//! Logins of other doors, whose clients send the password itself: the same accounts, delays after
//! failures, demands of TLS and locks as for a MySQL client.

use super::MysqlDoor;
use super::auth::{Account, Encryption};
use std::net::SocketAddr;

/// A user's name and password, and how they came.
pub(crate) struct PasswordLogin {
    pub(crate) user: String,
    pub(crate) password: Vec<u8>,
    pub(crate) address: SocketAddr,
    pub(crate) encryption: Encryption,
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
    /// Waits for the turn of a login from `address`, before its password is looked at.
    pub(crate) async fn login_turn(&self, address: SocketAddr) -> Result<(), LoginFailure> {
        let turn = self.login_delay.turn(address.ip().to_canonical()).await;
        turn.map_err(|_| LoginFailure::TooManyWaiting)
    }

    /// The account that a password opens. Who calls it sees to it that the password did not cross
    /// a network in the clear, and that its turn has come.
    ///
    /// Must run to its end, whether its client is still there or not: what is looked at counts.
    pub(crate) async fn log_in_by_password(
        &self,
        login: PasswordLogin,
    ) -> Result<Account, LoginFailure> {
        let PasswordLogin { user, password, address, encryption } = login;
        let peer = address.ip().to_canonical();
        let account = self.accounts.find(&user, peer).await.map_err(LoginFailure::Unable)?;
        let is_right = self
            .authenticator
            .is_right(account.as_ref(), &user, &password)
            .await
            .map_err(LoginFailure::Unable)?;
        let account = account.filter(|account| is_right && account.tls.is_met(&encryption));
        let Some(account) = account else {
            self.login_delay.failed(peer, &user).await;
            return Err(LoginFailure::Denied);
        };
        self.login_delay.succeeded(peer, &user).await;
        match account.locked {
            true => Err(LoginFailure::Locked),
            false => Ok(account),
        }
    }

    /// The account as which `user` comes from `address` by now, whatever it demands.
    ///
    /// # Errors
    /// `StateUnusable`.
    pub(crate) async fn account(
        &self,
        user: &str,
        address: SocketAddr,
    ) -> mooring_spi::Result<Option<Account>> {
        self.accounts.find(user, address.ip().to_canonical()).await
    }

    /// Grows with the changes of accounts that were made here.
    pub(crate) fn account_changes(&self) -> u64 {
        self.accounts.changes()
    }
}
