//! What Spark keeps of a table in its parameters, because the metastore cannot say it: who knows its
//! partitions, and its schema as JSON, in which names have the case that its files have.
//!
//! Source: Apache Spark, `HiveExternalCatalog.scala` and `DataType.json`.

use arrow::datatypes::{DataType, Field, Fields};
use mooring_spi::{Error, ErrorKind, Result, fold};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const SCHEMA: &str = "spark.sql.sources.schema";

pub(super) fn partitions_by_folders(parameters: &BTreeMap<String, String>) -> bool {
    parameters.contains_key("spark.sql.sources.provider")
        && parameters.get("spark.sql.partitionProvider").is_none_or(|known| known != "catalog")
}

/// The fields of Spark's schema, none where it keeps none.
///
/// # Errors
/// `CorruptData`, naming the table, for a schema that is none.
pub(super) fn fields(label: &str, parameters: &BTreeMap<String, String>) -> Result<Value> {
    let part = |number: usize| parameters.get(&format!("{SCHEMA}.part.{number}"));
    let parts: String = (0..).map_while(part).map(String::as_str).collect();
    let schema = parameters.get(SCHEMA).unwrap_or(&parts);
    if schema.is_empty() {
        return Ok(Value::Null);
    }
    let fields = serde_json::from_str::<Value>(schema).ok().and_then(|mut schema| {
        let fields = schema.get_mut("fields")?.take();
        fields.is_array().then_some(fields)
    });
    fields.ok_or_else(|| {
        let message = format!("table `{label}`: its parameter `{SCHEMA}` is no schema of Spark's");
        Error::new(ErrorKind::CorruptData, message)
    })
}

/// The field with the names of its equal among `fields`, in it too. What Hive has added since stays.
pub(super) fn spelled(field: &Field, fields: &Value) -> Field {
    let named = |known: &&Value| {
        let name = known["name"].as_str();
        name.is_some_and(|name| fold(name) == fold(field.name()))
    };
    let Some(known) = fields.as_array().and_then(|fields| fields.iter().find(named)) else {
        return field.clone();
    };
    let name = known["name"].as_str().unwrap_or(field.name());
    let data_type = spelled_type(field.data_type(), &known["type"]);
    field.clone().with_name(name).with_data_type(data_type)
}

fn spelled_type(ours: &DataType, sparks: &Value) -> DataType {
    let item = |item: &Field, sparks: &Value| {
        let data_type = spelled_type(item.data_type(), sparks);
        Arc::new(item.clone().with_data_type(data_type))
    };
    match (ours, sparks["type"].as_str()) {
        (DataType::Struct(fields), Some("struct")) => {
            let spelled = fields.iter().map(|field| spelled(field, &sparks["fields"]));
            DataType::Struct(spelled.collect())
        }
        (DataType::List(element), Some("array")) => {
            DataType::List(item(element, &sparks["elementType"]))
        }
        (DataType::Map(entries, sorted), Some("map")) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let key = item(&fields[0], &sparks["keyType"]);
                let value = item(&fields[1], &sparks["valueType"]);
                let pair = DataType::Struct(Fields::from(vec![key, value]));
                let entries = entries.as_ref().clone().with_data_type(pair);
                DataType::Map(Arc::new(entries), *sorted)
            }
            _ => ours.clone(),
        },
        _ => ours.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::arrow_type;
    use super::*;
    use serde_json::json;

    fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn column(name: &str, hive_type: &str) -> Field {
        Field::new(name, arrow_type(hive_type).expect(hive_type), true)
    }

    #[test]
    fn names_have_the_case_of_sparks_schema() {
        let place = json!({"type": "struct", "fields": [{"name": "zipCode", "type": "integer"}]});
        let fields = json!([
            {"name": "orderId", "type": "long", "metadata": {"comment": "the Id"}},
            {"name": "shipTo", "type": {"type": "array", "elementType": place}},
            {"name": "byName", "type": {"type": "map", "keyType": "string", "valueType": place}},
        ]);
        for (ours, expected) in [
            (column("orderid", "bigint"), column("orderId", "bigint")),
            (
                column("shipto", "array<struct<zipcode:int>>"),
                column("shipTo", "array<struct<zipCode:int>>"),
            ),
            (
                column("byname", "map<string,struct<zipcode:int>>"),
                column("byName", "map<string,struct<zipCode:int>>"),
            ),
            (column("added_by_hive", "int"), column("added_by_hive", "int")),
        ] {
            assert_eq!(spelled(&ours, &fields), expected);
            assert_eq!(spelled(&ours, &Value::Null), ours);
        }
    }

    #[test]
    fn a_schema_comes_whole_or_in_parts() {
        let schema = r#"{"type":"struct","fields":[{"name":"zipCode","type":"integer"}]}"#;
        let (first, second) = schema.split_at(40);
        let part = |number: u8| format!("{SCHEMA}.part.{number}");
        let whole = fields("s.t", &parameters(&[(SCHEMA, schema)])).expect("a schema");
        let parts = parameters(&[(&part(0), first), (&part(1), second)]);
        assert_eq!(fields("s.t", &parts).expect("a schema"), whole);
        assert_eq!(whole[0]["name"], "zipCode");
        assert_eq!(fields("s.t", &parameters(&[])).expect("no schema"), Value::Null);
        for broken in ["{", "[]", r#"{"fields":1}"#] {
            let error = fields("s.t", &parameters(&[(SCHEMA, broken)])).expect_err(broken);
            assert!(error.message().contains("`s.t`"), "{error}");
        }
    }

    #[test]
    fn partitions_of_which_only_folders_tell_are_known() {
        let native = ("spark.sql.sources.provider", "parquet");
        assert!(partitions_by_folders(&parameters(&[native])));
        let in_catalog = ("spark.sql.partitionProvider", "catalog");
        assert!(!partitions_by_folders(&parameters(&[native, in_catalog])));
        assert!(!partitions_by_folders(&parameters(&[])));
    }
}
