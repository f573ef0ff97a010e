//! Glue's tables and partitions as Hive's model has them.

use crate::hive_tables::{Storage, StoredColumn, StoredPartition, StoredTable};
use aws_sdk_glue::types::{Column, Partition, StorageDescriptor, Table};
use mooring_spi::{Error, Result};
use std::collections::{BTreeMap, HashMap};

/// `schema`: what was asked for, which Glue may leave out of its answer.
///
/// # Errors
/// `Unsupported`, naming it, for what stands for a table elsewhere.
pub(super) fn stored_table(schema: &str, table: &Table) -> Result<StoredTable> {
    let schema = table.database_name().unwrap_or(schema);
    let elsewhere = match (table.target_table(), table.federated_table()) {
        (Some(_), _) => Some("a resource link"),
        (None, Some(_)) => Some("a table of a federated catalog"),
        (None, None) => None,
    };
    if let Some(what) = elsewhere {
        let name = table.name();
        let message = format!("table `{schema}.{name}` is {what}, which is not read yet");
        return Err(Error::unsupported(message));
    }
    Ok(StoredTable {
        schema: schema.to_owned(),
        name: table.name().to_owned(),
        kind: owned(table.table_type()),
        parameters: sorted(table.parameters()),
        storage: table.storage_descriptor().map(storage),
        partition_columns: columns(table.partition_keys()),
        view_text: owned(table.view_original_text()),
        view_expanded: owned(table.view_expanded_text()),
    })
}

pub(super) fn stored_partition(partition: &Partition) -> StoredPartition {
    StoredPartition {
        values: partition.values().to_vec(),
        storage: partition.storage_descriptor().map(storage),
        parameters: sorted(partition.parameters()),
    }
}

fn storage(storage: &StorageDescriptor) -> Storage {
    let serde = storage.serde_info();
    Storage {
        columns: columns(storage.columns()),
        location: owned(storage.location()),
        input_format: owned(storage.input_format()),
        serde: owned(serde.and_then(|serde| serde.serialization_library())),
        serde_parameters: sorted(serde.and_then(|serde| serde.parameters())),
    }
}

fn columns(columns: &[Column]) -> Vec<StoredColumn> {
    let column = |column: &Column| StoredColumn {
        name: column.name().to_owned(),
        hive_type: owned(column.r#type()),
        comment: owned(column.comment()),
        missing: None,
    };
    columns.iter().map(column).collect()
}

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn sorted(texts: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    texts.into_iter().flatten().map(|(name, text)| (name.clone(), text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hive_tables::{definition, partition_definition};
    use arrow::datatypes::DataType;
    use aws_sdk_glue::types::builders::TableBuilder;
    use aws_sdk_glue::types::{FederatedTable, SerDeInfo, TableIdentifier};
    use mooring_spi::{ErrorKind, FileFormat, Value};

    fn column(name: &str, hive_type: &str) -> Column {
        Column::builder().name(name).r#type(hive_type).comment("of ours").build().expect("named")
    }

    const TEXT: &str = "org.apache.hadoop.mapred.TextInputFormat";

    fn storage_of(location: &str, input_format: &str) -> StorageDescriptor {
        let serde = SerDeInfo::builder()
            .serialization_library("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe")
            .parameters("field.delim", "|");
        StorageDescriptor::builder()
            .columns(column("id", "bigint"))
            .location(location)
            .input_format(input_format)
            .serde_info(serde.build())
            .build()
    }

    fn table() -> TableBuilder {
        Table::builder()
            .name("orders")
            .database_name("sales")
            .table_type("EXTERNAL_TABLE")
            .parameters("skip.header.line.count", "1")
            .storage_descriptor(storage_of("s3://bucket/orders", TEXT))
            .partition_keys(column("day", "date"))
    }

    #[test]
    fn a_table_is_defined_as_glue_says() {
        let stored = stored_table("sales", &table().build().expect("a table")).expect("read");
        let found = definition(&stored).expect("defined").into_table().expect("a table");
        assert_eq!((&*found.schema_name, &*found.name), ("sales", "orders"));
        assert_eq!((&*found.location, found.partition_columns), ("s3://bucket/orders", 1));
        let [id, day] = &found.columns.fields()[..] else { panic!("{:?}", found.columns) };
        assert_eq!((&**id.name(), id.data_type()), ("id", &DataType::Int64));
        assert_eq!((&**day.name(), day.data_type()), ("day", &DataType::Date32));
        assert_eq!(day.metadata()["comment"], "of ours");
        let FileFormat::HiveText(text) = &found.format else { panic!("{:?}", found.format) };
        assert_eq!((text.separators[0], text.header_lines), (b'|', 1));

        let partition = Partition::builder()
            .values("2024-02-29")
            .storage_descriptor(storage_of("s3://bucket/elsewhere", TEXT))
            .build();
        let partition = partition_definition(&found, &stored_partition(&partition)).expect("read");
        // Days from 1970-01-01, as `date -d 2024-02-29 +%s` divided by 86,400.
        assert_eq!(partition.values, [Value::Date(19_782)]);
        assert_eq!(partition.location, "s3://bucket/elsewhere");
    }

    #[test]
    fn what_is_no_table_of_files_is_refused_by_name() {
        let refused = |builder: TableBuilder, what: &str| {
            let table = builder.build().expect("a table");
            let error = stored_table("sales", &table)
                .and_then(|stored| definition(&stored))
                .expect_err(what);
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.message().contains("`sales.orders`"), "{error}");
            assert!(error.message().contains(what), "{error}");
        };
        refused(table().target_table(TableIdentifier::builder().build()), "a resource link");
        refused(table().federated_table(FederatedTable::builder().build()), "federated");
        refused(table().parameters("table_type", "ICEBERG"), "an Iceberg table");
        refused(table().table_type("VIRTUAL_VIEW"), "no text");
        let other = "org.apache.hadoop.hive.ql.io.RCFileInputFormat";
        refused(table().storage_descriptor(storage_of("s3://b/t", other)), other);
    }
}
