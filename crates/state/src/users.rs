//! Users and what is needed to authenticate them. An account is a name, exact as in MySQL, and the
//! pattern of the hosts from which it may connect.

use crate::location::Backend;
use crate::store::{State, check_name};
use mooring_spi::{Error, ErrorKind, Result};
use sqlx::{Any, FromRow, Transaction};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The host pattern that admits a user from everywhere.
pub const ANY_HOST: &str = "%";

/// Which account it is. Sorted by name, then by host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserId {
    pub name: String,
    /// From where the user may connect, in lower case; usually [`ANY_HOST`].
    pub host: String,
}

impl UserId {
    pub fn new(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self { name: name.into(), host: host.into() }
    }
}

/// `'name'@'host'`, as MySQL writes it in its messages.
impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'@'{}'", self.name.replace('\'', "''"), self.host.replace('\'', "''"))
    }
}

/// What a connection must prove beside the password (MySQL's `REQUIRE`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TlsRequired {
    #[default]
    Nothing,
    /// TLS.
    Ssl,
    /// A client certificate that the server trusts.
    X509,
    /// Such a certificate with this subject and, where it is given, this issuer.
    Subject { subject: String, issuer: Option<String> },
}

impl TlsRequired {
    /// As in the column `mysql.user.ssl_type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Ssl => "ANY",
            Self::X509 => "X509",
            Self::Subject { .. } => "SPECIFIED",
        }
    }

    pub fn issuer(&self) -> Option<&str> {
        match self {
            Self::Subject { issuer, .. } => issuer.as_deref(),
            Self::Nothing | Self::Ssl | Self::X509 => None,
        }
    }

    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Subject { subject, .. } => Some(subject),
            Self::Nothing | Self::Ssl | Self::X509 => None,
        }
    }
}

/// A user as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredUser {
    pub name: String,
    /// From where the user may connect, in lower case; usually [`ANY_HOST`].
    pub host: String,
    /// The authentication plugin that made the credential, such as `caching_sha2_password`.
    pub plugin: String,
    /// What the plugin checks a password against; text or hex, never the password itself. Empty:
    /// there is no password.
    pub credential: String,
    pub administrator: bool,
    /// May not connect.
    pub locked: bool,
    pub tls: TlsRequired,
    /// Milliseconds since 1970 in UTC; `None` where it was not noted.
    pub created_ms: Option<i64>,
    /// Milliseconds since 1970 in UTC; `None` where it was not noted.
    pub password_changed_ms: Option<i64>,
}

impl StoredUser {
    /// A reader without a password, made now.
    pub fn new(id: UserId, plugin: &str) -> Self {
        let now = now_ms();
        Self {
            name: id.name,
            host: id.host,
            plugin: plugin.to_owned(),
            credential: String::new(),
            administrator: false,
            locked: false,
            tls: TlsRequired::Nothing,
            created_ms: Some(now),
            password_changed_ms: Some(now),
        }
    }

    pub fn id(&self) -> UserId {
        UserId::new(&self.name, &self.host)
    }

    /// Replaces the password by another one, now.
    pub fn set_credential(&mut self, plugin: &str, credential: String) {
        self.plugin = plugin.to_owned();
        self.credential = credential;
        self.password_changed_ms = Some(now_ms());
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Debug for StoredUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredUser")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("plugin", &self.plugin)
            .field("administrator", &self.administrator)
            .field("locked", &self.locked)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// All users, for a change of some of them.
pub type Users = BTreeMap<UserId, StoredUser>;

#[derive(FromRow)]
struct Row {
    name: String,
    host: String,
    plugin: String,
    credential: String,
    administrator: i64,
    locked: i64,
    tls: String,
    tls_issuer: String,
    tls_subject: String,
    created_ms: Option<i64>,
    password_changed_ms: Option<i64>,
}

const ALL: &str = "SELECT name, host, plugin, credential, administrator, locked, tls, tls_issuer, \
     tls_subject, created_ms, password_changed_ms FROM users ORDER BY name, host";
const OF_NAME: &str = "SELECT name, host, plugin, credential, administrator, locked, tls, \
     tls_issuer, tls_subject, created_ms, password_changed_ms FROM users WHERE name = $1";

impl State {
    /// The accounts of exactly this name, in no order.
    pub async fn users_named(&self, name: &str) -> Result<Vec<StoredUser>> {
        self.run(|| async {
            let rows: Vec<Row> = sqlx::query_as(OF_NAME).bind(name).fetch_all(&self.pool).await?;
            Ok(rows.into_iter().map(stored_user).collect::<Result<_>>()?)
        })
        .await
    }

    /// All users, by name and host.
    pub async fn users(&self) -> Result<Vec<StoredUser>> {
        self.run(|| async {
            let rows: Vec<Row> = sqlx::query_as(ALL).fetch_all(&self.pool).await?;
            let users: Users = by_id(rows)?;
            Ok(users.into_values().collect())
        })
        .await
    }

    /// Reads all users, lets `change` work on them, and writes what it made of them, with no
    /// other change in between, on whichever coordinator. Nothing is written when it fails.
    ///
    /// `change` may run several times: each run starts from the users as they are by then.
    ///
    /// # Errors
    /// That of `change`; `InvalidArgument` for a name that cannot be stored; `StateUnusable`.
    pub async fn change_users<T: Send>(
        &self,
        change: impl Fn(&mut Users) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        self.run(|| async {
            let mut transaction = self.begin().await?;
            self.lock_users(&mut transaction).await?;
            let rows: Vec<Row> = sqlx::query_as(ALL).fetch_all(&mut *transaction).await?;
            let before = by_id(rows)?;
            let mut after = before.clone();
            let done = change(&mut after)?;
            for id in before.keys().filter(|id| !after.contains_key(id)) {
                delete(&mut transaction, id).await?;
            }
            for (id, user) in &after {
                if before.get(id) != Some(user) {
                    check_name("user", &user.name)?;
                    check_name("host", &user.host)?;
                    put(&mut transaction, user).await?;
                }
            }
            transaction.commit().await?;
            Ok(done)
        })
        .await
    }

    /// SQLite has one lock, which `begin` took.
    async fn lock_users(
        &self,
        transaction: &mut Transaction<'static, Any>,
    ) -> Result<(), sqlx::Error> {
        match self.backend() {
            Backend::Sqlite => Ok(()),
            Backend::PostgreSql => {
                let lock = "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE";
                sqlx::query(lock).execute(&mut **transaction).await.map(drop)
            }
        }
    }
}

async fn delete(
    transaction: &mut Transaction<'static, Any>,
    id: &UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM users WHERE name = $1 AND host = $2")
        .bind(id.name.as_str())
        .bind(id.host.as_str())
        .execute(&mut **transaction)
        .await
        .map(drop)
}

async fn put(
    transaction: &mut Transaction<'static, Any>,
    user: &StoredUser,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO users (name, host, plugin, credential, administrator, locked, tls, \
         tls_issuer, tls_subject, created_ms, password_changed_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (name, host) DO UPDATE SET plugin = excluded.plugin, \
         credential = excluded.credential, administrator = excluded.administrator, \
         locked = excluded.locked, tls = excluded.tls, tls_issuer = excluded.tls_issuer, \
         tls_subject = excluded.tls_subject, created_ms = excluded.created_ms, \
         password_changed_ms = excluded.password_changed_ms",
    )
    .bind(user.name.as_str())
    .bind(user.host.as_str())
    .bind(user.plugin.as_str())
    .bind(user.credential.as_str())
    .bind(i64::from(user.administrator))
    .bind(i64::from(user.locked))
    .bind(user.tls.kind())
    .bind(user.tls.issuer().unwrap_or_default())
    .bind(user.tls.subject().unwrap_or_default())
    .bind(user.created_ms)
    .bind(user.password_changed_ms)
    .execute(&mut **transaction)
    .await
    .map(drop)
}

fn by_id(rows: Vec<Row>) -> Result<Users> {
    rows.into_iter().map(|row| stored_user(row).map(|user| (user.id(), user))).collect()
}

fn stored_user(row: Row) -> Result<StoredUser> {
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let tls = match row.tls.as_str() {
        "" => TlsRequired::Nothing,
        "ANY" => TlsRequired::Ssl,
        "X509" => TlsRequired::X509,
        "SPECIFIED" => {
            TlsRequired::Subject { subject: row.tls_subject, issuer: given(row.tls_issuer) }
        }
        // A requirement that is not understood must not be taken for none.
        other => {
            let message = format!("user `{}` has the unknown TLS requirement `{other}`", row.name);
            return Err(Error::new(ErrorKind::StateUnusable, message));
        }
    };
    Ok(StoredUser {
        name: row.name,
        host: row.host,
        plugin: row.plugin,
        credential: row.credential,
        administrator: row.administrator != 0,
        locked: row.locked != 0,
        tls,
        created_ms: row.created_ms,
        password_changed_ms: row.password_changed_ms,
    })
}
