//! Catalogs of configurations by name. Every change makes a new version; ids are never given out twice.

use crate::failure::Failure;
use crate::store::{State, check_name, from_bigint, to_bigint};
use mooring_spi::{CatalogDefinition, CatalogKey, Error, ErrorKind, Result, fold};
use sqlx::{Any, AnyConnection, Transaction};
use std::collections::BTreeMap;

type Properties = BTreeMap<String, String>;
type Row = (i64, i64, String, String, String, i64);

impl State {
    /// All of them, by name.
    pub async fn catalogs(&self) -> Result<Vec<CatalogDefinition>> {
        self.run(|| async {
            let rows: Vec<Row> = sqlx::query_as(
                "SELECT id, version, name, kind, properties, by_sql FROM catalogs WHERE by_sql = 0",
            )
            .fetch_all(&self.pool)
            .await?;
            let mut definitions = Vec::with_capacity(rows.len());
            for row in rows {
                definitions.push(definition(row)?.0);
            }
            definitions.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(definitions)
        })
        .await
    }

    /// Adds a catalog with version 1, or gives an existing one a new version where its kind or
    /// its properties differ.
    ///
    /// # Errors
    /// `CatalogExists` when another catalog's name differs in case only, or a statement has defined one of
    /// the same name.
    pub async fn put_catalog(
        &self,
        name: &str,
        kind: &str,
        properties: &Properties,
    ) -> Result<CatalogDefinition> {
        check_name("catalog", name)?;
        self.run(|| async {
            let mut transaction = self.begin_catalog_change().await?;
            let put = match find(&mut transaction, name).await? {
                Some((old, true)) => return Err(defined_by_sql(&old.name)),
                Some((old, false)) if old.name != name => {
                    return Err(differs_in_case(name, &old.name));
                }
                Some((old, false)) if old.kind == kind && old.properties == *properties => {
                    return Ok(old);
                }
                Some((old, false)) => {
                    let key = CatalogKey { id: old.key.id, version: old.key.version + 1 };
                    let new = new_definition(key, name, kind, properties);
                    update(&mut transaction, &new).await?;
                    new
                }
                None => {
                    let id = next_id(&mut transaction).await?;
                    let new = new_definition(CatalogKey { id, version: 1 }, name, kind, properties);
                    insert(&mut transaction, &new).await?;
                    new
                }
            };
            transaction.commit().await?;
            Ok(put)
        })
        .await
    }

    /// Begins a transaction that no other change of catalogs runs beside: it holds the counter.
    pub(crate) async fn begin_catalog_change(
        &self,
    ) -> Result<Transaction<'static, Any>, sqlx::Error> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE counters SET value = value WHERE name = 'catalog'")
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }
}

pub(crate) fn differs_in_case(name: &str, existing: &str) -> Failure {
    Failure::Told(Error::new(
        ErrorKind::CatalogExists,
        format!("catalog `{name}` cannot be made: `{existing}` differs from it in case only"),
    ))
}

fn defined_by_sql(name: &str) -> Failure {
    Failure::Told(Error::new(
        ErrorKind::CatalogExists,
        format!(
            "catalog `{name}` of the configuration is also defined by SQL; take it out of the configuration, \
             or start without it and say `DROP CATALOG` or `ALTER CATALOG ... RENAME`"
        ),
    ))
}

fn new_definition(
    key: CatalogKey,
    name: &str,
    kind: &str,
    properties: &Properties,
) -> CatalogDefinition {
    let (name, kind) = (name.to_string(), kind.to_string());
    CatalogDefinition { key, name, kind, properties: properties.clone() }
}

/// And whether a statement has defined it: its properties are then not for here.
fn definition(
    (id, version, name, kind, properties, by_sql): Row,
) -> Result<(CatalogDefinition, bool)> {
    let by_sql = by_sql != 0;
    let properties = if by_sql { "{}" } else { properties.as_str() };
    let properties = serde_json::from_str(properties).map_err(|error| {
        let message = format!("the stored properties of catalog `{name}` cannot be read");
        Error::new(ErrorKind::StateUnusable, message).with_cause(error)
    })?;
    let key = CatalogKey { id: from_bigint(id)?, version: from_bigint(version)? };
    Ok((CatalogDefinition { key, name, kind, properties }, by_sql))
}

fn properties_text(definition: &CatalogDefinition) -> Result<String> {
    serde_json::to_string(&definition.properties).map_err(|error| {
        let message = format!("the properties of catalog `{}` cannot be stored", definition.name);
        Error::internal(message).with_cause(error)
    })
}

async fn find(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<(CatalogDefinition, bool)>, Failure> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, version, name, kind, properties, by_sql FROM catalogs WHERE folded_name = $1",
    )
    .bind(fold(name))
    .fetch_optional(connection)
    .await?;
    Ok(row.map(definition).transpose()?)
}

pub(crate) async fn next_id(connection: &mut AnyConnection) -> Result<u64, Failure> {
    let id: i64 = sqlx::query_scalar(
        "UPDATE counters SET value = value + 1 WHERE name = 'catalog' RETURNING value",
    )
    .fetch_one(connection)
    .await?;
    Ok(from_bigint(id)?)
}

async fn insert(
    connection: &mut AnyConnection,
    definition: &CatalogDefinition,
) -> Result<(), Failure> {
    sqlx::query(
        "INSERT INTO catalogs (id, version, name, folded_name, kind, properties) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(to_bigint(definition.key.id)?)
    .bind(to_bigint(definition.key.version)?)
    .bind(definition.name.as_str())
    .bind(fold(&definition.name))
    .bind(definition.kind.as_str())
    .bind(properties_text(definition)?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(
    connection: &mut AnyConnection,
    definition: &CatalogDefinition,
) -> Result<(), Failure> {
    sqlx::query("UPDATE catalogs SET version = $1, kind = $2, properties = $3 WHERE id = $4")
        .bind(to_bigint(definition.key.version)?)
        .bind(definition.kind.as_str())
        .bind(properties_text(definition)?)
        .bind(to_bigint(definition.key.id)?)
        .execute(connection)
        .await?;
    Ok(())
}
