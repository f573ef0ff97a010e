//! Statements about users: CREATE, ALTER, DROP and RENAME USER, SET PASSWORD, GRANT, REVOKE, SHOW
//! GRANTS and SHOW CREATE USER (MySQL 8.0 reference manual, section 15.7.1 and 15.7.7).
//!
//! A clause that Mooring does not do is refused by its name, never passed over.

mod account;
mod definition;
mod grants;

pub(super) use definition::{alter_user, create_user, drop_user, rename_user, set_password};
pub(super) use grants::{grant, revoke, show_create_user, show_grants};

use crate::accounts::Password;
use mooring_state::{TlsRequired, UserId};

/// Which account a statement means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// `USER()`, `CURRENT_USER`, `CURRENT_USER()`, or nobody named.
    Current,
    Named(UserId),
}

/// One statement about users.
#[derive(Debug, Clone, PartialEq)]
pub enum UserStatement {
    Create {
        users: Vec<UserDefinition>,
        if_not_exists: bool,
        options: UserOptions,
    },
    Alter {
        users: Vec<UserDefinition>,
        if_exists: bool,
        options: UserOptions,
    },
    Drop {
        users: Vec<UserRef>,
        if_exists: bool,
    },
    Rename {
        pairs: Vec<(UserRef, UserRef)>,
    },
    SetPassword {
        user: UserRef,
        password: Password,
    },
    /// `administrator`: of all privileges; else of what every user has.
    Grant {
        users: Vec<UserRef>,
        administrator: bool,
    },
    /// Of all privileges.
    Revoke {
        users: Vec<UserRef>,
    },
    ShowGrants {
        user: UserRef,
    },
    ShowCreate {
        user: UserRef,
    },
}

/// A user of CREATE USER or ALTER USER.
#[derive(Debug, Clone, PartialEq)]
pub struct UserDefinition {
    pub user: UserRef,
    pub identified: Option<Identified>,
}

/// `IDENTIFIED ...`.
#[derive(Debug, Clone, PartialEq)]
pub enum Identified {
    /// `BY 'password'`, with a plugin or without.
    By { plugin: Option<String>, password: Password },
    /// `WITH plugin AS 'hash'`.
    As { plugin: String, hash: Password },
    /// `WITH plugin`: no password.
    With { plugin: String },
}

/// What follows the users and holds for all of them. What is `None` was not said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserOptions {
    pub tls: Option<TlsRequired>,
    pub locked: Option<bool>,
}

#[cfg(test)]
#[path = "users/tests.rs"]
mod tests;
