//! Who may connect: the users of the state store and, in the laptop cluster only, `root` without a
//! password from the same machine.

use crate::mysql::{Account, Accounts, AuthPlugin, Credential, TlsRequirement};
use async_trait::async_trait;
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::{ANY_HOST, State, StoredUser};
use std::net::IpAddr;

/// The user that a laptop cluster has from the start.
pub const LAPTOP_USER: &str = "root";

pub struct StoredAccounts {
    state: State,
    laptop: bool,
}

impl StoredAccounts {
    /// `laptop`: whether [`LAPTOP_USER`] may connect from loopback without a password.
    pub fn new(state: State, laptop: bool) -> Self {
        Self { state, laptop }
    }
}

#[async_trait]
impl Accounts for StoredAccounts {
    async fn find(&self, user: &str, address: IpAddr) -> Result<Option<Account>> {
        if let Some(stored) = self.state.user(user).await? {
            // Host patterns are not matched yet; until then any but `%` lets nobody in.
            return match stored.host == ANY_HOST {
                true => stored_account(stored).map(Some),
                false => Ok(None),
            };
        }
        let laptop = self.laptop && user == LAPTOP_USER && address.to_canonical().is_loopback();
        Ok(laptop.then(|| Account {
            user: user.to_string(),
            administrator: true,
            plugin: AuthPlugin::DEFAULT,
            credential: Credential::NoPassword,
            tls: TlsRequirement::None,
        }))
    }
}

fn stored_account(stored: StoredUser) -> Result<Account> {
    let unreadable = || {
        Error::new(
            ErrorKind::StateUnusable,
            format!("the stored credential of user `{}` is unreadable", stored.name),
        )
    };
    let plugin = [AuthPlugin::CachingSha2Password, AuthPlugin::NativePassword]
        .into_iter()
        .find(|plugin| plugin.name() == stored.plugin)
        .ok_or_else(unreadable)?;
    let credential = match (plugin, stored.credential.as_str()) {
        (_, "") => Credential::NoPassword,
        (AuthPlugin::CachingSha2Password, digest) => Credential::CachingSha2(digest.to_string()),
        (AuthPlugin::NativePassword, digest) => {
            Credential::Native(native_digest(digest).ok_or_else(unreadable)?)
        }
    };
    Ok(Account {
        user: stored.name,
        administrator: stored.administrator,
        plugin,
        credential,
        tls: TlsRequirement::None,
    })
}

/// MySQL's `*` and 40 hexadecimal digits.
fn native_digest(text: &str) -> Option<[u8; 20]> {
    let digits = text.strip_prefix('*').filter(|digits| digits.len() == 40)?;
    let mut digest = [0; 20];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// A user as `mooring user add` stores it, from any host.
pub fn new_user(name: &str, password: &str, plugin: AuthPlugin, administrator: bool) -> StoredUser {
    let credential = match (password, plugin) {
        ("", _) => String::new(),
        (password, AuthPlugin::CachingSha2Password) => {
            crate::mysql::caching_sha2_credential(password)
        }
        (password, AuthPlugin::NativePassword) => {
            let digest = crate::mysql::native_credential(password);
            digest.iter().fold("*".to_string(), |text, byte| format!("{text}{byte:02X}"))
        }
    };
    StoredUser {
        name: name.to_string(),
        host: ANY_HOST.to_string(),
        plugin: plugin.name().to_string(),
        credential,
        administrator,
    }
}
