//! What an unknown user meets: the exchange of an account that nobody has.
//!
//! MySQL (since 8.0.22, `decoy_user` in `sql/auth/sql_authentication.cc`) draws a plugin for each
//! unknown name and remembers it until it restarts. Here the plugin follows from the name under a
//! key of the cluster: it is the same on every coordinator and after every restart, needs no
//! memory that strangers fill, and cannot be computed by who does not know the key. So neither
//! plugin tells whether a user exists. What the account demands of TLS is checked after the
//! password, and so tells nothing either.

use super::{Account, AuthPlugin, Credential, TlsRequirement, caching_sha2_credential};
use crate::mysql::handshake::nonce;
use crate::mysql::hex::put_hex;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// One unknown name in so many looks like an account of the old plugin: such are few.
const NATIVE_EVERY: u8 = 8;

/// Accounts that nobody has.
#[derive(Debug)]
pub(super) struct UnknownUsers {
    key: [u8; 32],
    caching_sha2: Account,
    native: Account,
}

impl UnknownUsers {
    /// Takes milliseconds of computing.
    pub(super) fn new(key: [u8; 32]) -> Self {
        let mut password = Vec::new();
        put_hex(&mut password, &nonce());
        let mut digest = [0; 20];
        rand::thread_rng().fill_bytes(&mut digest);
        let account = |plugin, credential| Account {
            user: String::new(),
            host: String::new(),
            locked: false,
            administrator: false,
            plugin,
            credential,
            tls: TlsRequirement::None,
        };
        let credential = caching_sha2_credential(&String::from_utf8_lossy(&password));
        Self {
            key,
            caching_sha2: account(
                AuthPlugin::CachingSha2Password,
                Credential::CachingSha2(credential),
            ),
            native: account(AuthPlugin::NativePassword, Credential::Native(digest)),
        }
    }

    /// The account against which `user` is checked; nobody may be let in by it.
    pub(super) fn account(&self, user: &str) -> &Account {
        // Of fixed length in front, the key cannot be confused with the name.
        let digest = Sha256::new().chain_update(self.key).chain_update(user).finalize();
        match digest[0] % NATIVE_EVERY {
            0 => &self.native,
            _ => &self.caching_sha2,
        }
    }

    /// A stored form that no password is behind, for an account that has none.
    pub(super) fn caching_sha2(&self) -> &Account {
        &self.caching_sha2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_plugin_and_the_key_decides_which() {
        let (one, same, other) =
            (UnknownUsers::new([1; 32]), UnknownUsers::new([1; 32]), UnknownUsers::new([2; 32]));
        let names: Vec<String> = (0..400).map(|number| format!("user{number}")).collect();
        let plugins = |users: &UnknownUsers| -> Vec<AuthPlugin> {
            names.iter().map(|name| users.account(name).plugin).collect()
        };
        assert_eq!(plugins(&one), plugins(&same));
        assert_ne!(plugins(&one), plugins(&other));
        let native =
            plugins(&one).into_iter().filter(|plugin| *plugin == AuthPlugin::NativePassword);
        let native = native.count();
        assert!((20..=90).contains(&native), "{native} of 400");
    }
}
