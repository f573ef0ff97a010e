//! What a metastore is asked, and what it answers, as values that can be kept.

use mooring_spi::{
    ColumnProjection, Definition, Error, LocationPart, Metastore, PartitionDefinition,
    PartitionProjection, Predicate, Result, TableDefinition, TableSummary, Value, ViewDefinition,
    fold,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A schema and a table, folded: metastores whose answers are kept have no two names that differ in case
/// only. No table: the list of the schema's tables. No schema either: the list of schemas.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) schema: String,
    pub(super) table: String,
}

impl Place {
    pub(super) fn schemas() -> Self {
        Self::table("", "")
    }

    pub(super) fn tables(schema: &str) -> Self {
        Self::table(schema, "")
    }

    pub(super) fn table(schema: &str, table: &str) -> Self {
        Self { schema: fold(schema), table: fold(table) }
    }
}

/// What an answer is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) place: Place,
    of: Of,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Of {
    Names,
    Definition,
    /// Partitions belong to one definition of their table: under another one they are not found.
    Partitions {
        fingerprint: u64,
        predicate: String,
    },
    /// The same of their number.
    PartitionsTotal {
        fingerprint: u64,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Question {
    Schemas,
    Tables { schema: String },
    Table { schema: String, table: String },
    Partitions { table: Arc<TableDefinition>, predicate: Predicate },
    PartitionsTotal { table: Arc<TableDefinition> },
}

/// Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Schemas(Arc<Vec<String>>),
    Tables(Arc<Vec<TableSummary>>),
    Table(Option<Arc<Definition>>),
    Partitions(Option<Arc<Vec<PartitionDefinition>>>),
    PartitionsTotal(Option<u64>),
}

impl Question {
    /// Of the predicate only what is about partition columns: the more questions are alike the better.
    pub(super) fn partitions(table: &TableDefinition, predicate: &Predicate) -> Self {
        let columns = table.columns.fields();
        let first = columns.len().saturating_sub(table.partition_columns);
        let predicate = columns[first..]
            .iter()
            .filter_map(|column| predicate.get_key_value(column.name()))
            .map(|(name, domain)| (name.clone(), domain.clone()))
            .collect();
        Question::Partitions { table: Arc::new(table.clone()), predicate }
    }

    pub(super) fn key(&self) -> Key {
        match self {
            Question::Schemas => Key { place: Place::schemas(), of: Of::Names },
            Question::Tables { schema } => Key { place: Place::tables(schema), of: Of::Names },
            Question::Table { schema, table } => {
                Key { place: Place::table(schema, table), of: Of::Definition }
            }
            Question::Partitions { table, predicate } => {
                let fingerprint = fingerprint(table);
                // Not as JSON, which has no infinity and no NaN.
                let predicate = format!("{predicate:?}");
                Key {
                    place: Place::table(&table.schema_name, &table.name),
                    of: Of::Partitions { fingerprint, predicate },
                }
            }
            Question::PartitionsTotal { table } => Key {
                place: Place::table(&table.schema_name, &table.name),
                of: Of::PartitionsTotal { fingerprint: fingerprint(table) },
            },
        }
    }

    /// # Errors
    /// Those of the metastore.
    pub(super) async fn ask(&self, metastore: &dyn Metastore) -> Result<Answer> {
        Ok(match self {
            Question::Schemas => Answer::Schemas(Arc::new(metastore.schemas().await?)),
            Question::Tables { schema } => {
                Answer::Tables(Arc::new(metastore.tables(schema).await?))
            }
            Question::Table { schema, table } => {
                Answer::Table(metastore.table(schema, table).await?.map(Arc::new))
            }
            Question::Partitions { table, predicate } => {
                Answer::Partitions(metastore.partitions(table, predicate).await?.map(Arc::new))
            }
            Question::PartitionsTotal { table } => {
                Answer::PartitionsTotal(metastore.partitions_total(table).await?)
            }
        })
    }
}

impl Key {
    /// Whether a thing is or is not there by this answer: the thing's partitions go with it.
    pub(super) fn is_of_definition(&self) -> bool {
        matches!(self.of, Of::Definition)
    }

    fn size_bytes(&self) -> usize {
        let predicate = match &self.of {
            Of::Names | Of::Definition | Of::PartitionsTotal { .. } => 0,
            Of::Partitions { predicate, .. } => predicate.len(),
        };
        size_of::<Self>() + self.place.schema.len() + self.place.table.len() + predicate
    }
}

impl Answer {
    /// A table that is not there may be made at any time: that is asked for each time.
    pub(super) fn may_be_kept(&self) -> bool {
        !matches!(self, Answer::Table(None))
    }

    /// What an entry takes in memory, roughly.
    pub(super) fn size_bytes(&self, key: &Key) -> usize {
        let answer = match self {
            Answer::Schemas(names) => {
                names.iter().map(|name| size_of::<String>() + name.len()).sum()
            }
            Answer::Tables(tables) => {
                tables.iter().map(|table| size_of::<TableSummary>() + table.name.len()).sum()
            }
            Answer::Table(table) => table.as_ref().map_or(0, |table| definition_bytes(table)),
            Answer::Partitions(partitions) => partitions
                .iter()
                .flat_map(|partitions| partitions.iter())
                .map(partition_bytes)
                .sum(),
            Answer::PartitionsTotal(_) => 0,
        };
        ENTRY_BYTES + key.size_bytes() + answer
    }

    pub(super) fn into_schemas(self) -> Result<Vec<String>> {
        match self {
            Answer::Schemas(names) => Ok(Arc::unwrap_or_clone(names)),
            Answer::Tables(_)
            | Answer::Table(_)
            | Answer::Partitions(_)
            | Answer::PartitionsTotal(_) => Err(another()),
        }
    }

    pub(super) fn into_tables(self) -> Result<Vec<TableSummary>> {
        match self {
            Answer::Tables(tables) => Ok(Arc::unwrap_or_clone(tables)),
            Answer::Schemas(_)
            | Answer::Table(_)
            | Answer::Partitions(_)
            | Answer::PartitionsTotal(_) => Err(another()),
        }
    }

    pub(super) fn into_table(self) -> Result<Option<Definition>> {
        match self {
            Answer::Table(table) => Ok(table.map(Arc::unwrap_or_clone)),
            Answer::Schemas(_)
            | Answer::Tables(_)
            | Answer::Partitions(_)
            | Answer::PartitionsTotal(_) => Err(another()),
        }
    }

    /// As an answer of before: a table or a partition whose folder is gone may have moved since, so that it is
    /// no empty one. The error of that makes its query ask anew.
    pub(super) fn of_before(self) -> Self {
        match self {
            Answer::Table(Some(mut definition)) if may_be_absent(&definition) => {
                if let Definition::Table(table) = Arc::make_mut(&mut definition) {
                    table.may_be_absent = false;
                }
                Answer::Table(Some(definition))
            }
            Answer::Partitions(Some(mut partitions))
                if partitions.iter().any(|partition| partition.may_be_absent) =>
            {
                for partition in Arc::make_mut(&mut partitions) {
                    partition.may_be_absent = false;
                }
                Answer::Partitions(Some(partitions))
            }
            other @ (Answer::Schemas(_)
            | Answer::Tables(_)
            | Answer::Table(_)
            | Answer::Partitions(_)
            | Answer::PartitionsTotal(_)) => other,
        }
    }

    pub(super) fn into_partitions(self) -> Result<Option<Vec<PartitionDefinition>>> {
        match self {
            Answer::Partitions(partitions) => Ok(partitions.map(Arc::unwrap_or_clone)),
            Answer::Schemas(_)
            | Answer::Tables(_)
            | Answer::Table(_)
            | Answer::PartitionsTotal(_) => Err(another()),
        }
    }

    pub(super) fn into_partitions_total(self) -> Result<Option<u64>> {
        match self {
            Answer::PartitionsTotal(count) => Ok(count),
            Answer::Schemas(_) | Answer::Tables(_) | Answer::Table(_) | Answer::Partitions(_) => {
                Err(another())
            }
        }
    }
}

fn may_be_absent(definition: &Definition) -> bool {
    match definition {
        Definition::Table(table) => table.may_be_absent,
        Definition::View(_) => false,
    }
}

fn fingerprint(table: &TableDefinition) -> u64 {
    let mut hasher = DefaultHasher::new();
    table.hash(&mut hasher);
    hasher.finish()
}

/// What the cache itself takes of each entry.
const ENTRY_BYTES: usize = 256;

fn another() -> Error {
    Error::internal("a kept answer is one to another question")
}

fn definition_bytes(definition: &Definition) -> usize {
    match definition {
        Definition::Table(table) => table_bytes(table),
        Definition::View(view) => {
            size_of::<ViewDefinition>() + view.columns.fields().size() + view.sql.len()
        }
    }
}

fn table_bytes(table: &TableDefinition) -> usize {
    let options: usize = table
        .options
        .iter()
        .map(|(name, value)| 2 * size_of::<String>() + name.len() + value.len())
        .sum();
    let names = table.schema_name.len() + table.name.len() + table.location.len();
    let projection = table.partition_projection.as_ref().map_or(0, projection_bytes);
    size_of::<TableDefinition>() + table.columns.fields().size() + names + options + projection
}

fn projection_bytes(projection: &PartitionProjection) -> usize {
    let column = |column: &ColumnProjection| match column {
        ColumnProjection::Enumerated(values) => {
            values.iter().map(|value| size_of::<String>() + value.len()).sum()
        }
        ColumnProjection::Dates(dates) => dates.format.len(),
        ColumnProjection::Integers(_) | ColumnProjection::Injected => 0,
    };
    let part = |part: &LocationPart| match part {
        LocationPart::Text(text) => text.len(),
        LocationPart::Value(_) | LocationPart::EscapedValue(_) => 0,
    };
    let columns: usize = projection.columns.iter().map(column).sum();
    let parts: usize = projection.location.iter().map(part).sum();
    size_of_val(&*projection.columns) + columns + size_of_val(&*projection.location) + parts
}

fn partition_bytes(partition: &PartitionDefinition) -> usize {
    let value = |value: &Value| match value {
        Value::Text(text) => size_of::<Value>() + text.len(),
        Value::Binary(bytes) => size_of::<Value>() + bytes.len(),
        Value::Null
        | Value::Boolean(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::Decimal { .. }
        | Value::Date(_)
        | Value::Timestamp(_) => size_of::<Value>(),
    };
    let values: usize = partition.values.iter().map(value).sum();
    size_of::<PartitionDefinition>() + partition.location.len() + values
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use mooring_spi::{ColumnMatch, Domain, FileFormat, Range};
    use std::collections::HashMap;

    /// `id`, and the partition column `p`.
    fn table() -> TableDefinition {
        let columns =
            vec![Field::new("id", DataType::Int64, true), Field::new("p", DataType::Float64, true)];
        TableDefinition {
            schema_name: "s".to_owned(),
            name: "t".to_owned(),
            columns: Arc::new(Schema::new(columns)),
            partition_columns: 1,
            location: "file:///t/".to_owned(),
            format: FileFormat::Parquet,
            columns_by: ColumnMatch::default(),
            partition_projection: None,
            may_be_absent: false,
            compression: None,
            options: Default::default(),
        }
    }

    fn key(table: &TableDefinition, conditions: &[(&str, f64)]) -> Key {
        let domain = |value: &f64| Domain {
            ranges: vec![Range::exactly(Value::Float(*value))],
            nulls: false,
        };
        let conditions = conditions.iter().map(|(name, value)| ((*name).to_owned(), domain(value)));
        Question::partitions(table, &conditions.collect()).key()
    }

    #[test]
    fn questions_for_partitions_are_alike_by_definition_and_by_what_is_asked_of_partitions() {
        let one = key(&table(), &[("p", 1.0)]);
        assert_eq!(one, key(&table(), &[("p", 1.0), ("id", 7.0)]));
        assert_ne!(one, key(&table(), &[("p", 2.0)]));
        assert_ne!(key(&table(), &[("p", f64::NAN)]), key(&table(), &[("p", f64::INFINITY)]));
        let moved = TableDefinition { location: "file:///u/".to_owned(), ..table() };
        assert_ne!(one, key(&moved, &[("p", 1.0)]));
        let format = FileFormat::Json;
        assert_ne!(one, key(&TableDefinition { format, ..table() }, &[("p", 1.0)]));
    }

    #[test]
    fn a_definition_with_many_notes_has_one_fingerprint() {
        // A map has another order each time.
        let noted = || {
            let notes: HashMap<String, String> =
                (0..50).map(|number| (number.to_string(), "note".to_owned())).collect();
            let column = Field::new("p", DataType::Float64, true).with_metadata(notes);
            TableDefinition { columns: Arc::new(Schema::new(vec![column])), ..table() }
        };
        assert_eq!(key(&noted(), &[]), key(&noted(), &[]));
        assert_ne!(key(&noted(), &[]), key(&table(), &[]));
    }

    #[test]
    fn what_is_larger_weighs_more() {
        let size = |table: &TableDefinition| {
            let answer = Answer::Table(Some(Arc::new(Definition::Table(table.clone()))));
            answer.size_bytes(&key(table, &[]))
        };
        let small = table();
        let fields = (0..1000).map(|number| Field::new(number.to_string(), DataType::Utf8, true));
        let wide = TableDefinition {
            columns: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            ..table()
        };
        assert!(size(&wide) > size(&small) + 1000 * size_of::<Field>());
        let name = "n".repeat(5000);
        let named = TableDefinition { name, ..table() };
        // In the definition and in the key.
        assert!(size(&named) >= size(&small) + 9_000);
        let none = Answer::Partitions(Some(Arc::default()));
        let conditions = key(&small, &[("p", 1.0)]);
        assert!(none.size_bytes(&conditions) > none.size_bytes(&key(&small, &[])));
    }
}
