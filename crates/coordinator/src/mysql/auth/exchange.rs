//! The exchange of packets that proves a password.
//!
//! Source: MySQL Source Code Documentation, "Connection Phase", "Authentication Method Switch",
//! "Caching_sha2_password information", "Clear text clear text client plugin".

use super::cache::FastDigests;
use super::caching_sha2;
use super::native;
use super::rsa_key::{KeyPair, KeyPairSource};
use super::unknown_user::UnknownUsers;
use super::verifier::{CLEAR_PASSWORD, PasswordVerifier};
use super::{Account, AuthError, AuthPlugin, Credential};
use crate::mysql::handshake::{
    Login, Nonce, auth_more_data, auth_switch_request, nonce as new_nonce,
};
use crate::mysql::packet::Channel;
use mysql_common::constants::CapabilityFlags;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Checks passwords; one for all connections.
pub(crate) struct Authenticator {
    fast_digests: FastDigests,
    key_pair: KeyPairSource,
    unknown_users: UnknownUsers,
    verifier: Arc<dyn PasswordVerifier>,
}

/// A login and the connection that it comes through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) login: &'a Login,
    /// `None` for an unknown user, who is denied after the same exchange.
    pub(crate) account: Option<&'a Account>,
    pub(crate) capabilities: CapabilityFlags,
    pub(crate) is_encrypted: bool,
    /// What the login's first proof was made with.
    pub(crate) nonce: &'a Nonce,
    /// The proof is asked for again with a fresh nonce: an old one was used before, by
    /// COM_CHANGE_USER.
    pub(crate) is_nonce_used: bool,
}

/// The method of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    CachingSha2,
    Native,
    Clear,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::CachingSha2 => AuthPlugin::CachingSha2Password.name(),
            Self::Native => AuthPlugin::NativePassword.name(),
            Self::Clear => CLEAR_PASSWORD,
        }
    }
}

/// What the client has said so far.
struct Attempt<'a> {
    account: &'a Account,
    is_known: bool,
    is_encrypted: bool,
    nonce: Nonce,
    response: Vec<u8>,
}

impl Authenticator {
    /// Must be called within a Tokio runtime. `unknown_user_key` decides which plugin a name has
    /// that is no user's.
    pub(crate) fn start(verifier: Arc<dyn PasswordVerifier>, unknown_user_key: [u8; 32]) -> Self {
        Self {
            fast_digests: FastDigests::default(),
            key_pair: KeyPairSource::start(),
            unknown_users: UnknownUsers::new(unknown_user_key),
            verifier,
        }
    }

    /// Runs the exchange to its end; the OK packet is left to the caller.
    pub(crate) async fn authenticate<R, W>(
        &self,
        channel: &mut Channel<R, W>,
        exchange: Exchange<'_>,
    ) -> Result<(), AuthError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let login = exchange.login;
        let known = exchange.account.filter(|account| self.has_password(account));
        let account = known.unwrap_or_else(|| self.unknown_users.account(&login.user));
        let mut attempt = Attempt {
            account,
            is_known: known.is_some(),
            is_encrypted: exchange.is_encrypted,
            nonce: *exchange.nonce,
            response: login.auth_response.clone(),
        };
        let has_password = account.credential != Credential::NoPassword;
        let needs_clear = self.verifier.needs_clear_password(account);
        // A client that names no plugin speaks the one from before there were names.
        let spoken = login.plugin.as_deref().unwrap_or(AuthPlugin::NativePassword.name());
        // Clients exist that lack the account's plugin; without a password there is nothing to prove.
        // Of a plugin that we do not know nobody can tell what it still sends: libmariadb names
        // `dummy_fallback_auth` while another thread loads its plugins, and goes on after the OK.
        let is_understood = [Method::CachingSha2, Method::Native, Method::Clear]
            .iter()
            .any(|method| method.name() == spoken);
        if !has_password && !needs_clear && is_understood && is_empty(&attempt.response) {
            return Ok(());
        }
        let wanted = self.wanted(&attempt, spoken, needs_clear)?;
        let is_proof_of_use = spoken == wanted.name() && !is_stale(exchange, wanted);
        if !is_proof_of_use {
            if exchange.capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
                attempt.nonce = new_nonce();
                channel.send(&auth_switch_request(wanted.name(), &attempt.nonce)).await?;
                attempt.response = channel.receive().await?.to_vec();
            } else if spoken != wanted.name() {
                return Err(AuthError::UnsupportedClient);
            }
        }
        if is_empty(&attempt.response) {
            return decide(attempt.is_known && !has_password && !needs_clear, false);
        }
        let proven = match wanted {
            Method::Native => match &account.credential {
                Credential::Native(stored) => {
                    native::proves(&attempt.response, &attempt.nonce, stored)
                }
                Credential::NoPassword | Credential::CachingSha2(_) | Credential::Token => false,
            },
            Method::CachingSha2 => self.caching_sha2(channel, &attempt).await?,
            Method::Clear => match without_end(&attempt.response) {
                Some(password) => self.verify(account, password).await?,
                None => false,
            },
        };
        decide(proven && attempt.is_known, true)
    }

    /// Whether anything that is sent as a password opens the account.
    fn has_password(&self, account: &Account) -> bool {
        account.credential != Credential::Token || self.verifier.needs_clear_password(account)
    }

    /// Whether a password that came in the clear, inside TLS or from this machine, is that of
    /// `account`. `None` for an unknown user, whose check takes as long.
    pub(crate) async fn is_right(
        &self,
        account: Option<&Account>,
        user: &str,
        password: &[u8],
    ) -> mooring_spi::Result<bool> {
        let account = account.filter(|account| self.has_password(account));
        let checked = match account {
            Some(known)
                if password.is_empty()
                    || known.credential != Credential::NoPassword
                    || self.verifier.needs_clear_password(known) =>
            {
                known
            }
            Some(_) => self.unknown_users.caching_sha2(),
            None => self.unknown_users.account(user),
        };
        let is_right = self.verifier.verify(checked, password).await?;
        Ok(is_right && account.is_some())
    }

    /// The method by which the account is proven to a client that speaks `spoken`. A password
    /// that came in the clear is taken inside TLS, and outside of it not even looked at.
    fn wanted(
        &self,
        attempt: &Attempt<'_>,
        spoken: &str,
        needs_clear: bool,
    ) -> Result<Method, AuthError> {
        if attempt.is_encrypted && (needs_clear || spoken == CLEAR_PASSWORD) {
            return Ok(Method::Clear);
        }
        if needs_clear {
            return Err(AuthError::Denied { with_password: !is_empty(&attempt.response) });
        }
        let plugin = match &attempt.account.credential {
            Credential::NoPassword => attempt.account.plugin,
            Credential::CachingSha2(_) | Credential::Token => AuthPlugin::CachingSha2Password,
            Credential::Native(_) => AuthPlugin::NativePassword,
        };
        Ok(match plugin {
            AuthPlugin::CachingSha2Password | AuthPlugin::Jwt => Method::CachingSha2,
            AuthPlugin::NativePassword => Method::Native,
        })
    }

    async fn caching_sha2<R, W>(
        &self,
        channel: &mut Channel<R, W>,
        attempt: &Attempt<'_>,
    ) -> Result<bool, AuthError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        // An account without password is checked against nobody's: it fails in the same steps.
        let account = match &attempt.account.credential {
            Credential::CachingSha2(_) => attempt.account,
            Credential::NoPassword | Credential::Native(_) | Credential::Token => {
                self.unknown_users.caching_sha2()
            }
        };
        let Credential::CachingSha2(credential) = &account.credential else {
            return Ok(false);
        };
        if let Some(known) = self.fast_digests.get(&account.user, credential)
            && caching_sha2::proves(&attempt.response, &attempt.nonce, &known)
        {
            let word = auth_more_data(&[caching_sha2::FAST_SUCCESS]);
            // Goes out together with the OK packet.
            channel.writer.put_packet(&word);
            return Ok(true);
        }
        channel.send(&auth_more_data(&[caching_sha2::FULL_NEEDED])).await?;
        let Some(password) = self.full_password(channel, attempt).await? else {
            return Ok(false);
        };
        let is_right = self.verify(account, &password).await?;
        if is_right && attempt.is_known {
            let digest = caching_sha2::fast_digest(&password);
            self.fast_digests.put(&account.user, credential, digest);
        }
        Ok(is_right)
    }

    /// The password of a full authentication: as it is inside TLS, else under the RSA key.
    async fn full_password<R, W>(
        &self,
        channel: &mut Channel<R, W>,
        attempt: &Attempt<'_>,
    ) -> Result<Option<Vec<u8>>, AuthError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut answer = channel.receive().await?;
        let asks_for_key = answer[..] == [caching_sha2::PUBLIC_KEY_REQUEST];
        if attempt.is_encrypted && !asks_for_key {
            return Ok(without_end(&answer).map(<[u8]>::to_vec));
        }
        let Some(key_pair) = self.key_pair.get().await else {
            return Ok(None);
        };
        if asks_for_key {
            channel.send(&auth_more_data(key_pair.public_pem().as_bytes())).await?;
            answer = channel.receive().await?;
        }
        let (ciphertext, nonce) = (answer.to_vec(), attempt.nonce);
        let opened = move |key_pair: Arc<KeyPair>| {
            let masked = key_pair.decrypt(&ciphertext)?;
            caching_sha2::unmask(masked, &nonce)
        };
        Ok(tokio::task::spawn_blocking(move || opened(key_pair)).await.unwrap_or_default())
    }

    async fn verify(&self, account: &Account, password: &[u8]) -> Result<bool, AuthError> {
        self.verifier.verify(account, password).await.map_err(AuthError::Verifier)
    }
}

/// Whether a proof that hangs on the nonce must be made again.
fn is_stale(exchange: Exchange<'_>, method: Method) -> bool {
    match method {
        Method::CachingSha2 | Method::Native => exchange.is_nonce_used,
        Method::Clear => false,
    }
}

/// Some clients send the empty password with its end.
fn is_empty(response: &[u8]) -> bool {
    matches!(response, [] | [0])
}

/// A password in the clear ends with a zero.
fn without_end(response: &[u8]) -> Option<&[u8]> {
    match response {
        [password @ .., 0] => Some(password),
        _ => None,
    }
}

fn decide(proven: bool, with_password: bool) -> Result<(), AuthError> {
    if proven { Ok(()) } else { Err(AuthError::Denied { with_password }) }
}
