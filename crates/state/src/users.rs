//! Users and what is needed to authenticate them. Names are exact, as in MySQL.

use crate::store::{State, check_name};
use mooring_spi::Result;
use std::fmt;

/// The host pattern that admits a user from everywhere.
pub const ANY_HOST: &str = "%";

/// A user as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredUser {
    pub name: String,
    /// From where the user may connect, with the wildcards of `LIKE`; usually [`ANY_HOST`].
    pub host: String,
    /// The authentication plugin that made the credential, such as `caching_sha2_password`.
    pub plugin: String,
    /// What the plugin checks a password against; text or hex, never the password itself.
    pub credential: String,
    pub administrator: bool,
}

impl fmt::Debug for StoredUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredUser")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("plugin", &self.plugin)
            .field("administrator", &self.administrator)
            .finish_non_exhaustive()
    }
}

type Row = (String, String, String, String, i64);

impl State {
    /// The user of exactly this name.
    pub async fn user(&self, name: &str) -> Result<Option<StoredUser>> {
        self.run(|| async {
            let row: Option<Row> = sqlx::query_as(
                "SELECT name, host, plugin, credential, administrator FROM users WHERE name = $1",
            )
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
            Ok(row.map(stored_user))
        })
        .await
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<StoredUser>> {
        self.run(|| async {
            let rows: Vec<Row> =
                sqlx::query_as("SELECT name, host, plugin, credential, administrator FROM users")
                    .fetch_all(&self.pool)
                    .await?;
            let mut users: Vec<StoredUser> = rows.into_iter().map(stored_user).collect();
            users.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(users)
        })
        .await
    }

    /// Adds a user, or overwrites the one of that name.
    pub async fn put_user(&self, user: &StoredUser) -> Result<()> {
        check_name("user", &user.name)?;
        self.run(|| async {
            sqlx::query(
                "INSERT INTO users (name, host, plugin, credential, administrator) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (name) DO UPDATE SET host = excluded.host, \
                 plugin = excluded.plugin, credential = excluded.credential, \
                 administrator = excluded.administrator",
            )
            .bind(user.name.as_str())
            .bind(user.host.as_str())
            .bind(user.plugin.as_str())
            .bind(user.credential.as_str())
            .bind(i64::from(user.administrator))
            .execute(&self.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// Removes a user; false when there is none of that name.
    pub async fn drop_user(&self, name: &str) -> Result<bool> {
        self.run(|| async {
            let dropped = sqlx::query("DELETE FROM users WHERE name = $1")
                .bind(name)
                .execute(&self.pool)
                .await?;
            Ok(dropped.rows_affected() > 0)
        })
        .await
    }
}

fn stored_user((name, host, plugin, credential, administrator): Row) -> StoredUser {
    StoredUser { name, host, plugin, credential, administrator: administrator != 0 }
}
