//! The columns of a table of Avro that has a schema among its properties. Hive and Spark then read by that
//! schema, and take no notice of the columns in the metastore, which may be those of an older one.
//!
//! Sources: Apache Hive, `AvroSerdeUtils.determineSchemaOrThrowException`, `SchemaToTypeInfo.java` and
//! `AvroSerDe.java` (a partition has its table's schema); Apache Avro 1.12, "Specification".

use super::location::shown_url;
use super::{Storage, StoredColumn};
use mooring_spi::{Error, Result, fold};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

const LITERAL: &str = "avro.schema.literal";
const URL: &str = "avro.schema.url";
/// What says nothing, as if the property were not there.
const NONE: &str = "none";
/// Types within types.
const DEPTH_MAX: usize = 32;
/// Types in all, for one that has a name counts wherever it is named.
const TYPES_MAX: usize = 10_000;
/// Of names that are written out, each as often as it is: a short schema may name a long one in many places.
const NAMES_BYTES_MAX: usize = 1 << 20;

/// The columns of the table's schema; `None` where those of the metastore count.
///
/// # Errors
/// `Unsupported`, naming `what` and the reason, for a schema that is elsewhere, and for one that would give
/// values that only its reader knows, or types that Hive does not have.
pub(super) fn columns_by_schema(
    what: &str,
    storage: &Storage,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<Vec<StoredColumn>>> {
    let Some(mut columns) = columns_by_properties(what, storage, parameters)? else {
        return match are_unknown(&storage.columns) {
            true => Err(Error::unsupported(format!(
                "{what} has no columns of its own, and no `{LITERAL}`, which would tell them"
            ))),
            false => Ok(None),
        };
    };
    for column in &mut columns {
        let known = storage.columns.iter().find(|known| fold(&known.name) == column.name);
        if let Some(known) = known.filter(|known| !known.comment.is_empty()) {
            column.comment.clone_from(&known.comment);
        }
    }
    Ok(Some(columns))
}

/// Refuses a partition whose own schema says what rows have for columns that their file lacks: its table,
/// of another format, does not know.
///
/// # Errors
/// As [`columns_by_schema`].
pub(super) fn check_partition(
    what: &str,
    storage: &Storage,
    parameters: &BTreeMap<String, String>,
) -> Result<()> {
    let columns = columns_by_properties(what, storage, parameters)?.unwrap_or_default();
    match columns.iter().find(|column| column.missing.is_some()) {
        Some(column) => Err(Error::unsupported(format!(
            "{what} has an `{LITERAL}` that is not read: field `{}` has a default",
            column.name
        ))),
        None => Ok(()),
    }
}

fn columns_by_properties(
    what: &str,
    storage: &Storage,
    parameters: &BTreeMap<String, String>,
) -> Result<Option<Vec<StoredColumn>>> {
    // Hive lets a table's properties come after those of its SerDe.
    let said = |name: &str| {
        let value = parameters.get(name).or_else(|| storage.serde_parameters.get(name));
        value.filter(|value| *value != NONE)
    };
    let Some(literal) = said(LITERAL) else {
        return match said(URL) {
            Some(url) => Err(Error::unsupported(format!(
                "{what} has `{URL}` = `{}`, which is not read; `{LITERAL}` is",
                shown_url(url)
            ))),
            None => Ok(None),
        };
    };
    let schema: Value = serde_json::from_str(literal).map_err(|error| {
        Error::unsupported(format!("{what} has an `{LITERAL}` that is no JSON: {error}"))
    })?;
    let columns = Columns::default().of_record(&schema).map_err(|why| {
        Error::unsupported(format!("{what} has an `{LITERAL}` that is not read: {why}"))
    })?;
    Ok(Some(columns))
}

/// What a metastore keeps where it leaves the columns to the SerDe.
fn are_unknown(columns: &[StoredColumn]) -> bool {
    match columns {
        [] => true,
        [only] => {
            (only.name.as_str(), only.hive_type.as_str(), only.comment.as_str())
                == ("col", "array<string>", "from deserializer")
        }
        _ => false,
    }
}

/// Why a schema is not read.
type Refusal = String;

/// A walk through one schema.
#[derive(Default)]
struct Columns<'a> {
    /// Types that have a name, by it and its namespace, with the namespace that is theirs inside.
    named: HashMap<String, (&'a Map<String, Value>, String)>,
    types: usize,
    names_bytes: usize,
}

impl<'a> Columns<'a> {
    /// Asked for before a name is written out.
    fn count_name(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.names_bytes = self.names_bytes.saturating_add(bytes);
        match self.names_bytes > NAMES_BYTES_MAX {
            true => Err(format!("more than {NAMES_BYTES_MAX} bytes of names")),
            false => Ok(()),
        }
    }

    fn of_record(mut self, schema: &'a Value) -> Result<Vec<StoredColumn>, Refusal> {
        let record = schema.as_object().filter(|record| text(record, "type") == Some("record"));
        let record = record.ok_or("it is no record")?;
        let namespace = self.name(record, "")?;
        let mut columns = Vec::new();
        for field in fields(record)? {
            let name = fold(field_name(field)?);
            let of_field = |why: Refusal| format!("field `{name}`: {why}");
            let hive_type = self.field_type(field, &namespace, DEPTH_MAX).map_err(of_field)?;
            let default = field.get("default").filter(|default| !default.is_null());
            let missing = default.map(|default| missing(default, &hive_type)).transpose();
            columns.push(StoredColumn {
                missing: missing.map_err(of_field)?,
                comment: text(field, "doc").unwrap_or_default().to_owned(),
                hive_type,
                name,
            });
        }
        Ok(columns)
    }

    fn field_type(
        &mut self,
        field: &'a Map<String, Value>,
        namespace: &str,
        depth: usize,
    ) -> Result<String, Refusal> {
        // A file may have the column under one of them.
        if field.contains_key("aliases") {
            return Err("it has aliases".to_owned());
        }
        let schema = field.get("type").ok_or("it has no type")?;
        self.hive_type(schema, namespace, depth)
    }

    fn hive_type(
        &mut self,
        schema: &'a Value,
        namespace: &str,
        depth: usize,
    ) -> Result<String, Refusal> {
        let depth =
            depth.checked_sub(1).ok_or("a type that is in itself, or in too many others")?;
        self.types += 1;
        if self.types > TYPES_MAX {
            return Err(format!("more than {TYPES_MAX} types"));
        }
        match schema {
            Value::String(name) => match primitive(name) {
                Some(hive_type) => Ok(hive_type.to_owned()),
                None => self.reference(name, namespace, depth),
            },
            Value::Array(branches) => self.union(branches, namespace, depth),
            Value::Object(object) => self.object(object, namespace, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => Err(format!("no type: `{schema}`")),
        }
    }

    fn object(
        &mut self,
        object: &'a Map<String, Value>,
        namespace: &str,
        depth: usize,
    ) -> Result<String, Refusal> {
        let inner = |key: &str| object.get(key).ok_or_else(|| format!("a type without `{key}`"));
        let kind = match inner("type")? {
            Value::String(kind) => kind.as_str(),
            schema => return self.hive_type(schema, namespace, depth),
        };
        if let Some(hive_type) = primitive(kind) {
            return logical(object, kind, hive_type);
        }
        match kind {
            "array" => {
                let items = self.hive_type(inner("items")?, namespace, depth)?;
                Ok(format!("array<{items}>"))
            }
            "map" => {
                let values = self.hive_type(inner("values")?, namespace, depth)?;
                Ok(format!("map<string,{values}>"))
            }
            "record" | "error" | "enum" | "fixed" => {
                let own = self.name(object, namespace)?;
                self.named_type(object, &own, depth)
            }
            name => self.reference(name, namespace, depth),
        }
    }

    fn named_type(
        &mut self,
        object: &'a Map<String, Value>,
        namespace: &str,
        depth: usize,
    ) -> Result<String, Refusal> {
        match text(object, "type") {
            // For symbols that the schema does not have.
            Some("enum") if object.contains_key("default") => {
                Err("an enumeration with a default".to_owned())
            }
            Some("enum") => Ok("string".to_owned()),
            Some("fixed") => match text(object, "logicalType") {
                Some(logical) => Err(format!("fixed bytes that are `{logical}`")),
                None => Ok("binary".to_owned()),
            },
            _ => {
                let mut inner = Vec::new();
                for field in fields(object)? {
                    let name = field_name(field)?;
                    self.count_name(name.len())?;
                    let name = fold(name);
                    if field.get("default").is_some_and(|default| !default.is_null()) {
                        return Err(format!("`{name}` in it has a default"));
                    }
                    inner.push(format!("{name}:{}", self.field_type(field, namespace, depth)?));
                }
                Ok(format!("struct<{}>", inner.join(",")))
            }
        }
    }

    /// Of one type and null: Hive has no others.
    fn union(
        &mut self,
        branches: &'a [Value],
        namespace: &str,
        depth: usize,
    ) -> Result<String, Refusal> {
        let is_null = |branch: &&Value| branch.as_str() == Some("null");
        match branches {
            [null, other] | [other, null] if is_null(&null) && !is_null(&other) => {
                self.hive_type(other, namespace, depth)
            }
            _ => Err("a union of others than one type and null".to_owned()),
        }
    }

    fn reference(&mut self, name: &str, namespace: &str, depth: usize) -> Result<String, Refusal> {
        self.count_name(namespace.len() + name.len())?;
        let whole = match name.contains('.') || namespace.is_empty() {
            true => name.to_owned(),
            false => format!("{namespace}.{name}"),
        };
        let known = self.named.get(&whole).or_else(|| self.named.get(name)).cloned();
        let (object, namespace) = known.ok_or_else(|| format!("no type is called `{name}`"))?;
        self.named_type(object, &namespace, depth)
    }

    /// Keeps a type by its name; the namespace that names have inside.
    fn name(&mut self, object: &'a Map<String, Value>, namespace: &str) -> Result<String, Refusal> {
        let name = text(object, "name").ok_or("a type without a name")?;
        let own = match name.rsplit_once('.') {
            Some((own, _)) => own,
            None => text(object, "namespace").unwrap_or(namespace),
        };
        let last = name.rsplit('.').next().unwrap_or(name);
        self.count_name(2 * own.len() + last.len())?;
        let whole = if own.is_empty() { last.to_owned() } else { format!("{own}.{last}") };
        self.named.insert(whole, (object, own.to_owned()));
        Ok(own.to_owned())
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

fn fields(record: &Map<String, Value>) -> Result<Vec<&Map<String, Value>>, Refusal> {
    let fields = record.get("fields").and_then(Value::as_array).filter(|fields| !fields.is_empty());
    let fields = fields.ok_or("a record without fields")?.iter();
    fields
        .map(|field| field.as_object().ok_or_else(|| "a field that is no object".to_owned()))
        .collect()
}

/// Names have letters of ASCII, digits and underscores, which Hive's grammar of types takes as they are.
fn field_name(field: &Map<String, Value>) -> Result<&str, Refusal> {
    let name = text(field, "name").ok_or("a field without a name")?;
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match !name.is_empty() && name.bytes().all(stands) {
        true => Ok(name),
        false => Err(format!("a field is called `{name}`")),
    }
}

fn primitive(name: &str) -> Option<&'static str> {
    Some(match name {
        "boolean" => "boolean",
        "int" => "int",
        "long" => "bigint",
        "float" => "float",
        "double" => "double",
        "bytes" => "binary",
        "string" => "string",
        _ => return None,
    })
}

/// Hive takes no notice of the logical types that it does not know: microseconds are whole numbers.
fn logical(object: &Map<String, Value>, kind: &str, hive_type: &str) -> Result<String, Refusal> {
    let number = |key: &str| object.get(key).and_then(Value::as_u64);
    Ok(match (kind, text(object, "logicalType")) {
        ("int", Some("date")) => "date".to_owned(),
        ("long", Some("timestamp-millis")) => "timestamp".to_owned(),
        ("bytes", Some("decimal")) => {
            let precision = number("precision").ok_or("a decimal without a precision")?;
            format!("decimal({precision},{})", number("scale").unwrap_or_default())
        }
        ("string", Some(length @ ("char" | "varchar"))) => {
            let most = number("maxLength").ok_or("a text without its `maxLength`")?;
            format!("{length}({most})")
        }
        // Sixteen bytes to the reader.
        ("string", Some("uuid")) => return Err("a text that is `uuid`".to_owned()),
        _ => hive_type.to_owned(),
    })
}

/// What rows have for a column that their file lacks, as text that is cast to the column's type.
fn missing(default: &Value, hive_type: &str) -> Result<String, Refusal> {
    let is_text = ["string", "char(", "varchar("].iter().any(|text| hive_type.starts_with(text));
    let value = match (default, hive_type) {
        (Value::String(text), _) if is_text => Some(text.clone()),
        (Value::Bool(value), "boolean") => Some(value.to_string()),
        (Value::Number(number), "int") => {
            number.as_i64().filter(|it| i32::try_from(*it).is_ok()).map(|it| it.to_string())
        }
        (Value::Number(number), "bigint") => number.as_i64().map(|it| it.to_string()),
        (Value::Number(number), "float" | "double") => Some(number.to_string()),
        _ => None,
    };
    value.ok_or_else(|| format!("the default `{default}` of a `{hive_type}`"))
}

#[cfg(test)]
mod tests;
