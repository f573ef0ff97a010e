//! Who connects: accounts and the exchange that proves a password, by `caching_sha2_password`,
//! `mysql_native_password` or, inside TLS, the password itself. A password is never logged and
//! crosses the network only encrypted.

mod exchange;
mod verifier;
mod unknown_user;
mod cache;
mod caching_sha2;
mod native;
mod requirement;
mod rsa_key;
mod sha256_crypt;

pub use caching_sha2::caching_sha2_credential;
pub use native::native_credential;
pub use requirement::TlsRequirement;
pub use verifier::{PasswordVerifier, StoredCredentials};

pub(crate) use exchange::{Authenticator, Exchange};
pub(crate) use requirement::{Encryption, PeerCertificate};

use super::packet::PacketError;
use async_trait::async_trait;
use std::net::IpAddr;

/// How an account proves its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthPlugin {
    CachingSha2Password,
    NativePassword,
    /// By a token that somebody else signs, never by a password.
    Jwt,
}

impl AuthPlugin {
    pub const ALL: [Self; 3] = [Self::CachingSha2Password, Self::NativePassword, Self::Jwt];

    /// The plugin of the greeting.
    pub const DEFAULT: Self = Self::CachingSha2Password;

    pub fn name(self) -> &'static str {
        match self {
            Self::CachingSha2Password => "caching_sha2_password",
            Self::NativePassword => "mysql_native_password",
            // As StarRocks calls it.
            Self::Jwt => "authentication_jwt",
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
    /// No password opens the account, not the empty one either.
    Token,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoPassword => "NoPassword",
            Self::CachingSha2(_) => "CachingSha2(..)",
            Self::Native(_) => "Native(..)",
            Self::Token => "Token",
        })
    }
}

/// A user who may connect.
#[derive(Debug, Clone)]
pub struct Account {
    pub user: String,
    /// The host pattern that admitted the client.
    pub host: String,
    /// May not connect, whatever it proves.
    pub locked: bool,
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

    /// Grows with every change that was made here: what was found before may be untrue. Changes made
    /// elsewhere do not show in it.
    fn changes(&self) -> u64 {
        0
    }
}

/// Why an authentication did not succeed.
#[derive(Debug)]
pub(crate) enum AuthError {
    Denied {
        with_password: bool,
    },
    /// The client cannot switch to the account's plugin.
    UnsupportedClient,
    /// The one who decides about passwords cannot.
    Verifier(mooring_spi::Error),
    Packet(PacketError),
}

impl AuthError {
    /// Whether the client may have tried a password. One that leaves in the middle has learnt
    /// whether its guess was right: the fast path told it.
    pub(crate) fn is_guess(&self) -> bool {
        match self {
            Self::Denied { .. } | Self::Packet(_) => true,
            Self::UnsupportedClient | Self::Verifier(_) => false,
        }
    }
}

impl From<PacketError> for AuthError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}
