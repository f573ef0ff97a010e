//! The coordinator's side: names, statistics and the cut into splits.

use super::column::{row_bytes, width_bytes};
use super::statistics::{table_bytes, table_statistics};
use super::{KIND, ScaleFactor, TablePart, TpchTable, refuse_properties};
use async_trait::async_trait;
use mooring_spi::{
    CatalogDefinition, Connector, ConnectorFactory, Error, ErrorKind, Result, Scan, ScanRequest,
    SchemaTable, Split, SplitScan, Table, TableKind, TableSummary,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Makes [`TpchConnector`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct TpchConnectorFactory;

impl ConnectorFactory for TpchConnectorFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>> {
        refuse_properties(definition)?;
        Ok(Arc::new(TpchConnector))
    }
}

/// The catalog of generated tables; it has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct TpchConnector;

/// What `Table::handle` holds, as JSON.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct TableHandle {
    table: TpchTable,
    scale_factor: ScaleFactor,
}

#[async_trait]
impl Connector for TpchConnector {
    async fn schemas(&self) -> Result<Vec<String>> {
        Ok(ScaleFactor::LISTED.map(str::to_owned).to_vec())
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        if ScaleFactor::from_schema(schema).is_none() {
            return Err(Error::new(
                ErrorKind::SchemaNotFound,
                format!(
                    "schema `{schema}` does not exist; there are `tiny` and `sf1` to `sf10000`"
                ),
            ));
        }
        let summary =
            |table: TpchTable| TableSummary { name: table.name().into(), kind: TableKind::Table };
        Ok(TpchTable::ALL.map(summary).to_vec())
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        tables.iter().map(resolve_one).collect()
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        let handle: TableHandle = serde_json::from_str(&request.table.handle).map_err(|error| {
            Error::internal("the handle is none of a `tpch` table").with_cause(error)
        })?;
        let schema = request.projected_schema()?;
        let projected_row_bytes = schema.fields().iter().map(|field| width_bytes(field)).sum();
        Ok(Scan::Splits(SplitScan {
            splits: splits(handle, projected_row_bytes)?,
            readers_max: usize::MAX,
            statistics: table_statistics(handle.table, handle.scale_factor),
            lease: None,
        }))
    }
}

fn resolve_one(name: &SchemaTable) -> Result<Option<Table>> {
    let Some(scale_factor) = ScaleFactor::from_schema(&name.schema) else { return Ok(None) };
    let Some(table) = TpchTable::from_name(&name.table) else { return Ok(None) };
    let handle = serde_json::to_string(&TableHandle { table, scale_factor })
        .map_err(|error| Error::internal("a handle cannot be written").with_cause(error))?;
    Ok(Some(Table {
        name: SchemaTable::new(scale_factor.to_string(), table.name()),
        kind: TableKind::Table,
        schema: table.schema(),
        statistics: table_statistics(table, scale_factor),
        handle,
        view: None,
    }))
}

/// About how much of the whole table, not of the projection, is one split: the generator computes
/// every column, whichever are asked for.
const SPLIT_BYTES: u64 = 16 * 1024 * 1024;
/// A small table is cut finer, so that every core has its share.
const SMALL_SPLIT_BYTES: u64 = 1024 * 1024;
const SMALL_SPLITS_MAX: u64 = 8;

fn splits(handle: TableHandle, projected_row_bytes: u64) -> Result<Vec<Split>> {
    let bytes = table_bytes(handle.table, handle.scale_factor);
    let small = bytes.div_ceil(SMALL_SPLIT_BYTES).min(SMALL_SPLITS_MAX);
    let part_count = u32::try_from(bytes.div_ceil(SPLIT_BYTES).max(small)).unwrap_or(u32::MAX);
    let parts = TablePart::all(handle.table, handle.scale_factor, part_count);
    let part_bytes = bytes / parts.len().max(1) as u64;
    let size_bytes = u128::from(part_bytes) * u128::from(projected_row_bytes)
        / u128::from(row_bytes(handle.table));
    let size_bytes = u64::try_from(size_bytes).unwrap_or(u64::MAX);

    let mut splits = Vec::with_capacity(parts.len());
    for part in parts {
        let payload = serde_json::to_string(&part)
            .map_err(|error| Error::internal("a split cannot be written").with_cause(error))?;
        splits.push(Split { payload, label: part.to_string(), size_bytes });
    }
    Ok(splits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mooring_spi::{CatalogKey, Predicate};

    async fn splits_of(schema: &str, table: &str, columns: usize) -> Vec<Split> {
        let name = SchemaTable::new(schema, table);
        let table = TpchConnector.resolve(&[name]).await.expect("resolved").remove(0);
        let table = table.expect("the table exists");
        let projection: Vec<usize> = (0..columns.min(table.schema.fields().len())).collect();
        let request = ScanRequest {
            table: &table,
            projection: &projection,
            predicate: &Predicate::new(),
            limit: None,
            viewer: None,
            explain: false,
        };
        match TpchConnector.scan(request).await.expect("a scan") {
            Scan::Splits(scan) => scan.splits,
            other => panic!("not splits: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_table_is_cut_into_parts_of_16_mb() {
        let splits = splits_of("sf1", "lineitem", 100).await;
        assert!((55..70).contains(&splits.len()), "{}", splits.len());
        assert_eq!(splits[2].label, format!("lineitem sf1 part 3 of {}", splits.len()));
        assert!(splits[0].size_bytes > SPLIT_BYTES / 2 && splits[0].size_bytes <= SPLIT_BYTES);
    }

    #[tokio::test]
    async fn a_projection_makes_splits_smaller_not_fewer() {
        let (all, one) =
            (splits_of("sf1", "orders", 100).await, splits_of("sf1", "orders", 1).await);
        assert_eq!(all.len(), one.len());
        assert!(one[0].size_bytes * 5 < all[0].size_bytes);
        assert_eq!(splits_of("sf1", "orders", 0).await[0].size_bytes, 0);
    }

    #[tokio::test]
    async fn the_tables_of_fixed_size_are_one_split_at_every_scale() {
        for table in ["nation", "region"] {
            assert_eq!(splits_of("sf10000", table, 100).await.len(), 1);
        }
    }

    #[test]
    fn unknown_properties_are_named() {
        let definition = CatalogDefinition {
            key: CatalogKey { id: 1, version: 1 },
            name: "bench".into(),
            kind: KIND.into(),
            properties: [("scale".to_owned(), "1".to_owned())].into(),
        };
        let error = TpchConnectorFactory.connector(&definition).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("`scale`") && error.message().contains("`bench`"));
    }
}
