//! A writer's schema, which is JSON, as a tree of types ("Schema Declaration", "Names" and "Logical Types" of
//! the specification).

use super::types::{Decimal, Field, IntMeaning, Kind, LongMeaning, Node};
use super::{ROW_BYTES_MAX, unread};
use mooring_spi::{Error, ErrorKind, Result};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// As text; in memory it is some 30 times as large.
const SCHEMA_BYTES_MAX: usize = 4 << 20;

/// How many types may lie within each other. Reading a value recurses, and arrow-avro reads what is written for
/// it with a parser that goes 127 brackets deep, of which a record takes three.
const DEPTH_MAX: usize = 32;

/// The fields of the record that each row is, in their order.
///
/// # Errors
/// `CorruptData` for what is no schema; `Unsupported` for one of no record, for types that contain themselves,
/// and for arrays whose items take no bytes, so that any number of them costs nothing to claim;
/// `LimitExceeded` for one that is too long or too deep.
pub(super) fn columns(schema: &[u8]) -> Result<Vec<Field>> {
    parsed(schema).map_err(Refused::into_error)
}

fn parsed(schema: &[u8]) -> Result<Vec<Field>, Refused> {
    if schema.len() > SCHEMA_BYTES_MAX {
        let message =
            format!("it has {} bytes, and at most {SCHEMA_BYTES_MAX} are read", schema.len());
        return Err(Refused::limit(message));
    }
    let json: Value = serde_json::from_slice(schema)
        .map_err(|error| Refused::corrupt(format!("it is no JSON: {error}")))?;
    let Some(root) = root(&json) else {
        return Err(Refused::unsupported("it is not of a record, and rows are records"));
    };
    let (_, columns) = Parser::default().record(root, "")?;
    if columns.iter().all(|column| column.node.is_empty()) {
        return Err(Refused::unsupported("no field of its record takes any bytes"));
    }
    Ok(columns)
}

/// What is wrong with a schema.
pub(super) struct Refused {
    kind: ErrorKind,
    message: String,
}

impl Refused {
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::CorruptData, message: message.into() }
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Unsupported, message: message.into() }
    }

    pub fn limit(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::LimitExceeded, message: message.into() }
    }

    /// The same with the field in which it is.
    pub fn in_field(self, name: &str) -> Self {
        Self { message: format!("field {}: {}", quoted(name), self.message), ..self }
    }

    pub fn into_error(self) -> Error {
        unread(self.kind, format!("its schema: {}", self.message))
    }
}

/// A name for a message, of which a file may have a long one.
pub(super) fn quoted(name: &str) -> String {
    let start: String = name.chars().take(100).collect();
    format!("`{}`", start.escape_debug())
}

/// Writers put definitions in place of the name of a type, also where that changes nothing.
fn root(json: &Value) -> Option<&Map<String, Value>> {
    let object = json.as_object()?;
    match object.get("type")? {
        Value::String(kind) if is_record(kind) => Some(object),
        inner => root(inner),
    }
}

/// Errors of protocols are records.
fn is_record(kind: &str) -> bool {
    matches!(kind, "record" | "error")
}

/// What a name stands for.
enum Named {
    /// It is being defined: who refers to it contains itself.
    Open,
    Defined(Arc<Node>),
    /// Several definitions. Each is what it says, and a reference is neither.
    Twice,
}

#[derive(Default)]
struct Parser {
    /// By full names.
    names: HashMap<String, Named>,
}

impl Parser {
    /// `namespace` is the one around it, empty for none.
    fn node(&mut self, json: &Value, namespace: &str) -> Result<Arc<Node>, Refused> {
        match json {
            Value::String(name) => match primitive(name) {
                Some(kind) => closed(kind),
                None => self.reference(name, namespace),
            },
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(object) => match object.get("type") {
                Some(Value::String(kind)) => self.object(kind, object, namespace),
                Some(inner) => self.node(inner, namespace),
                None => Err(Refused::corrupt("a type without `type`")),
            },
            _ => Err(Refused::corrupt(format!("`{json}` in the place of a type"))),
        }
    }

    fn object(
        &mut self,
        kind: &str,
        object: &Map<String, Value>,
        namespace: &str,
    ) -> Result<Arc<Node>, Refused> {
        match kind {
            "array" => {
                let items = self.part(object, "items", namespace)?;
                if items.is_empty() {
                    return Err(Refused::unsupported("an array whose items take no bytes"));
                }
                closed(Kind::Array(items))
            }
            "map" => closed(Kind::Map(self.part(object, "values", namespace)?)),
            "enum" => {
                let (name, _) = self.define(object, namespace)?;
                let node = closed(Kind::Enum { name: name.clone(), symbols: symbols(object)? })?;
                Ok(self.defined(name, node))
            }
            "fixed" => {
                let (name, _) = self.define(object, namespace)?;
                let node = closed(fixed(name.clone(), object)?)?;
                Ok(self.defined(name, node))
            }
            kind if is_record(kind) => {
                let (name, mut fields) = self.record(object, namespace)?;
                fields.retain(|field| !field.node.is_empty());
                let node = closed(Kind::Record { name: name.clone(), fields })?;
                Ok(self.defined(name, node))
            }
            name => match primitive(name) {
                Some(kind) => closed(with_meaning(kind, object)),
                None => self.reference(name, namespace),
            },
        }
    }

    fn part(
        &mut self,
        object: &Map<String, Value>,
        key: &str,
        namespace: &str,
    ) -> Result<Arc<Node>, Refused> {
        match object.get(key) {
            Some(part) => self.node(part, namespace),
            None => Err(Refused::corrupt(format!("a type without `{key}`"))),
        }
    }

    /// Its full name and all of its fields.
    fn record(
        &mut self,
        object: &Map<String, Value>,
        namespace: &str,
    ) -> Result<(String, Vec<Field>), Refused> {
        let (name, namespace) = self.define(object, namespace)?;
        let Some(Value::Array(listed)) = object.get("fields") else {
            let message = format!("record {} has no list of `fields`", quoted(&name));
            return Err(Refused::corrupt(message));
        };
        let mut fields = Vec::with_capacity(listed.len());
        for field in listed {
            let Some(field_name) = field.get("name").and_then(Value::as_str) else {
                let message = format!("a field of record {} has no name", quoted(&name));
                return Err(Refused::corrupt(message));
            };
            let node = match field.get("type") {
                Some(kind) => self.node(kind, &namespace),
                None => Err(Refused::corrupt("it has no type")),
            };
            let node = node.map_err(|refused| refused.in_field(field_name))?;
            fields.push(Field { name: field_name.to_owned(), node });
        }
        Ok((name, fields))
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<Arc<Node>, Refused> {
        let mut nodes: Vec<Arc<Node>> = Vec::with_capacity(branches.len());
        let mut seen = HashMap::new();
        for branch in branches {
            let node = self.node(branch, namespace)?;
            let Some(name) = branch_name(&node.kind) else {
                return Err(Refused::corrupt("a union in a union"));
            };
            if seen.insert(name.to_owned(), ()).is_some() {
                return Err(Refused::corrupt(format!("a union of several {}", quoted(name))));
            }
            nodes.push(node);
        }
        match nodes.is_empty() {
            true => Err(Refused::corrupt("a union of nothing")),
            false => closed(Kind::Union(nodes)),
        }
    }

    /// The full name of a definition, and the namespace of what stands in it.
    fn define(
        &mut self,
        object: &Map<String, Value>,
        namespace: &str,
    ) -> Result<(String, String), Refused> {
        let Some(name) = object.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
        else {
            return Err(Refused::corrupt("a record, enum or fixed without a name"));
        };
        let (namespace, name) = match name.rsplit_once('.') {
            Some(parts) => parts,
            None => {
                let own = object.get("namespace").and_then(Value::as_str);
                (own.unwrap_or(namespace), name)
            }
        };
        let full_name = full_name(namespace, name);
        match self.names.entry(full_name.clone()) {
            Entry::Vacant(entry) => entry.insert(Named::Open),
            Entry::Occupied(entry) => {
                let known = entry.into_mut();
                *known = Named::Twice;
                known
            }
        };
        Ok((full_name, namespace.to_owned()))
    }

    /// The end of a definition.
    fn defined(&mut self, name: String, node: Arc<Node>) -> Arc<Node> {
        if let Some(named @ Named::Open) = self.names.get_mut(&name) {
            *named = Named::Defined(node.clone());
        }
        node
    }

    /// A name without a namespace is of the namespace around it or, as Avro's own readers have it, of none.
    fn reference(&self, name: &str, namespace: &str) -> Result<Arc<Node>, Refused> {
        let found = match name.rsplit_once('.') {
            Some((namespace, name)) => self.names.get(&full_name(namespace, name)),
            None => self.names.get(&full_name(namespace, name)).or_else(|| self.names.get(name)),
        };
        match found {
            Some(Named::Defined(node)) => Ok(node.clone()),
            Some(Named::Open) => {
                Err(Refused::unsupported(format!("type {} contains itself", quoted(name))))
            }
            Some(Named::Twice) => {
                Err(Refused::corrupt(format!("type {} is defined several times", quoted(name))))
            }
            None => {
                let message = format!("type {} is not defined before it is used", quoted(name));
                Err(Refused::corrupt(message))
            }
        }
    }
}

fn full_name(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

/// What a type is called in a union, where each may stand once; none for a union.
fn branch_name(kind: &Kind) -> Option<&str> {
    Some(match kind {
        Kind::Null => "null",
        Kind::Boolean => "boolean",
        Kind::Int(_) => "int",
        Kind::Long(_) => "long",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Bytes(_) => "bytes",
        Kind::String => "string",
        Kind::Array(_) => "array",
        Kind::Map(_) => "map",
        Kind::Fixed { name, .. } | Kind::Enum { name, .. } | Kind::Record { name, .. } => name,
        Kind::Union(_) => return None,
    })
}

/// A node, unless it is too deep.
fn closed(kind: Kind) -> Result<Arc<Node>, Refused> {
    let node = Node::new(kind);
    if node.depth > DEPTH_MAX {
        return Err(Refused::limit(format!("more than {DEPTH_MAX} types lie within each other")));
    }
    Ok(Arc::new(node))
}

fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int(None),
        "long" => Kind::Long(None),
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes(None),
        "string" => Kind::String,
        _ => return None,
    })
}

/// The type with what its `logicalType` makes of it. One that is unknown or invalid counts as absent ("Logical
/// Types"), and so does `uuid`, of which the text is what a table has.
fn with_meaning(kind: Kind, object: &Map<String, Value>) -> Kind {
    let Some(logical) = object.get("logicalType").and_then(Value::as_str) else { return kind };
    match kind {
        Kind::Int(_) => {
            Kind::Int(IntMeaning::ALL.into_iter().find(|meaning| meaning.name() == logical))
        }
        Kind::Long(_) => {
            Kind::Long(LongMeaning::ALL.into_iter().find(|meaning| meaning.name() == logical))
        }
        Kind::Bytes(_) if logical == "decimal" => Kind::Bytes(decimal(object)),
        other => other,
    }
}

fn decimal(object: &Map<String, Value>) -> Option<Decimal> {
    let precision = object.get("precision")?.as_u64()?;
    let scale = match object.get("scale") {
        Some(scale) => scale.as_u64()?,
        None => 0,
    };
    (precision > 0 && scale <= precision).then_some(Decimal { precision, scale })
}

fn fixed(name: String, object: &Map<String, Value>) -> Result<Kind, Refused> {
    let size = object.get("size").and_then(Value::as_u64);
    let bytes = match size.map(usize::try_from) {
        Some(Ok(bytes)) if bytes <= ROW_BYTES_MAX => bytes,
        Some(_) => {
            let message = format!("fixed {} has more than {ROW_BYTES_MAX} bytes", quoted(&name));
            return Err(Refused::limit(message));
        }
        None => {
            return Err(Refused::corrupt(format!("fixed {} has no `size`", quoted(&name))));
        }
    };
    if bytes == 0 {
        return Err(Refused::unsupported(format!("fixed {} has no bytes", quoted(&name))));
    }
    // A `duration` is its bytes: tables have no type for months, days and milliseconds in one.
    let decimal = match object.get("logicalType").and_then(Value::as_str) {
        Some("decimal") => decimal(object).filter(|decimal| fits(*decimal, bytes)),
        _ => None,
    };
    Ok(Kind::Fixed { name, bytes, decimal })
}

/// Whether as many digits can be in as many bytes: at most the logarithm of 2 to the power of their bits
/// without the sign.
fn fits(decimal: Decimal, bytes: usize) -> bool {
    let bits = (bytes as u64).saturating_mul(8).saturating_sub(1);
    decimal.precision <= bits.saturating_mul(30_103) / 100_000
}

fn symbols(object: &Map<String, Value>) -> Result<Vec<String>, Refused> {
    let symbols = object.get("symbols").and_then(Value::as_array).and_then(|symbols| {
        symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect()
    });
    symbols.ok_or_else(|| Refused::corrupt("an enum without a list of `symbols`"))
}
