//! `mooring user`: users in the state store, before and beside a running coordinator.

use crate::cli::{AuthenticationPlugin, PasswordSource, UserAdd};
use crate::config::Config;
use crate::roles::open_state;
use crate::{Failure, print};
use mooring_coordinator::accounts::new_user;
use mooring_coordinator::mysql::AuthPlugin;
use mooring_spi::{Error, ErrorKind};
use std::future::Future;

pub(crate) fn add(config: &Config, add: &UserAdd) -> Result<(), Failure> {
    let plugin = match add.plugin {
        AuthenticationPlugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
        AuthenticationPlugin::MysqlNativePassword => AuthPlugin::NativePassword,
    };
    let user = new_user(&add.name, &read_password(add)?, plugin, add.admin);
    block_on(async {
        let state = open_state(config).await?;
        if state.user(&user.name).await?.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("user `{0}` exists; `mooring user drop {0}` first", user.name),
            ));
        }
        state.put_user(&user).await?;
        state.close().await;
        Ok(())
    })?;
    Ok(print(&format!("user `{}` can connect from any host\n", add.name))?)
}

pub(crate) fn list(config: &Config) -> Result<(), Failure> {
    let users = block_on(async { open_state(config).await?.users().await })?;
    let mut lines = String::new();
    for user in users {
        let role = if user.administrator { "administrator" } else { "reader" };
        lines.push_str(&format!("{}@{}\t{}\t{role}\n", user.name, user.host, user.plugin));
    }
    Ok(print(&lines)?)
}

pub(crate) fn drop(config: &Config, name: &str) -> Result<(), Failure> {
    let dropped = block_on(async { open_state(config).await?.drop_user(name).await })?;
    match dropped {
        true => Ok(print(&format!("user `{name}` is gone\n"))?),
        false => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("there is no user `{name}`; see `mooring user list`"),
        )
        .into()),
    }
}

fn read_password(add: &UserAdd) -> Result<String, Failure> {
    Ok(match add.password() {
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
    })
}

/// Runs one of these short commands.
pub(crate) fn block_on<T>(
    work: impl Future<Output = mooring_spi::Result<T>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(work)?)
}
