//! Which type a column of a table has when a file has it in one of Arrow's many forms.

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use mooring_spi::{CHARACTER_LENGTH, MISSING_VALUE, PADDED_LENGTH, STORED_UNPADDED};
use std::sync::Arc;

/// The schema with every column in the form that tables use.
pub(super) fn table_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(table_field).collect();
    Arc::new(Schema::new(fields))
}

/// The same with all that is said of the columns, for people.
pub(super) fn described_schema(schema: &Schema) -> SchemaRef {
    let described = |field: &FieldRef| {
        table_field(field).as_ref().clone().with_metadata(field.metadata().clone())
    };
    let fields: Vec<Field> = schema.fields().iter().map(described).collect();
    Arc::new(Schema::new(fields))
}

/// One type per kind of value: plain text and bytes, timestamps in microseconds and, with a zone,
/// as UTC instants. What has one form only stays.
pub(super) fn table_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => table_type(values),
        DataType::RunEndEncoded(_, values) => table_type(values.data_type()),
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into()))
        }
        DataType::Date64 => DataType::Date32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Float16 => DataType::Float32,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(table_field(item)),
        DataType::FixedSizeList(item, length) => {
            DataType::FixedSizeList(table_field(item), *length)
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(table_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(table_field(entries), *sorted),
        other => other.clone(),
    }
}

/// Whether values of two columns compare as the same [`mooring_spi::Value`]s, in the same order.
pub(super) fn comparable(table: &DataType, file: &DataType) -> bool {
    match (table, file) {
        (DataType::Decimal128(_, table_scale), DataType::Decimal128(_, file_scale)) => {
            table_scale == file_scale
        }
        _ => {
            table == file
                || (table.is_signed_integer() && file.is_signed_integer())
                || (table.is_unsigned_integer() && file.is_unsigned_integer())
        }
    }
}

/// Of what a field says beside its type only what readers must know is kept.
fn table_field(field: &FieldRef) -> FieldRef {
    let known = [CHARACTER_LENGTH, PADDED_LENGTH, STORED_UNPADDED, MISSING_VALUE].into_iter();
    let kept = known.filter_map(|key| Some((key.to_owned(), field.metadata().get(key)?.clone())));
    let kept = kept.collect();
    let data_type = table_type(field.data_type());
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()).with_metadata(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_kind_become_one_type() {
        let second =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Second, zone.map(Into::into));
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let dictionary =
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8View));
        for (file, table) in [
            (DataType::Utf8View, DataType::Utf8),
            (DataType::LargeBinary, DataType::Binary),
            (dictionary, DataType::Utf8),
            (second(None), micros(None)),
            (second(Some("+02:00")), micros(Some("UTC"))),
            (DataType::Int16, DataType::Int16),
        ] {
            assert_eq!(table_type(&file), table);
        }
    }

    /// Bounds of instants say nothing of wall time, whose zone is the reader's to find.
    #[test]
    fn instants_do_not_compare_with_wall_time() {
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        assert!(comparable(&micros(None), &micros(None)));
        assert!(comparable(&micros(Some("UTC")), &micros(Some("UTC"))));
        assert!(!comparable(&micros(None), &micros(Some("UTC"))));
        assert!(!comparable(&micros(Some("UTC")), &micros(None)));
    }

    #[test]
    fn lengths_of_texts_are_kept() {
        let metadata = [("comment", "a note"), (PADDED_LENGTH, "5"), (STORED_UNPADDED, "true")];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let field = Field::new("c", DataType::Utf8View, true).with_metadata(metadata.into());
        let schema = Schema::new(vec![field]);
        let keys = |schema: &Schema| {
            let mut keys: Vec<String> = schema.field(0).metadata().keys().cloned().collect();
            keys.sort();
            keys
        };
        assert_eq!(keys(&table_schema(&schema)), [PADDED_LENGTH, STORED_UNPADDED]);
        let described = described_schema(&schema);
        assert_eq!(keys(&described), ["comment", PADDED_LENGTH, STORED_UNPADDED]);
        assert_eq!(described.field(0).data_type(), &DataType::Utf8);
    }

    #[test]
    fn nested_types_are_mapped_inside() {
        let list = |item| DataType::List(Arc::new(Field::new("item", item, true)));
        assert_eq!(table_type(&list(DataType::Utf8View)), list(DataType::Utf8));
    }
}
