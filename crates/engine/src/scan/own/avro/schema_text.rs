//! The schema that arrow-avro is given: of the columns that are read, and with every type written out where it
//! is used. References, namespaces and resolving of one schema into another are no part of it.

use super::schema::{Refused, quoted};
use super::types::{Decimal, Field, Kind, Node};
use serde_json::{Value, json};

/// How many types may be read. arrow-avro takes memory for 1,024 values of each beforehand.
const TYPES_MAX: u64 = 10_000;

/// How long names and symbols may be; arrow-avro keeps them once for each type around them.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// Arrow's widest decimal.
const DECIMAL_BYTES_MAX: usize = 32;
const DECIMAL_DIGITS_MAX: u64 = 76;

/// A schema of the columns, none of which is empty; what they are called is of no meaning.
///
/// # Errors
/// `Unsupported` for types that Arrow or arrow-avro lack, `LimitExceeded` for too many.
pub(super) fn schema_text(columns: &[&Field]) -> Result<String, Refused> {
    let sum = |sum: u64, number: u64| sum.saturating_add(number);
    let types = columns.iter().map(|column| column.node.types).fold(0, sum);
    let text_bytes = columns.iter().map(|column| column.node.text_bytes).fold(0, sum);
    if types > TYPES_MAX || text_bytes > TEXT_BYTES_MAX {
        let message = format!(
            "the columns that are read have {types} types, with {text_bytes} bytes of names and symbols, and at \
             most {TYPES_MAX} with {TEXT_BYTES_MAX} are read"
        );
        return Err(Refused::limit(message));
    }
    let mut fields = Vec::with_capacity(columns.len());
    for (place, column) in columns.iter().enumerate() {
        let node = written(&column.node).map_err(|refused| refused.in_field(&column.name))?;
        fields.push(json!({"name": format!("c{place}"), "type": node}));
    }
    Ok(json!({"type": "record", "name": "row", "fields": fields}).to_string())
}

fn written(node: &Node) -> Result<Value, Refused> {
    Ok(match &node.kind {
        Kind::Null => json!("null"),
        Kind::Boolean => json!("boolean"),
        Kind::Int(None) => json!("int"),
        Kind::Int(Some(meaning)) => json!({"type": "int", "logicalType": meaning.name()}),
        Kind::Long(None) => json!("long"),
        Kind::Long(Some(meaning)) => json!({"type": "long", "logicalType": meaning.name()}),
        Kind::Float => json!("float"),
        Kind::Double => json!("double"),
        Kind::Bytes(None) => json!("bytes"),
        Kind::Bytes(Some(decimal)) => with_decimal(json!({"type": "bytes"}), *decimal)?,
        Kind::String => json!("string"),
        Kind::Fixed { name, bytes, decimal } => fixed(name, *bytes, *decimal)?,
        Kind::Enum { name, symbols } => {
            let symbols =
                symbols.iter().map(|symbol| plain(symbol)).collect::<Result<Vec<_>, Refused>>()?;
            json!({"type": "enum", "name": plain(name)?, "symbols": symbols})
        }
        Kind::Array(items) => json!({"type": "array", "items": written(items)?}),
        Kind::Map(values) if values.is_empty() => {
            return Err(Refused::unsupported("a map whose values take no bytes"));
        }
        Kind::Map(values) => json!({"type": "map", "values": written(values)?}),
        Kind::Record { name, fields } => {
            let mut listed = Vec::with_capacity(fields.len());
            for field in fields {
                let node = written(&field.node).map_err(|refused| refused.in_field(&field.name))?;
                listed.push(json!({"name": plain(&field.name)?, "type": node}));
            }
            json!({"type": "record", "name": plain(name)?, "fields": listed})
        }
        Kind::Union(branches) => {
            // A column has one type: of the others, there would be nulls.
            if branches.iter().filter(|branch| branch.kind != Kind::Null).count() > 1 {
                return Err(Refused::unsupported("a union of several types that are not null"));
            }
            let mut listed = Vec::with_capacity(branches.len());
            for branch in branches {
                if branch.is_empty() && branch.kind != Kind::Null {
                    return Err(Refused::unsupported("a union with a record without fields"));
                }
                listed.push(written(branch)?);
            }
            Value::Array(listed)
        }
    })
}

fn fixed(name: &str, bytes: usize, decimal: Option<Decimal>) -> Result<Value, Refused> {
    let fixed = json!({"type": "fixed", "name": plain(name)?, "size": bytes});
    match decimal {
        None => Ok(fixed),
        Some(_) if bytes > DECIMAL_BYTES_MAX => {
            let message =
                format!("a decimal of {bytes} bytes, and at most {DECIMAL_BYTES_MAX} are read");
            Err(Refused::unsupported(message))
        }
        Some(decimal) => with_decimal(fixed, decimal),
    }
}

fn with_decimal(mut json: Value, decimal: Decimal) -> Result<Value, Refused> {
    let Decimal { precision, scale } = decimal;
    if precision > DECIMAL_DIGITS_MAX {
        let message =
            format!("a decimal of {precision} digits, and at most {DECIMAL_DIGITS_MAX} are read");
        return Err(Refused::unsupported(message));
    }
    json["logicalType"] = json!("decimal");
    json["precision"] = json!(precision);
    json["scale"] = json!(scale);
    Ok(json)
}

/// A name that stands in JSON as it is: arrow-avro reads no others. The specification has letters, digits and
/// `_` alone.
fn plain(name: &str) -> Result<&str, Refused> {
    let is_plain = |letter: char| letter >= ' ' && letter != '"' && letter != '\\';
    match name.chars().all(is_plain) {
        true => Ok(name),
        false => Err(Refused::unsupported(format!("the name {}", quoted(name)))),
    }
}
