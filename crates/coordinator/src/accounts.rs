//! Who may connect: the users of the state store and, in the laptop cluster only, `root` without a
//! password from the same machine.
//!
//! The laptop's `'root'@'localhost'` is not stored. It is there as long as no stored account of
//! that name admits a client from loopback, and it is stored with the first change to it, such as
//! a password; from then on the stored one counts.

mod change;
mod credential;
mod host_pattern;

pub use change::{NewCredential, UserChange};
pub(crate) use change::{
    alter, create, drop_users, failed, folded, grant, no_grant, rename, revoke, set_password,
};
pub use credential::{Hashed, Password, hashed_elsewhere, plugin_named};
pub use host_pattern::{HostPattern, LOCALHOST};

use crate::mysql::{Account, Accounts, AuthPlugin, Credential, TlsRequirement};
use async_trait::async_trait;
use credential::native_digest;
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::{State, StoredUser, TlsRequired, UserId, Users};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

/// The user that a laptop cluster has from the start.
pub const LAPTOP_USER: &str = "root";

pub struct StoredAccounts {
    state: State,
    laptop: bool,
    changes: AtomicU64,
}

impl StoredAccounts {
    /// `laptop`: whether [`LAPTOP_USER`] may connect from loopback without a password.
    pub fn new(state: State, laptop: bool) -> Self {
        Self { state, laptop, changes: AtomicU64::new(0) }
    }

    /// All users by name and host, the laptop's `root` included.
    pub async fn users(&self) -> Result<Vec<StoredUser>> {
        let stored = self.state.users().await?;
        let mut users: Users = stored.into_iter().map(|user| (user.id(), user)).collect();
        self.add_laptop_root(&mut users);
        Ok(users.into_values().collect())
    }

    /// Changes users as one.
    ///
    /// # Errors
    /// That of `change`; `UserOperationFailed` when no administrator would be left.
    pub async fn change<T: Send>(
        &self,
        operation: &str,
        change: impl Fn(&mut Users) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        let changed = self
            .state
            .change_users(|users| {
                let laptop_root = self.add_laptop_root(users);
                let before = users.clone();
                let done = change(users)?;
                if self.laptop {
                    change::keeps_laptop_root(operation, &before, users)?;
                }
                // What nobody changed stays unsaid: another role over this store must not find
                // an administrator without a password.
                if let Some(root) = laptop_root
                    && users.get(&root.id()) == Some(&root)
                {
                    users.remove(&root.id());
                }
                let mut effective = users.clone();
                self.add_laptop_root(&mut effective);
                change::keeps_an_administrator(operation, &before, &effective)?;
                Ok(done)
            })
            .await;
        // Also after an error: a commit whose answer was lost is one.
        self.changes.fetch_add(1, Ordering::AcqRel);
        changed
    }

    /// Adds the laptop's `root` unless it is stored; returns it when it was added.
    fn add_laptop_root(&self, users: &mut Users) -> Option<StoredUser> {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let named = users.values().filter(|user| user.name == LAPTOP_USER);
        if !self.laptop || most_specific(named, loopback).is_some() {
            return None;
        }
        let root = laptop_root();
        users.insert(root.id(), root.clone());
        Some(root)
    }
}

#[async_trait]
impl Accounts for StoredAccounts {
    async fn find(&self, user: &str, address: IpAddr) -> Result<Option<Account>> {
        let stored = self.state.users_named(user).await?;
        if let Some(found) = most_specific(stored.iter(), address) {
            return stored_account(found.clone()).map(Some);
        }
        let laptop = self.laptop && user == LAPTOP_USER && address.to_canonical().is_loopback();
        laptop.then(|| stored_account(laptop_root())).transpose()
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

/// Of accounts of one name, the one as which a client from `address` connects. A host that cannot
/// be read admits nobody.
fn most_specific<'a>(
    users: impl Iterator<Item = &'a StoredUser>,
    address: IpAddr,
) -> Option<&'a StoredUser> {
    users
        .filter_map(|user| HostPattern::parse(&user.host).ok().map(|host| (host, user)))
        .filter(|(host, _)| host.admits(address))
        .min_by(|(one, _), (other, _)| one.by_specificity(other))
        .map(|(_, user)| user)
}

fn laptop_root() -> StoredUser {
    let id = UserId::new(LAPTOP_USER, LOCALHOST);
    StoredUser {
        administrator: true,
        created_ms: None,
        password_changed_ms: None,
        ..StoredUser::new(id, AuthPlugin::DEFAULT.name())
    }
}

fn stored_account(stored: StoredUser) -> Result<Account> {
    let unreadable = || {
        Error::new(
            ErrorKind::StateUnusable,
            format!("the stored credential of user `{}` is unreadable", stored.name),
        )
    };
    let plugin = plugin_named(&stored.plugin).map_err(|_| unreadable())?;
    let credential = match (plugin, stored.credential.as_str()) {
        (AuthPlugin::Jwt, _) => Credential::Token,
        (_, "") => Credential::NoPassword,
        (AuthPlugin::CachingSha2Password, digest) => Credential::CachingSha2(digest.to_string()),
        (AuthPlugin::NativePassword, digest) => {
            Credential::Native(native_digest(digest).ok_or_else(unreadable)?)
        }
    };
    Ok(Account {
        user: stored.name,
        host: stored.host,
        administrator: stored.administrator,
        locked: stored.locked,
        plugin,
        credential,
        tls: match stored.tls {
            TlsRequired::Nothing => TlsRequirement::None,
            TlsRequired::Ssl => TlsRequirement::Ssl,
            TlsRequired::X509 => TlsRequirement::X509,
            TlsRequired::Subject { subject, issuer } => TlsRequirement::Subject { subject, issuer },
        },
    })
}

/// A user as `mooring user add` stores it.
///
/// # Errors
/// `InvalidArgument` for a name, host or password that cannot be.
pub fn new_user(
    id: UserId,
    password: &Password,
    plugin: AuthPlugin,
    administrator: bool,
) -> Result<StoredUser> {
    let mut user = StoredUser::new(checked_id(&id)?, plugin.name());
    user.credential = Hashed::of(password)?.credential(plugin)?.to_owned();
    user.administrator = administrator;
    Ok(user)
}

/// MySQL's limit of a user's name, in characters.
const NAME_CHARACTERS_MAX: usize = 32;

/// The account in its stored form.
///
/// # Errors
/// `InvalidArgument` for a name or a host that no account can have.
pub fn checked_id(id: &UserId) -> Result<UserId> {
    let invalid = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
    if id.name.is_empty() {
        return invalid("anonymous users are not supported; give the user a name".to_owned());
    }
    if id.name.chars().count() > NAME_CHARACTERS_MAX {
        return invalid(format!(
            "user name `{}` is longer than {NAME_CHARACTERS_MAX} characters",
            id.name
        ));
    }
    let host = HostPattern::parse(&id.host)?;
    Ok(UserId::new(&id.name, host.as_str()))
}

#[cfg(test)]
#[path = "accounts/tests.rs"]
mod tests;
