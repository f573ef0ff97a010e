//! The schemas of an embedded catalog. A table cannot be without its schema: the store's foreign
//! key says so, also while others work on it.

use crate::failure::Failure;
use crate::store::{ATTEMPTS_MAX, State, check_name, to_bigint};
use mooring_spi::{Error, ErrorKind, Result, fold};

impl State {
    /// The names of all schemas, in order.
    pub async fn schemas(&self, catalog_id: u64) -> Result<Vec<String>> {
        self.run(|| async {
            let mut names: Vec<String> =
                sqlx::query_scalar("SELECT name FROM embedded_schemas WHERE catalog_id = $1")
                    .bind(to_bigint(catalog_id)?)
                    .fetch_all(&self.pool)
                    .await?;
            names.sort();
            Ok(names)
        })
        .await
    }

    /// The exact name of the schema that `schema` means.
    pub async fn schema(&self, catalog_id: u64, schema: &str) -> Result<Option<String>> {
        self.run(|| self.find_schema(catalog_id, schema)).await
    }

    /// # Errors
    /// `SchemaExists`, also when the other name differs in case only; `CatalogNotFound`.
    pub async fn create_schema(&self, catalog_id: u64, schema: &str) -> Result<()> {
        check_name("schema", schema)?;
        self.run(|| async {
            let inserted = self.insert_schema(catalog_id, schema).await;
            match inserted {
                Err(failure) if failure.is_duplicate() => {
                    let existing = self.find_schema(catalog_id, schema).await?;
                    Err(schema_exists(schema, existing.as_deref()).into())
                }
                Err(failure) if failure.is_reference() => {
                    let message = format!(
                        "the catalog of schema `{schema}` is not in the state store (id \
                         {catalog_id}); it was dropped"
                    );
                    Err(Error::new(ErrorKind::CatalogNotFound, message).into())
                }
                done => done,
            }
        })
        .await
    }

    /// # Errors
    /// `SchemaNotFound`; `SchemaNotEmpty` unless `cascade`, which drops its tables too.
    pub async fn drop_schema(&self, catalog_id: u64, schema: &str, cascade: bool) -> Result<()> {
        self.run(|| async {
            for _ in 0..ATTEMPTS_MAX {
                match self.try_drop_schema(catalog_id, schema, cascade).await {
                    Err(failure) if failure.is_reference() && cascade => {} // a table was added
                    Err(failure) if failure.is_reference() => break,
                    done => return done,
                }
            }
            let message = format!("schema `{schema}` still has tables; drop them first");
            Err(Error::new(ErrorKind::SchemaNotEmpty, message).into())
        })
        .await
    }

    async fn insert_schema(&self, catalog_id: u64, schema: &str) -> Result<(), Failure> {
        sqlx::query(
            "INSERT INTO embedded_schemas (catalog_id, name, folded_name) VALUES ($1, $2, $3)",
        )
        .bind(to_bigint(catalog_id)?)
        .bind(schema)
        .bind(fold(schema))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn try_drop_schema(
        &self,
        catalog_id: u64,
        schema: &str,
        cascade: bool,
    ) -> Result<(), Failure> {
        let id = to_bigint(catalog_id)?;
        let mut transaction = self.begin().await?;
        if self.lock_schemas(&mut transaction, id, Some(&fold(schema))).await? == 0 {
            return Err(schema_not_found(schema).into());
        }
        if cascade {
            sqlx::query("DELETE FROM embedded_tables WHERE catalog_id = $1 AND folded_schema = $2")
                .bind(id)
                .bind(fold(schema))
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query("DELETE FROM embedded_schemas WHERE catalog_id = $1 AND folded_name = $2")
            .bind(id)
            .bind(fold(schema))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    pub(crate) async fn find_schema(
        &self,
        catalog_id: u64,
        schema: &str,
    ) -> Result<Option<String>, Failure> {
        let name = sqlx::query_scalar(
            "SELECT name FROM embedded_schemas WHERE catalog_id = $1 AND folded_name = $2",
        )
        .bind(to_bigint(catalog_id)?)
        .bind(fold(schema))
        .fetch_optional(&self.pool)
        .await?;
        Ok(name)
    }
}

pub(crate) fn schema_not_found(schema: &str) -> Error {
    Error::new(ErrorKind::SchemaNotFound, format!("schema `{schema}` does not exist"))
}

fn schema_exists(schema: &str, existing: Option<&str>) -> Error {
    let message = match existing {
        Some(existing) if existing != schema => {
            format!("schema `{schema}` cannot be made: `{existing}` differs from it in case only")
        }
        _ => format!("schema `{schema}` already exists"),
    };
    Error::new(ErrorKind::SchemaExists, message)
}
