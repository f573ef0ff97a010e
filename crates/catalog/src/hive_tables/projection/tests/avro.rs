//! Partition columns of tables whose other columns are those of a schema among their properties.

use super::*;

const AVRO: &str = "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat";

/// A schema among a table's properties may have fewer fields than the metastore has columns, or more.
#[test]
fn avro_schemas_leave_the_partition_columns_in_their_place() {
    let column = |name: &str, hive_type: &str| StoredColumn {
        name: name.to_owned(),
        hive_type: hive_type.to_owned(),
        comment: String::new(),
        missing: None,
    };
    for count in [1, 5] {
        let field = |number| format!(r#"{{"name": "f{number}", "type": "string"}}"#);
        let fields: Vec<String> = (0..count).map(field).collect();
        let schema =
            format!(r#"{{"type": "record", "name": "R", "fields": [{}]}}"#, fields.join(", "));
        let parameters = [
            ("avro.schema.literal", schema.as_str()),
            ("projection.enabled", "true"),
            ("projection.c.type", "integer"),
            ("projection.c.range", "7,7"),
        ];
        let stored = StoredTable {
            schema: "s".into(),
            name: "t".into(),
            kind: "EXTERNAL_TABLE".into(),
            parameters: parameters
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            storage: Some(Storage {
                columns: ["x", "y", "z"].map(|name| column(name, "string")).to_vec(),
                location: ROOT.into(),
                input_format: AVRO.into(),
                ..Storage::default()
            }),
            partition_columns: vec![column("c", "int")],
            ..StoredTable::default()
        };
        let table = definition(&stored).expect("defined").into_table().expect("a table");
        assert_eq!(table.columns.fields().len(), count + 1);
        assert_eq!(found(&table, &Predicate::new())[0].values, [Value::Int(7)]);
    }
}
