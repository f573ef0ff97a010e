//! Tables and partitions of the wire as Hive's model has them.

use super::thrift::{Struct, Value};
use crate::hive_tables::{Storage, StoredColumn, StoredPartition, StoredTable};
use mooring_spi::{Error, ErrorKind, Result};

/// Fields of `Table`: 1 name, 2 database, 7 storage, 8 partition columns, 9 parameters, 10 and 11 a view's
/// texts, 12 kind.
///
/// # Errors
/// `CorruptData` for a field of another type.
pub(super) fn table(table: &Struct) -> Result<StoredTable> {
    Ok(StoredTable {
        schema: table.text(2)?,
        name: table.text(1)?,
        kind: table.text(12)?,
        parameters: table.texts(9)?,
        storage: table.structure(7).map(storage).transpose()?,
        partition_columns: columns(table.list(8)?)?,
        view_text: table.text(10)?,
        view_expanded: table.text(11)?,
    })
}

/// Fields of `Partition`: 1 values, 6 storage, 7 parameters.
///
/// # Errors
/// As [`table`].
pub(super) fn partition(partition: &Struct) -> Result<StoredPartition> {
    Ok(StoredPartition {
        values: partition.list(1)?.iter().map(Value::as_text).collect::<Result<_>>()?,
        storage: partition.structure(6).map(storage).transpose()?,
        parameters: partition.texts(7)?,
    })
}

/// Fields of `StorageDescriptor`: 1 columns, 2 location, 3 input format, 7 SerDe; of `SerDeInfo`: 2 class,
/// 3 parameters.
fn storage(storage: &Struct) -> Result<Storage> {
    let serde = storage.structure(7).cloned().unwrap_or_default();
    Ok(Storage {
        columns: columns(storage.list(1)?)?,
        location: storage.text(2)?,
        input_format: storage.text(3)?,
        serde: serde.text(2)?,
        serde_parameters: serde.texts(3)?,
    })
}

/// Fields of `FieldSchema`: 1 name, 2 type, 3 comment.
fn columns(columns: &[Value]) -> Result<Vec<StoredColumn>> {
    let column = |column: &Value| match column {
        Value::Struct(column) => Ok(StoredColumn {
            name: column.text(1)?,
            hive_type: column.text(2)?,
            comment: column.text(3)?,
            missing: None,
        }),
        _ => Err(Error::new(ErrorKind::CorruptData, "a metastore answered a column that is none")),
    };
    columns.iter().map(column).collect()
}
