//! Parquet files whose columns have other names than the table's: in another case, or found by their
//! place. The footer that a reader sees has the table's names, at every depth, so that all that goes by
//! names (types, statistics, page indexes, bloom filters, rows) finds its column.

use super::shown_footers::FooterChange;
use datafusion::arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use mooring_spi::{ColumnMatch, pick_name};
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataBuilder};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};
use std::sync::Arc;

/// Footers have the names of `columns`.
#[derive(Debug)]
pub(super) struct TableNames {
    /// All columns of the table that files hold.
    pub columns: SchemaRef,
    pub by: ColumnMatch,
}

impl FooterChange for TableNames {
    fn shown(&self, footer: &ParquetMetaData) -> ParquetResult<Option<ParquetMetaData>> {
        let root = renamed_root(footer, self.columns.fields(), self.by)?;
        Ok(root.map(|root| with_schema(footer, root)))
    }
}

/// The file's schema with the table's names; `None` where it has them.
///
/// # Errors
/// When two columns of the file differ in the case of their names only, and neither is exactly the
/// table's.
fn renamed_root(
    metadata: &ParquetMetaData,
    columns: &Fields,
    by: ColumnMatch,
) -> ParquetResult<Option<Type>> {
    let root = metadata.file_metadata().schema_descr().root_schema();
    let names = match by {
        ColumnMatch::Name => names_in_file(root.get_fields(), columns)?,
        ColumnMatch::Position => names_by_place(root.get_fields(), columns),
    };
    let mut changed = false;
    let mut fields = Vec::with_capacity(names.len());
    for (field, (name, column)) in root.get_fields().iter().zip(names) {
        let renamed = renamed(field, &name, column.map(|column| column.data_type()))?;
        changed |= !Arc::ptr_eq(&renamed, field);
        fields.push(renamed);
    }
    match changed {
        true => Type::group_type_builder(root.name()).with_fields(fields).build().map(Some),
        false => Ok(None),
    }
}

/// What each field is called, and the table's field that it is.
type Name<'a> = (String, Option<&'a FieldRef>);

fn names_in_file<'a>(fields: &[TypePtr], columns: &'a Fields) -> ParquetResult<Vec<Name<'a>>> {
    let in_file: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    let mut names: Vec<Name<'a>> = in_file.iter().map(|name| ((*name).to_owned(), None)).collect();
    for column in columns {
        let found = pick_name(column.name(), in_file.iter().copied())
            .map_err(|error| ParquetError::General(format!("column {}", error.message())))?;
        let place = found.and_then(|found| in_file.iter().position(|name| *name == found));
        // A table may have both spellings, from files of two writers.
        if let Some(place) = place
            && (found == Some(column.name()) || names[place].1.is_none())
        {
            names[place] = (column.name().clone(), Some(column));
        }
    }
    Ok(names)
}

/// What stands beyond the table's columns gets names that no column has.
fn names_by_place<'a>(fields: &[TypePtr], columns: &'a Fields) -> Vec<Name<'a>> {
    let name = |place: usize, field: &TypePtr| match columns.get(place) {
        Some(column) => (column.name().clone(), Some(column)),
        None => (format!("{} beyond the table's columns, {place}", field.name()), None),
    };
    fields.iter().enumerate().map(|(place, field)| name(place, field)).collect()
}

/// The same field with a name, and with the names of `data_type` inside it.
fn renamed(field: &TypePtr, name: &str, data_type: Option<&DataType>) -> ParquetResult<TypePtr> {
    let inside = match data_type {
        Some(data_type) if field.is_group() => renamed_fields(field, data_type)?,
        _ => None,
    };
    if field.name() == name && inside.is_none() {
        return Ok(field.clone());
    }
    let info = field.get_basic_info();
    let id = info.has_id().then(|| info.id());
    let renamed = match field.as_ref() {
        Type::PrimitiveType { physical_type, type_length, scale, precision, .. } => {
            Type::primitive_type_builder(name, *physical_type)
                .with_repetition(info.repetition())
                .with_converted_type(info.converted_type())
                .with_logical_type(info.logical_type_ref().cloned())
                .with_length(*type_length)
                .with_scale(*scale)
                .with_precision(*precision)
                .with_id(id)
                .build()
        }
        Type::GroupType { fields, .. } => Type::group_type_builder(name)
            .with_repetition(info.repetition())
            .with_converted_type(info.converted_type())
            .with_logical_type(info.logical_type_ref().cloned())
            .with_fields(inside.unwrap_or_else(|| fields.clone()))
            .with_id(id)
            .build(),
    };
    renamed.map(Arc::new)
}

/// The fields of a group with the names of `data_type`; `None` where they have them.
fn renamed_fields(group: &TypePtr, data_type: &DataType) -> ParquetResult<Option<Vec<TypePtr>>> {
    let fields = group.get_fields();
    let renamed: Vec<TypePtr> = match data_type {
        DataType::Struct(columns) => {
            let names = names_in_file(fields, columns)?;
            let pairs = fields.iter().zip(names);
            pairs
                .map(|(field, (name, column))| {
                    renamed(field, &name, column.map(|column| column.data_type()))
                })
                .collect::<ParquetResult<_>>()?
        }
        // Between a list and its items stands a group that repeats, or the item itself repeats.
        DataType::List(item) => match fields {
            [repeated] => vec![match repeated.is_group() && repeated.get_fields().len() == 1 {
                true => {
                    let element = &repeated.get_fields()[0];
                    let element = renamed(element, element.name(), Some(item.data_type()))?;
                    with_fields(repeated, vec![element])?
                }
                false => renamed(repeated, repeated.name(), Some(item.data_type()))?,
            }],
            _ => return Ok(None),
        },
        DataType::Map(entries, _) => match (fields, entries.data_type()) {
            ([repeated], DataType::Struct(pair)) if repeated.is_group() => {
                // Keys and values are found by their place.
                let parts = repeated.get_fields().iter().zip(pair);
                let parts =
                    parts.map(|(part, field)| renamed(part, part.name(), Some(field.data_type())));
                vec![with_fields(repeated, parts.collect::<ParquetResult<_>>()?)?]
            }
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let same = renamed.iter().zip(fields).all(|(renamed, field)| Arc::ptr_eq(renamed, field));
    Ok((!same).then_some(renamed))
}

fn with_fields(group: &TypePtr, fields: Vec<TypePtr>) -> ParquetResult<TypePtr> {
    let old = group.get_fields();
    if old.len() != fields.len() || old.iter().zip(&fields).all(|(old, new)| Arc::ptr_eq(old, new))
    {
        return Ok(group.clone());
    }
    let info = group.get_basic_info();
    Type::group_type_builder(group.name())
        .with_repetition(info.repetition())
        .with_converted_type(info.converted_type())
        .with_logical_type(info.logical_type_ref().cloned())
        .with_fields(fields)
        .with_id(info.has_id().then(|| info.id()))
        .build()
        .map(Arc::new)
}

/// The same footer with another schema, which differs in names only.
fn with_schema(metadata: &ParquetMetaData, root: Type) -> ParquetMetaData {
    // Arrow's own schema has the file's names.
    let pairs = metadata.file_metadata().key_value_metadata().map(|pairs| {
        pairs.iter().filter(|pair| pair.key != ARROW_SCHEMA_META_KEY).cloned().collect()
    });
    rebuilt(metadata, Arc::new(SchemaDescriptor::new(Arc::new(root))), pairs)
}

/// The same footer with another schema of the same columns, and other pairs of keys and values.
pub(super) fn rebuilt(
    metadata: &ParquetMetaData,
    schema: SchemaDescPtr,
    pairs: Option<Vec<KeyValue>>,
) -> ParquetMetaData {
    let file = metadata.file_metadata();
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        pairs,
        schema,
        file.column_orders().cloned(),
    );
    ParquetMetaDataBuilder::new(file)
        .set_row_groups(metadata.row_groups().to_vec())
        .set_column_index(metadata.column_index().cloned())
        .set_offset_index(metadata.offset_index().cloned())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Field;
    use parquet::schema::parser::parse_message_type;

    fn footer(message: &str) -> ParquetMetaData {
        let root = Arc::new(parse_message_type(message).expect(message));
        let schema = Arc::new(SchemaDescriptor::new(root));
        let file = FileMetaData::new(1, 0, None, None, schema, None);
        ParquetMetaDataBuilder::new(file).build()
    }

    /// The paths of all leaves as a reader finds them.
    fn leaves(message: &str, columns: &Fields, by: ColumnMatch) -> ParquetResult<Vec<String>> {
        let footer = footer(message);
        let renamed = match renamed_root(&footer, columns, by)? {
            Some(root) => with_schema(&footer, root),
            None => footer,
        };
        let schema = renamed.file_metadata().schema_descr();
        Ok(schema.columns().iter().map(|column| column.path().string()).collect())
    }

    fn field(name: &str, data_type: DataType) -> Field {
        Field::new(name, data_type, true)
    }

    fn structure(name: &str) -> DataType {
        DataType::Struct(Fields::from(vec![field(name, DataType::Int32)]))
    }

    const NESTED: &str = "message m {
        optional int64 OrderId;
        optional group ShipTo { optional int32 ZIP; optional int32 other; }
        optional group Items (LIST) { repeated group list { optional group element { optional int32 ZIP; } } }
        optional group Old (LIST) { repeated group array { optional int32 ZIP; optional int32 b; } }
        optional group ByName (MAP) { repeated group key_value {
            required binary key (UTF8); optional group value { optional int32 ZIP; } } }
    }";

    #[test]
    fn names_have_the_tables_case_at_every_depth() {
        let item = Arc::new(field("element", structure("zip")));
        let pair = Fields::from(vec![
            Field::new("key", DataType::Utf8, false),
            field("value", structure("zip")),
        ]);
        let entries = Arc::new(Field::new("entries", DataType::Struct(pair), false));
        let columns = Fields::from(vec![
            field("orderid", DataType::Int64),
            field("shipto", structure("zip")),
            field("items", DataType::List(item.clone())),
            field("old", DataType::List(item)),
            field("byname", DataType::Map(entries, false)),
            field("added", DataType::Int32),
        ]);
        let found = leaves(NESTED, &columns, ColumnMatch::Name).expect("renamed");
        assert_eq!(
            found,
            [
                "orderid",
                "shipto.zip",
                "shipto.other",
                "items.list.element.zip",
                "old.array.zip",
                "old.array.b",
                "byname.key_value.key",
                "byname.key_value.value.zip",
            ]
        );
    }

    #[test]
    fn a_file_with_the_tables_names_stays_as_it_is() {
        let message = "message m { optional int32 a; optional int32 B; }";
        let columns = Fields::from(vec![field("B", DataType::Int32), field("c", DataType::Int32)]);
        let root = renamed_root(&footer(message), &columns, ColumnMatch::Name).expect("read");
        assert!(root.is_none());
    }

    #[test]
    fn an_exact_name_wins_and_two_others_are_an_error() {
        let message = "message m { optional int32 a; optional int32 A; }";
        let both = Fields::from(vec![field("A", DataType::Int32), field("a", DataType::Int32)]);
        assert_eq!(leaves(message, &both, ColumnMatch::Name).expect("read"), ["a", "A"]);
        let upper = Fields::from(vec![field("A", DataType::Int32)]);
        assert_eq!(leaves(message, &upper, ColumnMatch::Name).expect("read"), ["a", "A"]);
        let message = "message m { optional int32 aB; optional int32 Ab; }";
        let folded = Fields::from(vec![field("ab", DataType::Int32)]);
        let error = leaves(message, &folded, ColumnMatch::Name).expect_err("two of them");
        assert!(error.to_string().contains("aB") && error.to_string().contains("Ab"), "{error}");
    }

    #[test]
    fn places_count_where_the_table_says_so() {
        let message = "message m { optional int32 x; optional int32 y; optional int32 a; }";
        let columns = Fields::from(vec![field("a", DataType::Int32), field("b", DataType::Int32)]);
        let found = leaves(message, &columns, ColumnMatch::Position).expect("renamed");
        assert_eq!(found[..2], ["a", "b"]);
        assert_ne!(found[2], "a");
    }
}
