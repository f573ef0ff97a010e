//! The tables of an embedded catalog: names, and a definition whose text is not looked into.

use crate::failure::Failure;
use crate::schemas::schema_not_found;
use crate::store::{State, check_name, to_bigint};
use mooring_spi::{Error, ErrorKind, Result, fold};

/// A table as it is stored, with the exact names of its schema and its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTable {
    pub schema: String,
    pub name: String,
    /// JSON, as it was put.
    pub definition: String,
}

/// A table to store.
#[derive(Debug, Clone, Copy)]
pub struct PutTable<'a> {
    pub catalog_id: u64,
    /// As typed; an existing schema is found whatever its case.
    pub schema: &'a str,
    pub name: &'a str,
    /// JSON; kept as it is.
    pub definition: &'a str,
    /// Whether an existing table is overwritten. It keeps the case of its name.
    pub replace: bool,
}

impl State {
    /// The names of a schema's tables, in order.
    ///
    /// # Errors
    /// `SchemaNotFound`.
    pub async fn tables(&self, catalog_id: u64, schema: &str) -> Result<Vec<String>> {
        self.run(|| async {
            let mut names: Vec<String> = sqlx::query_scalar(
                "SELECT name FROM embedded_tables WHERE catalog_id = $1 AND folded_schema = $2",
            )
            .bind(to_bigint(catalog_id)?)
            .bind(fold(schema))
            .fetch_all(&self.pool)
            .await?;
            if names.is_empty() && self.find_schema(catalog_id, schema).await?.is_none() {
                return Err(schema_not_found(schema).into());
            }
            names.sort();
            Ok(names)
        })
        .await
    }

    /// The table that the two names mean. `None` when the schema or the table is not there.
    pub async fn table(
        &self,
        catalog_id: u64,
        schema: &str,
        table: &str,
    ) -> Result<Option<StoredTable>> {
        self.run(|| self.find_table(catalog_id, schema, table)).await
    }

    /// # Errors
    /// `SchemaNotFound`; `TableExists` unless `replace`, also when the other name differs in case
    /// only.
    pub async fn put_table(&self, put: PutTable<'_>) -> Result<()> {
        check_name("table", put.name)?;
        self.run(|| async {
            match self.try_put_table(put).await {
                Err(failure) if failure.is_reference() => Err(schema_not_found(put.schema).into()),
                Err(failure) if failure.is_duplicate() => {
                    let existing = self.find_table(put.catalog_id, put.schema, put.name).await?;
                    Err(table_exists(put.name, existing.as_ref()).into())
                }
                done => done,
            }
        })
        .await
    }

    /// # Errors
    /// `SchemaNotFound`, `TableNotFound`.
    pub async fn drop_table(&self, catalog_id: u64, schema: &str, table: &str) -> Result<()> {
        self.run(|| async {
            let dropped = sqlx::query(
                "DELETE FROM embedded_tables \
                 WHERE catalog_id = $1 AND folded_schema = $2 AND folded_name = $3",
            )
            .bind(to_bigint(catalog_id)?)
            .bind(fold(schema))
            .bind(fold(table))
            .execute(&self.pool)
            .await?;
            if dropped.rows_affected() > 0 {
                return Ok(());
            }
            let Some(schema) = self.find_schema(catalog_id, schema).await? else {
                return Err(schema_not_found(schema).into());
            };
            let message = format!("table `{schema}`.`{table}` does not exist");
            Err(Error::new(ErrorKind::TableNotFound, message).into())
        })
        .await
    }

    async fn try_put_table(&self, put: PutTable<'_>) -> Result<(), Failure> {
        let sql = if put.replace {
            "INSERT INTO embedded_tables \
             (catalog_id, folded_schema, name, folded_name, definition) \
             VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (catalog_id, folded_schema, folded_name) \
             DO UPDATE SET definition = excluded.definition"
        } else {
            "INSERT INTO embedded_tables \
             (catalog_id, folded_schema, name, folded_name, definition) \
             VALUES ($1, $2, $3, $4, $5)"
        };
        sqlx::query(sql)
            .bind(to_bigint(put.catalog_id)?)
            .bind(fold(put.schema))
            .bind(put.name)
            .bind(fold(put.name))
            .bind(put.definition)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn find_table(
        &self,
        catalog_id: u64,
        schema: &str,
        table: &str,
    ) -> Result<Option<StoredTable>, Failure> {
        let row: Option<(String, String, String)> = sqlx::query_as(
            "SELECT s.name, t.name, t.definition FROM embedded_tables t \
             JOIN embedded_schemas s \
             ON s.catalog_id = t.catalog_id AND s.folded_name = t.folded_schema \
             WHERE t.catalog_id = $1 AND t.folded_schema = $2 AND t.folded_name = $3",
        )
        .bind(to_bigint(catalog_id)?)
        .bind(fold(schema))
        .bind(fold(table))
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(schema, name, definition)| StoredTable { schema, name, definition }))
    }
}

fn table_exists(table: &str, existing: Option<&StoredTable>) -> Error {
    let message = match existing {
        Some(existing) if existing.name != table => format!(
            "table `{table}` cannot be made: `{}` differs from it in case only",
            existing.name
        ),
        _ => format!("table `{table}` already exists"),
    };
    Error::new(ErrorKind::TableExists, message)
}
