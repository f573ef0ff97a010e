//! Catalogs that statements define, with their properties. Each change makes a new version.

use crate::catalogs::{differs_in_case, next_id};
use crate::failure::Failure;
use crate::sealing::Sealed;
use crate::store::{ATTEMPTS_MAX, State, check_name, from_bigint, to_bigint};
use mooring_spi::{CatalogKey, Error, ErrorKind, Result, fold};
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use std::collections::BTreeMap;

/// A property as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StoredProperty {
    /// What is no secret, or a reference to one.
    Plain(String),
    Secret(Sealed),
}

/// By name.
pub type StoredProperties = BTreeMap<String, StoredProperty>;

/// A catalog that a statement has defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCatalog {
    pub key: CatalogKey,
    pub name: String,
    pub kind: String,
    pub properties: StoredProperties,
    /// It has no part in the version: nothing that a query reads depends on it.
    pub comment: Option<String>,
}

/// A catalog to be made.
pub struct NewCatalog<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    pub comment: Option<&'a str>,
    /// The properties of a catalog of this id: secrets are sealed for their place.
    pub properties: &'a (dyn Fn(u64) -> Result<StoredProperties> + Send + Sync),
}

type Row = (i64, i64, String, String, String, Option<String>);

impl State {
    /// All of them, by id.
    ///
    /// # Errors
    /// `StateUnusable`.
    pub async fn defined_catalogs(&self) -> Result<Vec<StoredCatalog>> {
        self.run(|| async {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT id, version, name, kind, properties, comment FROM catalogs \
                 WHERE by_sql = 1 ORDER BY id",
            )
            .fetch_all(&self.pool)
            .await?;
            Ok(rows.into_iter().map(stored).collect::<Result<_>>()?)
        })
        .await
    }

    /// The one of that name, in whatever case.
    ///
    /// # Errors
    /// `StateUnusable`.
    pub async fn defined_catalog(&self, name: &str) -> Result<Option<StoredCatalog>> {
        self.run(|| async {
            let row: Option<Row> = sqlx::query_as(
                "SELECT id, version, name, kind, properties, comment FROM catalogs \
                 WHERE by_sql = 1 AND folded_name = $1",
            )
            .bind(fold(name))
            .fetch_optional(&self.pool)
            .await?;
            Ok(row.map(stored).transpose()?)
        })
        .await
    }

    /// Makes a catalog with version 1. What a configuration left under its name, without tables, goes.
    ///
    /// # Errors
    /// `CatalogExists`; what making the properties gives.
    pub async fn create_catalog(&self, new: NewCatalog<'_>) -> Result<StoredCatalog> {
        check_name("catalog", new.name)?;
        let new = &new;
        self.run(|| async move {
            let mut transaction = self.begin_catalog_change().await?;
            match other_of_name(&mut transaction, new.name, None).await? {
                Some(other) if other.by_sql => return Err(exists(new.name, &other.name)),
                Some(other) => remove_configured(&mut transaction, &other, new.name).await?,
                None => {}
            }
            let id = next_id(&mut transaction).await?;
            let catalog = StoredCatalog {
                key: CatalogKey { id, version: 1 },
                name: new.name.to_owned(),
                kind: new.kind.to_owned(),
                properties: (new.properties)(id)?,
                comment: new.comment.map(str::to_owned),
            };
            sqlx::query(
                "INSERT INTO catalogs \
                 (id, version, name, folded_name, kind, properties, comment, by_sql) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
            )
            .bind(to_bigint(id)?)
            .bind(1_i64)
            .bind(new.name)
            .bind(fold(new.name))
            .bind(new.kind)
            .bind(properties_text(&catalog)?)
            .bind(new.comment)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(catalog)
        })
        .await
    }

    /// Gives a catalog the name and the properties of `changed`, whose key is the version that was changed.
    ///
    /// # Errors
    /// `CatalogNotFound` when it is gone; `InvalidArgument` when it has another version by now; `CatalogExists` for
    /// a name that another one has.
    pub async fn change_catalog(&self, changed: &StoredCatalog) -> Result<StoredCatalog> {
        check_name("catalog", &changed.name)?;
        self.run(|| async {
            let mut transaction = self.begin_catalog_change().await?;
            match other_of_name(&mut transaction, &changed.name, Some(changed.key.id)).await? {
                Some(other) if other.by_sql => return Err(exists(&changed.name, &other.name)),
                Some(other) => remove_configured(&mut transaction, &other, &changed.name).await?,
                None => {}
            }
            let key = CatalogKey { id: changed.key.id, version: changed.key.version + 1 };
            let done = sqlx::query(
                "UPDATE catalogs SET version = $1, name = $2, folded_name = $3, properties = $4 \
                 WHERE id = $5 AND version = $6 AND by_sql = 1",
            )
            .bind(to_bigint(key.version)?)
            .bind(changed.name.as_str())
            .bind(fold(&changed.name))
            .bind(properties_text(changed)?)
            .bind(to_bigint(key.id)?)
            .bind(to_bigint(changed.key.version)?)
            .execute(&mut *transaction)
            .await?;
            if done.rows_affected() == 0 {
                return Err(not_this_version(&mut transaction, changed).await?);
            }
            transaction.commit().await?;
            Ok(StoredCatalog { key, ..changed.clone() })
        })
        .await
    }

    /// Sets or removes the comment of a catalog; whether it is there.
    ///
    /// # Errors
    /// `StateUnusable`.
    pub async fn comment_on_catalog(&self, id: u64, comment: Option<&str>) -> Result<bool> {
        self.run(|| async {
            let done = sqlx::query("UPDATE catalogs SET comment = $1 WHERE id = $2 AND by_sql = 1")
                .bind(comment)
                .bind(to_bigint(id)?)
                .execute(&self.pool)
                .await?;
            Ok(done.rows_affected() > 0)
        })
        .await
    }

    /// Removes this version of a catalog with its embedded schemas and tables; files stay.
    ///
    /// # Errors
    /// `CatalogNotFound` when it is gone; `InvalidArgument` when it has another version by now.
    pub async fn drop_catalog(&self, dropped: &StoredCatalog) -> Result<()> {
        self.run(|| async {
            for _ in 1..ATTEMPTS_MAX {
                match self.try_drop_catalog(dropped).await {
                    Err(failure) if failure.is_reference() => {} // a schema or table was added
                    done => return done,
                }
            }
            self.try_drop_catalog(dropped).await
        })
        .await
    }

    async fn try_drop_catalog(&self, dropped: &StoredCatalog) -> Result<(), Failure> {
        let mut transaction = self.begin_catalog_change().await?;
        // Its name may be another one's by now.
        let id = to_bigint(dropped.key.id)?;
        if !has_version(&mut transaction, dropped).await? {
            return Err(not_this_version(&mut transaction, dropped).await?);
        }
        self.lock_schemas(&mut transaction, id, None).await?;
        for sql in [
            "DELETE FROM embedded_tables WHERE catalog_id = $1",
            "DELETE FROM embedded_schemas WHERE catalog_id = $1",
            "DELETE FROM catalogs WHERE id = $1",
        ] {
            sqlx::query(sql).bind(id).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

async fn has_version(
    connection: &mut AnyConnection,
    catalog: &StoredCatalog,
) -> Result<bool, Failure> {
    let version = version_of(connection, catalog.key.id).await?;
    Ok(version == Some(to_bigint(catalog.key.version)?))
}

/// Of a catalog that a statement has defined.
async fn version_of(connection: &mut AnyConnection, id: u64) -> Result<Option<i64>, Failure> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT version FROM catalogs WHERE id = $1 AND by_sql = 1")
            .bind(to_bigint(id)?)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(version,)| version))
}

/// Why a version of a catalog cannot be changed: somebody else was faster.
async fn not_this_version(
    connection: &mut AnyConnection,
    catalog: &StoredCatalog,
) -> Result<Failure, Failure> {
    let name = &catalog.name;
    let (kind, message) = match version_of(connection, catalog.key.id).await? {
        None => (ErrorKind::CatalogNotFound, format!("catalog `{name}` does not exist any more")),
        Some(_) => (
            ErrorKind::InvalidArgument,
            format!(
                "catalog `{name}` was changed by somebody else meanwhile; give the statement again"
            ),
        ),
    };
    Ok(Error::new(kind, message).into())
}

/// The line that has a name.
struct Other {
    id: i64,
    name: String,
    by_sql: bool,
}

/// The catalog of that name in whatever case, unless it is `own`.
async fn other_of_name(
    connection: &mut AnyConnection,
    name: &str,
    own: Option<u64>,
) -> Result<Option<Other>, Failure> {
    let row: Option<(i64, String, i64)> =
        sqlx::query_as("SELECT id, name, by_sql FROM catalogs WHERE folded_name = $1")
            .bind(fold(name))
            .fetch_optional(connection)
            .await?;
    let other = row.map(|(id, name, by_sql)| Other { id, name, by_sql: by_sql != 0 });
    let own = own.map(to_bigint).transpose()?;
    Ok(other.filter(|other| own != Some(other.id)))
}

/// Who asks has no such catalog in its configuration; another coordinator, or an earlier start, had.
async fn remove_configured(
    connection: &mut AnyConnection,
    other: &Other,
    name: &str,
) -> Result<(), Failure> {
    let removed =
        sqlx::query("DELETE FROM catalogs WHERE id = $1").bind(other.id).execute(connection).await;
    match removed.map_err(Failure::from) {
        Err(failure) if failure.is_reference() => Err(Failure::Told(Error::new(
            ErrorKind::CatalogExists,
            format!(
                "catalog `{name}` cannot be made: `{}`, which a configuration had, has tables",
                other.name
            ),
        ))),
        Err(failure) => Err(failure),
        Ok(_) => Ok(()),
    }
}

fn exists(name: &str, existing: &str) -> Failure {
    if name != existing {
        return differs_in_case(name, existing);
    }
    let message = format!("catalog `{name}` exists already");
    Failure::Told(Error::new(ErrorKind::CatalogExists, message))
}

fn stored((id, version, name, kind, properties, comment): Row) -> Result<StoredCatalog> {
    let properties = serde_json::from_str(&properties).map_err(|error| {
        let message = format!("the stored properties of catalog `{name}` cannot be read");
        Error::new(ErrorKind::StateUnusable, message).with_cause(error)
    })?;
    let key = CatalogKey { id: from_bigint(id)?, version: from_bigint(version)? };
    Ok(StoredCatalog { key, name, kind, properties, comment })
}

fn properties_text(catalog: &StoredCatalog) -> Result<String> {
    serde_json::to_string(&catalog.properties).map_err(|error| {
        let message = format!("the properties of catalog `{}` cannot be stored", catalog.name);
        Error::internal(message).with_cause(error)
    })
}
