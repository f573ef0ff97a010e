//! `mooring user`: users in the state store, before and beside a running coordinator.

use crate::cli::{AuthenticationPlugin, PasswordSource, UserAdd, UserName, UserPassword};
use crate::config::Config;
use crate::roles::open_state;
use crate::{Failure, print};
use mooring_coordinator::accounts::{Hashed, HostPattern, Password, new_user, plugin_named};
use mooring_coordinator::mysql::AuthPlugin;
use mooring_spi::{Error, ErrorKind};
use mooring_state::{ANY_HOST, StoredUser, UserId, Users};
use std::future::Future;

pub(crate) fn add(config: &Config, add: &UserAdd) -> Result<(), Failure> {
    let plugin = match add.plugin {
        AuthenticationPlugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
        AuthenticationPlugin::MysqlNativePassword => AuthPlugin::NativePassword,
    };
    let id = UserId::new(&add.name, &add.host);
    let user = new_user(id, &read_password(add.password())?, plugin, add.admin)?;
    change(config, |users| {
        if users.contains_key(&user.id()) {
            return Err(invalid(format!(
                "user {} exists; `mooring user password` gives it another password, `mooring \
                 user remove` removes it",
                user.id()
            )));
        }
        users.insert(user.id(), user.clone());
        Ok(())
    })?;
    let from = match user.host.as_str() {
        ANY_HOST => "any host".to_owned(),
        host => format!("`{host}`"),
    };
    Ok(print(&format!("user `{}` can connect from {from}\n", add.name))?)
}

pub(crate) fn list(config: &Config) -> Result<(), Failure> {
    let users = block_on(async { open_state(config).await?.users().await })?;
    let mut lines = String::new();
    for user in users {
        let role = if user.administrator { "administrator" } else { "reader" };
        let locked = if user.locked { ", locked" } else { "" };
        lines.push_str(&format!("{}@{}\t{}\t{role}{locked}\n", user.name, user.host, user.plugin));
    }
    Ok(print(&lines)?)
}

pub(crate) fn remove(config: &Config, name: &UserName) -> Result<(), Failure> {
    let id = change(config, |users| {
        let id = the_user(users, name)?.id();
        users.remove(&id);
        Ok(id)
    })?;
    Ok(print(&format!("user {id} is gone\n"))?)
}

pub(crate) fn password(config: &Config, password: &UserPassword) -> Result<(), Failure> {
    let hashed = Hashed::of(&read_password(password.password())?)?;
    let id = change(config, |users| {
        let user = the_user(users, &password.user)?;
        let plugin = plugin_named(&user.plugin)?;
        user.set_credential(plugin.name(), hashed.credential(plugin)?.to_owned());
        Ok(user.id())
    })?;
    Ok(print(&format!("user {id} has the new password\n"))?)
}

/// The user of this name and host, or the only one of this name.
fn the_user<'a>(users: &'a mut Users, name: &UserName) -> mooring_spi::Result<&'a mut StoredUser> {
    let host = match &name.host {
        Some(host) => Some(HostPattern::parse(host)?.as_str().to_owned()),
        None => None,
    };
    let is_meant =
        |id: &UserId| id.name == name.name && host.as_ref().is_none_or(|host| *host == id.host);
    let meant: Vec<UserId> = users.keys().filter(|id| is_meant(id)).cloned().collect();
    match meant.as_slice() {
        [id] => users.get_mut(id).ok_or_else(|| Error::internal("a user went away")),
        [] => Err(invalid(match &host {
            Some(host) => {
                format!(
                    "there is no user {}; see `mooring user list`",
                    UserId::new(&name.name, host)
                )
            }
            None => format!("there is no user `{}`; see `mooring user list`", name.name),
        })),
        several => {
            let hosts: Vec<String> = several.iter().map(|id| format!("`{}`", id.host)).collect();
            Err(invalid(format!(
                "user `{}` is there several times; add `--host` with one of {}",
                name.name,
                hosts.join(", ")
            )))
        }
    }
}

fn change<T: Send>(
    config: &Config,
    change: impl Fn(&mut Users) -> mooring_spi::Result<T> + Send + Sync,
) -> Result<T, Failure> {
    block_on(async {
        let state = open_state(config).await?;
        let changed = state.change_users(change).await;
        state.close().await;
        changed
    })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn read_password(source: PasswordSource<'_>) -> Result<Password, Failure> {
    Ok(Password::new(match source {
        PasswordSource::NoPassword => String::new(),
        PasswordSource::Environment(name) => std::env::var(name)
            .map_err(|_| format!("`--password-env`: the environment has no `{name}`"))?,
        PasswordSource::StandardInput => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            let password = line.trim_end_matches(['\r', '\n']).to_string();
            if password.is_empty() {
                return Err("`--password-stdin`: standard input has no password; use `--no-password` for a user without".into());
            }
            password
        }
    }))
}

/// Runs one of these short commands.
pub(crate) fn block_on<T>(
    work: impl Future<Output = mooring_spi::Result<T>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(work)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_name_and_where_needed_by_host() {
        let mut users: Users = [("anna", "%"), ("anna", "localhost"), ("bert", "10.%")]
            .map(|(name, host)| UserId::new(name, host))
            .map(|id| (id.clone(), StoredUser::new(id, "caching_sha2_password")))
            .into();
        let mut found = |name: &str, host: Option<&str>| {
            let name = UserName { name: name.to_owned(), host: host.map(str::to_owned) };
            the_user(&mut users, &name).map(|user| user.id().to_string())
        };
        assert_eq!(found("bert", None).expect("found"), "'bert'@'10.%'");
        assert_eq!(found("anna", Some("LOCALHOST")).expect("found"), "'anna'@'localhost'");
        for (name, host, part) in [
            ("anna", None, "`%`, `localhost`"),
            ("anna", Some("::1"), "'anna'@'::1'"),
            ("Anna", None, "`Anna`"),
        ] {
            let error = found(name, host).expect_err(name);
            assert!(error.message().contains(part), "{error}");
        }
    }
}
