//! What the statements about users do to the set of all users. Pure: the set is read before and
//! written after, as one.
//!
//! As in MySQL 8.0, a statement over several users does all of them or none; its error names
//! every one that it failed for.

use super::credential::{Hashed, Password, hashed_elsewhere, plugin_named};
use super::{LAPTOP_USER, LOCALHOST, checked_id};
use crate::mysql::AuthPlugin;
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::{StoredUser, TlsRequired, UserId, Users};

/// What becomes of one user's authentication.
#[derive(Clone)]
pub enum NewCredential {
    /// A password, for the named plugin or the one that the user has.
    Password { plugin: Option<AuthPlugin>, hashed: Hashed },
    /// Hashed elsewhere and checked.
    Stored { plugin: AuthPlugin, credential: String },
}

impl NewCredential {
    /// # Errors
    /// `PluginNotFound`, `InvalidArgument` for a wrong form.
    pub fn hashed_elsewhere(plugin: &str, hash: &Password) -> Result<Self> {
        let plugin = plugin_named(plugin)?;
        Ok(Self::Stored { plugin, credential: hashed_elsewhere(plugin, hash.as_str())? })
    }

    fn apply(&self, user: &mut StoredUser) -> Result<()> {
        match self {
            Self::Password { plugin, hashed } => {
                let plugin = match plugin {
                    Some(plugin) => *plugin,
                    None => plugin_named(&user.plugin)?,
                };
                user.set_credential(plugin.name(), hashed.credential(plugin)?.to_owned());
            }
            Self::Stored { plugin, credential } => {
                user.set_credential(plugin.name(), credential.clone());
            }
        }
        Ok(())
    }
}

/// One user of CREATE USER or ALTER USER. What is `None` stays as it is.
#[derive(Clone)]
pub struct UserChange {
    pub id: UserId,
    pub credential: Option<NewCredential>,
    pub tls: Option<TlsRequired>,
    pub locked: Option<bool>,
}

impl UserChange {
    fn apply(&self, user: &mut StoredUser) -> Result<()> {
        if let Some(credential) = &self.credential {
            credential.apply(user)?;
        }
        if let Some(tls) = &self.tls {
            user.tls = tls.clone();
        }
        if let Some(locked) = self.locked {
            user.locked = locked;
        }
        Ok(())
    }
}

/// Creates users; returns those that were there before, which is an error unless `lenient`.
pub(crate) fn create(
    users: &mut Users,
    changes: &[UserChange],
    lenient: bool,
) -> Result<Vec<UserId>> {
    let mut there = Vec::new();
    for change in changes {
        let id = checked_id(&change.id)?;
        if users.contains_key(&id) {
            there.push(id);
            continue;
        }
        let mut user = StoredUser::new(id.clone(), AuthPlugin::DEFAULT.name());
        change.apply(&mut user)?;
        users.insert(id, user);
    }
    lenient_or_failed("CREATE USER", there, lenient)
}

/// Alters users; returns those that are not there, which is an error unless `lenient`.
pub(crate) fn alter(
    users: &mut Users,
    changes: &[UserChange],
    lenient: bool,
) -> Result<Vec<UserId>> {
    let mut missing = Vec::new();
    for change in changes {
        match users.get_mut(&folded(&change.id)) {
            Some(user) => change.apply(user)?,
            None => missing.push(change.id.clone()),
        }
    }
    lenient_or_failed("ALTER USER", missing, lenient)
}

/// Drops users; returns those that are not there, which is an error unless `lenient`.
pub(crate) fn drop_users(users: &mut Users, ids: &[UserId], lenient: bool) -> Result<Vec<UserId>> {
    let gone = |id: &&UserId| users.remove(&folded(id)).is_none();
    let missing = ids.iter().filter(gone).cloned().collect();
    lenient_or_failed("DROP USER", missing, lenient)
}

/// Renames users one after the other; what they are and may stays.
pub(crate) fn rename(users: &mut Users, pairs: &[(UserId, UserId)]) -> Result<()> {
    let mut failed = Vec::new();
    for (from, to) in pairs {
        let to = checked_id(to)?;
        if users.contains_key(&to) {
            failed.push(from.clone());
            continue;
        }
        match users.remove(&folded(from)) {
            Some(user) => {
                let renamed = StoredUser { name: to.name.clone(), host: to.host.clone(), ..user };
                users.insert(to, renamed);
            }
            None => failed.push(from.clone()),
        }
    }
    lenient_or_failed("RENAME USER", failed, false).map(drop)
}

/// SET PASSWORD.
pub(crate) fn set_password(users: &mut Users, id: &UserId, hashed: &Hashed) -> Result<()> {
    let credential = NewCredential::Password { plugin: None, hashed: hashed.clone() };
    credential.apply(found(users, id)?)
}

/// GRANT of what makes an administrator (`true`), or of what every user has.
pub(crate) fn grant(users: &mut Users, ids: &[UserId], administrator: bool) -> Result<()> {
    for id in ids {
        let user = found(users, id)?;
        user.administrator |= administrator;
    }
    Ok(())
}

/// REVOKE of what makes an administrator.
pub(crate) fn revoke(users: &mut Users, ids: &[UserId]) -> Result<()> {
    for id in ids {
        let user = users.get_mut(&folded(id)).ok_or_else(|| no_grant(id))?;
        user.administrator = false;
    }
    Ok(())
}

/// That there are no grants because there is no such user.
pub(crate) fn no_grant(id: &UserId) -> Error {
    Error::new(
        ErrorKind::GrantNotFound,
        format!("there is no such grant defined for user '{}' on host '{}'", id.name, id.host),
    )
}

fn found<'a>(users: &'a mut Users, id: &UserId) -> Result<&'a mut StoredUser> {
    users
        .get_mut(&folded(id))
        .ok_or_else(|| Error::new(ErrorKind::UserNotFound, format!("there is no user {id}")))
}

/// As it would be stored, when it could be.
pub(crate) fn folded(id: &UserId) -> UserId {
    checked_id(id).unwrap_or_else(|_| id.clone())
}

fn lenient_or_failed(operation: &str, ids: Vec<UserId>, lenient: bool) -> Result<Vec<UserId>> {
    match ids.is_empty() || lenient {
        true => Ok(ids),
        false => Err(failed(operation, ids.iter(), "")),
    }
}

/// MySQL's ER_CANNOT_USER; clients look for its words.
pub(crate) fn failed<'a>(
    operation: &str,
    ids: impl Iterator<Item = &'a UserId>,
    why: &str,
) -> Error {
    let names: Vec<String> = ids.map(UserId::to_string).collect();
    Error::new(
        ErrorKind::UserOperationFailed,
        format!("operation {operation} failed for {}{why}", names.join(",")),
    )
}

fn administers(user: &StoredUser) -> bool {
    user.administrator && !user.locked
}

/// Where there was an administrator who may connect, there is one after the change.
pub(super) fn keeps_an_administrator(operation: &str, before: &Users, after: &Users) -> Result<()> {
    let mut last = before.values().filter(|user| administers(user)).map(StoredUser::id).peekable();
    if last.peek().is_none() || after.values().any(administers) {
        return Ok(());
    }
    let ids: Vec<UserId> = last.collect();
    Err(failed(operation, ids.iter(), ": no administrator would be left; make another one first"))
}

/// The laptop's `root` stays an administrator who may connect. (Without it, the next start would
/// make one without a password again.)
pub(super) fn keeps_laptop_root(operation: &str, before: &Users, after: &Users) -> Result<()> {
    let id = UserId::new(LAPTOP_USER, LOCALHOST);
    let kept = after.get(&id).is_some_and(administers);
    if kept || !before.get(&id).is_some_and(administers) {
        return Ok(());
    }
    let why = ": the laptop cluster always has it as an administrator; a password protects it";
    Err(failed(operation, std::iter::once(&id), why))
}
