//! Who connects: accounts and the exchange that proves a password, by `caching_sha2_password` or
//! `mysql_native_password`. A password is never logged and crosses the network only encrypted.
//!
//! Source: MySQL Source Code Documentation, "Connection Phase", "Authentication Method Switch",
//! "Caching_sha2_password information".

mod cache;
mod caching_sha2;
mod native;
mod requirement;
mod rsa_key;
mod sha256_crypt;

pub use caching_sha2::caching_sha2_credential;
pub use native::native_credential;
pub use requirement::TlsRequirement;

use super::handshake::{
    HandshakeResponse, Nonce, auth_more_data, auth_switch_request, nonce as new_nonce,
};
use super::packet::{Channel, PacketError};
use async_trait::async_trait;
use mysql_common::constants::CapabilityFlags;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

/// How an account proves its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthPlugin {
    CachingSha2Password,
    NativePassword,
}

impl AuthPlugin {
    /// The plugin of the greeting.
    pub const DEFAULT: Self = Self::CachingSha2Password;

    pub fn name(self) -> &'static str {
        match self {
            Self::CachingSha2Password => "caching_sha2_password",
            Self::NativePassword => "mysql_native_password",
        }
    }
}

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The empty password, and no other.
    NoPassword,
    /// `$A$005$<salt, 20 bytes><digest, 43 characters>`, as MySQL keeps it.
    CachingSha2(String),
    /// SHA1(SHA1(password)).
    Native([u8; 20]),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoPassword => "NoPassword",
            Self::CachingSha2(_) => "CachingSha2(..)",
            Self::Native(_) => "Native(..)",
        })
    }
}

/// A user who may connect.
#[derive(Debug, Clone)]
pub struct Account {
    pub user: String,
    /// May define and drop things, and see and end what other users do.
    pub administrator: bool,
    pub plugin: AuthPlugin,
    pub credential: Credential,
    /// What its connections must be like.
    pub tls: TlsRequirement,
}

/// Where accounts are looked up.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// The account that `user` has when it comes from `address`; `None` when there is none.
    async fn find(&self, user: &str, address: IpAddr) -> mooring_spi::Result<Option<Account>>;
}

/// Why an authentication did not succeed.
#[derive(Debug)]
pub(crate) enum AuthError {
    Denied {
        with_password: bool,
    },
    /// The client cannot switch to the account's plugin.
    UnsupportedClient,
    Packet(PacketError),
}

impl From<PacketError> for AuthError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

/// An account that nobody has, against which unknown users are checked in the same steps.
static NOBODY: LazyLock<Account> = LazyLock::new(|| Account {
    administrator: false,
    user: String::new(),
    plugin: AuthPlugin::DEFAULT,
    credential: Credential::CachingSha2(caching_sha2_credential(&hex_of_nonce())),
    tls: TlsRequirement::None,
});

fn hex_of_nonce() -> String {
    let mut digits = Vec::new();
    super::hex::put_hex(&mut digits, &new_nonce());
    digits.into_iter().map(char::from).collect()
}

/// Checks passwords; one for all connections.
#[derive(Debug)]
pub(crate) struct Authenticator {
    fast_digests: cache::FastDigests,
    key_pair: rsa_key::KeyPairSource,
    /// Full checks cost milliseconds of computing each; so many run at once.
    full_checks: Semaphore,
}

/// What the client has said so far.
struct Attempt<'a> {
    account: &'a Account,
    known: bool,
    nonce: Nonce,
    response: Vec<u8>,
}

impl Authenticator {
    /// Must be called within a Tokio runtime.
    pub(crate) fn start() -> Self {
        LazyLock::force(&NOBODY);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            fast_digests: cache::FastDigests::default(),
            key_pair: rsa_key::KeyPairSource::start(),
            full_checks: Semaphore::new(cores),
        }
    }

    /// Runs the exchange to its end; the OK packet is left to the caller. `account` is `None` for
    /// an unknown user, who is denied after the same exchange.
    pub(crate) async fn authenticate<R, W>(
        &self,
        channel: &mut Channel<R, W>,
        account: Option<&Account>,
        nonce: &Nonce,
        first: &HandshakeResponse,
    ) -> Result<(), AuthError>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut attempt = Attempt {
            account: account.unwrap_or_else(|| LazyLock::force(&NOBODY)),
            known: account.is_some(),
            nonce: *nonce,
            response: first.auth_response.clone(),
        };
        // Clients exist that lack the account's plugin; without a password there is nothing to prove.
        if attempt.account.credential == Credential::NoPassword && is_empty(&attempt.response) {
            return Ok(());
        }
        let wanted = match &attempt.account.credential {
            Credential::NoPassword => attempt.account.plugin,
            Credential::CachingSha2(_) => AuthPlugin::CachingSha2Password,
            Credential::Native(_) => AuthPlugin::NativePassword,
        };
        // A client that names no plugin speaks the one from before there were names.
        let spoken = first.plugin.as_deref().unwrap_or(AuthPlugin::NativePassword.name());
        if spoken != wanted.name() {
            if !first.capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
                return Err(AuthError::UnsupportedClient);
            }
            attempt.nonce = new_nonce();
            channel.send(&auth_switch_request(wanted.name(), &attempt.nonce)).await?;
            attempt.response = channel.receive().await?.to_vec();
        }
        if is_empty(&attempt.response) {
            let empty_is_right = attempt.account.credential == Credential::NoPassword;
            return decide(attempt.known && empty_is_right, false);
        }
        let proven = match wanted {
            AuthPlugin::NativePassword => match &attempt.account.credential {
                Credential::Native(stored) => {
                    native::proves(&attempt.response, &attempt.nonce, stored)
                }
                Credential::NoPassword | Credential::CachingSha2(_) => false,
            },
            AuthPlugin::CachingSha2Password => self.caching_sha2(channel, &attempt).await?,
        };
        decide(proven && attempt.known, true)
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
        let credential = match (&attempt.account.credential, &NOBODY.credential) {
            (Credential::CachingSha2(credential), _) | (_, Credential::CachingSha2(credential)) => {
                credential
            }
            _ => return Ok(false),
        };
        if let Some(known) = self.fast_digests.get(&attempt.account.user, credential)
            && caching_sha2::proves(&attempt.response, &attempt.nonce, &known)
        {
            let word = auth_more_data(&[caching_sha2::FAST_SUCCESS]);
            // Goes out together with the OK packet.
            channel.writer.put_packet(&word);
            return Ok(true);
        }
        channel.send(&auth_more_data(&[caching_sha2::FULL_NEEDED])).await?;
        let mut answer = channel.receive().await?;
        let Some(key_pair) = self.key_pair.get().await else {
            return Ok(false);
        };
        if answer[..] == [caching_sha2::PUBLIC_KEY_REQUEST] {
            channel.send(&auth_more_data(key_pair.public_pem().as_bytes())).await?;
            answer = channel.receive().await?;
        }
        let Ok(_permit) = self.full_checks.acquire().await else {
            return Ok(false);
        };
        let check = FullCheck {
            key_pair,
            ciphertext: answer.to_vec(),
            nonce: attempt.nonce,
            credential: credential.clone(),
        };
        let digest = tokio::task::spawn_blocking(move || check.run()).await.unwrap_or_default();
        if let Some(digest) = digest
            && attempt.known
        {
            self.fast_digests.put(&attempt.account.user, credential, digest);
        }
        Ok(digest.is_some())
    }
}

/// Some clients send the empty password with its end.
fn is_empty(response: &[u8]) -> bool {
    matches!(response, [] | [0])
}

fn decide(proven: bool, with_password: bool) -> Result<(), AuthError> {
    if proven { Ok(()) } else { Err(AuthError::Denied { with_password }) }
}

/// The costly part of an authentication.
struct FullCheck {
    key_pair: Arc<rsa_key::KeyPair>,
    ciphertext: Vec<u8>,
    nonce: Nonce,
    credential: String,
}

impl FullCheck {
    /// The fast digest of the password, when it is the right one.
    fn run(&self) -> Option<caching_sha2::FastDigest> {
        let masked = self.key_pair.decrypt(&self.ciphertext)?;
        let password = caching_sha2::unmask(masked, &self.nonce)?;
        caching_sha2::matches(&password, &self.credential)
            .then(|| caching_sha2::fast_digest(&password))
    }
}
