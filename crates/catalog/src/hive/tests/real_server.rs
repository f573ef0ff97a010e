//! Against the metastore of `tests/clients/hive_metastore.py` at the address `MOORING_TEST_HIVE_URI`, where
//! the variable is set.

use super::super::*;
use crate::conformance::{Present, run_read_only};
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::FileFormat;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[tokio::test]
async fn it_conforms() {
    let Ok(uri) = std::env::var("MOORING_TEST_HIVE_URI") else { return };
    let settings = HiveSettings::from_properties(&BTreeMap::from([("uris".into(), uri)]));
    let metastore =
        HiveMetastore::new("hive", settings.expect("settings"), MetastoreMetrics::default());
    // As `tests/hive/write_tables.py` makes it; the folder is one of this machine.
    let found = metastore.table("market", "evolved").await.expect("read").expect("there");
    let found = found.into_table().expect("a table");
    assert!(found.location.ends_with("/warehouse/market.db/evolved"), "{}", found.location);
    let comment = HashMap::from([("comment".to_string(), "came later".to_string())]);
    let evolved = TableDefinition {
        schema_name: "market".into(),
        name: "evolved".into(),
        columns: Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int32, true),
            Field::new("name", DataType::Utf8, true).with_metadata(comment),
        ])),
        partition_columns: 0,
        location: found.location,
        format: FileFormat::Parquet,
        columns_by: Default::default(),
        partition_projection: None,
        may_be_absent: false,
        compression: None,
        options: BTreeMap::new(),
    };
    run_read_only(&metastore, Present { schema: "market", tables: &[evolved] }).await;
}
