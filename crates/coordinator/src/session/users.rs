//! Statements about users: who may give them, and their answers. What they do to the set of users
//! is in [`crate::accounts`].
//!
//! As in MySQL, running sessions go on as they are: a dropped or changed user meets the change at
//! the next login.

use super::{Completion, Response, ResultSet, Session};
use crate::accounts::{
    self, Hashed, NewCredential, Password, UserChange, failed, folded, plugin_named,
};
use crate::statement::{Identified, UserDefinition, UserOptions, UserRef, UserStatement, Warning};
use mooring_spi::{Error, ErrorKind, Result, quote};
use mooring_state::{StoredUser, TlsRequired, UserId, Users};

/// ER_USER_DOES_NOT_EXIST and ER_USER_ALREADY_EXISTS, MySQL 8.0 Error Message Reference.
const NOTE_MISSING: u16 = 3162;
const NOTE_EXISTS: u16 = 3163;

impl Session {
    pub(super) async fn about_users(&mut self, statement: UserStatement) -> Result<Response> {
        let done = Ok(Response::Done(Completion::default()));
        match statement {
            UserStatement::Create { users, if_not_exists, options } => {
                self.must_manage_users("CREATE USER")?;
                let changes = self.changes(users, &options).await?;
                let create = |users: &mut Users| accounts::create(users, &changes, if_not_exists);
                let there = self.hub.accounts().change("CREATE USER", create).await?;
                Ok(self.noted(&there, NOTE_EXISTS, "already exists"))
            }
            UserStatement::Alter { users, if_exists, options } => {
                self.may_alter(&users, &options)?;
                let changes = self.changes(users, &options).await?;
                let alter = |users: &mut Users| accounts::alter(users, &changes, if_exists);
                let missing = self.hub.accounts().change("ALTER USER", alter).await?;
                Ok(self.noted(&missing, NOTE_MISSING, "does not exist"))
            }
            UserStatement::Drop { users, if_exists } => {
                self.must_manage_users("DROP USER")?;
                let ids = self.ids(&users);
                let drop = |users: &mut Users| accounts::drop_users(users, &ids, if_exists);
                let missing = self.hub.accounts().change("DROP USER", drop).await?;
                Ok(self.noted(&missing, NOTE_MISSING, "does not exist"))
            }
            UserStatement::Rename { pairs } => {
                self.must_manage_users("RENAME USER")?;
                let pairs: Vec<(UserId, UserId)> =
                    pairs.iter().map(|(from, to)| (self.id(from), self.id(to))).collect();
                let rename = |users: &mut Users| accounts::rename(users, &pairs);
                self.hub.accounts().change("RENAME USER", rename).await?;
                done
            }
            UserStatement::SetPassword { user, password } => {
                let id = self.id(&user);
                if !self.is_own(&id) {
                    self.must_manage_users("SET PASSWORD of another user")?;
                }
                let hashed = hashed(password).await?;
                let set = |users: &mut Users| accounts::set_password(users, &id, &hashed);
                self.hub.accounts().change("SET PASSWORD", set).await?;
                done
            }
            UserStatement::Grant { users, administrator } => {
                self.must_manage_users("GRANT")?;
                let ids = self.ids(&users);
                let grant = |users: &mut Users| accounts::grant(users, &ids, administrator);
                self.hub.accounts().change("GRANT", grant).await?;
                done
            }
            UserStatement::Revoke { users } => {
                self.must_manage_users("REVOKE")?;
                let ids = self.ids(&users);
                let revoke = |users: &mut Users| accounts::revoke(users, &ids);
                self.hub.accounts().change("REVOKE", revoke).await?;
                done
            }
            UserStatement::ShowGrants { user } => {
                let id = self.id(&user);
                self.may_see(&id, "SHOW GRANTS")?;
                let found = self.user(&id).await?.ok_or_else(|| accounts::no_grant(&id))?;
                let label = format!("Grants for {}@{}", found.name, found.host);
                ResultSet::of_lines(&label, &grants_of(&found)).map(Response::Rows)
            }
            UserStatement::ShowCreate { user } => {
                let id = self.id(&user);
                self.may_see(&id, "SHOW CREATE USER")?;
                let missing = || failed("SHOW CREATE USER", std::iter::once(&id), "");
                let found = self.user(&id).await?.ok_or_else(missing)?;
                let label = format!("CREATE USER for {}@{}", found.name, found.host);
                ResultSet::of_lines(&label, &definition_of(&found)).map(Response::Rows)
            }
        }
    }

    /// The account as which the session was let in.
    fn own_id(&self) -> UserId {
        UserId::new(&self.client.user, &self.client.account_host)
    }

    fn id(&self, user: &UserRef) -> UserId {
        match user {
            UserRef::Current => self.own_id(),
            UserRef::Named(id) => id.clone(),
        }
    }

    fn ids(&self, users: &[UserRef]) -> Vec<UserId> {
        users.iter().map(|user| self.id(user)).collect()
    }

    fn is_own(&self, id: &UserId) -> bool {
        folded(id) == self.own_id()
    }

    fn must_manage_users(&self, statement: &str) -> Result<()> {
        match self.client.administrator {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::AccessDenied,
                format!(
                    "access denied; user `{}` is no administrator, and {statement} takes one",
                    self.client.user
                ),
            )),
        }
    }

    /// Every user may change its own password, and nothing else of it.
    fn may_alter(&self, users: &[UserDefinition], options: &UserOptions) -> Result<()> {
        let own_password = *options == UserOptions::default()
            && users.iter().all(|defined| {
                let password = match &defined.identified {
                    Some(Identified::By { plugin: None, .. }) => true,
                    Some(
                        Identified::By { plugin: Some(_), .. }
                        | Identified::As { .. }
                        | Identified::With { .. },
                    )
                    | None => false,
                };
                password && self.is_own(&self.id(&defined.user))
            });
        if own_password { Ok(()) } else { self.must_manage_users("ALTER USER") }
    }

    fn may_see(&self, id: &UserId, statement: &str) -> Result<()> {
        if self.is_own(id) {
            return Ok(());
        }
        self.must_manage_users(&format!("{statement} of another user"))
    }

    async fn user(&self, id: &UserId) -> Result<Option<StoredUser>> {
        let users = self.hub.accounts().users().await?;
        let id = folded(id);
        Ok(users.into_iter().find(|user| user.id() == id))
    }

    async fn changes(
        &self,
        users: Vec<UserDefinition>,
        options: &UserOptions,
    ) -> Result<Vec<UserChange>> {
        let mut changes = Vec::with_capacity(users.len());
        for UserDefinition { user, identified } in users {
            let credential = match identified {
                Some(identified) => Some(new_credential(identified).await?),
                None => None,
            };
            changes.push(UserChange {
                id: self.id(&user),
                credential,
                tls: options.tls.clone(),
                locked: options.locked,
            });
        }
        Ok(changes)
    }

    /// What IF [NOT] EXISTS passed over, as notes for SHOW WARNINGS.
    fn noted(&mut self, ids: &[UserId], code: u16, what: &str) -> Response {
        for id in ids {
            let message = format!("authorization id {id} {what}");
            self.warnings.push(Warning { level: "Note", code, message });
        }
        let warnings = u16::try_from(ids.len()).unwrap_or(u16::MAX);
        Response::Done(Completion { warnings, ..Completion::default() })
    }
}

async fn new_credential(identified: Identified) -> Result<NewCredential> {
    match identified {
        Identified::By { plugin, password } => {
            let plugin = plugin.map(|name| plugin_named(&name)).transpose()?;
            Ok(NewCredential::Password { plugin, hashed: hashed(password).await? })
        }
        Identified::As { plugin, hash } => NewCredential::hashed_elsewhere(&plugin, &hash),
        Identified::With { plugin } => NewCredential::hashed_elsewhere(&plugin, &Password::new("")),
    }
}

/// Hashing takes milliseconds of computing, by design.
async fn hashed(password: Password) -> Result<Hashed> {
    let hashing = tokio::task::spawn_blocking(move || Hashed::of(&password));
    hashing.await.map_err(|error| Error::internal("a password was not hashed").with_cause(error))?
}

fn quoted(user: &StoredUser) -> String {
    format!("{}@{}", quote(&user.name), quote(&user.host))
}

/// One statement that gives the user what it has.
fn grants_of(user: &StoredUser) -> String {
    let account = quoted(user);
    match user.administrator {
        true => format!("GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION"),
        false => format!("GRANT SELECT, SHOW DATABASES ON *.* TO {account}"),
    }
}

/// The statement that makes the user as it is, but for its grants.
fn definition_of(user: &StoredUser) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    let mut statement =
        format!("CREATE USER {} IDENTIFIED WITH {}", quoted(user), text(&user.plugin));
    if !user.credential.is_empty() {
        statement.push_str(&format!(" AS {}", text(&user.credential)));
    }
    let required = match &user.tls {
        TlsRequired::Nothing => "NONE".to_owned(),
        TlsRequired::Ssl => "SSL".to_owned(),
        TlsRequired::X509 => "X509".to_owned(),
        TlsRequired::Subject { subject, issuer: None } => format!("SUBJECT {}", text(subject)),
        TlsRequired::Subject { subject, issuer: Some(issuer) } => {
            format!("SUBJECT {} ISSUER {}", text(subject), text(issuer))
        }
    };
    let account = if user.locked { "LOCK" } else { "UNLOCK" };
    format!("{statement} REQUIRE {required} ACCOUNT {account}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Statement, parse};

    /// What SHOW CREATE USER answers is a statement that makes the same user.
    #[test]
    fn a_definition_is_read_back() {
        let mut user = StoredUser::new(UserId::new("O'Hara `x`", "10.%"), "caching_sha2_password");
        user.credential = format!("$A$005${}{}", r"\'34567890123456789", "x".repeat(43));
        user.locked = true;
        user.tls = TlsRequired::Subject { subject: "/CN=a'b".to_owned(), issuer: None };
        let statement = parse(&definition_of(&user)).expect("a statement");
        let Statement::Users(statement) = statement else { panic!("{statement:?}") };
        let expected = UserStatement::Create {
            users: vec![UserDefinition {
                user: UserRef::Named(user.id()),
                identified: Some(Identified::As {
                    plugin: user.plugin.clone(),
                    hash: Password::new(user.credential.clone()),
                }),
            }],
            if_not_exists: false,
            options: UserOptions { tls: Some(user.tls.clone()), locked: Some(true) },
        };
        assert_eq!(*statement, expected);
        parse(&grants_of(&user)).expect("a statement");
    }
}
