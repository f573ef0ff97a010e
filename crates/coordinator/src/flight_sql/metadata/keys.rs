//! The forms of the answers about keys. They are empty: no source tells Mooring of keys.
//!
//! Source: `FlightSql.proto`, `CommandGetPrimaryKeys`, `CommandGetExportedKeys`,
//! `CommandGetImportedKeys`, `CommandGetCrossReference`.

use arrow::datatypes::DataType::{Int32, UInt8, Utf8};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use std::sync::Arc;

const NULLABLE: bool = true;
const REQUIRED: bool = false;

pub(super) fn primary() -> SchemaRef {
    schema(&[
        ("catalog_name", Utf8, NULLABLE),
        ("db_schema_name", Utf8, NULLABLE),
        ("table_name", Utf8, REQUIRED),
        ("column_name", Utf8, REQUIRED),
        ("key_name", Utf8, NULLABLE),
        ("key_sequence", Int32, REQUIRED),
    ])
}

pub(super) fn foreign() -> SchemaRef {
    schema(&[
        ("pk_catalog_name", Utf8, NULLABLE),
        ("pk_db_schema_name", Utf8, NULLABLE),
        ("pk_table_name", Utf8, REQUIRED),
        ("pk_column_name", Utf8, REQUIRED),
        ("fk_catalog_name", Utf8, NULLABLE),
        ("fk_db_schema_name", Utf8, NULLABLE),
        ("fk_table_name", Utf8, REQUIRED),
        ("fk_column_name", Utf8, REQUIRED),
        ("key_sequence", Int32, REQUIRED),
        ("fk_key_name", Utf8, NULLABLE),
        ("pk_key_name", Utf8, NULLABLE),
        ("update_rule", UInt8, REQUIRED),
        ("delete_rule", UInt8, REQUIRED),
    ])
}

fn schema(columns: &[(&str, DataType, bool)]) -> SchemaRef {
    let field = |(name, data_type, nullable): &(&str, DataType, bool)| {
        Field::new(*name, data_type.clone(), *nullable)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()))
}
